//! One person's records, each once, in order of time.

use std::collections::{BTreeMap, VecDeque};

use pushback_model::{EventKind, Key, Span, Timestamp};

use crate::record::{Place, Record, flag};

/// Records kept of one person. Ordinary sign-ins past it are dropped and counted; prompts, answers
/// and lasting changes are kept up to twice as many.
pub const RECORDS_MAX: usize = 20_000;

/// Repeated uses of sessions kept of one person; the rest is not listed.
const REPEATS_MAX: usize = RECORDS_MAX;

/// Everything the logs say of one person.
#[derive(Clone, Debug, Default)]
pub struct History {
    records: Vec<Record>,
    repeats: Vec<Record>,
    dropped: u64,
    run: Run,
}

/// Files and mails opened one after the other from one address.
#[derive(Clone, Debug, Default)]
struct Run {
    ip: Key,
    last: Key,
    times: VecDeque<Timestamp>,
}

/// So many within so short a time are taken, not read.
const TAKEN_MIN: usize = 20;
const TAKEN_SPAN: Span = Span::minutes(15);

impl Run {
    /// Whether this one completes a burst.
    fn completes(&mut self, record: &Record) -> bool {
        // Exports overlap, and the same one twice counts once.
        if record.id == self.last {
            return false;
        }
        if record.requester.ip != self.ip {
            self.times.clear();
        }
        (self.ip, self.last) = (record.requester.ip, record.id);
        self.times.push_back(record.at);
        while self.times.front().is_some_and(|first| record.at - *first > TAKEN_SPAN) {
            self.times.pop_front();
        }
        let is_burst = self.times.len() >= TAKEN_MIN;
        if is_burst {
            self.times.clear();
        }
        is_burst
    }
}

/// Where a request came from and with what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The network end.
    pub place: Place,
    /// A device id, if logged.
    pub device: Key,
    /// Browser family, if logged.
    pub family: u32,
    /// Exact browser, if logged.
    pub agent: u32,
    /// See [`crate::flag`].
    pub flags: u16,
}

impl Origin {
    /// The origin of a record.
    #[must_use]
    pub const fn of(record: &Record) -> Self {
        Self {
            place: record.requester,
            device: record.device,
            family: record.family,
            agent: record.agent,
            flags: record.flags,
        }
    }

    /// Whether a flag is set.
    #[must_use]
    pub const fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }
}

impl History {
    /// Takes the next record in [`Record::order`]; the same one twice counts once.
    pub fn push(&mut self, mut record: Record) {
        let is_taken = record.has(flag::TAKEN) && self.run.completes(&record);
        if !is_taken {
            record.flags &= !flag::TAKEN;
        }
        // Copies stand beside each other; one that was kept would push others out of sight below.
        if self.records.last().is_some_and(|last| is_copy(last, &record)) {
            return;
        }
        if is_ordinary(record.kind) {
            // Single sign-on to the tenth application of a morning teaches nothing new.
            let repeats = self.records.iter().rev().take(4).any(|earlier| {
                earlier.kind == record.kind
                    && earlier.at.day() == record.at.day()
                    && Origin::of(earlier) == Origin::of(&record)
                    && earlier.session == record.session
                    && record.kind == EventKind::SessionUsed
            });
            if repeats && !is_taken {
                let is_copy = self.repeats.last().is_some_and(|last| is_copy(last, &record));
                if self.repeats.len() < REPEATS_MAX && !is_copy {
                    self.repeats.push(record);
                }
                return;
            }
            if self.records.len() >= RECORDS_MAX {
                self.dropped += 1;
                return;
            }
        } else if self.records.len() >= 2 * RECORDS_MAX {
            self.dropped += 1;
            return;
        }
        self.records.push(record);
    }

    /// Forgets everything, to be filled with the next person.
    pub fn clear(&mut self) {
        self.records.clear();
        self.repeats.clear();
        self.run = Run::default();
        self.dropped = 0;
    }

    /// Records that did not fit.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Uses of a session beyond the first of a day: they teach nothing, and tell what a stranger saw.
    pub(crate) fn repeats(&self) -> &[Record] {
        &self.repeats
    }

    /// Records that take memory.
    pub(crate) const fn weight(&self) -> usize {
        self.records.len() + self.repeats.len()
    }

