//! Escapes that name half a character.
//!
//! JSON can write half of a surrogate pair, `"\ud800"`, and `serde_json` refuses such a text.
//! Whoever signs in chooses the user agent, and vendors pass it on: a record must not vanish for it.

/// The record with every lone surrogate escape replaced by U+FFFD; `None` if it has none.
///
/// A replacement is as long as what it replaces, so that positions stay.
pub(crate) fn without_lone_surrogates(record: &[u8]) -> Option<Vec<u8>> {
    let mut repaired: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(step) = record.get(at..).and_then(|rest| memchr::memchr(b'\\', rest)) {
        let slash = at + step;
        let Some(unit) = escaped_unit(record, slash) else {
            // Whatever is escaped, a second backslash among it, is no start of an escape.
            at = slash + 2;
            continue;
        };
        if is_high(unit) && escaped_unit(record, slash + 6).is_some_and(is_low) {
            at = slash + 12;
            continue;
        }
        if is_high(unit) || is_low(unit) {
            let bytes = repaired.get_or_insert_with(|| record.to_vec());
            if let Some(digits) = bytes.get_mut(slash + 2..slash + 6) {
                digits.copy_from_slice(b"fffd");
            }
        }
        at = slash + 6;
    }
    repaired
}

/// The UTF-16 unit of an escape `\uXXXX` that starts here.
fn escaped_unit(record: &[u8], at: usize) -> Option<u16> {
    let digits = record.get(at..at.saturating_add(6))?.strip_prefix(br"\u")?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

const fn is_high(unit: u16) -> bool {
    unit >= 0xd800 && unit < 0xdc00
}

const fn is_low(unit: u16) -> bool {
    unit >= 0xdc00 && unit < 0xe000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repaired(text: &str) -> Option<String> {
        without_lone_surrogates(text.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn halves_are_replaced_and_pairs_stay() {
        for (text, expected) in [
            (r#""a\ud800b""#, r#""a\ufffdb""#),
            (r#""\uDC00\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\ud83d\n""#, r#""\ufffd\n""#),
            (r#""\\\udfff""#, r#""\\\ufffd""#),
        ] {
            assert_eq!(repaired(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_record_without_halves_is_left_alone() {
        for text in
            [r#""\ud83d\ude00""#, r#""\\ud800""#, r#""\u00e9""#, r#""\u+d80""#, r"\", r"\ud8"]
        {
            assert_eq!(repaired(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_repaired_is_json() {
        let repaired = repaired(r#"{"a":"\ud800","b":"\\\udfff"}"#).unwrap();
        let value: serde_json::Value = serde_json::from_str(&repaired).unwrap();
        assert_eq!(value["a"], "\u{fffd}");
        assert_eq!(value["b"], "\\\u{fffd}");
    }
}
