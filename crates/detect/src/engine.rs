//! Detection over a whole organisation, one person at a time.
//!
//! ```text
//! records by person ─▶ survey ─▶ the organisation's view ─▶ judge the few ─▶ campaigns
//!      (pass 1)       everyone        (pass 2)               (pass 3)
//! ```
//! Only one person's records are held at a time; what is kept of the rest is counted in bytes a
//! person.

use std::collections::{BTreeMap, BTreeSet};

use pushback_model::{Key, Source, Span, Stage, Timestamp};

use crate::after::uses_after;
use crate::campaign;
use crate::episode::Episode;
use crate::habits::{is_lesson, shows_habit};
use crate::history::History;
use crate::judge::{Train, Verdict, judge};
use crate::organisation::Organisation;
use crate::policy::Policy;
use crate::record::Record;

/// Somebody's episode with the records behind it.
#[derive(Clone, Debug)]
pub struct Found {
    /// The episode. Its indices point into `records`.
    pub episode: Episode,
    /// The person's records up to the end of the input.
    pub records: Vec<Record>,
    /// What the person's account did to others after the approval.
    pub to_others: Vec<Record>,
    /// What the strangers' sessions were used for.
    pub(crate) used: Vec<Record>,
    /// When the records up to then first showed it.
    pub detected_at: Timestamp,
    /// The campaign, by number; `None` if it stands alone.
    pub campaign: Option<usize>,
}

/// What detection found.
#[derive(Clone, Debug, Default)]
pub struct Detection {
    /// Episodes, worst and latest first.
    pub found: Vec<Found>,
    /// Trains of prompts from clients with an old password.
    pub trains: Vec<Train>,
    /// Moments when the push service itself seems to have failed, with prompts unanswered.
    pub outages: Vec<(Timestamp, u32)>,
    /// How many people the records name.
    pub people: u64,
    /// Records dropped at a person's bound.
    pub dropped: u64,
    /// Prompts from quiet networks, which open no incident.
    pub quiet_prompts: u64,
    /// People that these were for.
    pub quiet_people: u64,
    /// Doubts about people at a source that did not fit; with any, nobody vouches for a source.
    pub doubts_dropped: u64,
    /// Sightings of strange sources that did not fit into memory: they count towards no spray.
    pub sources_dropped: u64,
    /// First and last record.
    pub span: Option<(Timestamp, Timestamp)>,
}

/// Looks for attacks. `records` yields all records in [`Record::order`] and is called several times.
///
/// # Errors
/// Whatever reading the records fails with.
pub fn detect<I, E>(records: impl Fn() -> Result<I, E>, policy: &Policy) -> Result<Detection, E>
where
    I: Iterator<Item = Result<Record, E>>,
{
    let mut first_at = Timestamp::MAX;
    let mut last_at = Timestamp::MIN;
    for record in dated(records()?) {
        let at = record?.at;
        first_at = first_at.min(at);
        last_at = last_at.max(at);
    }
    if first_at > last_at {
        return Ok(Detection::default());
    }
    detect_within(records, (first_at, last_at), policy)
}

/// The same for a caller who knows the instants of the first and the last record, which saves
/// reading all of them once.
///
/// # Errors
/// Whatever reading the records fails with.
pub fn detect_between<I, E>(
    records: impl Fn() -> Result<I, E>,
    (first_at, last_at): (Timestamp, Timestamp),
    policy: &Policy,
) -> Result<Detection, E>
where
    I: Iterator<Item = Result<Record, E>>,
{
    // The first record that has a date is known only by looking.
    if first_at < EARLIEST {
        detect(records, policy)
    } else {
        detect_within(records, (first_at, last_at), policy)
    }
}

