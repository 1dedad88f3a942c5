//! Sessions that began with the password alone and were never finished.
//!
//! Some products say that a session began as soon as the password was right, and ask for the second
//! factor after that (Okta Identity Engine with one factor in the global session policy and two in the
//! application's). If nobody ever gives it, whoever has the password was there and nobody got in.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use pushback_model::{EventKind, Factor, Key, Source, Span, Timestamp};

use crate::attempt::Attempt;
use crate::prompt::Prompt;
use crate::record::Record;

/// A challenge follows the session that it belongs to within this span, where no session is named.
const CHALLENGED_WITHIN: Span = Span::minutes(2);

/// The records with unfinished sessions as what they are, [`EventKind::PasswordVerified`]; and which
/// these are.
//
// SECURITY: a stranger with the password who comes back every day would otherwise become the owner's
// habit. Guarded by `a_password_without_the_second_factor_is_no_habit`.
pub(crate) fn as_passwords<'a>(
    records: &'a [Record],
    prompts: &[Prompt],
    attempts: &[Attempt],
) -> (Cow<'a, [Record]>, Vec<usize>) {
    let mut unfinished: Vec<usize> = attempts
        .iter()
        .filter(|attempt| !attempt.is_met && attempt.passed(prompts, records).is_none())
        .flat_map(|attempt| of_attempt(attempt, records, prompts))
        .collect();
    unfinished.sort_unstable();
    unfinished.dedup();
    if unfinished.is_empty() {
        return (Cow::Borrowed(records), unfinished);
    }
    let mut told = records.to_vec();
    for index in &unfinished {
        if let Some(record) = told.get_mut(*index) {
            record.kind = EventKind::PasswordVerified;
        }
    }
    (Cow::Owned(told), unfinished)
}

/// The sessions of an attempt that nobody passed after which a second factor was asked for in vain.
fn of_attempt(attempt: &Attempt, records: &[Record], prompts: &[Prompt]) -> Vec<usize> {
    let failed_prompts = attempt
        .prompts
        .iter()
        .filter_map(|i| prompts.get(*i))
        .filter(|prompt| prompt.outcome.is_failure())
        .filter_map(|prompt| prompt.records.first())
        .copied();
    let asked = failed_prompts.chain(attempt.failed.iter().copied());
    let mut in_vain = InVain::default();
    asked.filter_map(|i| records.get(i)).for_each(|record| in_vain.note(record));
    let is_begun = |i: &usize| {
        records.get(*i).is_some_and(|r| {
            matches!(r.factor, Factor::Unknown | Factor::Password) && in_vain.follows(r)
        })
    };
    let begun: Vec<usize> = attempt.sessions.iter().copied().filter(is_begun).collect();
    let used = used_of(&begun, records, attempt.last_at);
    begun.into_iter().chain(used).collect()
}

/// When a second factor was asked for in vain.
#[derive(Default)]
struct InVain {
    /// The last time, by product and session.
    sessions: BTreeMap<(Source, Key), Timestamp>,
    /// All times, by product.
    times: BTreeSet<(Source, Timestamp)>,
}

impl InVain {
    fn note(&mut self, asked: &Record) {
        self.times.insert((asked.source, asked.at));
        if asked.session != 0 {
            let last = self.sessions.entry((asked.source, asked.session)).or_insert(asked.at);
            *last = asked.at.max(*last);
        }
    }

    /// Whether it was asked for in this session, or where none is named soon after it began.
    fn follows(&self, session: &Record) -> bool {
        let last = self.sessions.get(&(session.source, session.session));
        let soon = (session.source, session.at)..=(session.source, session.at + CHALLENGED_WITHIN);
        last.is_some_and(|last| *last >= session.at) || self.times.range(soon).next().is_some()
    }
}

/// What unfinished sessions opened until their attempt ended: what asks for no second factor.
fn used_of(begun: &[usize], records: &[Record], last_at: Timestamp) -> Vec<usize> {
    let Some(first) = begun.iter().min() else { return Vec::new() };
    let sessions: BTreeSet<Key> = begun
        .iter()
        .filter_map(|i| records.get(*i))
        .map(|r| r.session)
        .filter(|session| *session != 0)
        .collect();
    records
        .iter()
        .enumerate()
        .skip(*first)
        .take_while(|(_, r)| r.at <= last_at)
        .filter(|(_, r)| r.kind == EventKind::SessionUsed && sessions.contains(&r.session))
        .map(|(i, _)| i)
        .collect()
}
