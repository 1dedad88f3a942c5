//! Receipts: what happened to an attempt, signed, to be verified without this service.

use pushback_store::{AuditPlace, Signer};
use serde_json::Value;

use crate::{App, AppError, RelyingParty};

impl App {
    /// Signed receipts of every audit entry about an attempt, oldest first. Each names its place in
    /// the audit chain; one about a phone's answer holds the phone's own signature too.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for one that does not exist and for another party's alike.
    pub async fn receipts(&self, party: &RelyingParty, id: &str) -> Result<Vec<String>, AppError> {
        let loaded = self.load_of(party, id).await?;
        let Some(signer) = &self.inner.receipts else {
            return Err(AppError::Setup("no key for receipts is configured".to_owned()));
        };
        let entries = self
            .inner
            .store
            .list_audit_about(&loaded.record.document, loaded.record.started_at)
            .await?;
        let mut receipts = Vec::new();
        for recorded in &entries {
            let body: Value = serde_json::from_slice(&recorded.entry.body).unwrap_or_default();
            if body.pointer("/details/attempt").and_then(Value::as_str) != Some(id) {
                continue;
            }
            receipts.push(self.receipt(signer, recorded).await?);
        }
        Ok(receipts)
    }

    async fn receipt(
        &self,
        signer: &Signer,
        recorded: &pushback_store::Recorded,
    ) -> Result<String, AppError> {
        let before = match recorded.seq {
            1 => Vec::new(),
            seq => self.inner.store.list_audit(&recorded.chain, seq - 2).await?,
        };
        let previous = before.first().map_or(pushback_store::audit::GENESIS, |entry| entry.hash);
        let place = AuditPlace {
            chain: recorded.chain.clone(),
            seq: recorded.seq,
            previous,
            hash: recorded.hash,
        };
        signer
            .receipt(&recorded.entry, &place)
            .map_err(|error| AppError::Setup(format!("a receipt cannot be signed: {error}")))
    }
}
