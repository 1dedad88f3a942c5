//! The judgement of one person: from records to episodes.
//!
//! A pure function of the person's records up to an instant and of what the organisation shows. It
//! is called with the whole input for the final word, and with prefixes to learn when an incident
//! first became knowable.

use pushback_model::{EventKind, Factor, Key, Span, Stage, Timestamp};

use crate::attempt::{Attempt, group};
use crate::habits::{BrowserLevel, Habits, NetworkLevel, network_level, shows_habit};
use crate::history::Origin;
use crate::organisation::{Organisation, Sighting};
use crate::policy::{Policy, Weights};
use crate::prompt::{Outcome, Prompt, rebuild};
use crate::record::{Record, flag};
use crate::weigh::{
    Context, Failures, Term, Weighed, is_own_change, is_reset_by_other, origin_terms, pace, sum,
    weigh,
};

/// What one stranger did to one person.
#[derive(Clone, Debug)]
pub struct Episode {
    /// To whom.
    pub who: Key,
    /// How far it went.
    pub stage: Stage,
    /// First evidence.
    pub started_at: Timestamp,
    /// Last evidence.
    pub last_at: Timestamp,
    /// The foreign approval.
    pub approved_at: Option<Timestamp>,
    /// The evidence.
    pub terms: Vec<Term>,
    /// The prompts.
    pub prompts: Vec<Prompt>,
    /// Where it came from.
    pub origins: Vec<Origin>,
    /// Indices of records of what was done after.
    pub after: Vec<usize>,
    /// Indices of all records that belong to it, in order.
    pub records: Vec<usize>,
}

impl Episode {
    /// The sum of the evidence.
    #[must_use]
    pub fn bits(&self) -> f64 {
        sum(&self.terms)
    }
}

/// Everything a judgement says about one person.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// The episodes, in order of time; none overlap.
    pub episodes: Vec<Episode>,
    /// Unfamiliar origins that asked this person.
    pub sightings: Vec<Sighting>,
    /// Countries that the person succeeds from.
    pub countries: Vec<u16>,
    /// Prompts from familiar places: when, and whether nobody answered.
    pub familiar_prompts: Vec<(Timestamp, bool)>,
    /// Trains of prompts from a familiar place at a machine's pace.
    pub trains: Vec<Train>,
    /// The first enrolment, of an account with no sign-in before it, and its network.
    pub newcomer: Option<(Timestamp, u32)>,
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
    let mut foreign: Vec<Foreign> = Vec::new();
    let mut verdict = Verdict::default();
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
        };
        let weighed: Vec<Weighed> = attempts
            .iter()
            .filter(|attempt| needs_weighing(attempt, &context))
            .map(|attempt| weigh(attempt.clone(), &context))
            .collect();
        let strange: Vec<&Weighed> = weighed.iter().filter(|w| is_strange(w)).collect();
        verdict.sightings = sightings(who, &strange);
        verdict.is_of_interest = weighed.iter().any(is_candidate) || may_open(records);
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
        let prompts: Vec<&Prompt> =
            attempt.prompts.iter().filter_map(|i| context.prompts.get(*i)).collect();
        for prompt in &prompts {
            match prompt.outcome {
                Outcome::Unanswered => verdict.familiar_prompts.push((prompt.sent_at, true)),
                Outcome::Approved => verdict.familiar_prompts.push((prompt.sent_at, false)),
                _ => {}
            }
        }
        let failed: Vec<&&Prompt> = prompts.iter().filter(|p| p.outcome.is_failure()).collect();
        let times: Vec<Timestamp> = failed.iter().map(|p| p.sent_at).collect();
        if let (Some((mean, spread)), Some(first), Some(from), Some(to)) =
            (pace(&times), failed.first(), times.first(), times.last())
            && times.len() >= TRAIN_MIN
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
    verdict.newcomer = context
        .records
        .iter()
        .position(|r| r.kind == EventKind::FactorEnrolled)
        .filter(|i| !context.records.iter().take(*i).any(|r| r.kind == EventKind::PromptApproved))
        .and_then(|i| context.records.get(i))
        .map(|r| (r.at, r.requester.network));
}

/// A train has at least so many prompts ...
const TRAIN_MIN: usize = 4;
/// ... and intervals whose standard deviation is below this share of their mean.
const TRAIN_SPREAD: f64 = 0.2;

/// A success that is not the owner's.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Foreign {
    at: Timestamp,
    ip: Key,
    device: Key,
    sessions: Vec<Key>,
}

