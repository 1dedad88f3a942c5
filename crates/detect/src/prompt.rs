//! Prompts, rebuilt from what vendors log about them.
//!
//! ```text
//!            ┌─ approved / denied / mismatched / reported ─┐
//! sent ──────┤                                             ├─▶ ended
//!            └─ nothing for a prompt's life, or a newer    ┘
//!               prompt from the same place: unanswered
//! ```

use pushback_model::{EventKind, Factor, Source, Span, Timestamp};

use crate::history::Origin;
use crate::policy::Windows;
use crate::record::{Place, Record};

/// How a prompt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Still waiting when the records end.
    Pending,
    /// Another factor was used from the same place instead; nobody minded the prompt.
    Satisfied,
    /// Said yes.
    Approved,
    /// Said no.
    Denied,
    /// Said "not me".
    Reported,
    /// Said yes with the wrong number.
    Mismatched,
    /// Nobody answered.
    Unanswered,
    /// The vendor refused it as harassment.
    Anomalous,
}

impl Outcome {
    /// Whether the prompt ended without letting anyone in.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        match self {
            Self::Denied
            | Self::Reported
            | Self::Mismatched
            | Self::Unanswered
            | Self::Anomalous => true,
            Self::Pending | Self::Satisfied | Self::Approved => false,
        }
    }
}

/// One question put to somebody's authenticator.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// When it was sent; for vendors that log only the end, when that was logged.
    pub sent_at: Timestamp,
    /// When its outcome was known; the latest instant looked at while it is pending.
    pub ended_at: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// Push, voice or SMS.
    pub factor: Factor,
    /// Who logged it.
    pub source: Source,
    /// Where it was asked for.
    pub origin: Origin,
    /// Where it was answered, if logged.
    pub responder: Place,
    /// The application.
    pub app: u32,
    /// The vendor's correlation.
    pub transaction: u64,
    /// Indices of the records behind it.
    pub records: Vec<usize>,
}

/// A product that tells of one failure in two records does so within this span (Google: the challenge and the
/// sign-in).
const SAME_END: Span = Span::seconds(5);
/// An answer may come later than the prompt's life by so much and still belong to it.
const GRACE: Span = Span::minutes(5);
/// A report may name a prompt this far back.
pub(crate) const REPORT_REACH: Span = Span::hours(48);
/// The step that leads to a prompt lies at most so far before it.
const STEP_BEFORE: Span = Span::minutes(10);
/// The session that an approval opens begins within this span.
const SESSION_AFTER: Span = Span::minutes(2);

/// Rebuilds the prompts in one person's records (in order of time), as known at `until`.
#[must_use]
pub fn rebuild(records: &[Record], windows: &Windows, until: Timestamp) -> Vec<Prompt> {
    let mut prompts: Vec<Prompt> = Vec::new();
    for (index, record) in records.iter().enumerate() {
        match record.kind {
            EventKind::PromptSent if record.factor.rings() => {
                sent(&mut prompts, record, index, windows);
            }
            EventKind::PromptApproved => {
                ended(&mut prompts, records, index, Outcome::Approved, windows)
            }
            EventKind::PromptDenied => {
                ended(&mut prompts, records, index, Outcome::Denied, windows)
            }
            EventKind::PromptTimedOut => {
                ended(&mut prompts, records, index, Outcome::Unanswered, windows);
            }
            EventKind::PromptMismatched => {
                ended(&mut prompts, records, index, Outcome::Mismatched, windows);
            }
            EventKind::PromptAnomalous => {
                ended(&mut prompts, records, index, Outcome::Anomalous, windows);
            }
            EventKind::PromptReported => reported(&mut prompts, records, index, windows),
            EventKind::SessionStarted if is_before_a_prompt(records, index) => {}
            EventKind::FactorVerified | EventKind::SessionStarted => {
                other_way_in(&mut prompts, record, index, windows);
            }
            _ => {}
        }
    }
    silence(&mut prompts, windows, until);
    for prompt in prompts.iter_mut().filter(|p| !p.origin.place.is_known()) {
        if let Some(origin) = place_near(records, prompt) {
            prompt.origin = origin;
        }
    }
    prompts.sort_by_key(|p| (p.sent_at, p.records.first().copied()));
    prompts
}

fn sent(prompts: &mut Vec<Prompt>, record: &Record, index: usize, windows: &Windows) {
    let same = prompts.iter_mut().rev().take(8).find(|p| {
        p.outcome == Outcome::Pending
            && p.source == record.source
            && p.factor == record.factor
            && record.at - p.sent_at <= windows.same_prompt()
            && (p.transaction == record.transaction || p.origin.place.ip == record.requester.ip)
    });
    match same {
        // One record a registered device: still one prompt.
        Some(prompt) => prompt.records.push(index),
        None => {
            // A newer prompt from the same place ends the wait for the older one.
            for older in prompts.iter_mut().rev().take(8) {
                if older.outcome == Outcome::Pending
                    && older.source == record.source
                    && older.origin.place.ip == record.requester.ip
                {
                    older.outcome = Outcome::Unanswered;
                    older.ended_at = record.at.min(older.sent_at + windows.prompt_life());
                }
            }
            prompts.push(new(record, index, Outcome::Pending));
        }
    }
}

