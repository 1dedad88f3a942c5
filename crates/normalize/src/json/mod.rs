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

/// Visits the members of an object in any order, and fastest in the order listed: then comma, key and
/// colon are compared in one piece where they are expected. Any other value than an object is stepped
/// over without a visit. Each arm takes exactly one value of the cursor, a `&mut Cursor`, that is named.
///
/// ```text
/// members!(cursor, {
///     "id" => cursor.take(&mut id)?,
///     "type" => cursor.skip()?,
/// });
/// ```
macro_rules! members {
    ($cursor:ident, { $first:literal => $take_first:expr, $($key:literal => $take:expr,)* }) => {
        if $cursor.open()? {
            if $cursor.is_at(concat!("\"", $first, "\":").as_bytes()) {
                $take_first;
            } else {
                members!(@any $cursor, { $first => $take_first, $($key => $take,)* });
            }
            loop {
                $(
                    if $cursor.is_at(concat!(",\"", $key, "\":").as_bytes()) {
                        $take;
                    }
                )*
                if !$cursor.another()? {
                    break;
                }
                // Out of order, not listed, or spelt with blanks or escapes.
                members!(@any $cursor, { $first => $take_first, $($key => $take,)* });
            }
        }
    };
    (@any $cursor:ident, { $($key:literal => $take:expr,)* }) => {{
        let key = $cursor.key()?;
        match &*key {
            $($key => $take,)*
            _ => $cursor.skip()?,
        }
    }};
}
pub(crate) use members;

/// A place in a record.
///
/// What is called and not put in place takes a cursor by value and gives it back: then a walk keeps it
/// in registers.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a> {
    record: &'a str,
    /// What lies ahead.
    rest: &'a [u8],
    depth: usize,
}

// What nearly every value needs is short and put in place; the rest is called.
impl<'a> Cursor<'a> {
    /// At the start of a record.
    #[inline]
    pub(crate) const fn new(record: &'a str) -> Self {
        let record = if record.len() > TEXT_BYTES_MAX { "" } else { record };
        Self { record, rest: record.as_bytes(), depth: 0 }
    }

