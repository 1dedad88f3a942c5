//! Campaigns: episodes of several people that share a source.

use std::collections::BTreeMap;

use pushback_model::{Key, Span, Timestamp};

use crate::engine::Found;
use crate::organisation::source_keys;

/// Episodes on one address or network further apart than this are not one campaign.
const REACH: Span = Span::days(7);
/// Episodes that share only provider and browser must be this close ...
const KIN_REACH: Span = Span::hours(6);
/// ... and this many.
const KIN_MIN: usize = 3;

/// Gives episodes that share a source the same campaign number.
pub fn assign(found: &mut [Found]) {
    let mut groups = Groups::new(found.len());
    let mut by_key: BTreeMap<Key, Vec<(Timestamp, usize)>> = BTreeMap::new();
    let mut by_kin: BTreeMap<Key, Vec<(Timestamp, usize)>> = BTreeMap::new();
    for (i, f) in found.iter().enumerate() {
        for origin in &f.episode.origins {
            let [ip, network, kin] = source_keys(origin);
            for key in [ip, network].into_iter().filter(|k| *k != 0) {
                by_key.entry(key).or_default().push((f.episode.started_at, i));
            }
            if kin != 0 {
                by_kin.entry(kin).or_default().push((f.episode.started_at, i));
            }
        }
    }
    for mut members in by_key.into_values() {
        members.sort_unstable();
        for pair in members.windows(2) {
            if let [(a_at, a), (b_at, b)] = pair
                && *b_at - *a_at <= REACH
            {
                groups.join(*a, *b);
            }
        }
    }
    for mut members in by_kin.into_values() {
        members.sort_unstable();
        members.dedup_by_key(|(_, i)| *i);
        for run in members.chunk_by(|(a, _), (b, _)| *b - *a <= KIN_REACH) {
            if run.len() >= KIN_MIN {
                for pair in run.windows(2) {
                    if let [(_, a), (_, b)] = pair {
                        groups.join(*a, *b);
                    }
                }
            }
        }
    }
    let mut people: BTreeMap<usize, Vec<Key>> = BTreeMap::new();
    for (i, f) in found.iter().enumerate() {
        people.entry(groups.root(i)).or_default().push(f.episode.who);
    }
    for (i, f) in found.iter_mut().enumerate() {
        let root = groups.root(i);
        let is_shared = people
            .get(&root)
            .is_some_and(|members| members.iter().any(|who| *who != f.episode.who));
        f.campaign = is_shared.then_some(root);
    }
}

/// Disjoint sets.
struct Groups(Vec<usize>);

impl Groups {
    fn new(len: usize) -> Self {
        Self((0..len).collect())
    }

    fn root(&self, mut i: usize) -> usize {
        while let Some(&parent) = self.0.get(i) {
            if parent == i {
                break;
            }
            i = parent;
        }
        i
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        let (low, high) = (a.min(b), a.max(b));
        if let Some(slot) = self.0.get_mut(high) {
            *slot = low;
        }
    }
}