impl Foreign {
    fn taints(&self, origin: &Origin, session: Key, at: Timestamp) -> bool {
        let same = (self.ip != 0 && origin.place.ip == self.ip)
            || (self.device != 0 && origin.device == self.device)
            || (session != 0 && self.sessions.contains(&session));
        same && at >= self.at - Span::minutes(30)
    }
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

/// Prompts that failed in one attempt from which on its place is looked at, however near.
const MANY_FAILED: usize = 3;

fn is_strange(weighed: &Weighed) -> bool {
    let asked = weighed.failed.total() > 0
        || weighed.passed.is_some()
        || !weighed.attempt.lockouts.is_empty()
        || !weighed.attempt.demands.is_empty();
    let disowned = !weighed.failed.reported.is_empty() || !weighed.failed.anomalous.is_empty();
    let insists = weighed.failed.total() >= MANY_FAILED
        || (weighed.failed.total() >= 2 && !weighed.failed.denied.is_empty());
    asked && (disowned || weighed.standing_bits() > 0.0 || (insists && !weighed.is_owners()))
}

/// Whether an attempt is looked at more closely: a strange one, or a way in that is not surely the
/// owner's.
fn is_candidate(weighed: &Weighed) -> bool {
    is_strange(weighed) || (weighed.passed.is_some() && !weighed.is_owners())
}

fn sightings(who: Key, strange: &[&Weighed]) -> Vec<Sighting> {
    strange
        .iter()
        .filter(|w| w.failed.total() > 0)
        .map(|w| Sighting { who, at: w.attempt.started_at, origin: w.attempt.origin })
        .collect()
}

/// One link of a chain: an attempt, and what makes its success foreign if it had one.
struct Link<'a> {
    weighed: &'a Weighed,
    /// The terms of a foreign success.
    foreign: Option<Vec<Term>>,
}

/// Chains strange attempts, resets and dormant enrolments into episodes and decides their stages.
fn episodes(context: &Context<'_>, weighed: &[Weighed]) -> (Vec<Episode>, Vec<Foreign>) {
    let quiet = context.policy.windows.episode_quiet();
    let failing: Vec<&Weighed> =
        weighed.iter().filter(|w| is_strange(w) && has_failure(w)).collect();
    let mut chains: Vec<Vec<Link<'_>>> = Vec::new();
    for weighed in weighed.iter().filter(|w| is_candidate(w)) {
        let foreign = weighed.passed.and_then(|(at, record)| {
            let terms = passed_terms(context, &failing, weighed, at, record);
            (sum(&terms) >= context.policy.thresholds.approved).then_some(terms)
        });
        if foreign.is_none() && !(is_strange(weighed) && has_failure(weighed)) {
            continue;
        }
        let link = Link { weighed, foreign };
        match chains.last_mut() {
            Some(chain)
                if chain.last().is_some_and(|last| {
                    weighed.attempt.started_at - last.weighed.attempt.last_at <= quiet
                }) =>
            {
                chain.push(link);
            }
            _ => chains.push(vec![link]),
        }
    }
    let mut found: Vec<Episode> = Vec::new();
    let mut foreign: Vec<Foreign> = Vec::new();
    for chain in chains {
        let earlier = found.last().map(|e: &Episode| e.last_at);
        if let Some((episode, strangers)) = conclude(context, &chain, earlier) {
            found.push(episode);
            foreign.extend(strangers);
        }
    }
    for episode in openings(context, &mut foreign) {
        merge(&mut found, episode, quiet);
    }
    found.sort_by_key(|e| e.started_at);
    foreign.sort_by_key(|f| (f.at, f.ip));
    (found, foreign)
}

fn has_failure(weighed: &Weighed) -> bool {
    weighed.failed.total() > 0
        || !weighed.attempt.lockouts.is_empty()
        || is_unmet_demand(&weighed.attempt)
}

fn merge(found: &mut Vec<Episode>, episode: Episode, quiet: Span) {
    let near = found.iter_mut().find(|other| {
        episode.started_at - other.last_at <= quiet && other.started_at - episode.last_at <= quiet
    });
    let Some(other) = near else { return found.push(episode) };
    other.stage = other.stage.max(episode.stage);
    other.started_at = other.started_at.min(episode.started_at);
    other.last_at = other.last_at.max(episode.last_at);
    for term in episode.terms {
        if !other.terms.iter().any(|t| t.kind == term.kind) {
            other.terms.push(term);
        }
    }
    for origin in episode.origins {
        if !other.origins.iter().any(|o| o.place.ip == origin.place.ip) {
            other.origins.push(origin);
        }
    }
    other.after.extend(episode.after);
    other.after.sort_unstable();
    other.after.dedup();
    other.records.extend(episode.records);
    other.records.sort_unstable();
    other.records.dedup();
}

/// How much the n-th of a kind still adds: 1, 1.5, 1.83, ... at most 2.5.
fn diminishing(count: usize) -> f64 {
    (1..=count.min(16)).map(|n| 1.0 / n as f64).sum::<f64>().min(2.5)
}

