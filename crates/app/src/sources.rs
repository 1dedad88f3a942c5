//! For how many subscribers one source asked lately: the mark of a spray.
//!
//! Kept in this node's memory: it is evidence for the risk decision, not a limit. A node that has just
//! started, or that is one of several, sees fewer; the budget of rings does not depend on it.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use pushback_model::{Span, Timestamp};

/// How far back one looks.
const WINDOW: Span = Span::hours(1);
/// Sources that are remembered; at the bound the one not heard of for longest makes room.
const SOURCES_MAX: usize = 50_000;
/// Subscribers that are told apart for a source, themselves included: three others are a spray, and more
/// weigh no more. Each has a few bytes, so that the whole table stays below 20 MB however many names a
/// relying party makes up for however many addresses.
const ASKED_MAX: usize = 8;

pub(crate) struct Sources {
    /// Names are kept as what nobody outside can compute, nor choose so that two are one.
    hash: RandomState,
    table: Mutex<Table>,
}

impl Default for Sources {
    #[expect(clippy::disallowed_methods, reason = "this table is no result; nobody may foresee it")]
    fn default() -> Self {
        Self { hash: RandomState::new(), table: Mutex::default() }
    }
}

#[derive(Default)]
struct Table {
    /// Whom a source asked for, and when last.
    seen: BTreeMap<Source, Vec<(u64, Timestamp)>>,
    latest: BTreeSet<(Timestamp, Source)>,
    at: BTreeMap<Source, Timestamp>,
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
    /// Notes that a source asks for a subscriber; gives how many others it asked for in the last hour.
    pub(crate) fn asked(&self, ip: Option<IpAddr>, subscriber: &str, now: Timestamp) -> u16 {
        let Some(ip) = ip else { return 0 };
        let (source, name) = (source(ip), self.hash.hash_one(subscriber));
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let table = &mut *table;
        if let Some(before) = table.at.insert(source, now) {
            table.latest.remove(&(before, source));
        }
        table.latest.insert((now, source));
        let since = now - WINDOW;
        let asked = table.seen.entry(source).or_default();
        asked.retain(|(_, at)| *at > since);
        match asked.iter_mut().find(|(other, _)| *other == name) {
            Some((_, at)) => *at = now,
            None => {
                // The one that would be forgotten first makes room: what is left is a spray for longest.
                if asked.len() >= ASKED_MAX
                    && let Some((oldest, _)) =
                        asked.iter().enumerate().min_by_key(|(_, (_, at))| *at)
                {
                    asked.swap_remove(oldest);
                }
                asked.push((name, now));
            }
        }
        let others = asked.len().saturating_sub(1);
        while let Some((at, oldest)) = table.latest.first().copied() {
            if table.latest.len() <= SOURCES_MAX && at > since {
                break;
            }
            table.latest.pop_first();
            table.seen.remove(&oldest);
            table.at.remove(&oldest);
        }
        u16::try_from(others).unwrap_or(u16::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_764_000_000 + seconds)
    }

    #[test]
    fn others_of_the_last_hour_are_counted_and_nobody_twice() {
        let sources = Sources::default();
        let ip = Some("203.0.113.7".parse().unwrap());
        assert_eq!(sources.asked(ip, "a", at(0)), 0);
        assert_eq!(sources.asked(ip, "a", at(1)), 0);
        assert_eq!(sources.asked(ip, "b", at(2)), 1);
        assert_eq!(sources.asked(ip, "c", at(3)), 2);
        assert_eq!(sources.asked(ip, "b", at(3_700)), 0);
        assert_eq!(sources.asked(None, "d", at(3_700)), 0);
    }

    #[test]
    fn addresses_of_one_line_are_one_source() {
        let sources = Sources::default();
        let ip = |text: &str| Some(text.parse().unwrap());
        assert_eq!(sources.asked(ip("2001:db8::1"), "a", at(0)), 0);
        assert_eq!(sources.asked(ip("2001:db8::2"), "b", at(0)), 1);
        assert_eq!(sources.asked(ip("2001:db8:0:1::2"), "c", at(0)), 0);
        assert_eq!(sources.asked(ip("::ffff:203.0.113.7"), "a", at(0)), 0);
        assert_eq!(sources.asked(ip("203.0.113.7"), "b", at(0)), 1);
    }

    #[test]
    fn a_source_that_goes_on_asking_stays_a_spray_and_takes_no_more_room() {
        let sources = Sources::default();
        let ip = Some("203.0.113.7".parse().unwrap());
        for n in 0..10_000 {
            let others = sources.asked(ip, &format!("{n}@example.org"), at(n / 10));
            assert_eq!(usize::from(others), usize::try_from(n).unwrap().min(ASKED_MAX - 1));
        }
        let table = sources.table.lock().unwrap();
        assert!(table.seen.values().all(|asked| asked.capacity() <= ASKED_MAX));
    }

    #[test]
    fn what_is_an_hour_old_is_forgotten() {
        let sources = Sources::default();
        for n in 0..100_u8 {
            sources.asked(Some(IpAddr::from([203, 0, 113, n])), "a", at(0));
        }
        sources.asked(Some(IpAddr::from([198, 51, 100, 1])), "a", at(3_600));
        let table = sources.table.lock().unwrap();
        assert_eq!((table.seen.len(), table.at.len(), table.latest.len()), (1, 1, 1));
    }
}
