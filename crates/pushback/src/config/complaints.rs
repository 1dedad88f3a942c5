//! All that is wrong with the shape of a TOML file, not only the first of it.

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};

/// Complaints at the most; whoever has more begins with these.
const COMPLAINTS_MAX: usize = 50;

/// One of them: where in the text, and what, in words.
pub type Complaint = (usize, String);

/// Reads a file as far as it can be read: what is refused is left out, so that the rest is looked at too.
/// Without any value what could be read says nothing.
pub fn read<T: for<'de> Deserialize<'de>>(text: &str) -> (Option<T>, Vec<Complaint>) {
    let (root, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let complaints = errors.iter().map(|e| (start(e.span()), plain(e.message()))).collect();
        return (None, complaints);
    }
    let span = root.span();
    let mut table = root.into_inner();
    let mut complaints: Vec<Complaint> = Vec::new();
    while complaints.len() < COMPLAINTS_MAX {
        let root = Spanned::new(span.clone(), table.clone());
        let error = match T::deserialize(Deserializer::from(root)) {
            Ok(value) => return (Some(value), complaints),
            Err(error) => error,
        };
        let at = start(error.span());
        complaints.push((at, plain(error.message())));
        let (rest, was_found) = without(table, at);
        if !was_found {
            break;
        }
        table = rest;
    }
    (None, complaints)
}

fn start(span: Option<Range<usize>>) -> usize {
    span.map_or(0, |span| span.start)
}

/// The table without the innermost entry that stands at a place, and whether there was one.
fn without(table: DeTable<'_>, at: usize) -> (DeTable<'_>, bool) {
    let mut was_found = false;
    let rest = table
        .into_iter()
        .filter_map(|(key, value)| {
            if was_found {
                return Some((key, value));
            }
            if key.span().contains(&at) {
                was_found = true;
                return None;
            }
            let span = value.span();
            let value = match value.into_inner() {
                DeValue::Table(inner) => {
                    let (inner, was_inside) = without(inner, at);
                    was_found = was_inside;
                    DeValue::Table(inner)
                }
                value => value,
            };
            if !was_found && span.contains(&at) {
                was_found = true;
                return None;
            }
            Some((key, Spanned::new(span, value)))
        })
        .collect();
    (rest, was_found)
}

/// A complaint in the words of the file rather than of this program.
fn plain(message: &str) -> String {
    let message = message.trim_end();
    for begin in ["invalid type: ", "invalid value: "] {
        let parts = message.strip_prefix(begin).and_then(|rest| rest.rsplit_once(", expected "));
        if let Some((found, expected)) = parts {
            return format!("expected {}, found {}", kind(expected), value(found));
        }
    }
    message.replacen("unknown variant ", "unknown value ", 1)
}

fn kind(expected: &str) -> &str {
    match expected {
        "f32" | "f64" => "a number",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number from 0",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "a sequence" => "a list in brackets",
        "a map" => "a table",
        "a boolean" => "true or false",
        "a string" | "path string" => "a text in quotes",
        _ if expected.starts_with("struct ") => "a table",
        _ => expected,
    }
}

fn value(found: &str) -> String {
    let inner = |begin: &str| found.strip_prefix(begin).and_then(|rest| rest.strip_suffix('`'));
    if let Some(text) = found.strip_prefix("string ") {
        return format!("the text {text}");
    }
    for begin in ["integer `", "floating point `", "boolean `"] {
        if let Some(value) = inner(begin) {
            return value.to_owned();
        }
    }
    match found {
        "sequence" => "a list".to_owned(),
        "map" => "a table".to_owned(),
        _ => found.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Sample {
        number: f64,
        count: u32,
        list: Vec<String>,
        inner: Inner,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Inner {
        yes: bool,
    }

    #[test]
    fn every_complaint_is_told_in_plain_words() {
        let text = "number = \"x\"\ncount = -1\nlist = 3\nodd = 1\n[inner]\nyes = 1\nno = 2\n";
        let (sample, complaints) = read::<Sample>(text);
        assert!(sample.is_some(), "what is left can be read");
        let said: Vec<&str> = complaints.iter().map(|(_, what)| what.as_str()).collect();
        assert_eq!(said.len(), 6, "{said:?}");
        for part in [
            "expected a number, found the text \"x\"",
            "expected a whole number from 0 to 4294967295, found -1",
            "expected a list in brackets, found 3",
            "expected true or false, found 1",
            "unknown field `odd`",
            "unknown field `no`",
        ] {
            assert!(said.iter().any(|what| what.starts_with(part)), "{part}: {said:?}");
        }
    }

    #[test]
    fn every_broken_line_is_told() {
        let (sample, complaints) = read::<Sample>("number = \ncount = ]\n");
        assert!(sample.is_none());
        assert!(complaints.len() >= 2, "{complaints:?}");
    }
}