fn new(record: &Record, index: usize, outcome: Outcome) -> Prompt {
    Prompt {
        sent_at: record.at,
        ended_at: record.at,
        outcome,
        factor: if record.factor == Factor::Unknown { Factor::Push } else { record.factor },
        source: record.source,
        origin: Origin::of(record),
        responder: record.responder,
        app: record.app,
        transaction: record.transaction,
        records: vec![index],
    }
}

fn ended(
    prompts: &mut Vec<Prompt>,
    records: &[Record],
    index: usize,
    outcome: Outcome,
    windows: &Windows,
) {
    let Some(record) = records.get(index) else { return };
    let life = windows.prompt_life();
    // Prompts are in order of being sent: only the last few can still be open.
    let passed = prompts.partition_point(|p| record.at - p.sent_at > life + GRACE);
    let recent = prompts.get(passed..).unwrap_or_default();
    let open = |p: &Prompt| {
        p.outcome == Outcome::Pending
            && p.source == record.source
            && (record.factor == Factor::Unknown || p.factor == record.factor)
    };
    let latest = |fits: &dyn Fn(&Prompt) -> bool| {
        recent.iter().rposition(|p| open(p) && fits(p)).map(|at| passed + at)
    };
    let by_transaction =
        latest(&|p| record.transaction != 0 && p.transaction == record.transaction);
    let has = |p: &Prompt, which: &dyn Fn(&Record) -> bool| {
        p.records.iter().filter_map(|i| records.get(*i)).any(which)
    };
    let is_of_session =
        |p: &Prompt| record.session != 0 && has(p, &|r| r.session == record.session);
    let is_of_address =
        |p: &Prompt| record.requester.ip != 0 && p.origin.place.ip == record.requester.ip;
    // A product that logs silence too does so when the prompt's life ends, which a newer prompt has
    // ended before.
    let over = |fits: &dyn Fn(&Prompt) -> bool| {
        recent.iter().position(|p| {
            outcome == Outcome::Unanswered
                && p.outcome == Outcome::Unanswered
                && p.source == record.source
                && fits(p)
        })
    };
    // One whose silence was logged before is another: Entra asks anew under one correlation id.
    let is_told = |p: &Prompt| {
        has(p, &|r| r.kind == EventKind::PromptTimedOut && record.at - r.at > SAME_END)
    };
    let is_same = |p: &Prompt| record.transaction != 0 && p.transaction == record.transaction;
    let late = over(&|p| is_same(p) && !is_told(p))
        .or_else(|| over(&|p| (is_of_session(p) || is_of_address(p)) && !is_told(p)));
    // Two prompts wait, from two places, and one answer comes: the session that follows tells.
    let by_session = || {
        let ips: Vec<_> = recent.iter().filter(|p| open(p)).map(|p| p.origin.place.ip).collect();
        let [first, rest @ ..] = ips.as_slice() else { return None };
        if outcome != Outcome::Approved || rest.iter().all(|ip| ip == first) {
            return None;
        }
        let session = records.get(index..)?.iter().find(|r| {
            r.kind == EventKind::SessionStarted
                && r.at - record.at <= SESSION_AFTER
                && ips.contains(&r.requester.ip)
        })?;
        latest(&|p| p.origin.place.ip == session.requester.ip)
    };
    let found = by_transaction
        .or_else(|| latest(&is_of_session))
        .or_else(|| latest(&is_of_address))
        .or_else(by_session)
        .or_else(|| latest(&|_| true));
    if by_transaction.is_none()
        && let Some(at) = late
        && let Some(prompt) = prompts.get_mut(passed + at)
    {
        prompt.records.push(index);
        return;
    }
    match found.and_then(|at| prompts.get_mut(at)) {
        Some(prompt) => {
            prompt.outcome = outcome;
            prompt.ended_at = record.at;
            prompt.records.push(index);
            if record.responder.is_known() {
                prompt.responder = record.responder;
            }
        }
        None => prompts.push(new(record, index, outcome)),
    }
}

