//! Episodes: what one stranger did to one person, and how far it went.

use std::borrow::Cow;

use pushback_model::{EventKind, Key, Span, Stage, Timestamp};

use crate::after::changes_after;
use crate::client::{constant_interval, is_near_home};
use crate::entry::{Foreign, RETURNS_WITHIN, got_in, passed_terms, second_look, stranger};
use crate::habits::{NetworkLevel, network_level};
use crate::handed_on::went_on;
use crate::history::Origin;
use crate::opening::openings;
use crate::policy::{Policy, Weights};
use crate::prompt::{Outcome, Prompt};
use crate::weigh::{
    Context, Failures, Term, Weighed, diminishing, has_failure, is_candidate, is_own_change,
    is_strange, is_unmet_demand, sum,
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
    /// Who got in, and who went on with what they had got.
    pub(crate) strangers: Vec<Foreign>,
}

impl Episode {
    /// The sum of the evidence.
    #[must_use]
    pub fn bits(&self) -> f64 {
        sum(&self.terms)
    }
}

/// One link of a chain: an attempt, and what makes its success foreign if it had one.
struct Link<'a> {
    weighed: Cow<'a, Weighed>,
    /// The terms of a foreign success.
    foreign: Option<Vec<Term>>,
}

/// Chains strange attempts, resets and dormant enrolments into episodes and decides their stages.
pub(crate) fn episodes(context: &Context<'_>, weighed: &[Weighed]) -> (Vec<Episode>, Vec<Foreign>) {
    let quiet = context.policy.windows.episode_quiet();
    let failing: Vec<&Weighed> =
        weighed.iter().filter(|w| is_strange(w) && has_failure(w)).collect();
    // What a client with an old password asked for says nothing about who came in.
    let asked: Vec<&Weighed> = failing.iter().copied().filter(|w| w.failed.total() > 0).collect();
    let mut failures = Failures::default();
    asked.iter().for_each(|w| failures.extend(&w.failed));
    let is_client = constant_interval(context, &asked, &failures).is_some()
        && asked.iter().all(|w| is_near_home(w));
    let failing = if is_client { Vec::new() } else { failing };
    // Whose a change was is known only when all ways in are: one that came in later by a way of its own
    // must not speak against whoever came in before.
    let first: Vec<Foreign> = links(context, weighed, &failing)
        .filter(|link| link.foreign.is_some())
        .filter_map(|link| Some(stranger(context, &link.weighed, link.weighed.passed?.0)))
        .collect();
    let knowing =
        Context { foreign: if first.is_empty() { context.foreign } else { &first }, ..*context };
    let mut chains: Vec<Vec<Link<'_>>> = Vec::new();
    for link in links(&knowing, weighed, &failing) {
        let started_at = link.weighed.attempt.started_at;
        match chains.last_mut() {
            Some(chain)
                if chain
                    .last()
                    .is_some_and(|last| started_at - last.weighed.attempt.last_at <= quiet) =>
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

/// The strange attempts, and of those that succeeded, what makes their success foreign.
fn links<'a>(
    context: &'a Context<'_>,
    weighed: &'a [Weighed],
    failing: &'a [&Weighed],
) -> impl Iterator<Item = Link<'a>> {
    weighed.iter().filter(|w| is_candidate(w)).filter_map(|weighed| {
        let mut weighed = Cow::Borrowed(weighed);
        let mut foreign = None;
        if let Some((at, record)) = weighed.passed {
            let enough = context.policy.thresholds.approved;
            let terms = passed_terms(context, failing, &weighed, at, record);
            if sum(&terms) >= enough {
                foreign = Some(terms);
            } else if let Some((again, terms)) =
                second_look(context, failing, &weighed, &terms).filter(|(_, t)| sum(t) >= enough)
            {
                foreign = Some(terms);
                weighed = Cow::Owned(again);
            }
        }
        let is_part = foreign.is_some() || (is_strange(&weighed) && has_failure(&weighed));
        is_part.then_some(Link { weighed, foreign })
    })
}

/// The side of a chain that failed: its evidence, and what it says for the stage.
struct Failed {
    terms: Vec<Term>,
    failures: Failures,
    is_answered: bool,
    any: bool,
}

fn failed_side(context: &Context<'_>, chain: &[Link<'_>]) -> Failed {
    let weights = &context.policy.weights;
    let failing: Vec<&Weighed> =
        chain.iter().map(|l| &*l.weighed).filter(|w| has_failure(w)).collect();
    let mut failures = Failures::default();
    failing.iter().for_each(|w| failures.extend(&w.failed));
    let mut terms = failure_terms(context, &failures);
    if let Some(strangest) =
        failing.iter().max_by(|a, b| a.standing_bits().total_cmp(&b.standing_bits()))
    {
        terms.extend(strangest.origin_terms.iter().cloned());
        for term in failing.iter().flat_map(|w| &w.context_terms) {
            push_max(&mut terms, term);
        }
    }
    if !failures.reported.is_empty() {
        // The owner's own word outweighs habits: a housemate, a colleague, stolen equipment.
        terms.retain(|t| t.bits > 0.0);
    }
    let mut term = |kind, bits, at, why: String, records| {
        terms.push(Term { kind, bits, at, why, records });
    };
    // A device of the owner's that changes its address is no source.
    let is_own_device = |w: &Weighed| w.origin_terms.iter().any(|t| t.kind == "known_device");
    let sources = failing.iter().filter(|w| !is_own_device(w));
    let mut networks: Vec<u32> = sources.map(|w| w.attempt.origin.place.network).collect();
    networks.sort_unstable();
    networks.dedup();
    if let (Some(last), 2..) = (failing.last(), networks.len()) {
        term(
            "rotating_sources",
            weights.rotating_sources * (networks.len() - 1).min(3) as f64,
            last.attempt.started_at,
            format!("unexpected prompts came from {} networks", networks.len()),
            Vec::new(),
        );
    }
    // Of what bears no address nobody knows who got in from there.
    let is_placeless = failing.iter().any(|w| !w.attempt.origin.place.is_known());
    if let Some(last) = failing.last()
        && !is_placeless
        && !failing.iter().any(|w| got_in(context, &w.attempt.origin))
    {
        let why = "nobody got in from there, before or after".into();
        term("given_up", weights.given_up, last.attempt.last_at, why, Vec::new());
    }
    if let Some((at, every)) = constant_interval(context, &failing, &failures) {
        let why = format!("a client this person uses asks every {every}: an old password");
        // It explains the silence and the owner's refusals, however many.
        let said = weights.unanswered * diminishing(failures.unanswered.len())
            + weights.denied * diminishing(failures.denied.len());
        term("constant_interval", weights.constant_interval.min(-0.8 * said), at, why, Vec::new());
    }
    // The owner who misses a prompt tries again from the same chair and gets in. What others ask for from
    // elsewhere that does not answer.
    let speaks_for_all = |link: &Link<'_>| {
        let place = &link.weighed.attempt.origin.place;
        let elsewhere = failing.iter().filter(|w| {
            network_level(&w.attempt.origin.place, place) > NetworkLevel::ProviderAndCity
        });
        elsewhere.map(|w| w.failed.total()).sum::<usize>() < 2
    };
    let answered = chain.iter().find(|l| {
        has_failure(&l.weighed)
            && speaks_for_all(l)
            && l.weighed.passed.is_some()
            && l.foreign.is_none()
            && l.weighed.failed.denied.len() < 2
            && l.weighed.failed.total() < STORM
            && l.weighed.failed.reported.is_empty()
            && !l.weighed.context_terms.iter().any(|t| SAYS_ELSEWHERE.contains(&t.kind))
    });
    if let Some((at, record)) = answered.and_then(|l| l.weighed.passed) {
        let why = "the same attempt then succeeded, and nothing says that it was a stranger's";
        term("answered", weights.answered, at, why.into(), vec![record]);
    }
    let taken_back =
        chain.iter().filter(|l| speaks_for_all(l)).find_map(|l| taken_back(context, l));
    if let Some((at, record)) = taken_back {
        let why = "the owner then approved from the same place, which is theirs";
        term("answered", weights.answered, at, why.into(), vec![record]);
    }
    lockout_and_demand_terms(&failing, weights, context, &mut terms);
    if terms.iter().any(|t| t.kind == "constant_interval") {
        // The same observation, which speaks for the client and not against it.
        terms.retain(|t| t.kind != "machine_cadence");
        // A phone that asks by the clock goes through the carrier's gateways of its own city.
        if failing.iter().all(|w| is_near_home(w)) {
            terms.retain(|t| t.kind != "rotating_sources");
            // A clock asks at night too, and what is no browser names no device.
            let names_device = failing.iter().any(|w| w.attempt.origin.device != 0);
            terms.retain(|t| {
                t.kind != "foreign_hour" && (names_device || t.kind != "unfamiliar_device")
            });
        }
    }
    let is_answered = answered.is_some() || taken_back.is_some();
    Failed { terms, failures, is_answered, any: !failing.is_empty() }
}

