//! Duo: authentication, administrator, activity and telephony logs, and trust monitor events.

mod actions;
mod administrator;
mod authentication;
#[cfg(test)]
mod tests;

use pushback_model::Timestamp;

pub(crate) use administrator::{read, recognises};
pub(crate) use authentication::read_authentication;

/// The instant that a Duo log writes as seconds, as milliseconds, or as a text.
fn time_of(text: &str) -> Option<Timestamp> {
    match text.parse::<i64>() {
        Ok(number) => Timestamp::from_epoch(number),
        Err(_) => Timestamp::parse(text).ok(),
    }
}
