//! Prompts on the phone: what it shows, and what its owner says.

use std::sync::{Arc, Mutex, PoisonError};

use pushback_model::Timestamp;
use pushback_store::Change;
use pushback_verify::{
    Act, Answer, Assurance, Command, Context, Decision, EnteredCode, Line, Notes, Outcome,
    PhoneAnswer, PromptEnd, PromptId, Reason, SubscriberId, SubscriberState, Verified,
};
use serde_json::json;

use crate::attempts::Loaded;
use crate::capability::DeviceCookie;
use crate::documents::{AttemptRecord, Kind, Success};
use crate::encoding::{new_id, sha256, to_base64url};
use crate::phone::Phone;
use crate::proof::{Said, answer_text};
use crate::record::Beside;
use crate::subscriber::{Ended, Found};
use crate::{App, AppError};

/// The open prompt, as the phone shows it: everything but the code.
#[derive(Clone, Debug)]
pub struct PromptView {
    /// Which.
    pub id: u64,
    /// The attempt that waits for the answer; part of what is signed.
    pub attempt: String,
    /// Who is asked; part of what is signed.
    pub subscriber: String,
    /// The relying party's id; part of what is signed.
    pub relying_party: String,
    /// What is shown, in this order; an absent value is shown as unknown.
    pub lines: Vec<Line>,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// From then on it is over.
    pub expires_at: Timestamp,
    /// Whether the phone did not ring for it, nor asked for it.
    pub is_quiet: bool,
    /// Tries that are left for the code.
    pub tries_left: u8,
}

/// What a phone has to show.
#[derive(Clone, Debug)]
pub struct Prompts {
    /// The open prompt.
    pub open: Option<PromptView>,
    /// Changes whenever there is something new to show.
    pub version: String,
}

/// What the owner said, signed by the phone's key.
#[derive(Clone, Debug)]
pub struct SignedAnswer {
    /// Which prompt.
    pub prompt: u64,
    /// What was said.
    pub said: SaidBy,
    /// The digest of what was shown, base64url.
    pub context_digest: String,
    /// The signature over [`answer_text`], base64url.
    pub signature: String,
}

/// What the owner of a phone can say.
#[derive(Clone)]
pub enum SaidBy {
    /// The code, as typed.
    Confirm(String),
    /// "No, this isn't me."
    Deny,
    /// The same, reported, with what else happened.
    Report(Notes),
}

impl std::fmt::Debug for SaidBy {
    /// Without the code.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Confirm(_) => "Confirm",
            Self::Deny => "Deny",
            Self::Report(_) => "Report",
        })
    }
}

/// How an answer was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// The code was right: the attempt is verified.
    Verified,
    /// The code was wrong; so many tries are left.
    WrongCode {
        /// At least one.
        tries_left: u8,
    },
    /// The prompt ended like this, now or before.
    Ended(PromptEnd),
    /// The report was taken: prompts are suspended and an incident is open.
    Reported,
    /// It was refused.
    Refused(Reason),
}

impl App {
    /// What the phone has to show.
    ///
    /// # Errors
    /// [`AppError`] if the document cannot be read; nothing is verified by that.
    pub async fn prompts(&self, phone: &Phone) -> Result<Prompts, AppError> {
        let (state, _) = match phone.known() {
            Some(known) => known,
            None => self.state(&phone.whom()).await?,
        };
        Ok(self.prompts_in(&state, phone))
    }

    fn prompts_in(&self, state: &SubscriberState, phone: &Phone) -> Prompts {
        let now = self.now();
        let open =
            state.shown_at(now).zip(state.waiting_at(now)).map(|(context, open)| PromptView {
                id: context.prompt.0,
                attempt: context.attempt.to_string(),
                subscriber: context.subscriber.to_string(),
                relying_party: context.relying_party.to_string(),
                lines: context.lines(),
                asked_at: context.asked_at,
                expires_at: open.expires_at,
                // The phone that asks is in a hand: it shows what it asked for at once.
                is_quiet: open.is_quiet && open.asked_by != Some(phone.serial),
                tries_left: self
                    .inner
                    .policy
                    .prompt
                    .wrong_entries
                    .saturating_sub(open.wrong_entries),
            });
        let seen = open.as_ref().map(|prompt| (prompt.id, prompt.tries_left));
        let call = state.caller_check(now).map(|check| check.id.0);
        let suspended = matches!(state.push(), pushback_verify::PushState::Suspended { .. });
        let seen = format!("{seen:?} {call:?} {suspended} {}", state.authenticators().len());
        let version = to_base64url(sha256(seen.as_bytes()).get(..6).unwrap_or_default());
        Prompts { open, version }
    }