fn detect_within<I, E>(
    records: impl Fn() -> Result<I, E>,
    (first_at, last_at): (Timestamp, Timestamp),
    policy: &Policy,
) -> Result<Detection, E>
where
    I: Iterator<Item = Result<Record, E>>,
{
    let mut detection = Detection { span: Some((first_at, last_at)), ..Detection::default() };
    let mut organisation = Organisation::new(first_at);
    let blank = organisation.clone();
    let mut interesting: BTreeSet<Key> = BTreeSet::new();
    let mut histories: Kept<History> = Kept::default();
    let mut by_others: Kept<Record> = Kept::default();
    let mut began = [Timestamp::MAX; Source::ALL.len()];
    let all = dated(records()?).inspect(|record| {
        let Ok(record) = record else { return };
        if let Some(began) = began.get_mut(record.source as usize) {
            *began = record.at.min(*began);
        }
        if is_done_to_others(record) {
            by_others.keep(1, || *record);
        }
    });
    each_person(all, |history| {
        detection.people += 1;
        detection.dropped += history.dropped();
        let everything = history.until(last_at);
        let verdict = judge(history.who(), everything, &blank, policy, last_at);
        detection.quiet_prompts += verdict.quiet_prompts;
        detection.quiet_people += u64::from(verdict.quiet_prompts > 0);
        note(&mut organisation, &verdict);
        if verdict.is_of_interest {
            interesting.insert(history.who());
            histories.keep(history.weight(), || history.clone());
        }
        detection.trains.extend(verdict.trains);
    })?;
    let began = Source::ALL.into_iter().zip(began).filter(|(_, at)| *at < Timestamp::MAX);
    organisation.note_beginnings(began);
    detection.outages = organisation.outages().collect();
    detection.doubts_dropped = organisation.doubts_dropped();
    detection.sources_dropped = organisation.sources_dropped();

    let mut noted = None;
    for record in dated(records()?) {
        let record = record?;
        // Of a person's successes from one source the first counts, and they come in order.
        let success = (record.who, record.requester.ip, record.requester.network);
        let shows = is_lesson(&record) && !organisation.is_unfinished(&record);
        if shows && noted.replace(success) != Some(success) {
            let origin = crate::history::Origin::of(&record);
            organisation.note_success(record.who, record.at, &origin);
        }
    }

    let look = |history: &History| {
        let everything = history.until(last_at);
        let verdict = judge(history.who(), everything, &organisation, policy, last_at);
        for episode in verdict.episodes {
            let used = uses_after(history, &episode.strangers, policy.windows.watch());
            let detected_at = knowable_at(&episode, history, &organisation, policy, last_at);
            detection.found.push(Found {
                episode,
                records: everything.to_vec(),
                to_others: Vec::new(),
                used,
                detected_at,
                campaign: None,
            });
        }
    };
    match histories.all() {
        Some(histories) => histories.iter().for_each(look),
        None => each_person(dated(records()?), {
            let mut look = look;
            move |history| {
                if interesting.contains(&history.who()) {
                    look(history);
                }
            }
        })?,
    }
    match by_others.all() {
        Some(records) => done_to_others(records.into_iter().map(Ok), policy, &mut detection.found)?,
        None => done_to_others(dated(records()?), policy, &mut detection.found)?,
    }
    campaign::assign(&mut detection.found);
    detection.found.sort_by_key(|f| {
        (
            std::cmp::Reverse((f.episode.stage, f.episode.last_at)),
            f.episode.who,
            f.episode.started_at,
        )
    });
    Ok(detection)
}

/// What the first pass keeps of what a later one looks at again, as long as it is little. Reading
/// every record once more takes much longer, above all from a temporary file.
struct Kept<T> {
    some: Vec<T>,
    records: usize,
}

/// Records kept at the most for a later pass: about 2.8 MB.
const KEPT_MAX: usize = 16_384;

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { some: Vec::new(), records: 0 }
    }
}

impl<T> Kept<T> {
    /// Keeps something that holds so many records; past the limit, nothing at all.
    fn keep(&mut self, records: usize, something: impl FnOnce() -> T) {
        self.records += records;
        if self.records <= KEPT_MAX {
            self.some.push(something());
        } else {
            self.some = Vec::new();
        }
    }

    /// All of it, unless it was too much.
    fn all(self) -> Option<Vec<T>> {
        (self.records <= KEPT_MAX).then_some(self.some)
    }
}

/// The earliest date that is taken for one.
const EARLIEST: Timestamp = Timestamp::from_seconds(946_684_800);

/// Leaves out records without a date: some exports lose it, and readers then give the epoch. No
/// product looked after here logged prompts before the year 2000.
fn dated<E>(
    records: impl Iterator<Item = Result<Record, E>>,
) -> impl Iterator<Item = Result<Record, E>> {
    records.filter(|record| record.as_ref().map_or(true, |r| r.at >= EARLIEST))
}

