//! `pushback.example.toml` shows every setting of detection with its default.

#![expect(clippy::expect_used, reason = "a test that cannot read the example should fail")]

use std::path::PathBuf;

use pushback_detect::Policy;
use toml::{Table, Value};

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../pushback.example.toml")
}

fn defaults() -> Table {
    Table::try_from(Policy::default()).expect("a policy is a table")
}

/// The file with every value replaced by its default; comments and order stay.
fn corrected(text: &str) -> String {
    let defaults = defaults();
    let mut section = String::new();
    let mut lines = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.strip_prefix("detection.").unwrap_or_default().to_owned();
        }
        let value = line
            .split_once(" = ")
            .and_then(|(key, _)| Some((key, defaults.get(&section)?.as_table()?.get(key)?)));
        lines.push(match value {
            Some((key, value)) => format!("{key} = {}", shown(value)),
            None => line.to_owned(),
        });
    }
    lines.join("\n") + "\n"
}

fn shown(value: &Value) -> String {
    match value {
        Value::Array(values) => {
            format!("[{}]", values.iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        value => value.to_string(),
    }
}

/// When a default changes: `PUSHBACK_UPDATE_EXAMPLE=1 cargo test -p pushback-detect --test example`.
#[test]
fn the_example_shows_the_defaults() {
    let text = std::fs::read_to_string(path()).expect("pushback.example.toml is there");
    let corrected = corrected(&text);
    if std::env::var_os("PUSHBACK_UPDATE_EXAMPLE").is_some() {
        std::fs::write(path(), &corrected).expect("writable");
    } else {
        assert_eq!(text, corrected, "a default changed: see the comment above this test");
    }
}

#[test]
fn the_example_shows_every_setting_and_nothing_else() {
    let text = std::fs::read_to_string(path()).expect("pushback.example.toml is there");
    let example: Table = text.parse().expect("TOML");
    for (section, settings) in defaults() {
        let shown = example["detection"].get(&section).and_then(Value::as_table).expect(&section);
        let settings = settings.as_table().expect("sections are tables");
        for key in settings.keys() {
            assert!(shown.contains_key(key), "{section}.{key} is not in the example");
        }
        assert_eq!(shown.len(), settings.len(), "{section} shows a setting that does not exist");
    }
}