fn failure_terms(failed: &Failures, weights: &Weights) -> Vec<Term> {
    let mut terms = Vec::new();
    let mut add = |kind, weight: f64, of: &[(Timestamp, usize)], one: &str, many: &str| {
        if let Some((at, _)) = of.first() {
            let why = match of.len() {
                1 => format!("one prompt {one}"),
                n => format!("{n} prompts {many}"),
            };
            let records = of.iter().map(|(_, record)| *record).collect();
            terms.push(Term { kind, bits: weight * diminishing(of.len()), at: *at, why, records });
        }
    };
    add(
        "unanswered",
        weights.unanswered,
        &failed.unanswered,
        "was not answered",
        "were not answered",
    );
    add("denied", weights.denied, &failed.denied, "was denied", "were denied");
    add(
        "reported",
        weights.reported,
        &failed.reported,
        "was reported as not theirs",
        "were reported as not theirs",
    );
    add(
        "mismatched",
        weights.mismatched,
        &failed.mismatched,
        "got a wrong number",
        "got a wrong number",
    );
    add(
        "vendor_verdict",
        weights.vendor_verdict,
        &failed.anomalous,
        "was stopped by the vendor as harassment",
        "were stopped by the vendor as harassment",
    );
    terms
}

fn push_max(terms: &mut Vec<Term>, term: &Term) {
    match terms.iter_mut().find(|t| t.kind == term.kind) {
        Some(known) if known.bits.abs() < term.bits.abs() => *known = term.clone(),
        Some(_) => {}
        None => terms.push(term.clone()),
    }
}

