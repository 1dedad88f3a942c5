//! Answers that stay open while somebody waits: how many there may be, for one attempt or phone and
//! for the whole process.
//!
//! Each costs a connection, and a look at the database every few seconds. Whoever gets no place is told
//! to ask again, and can always ask without waiting.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;

use crate::problem::Problem;

/// Answers that stay open for one attempt or one phone: a few tabs, and those that a network lost.
const OF_ONE_MAX: usize = 8;
/// Answers of one kind that stay open in this process.
const OF_A_KIND_MAX: usize = 10_000;
/// Those of one relying party: a quarter, so that one whose client runs wild leaves places for others.
const OF_A_PARTY_MAX: usize = OF_A_KIND_MAX / 4;
/// When to ask again, in seconds.
const AGAIN_AFTER_S: u32 = 5;

/// All kinds. What strangers open cannot use up the places of phones and relying parties.
pub(crate) struct Streams {
    /// Of hosted pages, by attempt: streams and requests that wait.
    pub(crate) pages: Kind,
    /// Of relying parties, by attempt and for signals: streams and requests that wait.
    relying_parties: Kind,
    /// Of phones.
    pub(crate) phones: Kind,
}

impl Default for Streams {
    fn default() -> Self {
        let kind = || Kind::new(OF_A_KIND_MAX);
        Self { pages: kind(), relying_parties: kind(), phones: kind() }
    }
}

impl Streams {
    /// A place for a relying party that waits: for an attempt, or for signals.
    ///
    /// # Errors
    /// A problem with this status if there is none.
    pub(crate) fn open_for(&self, party: &str, what: &str) -> Result<Place, Problem> {
        self.relying_parties.open_in(Some((party, OF_A_PARTY_MAX)), what)
    }

    /// What is counted, by name: how many are open, and how many were refused since the start.
    pub(crate) fn counts(&self) -> [(&'static str, usize, u64); 3] {
        let Self { pages, relying_parties, phones } = self;
        [("page", pages), ("relying_party", relying_parties), ("phone", phones)]
            .map(|(name, kind)| (name, kind.0.table().all, kind.0.refused.load(Ordering::Relaxed)))
    }
}

pub(crate) struct Kind(Arc<Counted>);

struct Counted {
    places_max: usize,
    table: Mutex<Table>,
    refused: AtomicU64,
}

#[derive(Default)]
struct Table {
    of_one: BTreeMap<String, usize>,
    of_party: BTreeMap<String, usize>,
    all: usize,
}

impl Counted {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kind {
    fn new(places_max: usize) -> Self {
        let (table, refused) = (Mutex::default(), AtomicU64::new(0));
        Self(Arc::new(Counted { places_max, table, refused }))
    }

    /// A place for one more, to be kept as long as the answer is open.
    ///
    /// # Errors
    /// A problem with this status if there is none.
    // SECURITY: a link to a page is all it takes to open a stream of it. Guarded by
    // `a_page_has_eight_streams_and_is_told_to_ask_again` and `streams_of_one_kind_are_bounded`.
    pub(crate) fn open(&self, whose: &str) -> Result<Place, Problem> {
        self.open_in(None, whose)
    }

    /// The same for a relying party with a share of the places.
    // SECURITY: one relying party must not take the places of all. Guarded by
    // `one_relying_party_leaves_places_for_the_others`.
    fn open_in(&self, party: Option<(&str, usize)>, whose: &str) -> Result<Place, Problem> {
        let mut table = self.0.table();
        let of_one = table.of_one.get(whose).copied().unwrap_or_default();
        let of_party = |party| table.of_party.get(party).copied().unwrap_or_default();
        let has_its_share = party.is_some_and(|(party, places_max)| of_party(party) >= places_max);
        if of_one >= OF_ONE_MAX || has_its_share || table.all >= self.0.places_max {
            self.0.refused.fetch_add(1, Ordering::Relaxed);
            let detail = "too many wait here already; ask again without waiting";
            let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_streams", detail);
            return Err(problem.again_after_s(AGAIN_AFTER_S));
        }
        table.of_one.insert(whose.to_owned(), of_one + 1);
        table.all += 1;
        let party = party.map(|(party, _)| party.to_owned());
        if let Some(party) = &party {
            *table.of_party.entry(party.clone()).or_default() += 1;
        }
        Ok(Place { counted: Arc::clone(&self.0), whose: whose.to_owned(), party })
    }
}

/// A place; given back when it is dropped.
pub(crate) struct Place {
    counted: Arc<Counted>,
    whose: String,
    party: Option<String>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.counted.table();
        table.all = table.all.saturating_sub(1);
        give_back(&mut table.of_one, &self.whose);
        if let Some(party) = &self.party {
            give_back(&mut table.of_party, party);
        }
    }
}

fn give_back(counts: &mut BTreeMap<String, usize>, whose: &str) {
    match counts.get_mut(whose) {
        Some(count) if *count > 1 => *count -= 1,
        Some(_) | None => drop(counts.remove(whose)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_one_kind_are_bounded() {
        let kind = Kind::new(20);
        let mut places: Vec<Place> =
            (0..20).map(|n| kind.open(&format!("a{}", n / 5)).unwrap()).collect();
        assert!(kind.open("b").is_err());
        places.pop();
        places.push(kind.open("b").unwrap());
        assert!(kind.open("a0").is_err());
        assert_eq!(kind.0.refused.load(Ordering::Relaxed), 2);
        drop(places);
        let table = kind.0.table();
        assert!(table.of_one.is_empty() && table.all == 0, "nothing is left behind");
    }

    #[test]
    fn one_relying_party_leaves_places_for_the_others() {
        let streams = Streams::default();
        let attempts = |party| {
            let streams = &streams;
            (0..20_000).map_while(move |n| streams.open_for(party, &format!("{party}{n}")).ok())
        };
        let first: Vec<Place> = attempts("a").collect();
        assert_eq!(first.len(), OF_A_PARTY_MAX);
        let second: Vec<Place> = attempts("b").collect();
        assert_eq!(second.len(), OF_A_PARTY_MAX);
        drop((first, second));
        let table = streams.relying_parties.0.table();
        assert!(table.of_party.is_empty() && table.of_one.is_empty() && table.all == 0);
    }
}
