//! What the whole organisation shows about a source or a moment.

use std::collections::{BTreeMap, BTreeSet};

use pushback_model::{Key, Source, Span, Timestamp};

use crate::history::Origin;
use crate::record::Record;

/// People remembered of one source; more change nothing.
const PEOPLE_MAX: usize = 16;

/// An unfamiliar origin that asked somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Who was asked.
    pub who: Key,
    /// When.
    pub at: Timestamp,
    /// From where.
    pub origin: Origin,
}

/// Facts about sources and moments, each with its time so that they can be asked "as of".
#[derive(Clone, Debug, Default)]
pub struct Organisation {
    /// The first record of the whole input.
    pub first_at: Timestamp,
    /// The first record of each product.
    began: BTreeMap<Source, Timestamp>,
    /// Address or network -> colleagues who succeed from it, with the first time.
    colleagues: BTreeMap<Key, Vec<(Timestamp, Key)>>,
    /// Addresses and networks with the people whose success from there is itself in doubt.
    doubtful: BTreeSet<(Key, Key)>,
    /// Sessions that began with the password and ended there, by id and part.
    unfinished: BTreeSet<(Key, u32)>,
    /// By product, answered prompts of which both ends are logged, and those with one address at both.
    answers: BTreeMap<Source, (u32, u32)>,
    /// Doubts that did not fit.
    doubts_dropped: u64,
    /// Sightings of sources that did not fit.
    sources_dropped: u64,
    /// Address, network, or provider with browser -> people asked from it, with the time.
    asked: BTreeMap<Key, Vec<(Timestamp, Key)>>,
    /// Country -> people who succeed from it.
    countries: BTreeMap<u16, u32>,
    /// Five-minute slot -> people with prompts from familiar places: unanswered, approved.
    slots: BTreeMap<i64, (u32, u32)>,
    /// Accounts whose creation is logged.
    created: u32,
    /// First enrolments of accounts not seen before, by hour and country.
    newcomers: BTreeMap<(i64, u16), u32>,
}

const SLOT: i64 = 300_000;

/// The five minutes in which an instant lies, by number.
pub(crate) const fn slot(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(SLOT)
}

/// Accounts created in a log from which on the creation of newcomers is logged.
const CREATED_MIN: u32 = 3;

/// Sources that colleagues are asked about, and doubts about people at a source. Past it, nobody
/// vouches for a further source; with a doubt that did not fit, nobody vouches for any: an alarm too
/// many, never one too few.
const SOURCES_MAX: usize = 1 << 16;

/// So many answers tell whether a log knows where phones are ...
const ANSWERS_MIN: u32 = 100;
/// ... by one answer in so many from another address than the browser's, at the least.
const ANSWERS_APART: u64 = 100;

const fn hour(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(3_600_000)
}

/// Keys under which a source is remembered: the address, its network, its provider with browser.
pub(crate) fn source_keys(origin: &Origin) -> [Key; 3] {
    let network = Key::from(origin.place.network) | 1 << 40;
    let kin = if origin.place.asn != 0 && origin.agent != 0 {
        (Key::from(origin.place.asn) << 32 | Key::from(origin.agent)) ^ (1 << 63)
    } else {
        0
    };
    [origin.place.ip, if origin.place.network == 0 { 0 } else { network }, kin]
}

impl Organisation {
    /// An organisation of which nothing is known but when its records begin.
    #[must_use]
    pub fn new(first_at: Timestamp) -> Self {
        Self { first_at, ..Self::default() }
    }

    /// Notes when the records of each product begin.
    pub fn note_beginnings(&mut self, began: impl Iterator<Item = (Source, Timestamp)>) {
        self.began.extend(began);
    }

    /// The first record of a product: a log of another one of years ago says nothing about who was idle.
    #[must_use]
    pub fn began(&self, source: Source) -> Timestamp {
        self.began.get(&source).copied().unwrap_or(self.first_at)
    }