    /// Waits until [`App::prompts`] has another version than `after`, for at most `wait`.
    ///
    /// # Errors
    /// As [`App::prompts`].
    pub async fn next_prompts(
        &self,
        phone: &Phone,
        after: &str,
        wait: std::time::Duration,
    ) -> Result<Prompts, AppError> {
        let until = tokio::time::Instant::now() + wait;
        let key = phone.whom().key()?;
        loop {
            let mut watch = self.inner.store.watch(&key);
            // Never what the request was checked against: that was read before the watch began.
            let prompts = self.prompts_in(&self.state(&phone.whom()).await?.0, phone);
            let left = until.saturating_duration_since(tokio::time::Instant::now());
            if prompts.version != after || left.is_zero() {
                return Ok(prompts);
            }
            let ends_in = prompts.open.as_ref().map_or(left, |open| {
                let millis = open.expires_at.as_millis() - self.now().as_millis();
                std::time::Duration::from_millis(u64::try_from(millis).unwrap_or(0).max(1))
            });
            let _ = tokio::time::timeout(left.min(ends_in), watch.changed()).await;
        }
    }

    /// Takes the owner's answer to a prompt.
    ///
    /// # Errors
    /// [`AppError::Unauthenticated`] unless the phone's key signed the answer together with the digest
    /// of what is asked.
    pub async fn answer_prompt(
        &self,
        phone: &Phone,
        answer: &SignedAnswer,
    ) -> Result<Answered, AppError> {
        // If somebody else was faster meanwhile, the commit notices.
        let known = match phone.known() {
            Some(known) => known,
            None => self.state(&phone.whom()).await?,
        };
        let context = known
            .0
            .shown_at(self.now())
            .filter(|context| context.prompt.0 == answer.prompt)
            .cloned();
        let (said, fact) = match &answer.said {
            SaidBy::Confirm(code) => match EnteredCode::parse(code) {
                Some(entered) => (Said::Confirm(code), Answer::Code(entered)),
                None => return Ok(Answered::Refused(Reason::WrongProof)),
            },
            SaidBy::Deny => (Said::Deny, Answer::Deny),
            SaidBy::Report(notes) => (Said::Report(words(*notes)), Answer::Report(*notes)),
        };
        // SECURITY: the signature covers what this server asks, so that a phone that was shown
        // something else cannot say yes. Guarded by `a_phone_that_was_shown_something_else_says_no_yes`.
        let digest = match (&context, &answer.said) {
            (Some(context), SaidBy::Confirm(_)) => digest(context),
            // "No" counts whatever was shown, and however late it comes.
            (_, SaidBy::Deny | SaidBy::Report(_)) | (None, SaidBy::Confirm(_)) => {
                answer.context_digest.clone()
            }
        };
        let text = answer_text(&answer.prompt.to_string(), &digest, said);
        phone
            .key
            .verify(text.as_bytes(), &answer.signature)
            .map_err(|_| AppError::Unauthenticated)?;
        let shown = context.as_ref().map(Context::canonical_bytes).unwrap_or_default();
        let fact = PhoneAnswer::signature_verified(
            phone.who.clone(),
            phone.serial,
            PromptId(answer.prompt),
            shown,
            phone.from.clone(),
            fact,
        );
        let report = Command::AnswerPrompt(fact.clone());
        if matches!(answer.said, SaidBy::Report(_)) && self.is_reported_already(&known.0, &report) {
            return Ok(Answered::Reported);
        }
        let attempt = context.map(|context| context.attempt.to_string());
        let loaded = match &attempt {
            Some(id) => Some(self.load_as_last_seen(id).await?),
            None => None,
        };
        if let (Some(loaded), SaidBy::Confirm(_)) = (&loaded, &answer.said)
            && loaded.is_of_nobody()
        {
            return self.refuse_nobodys(phone, loaded).await;
        }
        let again = (fact.clone(), known.clone());
        let answered = self.commit_answer(phone, answer, &digest, loaded, fact, known).await;
        match (answered, attempt) {
            // The attempt is not as it was last seen here.
            (Err(AppError::Contended), Some(id)) => {
                let loaded = Some(self.load(&id).await?);
                self.commit_answer(phone, answer, &digest, loaded, again.0, again.1).await
            }
            (answered, _) => answered,
        }
    }

    /// Ends the prompt of an application that was taken out, whose code was typed.
    async fn refuse_nobodys(&self, phone: &Phone, loaded: &Loaded) -> Result<Answered, AppError> {
        let command = Command::CancelAttempt(loaded.attempt()?.id);
        // However it ended: nothing is verified.
        let _: Decision = self.run(&phone.whom(), &command).await?;
        Ok(Answered::Refused(Reason::ApplicationRemoved))
    }

