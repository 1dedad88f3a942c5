//! Which of a person's browsers name a device, so that an absence can tell.

use std::collections::BTreeMap;

use pushback_model::{EventKind, Key, Timestamp};

use crate::habits::shows_habit;
use crate::history::Origin;
use crate::prompt::{Outcome, Prompt};
use crate::record::{Record, flag};

/// Successes of one browser from which on its own custom counts, and not everybody's together.
const CUSTOM_MIN: u32 = 3;
/// Share of approved prompts that name a device, from which on an absence tells, in percent.
const PROMPTS_MIN: u32 = 80;
/// The same for sessions.
const SESSIONS_MIN: u32 = 85;

/// A browser that names a device more seldom than this leaves it out as a custom, in percent.
const SELDOM_MAX: u32 = 50;

/// How many successes there were, and how many of them named a device.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    named: u32,
    all: u32,
}

impl Share {
    fn count(&mut self, is_named: bool) {
        self.all = self.all.saturating_add(1);
        self.named = self.named.saturating_add(u32::from(is_named));
    }

    const fn without(self, own: Self) -> Self {
        Self { named: self.named.saturating_sub(own.named), all: self.all.saturating_sub(own.all) }
    }

    fn is_at_least(self, percent: u32) -> bool {
        self.all > 0 && u64::from(self.named) * 100 >= u64::from(percent) * u64::from(self.all)
    }
}

/// Prompts and sessions: what an absence in one says, the other need not.
#[derive(Clone, Copy, Debug, Default)]
struct Custom {
    prompts: Share,
    sessions: Share,
    /// Every success, also in a session that had begun before.
    successes: Share,
}

impl Custom {
    const fn without(self, own: Self) -> Self {
        Self {
            prompts: self.prompts.without(own.prompts),
            sessions: self.sessions.without(own.sessions),
            successes: self.successes.without(own.successes),
        }
    }

    /// The share that records such as these are compared with, and from where on it tells. Whoever types codes
    /// where no session is logged shows it with every success.
    const fn of(&self, has_passed: bool) -> (Share, u32) {
        if has_passed && self.sessions.all > 0 {
            (self.sessions, SESSIONS_MIN)
        } else if self.prompts.all == 0 && self.sessions.all == 0 {
            (self.successes, SESSIONS_MIN)
        } else {
            (self.prompts, PROMPTS_MIN)
        }
    }
}

/// Whether a person's browsers name the device they run on: all together, and each by itself.
///
/// A laptop of the organisation always does, the phone of the same person never. What the phone
/// leaves out is no news; what passes for the laptop and leaves it out is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Naming {
    /// Laptops and other computers.
    desks: Custom,
    /// Phones and tablets: few of them are registered where laptops are.
    phones: Custom,
    by_agent: BTreeMap<u32, Custom>,
    /// The same by address and browser, so that what was seen there can be left out.
    by_place: BTreeMap<(Key, u32), Custom>,
}

impl Naming {
    /// Learns from what a person approved and from the sessions that began.
    pub(crate) fn learn(
        records: &[Record],
        prompts: &[Prompt],
        is_tainted: &dyn Fn(&Origin, Key, Timestamp) -> bool,
    ) -> Self {
        let mut naming = Self::default();
        let approved = prompts.iter().filter(|p| p.outcome == Outcome::Approved);
        for prompt in approved.filter(|p| p.origin.has(flag::NAMES_DEVICE)) {
            let is_named = prompt.origin.device != 0;
            let origin = &prompt.origin;
            // SECURITY: what a stranger leaves out makes no custom of it. Guarded by
            // `a_remembered_machine_that_names_no_device_is_listed`.
            if is_tainted(origin, 0, prompt.sent_at) {
                continue;
            }
            naming.of_class_mut(origin.flags).prompts.count(is_named);
            naming.at(origin.place.ip, origin.agent).prompts.count(is_named);
            naming.by_agent.entry(origin.agent).or_default().prompts.count(is_named);
        }
        for record in records
            .iter()
            .filter(|r| shows_habit(r.kind) && r.has(flag::NAMES_DEVICE) && r.requester.is_known())
        {
            if is_tainted(&Origin::of(record), record.session, record.at) {
                continue;
            }
            let is_named = record.device != 0;
            naming.of_class_mut(record.flags).successes.count(is_named);
            let own = naming.by_agent.entry(record.agent).or_default();
            own.successes.count(is_named);
            if record.kind == EventKind::SessionStarted {
                own.sessions.count(is_named);
                naming.of_class_mut(record.flags).sessions.count(is_named);
            }
            let there = naming.at(record.requester.ip, record.agent);
            there.successes.count(is_named);
            if record.kind == EventKind::SessionStarted {
                there.sessions.count(is_named);
            }
        }
        naming
    }

    fn at(&mut self, ip: Key, agent: u32) -> &mut Custom {
        self.by_place.entry((ip, agent)).or_default()
    }

