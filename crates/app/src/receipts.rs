//! Receipts: what happened to an attempt, signed, to be verified without this service.
//!
//! A receipt repeats what its relying party was told of the attempt anyway, and names the entry of the
//! audit trail by its hash. Why it says no more: decision 0014, `docs/design/decisions`.

use pushback_model::{Span, Timestamp};
use pushback_store::{Recorded, Signer, Within};
use serde_json::{Value, json};

use crate::attempts::Loaded;
use crate::documents::{AttemptRecord, DecisionKind};
use crate::record::{ASKED_FOR_NOBODY, NOBODY, is_salted};
use crate::{App, AppError, RelyingParty};

/// How far a node's clock may step back between the beginning of an attempt and its entry.
const STEP_BACK: Span = Span::minutes(1);

impl App {
    /// Signed receipts of an attempt, oldest first: that it was asked for, and how its subscriber
    /// answered, if they did.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for one that does not exist and for another party's alike.
    // SECURITY: the entries hold the evidence, the phone's place and its owner's habits; a relying party
    // that could read them would find out where somebody is by asking from one address after the other.
    // Guarded by `a_receipt_says_nothing_of_the_owners_places_and_habits`. For a name that nobody has
    // there is as much to read. Guarded by `receipts_do_not_tell_who_exists`.
    pub async fn receipts(&self, party: &RelyingParty, id: &str) -> Result<Vec<String>, AppError> {
        let loaded = self.load_of(party, id).await?;
        let Some(signer) = &self.inner.receipts else {
            return Err(AppError::Setup("no key for receipts is configured".to_owned()));
        };
        let mut receipts = Vec::new();
        let found = [self.asked(&loaded).await?, self.answer_to(&loaded).await?];
        for (recorded, said) in found.into_iter().flatten() {
            receipts.push(receipt(signer, &loaded, &recorded, &said)?);
        }
        Ok(receipts)
    }

    /// How an attempt began.
    async fn asked(&self, loaded: &Loaded) -> Result<Option<(Recorded, Value)>, AppError> {
        let record = &loaded.record;
        let (subject, kinds): (_, &[_]) = if record.is_decoy {
            (NOBODY, &[ASKED_FOR_NOBODY])
        } else {
            (&*record.document, &["prompt_made", "attempt_held"])
        };
        let from = record.started_at - STEP_BACK;
        let within = Within { subject, kinds, from, to: Timestamp::from_millis(i64::MAX) };
        let found = self.entry(&within, |details| is_about(details, &loaded.id)).await?;
        let said = json!({
            "what": "asked",
            "at": record.started_at.to_string(),
            "decision": decision(record.decision.kind),
        });
        Ok(found.map(|(recorded, _)| (recorded, said)))
    }

    /// How its subscriber answered: not that nobody did, and not that somebody gave up.
    async fn answer_to(&self, loaded: &Loaded) -> Result<Option<(Recorded, Value)>, AppError> {
        let record = &loaded.record;
        if let Some(success) = &record.success {
            let from = success.at - STEP_BACK;
            let to = Timestamp::from_millis(i64::MAX);
            let within = Within { subject: &record.document, kinds: &["succeeded"], from, to };
            let found = self.entry(&within, |details| is_about(details, &loaded.id)).await?;
            let said = json!({
                "what": if success.is_carried { "proven" } else { "verified" },
                "at": success.at.to_string(),
                "acr": success.acr,
                "amr": success.amr,
            });
            return Ok(found.map(|(recorded, _)| (recorded, said)));
        }
        let Some(expires_at) = prompted_until(record) else { return Ok(None) };
        let within = Within {
            subject: &record.document,
            kinds: &["prompt_ended"],
            from: record.started_at - STEP_BACK,
            to: expires_at,
        };
        let is_no = |details: &Value| is_about(details, &loaded.id) && no(details).is_some();
        let found = self.entry(&within, is_no).await?;
        Ok(found.map(|(recorded, details)| {
            let said = json!({ "what": no(&details), "at": recorded.entry.at.to_string() });
            (recorded, said)
        }))
    }

    /// The first entry whose details are these, and the details.
    async fn entry(
        &self,
        within: &Within<'_>,
        is_it: impl Fn(&Value) -> bool,
    ) -> Result<Option<(Recorded, Value)>, AppError> {
        let mut after = None;
        loop {
            // However many others a flood has put between.
            let page = self.inner.store.list_audit_within(within, after.as_ref()).await?;
            for recorded in &page {
                let mut body: Value =
                    serde_json::from_slice(&recorded.entry.body).unwrap_or_default();
                let details = body.get_mut("details").map(Value::take).unwrap_or_default();
                if is_it(&details) {
                    return Ok(is_salted(&body).then(|| (recorded.clone(), details)));
                }
            }
            after = page.into_iter().next_back();
            if after.is_none() {
                return Ok(None);
            }
        }
    }
}

fn receipt(
    signer: &Signer,
    loaded: &Loaded,
    recorded: &Recorded,
    said: &Value,
) -> Result<String, AppError> {
    let mut all = json!({
        "attempt": loaded.id,
        "relying_party": loaded.record.relying_party,
        "subscriber": loaded.record.subscriber,
    });
    if let (Some(all), Some(said)) = (all.as_object_mut(), said.as_object()) {
        all.extend(said.clone());
    }
    signer
        .receipt(recorded, all)
        .map_err(|error| AppError::Setup(format!("a receipt cannot be signed: {error}")))
}

fn is_about(details: &Value, attempt: &str) -> bool {
    details.get("attempt").and_then(Value::as_str) == Some(attempt)
}

/// Until when a prompt of the attempt could be answered; `None` if there was none.
const fn prompted_until(record: &AttemptRecord) -> Option<Timestamp> {
    match record.decision.kind {
        DecisionKind::Prompt | DecisionKind::Quiet => record.decision.until,
        DecisionKind::PasskeyOnly | DecisionKind::Wait | DecisionKind::Refuse => None,
    }
}

const fn decision(kind: DecisionKind) -> &'static str {
    match kind {
        DecisionKind::Prompt => "prompt",
        DecisionKind::Quiet => "quiet",
        DecisionKind::PasskeyOnly => "passkey_only",
        DecisionKind::Wait => "wait",
        DecisionKind::Refuse => "refuse",
    }
}

/// The state of an attempt whose prompt ended with a "no".
fn no(details: &Value) -> Option<&'static str> {
    match details.get("end").and_then(Value::as_str) {
        Some("denied" | "mismatched") => Some("denied"),
        Some("reported") => Some("reported"),
        Some(_) | None => None,
    }
}
