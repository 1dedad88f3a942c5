//! Duo: authentication, administrator, activity and telephony logs, and trust monitor events.

mod actions;
mod administrator;
mod authentication;
#[cfg(test)]
mod tests;

use pushback_model::Timestamp;

pub(crate) use administrator::{read, recognises};
pub(crate) use authentication::read_authentication;

/// Numbers above this are milliseconds: as seconds they would lie past the year 5000.
const SECONDS_MAX: i64 = 100_000_000_000;

/// The instant that a Duo log writes as seconds, as milliseconds, or as a text.
fn time_of(text: &str) -> Option<Timestamp> {
    match text.parse::<i64>() {
        Ok(seconds) if seconds.abs() < SECONDS_MAX => Some(Timestamp::from_seconds(seconds)),
        Ok(millis) => Some(Timestamp::from_millis(millis)),
        Err(_) => Timestamp::parse(text).ok(),
    }
}
