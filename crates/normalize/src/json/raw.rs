//! A scalar as it stands in a record.

use std::borrow::Cow;

use super::Fault;

/// A string or number as it stands in the record; empty for everything else.
///
/// Only where it stands is noted; the text is cut out when somebody asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Raw<'a> {
    record: &'a str,
    start: u32,
    /// Length in bytes, times two, plus one if there are escapes.
    span: u32,
}

impl<'a> Raw<'a> {
    /// `length` bytes of a record from `start` on. The record is no longer than
    /// [`super::TEXT_BYTES_MAX`].
    #[inline(always)]
    pub(super) const fn new(record: &'a str, start: usize, length: usize, escaped: bool) -> Self {
        // Both fit: a cursor takes no longer records.
        Self { record, start: start as u32, span: (length as u32) << 1 | escaped as u32 }
    }

    /// Part of a record, without escapes. Nothing if the record is longer than any cursor takes.
    pub(crate) fn part(record: &'a str, part: std::ops::Range<usize>) -> Option<Self> {
        let is_within = record.len() <= super::TEXT_BYTES_MAX && part.end <= record.len();
        is_within.then(|| Self::new(record, part.start, part.len(), false))
    }

    /// The text without its quotes, escapes unresolved.
    #[inline]
    pub(crate) fn as_written(self) -> &'a str {
        let start = self.start as usize;
        // A border beside a quote or in a number is one between characters.
        self.record.get(start..start + (self.span >> 1) as usize).unwrap_or_default()
    }

    #[inline(always)]
    pub(crate) const fn is_escaped(self) -> bool {
        self.span & 1 != 0
    }

    /// The text with escapes resolved.
    #[inline]
    pub(crate) fn text(self) -> Result<Cow<'a, str>, Fault> {
        if self.is_escaped() {
            return self.unescape().map(Cow::Owned);
        }
        Ok(Cow::Borrowed(self.as_written()))
    }

    /// The text, empty if it is one of the spellings of "absent".
    #[inline]
    pub(crate) fn present(self) -> Result<Cow<'a, str>, Fault> {
        if self.is_escaped() {
            return self.unescape().map(|own| Cow::Owned(crate::text::present(&own).to_owned()));
        }
        if self.span == 0 {
            return Ok(Cow::Borrowed(""));
        }
        Ok(Cow::Borrowed(crate::text::present(self.as_written())))
    }

    /// Puts what [`Raw::present`] gives into an empty text.
    #[inline(always)]
    pub(crate) fn put(self, into: &mut Cow<'a, str>) -> Result<(), Fault> {
        if self.span == 0 { Ok(()) } else { self.put_some(into) }
    }

    #[inline(never)]
    fn put_some(self, into: &mut Cow<'a, str>) -> Result<(), Fault> {
        *into = if self.is_escaped() {
            self.present()?
        } else {
            Cow::Borrowed(crate::text::present(self.as_written()))
        };
        Ok(())
    }

    /// The text as an address without port and brackets.
    pub(crate) fn ip(self) -> Result<Cow<'a, str>, Fault> {
        if self.is_escaped() {
            return self.unescape().map(|own| Cow::Owned(crate::text::ip(&own).to_owned()));
        }
        Ok(Cow::Borrowed(crate::text::ip(self.as_written())))
    }

    #[inline(always)]
    pub(crate) const fn is_empty(self) -> bool {
        self.span == 0
    }

    /// Whether the text is exactly this, which has no characters that need an escape.
    #[inline(always)]
    pub(crate) fn is(self, text: &str) -> bool {
        if self.is_escaped() {
            return self.unescape().is_ok_and(|own| own == text);
        }
        let start = self.start as usize;
        let bytes = self.record.as_bytes().get(start..start + (self.span >> 1) as usize);
        bytes == Some(text.as_bytes())
    }

    /// The number, whether written bare or as a string.
    pub(crate) fn number<N: std::str::FromStr>(self) -> Option<N> {
        if self.is_empty() { None } else { self.as_written().parse().ok() }
    }

    /// The number in decimal notation, whether written bare or as a string.
    pub(crate) fn decimal(self) -> Option<f64> {
        exact(self.as_written().as_bytes()).or_else(|| self.number())
    }

    #[cold]
    pub(super) fn unescape(self) -> Result<String, Fault> {
        serde_json::from_str(&format!("\"{}\"", self.as_written())).map_err(|_| Fault::Syntax)
    }
}

/// A number such as `-83.8088`: up to fifteen digits are exact as a float, so is the power of ten, and
/// one division rounds once, which is what parsing gives (Clinger, "How to read floating point numbers
/// accurately", 1990). Nothing for any other form.
fn exact(text: &[u8]) -> Option<f64> {
    const POWERS: [f64; 16] =
        [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    let (is_negative, digits) = match text.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    if digits.len() > 16 || !digits.first()?.is_ascii_digit() {
        return None;
    }
    let (mut whole, mut count, mut fraction) = (0_u64, 0_usize, None);
    for byte in digits {
        match byte {
            b'0'..=b'9' => {
                whole = whole * 10 + u64::from(byte - b'0');
                count += 1;
            }
            b'.' if fraction.is_none() => fraction = Some(count),
            _ => return None,
        }
    }
    let power = POWERS.get(count - fraction.unwrap_or(count))?;
    if count > 15 || fraction == Some(count) {
        return None;
    }
    let value = whole as f64 / power;
    Some(if is_negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_number_is_what_parsing_gives() {
        for text in [
            "0",
            "-0",
            "0.1",
            "-83.8088",
            "39.9242",
            "180",
            "1.005",
            "-0.30000000000001",
            "123456789012345",
            "99999999.9999999",
        ] {
            let parsed: f64 = text.parse().unwrap();
            assert_eq!(exact(text.as_bytes()).map(f64::to_bits), Some(parsed.to_bits()), "{text}");
        }
    }

    #[test]
    fn other_forms_are_left_to_parsing() {
        for text in ["", "-", ".5", "5.", "1e3", "+1", "1.2.3", "1234567890123456", "NaN", " 1"] {
            assert_eq!(exact(text.as_bytes()), None, "{text}");
        }
    }
}
