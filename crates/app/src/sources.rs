//! For how many subscribers one source asked a relying party lately, without getting in: the mark of a spray.
//!
//! Each relying party has its own: it is the one that says where a browser is, and is believed as far as its
//! own subscribers' sign-ins go. Kept in this node's memory: it is evidence for the risk decision, not a
//! limit. A node that has just started, or that is one of several, sees fewer; the budget of rings does not
//! depend on it.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use pushback_model::{Span, Timestamp};

/// How far back one looks.
const WINDOW: Span = Span::hours(1);
/// Sources that are remembered; at the bound the relying party that has most forgets the one not heard of for
/// longest.
const SOURCES_MAX: usize = 50_000;
/// Subscribers that are told apart for a source, themselves included: three others are a spray, and more
/// weigh no more. As many are remembered who got in. Each has a few bytes, so that the whole table stays below
/// 25 MB however many names a relying party makes up for however many addresses.
const NAMES_MAX: usize = 8;

pub(crate) struct Sources {
    /// Names are kept as what nobody outside can compute, nor choose so that two are one.
    hash: RandomState,
    parties: Mutex<BTreeMap<String, Party>>,
}

impl Default for Sources {
    #[expect(clippy::disallowed_methods, reason = "this table is no result; nobody may foresee it")]
    fn default() -> Self {
        Self { hash: RandomState::new(), parties: Mutex::default() }
    }
}

/// What one relying party told.
#[derive(Default)]
struct Party {
    seen: BTreeMap<Source, Seen>,
    latest: BTreeSet<(Timestamp, Source)>,
}

/// A source, as one relying party knows it.
struct Seen {
    at: Timestamp,
    /// For whom it asked.
    asked: Names,
    /// Who got in from there.
    succeeded: Names,
}

/// An IPv4 address, or the /64 of an IPv6 address: what one subscriber line has at least.
type Source = u128;

fn source(ip: IpAddr) -> Source {
    match ip.to_canonical() {
        IpAddr::V4(ip) => u128::from(u32::from(ip)),
        IpAddr::V6(ip) => u128::from(ip) >> 64 << 64,
    }
}

impl Sources {
    /// Notes that a source asks a relying party for a subscriber; gives how many others it asked for in the
    /// last hour who have not got in from there.
    pub(crate) fn asked(
        &self,
        relying_party: &str,
        ip: Option<IpAddr>,
        subscriber: &str,
        now: Timestamp,
    ) -> u16 {
        let Some(ip) = ip else { return 0 };
        let (source, name) = (source(ip), self.hash.hash_one(subscriber));
        let mut parties = self.parties.lock().unwrap_or_else(PoisonError::into_inner);
        let party = match parties.get_mut(relying_party) {
            Some(party) => party,
            None => parties.entry(relying_party.to_owned()).or_default(),
        };
        let others = party.asked(source, name, now);
        // SECURITY: a relying party that makes up addresses makes room for them itself, or others' sprays would
        // be forgotten. Guarded by `whoever_makes_up_sources_forgets_their_own`.
        while parties.values().map(|party| party.seen.len()).sum::<usize>() > SOURCES_MAX {
            let most = parties.values_mut().max_by_key(|party| party.seen.len());
            if most.is_none_or(|party| !party.forget_one()) {
                break;
            }
        }
        others
    }

    /// For how many others than this one a source asked a relying party, without a note: whoever asks is known
    /// for their own.
    pub(crate) fn others(
        &self,
        relying_party: &str,
        ip: Option<IpAddr>,
        subscriber: &str,
        now: Timestamp,
    ) -> u16 {
        let Some(ip) = ip else { return 0 };
        let name = self.hash.hash_one(subscriber);
        let parties = self.parties.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = parties.get(relying_party).and_then(|party| party.seen.get(&source(ip)));
        seen.map_or(0, |seen| seen.others(name, now))
    }