/// Decides about one chain of strange attempts.
fn conclude(
    context: &Context<'_>,
    chain: &[Link<'_>],
    earlier: Option<Timestamp>,
) -> Option<(Episode, Vec<Foreign>)> {
    let Context { policy, .. } = context;
    let (weights, thresholds) = (&policy.weights, &policy.thresholds);

    // The side that failed.
    let failing: Vec<&Weighed> =
        chain.iter().map(|l| l.weighed).filter(|w| has_failure(w)).collect();
    let mut failed = Failures::default();
    failing.iter().for_each(|w| failed.extend(&w.failed));
    let mut failed_terms = failure_terms(&failed, weights);
    if let Some(strangest) =
        failing.iter().max_by(|a, b| a.standing_bits().total_cmp(&b.standing_bits()))
    {
        failed_terms.extend(strangest.origin_terms.iter().cloned());
        for term in failing.iter().flat_map(|w| &w.context_terms) {
            push_max(&mut failed_terms, term);
        }
    }
    if !failed.reported.is_empty() {
        // The owner's own word outweighs habits: a housemate, a colleague, stolen equipment.
        failed_terms.retain(|t| t.bits > 0.0);
    }
    let mut networks: Vec<u32> = failing.iter().map(|w| w.attempt.origin.place.network).collect();
    networks.sort_unstable();
    networks.dedup();
    if let (Some(last), 2..) = (failing.last(), networks.len()) {
        failed_terms.push(Term {
            kind: "rotating_sources",
            bits: weights.rotating_sources * (networks.len() - 1).min(3) as f64,
            at: last.attempt.started_at,
            why: format!("unexpected prompts came from {} networks", networks.len()),
            records: Vec::new(),
        });
    }
    lockout_and_demand_terms(&failing, weights, context, &mut failed_terms);
    if let Some(last) = failing.last()
        && !failing.iter().any(|w| got_in(context, &w.attempt.origin))
    {
        failed_terms.push(Term {
            kind: "given_up",
            bits: weights.given_up,
            at: last.attempt.last_at,
            why: "nobody got in from there, before or after".into(),
            records: Vec::new(),
        });
    }

    let returned = earlier.zip(chain.first()).and_then(|(last_at, first)| {
        let at = first.weighed.attempt.started_at;
        (at - last_at <= RETURNS_WITHIN && at > last_at).then(|| Term {
            kind: "returned",
            bits: weights.returned,
            at,
            why: format!("an earlier episode ended {} before", at - last_at),
            records: Vec::new(),
        })
    });
    failed_terms.extend(returned.clone());

    // The owner who misses a prompt tries again from the same chair and gets in.
    let answered = chain.iter().find(|l| {
        has_failure(l.weighed)
            && l.weighed.passed.is_some()
            && l.foreign.is_none()
            && l.weighed.failed.denied.len() < 2
            && l.weighed.failed.reported.is_empty()
    });
    if let Some((at, record)) = answered.and_then(|l| l.weighed.passed) {
        failed_terms.push(Term {
            kind: "answered",
            bits: weights.answered,
            at,
            why: "the same attempt then succeeded, and nothing says that it was a stranger's"
                .into(),
            records: vec![record],
        });
    }

    // The side that got in.
    let mut best: Option<(f64, &Vec<Term>)> = None;
    let mut strangers: Vec<Foreign> = Vec::new();
    for link in chain {
        if let (Some(terms), Some((at, _))) = (&link.foreign, link.weighed.passed) {
            strangers.push(stranger(context, link.weighed, at));
            if best.is_none_or(|(most, _)| sum(terms) > most) {
                best = Some((sum(terms), terms));
            }
        }
    }

    let fail_bits = sum(&failed_terms);
    let others = failed_terms.iter().any(|t| t.kind == "many_asked");
    let mut stage = None;
    if failed.total() > 0 || !failing.is_empty() {
        if fail_bits >= thresholds.bombing
            && answered.is_none()
            && (failed.total() >= 2 || others || !failed.reported.is_empty())
        {
            stage = Some(Stage::Bombing);
        } else if fail_bits >= thresholds.exposed {
            stage = Some(Stage::Exposed);
        }
    }
    let mut terms = failed_terms;
    let mut approved_at = None;
    let mut after = Vec::new();
    if let Some((_, passed_terms)) = best {
        stage = Some(Stage::Approved);
        terms.retain(|t| is_failure_term(t.kind));
        for term in passed_terms.iter().chain(&returned) {
            push_max(&mut terms, term);
        }
        approved_at = strangers.iter().map(|s| s.at).min();
        let from = approved_at.unwrap_or_default();
        after = changes_after(context, &strangers, from);
        if after.iter().any(|i| {
            context
                .records
                .get(*i)
                .is_some_and(|r| r.kind.is_lasting_change() && r.kind != EventKind::FactorUpdated)
        }) {
            stage = Some(Stage::Foothold);
        }
    }
    let stage = stage?;

    let mut prompts: Vec<Prompt> = Vec::new();
    let mut origins: Vec<Origin> = Vec::new();
    let mut records: Vec<usize> = after.clone();
    for weighed in chain.iter().map(|l| l.weighed) {
        prompts.extend(
            weighed.attempt.prompts.iter().filter_map(|i| context.prompts.get(*i)).cloned(),
        );
        records.extend(
            weighed
                .attempt
                .prompts
                .iter()
                .filter_map(|i| context.prompts.get(*i))
                .flat_map(|p| p.records.iter().copied()),
        );
        for list in [
            &weighed.attempt.verified,
            &weighed.attempt.sessions,
            &weighed.attempt.failed,
            &weighed.attempt.lockouts,
            &weighed.attempt.demands,
        ] {
            records.extend(list.iter().copied());
        }
        if !origins.iter().any(|o| o.place.ip == weighed.attempt.origin.place.ip) {
            origins.push(weighed.attempt.origin);
        }
    }
    records.sort_unstable();
    records.dedup();
    let times = || records.iter().filter_map(|i| context.records.get(*i)).map(|r| r.at);
    let started_at = times().min().or(prompts.first().map(|p| p.sent_at))?;
    let last_at = times().max()?.max(started_at);
    let episode = Episode {
        who: context.who,
        stage,
        started_at,
        last_at,
        approved_at,
        terms,
        prompts,
        origins,
        after,
        records,
    };
    Some((episode, strangers))
}

/// Strangers come back to an account that once gave way.
const RETURNS_WITHIN: Span = Span::days(14);

fn is_failure_term(kind: &str) -> bool {
    matches!(
        kind,
        "unanswered"
            | "denied"
            | "reported"
            | "mismatched"
            | "vendor_verdict"
            | "many_asked"
            | "rotating_sources"
    )
}

fn is_unmet_demand(attempt: &Attempt) -> bool {
    !attempt.demands.is_empty()
        && attempt.prompts.is_empty()
        && attempt.sessions.is_empty()
        && attempt.verified.is_empty()
}

fn lockout_and_demand_terms(
    failing: &[&Weighed],
    weights: &Weights,
    context: &Context<'_>,
    terms: &mut Vec<Term>,
) {
    let lockouts: Vec<usize> =
        failing.iter().flat_map(|w| w.attempt.lockouts.iter().copied()).collect();
    if let Some(at) = lockouts.first().and_then(|i| context.records.get(*i)).map(|r| r.at) {
        terms.push(Term {
            kind: "lockout",
            bits: weights.lockout * diminishing(lockouts.len()),
            at,
            why: "the account was locked by failures from there".into(),
            records: lockouts,
        });
    }
    let demands: Vec<usize> = failing
        .iter()
        .filter(|w| is_unmet_demand(&w.attempt))
        .flat_map(|w| w.attempt.demands.iter().copied())
        .collect();
    if let Some(at) = demands.first().and_then(|i| context.records.get(*i)).map(|r| r.at) {
        terms.push(Term {
            kind: "demand_unmet",
            bits: weights.demand_unmet * diminishing(demands.len()),
            at,
            why: "the password was right, a second factor was demanded and never given".into(),
            records: demands,
        });
    }
}

fn stranger(context: &Context<'_>, weighed: &Weighed, at: Timestamp) -> Foreign {
    let mut sessions: Vec<Key> = weighed
        .attempt
        .sessions
        .iter()
        .filter_map(|i| context.records.get(*i))
        .map(|r| r.session)
        .filter(|session| *session != 0)
        .collect();
    sessions.sort_unstable();
    sessions.dedup();
    Foreign {
        at,
        ip: weighed.attempt.origin.place.ip,
        device: weighed.attempt.origin.device,
        sessions,
    }
}

/// The evidence that a success is not the owner's, and what was done after it.
fn passed_terms(
    context: &Context<'_>,
    failing: &[&Weighed],
    weighed: &Weighed,
    at: Timestamp,
    record: usize,
) -> Vec<Term> {
    let weights = &context.policy.weights;
    let mut terms = weighed.origin_terms.clone();
    terms.extend(weighed.context_terms.iter().cloned());

    let mut earlier = Failures::default();
    let place = &weighed.attempt.origin.place;
    let mut same_source = false;
    let quiet = context.policy.windows.episode_quiet();
    for other in failing {
        if other.attempt.started_at > at || at - other.attempt.last_at > quiet {
            continue;
        }
        let level = network_level(&other.attempt.origin.place, place);
        same_source |= other.failed.total() > 0 && level <= NetworkLevel::Network;
        earlier.extend(&other.failed);
    }
    for list in [
        &mut earlier.unanswered,
        &mut earlier.denied,
        &mut earlier.reported,
        &mut earlier.mismatched,
        &mut earlier.anomalous,
    ] {
        list.retain(|(when, _)| *when <= at);
    }
    if earlier.total() > 0 {
        // People miss a prompt or two and try again at once; strangers are missed again and again.
        let here = weighed.failed.unanswered.iter().filter(|(when, _)| *when <= at).count();
        let elsewhere = earlier.unanswered.len().saturating_sub(here);
        let silent = match here {
            0 => 0.0,
            1 => 0.2,
            2 => 0.5,
            3 => 1.0,
            _ => 1.6,
        } + diminishing(elsewhere);
        // A slip of the thumb is put right within a minute or two.
        let is_slip = earlier.denied.len() == 1
            && weighed.failed.denied.iter().any(|(when, _)| *when <= at && at - *when <= SLIP);
        let said = earlier.denied.len() + earlier.mismatched.len();
        let spoken = if is_slip { 0.4 } else { diminishing(said) }
            + 2.0 * diminishing(earlier.reported.len() + earlier.anomalous.len());
        let near = if same_source { 1.0 } else { 0.7 };
        let bits = weights.after_failures * near * (0.6 * silent + 1.2 * spoken);
        let why =
            format!("it follows {} unexpected prompts that were not approved", earlier.total());
        let all = [&earlier.unanswered, &earlier.denied, &earlier.reported, &earlier.mismatched];
        let records = all.iter().flat_map(|l| l.iter().map(|(_, r)| *r)).collect();
        terms.push(Term { kind: "after_failures", bits, at, why, records });
    }
    if let Some(passed) = context.records.get(record)
        && matches!(passed.factor, Factor::Sms | Factor::Voice | Factor::Email)
        && (earlier.denied.len() + earlier.reported.len() > 0 || earlier.unanswered.len() > 3)
    {
        terms.push(Term {
            kind: "downgrade",
            bits: weights.downgrade,
            at,
            why: format!("after refused prompts, {} was used", passed.factor.name()),
            records: vec![record],
        });
    }
    if let Some((index, reset)) = reset_before(context, at) {
        terms.push(Term {
            kind: "helpdesk_reset",
            bits: weights.helpdesk_reset,
            at: reset.at,
            why: "somebody else reset this person's authenticators shortly before".into(),
            records: vec![index],
        });
    }
    if let Some((index, elsewhere)) = session_elsewhere(context, weighed, at) {
        terms.push(Term {
            kind: "session_elsewhere",
            bits: weights.session_elsewhere,
            at: elsewhere,
            why: "the session was then used from another source with another browser".into(),
            records: vec![index],
        });
    }
    let me = stranger(context, weighed, at);
    let after = changes_after(context, std::slice::from_ref(&me), at);
    after_terms(context, &me, &after, at, &mut terms);
    if !is_corroborated(&terms, weights) {
        // People buy laptops, move house and travel. That a place and a browser are new is no more
        // than that until something else speaks too.
        let most = context.policy.thresholds.approved - 1.0;
        let excess = sum(&terms) - most;
        if excess > 0.0 {
            terms.push(Term {
                kind: "novelty_only",
                bits: -excess,
                at,
                why: "only novelty speaks against it".into(),
                records: vec![record],
            });
        }
    }
    terms
}

/// Whether something beyond a new place and a new browser speaks for a stranger.
fn is_corroborated(terms: &[Term], weights: &Weights) -> bool {
    let bits = |kind: &str| terms.iter().find(|t| t.kind == kind).map_or(0.0, |t| t.bits);
    let is_abroad = bits("unfamiliar_country") > 0.0 && bits("unfamiliar_device") > 0.0;
    is_abroad
        || bits("phone_far") >= 0.9 * weights.phone_far
        || bits("after_failures") >= 1.5
        || ["after_factor", "after_mailbox_rule", "after_change"].iter().any(|k| bits(k) >= 1.0)
        || [
            "session_elsewhere",
            "active_elsewhere",
            "beside_own_prompt",
            "hosting_network",
            "helpdesk_reset",
            "downgrade",
        ]
        .iter()
        .any(|k| bits(k) > 0.0)
}

/// A denial put right within this span is a slip of the thumb more often than not.
const SLIP: Span = Span::minutes(3);

/// Whether anybody ever succeeded from an address.
fn got_in(context: &Context<'_>, origin: &Origin) -> bool {
    origin.place.ip != 0
        && context.records.iter().any(|r| shows_habit(r.kind) && r.requester.ip == origin.place.ip)
}

fn reset_before<'a>(context: &Context<'a>, at: Timestamp) -> Option<(usize, &'a Record)> {
    let window = context.policy.windows.reset();
    context
        .records
        .iter()
        .enumerate()
        .rev()
        .find(|(_, r)| r.at <= at && at - r.at <= window && is_reset_by_other(r))
}

