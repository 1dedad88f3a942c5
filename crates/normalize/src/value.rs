//! Readings over parsed JSON, for the vendors outside the hot path: numbers that come as texts,
//! lists that come as one object, absent members.

use std::borrow::Cow;
use std::net::IpAddr;

use pushback_model::{Coordinates, EventKind, Party, Source, Timestamp};
use serde_json::Value;

use crate::{Mapping, Reject, text};

static NULL: Value = Value::Null;

/// What a vendor's name for an event says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// This happened.
    Is(EventKind),
    /// Known, and says nothing about signing in.
    Nothing,
    /// No reader knows it.
    Unknown,
}

impl Meaning {
    /// The policy's word on a vendor's event, or the built-in one.
    pub(crate) fn or_policy(self, mapping: &Mapping, source: Source, native: &str) -> Self {
        mapping.kind(source, native).map_or(self, Self::Is)
    }
}

/// The member at a path; `Null` if it is not there.
pub(crate) fn get<'v>(value: &'v Value, path: &[&str]) -> &'v Value {
    path.iter().fold(value, |value, name| value.get(name).unwrap_or(&NULL))
}

/// The text of a string, number or boolean; empty if absent, however that is spelled.
pub(crate) fn text_of(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(s) => Cow::Borrowed(text::present(s)),
        Value::Number(n) => Cow::Owned(n.to_string()),
        Value::Bool(b) => Cow::Borrowed(if *b { "true" } else { "false" }),
        Value::Null | Value::Array(_) | Value::Object(_) => Cow::Borrowed(""),
    }
}

/// The text at a path.
pub(crate) fn at<'v>(value: &'v Value, path: &[&str]) -> Cow<'v, str> {
    text_of(get(value, path))
}

/// The first text that is not empty.
pub(crate) fn first<'v>(value: &'v Value, paths: &[&[&str]]) -> Cow<'v, str> {
    paths.iter().map(|path| at(value, path)).find(|text| !text.is_empty()).unwrap_or_default()
}

/// Whether a boolean, or its spelling as text, is true.
pub(crate) fn is_true(value: &Value) -> bool {
    text_of(value).eq_ignore_ascii_case("true")
}

/// The items of a list; a single object or scalar counts as a list of one.
pub(crate) fn items(value: &Value) -> std::slice::Iter<'_, Value> {
    match value {
        Value::Array(list) => list.iter(),
        Value::Null => [].iter(),
        one => std::slice::from_ref(one).iter(),
    }
}

/// The value with the objects and lists that these members have as JSON inside texts.
pub(crate) fn unfolded<'v>(value: &'v Value, names: &[&str]) -> Cow<'v, Value> {
    let mut value = Cow::Borrowed(value);
    for name in names {
        let Some(text) = value.get(name).and_then(Value::as_str) else { continue };
        let inside = serde_json::from_str(text).ok();
        if let Some(inside @ (Value::Array(_) | Value::Object(_))) = inside
            && let Some(member) = value.to_mut().get_mut(name)
        {
            *member = inside;
        }
    }
    value
}

/// The value of a `[{"Name": .., "Value": ..}]` list under a name, compared without regard to case.
pub(crate) fn named<'v>(list: &'v Value, name: &str) -> &'v Value {
    items(list)
        .find(|item| {
            at(item, &["Name"]).eq_ignore_ascii_case(name)
                || at(item, &["name"]).eq_ignore_ascii_case(name)
        })
        .map_or(&NULL, |item| {
            ["Value", "value"].iter().find_map(|key| item.get(key)).unwrap_or(&NULL)
        })
}

/// The address in a text, without port, brackets, zone or IPv4-mapped prefix; empty if there is none
/// ("AWS Internal").
pub(crate) fn ip_of(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(address(text)),
        Cow::Owned(text) => Cow::Owned(address(&text).to_owned()),
    }
}

fn address(text: &str) -> &str {
    let text = text::ip(text);
    let text = text.split_once('%').map_or(text, |(address, _)| address);
    let text = match text.get(..7) {
        Some(prefix) if prefix.eq_ignore_ascii_case("::ffff:") && text.contains('.') => {
            text.get(7..).unwrap_or_default()
        }
        _ => text,
    };
    if text.parse::<IpAddr>().is_ok() { text } else { "" }
}

