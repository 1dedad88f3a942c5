//! Reading a few members of a JSON record without building a tree.
//!
//! A [`Cursor`] walks a record once. The caller names the members it wants and steps over the rest.
//! What is stepped into is checked as strictly as `serde_json` does; inside a container that is
//! stepped over only strings and nesting are followed. On every valid document the members taken are
//! those that `serde_json` would give: the last of two equal keys wins, because callers assign.
//!
//! ```text
//! cursor.object(|key, cursor| match key {
//!     b"id" => { id = cursor.scalar()?; Ok(()) }
//!     _ => cursor.skip(),
//! })
//! ```

mod block;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use wide::u8x16;

use crate::DEPTH_MAX;
use block::{Blocks, QUOTE, SLASH, splat};

/// Why a walk ended early. The caller asks `serde_json` for the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Not JSON.
    Syntax,
    /// Nested deeper than [`DEPTH_MAX`].
    TooDeep,
}

/// A string or number as it stands in the record; empty for everything else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Raw<'a> {
    /// Without the quotes, escapes unresolved.
    pub(crate) text: &'a str,
    escaped: bool,
}

impl<'a> Raw<'a> {
    /// The text with escapes resolved.
    #[inline]
    pub(crate) fn text(self) -> Result<Cow<'a, str>, Fault> {
        if self.escaped { self.unescape().map(Cow::Owned) } else { Ok(Cow::Borrowed(self.text)) }
    }

    /// The text, empty if it is one of the spellings of "absent".
    #[inline]
    pub(crate) fn present(self) -> Result<Cow<'a, str>, Fault> {
        if self.escaped {
            return self.unescape().map(|own| Cow::Owned(crate::text::present(&own).to_owned()));
        }
        Ok(Cow::Borrowed(crate::text::present(self.text)))
    }

    /// The text as an address without port and brackets.
    pub(crate) fn ip(self) -> Result<Cow<'a, str>, Fault> {
        if self.escaped {
            return self.unescape().map(|own| Cow::Owned(crate::text::ip(&own).to_owned()));
        }
        Ok(Cow::Borrowed(crate::text::ip(self.text)))
    }

    #[inline]
    pub(crate) const fn is_empty(self) -> bool {
        self.text.is_empty()
    }

    /// Whether the text is exactly this, which has no characters that need an escape.
    #[inline]
    pub(crate) fn is(self, text: &str) -> bool {
        if self.escaped {
            return self.unescape().is_ok_and(|own| own == text);
        }
        self.text == text
    }

    /// The number, whether written bare or as a string.
    pub(crate) fn number<N: std::str::FromStr>(self) -> Option<N> {
        if self.text.is_empty() { None } else { self.text.parse().ok() }
    }

    #[cold]
    fn unescape(self) -> Result<String, Fault> {
        serde_json::from_str(&format!("\"{}\"", self.text)).map_err(|_| Fault::Syntax)
    }
}

