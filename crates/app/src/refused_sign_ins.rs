//! Sign-ins of administrators that failed: that there were some and how many, however many there are.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pushback_model::{Span, Timestamp};
use pushback_store::Change;
use pushback_verify::Actor;
use serde_json::json;

use crate::{App, AppError};

/// An entry of one kind in this time at most.
const ENTRY_EVERY: Span = Span::minutes(1);
/// What the entries are about.
const ADMINISTRATION: &str = "administration";

/// What failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tried {
    /// To sign in with a passkey.
    SignIn,
    /// To bind a passkey with an invitation.
    Invitation,
}

impl Tried {
    const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Invitation => "invitation",
        }
    }
}

/// What this node has not written down yet, by kind. What is left at a restart is lost.
#[derive(Default)]
pub(crate) struct RefusedSignIns(Mutex<BTreeMap<Tried, Counted>>);

#[derive(Clone, Copy, Default)]
struct Counted {
    count: u64,
    /// The first that is not written down.
    since: Option<Timestamp>,
    written_at: Option<Timestamp>,
}

impl RefusedSignIns {
    fn counts(&self) -> MutexGuard<'_, BTreeMap<Tried, Counted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be written down of this kind now, if it is time.
    fn take_due(&self, tried: Tried, now: Timestamp) -> Option<(u64, Timestamp)> {
        let mut counts = self.counts();
        let counted = counts.entry(tried).or_default();
        // A clock that went back does not silence what comes.
        let waits = |at: Timestamp| at <= now && now < at + ENTRY_EVERY;
        if counted.count == 0 || counted.written_at.is_some_and(waits) {
            return None;
        }
        let (count, since) = (counted.count, counted.since.unwrap_or(now));
        *counted = Counted { written_at: Some(now), ..Counted::default() };
        Some((count, since))
    }

    fn count(&self, tried: Tried, now: Timestamp) {
        let mut counts = self.counts();
        let counted = counts.entry(tried).or_default();
        counted.count = counted.count.saturating_add(1);
        counted.since.get_or_insert(now);
    }
}

impl App {
    /// Counts a sign-in that failed, and writes down what is due.
    ///
    /// # Errors
    /// [`AppError`] if it cannot be written.
    // SECURITY: whoever tries to get into administration is in the trail; anybody can try, so that tries of
    // a minute are one entry. Guarded by `failed_sign_ins_of_administrators_are_in_the_trail_once_a_minute`.
    pub(crate) async fn note_refused(&self, tried: Tried) -> Result<(), AppError> {
        self.inner.refused_sign_ins.count(tried, self.now());
        self.write_refused(tried).await
    }

    /// Writes down what was counted since the last entries.
    ///
    /// # Errors
    /// [`AppError`] if it cannot be written.
    pub(crate) async fn write_refused_sign_ins(&self) -> Result<(), AppError> {
        self.write_refused(Tried::SignIn).await?;
        self.write_refused(Tried::Invitation).await
    }

    async fn write_refused(&self, tried: Tried) -> Result<(), AppError> {
        let now = self.now();
        let Some((count, since)) = self.inner.refused_sign_ins.take_due(tried, now) else {
            return Ok(());
        };
        let details = json!({
            "what": "operator_sign_in_failed",
            "tried": tried.name(),
            "count": count,
            "since": since.to_string(),
        });
        let entry =
            self.noted(&Actor::Stranger, "operator_sign_in_failed", ADMINISTRATION, details)?;
        self.write(Change::at(now).audit(entry).yielding()).await
    }
}
