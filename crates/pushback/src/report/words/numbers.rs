//! Numbers, sizes and times in words.

use pushback_model::{Span, Timestamp};

/// Bits with their sign and one decimal: `+6.0`, `-1.5`.
#[must_use]
pub fn bits(bits: f64) -> String {
    // Adding zero turns a negative zero into a positive one.
    format!("{:+.1}", (bits * 10.0).round() / 10.0 + 0.0)
}

/// A number with its noun, "one" written out: `one prompt`, `7 prompts`.
#[must_use]
pub fn several(count: u32, noun: &str) -> String {
    if count == 1 { format!("one {noun}") } else { format!("{} {noun}s", number(u64::from(count))) }
}

/// A number with its noun: `1 account`, `1,204 accounts`.
#[must_use]
pub fn several_of(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", number(count), if count == 1 { "" } else { "s" })
}

/// `1 person`, `1,204 people`.
#[must_use]
pub fn people(count: u64) -> String {
    if count == 1 { "1 person".to_owned() } else { format!("{} people", number(count)) }
}

/// A whole number with commas: `1,204,331`.
#[must_use]
pub fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// A size in powers of a thousand: `812 B`, `1.2 GB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1_000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1_000.0;
    let mut unit = "kB";
    for next in UNITS.iter().skip(1) {
        if value < 999.95 {
            break;
        }
        value /= 1_000.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

/// The day of an instant in UTC: `2026-03-14`.
#[must_use]
pub fn date(at: Timestamp) -> String {
    at.to_string().split('T').next().unwrap_or_default().to_owned()
}

/// The time of day of an instant in UTC, to the minute: `03:12`.
#[must_use]
pub fn time(at: Timestamp) -> String {
    time_seconds(at).chars().take(5).collect()
}

/// The time of day of an instant in UTC, to the second: `03:12:09`.
#[must_use]
pub fn time_seconds(at: Timestamp) -> String {
    at.to_string().split('T').nth(1).unwrap_or_default().chars().take(8).collect()
}

/// Writes times one after the other and the day only when it changes.
#[derive(Clone, Copy, Debug)]
pub struct Days(Option<i64>);

impl Days {
    /// A reader who has just been told the day of `at`.
    #[must_use]
    pub const fn known(at: Timestamp) -> Self {
        Self(Some(at.day()))
    }

    /// A reader who has not been told any day.
    #[must_use]
    pub const fn unknown() -> Self {
        Self(None)
    }

    /// Whether `at` is on another day than the last one told; remembers the day.
    pub fn turns(&mut self, at: Timestamp) -> bool {
        self.0.replace(at.day()) != Some(at.day())
    }

    /// `03:12`, or `03-15 03:12` on a new day.
    pub fn time(&mut self, at: Timestamp) -> String {
        if self.turns(at) { format!("{} {}", short_date(at), time(at)) } else { time(at) }
    }
}

/// The year of an instant in UTC: `2026`.
#[must_use]
pub fn year(at: Timestamp) -> String {
    date(at).split('-').next().unwrap_or_default().to_owned()
}

/// Month and day of an instant in UTC: `03-15`.
#[must_use]
pub fn short_date(at: Timestamp) -> String {
    date(at).split_once('-').map(|(_, rest)| rest.to_owned()).unwrap_or_default()
}

/// A span in its largest unit alone, rounded down: `2h`.
#[must_use]
pub fn about(span: Span) -> String {
    span.to_string().split(' ').next().unwrap_or_default().to_owned()
}

/// The days of a period: `2026-03-10`, or `2026-03-10 to 2026-03-12`.
#[must_use]
pub fn days(first: Timestamp, last: Timestamp) -> String {
    if first.day() == last.day() {
        date(first)
    } else {
        format!("{} to {}", date(first), date(last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_sizes_and_bits_read_easily() {
        assert_eq!(number(1_204_331), "1,204,331");
        assert_eq!(number(12), "12");
        assert_eq!(size(999), "999 B");
        assert_eq!(size(1_234_567_890), "1.2 GB");
        assert_eq!(size(999_960), "1.0 MB");
        assert_eq!(bits(-0.01), "+0.0");
        assert_eq!(bits(-1.55), "-1.6");
    }

    #[test]
    fn the_day_is_told_once() {
        let at = Timestamp::parse("2026-03-14T23:59:00Z").unwrap();
        let mut days = Days::known(at);
        assert_eq!(days.time(at), "23:59");
        assert_eq!(days.time(at + Span::minutes(2)), "03-15 00:01");
        assert_eq!(days.time(at + Span::minutes(3)), "00:02");
    }
}