fn session_elsewhere(
    context: &Context<'_>,
    weighed: &Weighed,
    at: Timestamp,
) -> Option<(usize, Timestamp)> {
    let begun: Vec<&Record> = weighed
        .attempt
        .sessions
        .iter()
        .filter_map(|i| context.records.get(*i))
        .filter(|r| r.session != 0)
        .collect();
    context.records.iter().enumerate().find_map(|(i, r)| {
        let used = matches!(
            r.kind,
            EventKind::SessionUsed | EventKind::SessionReused | EventKind::SessionStarted
        );
        let moved = begun.iter().any(|b| {
            b.session == r.session
                && network_level(&b.requester, &r.requester) > NetworkLevel::ProviderAndCity
                && (r.family == 0 || b.family == 0 || r.family != b.family)
        });
        (used && r.at >= at && r.requester.is_known() && moved).then_some((i, r.at))
    })
}

/// Whether a change was made from where the stranger is; 1 for surely, less for perhaps, 0 for no.
fn link(context: &Context<'_>, strangers: &[Foreign], record: &Record, from: Timestamp) -> f64 {
    let origin = Origin::of(record);
    if strangers.iter().any(|s| s.taints(&origin, record.session, record.at)) {
        return 1.0;
    }
    if !record.requester.is_known() {
        return if record.at - from <= Span::hours(48) { 0.5 } else { 0.25 };
    }
    let strange = sum(&origin_terms(&origin, record.at, true, context));
    if strange > 0.0 { 0.6 } else { 0.0 }
}

