//! Sign-ins whose nested members are JSON inside strings: Log Analytics columns, some exports.
//!
//! They are rewritten into the Graph shape and read like any other. This costs a tree; files in this
//! shape come from a query window, not from a stream.

use serde_json::{Map, Value};

/// Columns of `SigninLogs` and `AADNonInteractiveUserSignInLogs` that are not just the Graph name with
/// a capital. (Azure Monitor reference, table `SigninLogs`.)
const RENAMED: &[(&str, &str)] = &[
    ("IPAddress", "ipAddress"),
    ("LocationDetails", "location"),
    ("ResultType", "resultType"),
    ("Category", "category"),
    ("AppDisplayName", "appDisplayName"),
];

/// Members that hold objects or arrays.
const NESTED: &[&str] =
    &["status", "location", "deviceDetail", "mfaDetail", "authenticationDetails"];

/// The Graph form of a row of Log Analytics columns, or nothing if it is not a sign-in.
pub(super) fn to_graph(record: &str) -> Option<String> {
    let Value::Object(row) = serde_json::from_str(record).ok()? else { return None };
    // `Location` is the country's code alone; `LocationDetails` has the rest.
    let mut graph = Map::new();
    let mut country = Value::Null;
    for (column, value) in row {
        if column == "Location" {
            country = value;
            continue;
        }
        let renamed = RENAMED.iter().find(|(from, _)| *from == column).map(|(_, to)| *to);
        let name = match renamed {
            Some(name) => name.to_owned(),
            None => {
                let mut letters = column.chars();
                let first = letters.next()?;
                first.to_lowercase().chain(letters).collect()
            }
        };
        graph.insert(name, value);
    }
    if !graph.contains_key("resultType") && !graph.contains_key("status") {
        return None;
    }
    for key in ["createdDateTime", "time"] {
        let generated = graph.get("timeGenerated").cloned();
        if let (false, Some(at)) = (graph.contains_key(key), generated) {
            graph.insert(key.to_owned(), at);
        }
    }
    let code = graph.get("resultType").cloned();
    unfold_members(&mut graph);
    let is_placed = graph.get("location").and_then(|place| place.get("countryOrRegion"));
    if country.is_string() && is_placed.is_none_or(|code| matches!(code.as_str(), None | Some("")))
    {
        let place = graph.entry("location").or_insert(Value::Null);
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        if let Value::Object(place) = place {
            place.insert("countryOrRegion".to_owned(), country);
        }
    }
    if let (Some(code), false) = (code, graph.get("status").is_some_and(Value::is_object)) {
        let text = graph.get("resultDescription").cloned().unwrap_or_default();
        let status = [("errorCode".to_owned(), code), ("failureReason".to_owned(), text)];
        graph.insert("status".to_owned(), Value::Object(status.into_iter().collect()));
    }
    serde_json::to_string(&Value::Object(graph)).ok()
}

/// The same record with objects where it had JSON inside strings.
pub(super) fn unfold(record: &str) -> Option<String> {
    let Value::Object(mut record) = serde_json::from_str(record).ok()? else { return None };
    unfold_members(&mut record);
    // A record that is a text inside a text is no text again.
    if let Some(properties) = record.get_mut("properties")
        && let Value::String(text) = properties
    {
        *properties = serde_json::from_str(text).ok().filter(Value::is_object).unwrap_or_default();
    }
    if let Some(Value::Object(properties)) = record.get_mut("properties") {
        unfold_members(properties);
    }
    serde_json::to_string(&Value::Object(record)).ok()
}

fn unfold_members(object: &mut Map<String, Value>) {
    for name in NESTED {
        if let Some(value) = object.get_mut(*name)
            && let Value::String(text) = value
        {
            // What is not JSON says nothing; null keeps it from being taken for a text again.
            *value = match serde_json::from_str(text) {
                Ok(Value::String(_)) | Err(_) => Value::Null,
                Ok(inside) => inside,
            };
        }
    }
}
