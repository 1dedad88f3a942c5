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
mod raw;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use wide::u8x16;

use crate::DEPTH_MAX;
use block::{Blocks, QUOTE, SLASH, splat};
pub(crate) use raw::Raw;

/// Why a walk ended early. The caller asks `serde_json` for the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Not JSON.
    Syntax,
    /// Nested deeper than [`DEPTH_MAX`].
    TooDeep,
}

/// The longest record that is walked; a longer one is no JSON to a cursor. Far above
/// [`crate::RECORD_BYTES_MAX`], so that only a record that grew while it was mended could meet it.
const TEXT_BYTES_MAX: usize = i32::MAX as usize;

/// Visits the members of an object in any order, and fastest in the order listed: then each key is
/// compared where it is expected instead of being searched for its end. Any other value than an
/// object is stepped over without a visit. Each arm takes exactly one value of the cursor, a
/// `&mut Cursor`, that is named.
///
/// ```text
/// members!(cursor, {
///     "id" => cursor.take(&mut id)?,
///     "type" => cursor.skip()?,
/// });
/// ```
macro_rules! members {
    ($cursor:ident, { $($key:literal => $take:expr,)* }) => {
        if $cursor.open()? {
            loop {
                $(
                    if $cursor.is_at(concat!("\"", $key, "\":").as_bytes()) {
                        $take;
                        if !$cursor.another()? {
                            break;
                        }
                    }
                )*
                // Out of order, not listed, or spelt with blanks or escapes.
                let key = $cursor.key()?;
                match &*key {
                    $($key => $take,)*
                    _ => $cursor.skip()?,
                }
                if !$cursor.another()? {
                    break;
                }
            }
        }
    };
}
pub(crate) use members;

