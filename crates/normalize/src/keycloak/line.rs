//! The text form: `name="value"` pairs after a log line's head.

use std::borrow::Cow;
use std::collections::BTreeMap;

use pushback_model::Timestamp;

/// How many pairs are read from one line. Real events have up to about 30.
const PAIRS_MAX: usize = 128;

/// The pairs of a line, from `type=` or `operationType=` on; `None` if there are none.
pub(super) fn fields(text: &str) -> Option<BTreeMap<&str, Cow<'_, str>>> {
    let start = ["operationType=", "type="].iter().filter_map(|name| text.find(name)).min()?;
    let mut rest = text.get(start..)?;
    let mut fields = BTreeMap::new();
    while fields.len() < PAIRS_MAX {
        let Some((name, after)) = rest.split_once('=') else { break };
        let name = name.trim_matches([',', ' ', '\t']);
        if name.is_empty() || name.contains(' ') {
            break;
        }
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => until_quote(quoted),
            None => {
                // An unquoted value ends where the next `, name=` begins: it may hold ", " itself.
                let end = next_pair(after).unwrap_or(after.trim_end().len());
                let (value, after) = after.split_at_checked(end)?;
                (Cow::Borrowed(value), after)
            }
        };
        fields.entry(name).or_insert(value);
        rest = after;
    }
    (!fields.is_empty()).then_some(fields)
}

/// Splits at the closing quote; a quote or backslash inside is written with a backslash before it.
fn until_quote(text: &str) -> (Cow<'_, str>, &str) {
    let mut owned: Option<String> = None;
    let mut from = 0;
    let bytes = text.as_bytes();
    let mut i = 0;
    while let Some(byte) = bytes.get(i) {
        match byte {
            b'"' => {
                let tail = text.get(from..i).unwrap_or_default();
                let after = text.get(i + 1..).unwrap_or_default();
                return match owned {
                    None => (Cow::Borrowed(tail), after),
                    Some(mut head) => {
                        head.push_str(tail);
                        (Cow::Owned(head), after)
                    }
                };
            }
            b'\\' if matches!(bytes.get(i + 1), Some(b'"' | b'\\')) => {
                owned.get_or_insert_default().push_str(text.get(from..i).unwrap_or_default());
                from = i + 1;
                i += 2;
            }
            _ => i += 1,
        }
    }
    (Cow::Borrowed(text), "")
}

fn next_pair(text: &str) -> Option<usize> {
    text.match_indices(", ").map(|(at, _)| at).find(|at| {
        let name = text.get(at + 2..).unwrap_or_default();
        let end = name
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')))
            .unwrap_or(name.len());
        end > 0 && name.get(end..).is_some_and(|rest| rest.starts_with('='))
    })
}

/// The time at the head of a log line, alone or as two words.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let mut words = text.split_ascii_whitespace();
    let (first, second) = (words.next()?, words.next()?);
    Timestamp::parse(first).ok().or_else(|| Timestamp::parse(&format!("{first} {second}")).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_values_may_hold_anything() {
        let line = r#"head type="LOGIN", a="x, b=\"y\"", c="""#;
        let fields = fields(line).unwrap();
        assert_eq!(fields["type"], "LOGIN");
        assert_eq!(fields["a"], "x, b=\"y\"");
        assert_eq!(fields["c"], "");
    }

    #[test]
    fn unquoted_values_end_at_the_next_name() {
        let fields = fields("type=LOGIN, agent=Mozilla, like Gecko, userId=null").unwrap();
        assert_eq!(fields["agent"], "Mozilla, like Gecko");
        assert_eq!(fields["userId"], "null");
    }

    #[test]
    fn a_line_that_breaks_off_ends_there() {
        assert_eq!(fields("type=\"LOG").unwrap()["type"], "LOG");
        assert!(fields("nothing").is_none());
    }

    #[test]
    fn the_head_tells_the_time() {
        let expected = Timestamp::parse("2026-03-02T08:11:09.414Z").unwrap();
        assert_eq!(time("2026-03-02 08:11:09,414 WARN [x] y"), Some(expected));
        assert_eq!(time("2026-03-02T08:11:09.414Z WARN"), Some(expected));
        assert_eq!(time("WARN type="), None);
    }
}
