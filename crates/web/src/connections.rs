//! Connections: how many there may be, from one address and in this process.
//!
//! Each costs a file of the process, and so does the database. Whoever opens connections and says
//! nothing must leave some to the others, and to the service itself.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::TrustedProxies;

/// Those of one address: a quarter, so that one whose client runs wild leaves places for others.
const SHARE: usize = 4;
/// The bits of an IPv6 address that count: what one site gets (RFC 6177).
const SITE_BITS: u32 = 48;

/// The connections of this process. Cheap to clone; all clones are one count.
#[derive(Clone)]
pub struct Connections(Arc<Counted>);

struct Counted {
    proxies: TrustedProxies,
    all_max: usize,
    table: Mutex<Table>,
    of_one_refused: AtomicU64,
    all_refused: AtomicU64,
}

#[derive(Default)]
struct Table {
    of_one: BTreeMap<IpAddr, usize>,
    all: usize,
}

impl Counted {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connections {
    /// At most so many, of which those who come in by these proxies may have all.
    #[must_use]
    pub fn new(all_max: usize, proxies: TrustedProxies) -> Self {
        let (table, of_one_refused, all_refused) = Default::default();
        Self(Arc::new(Counted { proxies, all_max, table, of_one_refused, all_refused }))
    }

    /// A place for one more, to be kept as long as the connection is open; `None` if there is none,
    /// which is counted. A proxy of ours has the connections of everybody behind it, and is bound by
    /// what there is in all.
    // SECURITY: it takes no right to open a connection. Guarded by
    // `one_address_leaves_connections_for_the_others` and `connections_are_bounded_in_all`.
    #[must_use]
    pub fn open(&self, peer: IpAddr) -> Option<Connected> {
        let whose = (!self.0.proxies.contains(peer)).then(|| site(peer));
        let mut table = self.0.table();
        if table.all >= self.0.all_max {
            self.0.all_refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        if let Some(whose) = whose {
            let of_one = table.of_one.entry(whose).or_default();
            if *of_one >= (self.0.all_max / SHARE).max(1) {
                self.0.of_one_refused.fetch_add(1, Ordering::Relaxed);
                return None;
            }
            *of_one += 1;
        }
        table.all += 1;
        Some(Connected { counted: Arc::clone(&self.0), whose })
    }

    /// How many are open.
    pub(crate) fn opened(&self) -> usize {
        self.0.table().all
    }

    /// How many were refused since the start, by the bound that they met.
    pub(crate) fn refused(&self) -> [(&'static str, u64); 2] {
        [("address", &self.0.of_one_refused), ("process", &self.0.all_refused)]
            .map(|(bound, count)| (bound, count.load(Ordering::Relaxed)))
    }
}

/// What an address counts for: the addresses of one site are as good as each other.
fn site(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(ip) => IpAddr::V4(ip),
        IpAddr::V6(ip) => {
            let host_bits = 128 - SITE_BITS;
            IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> host_bits << host_bits))
        }
    }
}

/// A connection's place; given back when it is dropped.
pub struct Connected {
    counted: Arc<Counted>,
    whose: Option<IpAddr>,
}

impl Drop for Connected {
    fn drop(&mut self) {
        let mut table = self.counted.table();
        table.all = table.all.saturating_sub(1);
        let Some(whose) = self.whose else { return };
        match table.of_one.get_mut(&whose) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) | None => drop(table.of_one.remove(&whose)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(all_max: usize) -> Connections {
        Connections::new(all_max, TrustedProxies(vec!["10.0.0.0/8".parse().unwrap()]))
    }

    /// As many as there are places for, at most 1,000.
    fn take(connections: &Connections, peer: &str) -> Vec<Connected> {
        let peer = peer.parse().unwrap();
        (0..1_000).map_while(|_| connections.open(peer)).collect()
    }

    #[test]
    fn one_address_leaves_connections_for_the_others() {
        let connections = connections(40);
        let wild = take(&connections, "203.0.113.7");
        assert_eq!(wild.len(), 10);
        let mapped = "::ffff:203.0.113.7".parse().unwrap();
        assert!(connections.open(mapped).is_none(), "the same address, written otherwise");
        let other = take(&connections, "203.0.113.8");
        assert_eq!(other.len(), 10);
        assert_eq!(connections.refused(), [("address", 3), ("process", 0)]);
        drop((wild, other));
        let table = connections.0.table();
        assert!(table.of_one.is_empty() && table.all == 0, "nothing is left behind");
    }

    #[test]
    fn all_addresses_of_an_ipv6_site_share_its_connections() {
        let connections = connections(40);
        let wild = take(&connections, "2001:db8::1");
        assert!(connections.open("2001:db8:0:ffff::2".parse().unwrap()).is_none());
        assert_eq!(take(&connections, "2001:db8:1::1").len(), wild.len());
    }

    #[test]
    fn connections_are_bounded_in_all() {
        let connections = connections(40);
        let of_all: Vec<Vec<Connected>> =
            (1..=4).map(|n| take(&connections, &format!("203.0.113.{n}"))).collect();
        assert_eq!(connections.opened(), 40);
        assert!(connections.open("203.0.113.9".parse().unwrap()).is_none());
        drop(of_all);
        assert!(connections.open("203.0.113.9".parse().unwrap()).is_some());
    }

    #[test]
    fn a_trusted_proxy_has_the_connections_of_everybody_behind_it() {
        let connections = connections(40);
        let of_all = take(&connections, "10.0.0.1");
        assert_eq!(of_all.len(), 40);
        assert_eq!(connections.refused(), [("address", 0), ("process", 1)]);
    }
}
