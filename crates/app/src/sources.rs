//! For how many subscribers one source asked lately: the mark of a spray.
//!
//! Kept in this node's memory: it is evidence for the risk decision, not a limit. A node that has just
//! started, or that is one of several, sees fewer; the budget of rings does not depend on it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use pushback_model::{Span, Timestamp};

/// How far back one looks.
const WINDOW: Span = Span::hours(1);
/// Sources that are remembered; at the bound the one not heard of for longest makes room.
const SOURCES_MAX: usize = 50_000;
/// Subscribers that are told apart for a source; more change nothing.
const OTHERS_MAX: usize = 256;

#[derive(Default)]
pub(crate) struct Sources(Mutex<Table>);

#[derive(Default)]
struct Table {
    seen: BTreeMap<Source, BTreeMap<String, Timestamp>>,
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
        let source = source(ip);
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let table = &mut *table;
        if let Some(before) = table.at.insert(source, now) {
            table.latest.remove(&(before, source));
        }
        table.latest.insert((now, source));
        let since = now - WINDOW;
        let asked = table.seen.entry(source).or_default();
        asked.retain(|_, at| *at > since);
        if asked.len() < OTHERS_MAX || asked.contains_key(subscriber) {
            asked.insert(subscriber.to_owned(), now);
        }
        let others = asked.len() - usize::from(asked.contains_key(subscriber));
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
    fn what_is_an_hour_old_is_forgotten() {
        let sources = Sources::default();
        for n in 0..100_u8 {
            sources.asked(Some(IpAddr::from([203, 0, 113, n])), "a", at(0));
        }
        sources.asked(Some(IpAddr::from([198, 51, 100, 1])), "a", at(3_600));
        let table = sources.0.lock().unwrap();
        assert_eq!((table.seen.len(), table.at.len(), table.latest.len()), (1, 1, 1));
    }
}
