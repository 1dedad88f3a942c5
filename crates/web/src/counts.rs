//! What is counted for machines that watch the service, at most a second old.

use pushback_app::{App, AppError};
use pushback_model::{Span, Timestamp};
use tokio::sync::Mutex;

/// How old counts may be.
const GOOD_FOR: Span = Span::seconds(1);

/// How the outbox stands.
#[derive(Clone, Copy)]
pub(crate) struct Outbox {
    /// Effects that wait to leave.
    pub(crate) waiting: u64,
    /// Effects that were given up.
    pub(crate) dead: u64,
    /// When the one that is due longest is or was due.
    pub(crate) oldest_due_at: Option<Timestamp>,
}

/// How the outbox stood, and when.
#[derive(Default)]
pub(crate) struct Counts(Mutex<Option<(Timestamp, Outbox)>>);

impl Counts {
    /// How the outbox stands. Who asks while it is counted waits for that count.
    ///
    /// # Errors
    /// If the database fails; an old answer never stands in for that.
    // SECURITY: anybody may ask, and to count costs the more, the more waits. Guarded by
    // `counts_that_anybody_may_ask_for_are_counted_once_a_second`.
    pub(crate) async fn outbox(&self, app: &App) -> Result<Outbox, AppError> {
        let mut counted = self.0.lock().await;
        let now = app.now();
        if let Some((at, outbox)) = *counted
            && at <= now
            && now < at + GOOD_FOR
        {
            return Ok(outbox);
        }
        let found = app.store().outbox().await?;
        let outbox =
            Outbox { waiting: found.waiting, dead: found.dead, oldest_due_at: found.oldest_due_at };
        *counted = Some((now, outbox));
        Ok(outbox)
    }
}
