//! Codes that people read and type, and what is kept of them.
//!
//! Every code is drawn from bytes that the shell took from the system's random generator. None has
//! `Display` or `PartialEq`, all print stars, and comparing takes the same time whatever differs.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use subtle::ConstantTimeEq as _;

/// Random bytes for one decision, from the system's generator. Never used for a second one.
#[derive(Clone, Copy)]
pub struct Entropy([u8; 32]);

impl Entropy {
    /// Wraps 32 bytes from a cryptographic generator.
    #[must_use]
    pub const fn from_system_rng(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A number below `n`, each equally likely.
    ///
    /// A word of 64 bits that falls into the incomplete last round is thrown away. `None` if all
    /// four words fall there, which for the sizes used here is rarer than 1 in 2^170 and means that
    /// the generator is broken: no code is better than a bad one.
    fn below(&self, n: u64) -> Option<u64> {
        let zone = u64::MAX / n * n;
        let (words, _) = self.0.as_chunks::<8>();
        words.iter().map(|word| u64::from_le_bytes(*word)).find(|word| *word < zone).map(|w| w % n)
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy(**)")
    }
}

/// Declares a code of characters: stars in `Debug`, nothing that compares or prints it by accident.
macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident[$len:literal];)+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone)]
        pub struct $name([u8; $len]);

        impl $name {
            /// The code in plain, for the one screen that it belongs on.
            #[must_use]
            pub fn reveal(&self) -> &str {
                // Every way to make one writes ASCII only; an empty text would match nothing.
                std::str::from_utf8(&self.0).unwrap_or("")
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(**)"))
            }
        }
    )+};
}

codes! {
    /// The secret shown on the sign-in screen and typed on the phone ("number matching").
    ///
    /// Six decimal digits, the least that SP 800-63B-4, 3.1.3.2 allows. It goes to the sign-in
    /// screen only: never into a wake-up push, never to the phone.
    MatchCode[6];
    /// What somebody typed on the phone; not yet known to be right.
    EnteredCode[6];
    /// The short code that a help-desk person and a subscriber both see during a call.
    ///
    /// Four consonants, so that nobody can take it for a match code or read one out in its place.
    CallerCode[4];
    /// Ties a new authenticator to a subscriber, typed beside the subscriber's name: 10 characters,
    /// 50 bits. SP 800-63B-4, 4.1.2.2 wants 40 beside an identifier.
    BindingCode[10];
    /// The same in a link or a picture, without a name: 24 characters, 120 bits. SP 800-63B-4,
    /// 4.1.2.2 wants 112.
    BindingLink[24];
    /// A saved recovery code: 16 characters, 80 bits. SP 800-63B-4, 4.2.1.1 wants 64.
    RecoveryCode[16];
    /// A recovery code mailed to an address: 8 characters, 40 bits. SP 800-63B-4, 4.2.1.2 wants six
    /// digits, which are 20.
    AddressCode[8];
}

/// How many match codes there are.
const MATCH_CODES: u64 = 1_000_000;

/// Letters that sound different in English and cannot form a word.
const CONSONANTS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// Crockford's base 32: no I, L, O, U.
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl MatchCode {
    /// Draws a code, each of the million equally likely.
    ///
    /// `None` means that the random bytes are unusable; see [`Entropy`].
    pub(crate) fn draw(entropy: &Entropy) -> Option<Self> {
        let mut rest = entropy.below(MATCH_CODES)?;
        let mut digits = [b'0'; 6];
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + u8::try_from(rest % 10).ok()?;
            rest /= 10;
        }
        Some(Self(digits))
    }

    // SECURITY: the only comparison of a match code; it takes the same time for any difference.
    // Guarded by `a_match_code_matches_itself_and_none_of_its_neighbours`.
    pub(crate) fn matches(&self, entered: &EnteredCode) -> bool {
        self.0.ct_eq(&entered.0).into()
    }
}

impl EnteredCode {
    /// Reads what was typed: six digits; blanks between them are forgiven.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut digits = text.bytes().filter(|b| *b != b' ');
        let mut code = [0; 6];
        for place in &mut code {
            *place = digits.next().filter(u8::is_ascii_digit)?;
        }
        digits.next().is_none().then_some(Self(code))
    }
}

