//! The state was put back from a copy: what may have been used up since then ends, and what only people
//! know is listed for them.

mod since;

use std::collections::BTreeMap;

use futures_util::future::join_all;
use pushback_model::Timestamp;
use pushback_store::Change;
use pushback_verify::{Command, Decision, Happened, OperatorId, OperatorProof, SubscriberId};
use serde_json::json;

use crate::binding::CodeRecord;
use crate::documents::{AttemptRecord, Registration};
use crate::subscriber::{SUBSCRIBER, Whom};
use crate::totp::STEP_S;
use crate::totps::{PendingTotp, unix_s};
use crate::{App, AppError, AuthenticatorView};

pub use since::{Recheck, recheck};

/// The kind of the entry that ends it, and what it is about.
const STATE_RESTORED: &str = "state_restored";
const SERVICE: &str = "service";
/// Documents in one page, and decisions at once.
const PAGE: usize = 500;
const AT_ONCE: usize = 50;

/// What ended because it may have been used since the copy.
#[derive(Clone, Debug, Default)]
pub struct Restored {
    /// When the last thing happened that the copy knows of; `None` if it knows of nothing.
    pub copied_at: Option<Timestamp>,
    /// People whose state was looked at.
    pub subscribers: usize,
    /// Prompts that were open.
    pub prompts: usize,
    /// Codes that bind something, and mailed ones.
    pub codes: usize,
    /// Browsers that were known.
    pub devices: usize,
    /// Whose saved recovery codes ended: they draw new ones.
    pub recovery_codes_of: Vec<String>,
    /// Sign-ins with their pages and completions.
    pub attempts: usize,
    /// Bindings that had begun.
    pub ceremonies: usize,
    /// Sessions and sign-ins of administrators.
    pub sessions: usize,
    /// Invitations of administrators.
    pub invitations: usize,
    /// What can answer for whom, what was untied since the copy included.
    pub bound: BTreeMap<String, Vec<AuthenticatorView>>,
}

impl App {
    /// Ends what may have been used up or ended since the copy that the state was put back from. For a
    /// service that is stopped; safe to do again, also after it failed halfway.
    ///
    /// # Errors
    /// [`AppError`] if the database fails, or something cannot be read; the rest is done all the same.
    pub async fn after_restore(
        &self,
        by: &OperatorId,
        proof: &OperatorProof,
    ) -> Result<Restored, AppError> {
        let mut done = Restored { copied_at: self.copied_at().await?, ..Restored::default() };
        let (mut after, mut failed) = (None, None);
        loop {
            let page = self.inner.store.list(SUBSCRIBER, after.as_deref(), PAGE).await?;
            for some in page.documents.chunks(AT_ONCE) {
                // Together, so that they share a sync of the disk.
                let ended = some.iter().map(|(id, _)| self.restored_one(id, proof));
                for ended in join_all(ended).await {
                    match ended {
                        Ok(decision) => {
                            done.count(&decision);
                            let bound = decision.state.authenticators().iter();
                            let bound = bound.map(|a| self.authenticator_view(a)).collect();
                            done.bound.insert(decision.state.subscriber().to_string(), bound);
                        }
                        Err(error) => failed = failed.or(Some(error)),
                    }
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let gone = [
            self.take_out_all::<AttemptRecord>().await.map(|count| done.attempts = count),
            self.take_out_all::<Registration>().await.map(|count| done.ceremonies = count),
            self.take_out_all::<PendingTotp>().await.map(|count| done.ceremonies += count),
            // Those of subscribers are counted with them.
            self.take_out_all::<CodeRecord>().await.map(drop),
            self.end_operator_sessions().await.map(|count| done.sessions = count),
            self.end_operator_invitations().await.map(|count| done.invitations = count),
        ];
        failed = failed.or(gone.into_iter().find_map(Result::err));
        let details = json!({
            "what": STATE_RESTORED,
            "copied_at": done.copied_at.map(|at| at.to_string()),
            "subscribers": done.subscribers,
            "attempts": done.attempts,
            "sessions": done.sessions,
            "is_complete": failed.is_none(),
        });
        self.write(Change::at(self.now()).audit(self.chore(
            by,
            STATE_RESTORED,
            SERVICE,
            details,
        )?))
        .await?;
        failed.map_or(Ok(done), Err)
    }

    async fn restored_one(&self, id: &str, proof: &OperatorProof) -> Result<Decision, AppError> {
        let id = SubscriberId::parse(id).map_err(|_| AppError::NotFound)?;
        // A clock of the owner's may be a step ahead.
        let totp_step = unix_s(self.now()) / STEP_S + 1;
        let command = Command::Restored { operator: proof.clone(), totp_step };
        self.run(&Whom::subscriber(id), &command).await
    }

    /// When the last thing happened that the copy knows of. What this wrote itself is not of the copy.
    async fn copied_at(&self) -> Result<Option<Timestamp>, AppError> {
        let mut latest = None;
        for (chain, (head, _)) in self.inner.store.audit_heads().await? {
            let last = self.inner.store.list_audit(&chain, head - 1).await?;
            let Some(last) = last.last() else { continue };
            let at = if last.entry.kind == STATE_RESTORED {
                let body: serde_json::Value = serde_json::from_slice(&last.entry.body)?;
                let copied_at = body.pointer("/details/copied_at");
                copied_at.and_then(|at| at.as_str()?.parse().ok())
            } else {
                Some(last.entry.at)
            };
            latest = latest.max(at);
        }
        Ok(latest)
    }
}

impl Restored {
    fn count(&mut self, decision: &Decision) {
        self.subscribers += 1;
        for entry in &decision.audit {
            if let Happened::RestoredFromCopy { prompts, codes, devices, recovery_codes } =
                entry.what
            {
                self.prompts += prompts;
                self.codes += codes;
                self.devices += devices;
                if recovery_codes > 0 {
                    self.recovery_codes_of.push(decision.state.subscriber().to_string());
                }
            }
        }
    }
}
