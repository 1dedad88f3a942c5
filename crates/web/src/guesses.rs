//! How often one source may fail, or begin what is written down: per node, in memory of a fixed size.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use axum::http::StatusCode;
use pushback_model::Timestamp;

use crate::Web;
use crate::problem::Problem;

/// Failures of one IPv4 address, or of one IPv6 line, in a minute. A code has 50 bits beside a name, so
/// that guessing is hopeless anyway; this keeps the tries from costing anything.
const OF_A_LINE: u64 = 10;
/// Sign-ins of administrators that one address begins in a minute without ending them. Nothing is
/// guessed by beginning; it costs a row until it is swept. An office behind one address has this much.
const BEGUN_OF_A_LINE: u64 = 300;
/// Changes that one phone asks for in a minute, refused ones too: each may write into the trail.
const CHANGES_OF_A_PHONE: u64 = 120;
/// How many lines' worth one IPv6 site has: whoever has one has 65,536 lines.
const LINES_OF_A_SITE: u64 = 10;
/// For how many seconds failures are counted together.
const WINDOW_S: u64 = 60;
/// Counters of a row, and rows. A source has one counter in each row, and stands where the lowest of
/// them stands: it takes all of them to be full by others for it to be taken for one that failed. That
/// many counters take 4 MiB; 50,000 sources at their bound make one in a hundred others wait.
const COUNTERS: usize = 1 << 17;
const ROWS: usize = 4;

/// The first bits of an address that count, and how many.
type Source = (u8, u128);

/// What an address counts for, from far to near, and how many lines' worth each may fail: an IPv4
/// address for itself; an IPv6 address for its /48, what one site gets, and its /64, what one line has at
/// least (RFC 6177).
// SECURITY: each of the addresses of one line is as good as the other. Guarded by
// `all_addresses_of_an_ipv6_line_are_one_source`.
fn sources(ip: IpAddr) -> Vec<(Source, u64)> {
    match ip.to_canonical() {
        IpAddr::V4(ip) => vec![((32, u128::from(u32::from(ip))), 1)],
        IpAddr::V6(ip) => {
            let bits = u128::from(ip);
            vec![((48, bits >> 80), LINES_OF_A_SITE), ((64, bits >> 64), 1)]
        }
    }
}

/// Failures by source, of one kind of try. Each kind has its own: whoever guesses at one keeps nobody
/// from the other.
pub(crate) struct Guesses {
    /// Failures of one line in a minute.
    of_a_line: u64,
    /// Nobody outside can choose addresses that share a counter.
    hash: RandomState,
    /// A counter is the second in which its minute began, shifted, and how often.
    counters: Mutex<Vec<u64>>,
}

/// The bits of a counter that count.
const COUNT_BITS: u32 = 16;
const COUNT: u64 = (1 << COUNT_BITS) - 1;

impl Guesses {
    /// At codes.
    pub(crate) fn at_codes() -> Self {
        Self::of(OF_A_LINE)
    }

    /// Beginnings without an end.
    pub(crate) fn of_beginnings() -> Self {
        Self::of(BEGUN_OF_A_LINE)
    }

    /// Changes that phones ask for.
    pub(crate) fn of_changes() -> Self {
        Self::of(CHANGES_OF_A_PHONE)
    }

    #[expect(clippy::disallowed_methods, reason = "this table is no result; nobody may foresee it")]
    fn of(of_a_line: u64) -> Self {
        let counters = Mutex::new(vec![0; COUNTERS * ROWS]);
        Self { of_a_line, hash: RandomState::new(), counters }
    }
}

impl Guesses {
    /// Whether this address may try now; if so, it counts as a failure until it is
    /// [taken back](Self::succeeded), so that many tries at once are no more than one after the other.
    // SECURITY: a crowd of sources must neither make the service forget those that failed too often nor
    // keep everybody else out. Guarded by `a_crowd_of_sources_makes_nobody_forgotten` and
    // `a_crowd_of_sources_keeps_nobody_out`.
    #[must_use]
    pub(crate) fn may_try(&self, ip: Option<IpAddr>, now: Timestamp) -> bool {
        ip.is_none_or(|ip| self.count(&sources(ip), now))
    }

