//! The outbox, as its workers see it.

use pushback_model::{Span, Timestamp};

use super::Store;
use crate::db::Value;
use crate::key::{ID_BYTES_MAX, KIND_BYTES_MAX, name};
use crate::outbox::{ClaimArgs, Settle};
use crate::watch::{self, Watch};
use crate::writer::Job;
use crate::{Claimed, Dead, Place, StoreError};

const TABLE: &str = "outbox";
/// Keys in one call of [`Store::done`].
const DONE_MAX: usize = 1_024;

/// How the outbox stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outbox {
    /// Rows that wait or are leased.
    pub waiting: u64,
    /// Rows that were given up.
    pub dead: u64,
    /// The earliest instant at which a waiting row is or was due.
    pub oldest_due_at: Option<Timestamp>,
}

pub(super) const fn place<'a>(row: &'a [&'a str]) -> Place<'a> {
    Place { table: TABLE, column: "payload", row }
}

impl Store {
    /// Hands out effects of a topic that are due at `now`, the longest due first, at most
    /// [`crate::CLAIM_MAX`]. Each is this caller's until `now + lease` (not included), then anybody's.
    ///
    /// A row that was handed out `claims_max` times before becomes dead instead, and so does one
    /// whose payload does not open.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn claim(
        &self,
        topic: &str,
        now: Timestamp,
        lease: Span,
        limit: usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        name("a topic", topic, KIND_BYTES_MAX)?;
        let claims_max = self.inner.claims_max;
        let args = ClaimArgs { topic: topic.to_owned(), now, lease, limit, claims_max };
        let sealed = self.inner.queue.ask(args, Job::Claim).await?;
        let mut claimed = Vec::with_capacity(sealed.len());
        for mut row in sealed {
            match self.inner.keys.unseal(place(&[&row.key]), &row.payload) {
                Ok(payload) => {
                    row.payload = payload;
                    claimed.push(row);
                }
                // One bad row must not keep the others from leaving.
                Err(error) => {
                    self.give_up(&row, now, &error.to_string()).await?;
                }
            }
        }
        Ok(claimed)
    }

    /// From now on, effects of this topic that are due when this node commits them are leased to it by
    /// that commit, and wait in memory for [`Store::take`]; for a node that works on them at once. The
    /// first call counts. What comes while 1,024 wait so is left to be claimed.
    pub fn hand_over(&self, topic: &str, lease: Span) {
        self.inner.hand_over.begin(topic, lease);
    }

    /// Effects that were handed over, as if they had just been claimed for the first time.
    #[must_use]
    pub fn take(&self, now: Timestamp, limit: usize) -> Vec<Claimed> {
        self.inner.hand_over.take(now, limit)
    }

    /// Whether there is something to [`take`](Self::take), or this node has committed effects that
    /// are due and have to be claimed.
    #[must_use]
    pub fn has_work(&self) -> bool {
        self.inner.hand_over.has_work()
    }

    /// Whether this node has committed effects that are due and have to be claimed, since it was last
    /// asked.
    #[must_use]
    pub fn take_due(&self) -> bool {
        self.inner.hand_over.take_due()
    }

    /// Says that effects have left; their rows go. Returns how many were still there: one that is
    /// not was done before.
    ///
    /// # Errors
    /// If the database fails; the effects may then leave once more.
    pub async fn done(&self, keys: &[&str]) -> Result<usize, StoreError> {
        if keys.len() > DONE_MAX {
            return Err(StoreError::TooManyParts { parts: keys.len(), max: DONE_MAX });
        }
        for key in keys {
            name("an outbox key", key, ID_BYTES_MAX)?;
        }
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        self.inner.queue.ask(keys, Job::Done).await
    }

    /// Says that an effect could not leave and may be tried again from `due_at` on; see
    /// [`crate::backoff`]. `false` if the lease is no longer this one: nothing changes then.
    ///
    /// # Errors
    /// If the database fails; the row then comes back when its lease ends.
    pub async fn retry(
        &self,
        claimed: &Claimed,
        due_at: Timestamp,
        error: &str,
    ) -> Result<bool, StoreError> {
        let (key, claim) = (claimed.key.clone(), claimed.claim);
        let settle = Settle::Retry { key, claim, due_at, error: error.to_owned() };
        self.inner.queue.ask(settle, Job::Settle).await
    }

    /// Says that an effect can never leave; its row stays as dead. `false` if the lease is no longer
    /// this one.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn give_up(
        &self,
        claimed: &Claimed,
        at: Timestamp,
        error: &str,
    ) -> Result<bool, StoreError> {
        let (key, claim) = (claimed.key.clone(), claimed.claim);
        let settle = Settle::GiveUp { key, claim, at, error: error.to_owned() };
        self.inner.queue.ask(settle, Job::Settle).await
    }

    /// Lets a dead effect be tried again from `due_at` on, as if for the first time. `false` if there
    /// is no such dead row.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn revive(&self, key: &str, due_at: Timestamp) -> Result<bool, StoreError> {
        name("an outbox key", key, ID_BYTES_MAX)?;
        let settle = Settle::Revive { key: key.to_owned(), due_at };
        self.inner.queue.ask(settle, Job::Settle).await
    }

    /// Wakes a worker when effects of its topic were committed, on this node or another. Rows that
    /// become due later wake nobody: the worker also polls.
    #[must_use]
    pub fn watch_outbox(&self, topic: &str) -> Watch {
        self.inner.hub.watch(watch::topic_hash(topic), self.inner.poll_every)
    }

    /// How the outbox stands; for metrics and readiness.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn outbox(&self) -> Result<Outbox, StoreError> {
        let sql = "SELECT count(*) FILTER (WHERE dead_at IS NULL), \
                   min(due_at) FILTER (WHERE dead_at IS NULL), \
                   count(*) FILTER (WHERE dead_at IS NOT NULL) FROM outbox";
        let mut outbox = Outbox::default();
        if let Some(mut row) = self.inner.reader.query_aside(sql, Vec::new()).await?.pop() {
            outbox.waiting = u64::try_from(row.int(TABLE)?).unwrap_or_default();
            outbox.oldest_due_at = row.opt_int(TABLE)?.map(Timestamp::from_millis);
            outbox.dead = u64::try_from(row.int(TABLE)?).unwrap_or_default();
        }
        Ok(outbox)
    }

    /// Dead effects, the longest dead first, at most 1,000.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_dead(&self, limit: usize) -> Result<Vec<Dead>, StoreError> {
        let sql = "SELECT row_key, topic, claims, dead_at, last_error FROM outbox \
                   WHERE dead_at IS NOT NULL ORDER BY dead_at, row_key LIMIT $1";
        let limit = i64::try_from(limit.clamp(1, super::PAGE_MAX)).unwrap_or(i64::MAX);
        let rows = self.inner.reader.query_aside(sql, vec![Value::Int(limit)]).await?;
        rows.into_iter()
            .map(|mut row| {
                Ok(Dead {
                    key: row.text(TABLE)?,
                    topic: row.text(TABLE)?,
                    claims: row.int(TABLE)?,
                    dead_at: Timestamp::from_millis(row.int(TABLE)?),
                    last_error: row.text(TABLE)?,
                })
            })
            .collect()
    }
}
