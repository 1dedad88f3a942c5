//! Framing: where one record ends and the next begins.
//!
//! Logs come in two shapes. In [`Shape::Lines`] each line is a record. In [`Shape::Document`] records
//! are elements of JSON arrays, bare (`[{..},{..}]`) or inside what an API wraps around them
//! (`{"value":[{..},{..}]}`), or whole objects spread over many lines or crowded on one. [`Splitter`] takes documents
//! apart as they stream by and never holds more than one record.
//!
//! Framing does not judge records: whatever is found between two borders is handed on, so that a
//! broken record gets its reason from the reader that tried it.

use memchr::{memchr, memchr3};

use crate::RECORD_BYTES_MAX;

/// How an input is divided into records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One record a line.
    Lines,
    /// JSON values that need not respect lines: see [`Splitter`].
    Document,
}

/// Members whose array holds records, in wrappers of the supported vendors and of common exports.
const ARRAY_MEMBERS: &[&[u8]] = &[
    b"events",
    b"records",
    b"Records",
    b"value",
    b"data",
    b"items",
    b"authlogs",
    b"logs",
    b"results",
    b"activities",
    b"entries",
    b"hits",
];

/// Members whose object holds one of [`ARRAY_MEMBERS`].
const OBJECT_MEMBERS: &[&[u8]] = &[b"response", b"data", b"_embedded", b"hits"];

/// Members that a record has and a wrapper has not. An object that named itself before its array is
/// a record that happens to hold one (`events` of Google Workspace).
const NAMING_MEMBERS: &[&[u8]] = &[b"id", b"uuid", b"actor"];

/// Decides how an input is divided, from its first bytes (up to about 1 MiB).
#[must_use]
pub fn shape(head: &[u8]) -> Shape {
    let start = head.len() - after_mark(head).trim_ascii_start().len();
    let body = head.get(start..).unwrap_or_default();
    match body {
        [b'{', ..] => {}
        // A text log may open with `[2026-01-31 ...]`: an array of records cannot.
        [b'[', rest @ ..] => {
            return match rest.trim_ascii_start().first() {
                None | Some(b'{' | b'[' | b']') => Shape::Document,
                Some(_) => Shape::Lines,
            };
        }
        _ => return Shape::Lines,
    }
    let first_line = memchr(b'\n', body).unwrap_or(body.len());
    let mut first: Option<(u64, usize)> = None;
    let mut splitter = Splitter::default();
    splitter.feed(body, &mut |piece| {
        first.get_or_insert((piece.offset, piece.length));
    });
    match first {
        Some((0, length)) if length <= first_line && !has_neighbour(body, length, first_line) => {
            Shape::Lines
        }
        _ => Shape::Document,
    }
}

/// Whether another object follows the first one on its line: some deliveries have no line ends at all.
fn has_neighbour(body: &[u8], length: usize, first_line: usize) -> bool {
    let Some((first, after)) = body.get(..first_line).unwrap_or(body).split_at_checked(length)
    else {
        return false;
    };
    let after = after.trim_ascii_start();
    let after = after.strip_prefix(b",").unwrap_or(after).trim_ascii_start();
    first.ends_with(b"}") && after.starts_with(b"{")
}

/// The bytes after a UTF-8 byte order mark, if there is one.
#[must_use]
pub fn after_mark(head: &[u8]) -> &[u8] {
    head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head)
}

/// What [`Splitter`] found between two borders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Where it starts, in bytes from the start of the input.
    pub offset: u64,
    /// How long it is in bytes; the limit, if it is longer than a record may be.
    pub length: usize,
    /// Its bytes; `None` if it is longer than [`RECORD_BYTES_MAX`].
    pub bytes: Option<&'a [u8]>,
}

