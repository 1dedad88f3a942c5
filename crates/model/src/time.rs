//! Instants and spans, in whole milliseconds.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An instant: milliseconds since 1970-01-01T00:00:00Z, leap seconds ignored.
///
/// Milliseconds are the finest unit that every supported vendor logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A signed span between two instants, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(i64);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A span of `n` milliseconds.
    #[must_use]
    pub const fn millis(n: i64) -> Self {
        Self(n)
    }

    /// A span of `n` seconds.
    #[must_use]
    pub const fn seconds(n: i64) -> Self {
        Self(n.saturating_mul(1_000))
    }

    /// A span of `n` minutes.
    #[must_use]
    pub const fn minutes(n: i64) -> Self {
        Self::seconds(n.saturating_mul(60))
    }

    /// A span of `n` hours.
    #[must_use]
    pub const fn hours(n: i64) -> Self {
        Self::minutes(n.saturating_mul(60))
    }

    /// A span of `n` days of 24 hours.
    #[must_use]
    pub const fn days(n: i64) -> Self {
        Self::hours(n.saturating_mul(24))
    }

    /// The length in milliseconds; negative when it points back.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The length in seconds, as a real number.
    #[must_use]
    pub fn as_seconds_f64(self) -> f64 {
        self.0 as f64 / 1_000.0
    }

    /// The length without its sign.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self(self.0.saturating_abs())
    }
}

impl fmt::Display for Span {
    /// The two largest units that are not zero: `2d 4h`, `3m 20s`, `0s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.0.unsigned_abs() / 1_000;
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let (days, hours) = (total / 86_400, total / 3_600 % 24);
        let (minutes, seconds) = (total / 60 % 60, total % 60);
        match (days, hours, minutes) {
            (0, 0, 0) => write!(f, "{seconds}s"),
            (0, 0, _) if seconds == 0 => write!(f, "{minutes}m"),
            (0, 0, _) => write!(f, "{minutes}m {seconds}s"),
            (0, _, 0) => write!(f, "{hours}h"),
            (0, _, _) => write!(f, "{hours}h {minutes}m"),
            (_, 0, _) => write!(f, "{days}d"),
            (_, _, _) => write!(f, "{days}d {hours}h"),
        }
    }
}

/// Why a text is not an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseTimeError;

impl fmt::Display for ParseTimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an RFC 3339 time such as 2026-01-31T09:30:00Z")
    }
}

impl std::error::Error for ParseTimeError {}

impl Timestamp {
    /// The earliest instant that can be held; older than any log.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest instant that can be held.
    pub const MAX: Self = Self(i64::MAX);

    /// An instant from milliseconds since the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// An instant from whole seconds since the Unix epoch; saturates.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }

    /// An instant from a number that is seconds or milliseconds since the Unix epoch, told apart by
    /// size: 1e11 seconds is the year 5138, 1e11 milliseconds is 1973, before any log read here.
    ///
    /// `None` outside of the years 0 to 9999, which RFC 3339 can write.
    // SECURITY: a lying number must not become the last instant of a scan. Guarded by
    // `numbers_outside_the_calendar_are_no_instants`.
    #[must_use]
    pub const fn from_epoch(number: i64) -> Option<Self> {
        let millis = if number.unsigned_abs() < 100_000_000_000 { number * 1_000 } else { number };
        if millis >= YEAR_0_MILLIS && millis < YEAR_10000_MILLIS {
            Some(Self(millis))
        } else {
            None
        }
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The hour of the day in UTC, 0 to 23.
    #[must_use]
    pub const fn hour_of_day(self) -> u8 {
        (self.0.div_euclid(3_600_000).rem_euclid(24)) as u8
    }

    /// Days since 1970-01-01 in UTC; the same for two instants of one UTC day.
    #[must_use]
    pub const fn day(self) -> i64 {
        self.0.div_euclid(86_400_000)
    }

    /// Reads RFC 3339, and the near misses that identity logs hold: a blank for the `T`, no zone
    /// (UTC is meant, as Microsoft 365 documents), a trailing ` UTC`, an offset without a colon.
    ///
    /// Digits past the millisecond are cut off.
    ///
    /// # Errors
    /// [`ParseTimeError`] if the text is anything else, or names a day that does not exist.
    pub fn parse(text: &str) -> Result<Self, ParseTimeError> {
        parse(text.trim_ascii().as_bytes()).ok_or(ParseTimeError)
    }
}

fn parse(b: &[u8]) -> Option<Timestamp> {
    let (head, mut rest) = b.split_at_checked(19)?;
    let [
        y1,
        y2,
        y3,
        y4,
        b'-',
        m1,
        m2,
        b'-',
        d1,
        d2,
        b'T' | b't' | b' ',
        h1,
        h2,
        b':',
        i1,
        i2,
        b':',
        s1,
        s2,
    ] = *<&[u8; 19]>::try_from(head).ok()?
    else {
        return None;
    };
    let two = |a: u8, b: u8| -> Option<i64> {
        (a.is_ascii_digit() && b.is_ascii_digit())
            .then(|| i64::from(a - b'0') * 10 + i64::from(b - b'0'))
    };
    let year = two(y1, y2)? * 100 + two(y3, y4)?;
    let (month, day) = (two(m1, m2)?, two(d1, d2)?);
    let (hour, minute, second) = (two(h1, h2)?, two(i1, i2)?, two(s1, s2)?);
    if !(1..=12).contains(&month)
        || day < 1
        || day > days_in_month(year, month)
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    let mut millis = 0;
    if let [b'.' | b',', fraction @ ..] = rest {
        let digits = fraction.iter().take_while(|c| c.is_ascii_digit()).count();
        if digits == 0 {
            return None;
        }
        let (number, after) = fraction.split_at(digits);
        let mut unit = 100;
        for c in number.iter().take(3) {
            millis += i64::from(c - b'0') * unit;
            unit /= 10;
        }
        rest = after;
    }
    let offset_minutes = match rest {
        b"" | b"Z" | b"z" | b" UTC" | b" Z" => 0,
        [sign @ (b'+' | b'-'), a, b, b':', c, d] | [sign @ (b'+' | b'-'), a, b, c, d] => {
            let minutes = two(*a, *b)? * 60 + two(*c, *d)?;
            if *sign == b'-' { -minutes } else { minutes }
        }
        _ => return None,
    };
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second
        - offset_minutes * 60;
    // An offset or a leap second can lead out of the years that RFC 3339 can write.
    let millis = seconds * 1_000 + millis;
    (YEAR_0_MILLIS..YEAR_10000_MILLIS).contains(&millis).then_some(Timestamp(millis))
}

/// 0000-01-01T00:00:00Z, the first instant that RFC 3339 can write.
const YEAR_0_MILLIS: i64 = days_from_civil(0, 1, 1) * 86_400_000;

/// 10000-01-01T00:00:00Z, just past the last one.
const YEAR_10000_MILLIS: i64 = days_from_civil(10_000, 1, 1) * 86_400_000;

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a civil date. Source: Howard Hinnant, "chrono-compatible low-level date
/// algorithms", `days_from_civil`.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The civil date (year, month, day) of a day number. Same source, `civil_from_days`.
const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC; the fraction appears only when it is not zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.day());
        let ms = self.0.rem_euclid(86_400_000);
        let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if ms % 1_000 != 0 {
            write!(f, ".{:03}", ms % 1_000)?;
        }
        f.write_str("Z")
    }
}

impl FromStr for Timestamp {
    type Err = ParseTimeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

impl Add for Span {
    type Output = Self;

    fn add(self, more: Self) -> Self {
        Self(self.0.saturating_add(more.0))
    }
}

impl Add<Span> for Timestamp {
    type Output = Self;

    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Timestamp {
    type Output = Self;

    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl Sub for Timestamp {
    type Output = Span;

    fn sub(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_that_vendors_log_names_the_same_instant() {
        let expected = Timestamp::from_millis(1_769_851_800_000);
        for text in [
            "2026-01-31T09:30:00Z",
            "2026-01-31T09:30:00.000Z",
            "2026-01-31 09:30:00 UTC",
            "2026-01-31T09:30:00",
            "2026-01-31T10:30:00+01:00",
            "2026-01-31T04:30:00.0000000-0500",
        ] {
            assert_eq!(Timestamp::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn days_that_do_not_exist_are_refused() {
        for text in ["2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z", "soon"]
        {
            assert_eq!(Timestamp::parse(text), Err(ParseTimeError), "{text}");
        }
    }

    #[test]
    fn numbers_outside_the_calendar_are_no_instants() {
        let at = Timestamp::from_millis(1_772_442_000_000);
        assert_eq!(Timestamp::from_epoch(1_772_442_000), Some(at));
        assert_eq!(Timestamp::from_epoch(1_772_442_000_000), Some(at));
        for number in [i64::MIN, i64::MAX, 253_402_300_800_000] {
            assert_eq!(Timestamp::from_epoch(number), None, "{number}");
        }
    }

    #[test]
    fn instants_that_cannot_be_printed_are_refused() {
        for text in
            ["9999-12-31T23:59:60Z", "9999-12-31T23:59:59-00:01", "0000-01-01T00:00:00+00:01"]
        {
            assert_eq!(Timestamp::parse(text), Err(ParseTimeError), "{text}");
        }
    }

    #[test]
    fn what_is_printed_reads_back() {
        for millis in [0, 1, 951_782_400_000, 1_769_851_800_123, -1, 253_402_300_799_999] {
            let at = Timestamp::from_millis(millis);
            assert_eq!(Timestamp::parse(&at.to_string()), Ok(at));
        }
    }

    #[test]
    fn spans_print_their_two_largest_units() {
        assert_eq!(Span::seconds(0).to_string(), "0s");
        assert_eq!(Span::seconds(200).to_string(), "3m 20s");
        assert_eq!(Span::hours(52).to_string(), "2d 4h");
    }
}