    /// Notes that a subscriber got in from there: that was no spray, nor is what they ask for next.
    // SECURITY: colleagues behind one address would otherwise keep each other's phones from ringing. Guarded by
    // `colleagues_who_got_in_are_no_spray`.
    pub(crate) fn succeeded(
        &self,
        relying_party: &str,
        ip: Option<IpAddr>,
        subscriber: &str,
        at: Timestamp,
    ) {
        let Some(ip) = ip else { return };
        let name = self.hash.hash_one(subscriber);
        let mut parties = self.parties.lock().unwrap_or_else(PoisonError::into_inner);
        let party = parties.get_mut(relying_party);
        if let Some(seen) = party.and_then(|party| party.seen.get_mut(&source(ip))) {
            seen.asked.0.retain(|(other, _)| *other != name);
            seen.succeeded.note(name, at);
        }
    }
}

impl Party {
    fn asked(&mut self, source: Source, name: u64, now: Timestamp) -> u16 {
        while let Some((at, _)) = self.latest.first().copied()
            && at <= now - WINDOW
        {
            self.forget_one();
        }
        let empty = || Seen { at: now, asked: Names::default(), succeeded: Names::default() };
        let seen = self.seen.entry(source).or_insert_with(empty);
        self.latest.remove(&(seen.at, source));
        self.latest.insert((now, source));
        seen.at = now;
        if !seen.succeeded.has(name, now) {
            seen.asked.note(name, now);
        }
        seen.others(name, now)
    }

    /// Forgets the source not heard of for longest, if there is one.
    fn forget_one(&mut self) -> bool {
        let oldest = self.latest.pop_first();
        oldest.is_some_and(|(_, source)| self.seen.remove(&source).is_some())
    }
}

impl Seen {
    fn others(&self, name: u64, now: Timestamp) -> u16 {
        let others = self.asked.of_late(now).filter(|other| *other != name).count();
        u16::try_from(others).unwrap_or(u16::MAX)
    }
}

/// Names of the last hour, and when each was last heard.
#[derive(Default)]
struct Names(Vec<(u64, Timestamp)>);

impl Names {
    fn of_late(&self, now: Timestamp) -> impl Iterator<Item = u64> {
        self.0.iter().filter(move |(_, at)| *at > now - WINDOW).map(|(name, _)| *name)
    }

    fn has(&self, name: u64, now: Timestamp) -> bool {
        self.of_late(now).any(|other| other == name)
    }

