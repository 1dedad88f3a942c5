//! Documents whose time is ahead, after a clock had run ahead: an operator sets them right.

use futures_util::future::join_all;
use pushback_model::Timestamp;
use pushback_store::Change;
use pushback_verify::{Command, OperatorId, OperatorProof, SubscriberId, SubscriberState};
use serde_json::json;

use crate::attempts::name;
use crate::binding::done;
use crate::subscriber::{DECOY, SUBSCRIBER, Whom};
use crate::{App, AppError};

/// The kind of the entry about all of them, and what it is about.
const CLOCKS_SET_RIGHT: &str = "clocks_set_right";
const SERVICE: &str = "service";
/// Documents in one page, and decisions at once.
const PAGE: usize = 500;
const AT_ONCE: usize = 50;

/// Whose documents were set right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClocksSetRight {
    /// People whose documents were looked at.
    pub subscribers: usize,
    /// Whose were ahead.
    pub set_right: Vec<String>,
}

impl App {
    /// The time of a subscriber's document, if it is ahead: no phone of theirs is asked until then.
    pub(crate) fn clock_ahead(&self, state: &SubscriberState) -> Option<Timestamp> {
        state.ahead_of(self.now(), &self.inner.policy)
    }

    /// Sets the clock of a subscriber's document right, which ends what is open and frees nothing. Gives the
    /// time that it had; `None` if it is not ahead, and nothing ends then.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a name that nobody has; [`AppError::ClockDoubted`] on a node whose own
    /// clock is not believed.
    pub async fn set_clock_right(
        &self,
        by: OperatorProof,
        subscriber: &str,
    ) -> Result<Option<Timestamp>, AppError> {
        let whom = Whom::subscriber(name(subscriber)?);
        let (state, version) = self.state(&whom).await?;
        version.ok_or(AppError::NotFound)?;
        let Some(ahead) = self.clock_ahead(&state) else { return Ok(None) };
        done(self.by_operator(subscriber, Command::SetClockRight(by)).await?)?;
        Ok(Some(ahead))
    }

    /// The same for everybody whose document is ahead. Safe to do again, also after it failed halfway.
    ///
    /// # Errors
    /// [`AppError`] if the database fails, or something cannot be read; the rest is done all the same.
    pub async fn set_clocks_right(
        &self,
        by: &OperatorId,
        proof: &OperatorProof,
    ) -> Result<ClocksSetRight, AppError> {
        let mut set = ClocksSetRight::default();
        let people = self.set_all_right(SUBSCRIBER, proof, &mut set).await;
        // SECURITY: a name that nobody has would otherwise be told from others by prompts that stay away.
        // Guarded by `all_clocks_are_set_right_at_once_also_of_names_that_nobody_has`.
        let nobody = self.set_all_right(DECOY, proof, &mut ClocksSetRight::default()).await;
        let details = json!({
            "what": CLOCKS_SET_RIGHT,
            "subscribers": set.subscribers,
            "set_right": set.set_right.len(),
            "is_complete": people.is_ok() && nobody.is_ok(),
        });
        let entry = self.chore(by, CLOCKS_SET_RIGHT, SERVICE, details)?;
        self.write(Change::at(self.now()).audit(entry)).await?;
        people.and(nobody).map(|()| set)
    }

    async fn set_all_right(
        &self,
        kind: &str,
        proof: &OperatorProof,
        set: &mut ClocksSetRight,
    ) -> Result<(), AppError> {
        let (mut after, mut failed) = (None, None);
        loop {
            let page = self.inner.store.list(kind, after.as_deref(), PAGE).await?;
            set.subscribers += page.documents.len();
            let mut ahead = Vec::new();
            for (id, document) in &page.documents {
                match SubscriberState::from_json(&String::from_utf8_lossy(&document.body)) {
                    Ok(state) if self.clock_ahead(&state).is_some() => ahead.push(id),
                    Ok(_) => {}
                    Err(error) => failed = failed.or(Some(error.into())),
                }
            }
            for some in ahead.chunks(AT_ONCE) {
                // Together, so that they share a sync of the disk.
                let ended = some.iter().map(async |id| {
                    let id = SubscriberId::parse(id).map_err(|_| AppError::NotFound)?;
                    let whom = Whom { id, is_decoy: kind == DECOY };
                    let command = Command::SetClockRight(proof.clone());
                    self.run(&whom, &command).await.map(|_| whom.id.to_string())
                });
                for ended in join_all(ended).await {
                    match ended {
                        Ok(id) => set.set_right.push(id),
                        Err(error) => failed = failed.or(Some(error)),
                    }
                }
            }
            after = page.next;
            if after.is_none() {
                return failed.map_or(Ok(()), Err);
            }
        }
    }
}
