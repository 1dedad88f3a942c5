//! The judgement of one person: from records to episodes.
//!
//! A pure function of the person's records up to an instant and of what the organisation shows. It
//! is called with the whole input for the final word, and with prefixes to learn when an incident
//! first became knowable.

use std::collections::BTreeMap;

use pushback_model::{EventKind, Key, Source, Span, Timestamp};

use crate::attempt::{Attempt, group};
use crate::circumstance::pace;
use crate::entry::Foreign;
use crate::episode::{Episode, episodes};
use crate::habits::{Habits, shows_habit};
use crate::history::Origin;
use crate::opening::origin_near;
use crate::organisation::{Organisation, Sighting, slot};
use crate::own::may_vouch;
use crate::policy::Policy;
use crate::prompt::{Outcome, Prompt, rebuild};
use crate::record::{Record, flag};
use crate::unfinished::as_passwords;
use crate::weigh::{Context, Weighed, is_candidate, is_strange, mark_rotation, weigh};

/// Everything a judgement says about one person.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// The episodes, in order of time; none overlap.
    pub episodes: Vec<Episode>,
    /// Unfamiliar origins that asked this person.
    pub sightings: Vec<Sighting>,
    /// Unfamiliar origins from which this person, or somebody in their name, got in.
    pub entries: Vec<Sighting>,
    /// Countries that the person succeeds from.
    pub countries: Vec<u16>,
    /// Prompts from familiar places: when, and whether nobody answered.
    pub familiar_prompts: Vec<(Timestamp, bool)>,
    /// Trains of prompts from a familiar place at a machine's pace.
    pub trains: Vec<Train>,
    /// The first enrolment, of an account with no sign-in well before it.
    pub newcomer: Option<(Timestamp, u16)>,
    /// Whether the log holds the account's creation.
    pub is_created: bool,
    /// Where the person bound authenticators.
    pub bindings: Vec<Origin>,
    /// Records of sessions that began with the password and ended there, by [`Record::id`] and part.
    pub unfinished: Vec<(Key, u32)>,
    /// By product, answered prompts of which the log names both ends: all, and those with one address at
    /// both.
    pub answers: BTreeMap<Source, (u32, u32)>,
    /// Prompts from networks that the policy calls quiet.
    pub quiet_prompts: u64,
    /// Whether a closer look, with the organisation in view, may find an episode.
    pub is_of_interest: bool,
}

/// Prompts at a machine's pace from a familiar place: a client with an old password.
#[derive(Clone, Debug, PartialEq)]
pub struct Train {
    /// Whose.
    pub who: Key,
    /// First and last prompt.
    pub from: Timestamp,
    /// See `from`.
    pub to: Timestamp,
    /// How many.
    pub prompts: u32,
    /// Mean interval in seconds.
    pub every_seconds: f64,
    /// One record to read names from.
    pub record: Record,
}

/// Judges one person. `records` are settled, in order of time and end at `until`.
#[must_use]
pub fn judge(
    who: Key,
    records: &[Record],
    organisation: &Organisation,
    policy: &Policy,
    until: Timestamp,
) -> Verdict {
    let prompts = rebuild(records, &policy.windows, until);
    let attempts = group(records, &prompts, &policy.windows);
    let (records, unfinished) = as_passwords(records, &prompts, &attempts);
    let records = &*records;
    let mut foreign: Vec<Foreign> = Vec::new();
    let unfinished = unfinished.iter().filter_map(|i| records.get(*i));
    let mut verdict =
        Verdict { unfinished: unfinished.map(|r| (r.id, r.part)).collect(), ..Verdict::default() };
    verdict.answers = answers(&prompts);
    let quiet = attempts.iter().filter(|attempt| attempt.origin.has(flag::QUIET));
    verdict.quiet_prompts = quiet.map(|attempt| attempt.prompts.len() as u64).sum();
    verdict.is_created = records.iter().any(|r| r.kind == EventKind::AccountCreated);
    // What a stranger did after getting in must not become the owner's habit. Two rounds settle
    // who is a stranger; a third would only chase ties.
    for _ in 0..2 {
        let is_tainted = |origin: &Origin, session: Key, at: Timestamp| {
            foreign.iter().any(|f| f.taints(origin, session, at))
        };
        let habits = Habits::learn(records, &prompts, &is_tainted);
        let context = Context {
            who,
            records,
            prompts: &prompts,
            habits: &habits,
            organisation,
            policy,
            until,
            foreign: &foreign,
        };
        let mut weighed: Vec<Weighed> = attempts
            .iter()
            .filter(|attempt| needs_weighing(attempt, &context))
            .map(|attempt| weigh(attempt.clone(), &context))
            .collect();
        mark_rotation(&mut weighed, policy.windows.episode_quiet());
        let strange: Vec<&Weighed> = weighed.iter().filter(|w| is_strange(w)).collect();
        verdict.sightings = sightings(who, &strange, &|w| w.failed.total() > 0);
        let is_doubtful =
            |w: &Weighed| w.passed.is_some() && !may_vouch(&context, &w.attempt.origin);
        verdict.entries = sightings(who, &strange, &is_doubtful);
        verdict.is_of_interest = weighed.iter().any(may_be_candidate) || may_open(records);
        verdict.countries = habits.countries();
        let (episodes, found) = episodes(&context, &weighed);
        verdict.episodes = episodes;
        survey(&context, &attempts, &strange, &mut verdict);
        if found == foreign {
            break;
        }
        foreign = found;
    }
    verdict
}

/// Whether an attempt is looked at more closely, now or if it turns out that the log does not know
/// where phones are.
fn may_be_candidate(weighed: &Weighed) -> bool {
    is_candidate(weighed) || {
        let mut weighed = weighed.clone();
        weighed.context_terms.retain(|t| !matches!(t.kind, "phone_same_network" | "phone_near"));
        is_candidate(&weighed)
    }
}