    /// Whether successes like this one always name a device; of one abroad, and of what failed, what was seen
    /// at its own address is left out. At home people sit down at whatever computer there is.
    //
    // SECURITY: a stranger who signs in thrice in a row must not make it customary to name none.
    // Guarded by `what_a_place_itself_leaves_out_does_not_make_it_customary`.
    pub(crate) fn is_always_named(
        &self,
        origin: &Origin,
        has_passed: bool,
        is_abroad: bool,
    ) -> bool {
        if !origin.has(flag::NAMES_DEVICE) {
            return false;
        }
        let is_own_case = is_abroad || !has_passed;
        let there = self.by_place.get(&(origin.place.ip, origin.agent)).filter(|_| is_own_case);
        let there = there.copied().unwrap_or_default();
        let own = self.by_agent.get(&origin.agent).filter(|_| origin.agent != 0);
        if let Some(own) = own.map(|own| own.without(there)) {
            let custom = own.successes;
            if custom.all >= CUSTOM_MIN && !custom.is_at_least(SELDOM_MAX) {
                return false;
            }
            let (share, percent) = own.of(has_passed);
            if share.all >= CUSTOM_MIN {
                return share.is_at_least(percent);
            }
        }
        let is_phone = origin.has(flag::MOBILE);
        let class = if is_phone { self.phones } else { self.desks }.without(there);
        let (share, percent) = class.of(has_passed);
        // What laptops do says nothing about phones, and one phone nothing about all.
        (!is_phone || share.all >= CUSTOM_MIN) && share.is_at_least(percent)
    }

    const fn of_class_mut(&mut self, flags: u16) -> &mut Custom {
        if flags & flag::MOBILE != 0 { &mut self.phones } else { &mut self.desks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Place;

    fn naming(agents: &[(u32, u32, u32)]) -> Naming {
        let mut naming = Naming::default();
        for (agent, named, all) in agents {
            for n in 0..*all {
                let custom = naming.by_agent.entry(*agent).or_default();
                custom.sessions.count(n < *named);
                custom.successes.count(n < *named);
                naming.desks.sessions.count(n < *named);
            }
        }
        naming
    }

    #[test]
    fn what_a_place_itself_leaves_out_does_not_make_it_customary() {
        let mut naming = naming(&[(1, 9, 9), (7, 0, 3)]);
        assert!(
            !naming.is_always_named(&from(7), true, false),
            "a machine of theirs, wherever it is"
        );
        let mut there = from(7);
        there.place.ip = 99;
        for _ in 0..3 {
            let custom = naming.at(there.place.ip, there.agent);
            custom.sessions.count(false);
            custom.successes.count(false);
        }
        assert!(naming.is_always_named(&there, true, true));
        assert!(!naming.is_always_named(&there, true, false), "another computer at home");
    }

    #[test]
    fn what_failed_somewhere_is_not_excused_by_what_then_passed_there() {
        let mut naming = Naming::default();
        (0..4).for_each(|_| naming.desks.prompts.count(true));
        let there = Origin { place: Place { ip: 99, ..Place::default() }, ..from(7) };
        assert!(naming.is_always_named(&there, false, false));
        for _ in 0..2 {
            naming.desks.prompts.count(false);
            naming.at(99, 7).prompts.count(false);
        }
        assert!(naming.is_always_named(&there, false, false));
        assert!(!naming.is_always_named(&there, true, false), "whoever got in may be the owner");
    }

    fn from(agent: u32) -> Origin {
        Origin { agent, flags: flag::NAMES_DEVICE, ..Origin::default() }
    }

    #[test]
    fn what_passes_for_the_laptop_and_leaves_its_device_out_is_news() {
        let naming = naming(&[(1, 20, 20), (2, 0, 5)]);
        assert!(naming.is_always_named(&from(1), true, false));
    }

    #[test]
    fn what_the_phone_always_leaves_out_is_no_news() {
        let naming = naming(&[(1, 40, 40), (2, 0, 5)]);
        assert!(!naming.is_always_named(&from(2), true, false));
    }

    #[test]
    fn a_phone_is_not_held_to_what_laptops_do() {
        let mut naming = naming(&[(1, 20, 20)]);
        let phone = Origin { flags: flag::NAMES_DEVICE | flag::MOBILE, ..from(7) };
        assert!(!naming.is_always_named(&phone, true, false));
        for _ in 0..CUSTOM_MIN {
            naming.phones.sessions.count(true);
        }
        assert!(naming.is_always_named(&phone, true, false));
    }

    #[test]
    fn a_browser_never_seen_is_held_to_what_all_do() {
        assert!(naming(&[(1, 20, 20)]).is_always_named(&from(7), true, false));
        assert!(!naming(&[(1, 16, 20)]).is_always_named(&from(7), true, false));
        assert!(!Naming::default().is_always_named(&from(7), true, false));
    }

    #[test]
    fn a_kind_of_record_that_names_no_device_says_nothing() {
        let silent = Origin { flags: 0, ..from(1) };
        assert!(!naming(&[(1, 20, 20)]).is_always_named(&silent, true, false));
    }
}