    /// The same of a phone, by its id.
    #[must_use]
    pub(crate) fn may_change(&self, phone: &str, now: Timestamp) -> bool {
        self.count(&[((0, u128::from(self.hash.hash_one(phone))), 1)], now)
    }

    fn count(&self, sources: &[(Source, u64)], now: Timestamp) -> bool {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let is_free = |(source, lines): &(Source, u64)| {
            failed(&self.own(&mut counters, *source), now) < lines * self.of_a_line
        };
        // What is refused does not count: a line that goes on does not use up its site.
        if !sources.iter().all(is_free) {
            return false;
        }
        for (source, _) in sources {
            let mut own = self.own(&mut counters, *source);
            let failed = failed(&own, now);
            // The others are others' already.
            for counter in own.iter_mut().filter(|counter| count(***counter, now) == failed) {
                let since = if failed == 0 { second(now) } else { **counter >> COUNT_BITS };
                **counter = (since << COUNT_BITS) | (failed + 1);
            }
        }
        true
    }

    /// Takes the last try back: it was none of those that count.
    pub(crate) fn succeeded(&self, ip: Option<IpAddr>, now: Timestamp) {
        let Some(ip) = ip else { return };
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        for (source, _) in sources(ip) {
            let mut own = self.own(&mut counters, source);
            let failed = failed(&own, now);
            // One that others share stays where they brought it.
            for counter in own.iter_mut().filter(|counter| count(***counter, now) == failed) {
                **counter -= u64::from(failed > 0);
            }
        }
    }

    /// The counters of a source, one of each row.
    fn own<'c>(&self, counters: &'c mut [u64], source: Source) -> Vec<&'c mut u64> {
        let rows = counters.chunks_mut(COUNTERS).enumerate();
        let mut own = |(row, counters): (usize, &'c mut [u64])| {
            let at = self.hash.hash_one((row, source)) % COUNTERS as u64;
            counters.get_mut(usize::try_from(at).unwrap_or_default())
        };
        rows.filter_map(&mut own).collect()
    }
}

impl Web {
    /// Counts a change that a phone asks for.
    // SECURITY: most of what a phone asks for is written down, refused or not, and one that was stolen
    // asks without end. Guarded by `a_phone_that_asks_without_end_waits`.
    pub(crate) fn count_change(&self, phone: &str) -> Result<(), Problem> {
        if self.inner.changes.may_change(phone, self.app().now()) {
            return Ok(());
        }
        let detail = "this authenticator asks for too much; try again in a minute";
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail);
        Err(problem.again_after_s(60))
    }
}

/// How often a source failed, by its counters.
fn failed(own: &[&mut u64], now: Timestamp) -> u64 {
    own.iter().map(|counter| count(**counter, now)).min().unwrap_or(0)
}

/// The second of an instant, in the bits that a counter has for it.
fn second(at: Timestamp) -> u64 {
    at.as_millis().div_euclid(1_000).unsigned_abs() & (u64::MAX >> COUNT_BITS)
}