/// What says that the owner was not where the prompts were asked for.
const SAYS_ELSEWHERE: [&str; 4] =
    ["phone_far", "phone_at_home", "impossible_travel", "beside_own_prompt"];

/// The wrong button is taken back within this span.
const TAKEN_BACK: Span = Span::minutes(30);

/// When a single report is followed at once by a yes from the same place, which is beyond doubt the owner's: a
/// slip of the thumb, worth a look and no alarm.
fn taken_back(context: &Context<'_>, link: &Link<'_>) -> Option<(Timestamp, usize)> {
    let Weighed { attempt, failed, network, .. } = &*link.weighed;
    let ([(said, _)], 1) = (failed.reported.as_slice(), failed.total()) else { return None };
    let is_theirs = link.weighed.is_owners() || *network == Some(NetworkLevel::Address);
    if link.foreign.is_some() || !is_theirs {
        return None;
    }
    let prompts = attempt.prompts.iter().filter_map(|i| context.prompts.get(*i));
    let approved = prompts
        .filter(|p| p.outcome == Outcome::Approved)
        .filter_map(|p| Some((p.ended_at, *p.records.last()?)));
    let typed = attempt.verified.iter().filter_map(|i| Some((context.records.get(*i)?.at, *i)));
    approved.chain(typed).filter(|(at, _)| (Span::ZERO..=TAKEN_BACK).contains(&(*at - *said))).min()
}