    /// Notes that somebody was asked from an unfamiliar origin.
    //
    // SECURITY: a spray from a million addresses must neither fill the memory nor take the places of
    // what vouches for an office. Guarded by `a_spray_from_everywhere_fills_no_memory`.
    pub fn note_asked(&mut self, sighting: &Sighting) {
        let keys = source_keys(&sighting.origin);
        for key in keys.into_iter().filter(|key| *key != 0) {
            let is_full = self.asked.len() >= SOURCES_MAX;
            if is_full && !self.asked.contains_key(&key) {
                self.sources_dropped += 1;
                continue;
            }
            let people = self.asked.entry(key).or_default();
            // One entry for a person and day is enough to count people near a time.
            let is_new = !people
                .iter()
                .any(|(at, who)| *who == sighting.who && at.day() == sighting.at.day());
            if is_new && people.len() < PEOPLE_MAX * 8 {
                people.push((sighting.at, sighting.who));
            }
        }
        let [ip, network, _] = keys;
        self.may_vouch([ip, network]);
    }

    /// Asks who else passes from there.
    fn may_vouch(&mut self, keys: [Key; 2]) {
        for key in keys.into_iter().filter(|key| *key != 0) {
            if self.colleagues.len() < SOURCES_MAX {
                self.colleagues.entry(key).or_default();
            }
        }
    }

    /// Notes that somebody passed from an origin that is unfamiliar to them.
    //
    // SECURITY: whose own success there is in doubt cannot vouch for the place, or three victims of
    // one relay page would excuse the fourth. Guarded by
    // `victims_of_one_source_do_not_vouch_for_each_other` and
    // `with_a_doubt_that_does_not_fit_nobody_vouches`.
    pub fn note_entry(&mut self, sighting: &Sighting) {
        let [ip, network, _] = source_keys(&sighting.origin);
        for key in [ip, network].into_iter().filter(|key| *key != 0) {
            let doubt = (key, sighting.who);
            if self.doubtful.len() < SOURCES_MAX {
                self.doubtful.insert(doubt);
            } else if !self.doubtful.contains(&doubt) {
                self.doubts_dropped += 1;
            }
        }
        self.may_vouch([ip, network]);
    }

    /// Notes that a session, named by [`Record::id`] and part, is no success. One that does not fit is
    /// a doubt that does not.
    pub fn note_unfinished(&mut self, named: (Key, u32)) {
        if self.unfinished.len() < SOURCES_MAX {
            self.unfinished.insert(named);
        } else if !self.unfinished.contains(&named) {
            self.doubts_dropped += 1;
        }
    }

    /// Whether a record tells of a session that is no success.
    #[must_use]
    pub fn is_unfinished(&self, record: &Record) -> bool {
        self.unfinished.contains(&(record.id, record.part))
    }

    /// Notes whether an account's creation is logged.
    pub const fn note_account(&mut self, is_created: bool) {
        self.created = self.created.saturating_add(is_created as u32);
    }

    /// Whether the log holds the creation of accounts, so that one without is older than the log.
    #[must_use]
    pub const fn announces_newcomers(&self) -> bool {
        self.created >= CREATED_MIN
    }

    /// Notes how many of a product's answered prompts name both ends, and how many of those one address.
    pub fn note_answers(&mut self, source: Source, (all, same): (u32, u32)) {
        let noted = self.answers.entry(source).or_default();
        *noted = (noted.0.saturating_add(all), noted.1.saturating_add(same));
    }

    /// Whether the address of an answer is where the phone was. Some set-ups log the browser's at both
    /// ends; then all answers come from the browser's address, and none of real phones do.
    //
    // SECURITY: another product's phones say nothing about this one's, or every prompt of a stranger would
    // be answered from beside the stranger. Guarded by `one_product_does_not_tell_where_anothers_phones_are`.
    #[must_use]
    pub fn tells_where_phones_are(&self, source: Source) -> bool {
        let (all, same) = self.answers.get(&source).copied().unwrap_or_default();
        all < ANSWERS_MIN || u64::from(all - same) * ANSWERS_APART >= u64::from(all)
    }

    /// Notes where somebody bound an authenticator: whether colleagues sign in from there is what
    /// tells the owner from a stranger.
    pub fn note_binding(&mut self, origin: &Origin) {
        let [ip, network, _] = source_keys(origin);
        self.may_vouch([ip, network]);
    }