impl CallerCode {
    pub(crate) fn draw(entropy: &Entropy) -> Option<Self> {
        let letters = CONSONANTS.len() as u64;
        let mut rest = entropy.below(letters.pow(4))?;
        let mut code = [b'B'; 4];
        for letter in &mut code {
            *letter = *CONSONANTS.get(usize::try_from(rest % letters).ok()?)?;
            rest /= letters;
        }
        Some(Self(code))
    }
}

impl BindingCode {
    /// Draws a code; the shell shows it, hands its [`CodeDigest`] to `decide` and forgets it.
    #[must_use]
    pub fn draw(entropy: &Entropy) -> Self {
        Self(base32(&entropy.0))
    }
}

impl BindingLink {
    /// Draws what a link holds, from other bytes than the code to be typed: neither tells the other.
    #[must_use]
    pub fn draw(entropy: &Entropy) -> Self {
        Self(base32(&entropy.0))
    }
}

impl RecoveryCode {
    /// Draws a code; the shell shows it once, hands its [`CodeDigest`] to `decide` and forgets it.
    #[must_use]
    pub fn draw(entropy: &Entropy) -> Self {
        Self(base32(&entropy.0))
    }
}

impl AddressCode {
    /// Draws a code; the shell mails it, hands its [`CodeDigest`] to `decide` and forgets it.
    #[must_use]
    pub fn draw(entropy: &Entropy) -> Self {
        Self(base32(&entropy.0))
    }
}

/// The first `5 * N` bits as characters. 32 letters divide every power of two: nothing is thrown
/// away and each is equally likely.
fn base32<const N: usize>(bytes: &[u8; 32]) -> [u8; N] {
    let mut out = [b'0'; N];
    for (place, letter) in out.iter_mut().enumerate() {
        let value = (0..5).fold(0_usize, |value, bit| {
            let at = place * 5 + bit;
            let byte = bytes.get(at / 8).copied().unwrap_or(0);
            value << 1 | usize::from(byte >> (7 - at % 8) & 1)
        });
        *letter = CROCKFORD.get(value).copied().unwrap_or(b'0');
    }
    out
}

/// How the subscriber's document holds a match code: in plain, since the store seals the document.
/// Not an `impl Serialize`, so that no answer to a client can hold one by accident.
pub(crate) mod match_code {
    use super::{Deserialize as _, Deserializer, EnteredCode, MatchCode, Serializer, de};

    pub fn serialize<S: Serializer>(code: &MatchCode, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(code.reveal())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<MatchCode, D::Error> {
        let text = String::deserialize(deserializer)?;
        let code = EnteredCode::parse(&text).filter(|_| text.len() == 6);
        code.map(|code| MatchCode(code.0)).ok_or_else(|| de::Error::custom("not a match code"))
    }
}

/// How the subscriber's document holds a caller code; see [`match_code`].
pub(crate) mod caller_code {
    use super::{CONSONANTS, CallerCode, Deserialize as _, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(code: &CallerCode, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(code.reveal())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<CallerCode, D::Error> {
        let text = String::deserialize(deserializer)?;
        let letters = <[u8; 4]>::try_from(text.as_bytes()).ok();
        let letters = letters.filter(|code| code.iter().all(|c| CONSONANTS.contains(c)));
        letters.map(CallerCode).ok_or_else(|| de::Error::custom("not a caller code"))
    }
}

/// The shell's hash of a code or a key. The shell chooses the function and always the same one.
#[derive(Clone)]
pub struct CodeDigest([u8; 32]);

impl CodeDigest {
    /// Wraps a digest of 32 bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for CodeDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeDigest(**)")
    }
}

impl Serialize for CodeDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let hex = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
        let text: String = self.0.iter().flat_map(|b| [hex(b >> 4), hex(b & 15)]).collect();
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for CodeDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bad = || de::Error::custom("a digest is 64 hexadecimal digits");
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != 32 || !rest.is_empty() {
            return Err(bad());
        }
        let mut bytes = [0; 32];
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            let value = |c: &u8| char::from(*c).to_digit(16).and_then(|v| u8::try_from(v).ok());
            *byte = value(high).ok_or_else(bad)? << 4 | value(low).ok_or_else(bad)?;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(value: u64) -> Entropy {
        let mut bytes = [0xff; 32];
        bytes[..8].copy_from_slice(&value.to_le_bytes());
        Entropy(bytes)
    }

