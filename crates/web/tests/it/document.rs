//! The OpenAPI file, and whether what goes over the wire is as it states.

use std::sync::LazyLock;

use pushback_model::Timestamp;
use serde_json::{Map, Value};

static FILE: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../../docs/reference/openapi.json")).unwrap()
});

/// Whose schema: a server refuses what is not stated, so that nothing else may be in its answers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Request,
    Answer,
}

/// The operation behind a request; `None` for pages.
pub(crate) fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let path = path.split('?').next()?;
    let fits = |template: &str| {
        let (mut stated, mut given) = (template.split('/'), path.split('/'));
        loop {
            match (stated.next(), given.next()) {
                (None, None) => return true,
                (Some(stated), Some(given)) if stated == given || stated.starts_with('{') => {}
                _ => return false,
            }
        }
    };
    // An exact path goes before a template, as in the router.
    let paths = FILE["paths"].as_object().unwrap();
    let item = paths.get(path).or_else(|| paths.iter().find(|(p, _)| fits(p)).map(|(_, i)| i))?;
    item.get(method.to_lowercase())
}

/// Every method and path that the file states.
pub(crate) fn routes() -> impl Iterator<Item = (&'static str, &'static str)> {
    let paths = FILE["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, item)| {
        let methods = [("get", "GET"), ("post", "POST"), ("put", "PUT"), ("delete", "DELETE")];
        let stated = methods.into_iter().filter(|(name, _)| item.get(*name).is_some());
        stated.map(|(_, method)| (method, path.as_str()))
    })
}

/// Fails if an accepted request is not as the file states.
pub(crate) fn check_request(operation: &Value, body: &[u8]) {
    let stated = &operation["requestBody"]["content"]["application/json"]["schema"];
    if stated.is_null() {
        return;
    }
    let body: Value = serde_json::from_slice(body).unwrap();
    check(stated, &body, Side::Request).unwrap_or_else(|error| panic!("{error}: {body:#}"));
}

/// Fails if an answer is not as the file states.
pub(crate) fn check_answer(operation: &Value, status: u16, kind: Option<&str>, body: &[u8]) {
    let name = operation["operationId"].as_str().unwrap();
    let stated = resolve(&operation["responses"][status.to_string()]);
    assert!(!stated.is_null(), "{name} answers {status}, which is not stated");
    let Some(kinds) = stated["content"].as_object() else {
        assert!(body.is_empty(), "{name} {status} has a body, which is not stated");
        return;
    };
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default();
    let content = kinds.get(kind).unwrap_or_else(|| panic!("{name} {status} is {kind:?}"));
    if kind.ends_with("json") {
        let body: Value = serde_json::from_slice(body).unwrap();
        let fits = check(&content["schema"], &body, Side::Answer);
        fits.unwrap_or_else(|error| panic!("{name} {status}: {error}: {body:#}"));
    }
}

/// Fails if a value in an answer is not as the schema of this name states.
pub(crate) fn check_named(name: &str, value: &Value) {
    let schema = &FILE["components"]["schemas"][name];
    assert!(!schema.is_null(), "no schema is called {name}");
    check(schema, value, Side::Answer).unwrap_or_else(|error| panic!("{error}: {value:#}"));
}

fn resolve(value: &Value) -> &Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(place) => FILE.pointer(place.strip_prefix('#').unwrap()).unwrap(),
        None => value,
    }
}

