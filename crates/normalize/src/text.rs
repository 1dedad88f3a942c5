//! Small readings that every vendor needs: absent spellings, addresses.

/// The text, or nothing if it is one of the ways in which vendors spell "absent".
#[inline]
#[must_use]
pub(crate) fn present(text: &str) -> &str {
    // Most texts are none of them, which their length and ends already show.
    match text.as_bytes() {
        [] => "",
        [first, .., last] if !matches!(text.len(), 3 | 4 | 7) && *first > b' ' && *last > b' ' => {
            text
        }
        _ => present_or_not(text),
    }
}

fn present_or_not(text: &str) -> &str {
    let text = text.trim_ascii();
    let absent = match text.len() {
        0 | 1 => matches!(text, "" | "-"),
        3 => text.eq_ignore_ascii_case("n/a"),
        4 => text.eq_ignore_ascii_case("null") || text.eq_ignore_ascii_case("none"),
        7 => text == "0.0.0.0" || text.eq_ignore_ascii_case("unknown"),
        _ => false,
    };
    if absent { "" } else { text }
}

/// An address without brackets and port; empty if absent.
#[must_use]
pub(crate) fn ip(text: &str) -> &str {
    let text = present(text);
    // Without an early end the compiler looks at many bytes at a time.
    if !text.bytes().fold(false, |has, byte| has | (byte == b':') | (byte == b'[')) {
        return text;
    }
    if let Some(inner) = text.strip_prefix('[') {
        return inner.split_once(']').map_or("", |(address, _)| present(address));
    }
    match text.split_once(':') {
        // One colon ends an IPv4 address; an IPv6 address has at least two.
        Some((address, port)) if !port.contains(':') => present(address),
        _ if text == "::" => "",
        _ => text,
    }
}

/// Whether `text` contains `word`, which is lower-case ASCII, without regard to case.
#[must_use]
pub(crate) fn contains(text: &str, word: &str) -> bool {
    let (text, word) = (text.as_bytes(), word.as_bytes());
    let Some(first) = word.first() else { return true };
    text.windows(word.len()).any(|part| {
        part.first().is_some_and(|byte| byte | 0x20 == first | 0x20)
            && part.eq_ignore_ascii_case(word)
    })
}

/// A text of fixed length that stands for these contents, for records without an id.
#[must_use]
pub(crate) fn content_id(parts: &[&str]) -> String {
    format!("{:016x}", pushback_model::key_of_parts(parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_absent_is_empty() {
        for text in ["", "null", "unknown", "Unknown", "N/A", "0.0.0.0", "-", " "] {
            assert_eq!(present(text), "", "{text:?}");
        }
        assert_eq!(present("alice"), "alice");
    }

    #[test]
    fn addresses_lose_ports_and_brackets() {
        for (text, expected) in [
            ("203.0.113.7", "203.0.113.7"),
            ("203.0.113.7:5678", "203.0.113.7"),
            ("[2001:db8::1]:123", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("0.0.0.0:0", ""),
            ("::", ""),
            ("[2001:db8::1", ""),
        ] {
            assert_eq!(ip(text), expected, "{text}");
        }
    }
}