/// Failed prompts in one attempt from which on the owner's patience no longer explains them.
const STORM: usize = 6;

/// What says of two prompts missed in a row that it was not the owner who sat there.
const NOT_OF_A_CAFE: [&str; 8] = [
    "hosting_network",
    "vpn_network",
    "unfamiliar_country",
    "foreign_hour",
    "rotating_sources",
    "active_elsewhere",
    "impossible_travel",
    "beside_own_prompt",
];
/// Without any of that, two missed prompts are worth so much more before they are called bombing.
const MISSED_TWICE_BITS: f64 = 4.0;

/// How far the failed side alone goes.
fn failed_stage(failed: &Failed, policy: &Policy) -> Option<Stage> {
    let (thresholds, weights) = (&policy.thresholds, &policy.weights);
    let bits = sum(&failed.terms);
    let failures = &failed.failures;
    let has = |kinds: &[&str]| failed.terms.iter().any(|t| kinds.contains(&t.kind));
    // Who sits in a café without the phone misses a prompt, tries once more and leaves.
    let is_missed_twice = failures.total() == 2
        && failures.unanswered.len() == 2
        && !has(&NOT_OF_A_CAFE)
        && bits < thresholds.bombing + MISSED_TWICE_BITS;
    // That others were asked from the very source is a spray. A provider and a browser that several
    // people met may be a drill from the office, or chance.
    let is_spray =
        failed.terms.iter().any(|t| t.kind == "many_asked" && t.bits >= 0.7 * weights.many_asked);
    let is_concerted =
        (failures.total() >= 2 && !is_missed_twice) || !failures.reported.is_empty() || is_spray;
    if !failed.any || bits < thresholds.exposed {
        None
    } else if bits >= thresholds.bombing && is_concerted && !failed.is_answered {
        Some(Stage::Bombing)
    } else {
        Some(Stage::Exposed)
    }
}

