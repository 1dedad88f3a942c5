//! The phone: what it shows, and what its owner says.

use pushback_model::Timestamp;
use pushback_store::Change;
use pushback_verify::{
    Act, Answer, Assurance, AuthenticatorId, Command, Context, Decision, EnteredCode, Line, Notes,
    Outcome, PhoneAnswer, PromptEnd, PromptId, Reason, Requester, SubscriberId, Verified,
};

use crate::attempts::name;
use crate::capability::DeviceCookie;
use crate::documents::{AttemptRecord, AuthenticatorRecord, Keys, Kind, Success};
use crate::encoding::{new_id, sha256, to_base64url};
use crate::proof::{PublicKey, Said, SignedRequest, answer_text};
use crate::{App, AppError};

/// A request as it came in.
#[derive(Clone, Copy, Debug)]
pub struct PhoneRequest<'r> {
    /// The value of the `Authorization` header.
    pub authorization: &'r str,
    /// The method.
    pub method: &'r str,
    /// The path with its query.
    pub path: &'r str,
    /// The body.
    pub body: &'r [u8],
    /// Where it came from.
    pub from: &'r Requester,
}

/// The open prompt, as the phone shows it: everything but the code.
#[derive(Clone, Debug)]
pub struct OpenPromptView {
    /// Which.
    pub id: u64,
    /// What is shown, in this order; an absent value is shown as unknown.
    pub shown: Vec<Line>,
    /// The SHA-256 of the context's canonical bytes, base64url: what the phone computes from what it
    /// shows, and signs.
    pub context_digest: String,
}

/// What the owner said, signed by the phone's key.
#[derive(Clone, Debug)]
pub struct SignedAnswer {
    /// Which prompt.
    pub prompt: u64,
    /// What was said.
    pub said: SaidBy,
    /// The signature over [`answer_text`], base64url.
    pub signature: String,
}

/// What the owner of a phone can say.
#[derive(Clone, Debug)]
pub enum SaidBy {
    /// The code, as typed.
    Confirm(String),
    /// "No, this isn't me."
    Deny,
    /// The same, reported, with what else happened.
    Report(Notes),
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
    /// The prompt ended like this.
    Ended(PromptEnd),
    /// The report was taken: prompts are suspended and an incident is open.
    Reported,
    /// It was refused.
    Refused(Reason),
}

/// A phone that proved who it is.
struct Phone {
    who: SubscriberId,
    serial: AuthenticatorId,
    key: PublicKey,
}

impl App {
    async fn phone(&self, request: &PhoneRequest<'_>) -> Result<Phone, AppError> {
        let signed = SignedRequest::parse(request.authorization)
            .map_err(|_| AppError::Unauthenticated)?;
        let found = match AuthenticatorRecord::key(&signed.id) {
            Ok(_) => AuthenticatorRecord::load(&self.inner.store, &signed.id).await?,
            Err(_) => None,
        };
        let (record, _) = found.ok_or(AppError::Unauthenticated)?;
        let keys = Keys::load(&self.inner.store, &record.subscriber).await?;
        let keys = keys.map(|(keys, _)| keys).unwrap_or_default();
        let key = keys.phones.get(&record.serial).ok_or(AppError::Unauthenticated)?;
        let what = (request.method, request.path, request.body);
        signed.verify(key, what, self.now()).map_err(|_| AppError::Unauthenticated)?;
        let serial = AuthenticatorId(record.serial);
        Ok(Phone { who: name(&record.subscriber)?, serial, key: key.clone() })
    }

    /// The open prompt, if there is one.
    ///
    /// # Errors
    /// [`AppError::Unauthenticated`] unless the phone's key signed this very request within the last
    /// minute.
    pub async fn open_prompt(
        &self,
        request: &PhoneRequest<'_>,
    ) -> Result<Option<OpenPromptView>, AppError> {
        let phone = self.phone(request).await?;
        let (state, _) = self.subscriber(&phone.who).await?;
        Ok(state.shown_at(self.now()).map(|context| OpenPromptView {
            id: context.prompt.0,
            shown: context.lines(),
            context_digest: digest(context),
        }))
    }