fn check(schema: &Value, value: &Value, side: Side) -> Result<(), String> {
    let schema = resolve(schema).as_object().ok_or("a schema is an object")?;
    for (word, stated) in schema {
        let fits = match word.as_str() {
            "type" => match stated {
                Value::Array(types) => types.iter().any(|stated| is_of(stated, value)),
                one => is_of(one, value),
            },
            "enum" => stated.as_array().is_some_and(|all| all.contains(value)),
            "const" => stated == value,
            "format" => value.as_str().is_none_or(|text| {
                stated != "date-time" || Timestamp::parse(text).is_ok_and(|_| text.ends_with('Z'))
            }),
            "minimum" => value.as_f64() >= stated.as_f64(),
            "minLength" => value.as_str().map(|text| text.len() as u64) >= stated.as_u64(),
            "maxLength" => value.as_str().map(|text| text.len() as u64) <= stated.as_u64(),
            "oneOf" => {
                let fitting = |one: &&Value| check(one, value, side).is_ok();
                stated.as_array().is_some_and(|all| all.iter().filter(fitting).count() == 1)
            }
            "items" => match value.as_array() {
                Some(items) => {
                    for (at, item) in items.iter().enumerate() {
                        check(stated, item, side).map_err(|error| format!("[{at}]{error}"))?;
                    }
                    true
                }
                None => true,
            },
            "required" | "properties" | "additionalProperties" => true,
            "description" | "examples" => true,
            // The file must not state what nobody checks.
            unknown => return Err(format!("this test does not know the word {unknown}")),
        };
        if !fits {
            return Err(format!(": {value} is not of {word} {stated}"));
        }
    }
    match value {
        Value::Object(members) => check_members(schema, members, side),
        _ => Ok(()),
    }
}

fn check_members(
    schema: &Map<String, Value>,
    members: &Map<String, Value>,
    side: Side,
) -> Result<(), String> {
    for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
        if !members.contains_key(name.as_str().unwrap()) {
            return Err(format!(": {name} is missing"));
        }
    }
    let Some(properties) = schema.get("properties") else { return Ok(()) };
    let is_open = match schema.get("additionalProperties") {
        Some(stated) => stated == true,
        None => side == Side::Request,
    };
    for (name, member) in members {
        match properties.get(name) {
            Some(stated) => {
                check(stated, member, side).map_err(|error| format!(".{name}{error}"))?;
            }
            None if is_open => {}
            None => return Err(format!(": {name} is not stated")),
        }
    }
    Ok(())
}

fn is_of(stated: &Value, value: &Value) -> bool {
    match stated.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        unknown => panic!("no type is called {unknown}"),
    }
}

#[test]
fn every_example_in_the_file_fits_its_schema() {
    for (name, schema) in FILE["components"]["schemas"].as_object().unwrap() {
        for example in schema["examples"].as_array().into_iter().flatten() {
            let fits = check(schema, example, Side::Answer);
            fits.unwrap_or_else(|error| panic!("{name}{error}"));
        }
    }
}

#[test]
fn every_reference_in_the_file_leads_somewhere_and_every_schema_is_used() {
    fn references<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    references(&FILE, &mut found);
    for place in &found {
        assert!(FILE.pointer(place.strip_prefix('#').unwrap()).is_some(), "{place}");
    }
    for part in ["schemas", "responses"] {
        for name in FILE["components"][part].as_object().unwrap().keys() {
            let place = format!("#/components/{part}/{name}");
            assert!(found.contains(&place.as_str()), "{place} is used nowhere");
        }
    }
}

#[test]
fn the_check_refuses_what_is_not_stated() {
    let schema = serde_json::json!({
        "type": "object", "required": ["a"],
        "properties": { "a": { "type": ["integer", "null"] }, "at": { "format": "date-time" } },
    });
    for (value, is_fine) in [
        (serde_json::json!({ "a": 1 }), true),
        (serde_json::json!({ "a": null, "at": "2026-03-02T09:15:00.000Z" }), true),
        (serde_json::json!({ "a": null, "at": "yesterday" }), false),
        (serde_json::json!({ "a": "1" }), false),
        (serde_json::json!({ "a": 1, "b": 1 }), false),
        (serde_json::json!({}), false),
        (serde_json::json!([]), false),
    ] {
        assert_eq!(check(&schema, &value, Side::Answer).is_ok(), is_fine, "{value}");
    }
}