    /// The person.
    #[must_use]
    pub fn who(&self) -> Key {
        self.records.first().map_or(0, |r| r.who)
    }

    /// Leaves one version of each event: the most complete. A vendor delivers a record again when
    /// it learns more (Entra), and exports overlap.
    pub fn settle(&mut self) {
        self.keep_one_version();
        locate(&mut self.records);
        complete(&mut self.records);
    }

    fn keep_one_version(&mut self) {
        let mut ids: Vec<(Key, u32)> = self.records.iter().map(|r| (r.id, r.part)).collect();
        ids.sort_unstable();
        if ids.windows(2).all(|pair| matches!(pair, [a, b] if a != b)) {
            return;
        }
        let mut best: BTreeMap<(Key, u32), Record> = BTreeMap::new();
        for record in self.records.drain(..) {
            best.entry((record.id, record.part))
                .and_modify(|kept| {
                    if version(&record) > version(kept) {
                        *kept = record;
                    }
                })
                .or_insert(record);
        }
        self.records.extend(best.into_values());
        self.records.sort_by_key(Record::order);
    }

    pub(crate) fn all(&self) -> &[Record] {
        &self.records
    }

    /// The records up to an instant, included.
    #[must_use]
    pub fn until(&self, until: Timestamp) -> &[Record] {
        let end = self.records.partition_point(|r| r.at <= until);
        self.records.get(..end).unwrap_or_default()
    }
}

/// How long before a result its demand may lie.
const DEMAND_BEFORE: Span = Span::minutes(15);

/// Products such as PingID name the browser when they demand a second factor and not in the result:
/// what one record of an attempt says holds for the others from the same address.
fn complete(records: &mut [Record]) {
    let mut demands: BTreeMap<(Key, Key), Record> = BTreeMap::new();
    for record in records {
        if record.transaction == 0 || record.requester.ip == 0 {
            continue;
        }
        let key = (record.transaction, record.requester.ip);
        if record.kind == EventKind::ChallengeRequired && record.agent != 0 {
            demands.insert(key, *record);
        } else if record.agent == 0
            && record.device == 0
            && let Some(demand) = demands.get(&key)
            && demand.source == record.source
            && record.at - demand.at <= DEMAND_BEFORE
        {
            record.agent = demand.agent;
            record.family = demand.family;
            record.device = demand.device;
            record.flags |= demand.flags & (flag::MOBILE | flag::MANAGED | flag::PROXY);
        }
    }
}

/// Some products log an address and nothing about it (Microsoft 365): what another record says of the
/// same address holds for it too.
fn locate(records: &mut [Record]) {
    if !records.iter().any(|r| is_bare(&r.requester)) {
        return;
    }
    let mut known: BTreeMap<Key, Place> = BTreeMap::new();
    for place in records.iter().map(|r| r.requester).filter(|p| p.is_known() && !is_bare(p)) {
        // Two answers about one address: the same one whatever the order.
        known.entry(place.ip).and_modify(|kept| *kept = place.max(*kept)).or_insert(place);
    }
    for place in records.iter_mut().map(|r| &mut r.requester).filter(|p| is_bare(p)) {
        if let Some(known) = known.get(&place.ip) {
            *place = *known;
        }
    }
}

/// Whether nothing but an address is logged.
const fn is_bare(place: &Place) -> bool {
    place.ip != 0 && place.asn == 0 && place.city == 0 && place.country == 0
}

/// Whether a record is another one, read elsewhere.
fn is_copy(record: &Record, other: &Record) -> bool {
    *record == Record { position: record.position, ..*other }
}

/// Kinds that only show habits.
const fn is_ordinary(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::SessionUsed
            | EventKind::SessionStarted
            | EventKind::PasswordVerified
            | EventKind::FactorVerified
            | EventKind::SignInFailed
            | EventKind::ChallengeRequired
            | EventKind::PolicyRefused
    )
}

/// How complete a version is; the larger wins. Ends in the record's content, not its position, so
/// that the choice does not depend on the order of the input.
fn version(record: &Record) -> (u8, [u8; Record::BYTES]) {
    let completeness = match record.kind {
        EventKind::ChallengeRequired => 0,
        EventKind::FactorFailed | EventKind::SignInFailed => 1,
        EventKind::PromptSent => 2,
        _ => 3,
    };
    let mut content = *record;
    content.position = crate::Position::default();
    (completeness, content.to_bytes())
}