/// A place in a record.
pub(crate) struct Cursor<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Cursor<'a> {
    /// At the start of a record.
    #[inline]
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0, depth: 0 }
    }

    /// The first byte of the next value.
    #[inline(always)]
    pub(crate) fn peek(&mut self) -> Result<u8, Fault> {
        match self.bytes.get(self.at) {
            Some(&byte) if byte > b' ' => Ok(byte),
            _ => self.peek_past_blanks(),
        }
    }

    #[inline(never)]
    fn peek_past_blanks(&mut self) -> Result<u8, Fault> {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\n' | b'\t' | b'\r') => self.at += 1,
                Some(&byte) => return Ok(byte),
                None => return Err(Fault::Syntax),
            }
        }
    }

    /// Visits the members of an object. Any other value is stepped over without a visit.
    ///
    /// `each` gets the key, with escapes resolved, and must take exactly one value.
    #[inline(always)]
    pub(crate) fn object(
        &mut self,
        mut each: impl FnMut(&[u8], &mut Self) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if self.peek()? != b'{' {
            return self.skip();
        }
        self.enter()?;
        if self.peek()? == b'}' {
            return self.leave();
        }
        loop {
            if self.peek()? != b'"' {
                return Err(Fault::Syntax);
            }
            let key = self.string()?;
            if self.peek()? != b':' {
                return Err(Fault::Syntax);
            }
            self.at += 1;
            if key.escaped {
                each(key.unescape()?.as_bytes(), self)?;
            } else {
                each(key.text.as_bytes(), self)?;
            }
            match self.peek()? {
                b',' => {
                    self.at += 1;
                    self.peek()?;
                }
                b'}' => return self.leave(),
                _ => return Err(Fault::Syntax),
            }
        }
    }

    /// Visits the elements of an array. Any other value is stepped over without a visit.
    ///
    /// `each` must take exactly one value.
    #[inline]
    pub(crate) fn array(
        &mut self,
        mut each: impl FnMut(&mut Self) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if self.peek()? != b'[' {
            return self.skip();
        }
        self.enter()?;
        if self.peek()? == b']' {
            return self.leave();
        }
        loop {
            each(self)?;
            match self.peek()? {
                b',' => self.at += 1,
                b']' => return self.leave(),
                _ => return Err(Fault::Syntax),
            }
        }
    }

    /// Takes a string or number as it stands; steps over anything else and gives the empty text.
    #[inline(always)]
    pub(crate) fn scalar(&mut self) -> Result<Raw<'a>, Fault> {
        match self.peek()? {
            b'"' => self.string(),
            b'-' | b'0'..=b'9' => self.digits(),
            _ => self.skip().map(|()| Raw::default()),
        }
    }

    /// Takes `true` or `"true"`; anything else counts as no.
    #[inline]
    pub(crate) fn flag(&mut self) -> Result<bool, Fault> {
        match self.peek()? {
            b't' => self.skip().map(|()| true),
            b'"' => self.string().map(|text| text.text.eq_ignore_ascii_case("true")),
            _ => self.skip().map(|()| false),
        }
    }

    /// Takes any value as the bytes it consists of.
    pub(crate) fn slice(&mut self) -> Result<&'a str, Fault> {
        self.peek()?;
        let start = self.at;
        self.skip()?;
        self.text.get(start..self.at).ok_or(Fault::Syntax)
    }

    /// Steps over one value.
    #[inline(always)]
    pub(crate) fn skip(&mut self) -> Result<(), Fault> {
        match self.peek()? {
            b'"' => self.string().map(|_| ()),
            b'{' | b'[' => self.skip_container(),
            b't' => self.literal(b"true"),
            b'f' => self.literal(b"false"),
            b'n' => self.literal(b"null"),
            b'-' | b'0'..=b'9' => self.digits().map(|_| ()),
            _ => Err(Fault::Syntax),
        }
    }

    /// Checks that nothing but white space follows.
    #[inline]
    pub(crate) fn end(&mut self) -> Result<(), Fault> {
        match self.peek() {
            Err(_) => Ok(()),
            Ok(_) => Err(Fault::Syntax),
        }
    }

    #[inline]
    fn enter(&mut self) -> Result<(), Fault> {
        self.at += 1;
        self.depth += 1;
        if self.depth > DEPTH_MAX { Err(Fault::TooDeep) } else { Ok(()) }
    }

    #[inline]
    const fn leave(&mut self) -> Result<(), Fault> {
        self.at += 1;
        self.depth -= 1;
        Ok(())
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), Fault> {
        if !self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            return Err(Fault::Syntax);
        }
        self.at += word.len();
        Ok(())
    }

    /// A number. That it is well formed is left to whoever uses it, as far as its characters go.
    fn digits(&mut self) -> Result<Raw<'a>, Fault> {
        let rest = self.bytes.get(self.at..).ok_or(Fault::Syntax)?;
        let length = rest
            .iter()
            .position(|b| !matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            .unwrap_or(rest.len());
        let start = self.at;
        self.at += length;
        Ok(Raw { text: self.text.get(start..self.at).ok_or(Fault::Syntax)?, escaped: false })
    }

    /// A string; the cursor stands on its opening quote.
    #[inline(always)]
    fn string(&mut self) -> Result<Raw<'a>, Fault> {
        let start = self.at + 1;
        let mut at = start;
        while let Some(chunk) = self.bytes.get(at..).and_then(<[u8]>::first_chunk::<16>) {
            let stops = stops(*chunk);
            if stops == 0 {
                at += 16;
                continue;
            }
            at += stops.trailing_zeros() as usize;
            if self.bytes.get(at) == Some(&b'"') {
                self.at = at + 1;
                let text = self.text.get(start..at).ok_or(Fault::Syntax)?;
                return Ok(Raw { text, escaped: false });
            }
            return self.string_with_escapes(start, at);
        }
        self.string_with_escapes(start, at)
    }

    /// The rest of a string that has escapes or ends near the end of the record.
    #[inline(never)]
    fn string_with_escapes(&mut self, start: usize, from: usize) -> Result<Raw<'a>, Fault> {
        let mut blocks = Blocks::new(self.bytes, from);
        let mut escaped = false;
        while let Some(mut block) = blocks.next_block() {
            let (quotes, slashes) = block.quotes();
            let end = if quotes == 0 { 64 } else { quotes.trailing_zeros() };
            let inside = if end == 64 { u64::MAX } else { (1 << end) - 1 };
            if block.controls() & inside != 0 {
                return Err(Fault::Syntax);
            }
            escaped |= slashes & inside != 0;
            if end < 64 {
                let end = block.start + end as usize;
                self.at = end + 1;
                let text = self.text.get(start..end).ok_or(Fault::Syntax)?;
                return Ok(Raw { text, escaped });
            }
        }
        Err(Fault::Syntax)
    }

    /// Steps over an object or array: the cursor stands on its opening bracket.
    #[inline(never)]
    fn skip_container(&mut self) -> Result<(), Fault> {
        let mut blocks = Blocks::new(self.bytes, self.at);
        let mut depth = 0_usize;
        while let Some(mut block) = blocks.next_block() {
            let (opens, closes) = block.brackets();
            let closing = closes.count_ones() as usize;
            if closing < depth {
                depth = depth + opens.count_ones() as usize - closing;
            } else {
                let mut both = opens | closes;
                while both != 0 {
                    let lowest = both & both.wrapping_neg();
                    if opens & lowest != 0 {
                        depth += 1;
                    } else {
                        depth -= 1;
                        if depth == 0 {
                            self.at = block.start + lowest.trailing_zeros() as usize + 1;
                            return Ok(());
                        }
                    }
                    both ^= lowest;
                }
            }
            if self.depth + depth > DEPTH_MAX {
                return Err(Fault::TooDeep);
            }
        }
        Err(Fault::Syntax)
    }
}

/// One bit for each byte that ends a run of plain text: a quote, a backslash, a control character.
#[inline]
fn stops(chunk: [u8; 16]) -> u32 {
    let bytes = u8x16::new(chunk);
    let controls = bytes.max(splat(0x1f)).simd_eq(splat(0x1f));
    (bytes.simd_eq(QUOTE) | bytes.simd_eq(SLASH) | controls).to_bitmask()
}