/// Takes JSON documents apart into records, fed in any portions.
///
/// ```text
/// [ {..} , {..} ]                      elements of arrays
/// { "@odata.context": "..", "value": [ {..} ] }   elements of arrays in a wrapper
/// {..}  {..}                           whole objects
/// ```
///
/// Borders are found by brackets and strings alone. Where these cannot be right (an object begins
/// where only a member name may stand, a string runs over the end of a line, a bracket closes what
/// was never opened), the record under way is given up and the next one begins, so that a broken
/// record takes at most its neighbour with it.
#[derive(Debug)]
pub struct Splitter {
    /// Offset of the next byte to be fed.
    at: u64,
    state: State,
    /// The start of the record under way, from earlier portions.
    held: Vec<u8>,
    held_at: u64,
    is_too_long: bool,
    /// Open brackets: how many, and for the outermost 128 of them whether it is an object.
    depth: usize,
    kinds: u128,
    /// Depth outside of the record under way.
    base: usize,
    in_string: bool,
    is_escaped: bool,
    /// The last byte that was neither blank nor inside a string.
    last: u8,
    /// Whether members are looked at, and down to which depth the path consists of wrappers.
    is_watching: bool,
    path: usize,
    key: Vec<u8>,
    is_key: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Outside of any record.
    Between,
    /// In a record, or in an object that may turn out to be a wrapper.
    Record,
    /// In a member of a wrapper that holds no records.
    Skipped,
    /// In something that is no JSON value, up to the next line or bracket.
    Junk,
}

impl Default for Splitter {
    fn default() -> Self {
        Self {
            at: 0,
            state: State::Between,
            held: Vec::new(),
            held_at: 0,
            is_too_long: false,
            depth: 0,
            kinds: 0,
            base: 0,
            in_string: false,
            is_escaped: false,
            last: 0,
            is_watching: false,
            path: 0,
            key: Vec::new(),
            is_key: false,
        }
    }
}

/// Longest member name that is remembered; all names that matter are shorter.
const KEY_BYTES_MAX: usize = 16;

/// Brackets around records that are looked into: an array of pages of a wrapped array needs 4.
const WRAPPING_MAX: usize = 8;

type Emit<'e> = dyn FnMut(Piece<'_>) + 'e;

impl Splitter {
    /// Takes the next portion and hands out every record that ends in it.
    pub fn feed(&mut self, bytes: &[u8], emit: &mut Emit<'_>) {
        // Start of the record under way, if that lies in this portion.
        let mut from = 0;
        let mut i = 0;
        while let Some(rest) = bytes.get(i..).filter(|rest| !rest.is_empty()) {
            match self.state {
                State::Between => i += self.between(rest, i, &mut from),
                State::Record => i = self.record(bytes, i, &mut from, emit),
                State::Skipped => i += self.skipped(rest),
                State::Junk => i = self.junk(bytes, i, &mut from, emit),
            }
        }
        if matches!(self.state, State::Record | State::Junk) {
            self.hold(bytes.get(from..).unwrap_or_default());
        }
        self.at += bytes.len() as u64;
    }

    /// Hands out what is left when the input ends, and is ready for another one.
    pub fn finish(&mut self, emit: &mut Emit<'_>) {
        if matches!(self.state, State::Record | State::Junk) {
            self.emit(&[], emit);
        }
        *self = Self { held: std::mem::take(&mut self.held), ..Self::default() };
        self.held.clear();
    }

    /// Whether an array of records is open, so that an input which ends here was cut between two of
    /// them. A record under way says so itself: it cannot be read.
    #[must_use]
    pub const fn is_in_array(&self) -> bool {
        self.depth > 0 && matches!(self.state, State::Between | State::Skipped)
    }

    fn push(&mut self, is_object: bool) {
        if let Some(bit) = self.bit(self.depth) {
            self.kinds = if is_object { self.kinds | bit } else { self.kinds & !bit };
        }
        self.depth += 1;
        self.last = if is_object { b'{' } else { b'[' };
    }

    fn pop(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.path = self.path.min(self.depth);
    }

    const fn bit(&self, depth: usize) -> Option<u128> {
        if depth < u128::BITS as usize { Some(1 << depth) } else { None }
    }

    /// Whether the innermost bracket is an object's; `None` deeper than anyone can tell.
    const fn in_object(&self) -> Option<bool> {
        match self.depth.checked_sub(1) {
            None => Some(false),
            Some(depth) => match self.bit(depth) {
                Some(bit) => Some(self.kinds & bit != 0),
                None => None,
            },
        }
    }

    /// Whether an object may begin after `last`.
    const fn may_open(&self) -> bool {
        match self.last {
            b':' | b'[' => true,
            b',' => !matches!(self.in_object(), Some(true)),
            _ => false,
        }
    }

    fn begin(&mut self, state: State, i: usize, from: &mut usize) {
        self.state = state;
        self.base = self.depth;
        *from = i;
        self.held.clear();
        self.held_at = self.at + i as u64;
        self.is_too_long = false;
    }

