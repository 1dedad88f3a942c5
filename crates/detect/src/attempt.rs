//! Attempts: what came from one place in one go.

use std::collections::BTreeMap;

use pushback_model::{EventKind, Factor, Key, Source, Timestamp};

use crate::history::Origin;
use crate::policy::Windows;
use crate::prompt::{Outcome, Prompt};
use crate::record::Record;

/// One stretch of activity from one place: prompts, typed codes, sessions, failures.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The place, as the first item shows it (completed by later ones).
    pub origin: Origin,
    /// The first thing that happened.
    pub started_at: Timestamp,
    /// The last thing that happened.
    pub last_at: Timestamp,
    /// Indices of prompts.
    pub prompts: Vec<usize>,
    /// Indices of records in which a typed code or the like was accepted.
    pub verified: Vec<usize>,
    /// Indices of records in which a session began.
    pub sessions: Vec<usize>,
    /// Indices of records in which a second factor failed for a reason that is not logged.
    pub failed: Vec<usize>,
    /// Indices of records in which the account was locked.
    pub lockouts: Vec<usize>,
    /// Indices of records that demand a second factor.
    pub demands: Vec<usize>,
    /// Whether a key or the like answered the demand: nothing to be tricked out of anybody.
    pub is_met: bool,
}

impl Attempt {
    fn new(origin: Origin, at: Timestamp) -> Self {
        Self {
            origin,
            started_at: at,
            last_at: at,
            prompts: Vec::new(),
            verified: Vec::new(),
            sessions: Vec::new(),
            failed: Vec::new(),
            lockouts: Vec::new(),
            demands: Vec::new(),
            is_met: false,
        }
    }

    /// When a second factor was first passed from here, and the record that says so.
    #[must_use]
    pub fn passed(&self, prompts: &[Prompt], records: &[Record]) -> Option<(Timestamp, usize)> {
        let approved = self.prompts.iter().filter_map(|i| {
            let prompt = prompts.get(*i)?;
            (prompt.outcome == Outcome::Approved)
                .then(|| prompt.records.last().map(|r| (prompt.ended_at, *r)))
                .flatten()
        });
        let verified =
            self.verified.iter().filter_map(|i| records.get(*i).map(|record| (record.at, *i)));
        approved.chain(verified).min()
    }
}

/// A code that was typed: a stranger who has it was given it, or stole the phone's number.
const fn is_typed(factor: Factor) -> bool {
    matches!(
        factor,
        Factor::Sms
            | Factor::Voice
            | Factor::Email
            | Factor::Code
            | Factor::RecoveryCode
            | Factor::Question
    )
}

/// A code that a device or a list of the owner's shows, without being asked.
const fn is_own_code(factor: Factor) -> bool {
    matches!(factor, Factor::Code | Factor::RecoveryCode)
}

/// Groups one person's records and prompts into attempts, in order of their beginning.
#[must_use]
pub fn group(records: &[Record], prompts: &[Prompt], windows: &Windows) -> Vec<Attempt> {
    enum Item {
        Prompt(usize),
        Record(usize),
    }
    let mut items: Vec<(Timestamp, Item)> =
        prompts.iter().enumerate().map(|(i, prompt)| (prompt.sent_at, Item::Prompt(i))).collect();
    items.extend(records.iter().enumerate().filter_map(|(i, record)| {
        let counts = matches!(
            record.kind,
            EventKind::FactorVerified
                | EventKind::SessionStarted
                | EventKind::FactorFailed
                | EventKind::LockedOut
                | EventKind::Bypassed
                | EventKind::ChallengeRequired
        ) || is_held_back(record);
        counts.then_some((record.at, Item::Record(i)))
    }));
    items.sort_by_key(|(at, _)| *at);

    let mut attempts: Vec<Attempt> = Vec::new();
    let mut latest: BTreeMap<(Key, Option<Source>), usize> = BTreeMap::new();
    for (at, item) in items {
        let (origin, source) = match item {
            Item::Prompt(i) => match prompts.get(i) {
                Some(prompt) => (prompt.origin, prompt.source),
                None => continue,
            },
            Item::Record(i) => match records.get(i) {
                Some(record) => (Origin::of(record), record.source),
                None => continue,
            },
        };
        // Records without an address are only like others of their product.
        let key = match origin.place.ip {
            0 => (0, Some(source)),
            ip => (ip, None),
        };
        let open = latest.get(&key).copied().filter(|i| {
            attempts.get(*i).is_some_and(|attempt| at - attempt.last_at <= windows.attempt())
        });
        let slot = open.unwrap_or_else(|| {
            attempts.push(Attempt::new(origin, at));
            latest.insert(key, attempts.len() - 1);
            attempts.len() - 1
        });
        let Some(attempt) = attempts.get_mut(slot) else { continue };
        attempt.last_at = at;
        complete(&mut attempt.origin, &origin);
        match item {
            Item::Prompt(i) => {
                attempt.prompts.push(i);
                if let Some(prompt) = prompts.get(i) {
                    attempt.last_at = attempt.last_at.max(prompt.ended_at);
                }
            }
            Item::Record(i) => match records.get(i).map(|r| r.kind) {
                Some(EventKind::FactorVerified)
                    if !records.get(i).is_some_and(|r| is_typed(r.factor)) =>
                {
                    attempt.is_met = true;
                }
                Some(EventKind::FactorVerified | EventKind::Bypassed) => attempt.verified.push(i),
                Some(EventKind::SessionStarted) => {
                    attempt.sessions.push(i);
                    // Entra says in the sign-in's own record which code was typed.
                    if records.get(i).is_some_and(|r| is_typed(r.factor)) {
                        attempt.verified.push(i);
                    }
                }
                // A code of one's own device that was mistyped rang nobody.
                Some(EventKind::FactorFailed)
                    if records.get(i).is_some_and(|r| is_own_code(r.factor)) => {}
                // Held back: somebody with the password asked, and the product asked nobody.
                Some(EventKind::FactorFailed | EventKind::RateLimited) => attempt.failed.push(i),
                Some(EventKind::LockedOut) => attempt.lockouts.push(i),
                Some(EventKind::ChallengeRequired) => attempt.demands.push(i),
                _ => {}
            },
        }
    }
    attempts
}

/// Whether a product refused to ring a phone that had rung enough. That says as much about whoever
/// asked as a prompt that nobody answered; limits on a whole organisation say nothing.
const fn is_held_back(record: &Record) -> bool {
    matches!(record.kind, EventKind::RateLimited) && matches!(record.factor, Factor::Push)
}

/// Takes over what an earlier item of the same place did not say.
fn complete(origin: &mut Origin, more: &Origin) {
    let place = &mut origin.place;
    if place.asn == 0 {
        place.asn = more.place.asn;
    }
    if place.city == 0 {
        place.city = more.place.city;
    }
    if place.country == 0 {
        place.country = more.place.country;
    }
    if place.latitude == i16::MIN {
        place.latitude = more.place.latitude;
        place.longitude = more.place.longitude;
    }
    if origin.device == 0 {
        origin.device = more.device;
    }
    if origin.agent == 0 {
        origin.agent = more.agent;
        origin.family = more.family;
    }
    origin.flags |= more.flags;
}
