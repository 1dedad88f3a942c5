//! UTF-16 as UTF-8, while it streams: what Windows PowerShell writes when its output is redirected.

use std::io::{self, Read};

/// Bytes that are read at a time.
const BLOCK_BYTES: usize = 64 << 10;

/// Reads UTF-16 of either order of bytes as UTF-8. Half a character becomes U+FFFD.
pub(super) struct Utf16<R> {
    inner: R,
    is_big_endian: bool,
    /// What was read and is not decoded: at most a block, and half a character from before it.
    raw: Vec<u8>,
    text: Vec<u8>,
    /// How much of `text` was given out.
    given: usize,
}

impl<R: Read> Utf16<R> {
    pub const fn new(inner: R, is_big_endian: bool) -> Self {
        Self { inner, is_big_endian, raw: Vec::new(), text: Vec::new(), given: 0 }
    }

    /// Decodes the next block; answers whether there was one.
    fn refill(&mut self) -> io::Result<bool> {
        let read = self.inner.by_ref().take(BLOCK_BYTES as u64).read_to_end(&mut self.raw)?;
        let mut units: Vec<u16> = Vec::with_capacity(self.raw.len() / 2);
        for pair in self.raw.chunks_exact(2) {
            let unit = match *pair {
                [a, b] if self.is_big_endian => u16::from_be_bytes([a, b]),
                [a, b] => u16::from_le_bytes([a, b]),
                _ => continue,
            };
            units.push(unit);
        }
        let is_end = read < BLOCK_BYTES;
        let is_first_half = |unit: &u16| (0xD800..0xDC00).contains(unit);
        if !is_end && units.last().is_some_and(is_first_half) {
            units.pop();
        }
        let is_odd = is_end && self.raw.len() % 2 == 1;
        let used = if is_end { self.raw.len() } else { 2 * units.len() };
        self.raw.drain(..used);
        self.text.clear();
        self.given = 0;
        let mut buffer = [0; 4];
        for character in char::decode_utf16(units) {
            let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
            self.text.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
        }
        if is_odd {
            let lost = char::REPLACEMENT_CHARACTER.encode_utf8(&mut buffer);
            self.text.extend_from_slice(lost.as_bytes());
        }
        Ok(!self.text.is_empty())
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.text.len() && !buffer.is_empty() && !self.refill()? {
            return Ok(0);
        }
        let rest = self.text.get(self.given..).unwrap_or_default();
        let n = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..n), rest.get(..n)) {
            to.copy_from_slice(from);
        }
        self.given += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8], is_big_endian: bool) -> String {
        let mut text = String::new();
        Utf16::new(bytes, is_big_endian).read_to_string(&mut text).expect("memory can be read");
        text
    }

    #[test]
    fn a_character_of_two_halves_survives_the_border_of_a_block() {
        for before in [BLOCK_BYTES / 2 - 1, BLOCK_BYTES / 2, 7] {
            let text = format!("{}😀é\n", "x".repeat(before));
            let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
            assert_eq!(decoded(&little, false), text);
            assert_eq!(decoded(&big, true), text);
        }
    }

    #[test]
    fn half_a_character_at_the_end_is_shown_as_lost() {
        assert_eq!(decoded(b"a\0b", false), "a\u{fffd}");
        assert_eq!(decoded(b"\x3D\xD8", false), "\u{fffd}");
        assert_eq!(decoded(b"", false), "");
    }
}
