//! How often one source may try a code, or begin what is written down: per node, in memory.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use pushback_model::{Span, Timestamp};

/// Tries of one IPv4 address, or of one IPv6 line, in a minute. A code has 50 bits beside a name, so
/// that guessing is hopeless anyway; this keeps the tries from costing anything.
const OF_A_LINE: u32 = 10;
/// Tries of one IPv6 site in a minute: whoever has one has 65,536 lines.
const OF_A_SITE: u32 = 100;
/// For how long tries are counted together.
const WINDOW: Span = Span::minutes(1);
/// Sources that are counted at once. At the bound those whose minute is over make room; if there is
/// none, whoever is not yet counted is refused.
const SOURCES_MAX: usize = 50_000;
/// How often one looks whose minute is over, once the bound is reached: it costs a look at all.
const LOOK_EVERY: Span = Span::seconds(1);

/// The first bits of an address that count, and how many.
type Source = (u8, u128);

/// What an address counts for, from far to near: an IPv4 address for itself; an IPv6 address for its
/// /48, what one site gets, and its /64, what one line has at least (RFC 6177).
// SECURITY: each of the addresses of one line is as good as the other. Guarded by
// `all_addresses_of_an_ipv6_line_are_one_source`.
fn sources(ip: IpAddr) -> Vec<(Source, u32)> {
    match ip.to_canonical() {
        IpAddr::V4(ip) => vec![((32, u128::from(u32::from(ip))), OF_A_LINE)],
        IpAddr::V6(ip) => {
            let bits = u128::from(ip);
            vec![((48, bits >> 80), OF_A_SITE), ((64, bits >> 64), OF_A_LINE)]
        }
    }
}

#[derive(Default)]
pub(crate) struct Guesses(Mutex<Table>);

#[derive(Default)]
struct Table {
    /// Since when, and how often.
    tried: BTreeMap<Source, (Timestamp, u32)>,
    looked_at: Option<Timestamp>,
}

impl Guesses {
    /// Whether this address may try now; if so, it counts as tried.
    pub(crate) fn may_try(&self, ip: Option<IpAddr>, now: Timestamp) -> bool {
        let Some(ip) = ip else { return true };
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A site that has tried enough brings no more of its lines into the table.
        sources(ip).into_iter().all(|(source, tries_max)| table.may_try(source, tries_max, now))
    }
}

impl Table {
    fn may_try(&mut self, source: Source, tries_max: u32, now: Timestamp) -> bool {
        // SECURITY: a crowd of sources must not make the service forget those that tried too often.
        // Guarded by `a_crowd_of_sources_makes_nobody_forgotten`.
        if self.tried.len() >= SOURCES_MAX && !self.tried.contains_key(&source) {
            self.forget_who_is_over(now);
            if self.tried.len() >= SOURCES_MAX {
                return false;
            }
        }
        let (since, count) = self.tried.entry(source).or_insert((now, 0));
        if is_over(*since, WINDOW, now) {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count <= tries_max
    }

    fn forget_who_is_over(&mut self, now: Timestamp) {
        if self.looked_at.is_none_or(|at| is_over(at, LOOK_EVERY, now)) {
            self.looked_at = Some(now);
            self.tried.retain(|_, (since, _)| !is_over(*since, WINDOW, now));
        }
    }
}

/// Also over if the clock went back so far.
fn is_over(since: Timestamp, span: Span, now: Timestamp) -> bool {
    (now - since).abs() >= span
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_772_400_000_000);

    fn v6(text: &str) -> Option<IpAddr> {
        Some(IpAddr::V6(text.parse::<Ipv6Addr>().unwrap()))
    }

    fn v4(number: u32) -> Option<IpAddr> {
        Some(IpAddr::V4(Ipv4Addr::from(number)))
    }

    #[test]
    fn ten_tries_a_minute_are_the_most() {
        let guesses = Guesses::default();
        let tried = |at| (0..12).filter(|_| guesses.may_try(v4(1), at)).count();
        assert_eq!(tried(NOW), 10);
        assert_eq!(tried(NOW + Span::seconds(59)), 0);
        assert_eq!(tried(NOW + Span::seconds(60)), 10);
        assert!(guesses.may_try(v4(2), NOW));
        assert!(guesses.may_try(None, NOW));
    }

    #[test]
    fn all_addresses_of_an_ipv6_line_are_one_source() {
        let guesses = Guesses::default();
        let addresses = (0..20).map(|n| v6(&format!("2001:db8:0:1::{n}")));
        assert_eq!(addresses.filter(|ip| guesses.may_try(*ip, NOW)).count(), 10);
        assert!(guesses.may_try(v6("2001:db8:0:2::1"), NOW), "another line");
        assert!(guesses.may_try(v6("::ffff:192.0.2.1"), NOW));
    }

    #[test]
    fn all_lines_of_an_ipv6_site_try_a_hundred_times() {
        let guesses = Guesses::default();
        let lines = (0..500).map(|n| v6(&format!("2001:db8:0:{n:x}::1")));
        assert_eq!(lines.filter(|ip| guesses.may_try(*ip, NOW)).count(), 100);
        assert!(guesses.may_try(v6("2001:db8:1::1"), NOW), "another site");
        assert_eq!(guesses.0.lock().unwrap().tried.len(), 103, "and take no more room");
    }

    #[test]
    fn a_crowd_of_sources_makes_nobody_forgotten() {
        let guesses = Guesses::default();
        let late = NOW + Span::seconds(30);
        while guesses.may_try(v4(0), late) {}
        let crowd = u32::try_from(SOURCES_MAX).unwrap();
        for number in 1..crowd {
            assert!(guesses.may_try(v4(number), NOW));
        }
        assert!(!guesses.may_try(v4(crowd), late), "no room for one more");
        assert!(!guesses.may_try(v4(0), late), "who tried too often is known");
        assert!(guesses.may_try(v4(1), late), "and so are the others");
        // Their minute is over, and not that of whoever came last.
        let later = NOW + Span::seconds(60);
        assert!(guesses.may_try(v4(crowd), later));
        assert!(!guesses.may_try(v4(0), later));
        assert_eq!(guesses.0.lock().unwrap().tried.len(), 2);
    }
}