    async fn commit_answer(
        &self,
        phone: &Phone,
        answer: &SignedAnswer,
        digest: &str,
        loaded: Option<Loaded>,
        fact: PhoneAnswer,
        known: Found,
    ) -> Result<Answered, AppError> {
        let token_id = new_id("tok", &*self.inner.entropy);
        // What the last try wrote, for whoever asks for the token next.
        let kept = Mutex::new(None);
        let keep = |decision: &Decision, now: Timestamp, change: Change| {
            let Outcome::Verified(verified) = &decision.outcome else { return Ok(change) };
            let loaded = loaded.as_ref().ok_or(AppError::NotFound)?;
            if verified.attempt.as_str() != loaded.id {
                return Err(AppError::NotFound);
            }
            let mut record = (*loaded.record).clone();
            let amr = ["swk", "mca"];
            let success = self.success(&phone.who, verified, decision, now, &amr, &token_id);
            // SECURITY: an attacker's page need not be opened by them: its address, sent to the owner, shows
            // a true code of the true service. Guarded by
            // `a_code_on_a_page_that_somebody_sent_signs_nobody_else_in`.
            record.success = Some(match &record.holder {
                Some(_) => success.by_the_pages_code(),
                None => success,
            });
            let (key, bytes) = (AttemptRecord::key(&loaded.id)?, record.bytes()?);
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some((key.clone(), record));
            Ok(change.update(key, loaded.version, bytes))
        };
        // The code is not part of what is kept: whoever reads the trail must not learn codes.
        let signed = json!({
            "authenticator": phone.id,
            "key": phone.key.thumbprint(),
            "context_digest": digest,
            "said": format!("{:?}", answer.said).to_lowercase(),
            "signature": answer.signature,
        });
        let with = phone.once(Beside { signed: Some(signed) });
        let command = Command::AnswerPrompt(fact);
        let decided = self.decide_from(&phone.whom(), Some(known), &command, &with, &keep).await?;
        let decision = match decided {
            Ended::Decided(decision, version) => {
                let kept = kept.into_inner().unwrap_or_else(PoisonError::into_inner);
                if let (Some((key, record)), Some(version)) = (kept, version) {
                    self.got_in(&record);
                    self.inner.attempts.put(key, Arc::new(record), version, self.now());
                }
                decision
            }
            // The very same request was taken before.
            Ended::Answered => return Err(AppError::Unauthenticated),
        };
        Ok(match decision.outcome {
            Outcome::Verified(_) => Answered::Verified,
            Outcome::WrongCode { tries_left } => Answered::WrongCode { tries_left },
            Outcome::Ended(end) | Outcome::AlreadyOver(end) => Answered::Ended(end),
            Outcome::Reported { .. } => Answered::Reported,
            Outcome::Refused { reason } | Outcome::PasskeyOnly { reason, .. } => {
                Answered::Refused(reason)
            }
            // No other outcome belongs to an answer; whatever it were, it is no success.
            _ => Answered::Refused(Reason::NotFound),
        })
    }

    /// How an attempt succeeded: what its token will say.
    pub(crate) fn success(
        &self,
        who: &SubscriberId,
        verified: &Verified,
        decision: &Decision,
        at: Timestamp,
        amr: &[&str],
        token_id: &str,
    ) -> Success {
        Success {
            at,
            acr: acr(verified.assurance).to_owned(),
            amr: amr.iter().map(|&how| how.to_owned()).collect(),
            browser: self.browser(who, verified, decision),
            token_id: token_id.to_owned(),
            is_carried: false,
            is_the_holders: false,
        }
    }

    /// The value of the device cookie that a success gives to the browser.
    fn browser(
        &self,
        who: &SubscriberId,
        verified: &Verified,
        decision: &Decision,
    ) -> Option<String> {
        let known = verified.device?;
        let expires_at = decision.effects.iter().find_map(|effect| match &effect.act {
            Act::IssueDeviceCookie { device, until, .. } if *device == known => Some(*until),
            _ => None,
        })?;
        let cookie = DeviceCookie { subscriber: who.to_string(), device: known.0, expires_at };
        Some(self.inner.keys.device_cookie(&cookie, self.now()))
    }
}

/// The digest of what a phone shows.
fn digest(context: &Context) -> String {
    to_base64url(&sha256(&context.canonical_bytes()))
}

/// The notes of a report as they are signed.
pub(crate) const fn words(notes: Notes) -> &'static str {
    match (notes.someone_called, notes.typed_password, notes.gave_a_code) {
        (false, false, false) => "",
        (true, false, false) => "someone_called",
        (false, true, false) => "typed_password",
        (false, false, true) => "gave_a_code",
        (true, true, false) => "someone_called,typed_password",
        (true, false, true) => "someone_called,gave_a_code",
        (false, true, true) => "typed_password,gave_a_code",
        (true, true, true) => "someone_called,typed_password,gave_a_code",
    }
}

/// The classes of assurance in a token: those of SP 800-63B-4, with phishing resistance said.
const fn acr(assurance: Assurance) -> &'static str {
    match assurance {
        Assurance::Aal2 => "urn:pushback:aal2",
        Assurance::Aal2PhishingResistant => "urn:pushback:aal2:phishing-resistant",
        Assurance::Aal3 => "urn:pushback:aal3",
    }
}