/// Decides about one chain of strange attempts. `earlier` is the end of the episode before it.
fn conclude(
    context: &Context<'_>,
    chain: &[Link<'_>],
    earlier: Option<Timestamp>,
) -> Option<(Episode, Vec<Foreign>)> {
    let Context { policy, .. } = context;
    let mut failed = failed_side(context, chain);
    let returned = earlier.zip(chain.first()).and_then(|(last_at, first)| {
        let at = first.weighed.attempt.started_at;
        (at - last_at <= RETURNS_WITHIN && at > last_at).then(|| Term {
            kind: "returned",
            bits: policy.weights.returned,
            at,
            why: format!("an earlier episode ended {} before", at - last_at),
            records: Vec::new(),
        })
    });
    failed.terms.extend(returned.clone());
    let mut stage = failed_stage(&failed, policy);

    let entries: Vec<(&Weighed, &Vec<Term>, Timestamp)> = chain
        .iter()
        .filter_map(|l| Some((&*l.weighed, l.foreign.as_ref()?, l.weighed.passed?.0)))
        .collect();
    let strangers: Vec<Foreign> =
        entries.iter().map(|(weighed, _, at)| stranger(context, weighed, *at)).collect();
    let approved_at = strangers.iter().map(|s| s.at).min();
    let mut terms = failed.terms;
    let mut after = Vec::new();
    if let (Some(from), Some((_, entry_terms, _))) =
        (approved_at, entries.iter().max_by(|a, b| sum(a.1).total_cmp(&sum(b.1))))
    {
        terms.retain(|t| is_failure_term(t.kind));
        for term in entry_terms.iter().chain(&returned) {
            push_max(&mut terms, term);
        }
        after = changes_after(context, &strangers, from);
        let lasts = after.iter().filter_map(|i| context.records.get(*i)).any(|r| {
            // Vendors log a renamed authenticator in the same words.
            is_own_change(r) && r.kind != EventKind::FactorUpdated
        });
        stage = Some(if lasts { Stage::Foothold } else { Stage::Approved });
    }
    let episode = gather(context, chain, stage?, approved_at, terms, after)?;
    let mut all = strangers.clone();
    all.extend(approved_at.map(|from| went_on(context, &strangers, from)).unwrap_or_default());
    let episode = Episode { strangers: all, ..episode };
    Some((episode, strangers))
}

/// The episode with everything that belongs to it.
fn gather(
    context: &Context<'_>,
    chain: &[Link<'_>],
    stage: Stage,
    approved_at: Option<Timestamp>,
    terms: Vec<Term>,
    after: Vec<usize>,
) -> Option<Episode> {
    let mut prompts: Vec<Prompt> = Vec::new();
    let mut origins: Vec<Origin> = Vec::new();
    let mut records: Vec<usize> = after.clone();
    for attempt in chain.iter().map(|l| &l.weighed.attempt) {
        for prompt in attempt.prompts.iter().filter_map(|i| context.prompts.get(*i)) {
            records.extend_from_slice(&prompt.records);
            prompts.push(prompt.clone());
        }
        for list in [
            &attempt.verified,
            &attempt.sessions,
            &attempt.failed,
            &attempt.lockouts,
            &attempt.demands,
        ] {
            records.extend_from_slice(list);
        }
        if !origins.iter().any(|o| o.place.ip == attempt.origin.place.ip) {
            origins.push(attempt.origin);
        }
    }
    records.sort_unstable();
    records.dedup();
    let times = || records.iter().filter_map(|i| context.records.get(*i)).map(|r| r.at);
    let started_at = times().min()?;
    let last_at = times().max()?;
    Some(Episode {
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
        strangers: Vec::new(),
    })
}

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

fn failure_terms(context: &Context<'_>, failed: &Failures) -> Vec<Term> {
    let weights = &context.policy.weights;
    let mut terms = Vec::new();
    // Products that do not say what failed: that it was a prompt is a guess.
    let is_prompt = |(_, record): &(Timestamp, usize)| {
        context.records.get(*record).is_some_and(|r| r.kind != EventKind::FactorFailed)
    };
    let mut add = |kind, weight: f64, of: &[(Timestamp, usize)], one: &str, many: &str| {
        if let Some((at, _)) = of.first() {
            let why = match (of.len(), of.iter().any(is_prompt)) {
                (1, true) => format!("one prompt {one}"),
                (n, true) => format!("{n} prompts {many}"),
                (1, false) => "a second factor was asked for, and failed".to_owned(),
                (n, false) => format!("a second factor was asked for {n} times, and failed"),
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

fn push_max(terms: &mut Vec<Term>, term: &Term) {
    match terms.iter_mut().find(|t| t.kind == term.kind) {
        Some(known) if known.bits.abs() < term.bits.abs() => *known = term.clone(),
        Some(_) => {}
        None => terms.push(term.clone()),
    }
}

pub(crate) fn merge(found: &mut Vec<Episode>, episode: Episode, quiet: Span) {
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
    other.strangers.extend(episode.strangers);
    other.after.extend(episode.after);
    other.after.sort_unstable();
    other.after.dedup();
    other.records.extend(episode.records);
    other.records.sort_unstable();
    other.records.dedup();
}
