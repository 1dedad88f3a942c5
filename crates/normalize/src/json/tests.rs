use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// Reads a whole document with the cursor, for comparison.
fn tree(cursor: &mut Cursor<'_>) -> Result<Value, Fault> {
    Ok(match cursor.peek()? {
        b'{' => {
            let mut map = serde_json::Map::new();
            cursor.object(|key, cursor| {
                let key = str::from_utf8(key).map_err(|_| Fault::Syntax)?.to_owned();
                map.insert(key, tree(cursor)?);
                Ok(())
            })?;
            Value::Object(map)
        }
        b'[' => {
            let mut list = Vec::new();
            cursor.array(|cursor| {
                list.push(tree(cursor)?);
                Ok(())
            })?;
            Value::Array(list)
        }
        b'"' => Value::String(cursor.scalar()?.text()?.into_owned()),
        b'-' | b'0'..=b'9' => {
            serde_json::from_str(cursor.scalar()?.as_written()).map_err(|_| Fault::Syntax)?
        }
        _ => serde_json::from_str(cursor.slice()?).map_err(|_| Fault::Syntax)?,
    })
}

fn whole(text: &str) -> Result<Value, Fault> {
    let mut cursor = Cursor::new(text);
    let value = tree(&mut cursor)?;
    cursor.end()?;
    Ok(value)
}

/// Takes the member `want` of the top level and steps over everything else.
fn member(text: &str, want: &str) -> Result<Option<Value>, Fault> {
    let mut cursor = Cursor::new(text);
    let mut found = None;
    cursor.object(|key, cursor| {
        if key == want.as_bytes() {
            found = Some(serde_json::from_str(cursor.slice()?).map_err(|_| Fault::Syntax)?);
            return Ok(());
        }
        cursor.skip()
    })?;
    cursor.end()?;
    Ok(found)
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c]{0,3}",
        r#"["\\/{}\[\]:,a]{0,80}"#,
        any::<String>(),
        Just("\\".repeat(63)),
        Just("\"".repeat(70)),
    ]
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-4000..4000_i32).prop_map(|n| Value::from(f64::from(n) / 4.0)),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(text(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// The same document with every character of its strings escaped.
fn escaped(value: &Value) -> String {
    let quote = |text: &str| {
        let units: String = text.encode_utf16().map(|u| format!("\\u{u:04x}")).collect();
        format!("\"{units}\"")
    };
    match value {
        Value::String(text) => quote(text),
        Value::Array(list) => {
            format!("[ {} ]", list.iter().map(escaped).collect::<Vec<_>>().join(" , "))
        }
        Value::Object(map) => {
            let members = map.iter().map(|(k, v)| format!("{} : {}", quote(k), escaped(v)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join("\t,\r\n"))
        }
        other => other.to_string(),
    }
}

proptest! {
    #[test]
    fn a_document_reads_as_serde_json_reads_it(value in document()) {
        let compact = value.to_string();
        prop_assert_eq!(whole(&compact), Ok(value.clone()));
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        prop_assert_eq!(whole(&pretty), Ok(value.clone()));
        prop_assert_eq!(whole(&escaped(&value)), Ok(value));
    }

    #[test]
    fn stepping_over_ends_where_the_value_ends(
        before in document(),
        wanted in document(),
        after in document(),
    ) {
        let text = format!(r#"{{"a":{before},"want": {wanted} ,"z":{after}}}"#);
        prop_assert_eq!(member(&text, "want"), Ok(Some(wanted)));
    }

    #[test]
    fn a_walk_over_any_text_ends_without_a_panic(text in any::<String>()) {
        let _ = member(&text, "want");
    }

    #[test]
    fn a_walk_over_a_cut_document_never_gives_the_whole(value in document(), cut in 1_usize..40) {
        let text = format!(r#"{{"want":{value}}}"#);
        if let Some(part) = text.get(..text.len().saturating_sub(cut)) {
            prop_assert!(member(part, "want").is_err());
        }
    }
}

#[test]
fn the_last_of_two_equal_keys_wins() {
    assert_eq!(member(r#"{"want":1,"want":2}"#, "want"), Ok(Some(Value::from(2))));
    assert_eq!(member(r#"{"want":1,"w\u0061nt":2}"#, "want"), Ok(Some(Value::from(2))));
}

#[test]
fn a_string_of_any_length_ends_at_its_quote() {
    // Far and near the end of the record, where fewer bytes are looked at a time.
    for after in ["", &" ".repeat(100)] {
        for length in 0..200 {
            let plain = "x".repeat(length);
            let read = |inside: &str| member(&format!("{{\"want\":\"{inside}\"{after}}}"), "want");
            assert_eq!(read(&plain), Ok(Some(Value::from(plain.clone()))), "{length}");
            let quoted = read(&format!("{plain}\\\"y"));
            assert_eq!(quoted, Ok(Some(Value::from(format!("{plain}\"y")))), "{length}");
            assert_eq!(read(&format!("{plain}\u{1f}y")), Err(Fault::Syntax), "{length}");
        }
    }
}

#[test]
fn what_is_not_json_is_a_fault() {
    for text in [
        "",
        "{",
        "{\"a\"}",
        "{\"a\":1,}",
        "{\"a\":1 \"b\":2}",
        "{a:1}",
        "{\"a\":tru}",
        "{\"a\":\"\n\"}",
        "{\"a\":1}x",
        "{\"a\":{}",
        "{\"a\":\"",
        "{\"a\":\"\\",
        "{,}",
        "{\"a\":}",
    ] {
        assert_eq!(member(text, "want"), Err(Fault::Syntax), "{text}");
    }
}

#[test]
fn nesting_past_the_limit_is_a_fault() {
    let deep = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
    assert_eq!(member(&deep(DEPTH_MAX - 1), "want"), Ok(None));
    assert_eq!(member(&deep(5_000), "want"), Err(Fault::TooDeep));
}
