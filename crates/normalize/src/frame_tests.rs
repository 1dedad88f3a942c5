use proptest::prelude::*;

use super::*;

/// Everything that comes out, as (offset, text); `None` for what is too long.
fn split_in(portions: &[&[u8]]) -> Vec<(u64, Option<String>)> {
    let mut out = Vec::new();
    let mut splitter = Splitter::default();
    let mut emit = |piece: Piece<'_>| {
        out.push((piece.offset, piece.bytes.map(|b| String::from_utf8_lossy(b).into_owned())));
    };
    for portion in portions {
        splitter.feed(portion, &mut emit);
    }
    splitter.finish(&mut emit);
    out
}

fn texts(document: &str) -> Vec<String> {
    split_in(&[document.as_bytes()]).into_iter().filter_map(|(_, text)| text).collect()
}

#[test]
fn elements_of_arrays_and_wrappers_are_records_wherever_the_wrapper_hides_them() {
    let records = [r#"{"a":[{"b":"]}"}]}"#, r#"{"c":"\"}"}"#];
    let joined = records.join(" ,\n");
    for document in [
        format!("[{joined}]"),
        format!("\u{feff}[\n{joined}\n]\n"),
        format!("[[{}],[{}]]", records[0], records[1]),
        format!(r#"{{"@odata.context":"x{{","n":1,"value":[{joined}],"next":{{"value":[1]}}}}"#),
        format!(r#"{{"Records":[{joined}]}}"#),
        format!(r#"{{"stat":"OK","response":{{"authlogs":[{joined}],"metadata":{{"n":[2]}}}}}}"#),
        format!(r#"{{"eventType":"hook","data":{{"events":[{joined}]}}}}"#),
        format!(r#"{{"took":1,"_shards":{{"total":1}},"hits":{{"total":2,"hits":[{joined}]}}}}"#),
        format!(r#"{{"value":[{}]}} {{"value":[{}]}}"#, records[0], records[1]),
        format!(r#"{{"data":[{}],"events":[{}]}}"#, records[0], records[1]),
        format!("{}\n\n{}", records[0], records[1]),
    ] {
        assert_eq!(texts(&document), records, "{document}");
        if !document.starts_with(records[0]) {
            assert_eq!(shape(document.as_bytes()), Shape::Document, "{document}");
        }
    }
}

#[test]
fn an_object_that_names_itself_is_a_record_even_if_it_holds_events() {
    let record = r#"{"kind":"admin#reports#activity","id":{"time":"t"},"events":[{"name":"x"}]}"#;
    assert_eq!(texts(record), [record]);
    assert_eq!(shape(format!("{record}\n{record}").as_bytes()), Shape::Lines);
    let wrapped = format!(r#"{{"kind":"admin#reports#activities","items":[{record}]}}"#);
    assert_eq!(texts(&wrapped), [record]);
}

#[test]
fn the_shape_is_told_by_the_first_value() {
    for (head, expected) in [
        ("", Shape::Lines),
        ("type=LOGIN, realmId=x\n{\"a\":1}", Shape::Lines),
        ("[2026-01-31 09:30:00] LOGIN", Shape::Lines),
        ("<Event xmlns='x'></Event>", Shape::Lines),
        ("{\"a\":1}\n{\"a\":2}\n", Shape::Lines),
        ("\n\r\n{\"a\":1}\r\n", Shape::Lines),
        ("{\"a\":1}", Shape::Lines),
        ("{\"a\":1} \n{\"a\":2}", Shape::Lines),
        ("{\"a\":1},\n{\"a\":2}", Shape::Lines),
        ("{\"a\":1}}\n{\"a\":2}", Shape::Lines),
        ("{\"a\":1}{\"a\":2}{\"a\":3}", Shape::Document),
        ("{\"a\":1} {\"a\":2}\n{\"a\":3}\n", Shape::Document),
        ("{\"a\":1},{\"a\":2},\n", Shape::Document),
        ("{\"a\":nope}\n{\"a\":2}\n", Shape::Lines),
        ("{\"a\":\"cut\n{\"a\":2}\n", Shape::Lines),
        ("{\"a\":{\"b\":1\n{\"a\":2}\n", Shape::Lines),
        ("{\n  \"a\": 1\n}\n{\n  \"a\": 2\n}", Shape::Document),
        ("[", Shape::Document),
        ("[{\"a\":1}]\n", Shape::Document),
        ("{\"value\":[]}\n", Shape::Document),
        ("{\"value\":[{\"a\":1}]}\n", Shape::Document),
        ("{\"value\":[{\"a\":1", Shape::Document),
    ] {
        assert_eq!(shape(head.as_bytes()), expected, "{head}");
    }
}

#[test]
fn what_is_taken_apart_in_a_file_is_taken_apart_in_a_line() {
    for member in ARRAY_MEMBERS.iter().chain(OBJECT_MEMBERS) {
        assert!(crate::wrapped::HOLDERS.contains(member), "{}", String::from_utf8_lossy(member));
    }
}

#[test]
fn a_broken_record_loses_only_itself() {
    let (good, next) = (r#"{"a":"x","t":[{"u":1}]}"#, r#"{"a":"y"}"#);
    for broken in [
        r#"{"a":nope}"#,
        r#"{"a":{"b":1}"#,
        r#"{"a":[{"b":1}}"#,
        r#"{"a":"no end}"#,
        r#"{"a":"he said "no" to","b":2}"#,
        r#"{"a":"x,"b":{"c":"d"}}"#,
        r#"{"a":1"#,
        "{\"a\":\"cut\n",
        r#"{"a":1}}"#,
        "nope",
        "17",
        r#""text""#,
    ] {
        for document in [
            format!("[{good},{broken},{next}]"),
            format!("[\n{good},\n{broken},\n{next}\n]"),
            format!("{{\"value\":[{good},{broken},{next}]}}"),
        ] {
            let found = texts(&document);
            assert_eq!(found.first().map(String::as_str), Some(good), "{document}");
            // A quote that is missing at the end may hide what follows on the same line.
            if broken != r#"{"a":"no end}"# || document.contains('\n') {
                assert_eq!(found.last().map(String::as_str), Some(next), "{document}");
                assert!(found.len() <= 3, "{document}: {found:?}");
            }
        }
    }
}

#[test]
fn a_record_that_is_too_long_is_named_and_passed_over() {
    let long = "x".repeat(RECORD_BYTES_MAX);
    let document = format!(r#"[{{"a":1}},{{"a":"{long}"}},{{"a":2}}]"#);
    let portions: Vec<&[u8]> = document.as_bytes().chunks(1 << 20).collect();
    for found in [split_in(&[document.as_bytes()]), split_in(&portions)] {
        assert_eq!(found.len(), 3);
        assert_eq!(found[1], (9, None));
        assert_eq!(found[2].1.as_deref(), Some(r#"{"a":2}"#));
    }
}

#[test]
fn nesting_beyond_all_measure_ends_where_it_closes() {
    let deep = format!("{}1{}", "{\"a\":[".repeat(5_000), "]}".repeat(5_000));
    assert_eq!(texts(&format!("[{deep},{{\"b\":1}}]")), [deep.as_str(), "{\"b\":1}"]);
}

#[test]
fn a_document_that_is_cut_off_gives_what_came_before() {
    assert_eq!(texts(r#"{"value":[{"a":1},{"a":"#), [r#"{"a":1}"#, r#"{"a":"#]);
    assert_eq!(texts(r#"{"value":[{"a":1},"#), [r#"{"a":1}"#]);
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        "[a-z\\\\\"{}\\[\\],: \n\u{e9}]{0,8}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map("[a-z\"\\\\]{0,4}", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

fn objects() -> impl Strategy<Value = Vec<serde_json::Value>> {
    let object = prop::collection::btree_map("[a-z]{1,3}", json(), 1..4)
        .prop_map(|map| serde_json::Value::Object(map.into_iter().collect()));
    prop::collection::vec(object, 0..5)
}

#[test]
fn an_input_that_ends_between_two_records_of_an_array_is_told() {
    for (document, is_cut) in [
        (r#"[{"a":1},"#, true),
        (r#"[{"a":1}"#, true),
        (r#"{"value":[{"a":1}"#, true),
        (r#"[{"a":1}]"#, false),
        (r#"{"value":[{"a":1}]}"#, false),
        ("{\"a\":1}\n{\"a\":2}\n", false),
        // The record itself is broken, and says so.
        (r#"[{"a":1"#, false),
    ] {
        let mut splitter = Splitter::default();
        splitter.feed(document.as_bytes(), &mut |_| {});
        assert_eq!(splitter.is_in_array(), is_cut, "{document}");
    }
}

proptest! {
    #[test]
    fn records_are_what_a_whole_parse_would_see(records in objects(), is_pretty: bool, wrap in 0..3u8) {
        let whole = match wrap {
            0 => serde_json::json!(records),
            1 => serde_json::json!({"context": {"value": [1, {}]}, "value": records, "z": [[]]}),
            _ => serde_json::json!({"response": {"authlogs": records, "metadata": [{}]}, "stat": "OK"}),
        };
        let document = if is_pretty { serde_json::to_string_pretty(&whole) } else { serde_json::to_string(&whole) }
            .expect("a value prints");
        let found: Vec<serde_json::Value> = texts(&document)
            .iter()
            .map(|text| serde_json::from_str(text).expect("a record parses"))
            .collect();
        prop_assert_eq!(found, records);
    }

    #[test]
    fn any_portions_give_the_same_records(
        document in "([{}\\[\\],:\"\\\\ \n1a]|\"value\":\\[|\\{\"a\":\"b\"\\},?){0,40}",
        cuts in prop::collection::vec(0..80usize, 0..6),
    ) {
        let bytes = document.as_bytes();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let portions: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        prop_assert_eq!(split_in(&portions), split_in(&[bytes]));
    }

    #[test]
    fn any_bytes_are_survived_and_records_lie_where_they_are_said_to(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut splitter = Splitter::default();
        let mut emit = |piece: Piece<'_>| {
            let start = usize::try_from(piece.offset).expect("small");
            assert_eq!(piece.bytes, bytes.get(start..start + piece.length));
        };
        splitter.feed(&bytes, &mut emit);
        splitter.finish(&mut emit);
    }
}