/// Whether a place is one that the owner used before, or the device one that is theirs.
fn is_surely_theirs(context: &Context<'_>, origin: &Origin, at: Timestamp) -> bool {
    let horizon = context.policy.windows.habits();
    let familiar = context.habits.familiarity(origin, at, horizon);
    origin.has(flag::MANAGED)
        || familiar.network_before.is_some_and(|level| level <= NetworkLevel::Network)
        || familiar.browser_before == Some(BrowserLevel::Device)
}

/// Indices of what was done after a foreign success: lasting changes and sessions.
fn changes_after(context: &Context<'_>, strangers: &[Foreign], from: Timestamp) -> Vec<usize> {
    let to = from + context.policy.windows.watch();
    let begin = context.records.partition_point(|r| r.at < from - Span::seconds(5));
    context
        .records
        .iter()
        .enumerate()
        .skip(begin)
        .take_while(|(_, r)| r.at <= to)
        .filter(|(_, r)| {
            let counts = is_own_change(r) || r.kind == EventKind::SessionStarted;
            counts
                && match r.kind {
                    EventKind::SessionStarted => {
                        r.requester.is_known() && link(context, strangers, r, from) >= 1.0
                    }
                    _ => {
                        link(context, strangers, r, from) > 0.0
                            || !is_surely_theirs(context, &Origin::of(r), r.at)
                    }
                }
        })
        .map(|(i, _)| i)
        .collect()
}

