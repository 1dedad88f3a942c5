//! Documents in memory, as they were last read or written here.
//!
//! A decision may rest on what is here without asking the database: its commit fails if the document
//! has another version by now, and then it is read. Whatever is only looked at is asked for with its
//! version first, and travels again only if that is another one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pushback_model::{Span, Timestamp};
use pushback_store::{Key, Version};

/// Documents of one sort in the younger half; the older half has as many at most.
const HALF: usize = 2_048;
/// How long a document is kept. Much shorter than the day for which the version of a deleted document
/// is remembered, so that a version here never names another document's state.
const LIFE: Span = Span::minutes(30);

/// Decoded documents of one sort: what was used lately stays.
pub(crate) struct Cache<T> {
    halves: Mutex<Halves<T>>,
    hits: AtomicU64,
    misses: AtomicU64,
}

struct Halves<T> {
    young: BTreeMap<Key, Kept<T>>,
    old: BTreeMap<Key, Kept<T>>,
}

struct Kept<T> {
    document: Arc<T>,
    version: Version,
    at: Timestamp,
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self { document: Arc::clone(&self.document), version: self.version, at: self.at }
    }
}

impl<T> Default for Cache<T> {
    fn default() -> Self {
        let halves = Mutex::new(Halves { young: BTreeMap::new(), old: BTreeMap::new() });
        Self { halves, hits: AtomicU64::new(0), misses: AtomicU64::new(0) }
    }
}

impl<T> Cache<T> {
    /// A document and its version, as they were when this node last saw them.
    pub(crate) fn get(&self, key: &Key, now: Timestamp) -> Option<(Arc<T>, Version)> {
        let mut halves = self.halves();
        if !halves.young.contains_key(key)
            && let Some(kept) = halves.old.remove(key)
        {
            halves.insert(key.clone(), kept);
        }
        let kept = halves.young.get(key).filter(|kept| now < kept.at + LIFE && kept.at <= now);
        let found = kept.map(|kept| (Arc::clone(&kept.document), kept.version));
        drop(halves);
        let counter = if found.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// Keeps a document that was read or committed, unless a later one is here already.
    pub(crate) fn put(&self, key: Key, document: Arc<T>, version: Version, now: Timestamp) {
        let mut halves = self.halves();
        let is_late =
            |kept: &Kept<T>| kept.version > version && kept.at <= now && now < kept.at + LIFE;
        let known = halves.young.get(&key).or_else(|| halves.old.get(&key));
        if known.is_none_or(|kept| !is_late(kept)) {
            halves.insert(key, Kept { document, version, at: now });
        }
    }

    /// Forgets a document that turned out to be another by now.
    pub(crate) fn forget(&self, key: &Key) {
        let mut halves = self.halves();
        halves.young.remove(key);
        halves.old.remove(key);
    }

    /// How often a document was here, and how often it was not.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed))
    }

    fn halves(&self) -> MutexGuard<'_, Halves<T>> {
        self.halves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Halves<T> {
    fn insert(&mut self, key: Key, kept: Kept<T>) {
        if self.young.len() >= HALF && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&key);
        self.young.insert(key, kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_772_400_000_000);

    fn key(n: usize) -> Key {
        Key::new("thing", &n.to_string()).unwrap()
    }

    fn version(n: i64) -> Version {
        Version::from_number(n).unwrap()
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_is_used_stays() {
        let cache = Cache::default();
        for n in 0..10 * HALF {
            cache.put(key(n), Arc::new(n), version(1), NOW);
            assert!(cache.get(&key(0), NOW).is_some(), "used all the time: {n}");
        }
        let halves = cache.halves();
        assert!(halves.young.len() <= HALF && halves.old.len() <= HALF);
        drop(halves);
        assert!(cache.get(&key(1), NOW).is_none());
        assert_eq!(cache.counts(), (10 * HALF as u64, 1));
    }

    #[test]
    fn an_earlier_version_does_not_take_the_place_of_a_later_one() {
        let cache = Cache::default();
        cache.put(key(1), Arc::new('b'), version(2), NOW);
        cache.put(key(1), Arc::new('a'), version(1), NOW);
        assert_eq!(cache.get(&key(1), NOW).unwrap().1, version(2));
        cache.forget(&key(1));
        assert!(cache.get(&key(1), NOW).is_none());
    }

    #[test]
    fn what_is_half_an_hour_old_is_not_known_any_more() {
        let cache = Cache::default();
        cache.put(key(1), Arc::new('a'), version(7), NOW);
        assert!(cache.get(&key(1), NOW + Span::minutes(29)).is_some());
        assert!(cache.get(&key(1), NOW + LIFE).is_none());
        // A document that was deleted, forgotten and made again starts at 1.
        cache.put(key(1), Arc::new('b'), version(1), NOW + LIFE);
        assert!(cache.get(&key(1), NOW + LIFE).is_some());
    }
}
