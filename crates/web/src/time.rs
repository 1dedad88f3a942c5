//! Instants for people: in UTC, to the second, said to be so.

use pushback_model::Timestamp;

/// `2026-11-24 12:30:05 UTC`.
pub(crate) fn for_people(at: Timestamp) -> String {
    let text = at.to_string();
    let (day, time) = text.split_once('T').unwrap_or((&text, ""));
    let seconds = time.split(['.', 'Z']).next().unwrap_or_default();
    format!("{day} {seconds} UTC")
}

/// Whole seconds from one instant to a later one, rounded up; 0 if it is not later.
pub(crate) fn seconds_until(now: Timestamp, at: Timestamp) -> u32 {
    let millis = (at - now).as_millis().max(0);
    u32::try_from(millis.saturating_add(999) / 1_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_told_in_utc_to_the_second() {
        let at = Timestamp::from_millis(1_764_000_000_123);
        assert_eq!(for_people(at), "2025-11-24 16:00:00 UTC");
        assert_eq!(seconds_until(at, at), 0);
        assert_eq!(seconds_until(at, Timestamp::from_millis(1_764_000_000_124)), 1);
        assert_eq!(seconds_until(at, Timestamp::from_millis(0)), 0);
    }
}