fn reported(prompts: &mut Vec<Prompt>, records: &[Record], index: usize, windows: &Windows) {
    let Some(record) = records.get(index) else { return };
    let waits = prompts
        .iter()
        .any(|p| p.outcome == Outcome::Pending && record.at - p.sent_at <= windows.prompt_life());
    if waits {
        return ended(prompts, records, index, Outcome::Reported, windows);
    }
    // Entra says it twice: in the sign-in, and in the audit log without an address.
    let is_echo = |p: &&mut Prompt| {
        p.outcome == Outcome::Reported && (record.at - p.ended_at).abs() <= REPORT_ECHO
    };
    if !record.requester.is_known()
        && let Some(prompt) = prompts.iter_mut().rev().find(is_echo)
    {
        prompt.records.push(index);
        return;
    }
    let recent = |p: &Prompt| {
        record.at - p.sent_at <= REPORT_REACH
            && matches!(
                p.outcome,
                Outcome::Denied | Outcome::Pending | Outcome::Unanswered | Outcome::Approved
            )
    };
    let by_address = prompts.iter().rposition(|p| {
        recent(p) && p.origin.place.ip != 0 && p.origin.place.ip == record.requester.ip
    });
    let found = by_address
        .or_else(|| prompts.iter().rposition(|p| recent(p) && p.outcome != Outcome::Approved));
    match found.and_then(|at| prompts.get_mut(at)) {
        // What was approved stays approved: the report says whose approval it was not.
        Some(prompt) if prompt.outcome == Outcome::Approved => prompt.records.push(index),
        Some(prompt) => {
            prompt.outcome = Outcome::Reported;
            prompt.ended_at = record.at;
            prompt.records.push(index);
        }
        None => prompts.push(new(record, index, Outcome::Reported)),
    }
}

/// One report is logged in two places within this span.
const REPORT_ECHO: Span = Span::minutes(5);

/// A prompt that a session is the first step of follows it within this span.
const PROMPT_AFTER: Span = Span::minutes(2);

/// Records between the two that are looked at.
const STEPS_MAX: usize = 64;

/// Whether a session began with the password alone: a prompt for the very session follows.
fn is_before_a_prompt(records: &[Record], index: usize) -> bool {
    let Some((session, later)) = records.get(index..).and_then(|rest| rest.split_first()) else {
        return false;
    };
    session.session != 0
        && later.iter().take(STEPS_MAX).take_while(|r| r.at - session.at <= PROMPT_AFTER).any(|r| {
            r.kind == EventKind::PromptSent
                && r.factor.rings()
                && r.session == session.session
                && r.requester.ip == session.requester.ip
        })
}

/// Whether a product that does not say how somebody passed means this prompt (PingOne: "completed").
fn is_its_end(record: &Record, prompt: &Prompt) -> bool {
    record.source == Source::PingOne
        && record.factor == Factor::Unknown
        && record.transaction != 0
        && record.transaction == prompt.transaction
}

fn other_way_in(prompts: &mut [Prompt], record: &Record, index: usize, windows: &Windows) {
    for prompt in prompts.iter_mut().rev().take(8) {
        let same_place = prompt.origin.place.ip != 0
            && prompt.origin.place.ip == record.requester.ip
            && record.at - prompt.sent_at <= windows.prompt_life();
        if prompt.outcome != Outcome::Pending || !same_place {
            continue;
        }
        let typed = record.kind == EventKind::FactorVerified
            && (record.factor == prompt.factor || is_its_end(record, prompt));
        prompt.outcome = if typed { Outcome::Approved } else { Outcome::Satisfied };
        prompt.ended_at = record.at;
        prompt.records.push(index);
    }
}

/// Where a prompt was asked for whose own records do not say so: the step before it (the password,
/// the beginning of a reset), or the session that it opened.
fn place_near(records: &[Record], prompt: &Prompt) -> Option<Origin> {
    let from = records.partition_point(|r| r.at < prompt.sent_at - STEP_BEFORE);
    let near: Vec<&Record> = records
        .iter()
        .skip(from)
        .take_while(|r| r.at <= prompt.ended_at + SESSION_AFTER)
        .filter(|r| r.source == prompt.source && r.requester.is_known())
        .collect();
    let before = near.iter().rev().find(|r| {
        r.at <= prompt.sent_at
            && matches!(r.kind, EventKind::ChallengeRequired | EventKind::PasswordVerified)
    });
    let after = near.iter().find(|r| {
        prompt.outcome == Outcome::Approved
            && r.kind == EventKind::SessionStarted
            && r.at >= prompt.ended_at
    });
    after.or(before).map(|r| Origin::of(r))
}

/// Silence is evidence, and vendors such as Okta do not log it.
fn silence(prompts: &mut [Prompt], windows: &Windows, until: Timestamp) {
    for prompt in prompts.iter_mut().filter(|p| p.outcome == Outcome::Pending) {
        prompt.ended_at = prompt.sent_at + windows.prompt_life();
        if prompt.ended_at <= until {
            prompt.outcome = Outcome::Unanswered;
        } else {
            prompt.ended_at = until;
        }
    }
}