    /// Takes the owner's answer to a prompt.
    ///
    /// # Errors
    /// [`AppError::Unauthenticated`] unless the phone's key signed the request, and the answer together
    /// with the digest of what is asked; [`AppError::NotFound`] if no such prompt is open.
    pub async fn answer_prompt(
        &self,
        request: &PhoneRequest<'_>,
        answer: &SignedAnswer,
    ) -> Result<Answered, AppError> {
        let phone = self.phone(request).await?;
        let (state, _) = self.subscriber(&phone.who).await?;
        let context = state
            .shown_at(self.now())
            .filter(|context| context.prompt.0 == answer.prompt)
            .ok_or(AppError::NotFound)?;
        let context_digest = digest(context);
        let prompt = answer.prompt.to_string();
        let (said, notes) = match &answer.said {
            SaidBy::Confirm(code) => (Said::Confirm(code), String::new()),
            SaidBy::Deny => (Said::Deny, String::new()),
            SaidBy::Report(notes) => (Said::Report(""), words(*notes)),
        };
        let said = if let Said::Report(_) = said { Said::Report(&notes) } else { said };
        // SECURITY: the signature covers what this server asks, so that a phone that was shown
        // something else cannot answer. Guarded by `an_answer_to_something_else_counts_for_nothing`.
        let text = answer_text(&prompt, &context_digest, said);
        phone
            .key
            .verify(text.as_bytes(), &answer.signature)
            .map_err(|_| AppError::Unauthenticated)?;
        let said = match &answer.said {
            SaidBy::Confirm(code) => match EnteredCode::parse(code) {
                Some(code) => Answer::Code(code),
                None => return Ok(Answered::Refused(Reason::WrongProof)),
            },
            SaidBy::Deny => Answer::Deny,
            SaidBy::Report(notes) => Answer::Report(*notes),
        };
        let fact = PhoneAnswer::signature_verified(
            phone.who.clone(),
            phone.serial,
            PromptId(answer.prompt),
            context.canonical_bytes(),
            request.from.clone(),
            said,
        );
        let attempt = context.attempt.to_string();
        let (record, version) =
            AttemptRecord::load(&self.inner.store, &attempt).await?.ok_or(AppError::NotFound)?;
        let token_id = new_id("tok", &*self.inner.entropy);
        let keep = |decision: &Decision, now: Timestamp, change: Change| {
            let Outcome::Verified(verified) = &decision.outcome else { return Ok(change) };
            if verified.attempt.as_str() != attempt {
                return Err(AppError::NotFound);
            }
            let mut record = record.clone();
            record.success = Some(Success {
                at: now,
                acr: acr(verified.assurance).to_owned(),
                amr: vec!["swk".to_owned()],
                context_digest: context_digest.clone(),
                browser: self.browser(&phone.who, verified, decision),
                token_id: token_id.clone(),
            });
            Ok(change.update(AttemptRecord::key(&attempt)?, version, record.bytes()?))
        };
        let decision = self.decide(&phone.who, &Command::AnswerPrompt(fact), &keep).await?;
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

    /// The value of the device cookie that a success gives to the browser.
    fn browser(&self, who: &SubscriberId, verified: &Verified, decision: &Decision) -> String {
        let until = decision.effects.iter().find_map(|effect| match &effect.act {
            Act::IssueDeviceCookie { device, until, .. } if *device == verified.device => {
                Some(*until)
            }
            _ => None,
        });
        let Some(expires_at) = until else { return String::new() };
        self.inner.capabilities.device_cookie(&DeviceCookie {
            subscriber: who.to_string(),
            device: verified.device.0,
            expires_at,
        })
    }
}

/// The digest of what a phone shows.
fn digest(context: &Context) -> String {
    to_base64url(&sha256(&context.canonical_bytes()))
}

/// The notes of a report as they are signed: their names in this order, with commas.
fn words(notes: Notes) -> String {
    let all = [
        (notes.someone_called, "someone_called"),
        (notes.typed_password, "typed_password"),
        (notes.gave_a_code, "gave_a_code"),
    ];
    let said: Vec<&str> = all.iter().filter(|(is_said, _)| *is_said).map(|(_, name)| *name).collect();
    said.join(",")
}

const fn acr(assurance: Assurance) -> &'static str {
    match assurance {
        Assurance::Aal2 => "urn:pushback:aal2",
        Assurance::Aal2PhishingResistant => "urn:pushback:aal2:phishing-resistant",
        Assurance::Aal3 => "urn:pushback:aal3",
    }
}