    /// The first byte of the next value.
    #[inline(always)]
    pub(crate) fn peek(&mut self) -> Result<u8, Fault> {
        match self.rest.first() {
            Some(&byte) if byte > b' ' => Ok(byte),
            _ => {
                self.rest = past_blanks(self.rest);
                self.rest.first().copied().ok_or(Fault::Syntax)
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
            *self = self.past_other()?;
            return Ok(false);
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
        match self.rest.strip_prefix(key) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes a key, with escapes resolved, and its colon.
    #[inline(always)]
    pub(crate) fn key(&mut self) -> Result<Cow<'a, str>, Fault> {
        if self.peek()? != b'"' {
            return Err(Fault::Syntax);
        }
        let mut key = Raw::default();
        self.take(&mut key)?;
        if self.peek()? != b':' {
            return Err(Fault::Syntax);
        }
        self.step();
        key.text()
    }

    /// After a value: steps to the next member, or out of the object if there is none.
    #[inline(always)]
    pub(crate) fn another(&mut self) -> Result<bool, Fault> {
        match self.peek()? {
            b',' => {
                self.step();
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
                b',' => self.step(),
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
        let mut raw = Raw::default();
        self.take(&mut raw)?;
        Ok(raw)
    }

    /// Takes what [`Cursor::scalar`] takes.
    #[inline(always)]
    pub(crate) fn take(&mut self, into: &mut Raw<'a>) -> Result<(), Fault> {
        if let Some((b'"', text)) = self.rest.split_first() {
            let (length, escaped) = string(text).ok_or(Fault::Syntax)?;
            *into = Raw::new(self.record, self.record.len() - text.len(), length, escaped);
            return self.after_quote(text, length);
        }
        if self.is_at(b"null") {
            *into = Raw::default();
            return Ok(());
        }
        (*into, *self) = self.other()?;
        Ok(())
    }

    /// What [`Cursor::take`] takes if it is no string at once, and the cursor behind it.
    #[inline(never)]
    fn other(mut self) -> Result<(Raw<'a>, Self), Fault> {
        let mut raw = Raw::default();
        match self.peek()? {
            b'"' => self.take(&mut raw)?,
            b'-' | b'0'..=b'9' => {
                let start = self.at();
                self.digits();
                raw = Raw::new(self.record, start, self.at() - start, false);
            }
            _ => self = self.past_other()?,
        }
        Ok((raw, self))
    }

    /// Steps behind the closing quote of a string of this length, of which `text` is what follows
    /// the opening one.
    #[inline(always)]
    fn after_quote(&mut self, text: &'a [u8], length: usize) -> Result<(), Fault> {
        self.rest = text.get(length + 1..).ok_or(Fault::Syntax)?;
        Ok(())
    }

    /// Takes `true` or `"true"`; anything else counts as no.
    #[inline]
    pub(crate) fn flag(&mut self) -> Result<bool, Fault> {
        match self.peek()? {
            b't' => self.skip().map(|()| true),
            b'"' => self.scalar().map(|text| text.as_written().eq_ignore_ascii_case("true")),
            _ => self.skip().map(|()| false),
        }
    }

    /// Takes `true`, `false` or their spellings as texts; nothing for what is absent, however that is
    /// spelt.
    pub(crate) fn answer(&mut self) -> Result<Option<bool>, Fault> {
        match self.peek()? {
            b't' => self.skip().map(|()| Some(true)),
            b'f' => self.skip().map(|()| Some(false)),
            b'"' => {
                let text = self.scalar()?.as_written();
                let is_there = !crate::text::present(text).is_empty();
                Ok(is_there.then(|| text.eq_ignore_ascii_case("true")))
            }
            _ => self.skip().map(|()| None),
        }
    }

    /// Takes any value as the bytes it consists of.
    pub(crate) fn slice(&mut self) -> Result<&'a str, Fault> {
        self.peek()?;
        let start = self.at();
        self.skip()?;
        self.record.get(start..self.at()).ok_or(Fault::Syntax)
    }

    /// Steps over one value.
    #[inline(always)]
    pub(crate) fn skip(&mut self) -> Result<(), Fault> {
        if let Some((b'"', text)) = self.rest.split_first() {
            let (length, _) = string(text).ok_or(Fault::Syntax)?;
            return self.after_quote(text, length);
        }
        if self.is_at(b"null") {
            return Ok(());
        }
        *self = self.past_other()?;
        Ok(())
    }

    /// Behind one value of any kind.
    #[inline(never)]
    fn past_other(mut self) -> Result<Self, Fault> {
        match self.peek()? {
            b'"' => self.skip()?,
            b'{' | b'[' => self.skip_container()?,
            b't' => self.literal(b"true")?,
            b'f' => self.literal(b"false")?,
            b'n' => self.literal(b"null")?,
            b'-' | b'0'..=b'9' => self.digits(),
            _ => return Err(Fault::Syntax),
        }
        Ok(self)
    }

    /// Checks that nothing but white space follows.
    #[inline]
    pub(crate) fn end(&mut self) -> Result<(), Fault> {
        match self.peek() {
            Err(_) => Ok(()),
            Ok(_) => Err(Fault::Syntax),
        }
    }

    /// Bytes before the cursor.
    #[inline(always)]
    pub(crate) const fn at(&self) -> usize {
        self.record.len() - self.rest.len()
    }

    #[inline(always)]
    fn step(&mut self) {
        if let Some((_, rest)) = self.rest.split_first() {
            self.rest = rest;
        }
    }

    #[inline(always)]
    fn enter(&mut self) -> Result<(), Fault> {
        self.step();
        self.depth += 1;
        if self.depth > DEPTH_MAX { Err(Fault::TooDeep) } else { Ok(()) }
    }

    #[inline(always)]
    fn leave(&mut self) {
        self.step();
        self.depth -= 1;
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), Fault> {
        if self.is_at(word) { Ok(()) } else { Err(Fault::Syntax) }
    }

    /// Steps over a number. That it is well formed is left to whoever uses it, as far as its
    /// characters go.
    fn digits(&mut self) {
        let length = self
            .rest
            .iter()
            .position(|b| !matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            .unwrap_or(self.rest.len());
        self.rest = self.rest.get(length..).unwrap_or_default();
    }

    /// Steps over an object or array: the cursor stands on its opening bracket.
    fn skip_container(&mut self) -> Result<(), Fault> {
        let mut blocks = Blocks::new(self.rest, 0);
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
                            let length = block.start + lowest.trailing_zeros() as usize + 1;
                            self.rest = self.rest.get(length..).unwrap_or_default();
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

/// What follows white space.
#[cold]
#[inline(never)]
fn past_blanks(mut rest: &[u8]) -> &[u8] {
    while let Some((b' ' | b'\n' | b'\t' | b'\r', after)) = rest.split_first() {
        rest = after;
    }
    rest
}

/// The length of the string of which `text` is what follows the opening quote, and whether it has
/// escapes. `None` if it does not end or holds what no string may hold.
#[inline(always)]
fn string(text: &[u8]) -> Option<(usize, bool)> {
    if let Some(chunk) = text.first_chunk() {
        // At the seventeenth byte it may end too.
        let length = (stops(*chunk) | 1 << 16).trailing_zeros() as usize;
        if text.get(length) == Some(&b'"') {
            return Some((length, false));
        }
    }
    long_string(text)
}

#[inline(never)]
fn long_string(text: &[u8]) -> Option<(usize, bool)> {
    let mut ahead = text;
    // Ids, names and hashes end within three vectors.
    if let Some((chunk, after)) = text.split_first_chunk::<48>() {
        let [a, b, c] = block::vectors(chunk).map(|v| u64::from(stop_bytes(v).to_bitmask()));
        // At the forty-ninth byte it may end too.
        let length = (a | b << 16 | c << 32 | 1 << 48).trailing_zeros() as usize;
        if text.get(length) == Some(&b'"') {
            return Some((length, false));
        }
        if length < 48 {
            return string_with_escapes(text, length);
        }
        ahead = after;
    }
    while let Some((chunks, after)) = ahead.split_first_chunk::<64>() {
        let [a, b, c, d] = block::vectors(chunks).map(|v| u64::from(stop_bytes(v).to_bitmask()));
        let stops = a | b << 16 | c << 32 | d << 48;
        if stops == 0 {
            ahead = after;
            continue;
        }
        let stop = stops.trailing_zeros() as usize;
        let plain = text.len() - ahead.len() + stop;
        if ahead.get(stop) == Some(&b'"') {
            return Some((plain, false));
        }
        return string_with_escapes(text, plain);
    }
    string_with_escapes(text, text.len() - ahead.len())
}

/// The same for one that has escapes or ends near the end of the record, known to run on for
/// `plain` bytes.
fn string_with_escapes(text: &[u8], plain: usize) -> Option<(usize, bool)> {
    let mut blocks = Blocks::new(text, plain);
    let mut escaped = false;
    while let Some(mut block) = blocks.next_block() {
        let (quotes, slashes) = block.quotes();
        let end = if quotes == 0 { 64 } else { quotes.trailing_zeros() };
        let inside = if end == 64 { u64::MAX } else { (1 << end) - 1 };
        if block.controls() & inside != 0 {
            return None;
        }
        escaped |= slashes & inside != 0;
        if end < 64 {
            return Some((block.start + end as usize, escaped));
        }
    }
    None
}

/// One bit for each byte that ends a run of plain text: a quote, a backslash, a control character.
#[inline(always)]
fn stops(chunk: [u8; 16]) -> u32 {
    stop_bytes(u8x16::new(chunk)).to_bitmask()
}

#[inline(always)]
fn stop_bytes(bytes: u8x16) -> u8x16 {
    let controls = bytes.max(splat(0x1f)).simd_eq(splat(0x1f));
    bytes.simd_eq(QUOTE) | bytes.simd_eq(SLASH) | controls
}
