//! Whether a password is known to be burned, without telling anybody which password it is.
//!
//! The shell hashes the password with SHA-1 (the hash that lists of leaked passwords are kept by; it
//! protects nothing here), asks a list for the first five digits only, and reads the answer with
//! [`exposure`]. An answer holds some thousand lines such as
//! `0018A45C4D1DEF81644B54AB7F969B88D65:10`: the other 35 digits and how often they were seen.

use std::fmt;

use subtle::ConstantTimeEq as _;

/// The longest answer that is read, in bytes: ten times what the largest public list gives.
pub const RANGE_BYTES_MAX: usize = 1_024 * 1_024;

/// How many digits of the hash a list is asked for: 20 bits, shared by about a thousand leaked
/// passwords.
const PREFIX: usize = 5;
const SUFFIX: usize = 35;

/// The SHA-1 of a password as 40 hexadecimal digits. A secret: no `Display`, no `PartialEq`.
#[derive(Clone)]
pub struct PasswordHash([u8; PREFIX + SUFFIX]);

impl PasswordHash {
    /// Wraps a hash that the shell computed.
    #[must_use]
    pub fn new(sha1: [u8; 20]) -> Self {
        let hex = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 };
        let mut digits = [b'0'; PREFIX + SUFFIX];
        for (pair, byte) in digits.as_chunks_mut::<2>().0.iter_mut().zip(sha1) {
            *pair = [hex(byte >> 4), hex(byte & 15)];
        }
        Self(digits)
    }

    /// The five digits that a list may be told, in capitals.
    #[must_use]
    pub fn prefix(&self) -> &str {
        // Digits are ASCII; an empty text would ask for nothing.
        self.0.get(..PREFIX).and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or("")
    }

    /// The 35 digits that stay here.
    fn suffix(&self) -> &[u8] {
        self.0.get(PREFIX..).unwrap_or(&[])
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(**)")
    }
}

/// What a list says about a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Exposure {
    /// It is not on the list. That does not make it a good one.
    NotListed,
    /// It was seen so often.
    Seen {
        /// At least once.
        times: u64,
    },
}

/// Why an answer cannot be used. Nothing is known then, and nothing may be concluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// It is longer than [`RANGE_BYTES_MAX`].
    #[error("the answer has {bytes} bytes but at most {RANGE_BYTES_MAX} are read")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// A line is not 35 hexadecimal digits, a colon and a number.
    #[error("line {line} of the answer is not 35 hexadecimal digits, a colon and a number")]
    Malformed {
        /// Counted from 1.
        line: usize,
    },
}

/// Reads the answer of a list to [`PasswordHash::prefix`].
///
/// Lines end with LF or CRLF, digits may be small, empty lines are passed over; a count of zero is
/// padding and means "not listed". Every line is looked at, so that the time tells nothing.
///
/// # Errors
/// [`RangeError`] if the answer is too long or any line of it is malformed: half an answer, or an
/// error page, must not pass for "not listed".
pub fn exposure(answer: &[u8], hash: &PasswordHash) -> Result<Exposure, RangeError> {
    if answer.len() > RANGE_BYTES_MAX {
        return Err(RangeError::TooLong { bytes: answer.len() });
    }
    let mut found = Exposure::NotListed;
    for (number, line) in (1..).zip(answer.split(|b| *b == b'\n')) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        let (suffix, times) = entry(line).ok_or(RangeError::Malformed { line: number })?;
        let is_it: bool = suffix.to_ascii_uppercase().ct_eq(hash.suffix()).into();
        if is_it && times > 0 {
            found = Exposure::Seen { times };
        }
    }
    Ok(found)
}

fn entry(line: &[u8]) -> Option<(&[u8], u64)> {
    let (suffix, rest) = line.split_at_checked(SUFFIX)?;
    let count = std::str::from_utf8(rest.strip_prefix(b":")?).ok()?;
    let is_number = !count.is_empty() && count.bytes().all(|b| b.is_ascii_digit());
    let is_hex = suffix.iter().all(u8::is_ascii_hexdigit);
    // A count beyond 64 bits is a lot all the same.
    (is_hex && is_number).then(|| (suffix, count.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// SHA-1 of "password" (FIPS 180-4): 5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8.
    const SHA1: [u8; 20] = [
        0x5b, 0xaa, 0x61, 0xe4, 0xc9, 0xb9, 0x3f, 0x3f, 0x06, 0x82, 0x25, 0x0b, 0x6c, 0xf8, 0x33,
        0x1b, 0x7e, 0xe6, 0x8f, 0xd8,
    ];

    fn ask(answer: &str) -> Result<Exposure, RangeError> {
        exposure(answer.as_bytes(), &PasswordHash::new(SHA1))
    }

    #[test]
    fn only_the_first_five_digits_leave() {
        let hash = PasswordHash::new(SHA1);
        assert_eq!(hash.prefix(), "5BAA6");
        assert_eq!(format!("{hash:?}"), "PasswordHash(**)");
    }

    #[test]
    fn a_listed_password_is_seen_whatever_the_line_ends_and_letters() {
        let other = "0018A45C4D1DEF81644B54AB7F969B88D65:10";
        let it = "1E4C9B93F3F0682250B6CF8331B7EE68FD8:3861493";
        for answer in [
            format!("{other}\r\n{it}\r\n"),
            format!("{it}\n{other}"),
            format!("{other}\n{}\n", it.to_lowercase()),
        ] {
            assert_eq!(ask(&answer), Ok(Exposure::Seen { times: 3_861_493 }));
        }
        assert_eq!(ask(other), Ok(Exposure::NotListed));
        assert_eq!(ask(""), Ok(Exposure::NotListed));
    }

    #[test]
    fn padding_with_a_count_of_zero_is_not_listed() {
        assert_eq!(ask("1E4C9B93F3F0682250B6CF8331B7EE68FD8:0"), Ok(Exposure::NotListed));
    }

    #[test]
    fn an_error_page_or_half_an_answer_is_no_answer() {
        let it = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";
        for bad in ["<html>", it, &format!("{it}:"), &format!("{it}:-1"), &format!("{it}0:1")] {
            let answer = format!("0018A45C4D1DEF81644B54AB7F969B88D65:10\n{bad}");
            assert_eq!(ask(&answer), Err(RangeError::Malformed { line: 2 }), "{bad}");
        }
    }

    #[test]
    fn an_answer_is_read_up_to_its_bound() {
        let hash = PasswordHash::new(SHA1);
        assert_eq!(exposure(&vec![b'\n'; RANGE_BYTES_MAX], &hash), Ok(Exposure::NotListed));
        let bytes = RANGE_BYTES_MAX + 1;
        assert_eq!(exposure(&vec![b'\n'; bytes], &hash), Err(RangeError::TooLong { bytes }));
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_answer_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = exposure(&bytes, &PasswordHash::new(SHA1));
        }
    }
}