/// A place in a record.
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Cursor<'a> {
    /// At the start of a record.
    #[inline]
    pub(crate) const fn new(text: &'a str) -> Self {
        let text = if text.len() > TEXT_BYTES_MAX { "" } else { text };
        Self { text, at: 0, depth: 0 }
    }

    #[inline(always)]
    const fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    /// The first byte of the next value.
    #[inline(always)]
    pub(crate) fn peek(&mut self) -> Result<u8, Fault> {
        match self.bytes().get(self.at) {
            Some(&byte) if byte > b' ' => Ok(byte),
            _ => self.peek_past_blanks(),
        }
    }

    #[cold]
    #[inline(never)]
    fn peek_past_blanks(&mut self) -> Result<u8, Fault> {
        loop {
            match self.bytes().get(self.at) {
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
        if !self.open()? {
            return Ok(());
        }
        loop {
            let key = self.key()?;
            each(key.as_bytes(), self)?;
            if !self.another()? {
                return Ok(());
            }
        }
    }

    /// Enters an object that has members. An empty one, and any other value, is stepped over and
    /// there is nothing to visit.
    #[inline(always)]
    pub(crate) fn open(&mut self) -> Result<bool, Fault> {
        if self.peek()? != b'{' {
            return self.skip().map(|()| false);
        }
        self.enter()?;
        if self.peek()? == b'}' {
            self.leave();
            return Ok(false);
        }
        Ok(true)
    }

    /// Steps over this key and its colon if it stands here, written with its quotes and without
    /// blanks.
    #[inline(always)]
    pub(crate) fn is_at(&mut self, key: &[u8]) -> bool {
        let here = self.bytes().get(self.at..).and_then(|rest| rest.get(..key.len()));
        let is_at = here == Some(key);
        if is_at {
            self.at += key.len();
        }
        is_at
    }

    /// Takes a key, with escapes resolved, and its colon.
    #[inline(always)]
    pub(crate) fn key(&mut self) -> Result<Cow<'a, str>, Fault> {
        if self.peek()? != b'"' {
            return Err(Fault::Syntax);
        }
        let key = self.string()?;
        if self.peek()? != b':' {
            return Err(Fault::Syntax);
        }
        self.at += 1;
        key.text()
    }

    /// After a value: steps to the next member, or out of the object if there is none.
    #[inline(always)]
    pub(crate) fn another(&mut self) -> Result<bool, Fault> {
        match self.peek()? {
            b',' => {
                self.at += 1;
                self.peek()?;
                Ok(true)
            }
            b'}' => {
                self.leave();
                Ok(false)
            }
            _ => Err(Fault::Syntax),
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
            self.leave();
            return Ok(());
        }
        loop {
            each(self)?;
            match self.peek()? {
                b',' => self.at += 1,
                b']' => {
                    self.leave();
                    return Ok(());
                }
                _ => return Err(Fault::Syntax),
            }
        }
    }

    /// Takes a string or number as it stands; steps over anything else and gives the empty text.
    #[inline(always)]
    pub(crate) fn scalar(&mut self) -> Result<Raw<'a>, Fault> {
        match self.peek()? {
            b'"' => self.string(),
            _ => self.number_or_nothing(),
        }
    }

    /// Takes what [`Cursor::scalar`] takes.
    #[inline(always)]
    pub(crate) fn take(&mut self, into: &mut Raw<'a>) -> Result<(), Fault> {
        *into = self.scalar()?;
        Ok(())
    }

    #[inline(never)]
    fn number_or_nothing(&mut self) -> Result<Raw<'a>, Fault> {
        match self.peek()? {
            b'-' | b'0'..=b'9' => self.digits(),
            _ => self.skip().map(|()| Raw::default()),
        }
    }

    /// Takes `true` or `"true"`; anything else counts as no.
    #[inline]
    pub(crate) fn flag(&mut self) -> Result<bool, Fault> {
        match self.peek()? {
            b't' => self.skip().map(|()| true),
            b'"' => self.string().map(|text| text.as_written().eq_ignore_ascii_case("true")),
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
            first => self.skip_other(first),
        }
    }

    #[inline(never)]
    fn skip_other(&mut self, first: u8) -> Result<(), Fault> {
        match first {
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

    #[inline(always)]
    fn enter(&mut self) -> Result<(), Fault> {
        self.at += 1;
        self.depth += 1;
        if self.depth > DEPTH_MAX { Err(Fault::TooDeep) } else { Ok(()) }
    }

    #[inline(always)]
    const fn leave(&mut self) {
        self.at += 1;
        self.depth -= 1;
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), Fault> {
        if !self.bytes().get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            return Err(Fault::Syntax);
        }
        self.at += word.len();
        Ok(())
    }

    /// A number. That it is well formed is left to whoever uses it, as far as its characters go.
    fn digits(&mut self) -> Result<Raw<'a>, Fault> {
        let rest = self.bytes().get(self.at..).ok_or(Fault::Syntax)?;
        let length = rest
            .iter()
            .position(|b| !matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            .unwrap_or(rest.len());
        let start = self.at;
        self.at += length;
        Ok(Raw::new(self.text, start, self.at, false))
    }

    /// A string; the cursor stands on its opening quote.
    #[inline(always)]
    fn string(&mut self) -> Result<Raw<'a>, Fault> {
        let start = self.at + 1;
        if let Some(chunk) = self.bytes().get(start..).and_then(<[u8]>::first_chunk::<16>) {
            let stops = stops(*chunk);
            let end = start + stops.trailing_zeros() as usize;
            if stops != 0 && self.bytes().get(end) == Some(&b'"') {
                self.at = end + 1;
                return Ok(Raw::new(self.text, start, end, false));
            }
        }
        let (end, escaped) = long_string(self.bytes(), start)?;
        self.at = end + 1;
        Ok(Raw::new(self.text, start, end, escaped))
    }

    /// Steps over an object or array: the cursor stands on its opening bracket.
    #[inline(never)]
    fn skip_container(&mut self) -> Result<(), Fault> {
        let mut blocks = Blocks::new(self.bytes(), self.at);
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

/// Where a string ends that starts at `start`, and whether it has escapes.
#[inline(never)]
fn long_string(bytes: &[u8], start: usize) -> Result<(usize, bool), Fault> {
    let mut at = start;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<16>) {
        let stops = stops(*chunk);
        if stops == 0 {
            at += 16;
            continue;
        }
        at += stops.trailing_zeros() as usize;
        if bytes.get(at) == Some(&b'"') {
            return Ok((at, false));
        }
        break;
    }
    string_with_escapes(bytes, at)
}

/// The rest of a string that has escapes or ends near the end of the record.
fn string_with_escapes(bytes: &[u8], from: usize) -> Result<(usize, bool), Fault> {
    let mut blocks = Blocks::new(bytes, from);
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
            return Ok((block.start + end as usize, escaped));
        }
    }
    Err(Fault::Syntax)
}

/// One bit for each byte that ends a run of plain text: a quote, a backslash, a control character.
#[inline]
fn stops(chunk: [u8; 16]) -> u32 {
    let bytes = u8x16::new(chunk);
    let controls = bytes.max(splat(0x1f)).simd_eq(splat(0x1f));
    (bytes.simd_eq(QUOTE) | bytes.simd_eq(SLASH) | controls).to_bitmask()
}
