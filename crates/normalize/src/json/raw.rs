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

    /// The text without its quotes, escapes unresolved.
    #[inline]
    pub(crate) fn as_written(self) -> &'a str {
        let start = self.start as usize;
        // A border beside a quote or in a number is one between characters.
        self.record.get(start..start + (self.span >> 1) as usize).unwrap_or_default()
    }

    #[inline(always)]
    pub(super) const fn is_escaped(self) -> bool {
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

    #[cold]
    pub(super) fn unescape(self) -> Result<String, Fault> {
        serde_json::from_str(&format!("\"{}\"", self.as_written())).map_err(|_| Fault::Syntax)
    }
}
