//! Sessions that began with the password alone and were never finished.
//!
//! Some products say that a session began as soon as the password was right, and ask for the second
//! factor after that (Okta Identity Engine with one factor in the global session policy and two in the
//! application's). If nobody ever gives it, whoever has the password was there and nobody got in.

use std::borrow::Cow;

use pushback_model::{EventKind, Factor, Span, Timestamp};

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
    let asked: Vec<&Record> = failed_prompts
        .chain(attempt.failed.iter().copied())
        .filter_map(|i| records.get(i))
        .collect();
    let is_in_vain = |session: &Record| {
        asked.iter().any(|asked| {
            let is_same = session.session != 0 && session.session == asked.session;
            asked.source == session.source
                && asked.at >= session.at
                && (is_same || asked.at - session.at <= CHALLENGED_WITHIN)
        })
    };
    let begun = attempt.sessions.iter().copied().filter(|i| {
        records.get(*i).is_some_and(|r| {
            matches!(r.factor, Factor::Unknown | Factor::Password) && is_in_vain(r)
        })
    });
    let begun: Vec<usize> = begun.collect();
    let used = begun.iter().flat_map(|i| used_of(*i, records, attempt.last_at));
    begun.iter().copied().chain(used).collect()
}

/// What an unfinished session opened until its attempt ended: what asks for no second factor.
fn used_of(begun: usize, records: &[Record], last_at: Timestamp) -> Vec<usize> {
    let session = records.get(begun).map_or(0, |r| r.session);
    records
        .iter()
        .enumerate()
        .skip(begun)
        .take_while(|(_, r)| r.at <= last_at)
        .filter(|(_, r)| session != 0 && r.session == session && r.kind == EventKind::SessionUsed)
        .map(|(i, _)| i)
        .collect()
}