/// How often, in the minute that began with the first; also over if the clock went back so far.
fn count(counter: u64, now: Timestamp) -> u64 {
    let is_over = second(now).abs_diff(counter >> COUNT_BITS) >= WINDOW_S;
    if is_over { 0 } else { counter & COUNT }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use pushback_model::Span;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_772_400_000_000);

    fn v6(text: &str) -> Option<IpAddr> {
        Some(IpAddr::V6(text.parse::<Ipv6Addr>().unwrap()))
    }

    fn v4(number: u32) -> Option<IpAddr> {
        Some(IpAddr::V4(Ipv4Addr::from(number)))
    }

    #[test]
    fn ten_failures_a_minute_are_the_most() {
        let guesses = Guesses::at_codes();
        let tried = |at| (0..12).filter(|_| guesses.may_try(v4(1), at)).count();
        assert_eq!(tried(NOW), 10);
        assert_eq!(tried(NOW + Span::seconds(59)), 0);
        assert_eq!(tried(NOW + Span::seconds(60)), 10);
        assert!(guesses.may_try(v4(2), NOW));
        assert!(guesses.may_try(None, NOW));
    }

    #[test]
    fn one_phone_uses_up_no_other_ones_changes() {
        let guesses = Guesses::of_changes();
        assert_eq!((0..500).filter(|_| guesses.may_change("auth_a", NOW)).count(), 120);
        assert!(guesses.may_change("auth_b", NOW));
        assert!(guesses.may_change("auth_a", NOW + Span::minutes(1)));
    }

    #[test]
    fn what_succeeds_is_no_failure() {
        let guesses = Guesses::at_codes();
        for ip in [v4(1), v6("2001:db8:0:1::1")] {
            for _ in 0..500 {
                assert!(guesses.may_try(ip, NOW));
                guesses.succeeded(ip, NOW);
            }
            // One success makes up for no failure but its own.
            for _ in 0..9 {
                assert!(guesses.may_try(ip, NOW));
            }
            guesses.succeeded(ip, NOW);
            assert_eq!((0..9).filter(|_| guesses.may_try(ip, NOW)).count(), 2);
        }
    }

    #[test]
    fn all_addresses_of_an_ipv6_line_are_one_source() {
        let guesses = Guesses::at_codes();
        let addresses = (0..20).map(|n| v6(&format!("2001:db8:0:1::{n}")));
        assert_eq!(addresses.filter(|ip| guesses.may_try(*ip, NOW)).count(), 10);
        assert!(guesses.may_try(v6("2001:db8:0:2::1"), NOW), "another line");
        assert!(guesses.may_try(v6("::ffff:192.0.2.1"), NOW));
    }

    #[test]
    fn all_lines_of_an_ipv6_site_try_a_hundred_times() {
        let guesses = Guesses::at_codes();
        let lines = (0..500).map(|n| v6(&format!("2001:db8:0:{n:x}::1")));
        assert_eq!(lines.filter(|ip| guesses.may_try(*ip, NOW)).count(), 100);
        assert!(guesses.may_try(v6("2001:db8:1::1"), NOW), "another site");
    }

    #[test]
    fn a_line_that_goes_on_does_not_use_up_its_site() {
        let guesses = Guesses::at_codes();
        for _ in 0..500 {
            let _ = guesses.may_try(v6("2001:db8:0:1::1"), NOW);
        }
        assert!(guesses.may_try(v6("2001:db8:0:2::1"), NOW), "another line");
    }

    #[test]
    fn a_crowd_of_sources_makes_nobody_forgotten() {
        let guesses = Guesses::at_codes();
        while guesses.may_try(v4(0), NOW) {}
        for number in 1..100_000 {
            let _ = guesses.may_try(v4(number), NOW);
        }
        assert!(!guesses.may_try(v4(0), NOW + Span::seconds(59)));
        assert!(guesses.may_try(v4(0), NOW + Span::seconds(60)));
    }

    #[test]
    fn a_crowd_of_sources_keeps_nobody_out() {
        let guesses = Guesses::at_codes();
        for number in 0..50_000 {
            while guesses.may_try(v4(number), NOW) {}
        }
        let others = 1_000_000..1_001_000;
        let kept_out = others.filter(|number| !guesses.may_try(v4(*number), NOW)).count();
        assert!(kept_out < 100, "{kept_out} of a thousand");
    }

    #[test]
    fn a_clock_that_goes_back_keeps_nobody_out() {
        let guesses = Guesses::at_codes();
        while guesses.may_try(v4(0), NOW) {}
        assert!(guesses.may_try(v4(0), NOW + Span::minutes(-1)));
    }
}