    fn hold(&mut self, bytes: &[u8]) {
        if self.is_too_long || self.held.len() + bytes.len() > RECORD_BYTES_MAX {
            self.is_too_long = true;
            self.held = Vec::new();
        } else {
            self.held.extend_from_slice(bytes);
        }
    }

    /// Ends the record under way with `tail`.
    fn emit(&mut self, tail: &[u8], emit: &mut Emit<'_>) {
        let is_whole = self.held.is_empty() && !self.is_too_long && tail.len() <= RECORD_BYTES_MAX;
        if !is_whole {
            self.hold(tail);
        }
        let bytes = if is_whole { tail } else { self.held.as_slice() };
        // What was given up half-way ends in the comma or blank before its neighbour.
        let end = bytes
            .iter()
            .rposition(|b| !b.is_ascii_whitespace() && *b != b',')
            .map_or(0, |last| last + 1);
        let bytes = bytes.get(..end).unwrap_or_default();
        if self.is_too_long {
            emit(Piece { offset: self.held_at, length: RECORD_BYTES_MAX, bytes: None });
        } else if !bytes.is_empty() {
            emit(Piece { offset: self.held_at, length: bytes.len(), bytes: Some(bytes) });
        }
        self.held.clear();
        self.is_too_long = false;
        self.is_watching = false;
        self.is_key = false;
        self.in_string = false;
        self.is_escaped = false;
        // Brackets that a broken record left open are closed with it.
        while self.depth > self.base {
            self.pop();
        }
        self.last = b',';
        self.state = State::Between;
    }