    fn note(&mut self, name: u64, now: Timestamp) {
        self.0.retain(|(other, at)| *at > now - WINDOW && *other != name);
        // The one that would be forgotten first makes room: what is left is a spray for longest.
        if self.0.len() >= NAMES_MAX
            && let Some((oldest, _)) = self.0.iter().enumerate().min_by_key(|(_, (_, at))| *at)
        {
            self.0.swap_remove(oldest);
        }
        self.0.push((name, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_764_000_000 + seconds)
    }

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    /// How many sources are remembered, each of them everywhere.
    fn sizes(sources: &Sources) -> Vec<usize> {
        let parties = sources.parties.lock().unwrap();
        assert!(parties.values().all(|party| party.latest.len() == party.seen.len()));
        parties.values().map(|party| party.seen.len()).collect()
    }

    #[test]
    fn others_of_the_last_hour_are_counted_and_nobody_twice() {
        let sources = Sources::default();
        let ip = ip("203.0.113.7");
        assert_eq!(sources.asked("wiki", ip, "a", at(0)), 0);
        assert_eq!(sources.asked("wiki", ip, "a", at(1)), 0);
        assert_eq!(sources.asked("wiki", ip, "b", at(2)), 1);
        assert_eq!(sources.asked("wiki", ip, "c", at(3)), 2);
        assert_eq!(sources.others("wiki", ip, "d", at(3)), 3);
        assert_eq!(sources.others("wiki", ip, "d", at(3)), 3, "it leaves no note");
        assert_eq!(sources.asked("wiki", ip, "b", at(3_700)), 0);
        assert_eq!(sources.asked("wiki", None, "d", at(3_700)), 0);
    }

    #[test]
    fn addresses_of_one_line_are_one_source() {
        let sources = Sources::default();
        let asked = |text, name| sources.asked("wiki", ip(text), name, at(0));
        assert_eq!(asked("2001:db8::1", "a"), 0);
        assert_eq!(asked("2001:db8::2", "b"), 1);
        assert_eq!(asked("2001:db8:0:1::2", "c"), 0);
        assert_eq!(asked("::ffff:203.0.113.7", "a"), 0);
        assert_eq!(asked("203.0.113.7", "b"), 1);
    }

    #[test]
    fn what_one_relying_party_tells_of_an_address_is_its_own() {
        let sources = Sources::default();
        let ip = ip("203.0.113.7");
        for name in ["a", "b", "c", "d"] {
            sources.asked("wiki", ip, name, at(0));
        }
        assert_eq!(sources.asked("mail", ip, "alice", at(1)), 0);
        assert_eq!(sources.asked("wiki", ip, "alice", at(1)), 4);
        sources.succeeded("mail", ip, "a", at(2));
        assert_eq!(sources.others("wiki", ip, "alice", at(2)), 4, "nor does it take back");
    }

    #[test]
    fn colleagues_who_got_in_are_no_spray() {
        let sources = Sources::default();
        let office = ip("203.0.113.7");
        for (n, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
            let now = at(i64::try_from(n).unwrap() * 60);
            assert_eq!(sources.asked("wiki", office, name, now), 0, "{name}");
            sources.succeeded("wiki", office, name, now);
        }
        // They come back, and have not got in again yet.
        for name in ["a", "b", "c", "d"] {
            assert_eq!(sources.asked("wiki", office, name, at(300)), 0, "{name}");
        }
        // A success an hour ago says nothing of who asks now.
        for name in ["a", "b", "c", "d"] {
            sources.asked("wiki", office, name, at(3_800));
        }
        assert_eq!(sources.others("wiki", office, "e", at(3_800)), 4);
    }

    #[test]
    fn a_source_that_goes_on_asking_stays_a_spray_and_takes_no_more_room() {
        let sources = Sources::default();
        let ip = ip("203.0.113.7");
        for n in 0..10_000 {
            let name = format!("{n}@example.org");
            let others = sources.asked("wiki", ip, &name, at(n / 10));
            assert_eq!(usize::from(others), usize::try_from(n).unwrap().min(NAMES_MAX - 1));
            let own = format!("own{n}");
            sources.succeeded("wiki", ip, &own, at(n / 10));
        }
        let parties = sources.parties.lock().unwrap();
        for seen in parties["wiki"].seen.values() {
            assert!(seen.asked.0.capacity() <= NAMES_MAX);
            assert!(seen.succeeded.0.capacity() <= NAMES_MAX);
        }
    }

    #[test]
    fn what_is_an_hour_old_is_forgotten() {
        let sources = Sources::default();
        for n in 0..100_u8 {
            sources.asked("wiki", Some(IpAddr::from([203, 0, 113, n])), "a", at(0));
        }
        sources.asked("wiki", ip("198.51.100.1"), "a", at(3_600));
        assert_eq!(sizes(&sources), [1]);
    }

    #[test]
    fn whoever_makes_up_sources_forgets_their_own() {
        let sources = Sources::default();
        let spraying = ip("203.0.113.7");
        for name in ["a", "b", "c"] {
            sources.asked("mail", spraying, name, at(0));
        }
        for n in 0..u32::try_from(SOURCES_MAX + 10).unwrap() {
            sources.asked("wiki", Some(IpAddr::from(n.to_be_bytes())), "a", at(1));
        }
        assert_eq!(sizes(&sources), [1, SOURCES_MAX - 1]);
        assert_eq!(sources.asked("mail", spraying, "alice", at(2)), 3);
    }
}