fn after_terms(
    context: &Context<'_>,
    stranger: &Foreign,
    after: &[usize],
    from: Timestamp,
    terms: &mut Vec<Term>,
) {
    let weights = &context.policy.weights;
    // After a reset everybody binds anew, the owner too.
    let binds_anew = reset_before(context, from).is_some();
    for index in after {
        let Some(record) = context.records.get(*index) else { continue };
        let (kind, weight, what) = match record.kind {
            EventKind::FactorEnrolled | EventKind::DeviceRegistered if binds_anew => continue,
            EventKind::FactorEnrolled | EventKind::DeviceRegistered => (
                "after_factor",
                weights.after_factor,
                "an authenticator or device was bound after it",
            ),
            EventKind::MailboxRule => {
                ("after_mailbox_rule", weights.after_mailbox_rule, "a mail rule was made after it")
            }
            // Vendors log a renamed authenticator in the same words.
            EventKind::SessionStarted | EventKind::FactorUpdated => continue,
            _ => ("after_change", weights.after_change, "a lasting change was made after it"),
        };
        // Strangers hurry; what happens days later is more likely the owner's.
        let fresh = match record.at - from {
            span if span <= Span::hours(6) => 1.0,
            span if span <= Span::hours(48) => 0.7,
            _ => 0.25,
        };
        let near = fresh * link(context, std::slice::from_ref(stranger), record, from);
        let term = Term {
            kind,
            bits: weight * near,
            at: record.at,
            why: format!("{what} ({})", record.kind.name()),
            records: vec![*index],
        };
        match terms.iter_mut().find(|t| t.kind == kind) {
            Some(known) if known.bits >= term.bits => known.records.push(*index),
            Some(known) => {
                let mut records = std::mem::replace(known, term).records;
                known.records.append(&mut records);
            }
            None => terms.push(term),
        }
    }
    // People bind one new phone; strangers make sure.
    if let Some(bound) = terms.iter_mut().find(|t| t.kind == "after_factor") {
        bound.bits *= 1.0 + 0.4 * (bound.records.len() - 1).min(2) as f64;
        bound.records.sort_unstable();
    }
}

/// Doors that open without any prompt: an enrolment after a reset by somebody else, or on an
/// account that nobody has used for long.
fn openings(context: &Context<'_>, foreign: &mut Vec<Foreign>) -> Vec<Episode> {
    let mut found = Vec::new();
    for (index, record) in context.records.iter().enumerate() {
        let enrols = matches!(record.kind, EventKind::FactorEnrolled | EventKind::DeviceRegistered);
        let binds = record.kind == EventKind::FactorEnrolled;
        if !enrols || record.has(flag::BY_OTHER) {
            continue;
        }
        let Some(origin) = origin_near(context, index) else { continue };
        if origin.has(flag::QUIET) {
            continue;
        }
        let reset = reset_before(context, record.at);
        let opening = match reset {
            Some((reset_index, reset)) => after_reset(context, record, &origin, reset_index, reset),
            None if binds => dormant(context, index, record, &origin),
            None => None,
        };
        let Some((mut terms, mut records)) = opening else { continue };
        let thresholds = &context.policy.thresholds;
        let least = if reset.is_some() { thresholds.approved } else { thresholds.foothold };
        if sum(&terms) < least {
            continue;
        }
        terms.iter_mut().for_each(|t| {
            if t.records.is_empty() {
                t.records.push(index);
            }
        });
        let me = Foreign {
            at: record.at - Span::minutes(30),
            ip: origin.place.ip,
            device: origin.device,
            sessions: Vec::new(),
        };
        let after =
            changes_after(context, std::slice::from_ref(&me), record.at - Span::minutes(30));
        foreign.push(me);
        records.push(index);
        records.extend_from_slice(&after);
        records.sort_unstable();
        records.dedup();
        let times = || records.iter().filter_map(|i| context.records.get(*i)).map(|r| r.at);
        let (Some(started_at), Some(last_at)) = (times().min(), times().max()) else { continue };
        let episode = Episode {
            who: context.who,
            stage: Stage::Foothold,
            started_at,
            last_at,
            approved_at: None,
            terms,
            prompts: Vec::new(),
            origins: vec![origin],
            after,
            records,
        };
        merge(&mut found, episode, context.policy.windows.episode_quiet());
    }
    found
}

/// Where an enrolment came from: its own record, or a session of the same person close by.
fn origin_near(context: &Context<'_>, index: usize) -> Option<Origin> {
    let record = context.records.get(index)?;
    if record.requester.is_known() {
        return Some(Origin::of(record));
    }
    let near = Span::minutes(45);
    context
        .records
        .iter()
        .filter(|r| {
            (r.at - record.at).abs() <= near
                && r.requester.is_known()
                && !r.has(flag::BY_OTHER)
                && matches!(
                    r.kind,
                    EventKind::SessionStarted
                        | EventKind::SessionUsed
                        | EventKind::FactorVerified
                        | EventKind::PasswordVerified
                        | EventKind::ChallengeRequired
                )
        })
        .min_by_key(|r| (r.at - record.at).abs())
        .map(Origin::of)
}