    /// One byte outside of records; returns how many bytes were used.
    fn between(&mut self, rest: &[u8], i: usize, from: &mut usize) -> usize {
        let Some(&byte) = rest.first() else { return 0 };
        if self.in_object() == Some(true) {
            return self.member(rest);
        }
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => {}
            0xEF | 0xBB | 0xBF if self.at + (i as u64) < 3 => {}
            b'{' => {
                self.begin(State::Record, i, from);
                self.is_watching = self.depth == 0;
                self.push(true);
                if self.is_watching {
                    self.path = 1;
                }
            }
            b'[' if self.depth < WRAPPING_MAX => self.push(false),
            b']' if self.depth > 0 => {
                self.pop();
                self.last = b']';
            }
            b'}' if self.depth > 1 => {
                // The wrapper ends although its array does not.
                self.pop();
                if self.in_object() == Some(true) {
                    self.pop();
                }
                self.last = b'}';
            }
            b'[' | b']' | b'}' => {}
            _ => {
                self.begin(State::Junk, i, from);
                return 0;
            }
        }
        1
    }

    /// Bytes between the members of a wrapper whose array was found; returns how many were used.
    fn member(&mut self, rest: &[u8]) -> usize {
        if self.in_string {
            return self.string(rest);
        }
        let Some(&byte) = rest.first() else { return 0 };
        match byte {
            b'"' => self.open_string(),
            b'{' if self.last == b':'
                && self.depth < WRAPPING_MAX
                && self.is_path(OBJECT_MEMBERS) =>
            {
                self.push(true);
                self.path = self.depth;
            }
            b'[' if self.last == b':' && self.is_path(ARRAY_MEMBERS) => self.push(false),
            b'{' if self.last != b':' => {
                // The wrapper was never closed: this is the next document.
                while self.depth > 0 {
                    self.pop();
                }
                return 0;
            }
            b'{' | b'[' => {
                self.base = self.depth;
                self.push(byte == b'{');
                self.state = State::Skipped;
            }
            b'}' => {
                self.pop();
                self.last = byte;
            }
            b' ' | b'\t' | b'\r' | b'\n' => {}
            _ => self.last = byte,
        }
        1
    }

    /// Whether the member whose value begins is a step towards records.
    fn is_path(&self, members: &[&[u8]]) -> bool {
        self.depth == self.path && members.contains(&self.key.as_slice())
    }

    fn open_string(&mut self) {
        self.in_string = true;
        self.is_key = self.depth == self.path && matches!(self.last, b'{' | b',');
        if self.is_key {
            self.key.clear();
        }
    }

    /// Goes on inside a string; returns how many bytes were used.
    fn string(&mut self, rest: &[u8]) -> usize {
        if self.is_escaped {
            self.is_escaped = false;
            return 1;
        }
        let end = memchr3(b'"', b'\\', b'\n', rest);
        if self.is_key {
            let text = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            let room = KEY_BYTES_MAX.saturating_sub(self.key.len());
            self.key.extend(text.iter().take(room));
        }
        let Some(end) = end else { return rest.len() };
        match rest.get(end) {
            Some(b'\\') => {
                self.is_escaped = true;
                // A name that needs an escape is none of ours.
                self.key.extend(self.is_key.then_some(b'\\'));
            }
            // A string cannot hold a line's end: its closing quote is missing.
            _ => {
                self.in_string = false;
                self.last = b'"';
                if self.is_key && self.is_watching && NAMING_MEMBERS.contains(&self.key.as_slice())
                {
                    self.is_watching = false;
                }
                self.is_key = false;
            }
        }
        end + 1
    }

    /// Goes on inside a record, from `i`; returns where it stopped.
    fn record(
        &mut self,
        bytes: &[u8],
        mut i: usize,
        from: &mut usize,
        emit: &mut Emit<'_>,
    ) -> usize {
        while let Some(&byte) = bytes.get(i) {
            if self.in_string {
                i += self.string(bytes.get(i..).unwrap_or_default());
                continue;
            }
            match byte {
                b'"' if self.is_watching => self.open_string(),
                b'"' => self.in_string = true,
                b'{' | b'[' if byte == b'{' && !self.may_open() => {
                    // Only a broken record has an object here; it is the next record.
                    let end = bytes.get(*from..i).unwrap_or_default();
                    self.emit(end, emit);
                    return i;
                }
                b'{' | b'[' => {
                    let is_object = byte == b'{';
                    let is_member = self.is_watching && self.last == b':';
                    if is_member && !is_object && self.is_path(ARRAY_MEMBERS) {
                        // A wrapper: what was held of it is of no use.
                        self.push(false);
                        self.held.clear();
                        self.is_watching = false;
                        self.state = State::Between;
                        return i + 1;
                    }
                    let is_path = is_member && is_object && self.is_path(OBJECT_MEMBERS);
                    self.push(is_object);
                    if is_path {
                        self.path = self.depth;
                    }
                }
                b'}' | b']' => {
                    // What the other kind of bracket left open ends too.
                    let is_object = byte == b'}';
                    while self.depth > self.base && self.in_object() == Some(!is_object) {
                        self.pop();
                    }
                    if self.depth == self.base {
                        let end = bytes.get(*from..i).unwrap_or_default();
                        self.emit(end, emit);
                        return i;
                    }
                    self.pop();
                    self.last = byte;
                    if self.depth == self.base {
                        let end = bytes.get(*from..=i).unwrap_or_default();
                        self.emit(end, emit);
                        return i + 1;
                    }
                }
                b' ' | b'\t' | b'\r' | b'\n' => {}
                _ => {
                    if self.last == b'"' && !matches!(byte, b',' | b':') {
                        // A bare word cannot follow a string: the quote before it was inside one.
                        self.in_string = true;
                        continue;
                    }
                    self.last = byte;
                }
            }
            i += 1;
        }
        i
    }

    /// Goes on inside a member that holds no records; returns how many bytes were used.
    fn skipped(&mut self, rest: &[u8]) -> usize {
        if self.in_string {
            return self.string(rest);
        }
        match rest.first() {
            Some(b'"') => self.in_string = true,
            Some(byte @ (b'{' | b'[')) => self.push(*byte == b'{'),
            Some(byte @ (b'}' | b']')) => {
                self.pop();
                self.last = *byte;
                if self.depth <= self.base {
                    self.state = State::Between;
                }
            }
            _ => {}
        }
        1
    }

    /// Goes on inside what is no JSON value; returns where it stopped.
    fn junk(&mut self, bytes: &[u8], mut i: usize, from: &mut usize, emit: &mut Emit<'_>) -> usize {
        while let Some(&byte) = bytes.get(i) {
            let is_end = match byte {
                b'\n' => true,
                b'{' | b'[' | b']' | b'}' => self.depth > 0 && !self.in_string,
                b'"' => {
                    self.in_string = !self.in_string;
                    false
                }
                _ => false,
            };
            if is_end {
                let end = bytes.get(*from..i).unwrap_or_default();
                self.emit(end, emit);
                return i;
            }
            i += 1;
        }
        i
    }
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
