//! The latest attempts and what became of them, read from the audit trail.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use askama::Template;
use axum::response::{Html, Response};
use pushback_app::Recorded;
use pushback_model::Timestamp;
use pushback_verify::{Happened, Held, PromptEnd, Reason, Ring, Risk};
use serde_json::Value;

use super::policy::Meanings;
use super::session::{Chrome, Session};
use super::subscribers::address;
use crate::authenticator::html;
use crate::problem::Problem;
use crate::texts::Texts;
use crate::time::for_people;

/// Entries of every chain that are looked at, from its end: what one read gives at most.
const ENTRIES: i64 = 1_000;
/// Attempts that are shown.
const PROMPTS_MAX: usize = 200;

/// An attempt in a list.
pub(super) struct PromptRow {
    pub at: String,
    pub address: String,
    pub subscriber: String,
    pub application: String,
    pub from: String,
    pub decision: String,
    pub why: Vec<String>,
    pub outcome: String,
}

#[derive(Template)]
#[template(path = "admin/prompts.html")]
struct PromptsPage<'p> {
    lang: &'p str,
    t: &'p Texts,
    chrome: Chrome<'p>,
    prompts: Vec<PromptRow>,
}

/// When an entry was written, as its body says.
pub(super) fn written_at(entry: &Recorded) -> Option<Timestamp> {
    entry.body.get("at").and_then(Value::as_str).and_then(|at| Timestamp::parse(at).ok())
}

fn ring(t: &Texts, ring: Ring) -> (&str, Option<Reason>) {
    match ring {
        Ring::Rang => (&t.decision_rang, None),
        Ring::Replaced => (&t.decision_replaced, None),
        Ring::Quiet(reason) => (&t.decision_quiet, Some(reason)),
    }
}

fn held(t: &Texts, held: Held) -> &str {
    match held {
        Held::Wait => &t.decision_wait,
        Held::PasskeyOnly => &t.decision_passkey_only,
        Held::Refused => &t.decision_refused,
    }
}

fn end(t: &Texts, end: PromptEnd) -> &str {
    match end {
        PromptEnd::Approved => &t.outcome_approved,
        PromptEnd::Overtaken => &t.outcome_overtaken,
        PromptEnd::Denied => &t.outcome_denied,
        PromptEnd::Reported => &t.outcome_reported,
        PromptEnd::Mismatched => &t.outcome_mismatched,
        PromptEnd::Expired => &t.outcome_expired,
        PromptEnd::ClockWentBack => &t.outcome_clock_went_back,
        PromptEnd::TakenOver => &t.outcome_taken_over,
        PromptEnd::Cancelled => &t.outcome_cancelled,
        PromptEnd::SteppedUp => &t.outcome_stepped_up,
    }
}

/// Why it was decided like this: the reason, and what speaks for and against the owner, in bits.
fn why(meanings: &Meanings, reason: Option<Reason>, risk: &Risk) -> Vec<String> {
    let terms = risk.terms.iter().map(|term| {
        let meaning = meanings.of("risk", term.kind.name()).unwrap_or(term.kind.name());
        format!("{:+.1}: {meaning}", term.bits)
    });
    reason.map(|reason| reason.sentence().to_owned()).into_iter().chain(terms).collect()
}

/// Where it came from: place, network and address, as far as they are known.
fn origin(event: &Value) -> String {
    let parts = ["city", "country", "as_name", "ip"].map(|part| {
        event.pointer(&format!("/requester/{part}")).and_then(Value::as_str).unwrap_or_default()
    });
    let known: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    known.join(", ")
}

/// One row an attempt, newest first as the entries are, at most `rows_max`.
pub(super) fn rows(
    t: &Texts,
    entries: &[Recorded],
    rows_max: usize,
) -> Result<Vec<PromptRow>, Problem> {
    let meanings = Meanings::english()?;
    let mut rows = Vec::new();
    // The last word about an attempt stands before its beginning: entries come newest first.
    let mut ends: BTreeMap<String, &str> = BTreeMap::new();
    for entry in entries {
        let details = entry.body.get("details").cloned().unwrap_or_default();
        // What the rules did not write is not about an attempt.
        let Ok(what) = serde_json::from_value::<Happened>(details) else { continue };
        let Some(attempt) = what.attempt().map(ToString::to_string) else { continue };
        if let Happened::PromptEnded { end: how, .. } = &what {
            ends.entry(attempt).or_insert(end(t, *how));
        } else if let Happened::Succeeded { .. } = &what {
            ends.entry(attempt).or_insert(&t.outcome_verified);
        } else if let Happened::ProofRefused { .. } = &what {
            ends.entry(attempt).or_insert(&t.outcome_proof_refused);
        } else {
            let (decision, why, open) = if let Happened::PromptMade { ring: how, risk, .. } = &what
            {
                let (decision, reason) = ring(t, *how);
                (decision, why(&meanings, reason, risk), t.outcome_open.as_str())
            } else if let Happened::AttemptHeld { held: how, reason, risk, .. } = &what {
                (held(t, *how), why(&meanings, Some(*reason), risk), "")
            } else {
                continue;
            };
            let event = entry.body.get("event").unwrap_or(&Value::Null);
            let application = event.get("app").and_then(Value::as_str).unwrap_or_default();
            rows.push(PromptRow {
                at: written_at(entry).map(for_people).unwrap_or_default(),
                address: address(&entry.subject),
                subscriber: entry.subject.clone(),
                application: application.to_owned(),
                from: origin(event),
                decision: decision.to_owned(),
                why,
                outcome: (*ends.get(&attempt).unwrap_or(&open)).to_owned(),
            });
            if rows.len() == rows_max {
                break;
            }
        }
    }
    Ok(rows)
}

async fn list(session: &Session) -> Result<Html<String>, Problem> {
    let app = session.web.app();
    let mut entries = Vec::new();
    for chain in app.audit_chains().await? {
        entries.extend(app.audit(&chain.name, chain.entries.saturating_sub(ENTRIES)).await?);
    }
    entries.sort_by_cached_key(|entry| Reverse((written_at(entry), entry.seq)));
    let t = session.texts();
    let prompts = rows(t, &entries, PROMPTS_MAX)?;
    html(&PromptsPage { lang: "en", t, chrome: session.chrome("prompts"), prompts })
}

pub(super) async fn page(session: Session) -> Response {
    session.show(list(&session).await, "/admin")
}