    #[test]
    fn a_match_code_has_six_digits_and_leading_zeros() {
        assert_eq!(MatchCode::draw(&word(42)).unwrap().reveal(), "000042");
        assert_eq!(MatchCode::draw(&word(999_999)).unwrap().reveal(), "999999");
        assert_eq!(MatchCode::draw(&word(1_000_000)).unwrap().reveal(), "000000");
    }

    #[test]
    fn the_incomplete_last_round_is_thrown_away() {
        let zone = u64::MAX / MATCH_CODES * MATCH_CODES;
        assert_eq!(MatchCode::draw(&word(zone - 1)).unwrap().reveal(), "999999");
        assert!(MatchCode::draw(&word(zone)).is_none());
        let mut second = [0xff; 32];
        second[8..16].copy_from_slice(&7_u64.to_le_bytes());
        assert_eq!(MatchCode::draw(&Entropy(second)).unwrap().reveal(), "000007");
    }

    #[test]
    fn a_million_draws_are_spread_evenly() {
        // A fixed linear generator stands in for the system's; chi-square over 1,000 cells of the
        // leading three digits. 99.99 % of fair draws stay below 1,177 at 999 degrees of freedom.
        let mut counts = vec![0_u32; 1_000];
        let mut seed = 1_u64;
        for _ in 0..1_000_000 {
            seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = seed;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let code = MatchCode::draw(&word(z ^ (z >> 31))).unwrap();
            let cell: usize = code.reveal()[..3].parse().unwrap();
            counts[cell] += 1;
        }
        let chi: f64 = counts.iter().map(|c| (f64::from(*c) - 1_000.0).powi(2) / 1_000.0).sum();
        assert!(chi < 1_177.0, "chi-square is {chi}");
    }

    #[test]
    fn a_match_code_matches_itself_and_none_of_its_neighbours() {
        let code = MatchCode::draw(&word(123_456)).unwrap();
        assert!(code.matches(&EnteredCode::parse("123456").unwrap()));
        for other in ["123457", "023456", "123465", "000000"] {
            assert!(!code.matches(&EnteredCode::parse(other).unwrap()));
        }
    }

    #[test]
    fn only_six_digits_are_an_entered_code() {
        assert!(EnteredCode::parse("123 456").is_some());
        for text in ["", "12345", "1234567", "12345a", "１２３４５６", "approve"] {
            assert!(EnteredCode::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn no_secret_shows_in_debug_output() {
        let entropy = word(123_456);
        let code = MatchCode::draw(&entropy).unwrap();
        let shown = format!("{entropy:?} {code:?} {:?}", CodeDigest::new([0xab; 32]));
        assert_eq!(shown, "Entropy(**) MatchCode(**) CodeDigest(**)");
    }

    #[test]
    fn a_caller_code_cannot_be_taken_for_a_match_code() {
        let code = CallerCode::draw(&word(159_999)).unwrap();
        assert_eq!(code.reveal(), "ZZZZ");
        assert!(EnteredCode::parse(code.reveal()).is_none());
    }

    #[test]
    fn binding_and_recovery_codes_use_their_bits() {
        assert_eq!(BindingCode::draw(&Entropy([0xff; 32])).reveal(), "ZZZZZZZZZZ");
        let link = BindingLink::draw(&Entropy([0xff; 32]));
        assert_eq!(link.reveal(), "Z".repeat(24), "five bits each: 120 in all");
        assert_eq!(RecoveryCode::draw(&Entropy([0; 32])).reveal(), "0000000000000000");
        let mut bytes = [0; 32];
        bytes[9] = 1;
        assert_eq!(RecoveryCode::draw(&Entropy(bytes)).reveal(), "0000000000000001");
        assert_eq!(AddressCode::draw(&Entropy([0xff; 32])).reveal(), "ZZZZZZZZ");
    }

    #[test]
    fn a_digest_survives_its_text() {
        let digest = CodeDigest::new(std::array::from_fn(|i| i as u8 * 7));
        let text = serde_json::to_string(&digest).unwrap();
        assert!(serde_json::from_str::<CodeDigest>(&text).unwrap().matches(&digest));
        assert!(serde_json::from_str::<CodeDigest>("\"ab\"").is_err());
        assert!(!digest.matches(&CodeDigest::new([0; 32])));
    }
}