/// By product, answered prompts of which both ends are logged, and how many of them have one address at
/// both.
fn answers(prompts: &[Prompt]) -> BTreeMap<Source, (u32, u32)> {
    let mut answers: BTreeMap<Source, (u32, u32)> = BTreeMap::new();
    let answered = prompts
        .iter()
        .filter(|p| matches!(p.outcome, Outcome::Approved | Outcome::Denied))
        .filter(|p| p.responder.is_known() && p.origin.place.is_known());
    for prompt in answered {
        let (all, same) = answers.entry(prompt.source).or_default();
        *all += 1;
        *same += u32::from(prompt.responder.ip == prompt.origin.place.ip);
    }
    answers
}

/// Whether an attempt may show a stranger at all. Most do not, and cost nothing more.
fn needs_weighing(attempt: &Attempt, context: &Context<'_>) -> bool {
    if attempt.origin.has(flag::QUIET) {
        return false;
    }
    let prompts = || attempt.prompts.iter().filter_map(|i| context.prompts.get(*i));
    let has_failed = prompts().any(|p| p.outcome.is_failure());
    let has_approved = prompts().any(|p| p.outcome == Outcome::Approved);
    if prompts().any(|p| matches!(p.outcome, Outcome::Reported | Outcome::Anomalous)) {
        return true;
    }
    let matters = has_failed
        || has_approved
        || !attempt.verified.is_empty()
        || !attempt.failed.is_empty()
        || !attempt.lockouts.is_empty()
        || (!attempt.demands.is_empty()
            && attempt.sessions.is_empty()
            && attempt.prompts.is_empty());
    matters && !context.habits.is_known_address(attempt.origin.place.ip, attempt.started_at)
}

/// Whether a door may have opened without a prompt.
fn may_open(records: &[Record]) -> bool {
    records
        .iter()
        .any(|r| matches!(r.kind, EventKind::FactorEnrolled | EventKind::DeviceRegistered))
}

/// Notes what the organisation's view needs from one person.
fn survey(
    context: &Context<'_>,
    attempts: &[Attempt],
    strange: &[&Weighed],
    verdict: &mut Verdict,
) {
    let is_strange = |attempt: &Attempt| {
        strange.iter().any(|w| {
            w.attempt.started_at == attempt.started_at && w.attempt.origin == attempt.origin
        })
    };
    verdict.familiar_prompts.clear();
    verdict.trains.clear();
    for attempt in attempts.iter().filter(|a| !a.prompts.is_empty() && !is_strange(a)) {
        let prompts = || attempt.prompts.iter().filter_map(|i| context.prompts.get(*i));
        for prompt in prompts() {
            match prompt.outcome {
                Outcome::Unanswered => verdict.familiar_prompts.push((prompt.sent_at, true)),
                Outcome::Approved => verdict.familiar_prompts.push((prompt.sent_at, false)),
                _ => {}
            }
        }
        let failed: Vec<&Prompt> = prompts().filter(|p| p.outcome.is_failure()).collect();
        if failed.len() < TRAIN_MIN {
            continue;
        }
        let times: Vec<Timestamp> = failed.iter().map(|p| p.sent_at).collect();
        if let (Some((mean, spread)), Some(first), Some(from), Some(to)) =
            (pace(&times), failed.first(), times.first(), times.last())
            && spread < TRAIN_SPREAD
            && let Some(record) = first.records.first().and_then(|i| context.records.get(*i))
        {
            verdict.trains.push(Train {
                who: context.who,
                from: *from,
                to: *to,
                prompts: u32::try_from(times.len()).unwrap_or(u32::MAX),
                every_seconds: mean,
                record: *record,
            });
        }
    }
    // SECURITY: an outage is what many people notice, not what one person's prompts come to. Guarded by
    // `one_persons_prompts_are_no_outage`.
    verdict.familiar_prompts.sort_unstable_by_key(|(at, unanswered)| (slot(*at), *unanswered));
    verdict.familiar_prompts.dedup_by_key(|(at, unanswered)| (slot(*at), *unanswered));
    let first = context.records.iter().position(|r| r.kind == EventKind::FactorEnrolled);
    let newcomer = first.and_then(|index| {
        let at = context.records.get(index)?.at;
        let has_lived =
            context.records.iter().any(|r| shows_habit(r.kind) && at - r.at > Span::hours(12));
        Some((at, origin_near(context, index).filter(|_| !has_lived)?))
    });
    verdict.newcomer = newcomer.map(|(at, origin)| (at, origin.place.country));
    // SECURITY: whether that was the newcomer is not known yet, so they cannot vouch for the place.
    // Guarded by `accounts_taken_over_from_one_line_do_not_vouch_for_it`.
    verdict.entries.extend(newcomer.map(|(at, origin)| Sighting { who: context.who, at, origin }));
    verdict.bindings = (0..context.records.len())
        .filter(|i| {
            context.records.get(*i).is_some_and(|r| {
                matches!(r.kind, EventKind::FactorEnrolled | EventKind::DeviceRegistered)
                    && !r.has(flag::BY_OTHER)
            })
        })
        .filter_map(|i| origin_near(context, i))
        .collect();
}

/// A train has at least so many prompts ...
const TRAIN_MIN: usize = 4;

/// ... and intervals whose standard deviation is below this share of their mean.
const TRAIN_SPREAD: f64 = 0.2;

fn sightings(who: Key, strange: &[&Weighed], which: &dyn Fn(&Weighed) -> bool) -> Vec<Sighting> {
    strange
        .iter()
        .filter(|w| which(w))
        .map(|w| Sighting { who, at: w.attempt.started_at, origin: w.attempt.origin })
        .collect()
}
