//! What relying parties have to act on: sessions to end, passwords that are known to a stranger.
//!
//! The audit trail is the queue. It is written in the commit that decides, has no gaps, and stays; so a
//! relying party that was away for a month has missed nothing, and a cursor is an acknowledgement.
//! [Decision 0012](../../../docs/design/decisions/0012-signals.md) says why.

use std::collections::BTreeMap;
use std::time::Duration;

use pushback_model::Timestamp;
use pushback_store::audit::GENESIS;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::encoding::{from_base64url, to_base64url};
use crate::subscriber::NOTICES;
use crate::{App, AppError, RelyingParty};

/// Signals of one page at most.
const PAGE: usize = 100;
/// The kinds of entry that are signals; each is written by a decision.
const KINDS: [&str; 3] = ["sessions_ended", "password_burned", "password_changed"];
/// The least time between two looks of one who waits: rings wake them too.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Something to act on. Doing it twice does no harm, and it may come twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// Its place in the trail: never given twice.
    pub id: String,
    /// The same for all that one decision asked for.
    pub txn: String,
    /// About whom.
    pub subscriber: String,
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: SignalKind,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalKind {
    /// End sessions that began at `since` or later, with their refresh tokens; all of them without.
    SessionsEnded {
        /// From when on.
        since: Option<Timestamp>,
    },
    /// A stranger knows the password.
    PasswordBurned,
    /// It was changed since.
    PasswordChanged,
}

/// A page of signals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signals {
    /// In the order of their chains.
    pub signals: Vec<Signal>,
    /// Where to go on: handing it in says that all before it were taken.
    pub next: String,
    /// Whether there are more right now.
    pub has_more: bool,
}

/// The last entry that was looked at, by chain: its number, and the start of its hash.
type Cursor = BTreeMap<String, (i64, u64)>;

impl App {
    /// Signals after a cursor; from the beginning without one. Waits for the first one for at most
    /// `wait`.
    ///
    /// # Errors
    /// [`AppError::Invalid`] for a cursor that is not of this trail: begin without one;
    /// [`AppError::Unauthenticated`] if the party was taken out meanwhile, or has another secret.
    pub async fn signals(
        &self,
        party: &RelyingParty,
        after: Option<&str>,
        wait: Duration,
    ) -> Result<Signals, AppError> {
        let until = tokio::time::Instant::now() + wait;
        let after = after.map_or(Ok(Cursor::new()), read)?;
        self.check_is_ours(&after).await?;
        loop {
            // Begun before reading, so that nothing between is missed.
            let mut watch = self.inner.store.watch_outbox(NOTICES);
            let found = self.signals_after(&after).await?;
            self.still_counts(party).await?;
            let left = until.saturating_duration_since(tokio::time::Instant::now());
            if !found.signals.is_empty() || left.is_zero() {
                return Ok(found);
            }
            let _ = tokio::time::timeout(left, watch.changed()).await;
            let left = until.saturating_duration_since(tokio::time::Instant::now());
            tokio::time::sleep(left.min(LOOK_EVERY)).await;
        }
    }

    /// Refuses a cursor that ends at an entry which this trail does not have.
    // SECURITY: after a restore the trail is shorter than what was read of it, and what is written next
    // would count as read, also once there is as much of it again. Guarded by
    // `a_cursor_of_another_trail_is_refused`, `a_cursor_of_a_trail_that_was_longer_once_is_refused`.
    async fn check_is_ours(&self, after: &Cursor) -> Result<(), AppError> {
        for (chain, (seq, mark)) in after {
            let hash = self.inner.store.audit_hash(chain, *seq).await?;
            if hash.is_none_or(|hash| mark_of(&hash) != *mark) {
                return Err(foreign());
            }
        }
        Ok(())
    }

    async fn signals_after(&self, after: &Cursor) -> Result<Signals, AppError> {
        let store = &self.inner.store;
        let heads = store.audit_heads().await?;
        let (mut signals, mut next, mut has_more) = (Vec::new(), Cursor::new(), false);
        for (chain, head) in heads {
            let from = after.get(&chain).copied().unwrap_or((0, mark_of(&GENESIS)));
            let room = PAGE - signals.len();
            let found = store.list_audit_of(&chain, from.0, &KINDS, room.max(1)).await?;
            let head = (head.0, mark_of(&head.1));
            // Up to the head nothing is missing; past a full page there may be more.
            let is_full = found.len() >= room;
            let last = found.last().map_or(from, |entry| (entry.seq, mark_of(&entry.hash)));
            let (taken, to) = match (room, is_full) {
                (0, _) => (0, from),
                (_, true) => (found.len(), last),
                (_, false) => (found.len(), last.max(head)),
            };
            has_more |= is_full && to < head;
            for entry in found.iter().take(taken) {
                signals.push(signal(entry)?);
            }
            next.insert(chain, to);
        }
        let next = to_base64url(&serde_json::to_vec(&next)?);
        Ok(Signals { signals, next, has_more })
    }
}

/// What tells an entry from another one of the same number.
fn mark_of(hash: &[u8; 32]) -> u64 {
    hash.first_chunk().map_or(0, |start| u64::from_be_bytes(*start))
}

fn foreign() -> AppError {
    AppError::Invalid("after is no cursor of this trail; begin without one".to_owned())
}

fn read(cursor: &str) -> Result<Cursor, AppError> {
    let bytes = from_base64url(cursor).ok_or_else(foreign)?;
    serde_json::from_slice(&bytes).map_err(|_| foreign())
}

/// What an entry of the trail holds of it.
#[derive(Deserialize)]
struct Body {
    id: String,
    details: Details,
}

#[derive(Deserialize, Serialize)]
struct Details {
    what: String,
    #[serde(default)]
    since: Value,
}

fn signal(recorded: &pushback_store::Recorded) -> Result<Signal, AppError> {
    let Body { id, details } = serde_json::from_slice(&recorded.entry.body)?;
    let kind = match &*details.what {
        "sessions_ended" => {
            SignalKind::SessionsEnded { since: serde_json::from_value(details.since)? }
        }
        "password_burned" => SignalKind::PasswordBurned,
        _ => SignalKind::PasswordChanged,
    };
    Ok(Signal {
        id: format!("{}/{}", recorded.chain, recorded.seq),
        txn: id.rsplit_once('/').map_or(&*id, |(decision, _)| decision).to_owned(),
        subscriber: recorded.entry.subject.clone(),
        at: recorded.entry.at,
        kind,
    })
}
