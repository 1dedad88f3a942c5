//! Sixty-four bytes at a time: which of them are quotes, brackets, text.
//!
//! The bit tricks are those of simdjson (Langdale and Lemire, "Parsing gigabytes of JSON per
//! second", 2019), on portable 16-byte vectors.

use wide::u8x16;

/// Sixteen quotes.
pub(super) const QUOTE: u8x16 = splat(b'"');
/// Sixteen backslashes.
pub(super) const SLASH: u8x16 = splat(b'\\');
const CASE: u8x16 = splat(0x20);
// `[` and `{`, and `]` and `}`, differ in one bit, the one that tells letters' case.
const OPEN: u8x16 = splat(b'{');
const CLOSE: u8x16 = splat(b'}');

/// Sixteen times the same byte.
pub(super) const fn splat(byte: u8) -> u8x16 {
    u8x16::new([byte; 16])
}

/// Bits that are set at odd places.
const ODD: u64 = 0xAAAA_AAAA_AAAA_AAAA;

/// The blocks of a record from some place on. The last one is filled up with blanks.
pub(super) struct Blocks<'a> {
    bytes: &'a [u8],
    at: usize,
    /// 1 if the first byte of the next block follows an escaping backslash.
    escaped: u64,
    /// All ones if the next block starts inside a string.
    inside: u64,
}

/// One block, with what came before it.
pub(super) struct Block<'b> {
    /// Offset of its first byte in the record.
    pub(super) start: usize,
    vectors: [u8x16; 4],
    escaped: &'b mut u64,
    inside: &'b mut u64,
}

impl<'a> Blocks<'a> {
    /// Blocks from `at` on, which is outside any string and not escaped.
    #[inline]
    pub(super) const fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, escaped: 0, inside: 0 }
    }

    /// The next block, or nothing at the end of the record.
    #[inline]
    pub(super) fn next_block(&mut self) -> Option<Block<'_>> {
        let rest = self.bytes.get(self.at..)?;
        let start = self.at;
        let vectors = match rest.first_chunk::<64>() {
            Some(chunk) => vectors(chunk),
            None if rest.is_empty() => return None,
            None => {
                let mut filled = [b' '; 64];
                if let Some(start) = filled.get_mut(..rest.len()) {
                    start.copy_from_slice(rest);
                }
                vectors(&filled)
            }
        };
        self.at = (start + 64).min(self.bytes.len());
        Some(Block { start, vectors, escaped: &mut self.escaped, inside: &mut self.inside })
    }
}

/// The pieces of `BYTES` bytes, of which there are `N`.
#[inline(always)]
pub(super) fn vectors<const BYTES: usize, const N: usize>(chunk: &[u8; BYTES]) -> [u8x16; N] {
    const { assert!(BYTES == 16 * N, "a piece has 16 bytes") };
    std::array::from_fn(|n| {
        let mut bytes = [0; 16];
        // All pieces exist: the length is checked above.
        if let Some(part) = chunk.get(16 * n..16 * n + 16) {
            bytes.copy_from_slice(part);
        }
        u8x16::new(bytes)
    })
}

impl Block<'_> {
    /// Quotes that are not escaped, and backslashes.
    #[inline]
    pub(super) fn quotes(&mut self) -> (u64, u64) {
        let slashes = self.mask(|v| v.simd_eq(SLASH));
        let quotes = self.mask(|v| v.simd_eq(QUOTE));
        (quotes & !self.escapes(slashes), slashes)
    }

    /// Control characters.
    #[inline]
    pub(super) fn controls(&self) -> u64 {
        self.mask(|v| v.max(splat(0x1f)).simd_eq(splat(0x1f)))
    }

    /// Opening and closing brackets outside strings.
    #[inline]
    pub(super) fn brackets(&mut self) -> (u64, u64) {
        let (quotes, _) = self.quotes();
        let inside = prefix_xor(quotes) ^ *self.inside;
        *self.inside = 0_u64.wrapping_sub(inside >> 63);
        let opens = self.mask(|v| (v | CASE).simd_eq(OPEN));
        let closes = self.mask(|v| (v | CASE).simd_eq(CLOSE));
        (opens & !inside, closes & !inside)
    }

    #[inline]
    fn mask(&self, test: impl Fn(u8x16) -> u8x16) -> u64 {
        let [a, b, c, d] = self.vectors.map(|v| u64::from(test(v).to_bitmask()));
        a | b << 16 | c << 32 | d << 48
    }

    /// The bytes that follow an escaping backslash.
    #[inline]
    fn escapes(&mut self, slashes: u64) -> u64 {
        let before = std::mem::take(self.escaped);
        if slashes == 0 {
            return before;
        }
        let escaping = slashes & !before;
        let codes = ((escaping << 1 | ODD).wrapping_sub(escaping)) ^ ODD;
        *self.escaped = (codes & slashes) >> 63;
        codes ^ (slashes | before)
    }
}

/// Each bit becomes the parity of the bits up to and including it.
#[inline]
const fn prefix_xor(mut bits: u64) -> u64 {
    bits ^= bits << 1;
    bits ^= bits << 2;
    bits ^= bits << 4;
    bits ^= bits << 8;
    bits ^= bits << 16;
    bits ^= bits << 32;
    bits
}
