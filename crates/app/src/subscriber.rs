//! The one way in which a subscriber's document changes: load, decide, commit.

use pushback_model::Timestamp;
use pushback_store::{AuditEntry, Change, Commit, Conflict, Key, OutboxRow, Version};
use pushback_verify::{Command, Decision, Role, SubscriberId, SubscriberState, decide};
use serde::Serialize;

use crate::{App, AppError};

/// How often a decision is made again because somebody else was faster.
const TRIES: u32 = 16;

/// The outbox topic of the acts that the rules ask for.
pub const EFFECTS_TOPIC: &str = "effects";

const KIND: &str = "subscriber";

/// An act for the outbox, with whom it is about.
#[derive(Serialize)]
struct Act<'a> {
    subscriber: &'a str,
    #[serde(flatten)]
    act: &'a pushback_verify::Act,
}

/// What a use case adds to the commit of a decision.
pub(crate) type More<'m> =
    dyn Fn(&Decision, Timestamp, Change) -> Result<Change, AppError> + Send + Sync + 'm;

impl App {
    fn key(who: &SubscriberId) -> Result<Key, AppError> {
        Ok(Key::new(KIND, who.as_str())?)
    }

    /// A subscriber's document. Somebody unknown has an empty one: asking about them looks the same.
    pub(crate) async fn subscriber(
        &self,
        who: &SubscriberId,
    ) -> Result<(SubscriberState, Option<Version>), AppError> {
        let Some(document) = self.inner.store.load(&Self::key(who)?).await? else {
            return Ok((SubscriberState::new(who.clone(), Role::Member, self.now()), None));
        };
        // JSON is UTF-8; other bytes are no JSON either.
        let json = String::from_utf8_lossy(&document.body);
        Ok((SubscriberState::from_json(&json)?, Some(document.version)))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    pub(crate) fn entropy(&self) -> pushback_verify::Entropy {
        let mut bytes = [0; 32];
        self.inner.entropy.fill(&mut bytes);
        pushback_verify::Entropy::from_system_rng(bytes)
    }

    /// Decides and commits; `more` adds documents of the use case to the same commit.
    // SECURITY: the decision counts only if the document is still the one that it was made from, or two
    // attempts would share the last ring. Guarded by `two_attempts_never_share_the_last_ring`.
    pub(crate) async fn decide(
        &self,
        who: &SubscriberId,
        command: &Command,
        more: &More<'_>,
    ) -> Result<Decision, AppError> {
        for _ in 0..TRIES {
            let (state, found) = self.subscriber(who).await?;
            let (now, entropy) = (self.now(), self.entropy());
            let decision = decide(&state, command.clone(), now, &entropy, &self.inner.policy);
            let body = decision.state.to_json()?.into_bytes();
            let mut change = Change::at(now).put(Self::key(who)?, found, body);
            for entry in &decision.audit {
                change = change.audit(AuditEntry {
                    at: entry.at,
                    kind: "subscriber".to_owned(),
                    subject: who.to_string(),
                    body: serde_json::to_vec(entry)?,
                });
            }
            for effect in &decision.effects {
                let act = Act { subscriber: who.as_str(), act: &effect.act };
                change = change.effect(OutboxRow {
                    key: effect.key.to_string(),
                    topic: EFFECTS_TOPIC.to_owned(),
                    payload: serde_json::to_vec(&act)?,
                    due_at: now,
                });
            }
            let change = more(&decision, now, change)?;
            match self.inner.store.commit(change).await? {
                Commit::Committed(_) => return Ok(decision),
                Commit::Conflict(Conflict::Version { .. }) => {}
                Commit::Conflict(Conflict::Answered { .. }) => return Err(AppError::Contended),
                Commit::Refused(_) => return Err(AppError::Busy),
            }
        }
        Err(AppError::Contended)
    }
}