    /// Notes an ordinary success, if anybody asks about its source.
    pub fn note_success(&mut self, who: Key, at: Timestamp, origin: &Origin) {
        let [ip, network, _] = source_keys(origin);
        for key in [ip, network] {
            if let Some(people) = self.colleagues.get_mut(&key) {
                if self.doubtful.contains(&(key, who)) {
                    continue;
                }
                if let Some((first, _)) = people.iter_mut().find(|(_, known)| *known == who) {
                    *first = at.min(*first);
                } else if people.len() < PEOPLE_MAX {
                    people.push((at, who));
                }
            }
        }
    }

    /// Notes that somebody had a prompt from a familiar place: answered with yes, or not at all. Once a
    /// slot of five minutes, person and outcome.
    pub fn note_familiar_prompt(&mut self, at: Timestamp, is_unanswered: bool) {
        let slot = self.slots.entry(slot(at)).or_default();
        if is_unanswered {
            slot.0 += 1;
        } else {
            slot.1 += 1;
        }
    }

    /// Notes that one more person succeeds from a country.
    pub fn note_country(&mut self, country: u16) {
        if country != 0 {
            *self.countries.entry(country).or_default() += 1;
        }
    }

    /// Notes the first enrolment of an account that had no sign-in before.
    pub fn note_newcomer(&mut self, at: Timestamp, country: u16) {
        *self.newcomers.entry((hour(at), country)).or_default() += 1;
    }

    /// Doubts about people at a source that did not fit; with any, nobody vouches for a source.
    #[must_use]
    pub const fn doubts_dropped(&self) -> u64 {
        self.doubts_dropped
    }

    /// Sightings of sources that did not fit: as many as that do not show that one source asks many.
    #[must_use]
    pub const fn sources_dropped(&self) -> u64 {
        self.sources_dropped
    }

    /// Colleagues of `who` who succeeded from the address or network by `until`.
    #[must_use]
    pub fn colleagues(&self, origin: &Origin, who: Key, until: Timestamp) -> usize {
        if self.doubts_dropped > 0 {
            return 0;
        }
        let [ip, network, _] = source_keys(origin);
        let count = |key: Key| {
            self.colleagues.get(&key).map_or(0, |people| {
                people.iter().filter(|(at, other)| *other != who && *at <= until).count()
            })
        };
        // The neighbourhood holds strangers too: it takes more colleagues to vouch for it.
        count(ip).max(count(network) / 3)
    }

    /// Other people asked by the same source within `span` of `at`, by `until`; the second number
    /// counts those that share only the provider and the exact browser.
    #[must_use]
    pub fn others_asked(
        &self,
        origin: &Origin,
        who: Key,
        at: Timestamp,
        span: Span,
        until: Timestamp,
    ) -> (usize, usize) {
        let [ip, network, kin] = source_keys(origin);
        let count = |key: Key, span: Span| {
            let Some(people) = self.asked.get(&key).filter(|_| key != 0) else { return 0 };
            let mut near: Vec<Key> = people
                .iter()
                .filter(|(when, other)| {
                    *other != who && *when <= until && (*when - at).abs() <= span
                })
                .map(|(_, other)| *other)
                .collect();
            near.sort_unstable();
            near.dedup();
            near.len()
        };
        (count(ip, span).max(count(network, span)), count(kin, Span::hours(3)))
    }

    /// The share of prompts from familiar places that went unanswered around a moment, if enough
    /// were sent to tell.
    #[must_use]
    pub fn outage(&self, at: Timestamp) -> Option<f64> {
        let slot = slot(at);
        let (unanswered, approved) = self
            .slots
            .range(slot - 2..=slot + 2)
            .fold((0, 0), |(u, a), (_, (more_u, more_a))| (u + more_u, a + more_a));
        (unanswered >= 5).then(|| f64::from(unanswered) / f64::from(unanswered + approved))
    }