fn each_person<E>(
    records: impl Iterator<Item = Result<Record, E>>,
    mut visit: impl FnMut(&History),
) -> Result<(), E> {
    let mut history = History::default();
    let mut who = 0;
    for record in records {
        let record = record?;
        if record.who != who {
            if who != 0 {
                history.settle();
                visit(&history);
            }
            history.clear();
            who = record.who;
        }
        // Records about nobody (organisation-wide settings) belong to no person.
        if who != 0 {
            history.push(record);
        }
    }
    if who != 0 {
        history.settle();
        visit(&history);
    }
    Ok(())
}

fn note(organisation: &mut Organisation, verdict: &Verdict) {
    verdict.sightings.iter().for_each(|s| organisation.note_asked(s));
    verdict.entries.iter().for_each(|s| organisation.note_entry(s));
    for (source, answers) in &verdict.answers {
        organisation.note_answers(*source, *answers);
    }
    organisation.note_account(verdict.is_created);
    verdict.unfinished.iter().for_each(|named| organisation.note_unfinished(*named));
    verdict.countries.iter().for_each(|c| organisation.note_country(*c));
    for (at, is_unanswered) in &verdict.familiar_prompts {
        organisation.note_familiar_prompt(*at, *is_unanswered);
    }
    if let Some((at, country)) = verdict.newcomer {
        organisation.note_newcomer(at, country);
    }
    verdict.bindings.iter().for_each(|origin| organisation.note_binding(origin));
}

/// Instants at which a judgement may change that are tried at the most.
const INSTANTS_MAX: usize = 96;

/// The earliest instant at which the records up to then already give the incident.
fn knowable_at(
    episode: &Episode,
    history: &History,
    organisation: &Organisation,
    policy: &Policy,
    last_at: Timestamp,
) -> Timestamp {
    let records = history.until(last_at);
    let mut instants: Vec<Timestamp> = episode.prompts.iter().map(|p| p.ended_at).collect();
    instants.extend(episode.records.iter().filter_map(|i| records.get(*i)).map(|r| r.at));
    // Later habits can be what makes an early prompt strange.
    instants.extend(records.iter().map(|r| r.at).filter(|at| *at > episode.started_at).take(64));
    instants.sort_unstable();
    instants.dedup();
    instants
        .into_iter()
        .take(INSTANTS_MAX)
        .find(|until| {
            judge(episode.who, history.until(*until), organisation, policy, *until)
                .episodes
                .iter()
                .any(|e| e.started_at <= episode.last_at && e.last_at >= episode.started_at)
        })
        .unwrap_or(episode.last_at)
}

/// Whether a change to somebody else came from a network that its author used before the approval.
fn is_own_network(found: &Found, record: &Record, from: Timestamp) -> bool {
    let network = record.requester.network;
    let is_strangers = found.episode.origins.iter().any(|o| o.place.network == network);
    !is_strangers
        && found.records.iter().any(|r| {
            shows_habit(r.kind) && r.at < from - Span::hours(1) && r.requester.network == network
        })
}

fn is_done_to_others(record: &Record) -> bool {
    record.actor != 0 && record.kind.is_lasting_change()
}

/// Adds what approved accounts did to others: roles given, accounts made, policies changed.
fn done_to_others<E>(
    records: impl Iterator<Item = Result<Record, E>>,
    policy: &Policy,
    found: &mut [Found],
) -> Result<(), E> {
    let mut by_actor: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
    for (i, f) in found.iter().enumerate() {
        if f.episode.stage >= Stage::Approved {
            by_actor.entry(f.episode.who).or_default().push(i);
        }
    }
    if by_actor.is_empty() {
        return Ok(());
    }
    for record in records {
        let record = record?;
        if !is_done_to_others(&record) {
            continue;
        }
        for i in by_actor.get(&record.actor).into_iter().flatten() {
            let Some(f) = found.get_mut(*i) else { continue };
            let from = f.episode.approved_at.unwrap_or(f.episode.started_at);
            let is_near = record.at >= from && record.at - from <= policy.windows.watch();
            let is_theirs = match record.requester.ip {
                0 => record.at - from <= Span::hours(48),
                _ => !is_own_network(f, &record, from),
            };
            let is_new = !f.to_others.iter().any(|r| (r.id, r.part) == (record.id, record.part));
            if is_near && is_theirs && is_new {
                f.to_others.push(record);
                f.episode.stage = Stage::Foothold;
                f.episode.last_at = f.episode.last_at.max(record.at);
            }
        }
    }
    Ok(())
}
