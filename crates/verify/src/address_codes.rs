//! How many recovery codes go to addresses, and how many wrong ones are taken.

use pushback_model::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::id::AddressId;
use crate::policy::StopPolicy;
use crate::state::{ADDRESSES_MAX, push_bounded};

/// Codes that an address gets one after the other in any 24 hours. Mail can bomb too.
const CODES_AT_ONCE: usize = 3;
/// How long after the last one it gets the next: anybody can ask, and must not use up what the owner asks
/// for next. With those before, ten in a day at most.
const NEXT_AFTER: Span = Span::hours(3);
const DAY: Span = Span::days(1);
/// Entries that are kept: those of a day for each address.
const KEPT: usize = ADDRESSES_MAX * 10;

/// The codes that were sent in the last day, and the wrong entries since the last one that was
/// right, over all codes: a new code does not reset them (SP 800-63B-4, 3.1.3.2).
///
/// A code has 40 bits and is never enough alone. Whoever has the other proof already hits one
/// in 10,000,000,000 with the 100 guesses in a row that there are by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct AddressCodes {
    /// Sent when it was not written down where to; each counts at every address.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sent_at: Vec<Timestamp>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sent: Vec<(AddressId, Timestamp)>,
    wrong_entries: u16,
}

impl AddressCodes {
    /// Whether one more may be sent to this address.
    // SECURITY: what was sent to one address takes nothing from another, or a stranger who asks for an
    // address that nobody reads would keep the owner from the other. Guarded by
    // `codes_for_one_address_take_nothing_from_another`.
    pub fn may_send(&self, to: &AddressId, now: Timestamp) -> bool {
        let own = self.sent.iter().filter(|(address, _)| address == to).map(|(_, at)| at);
        let young = own.chain(&self.sent_at).filter(|at| **at > now - DAY);
        let (count, last) =
            young.fold((0, None), |(count, last), at| (count + 1, last.max(Some(*at))));
        count < CODES_AT_ONCE || last.is_none_or(|last| last + NEXT_AFTER <= now)
    }

    pub fn send(&mut self, to: AddressId, now: Timestamp) {
        self.sent_at.retain(|at| *at > now - DAY);
        self.sent.retain(|(_, at)| *at > now - DAY);
        push_bounded(&mut self.sent, (to, now), KEPT);
    }

    pub fn fail(&mut self) {
        self.wrong_entries = self.wrong_entries.saturating_add(1);
    }

    /// Forgets wrong entries: the owner has proven themselves, or the addresses are others.
    pub fn succeed(&mut self) {
        self.wrong_entries = 0;
    }

    /// Whether the hard stop of SP 800-63B-4, 3.2.2 is reached: no code is sent or taken.
    pub fn is_stopped(&self, policy: &StopPolicy) -> bool {
        self.wrong_entries >= u16::from(policy.disable_after)
    }

    /// Dates every code to `now`; used when an administrator sets the clock right. Frees nothing.
    pub fn restamp(&mut self, now: Timestamp) {
        self.sent_at.fill(now);
        self.sent.iter_mut().for_each(|(_, at)| *at = now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_s(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn address(name: &str) -> AddressId {
        AddressId::parse(name).unwrap()
    }

    #[test]
    fn after_three_codes_the_next_one_waits_three_hours() {
        let (mut codes, to) = (AddressCodes::default(), address("mail:1"));
        for second in 0..3 {
            assert!(codes.may_send(&to, at_s(second)), "{second}");
            codes.send(to.clone(), at_s(second));
        }
        assert!(!codes.may_send(&to, at_s(10_801)));
        assert!(codes.may_send(&to, at_s(10_802)));
        codes.send(to.clone(), at_s(10_802));
        assert!(!codes.may_send(&to, at_s(21_601)));
        assert!(codes.may_send(&to, at_s(21_602)));
    }

    #[test]
    fn codes_for_one_address_take_nothing_from_another() {
        let mut codes = AddressCodes::default();
        (0..86_400).for_each(|second| codes.send(address("mail:2"), at_s(second)));
        assert!(codes.may_send(&address("mail:1"), at_s(86_400)));
        assert!(codes.sent.len() <= KEPT);
    }

    /// What was sent before it was written down where to.
    #[test]
    fn codes_of_before_count_at_every_address() {
        let json = r#"{"sent_at":["1970-01-01T00:00:01Z","1970-01-01T00:00:02Z","1970-01-01T00:00:03Z"],"wrong_entries":7}"#;
        let codes: AddressCodes = serde_json::from_str(json).unwrap();
        assert!(!codes.may_send(&address("mail:1"), at_s(10_802)));
        assert!(codes.may_send(&address("mail:1"), at_s(10_803)));
        assert_eq!(codes.wrong_entries, 7);
    }

    #[test]
    fn the_hundredth_wrong_entry_in_a_row_stops() {
        let policy = StopPolicy::default();
        let mut codes = AddressCodes::default();
        (0..99).for_each(|_| codes.fail());
        assert!(!codes.is_stopped(&policy));
        codes.fail();
        assert!(codes.is_stopped(&policy));
        codes.succeed();
        assert!(!codes.is_stopped(&policy));
    }
}
