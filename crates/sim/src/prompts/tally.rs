//! What happened, counted.

use std::collections::BTreeMap;

use super::fault::Fault;

/// What happened in simulated worlds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Days lived, summed over people.
    pub person_days: u64,
    /// Worlds.
    pub worlds: u64,
    /// Decisions that were committed.
    pub decisions: u64,
    /// Commits that lost a race and were decided again.
    pub conflicts: u64,
    /// Attempts of owners and of strangers.
    pub attempts: [u64; 2],
    /// Prompts that were made.
    pub prompts: u64,
    /// Prompts and calls for which a phone was to ring.
    pub rings: u64,
    /// Of those, the ones that a phone really rang for.
    pub rings_heard: u64,
    /// Wake-ups that a phone had had before and ignored by their key.
    pub repeats_ignored: u64,
    /// Rings that a worker kept back, since their prompt was over when it looked.
    pub rings_withheld: u64,
    /// Effects that the workers carried out, repetitions included.
    pub effects: u64,
    /// Successes of owners.
    pub own_successes: u64,
    /// Successes of strangers, all with a code that the owner typed or gave away.
    pub foreign_successes: u64,
    /// Sign-ins of owners from their known device that the sixth law was asked about.
    pub known_device_starts: u64,
    /// Reports.
    pub reports: u64,
    /// Help-desk resets that were carried out.
    pub resets: u64,
    /// People who had something to mend after the last fault before they could sign in.
    pub mended: u64,
    /// Faults, by kind.
    pub faults: BTreeMap<Fault, u64>,
    /// Jumps of a node's clock.
    pub clock_jumps: u64,
}

impl Tally {
    /// Adds another tally.
    pub fn merge(&mut self, other: &Self) {
        let Self {
            person_days,
            worlds,
            decisions,
            conflicts,
            attempts,
            prompts,
            rings,
            rings_heard,
            repeats_ignored,
            rings_withheld,
            effects,
            own_successes,
            foreign_successes,
            known_device_starts,
            reports,
            resets,
            mended,
            faults,
            clock_jumps,
        } = other;
        self.person_days += person_days;
        self.worlds += worlds;
        self.decisions += decisions;
        self.conflicts += conflicts;
        for (mine, theirs) in self.attempts.iter_mut().zip(attempts) {
            *mine += theirs;
        }
        self.prompts += prompts;
        self.rings += rings;
        self.rings_heard += rings_heard;
        self.repeats_ignored += repeats_ignored;
        self.rings_withheld += rings_withheld;
        self.effects += effects;
        self.own_successes += own_successes;
        self.foreign_successes += foreign_successes;
        self.known_device_starts += known_device_starts;
        self.reports += reports;
        self.resets += resets;
        self.mended += mended;
        for (fault, count) in faults {
            *self.faults.entry(*fault).or_default() += count;
        }
        self.clock_jumps += clock_jumps;
    }
}