fn after_reset(
    context: &Context<'_>,
    record: &Record,
    origin: &Origin,
    reset_index: usize,
    reset: &Record,
) -> Option<(Vec<Term>, Vec<usize>)> {
    let weights = &context.policy.weights;
    let mut terms = if context.habits.sign_ins() == 0 {
        stranger_to_all(context, origin, record.at, reset_index)
    } else {
        origin_terms(origin, record.at, true, context)
    };
    if origin.has(flag::MOBILE) {
        // A reset is for a new phone: that the phone is new says nothing.
        terms.retain(|t| {
            !matches!(t.kind, "unfamiliar_device" | "unfamiliar_browser" | "mobile_browser")
        });
    }
    if sum(&terms) <= 0.0 {
        return None;
    }
    terms.push(Term {
        kind: "helpdesk_reset",
        bits: weights.helpdesk_reset,
        at: reset.at,
        why: format!("somebody else had reset the account {} before", record.at - reset.at),
        records: vec![reset_index],
    });
    Some((terms, vec![reset_index]))
}

fn dormant(
    context: &Context<'_>,
    index: usize,
    record: &Record,
    origin: &Origin,
) -> Option<(Vec<Term>, Vec<usize>)> {
    let Context { policy, organisation, .. } = context;
    let idle = policy.windows.dormant();
    let watched = record.at - organisation.first_at;
    if watched < Span::days(2) {
        return None;
    }
    let has_lived = context.records.iter().take(index).any(|r| {
        let lives = matches!(
            r.kind,
            EventKind::SessionStarted
                | EventKind::SessionUsed
                | EventKind::FactorVerified
                | EventKind::PromptApproved
                | EventKind::AccountCreated
        );
        let horizon = if r.kind == EventKind::AccountCreated { Span::days(30) } else { idle };
        lives && record.at - r.at <= horizon && record.at - r.at > Span::hours(12)
            || r.kind == EventKind::AccountCreated
    });
    if has_lived {
        return None;
    }
    let share = (watched.as_seconds_f64() / idle.as_seconds_f64()).min(1.0).sqrt();
    let mut terms = stranger_to_all(context, origin, record.at, index);
    terms.push(Term {
        kind: "dormant_account",
        bits: policy.weights.dormant_account * share,
        at: record.at,
        why: format!("no sign-in to this account in the {watched} before"),
        records: vec![index],
    });
    let more: Vec<usize> = context
        .records
        .iter()
        .enumerate()
        .filter(|(i, r)| {
            *i != index
                && r.at >= record.at
                && r.at - record.at <= Span::hours(48)
                && is_own_change(r)
        })
        .map(|(i, _)| i)
        .collect();
    if more.len() >= 2 {
        terms.push(Term {
            kind: "after_change",
            bits: policy.weights.after_change * 0.6,
            at: record.at,
            why: format!("{} more lasting changes followed", more.len()),
            records: more,
        });
    }
    if organisation.newcomers(record.at, origin.place.network) >= 3 {
        terms.push(Term {
            kind: "onboarding",
            bits: -3.0,
            at: record.at,
            why: "several new accounts enrolled from there about then".into(),
            records: vec![index],
        });
    }
    Some((terms, Vec::new()))
}

/// How strange a place is for the organisation, for an account without habits of its own: its only
/// sign-ins are the ones in question.
fn stranger_to_all(
    context: &Context<'_>,
    origin: &Origin,
    at: Timestamp,
    index: usize,
) -> Vec<Term> {
    let Context { policy, organisation, .. } = context;
    let weights = &policy.weights;
    let mut terms = Vec::new();
    let mut term = |kind, bits, why: &str| {
        terms.push(Term { kind, bits, at, why: why.into(), records: vec![index] });
    };
    if origin.has(flag::HOSTING | flag::PROXY) && !origin.has(flag::EGRESS) {
        term(
            "hosting_network",
            weights.hosting_network,
            "the network is a hosting provider's, a VPN's or a proxy's",
        );
    }
    if origin.has(flag::MANAGED) {
        term("managed_device", weights.managed_device, "the device is managed by the organisation");
    }
    if origin.has(flag::EGRESS) || organisation.colleagues(origin, context.who, context.until) > 0 {
        term(
            "colleagues_network",
            weights.colleagues_network,
            "colleagues sign in from the same network",
        );
    } else if organisation.country_share(origin.place.country) < 0.05 {
        term(
            "unfamiliar_country",
            3.0,
            "the network is in a country where hardly anyone here signs in",
        );
    } else {
        term("unfamiliar_network", 1.5, "nobody in the organisation signs in from that network");
    }
    terms
}