/// The first member that is there, as an instant: RFC 3339, or a number of seconds or milliseconds
/// since 1970, also as a text.
///
/// `Ok(None)` if none is there; an error if it is there and cannot be read.
pub(crate) fn time(
    value: &Value,
    paths: &[&[&str]],
    vendor: Source,
    missing: &'static str,
) -> Result<Option<Timestamp>, Reject> {
    for path in paths {
        let found = match get(value, path) {
            Value::Null => continue,
            Value::String(s) if text::present(s).is_empty() => continue,
            Value::String(s) => match s.parse() {
                Ok(number) if s.len() >= EPOCH_DIGITS_MIN => Some(from_epoch(number)),
                _ => Timestamp::parse(s).ok(),
            },
            Value::Number(n) => n.as_i64().map(from_epoch).or_else(|| {
                // Fractions of a second, as some collectors write.
                n.as_f64().map(|seconds| from_epoch((seconds * 1_000.0) as i64))
            }),
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        return found.map(Some).ok_or(Reject::Incomplete { vendor, missing });
    }
    Ok(None)
}

/// Digits of a text that is a number of seconds: nine since 1973. A shorter one may be a year or a day.
const EPOCH_DIGITS_MIN: usize = 9;

// 1e11 seconds is the year 5138; 1e11 milliseconds is 1973, before any of these products.
fn from_epoch(number: i64) -> Timestamp {
    if number.unsigned_abs() < 100_000_000_000 {
        Timestamp::from_seconds(number)
    } else {
        Timestamp::from_millis(number)
    }
}

/// Whether two logins or ids are the same but for case, and are not empty.
pub(crate) fn same(a: &str, b: &str) -> bool {
    !a.is_empty() && a.eq_ignore_ascii_case(b)
}

/// Whether two parties are one: any of their names or ids agree.
pub(crate) fn same_party(a: &Party<'_>, b: &Party<'_>) -> bool {
    same(&a.id, &b.id)
        || same(&a.name, &b.name)
        || same(&a.mail, &b.mail)
        || same(&a.name, &b.mail)
        || same(&a.mail, &b.name)
}

/// The actor of an event, unless it is the subscriber or nobody.
pub(crate) fn other<'v>(actor: Party<'v>, subscriber: &Party<'_>) -> Option<Party<'v>> {
    (!actor.is_empty() && !same_party(&actor, subscriber)).then_some(actor)
}

/// A party known by its login.
pub(crate) fn login<'v>(name: impl Into<Cow<'v, str>>) -> Party<'v> {
    Party { name: name.into(), ..Party::default() }
}

/// Whether a text holds one of these words; `words` are lower case, the text need not be.
pub(crate) fn holds(text: &str, words: &[&str]) -> bool {
    let lower = text.to_ascii_lowercase();
    words.iter().any(|word| lower.contains(word))
}

/// A point, if both members are numbers or texts of numbers.
pub(crate) fn coordinates(latitude: &Value, longitude: &Value) -> Option<Coordinates> {
    let number = |value: &Value| text_of(value).parse::<f64>().ok();
    Coordinates::new(number(latitude)?, number(longitude)?)
}

/// An owned text with every control character made a blank: for texts put together here.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_and_texts_read_alike() {
        let value = json!({"a": 12, "b": "12", "c": null, "d": {"e": "N/A"}});
        assert_eq!(at(&value, &["a"]), at(&value, &["b"]));
        assert_eq!(at(&value, &["c"]), "");
        assert_eq!(at(&value, &["d", "e"]), "");
        assert_eq!(at(&value, &["d", "nowhere", "f"]), "");
    }

    #[test]
    fn only_addresses_are_addresses() {
        for (text, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("fe80::1%eth0", "fe80::1"),
            ("AWS Internal", ""),
            ("N/A", ""),
        ] {
            assert_eq!(ip_of(Cow::Borrowed(text)), expected, "{text}");
        }
    }

    #[test]
    fn instants_come_as_text_seconds_or_milliseconds() {
        let value = json!({"a": "2026-03-01 10:00:00 UTC", "b": 1_772_359_200, "c": 1_772_359_200_000_i64, "d": "noon",
            "f": "1772359200", "g": "1772359200000", "h": "20260301"});
        let read = |name| time(&value, &[&["nowhere"], &[name]], Source::Auth0, "date");
        let expected = Ok(Some(Timestamp::from_seconds(1_772_359_200)));
        assert_eq!(read("a"), expected);
        assert_eq!(read("b"), expected);
        assert_eq!(read("c"), expected);
        assert!(read("d").is_err());
        assert_eq!(read("f"), expected);
        assert_eq!(read("g"), expected);
        assert!(read("h").is_err());
        assert_eq!(read("e"), Ok(None));
    }

    #[test]
    fn an_actor_who_is_the_subscriber_is_no_actor() {
        let alice = login("alice@example.org");
        assert_eq!(other(login("Alice@Example.org"), &alice), None);
        assert_eq!(other(login("bob"), &alice), Some(login("bob")));
        assert_eq!(other(Party::default(), &alice), None);
    }
}