    /// The share of the organisation's people who succeed from a country.
    #[must_use]
    pub fn country_share(&self, country: u16) -> f64 {
        let total: u32 = self.countries.values().sum();
        let here = self.countries.get(&country).copied().unwrap_or_default();
        // A country that is not logged is no rare one.
        if total == 0 || country == 0 { 1.0 } else { f64::from(here) / f64::from(total) }
    }

    /// First enrolments of new accounts within three hours of an instant, in one country.
    #[must_use]
    pub fn newcomers(&self, at: Timestamp, country: u16) -> u32 {
        self.newcomers
            .range((hour(at) - 3, 0)..=(hour(at) + 3, u16::MAX))
            .filter(|((_, other), _)| *other == country)
            .map(|(_, count)| count)
            .sum()
    }

    /// Slots in which most familiar prompts went unanswered: an outage of the push service.
    pub fn outages(&self) -> impl Iterator<Item = (Timestamp, u32)> {
        self.slots
            .iter()
            .filter(|(_, (u, a))| *u >= 5 && *u > *a * 2)
            .map(|(slot, (u, _))| (Timestamp::from_millis(slot * SLOT), *u))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Place;

    fn relay() -> Origin {
        let place = Place { ip: 0xCB00_7107, network: 0x01CB_0071, ..Place::default() };
        Origin { place, ..Origin::default() }
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_millis(minute * 60_000)
    }

    #[test]
    fn victims_of_one_source_do_not_vouch_for_each_other() {
        let mut organisation = Organisation::new(at(0));
        for who in 1..=4 {
            organisation.note_entry(&Sighting { who, at: at(10), origin: relay() });
            organisation.note_success(who, at(10), &relay());
        }
        assert_eq!(organisation.colleagues(&relay(), 9, at(20)), 0);
    }

    #[test]
    fn a_spray_from_everywhere_fills_no_memory() {
        let mut organisation = Organisation::new(at(0));
        let spray = |n: u64| {
            let mut origin = relay();
            (origin.place.ip, origin.place.network) = (1_000_000 + n, 0);
            Sighting { who: n, at: at(1), origin }
        };
        for n in 0..SOURCES_MAX as u64 + 50 {
            organisation.note_asked(&spray(n));
        }
        assert_eq!(
            (organisation.asked.len(), organisation.colleagues.len()),
            (SOURCES_MAX, SOURCES_MAX)
        );
        assert!(organisation.sources_dropped() >= 50);
        // What is known is still counted.
        let before = organisation.sources_dropped();
        organisation.note_asked(&Sighting { who: 7_777, ..spray(0) });
        assert_eq!(organisation.sources_dropped(), before);
    }

    #[test]
    fn with_a_doubt_that_does_not_fit_nobody_vouches() {
        let mut organisation = Organisation::new(at(0));
        for who in 1..=3 {
            organisation.note_binding(&relay());
            organisation.note_success(who, at(1), &relay());
        }
        let full = SOURCES_MAX as u64 / 2;
        for who in 100..100 + full {
            organisation.note_entry(&Sighting { who, at: at(10), origin: relay() });
        }
        assert_eq!(organisation.colleagues(&relay(), 9, at(20)), 3);
        // The same once more is no new doubt; one person more does not fit.
        organisation.note_entry(&Sighting { who: 100, at: at(11), origin: relay() });
        assert_eq!(organisation.colleagues(&relay(), 9, at(20)), 3);
        organisation.note_entry(&Sighting { who: 1, at: at(11), origin: relay() });
        assert_eq!(organisation.colleagues(&relay(), 9, at(20)), 0);
        assert_eq!(organisation.doubts_dropped(), 2);
    }

    #[test]
    fn people_who_are_at_home_somewhere_vouch_for_it() {
        let mut organisation = Organisation::new(at(0));
        organisation.note_entry(&Sighting { who: 9, at: at(10), origin: relay() });
        for who in 1..=3 {
            organisation.note_success(who, at(who as i64), &relay());
        }
        assert_eq!(organisation.colleagues(&relay(), 9, at(20)), 3);
        assert_eq!(organisation.colleagues(&relay(), 9, at(2)), 2);
        assert_eq!(organisation.colleagues(&relay(), 1, at(20)), 2);
    }
}
