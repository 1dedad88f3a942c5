//! The owner's own affairs: what is bound, who is known, what happened, who calls.

use pushback_model::{Span, Timestamp};
use pushback_verify::{
    Accepts, Authenticator, AuthenticatorId, AuthenticatorKind, Authority, CallerAnswer,
    CallerCheckId, CodeDigest, Command, DeviceId, NewAuthenticator, Outcome, Purpose, PushState,
    Reason, RecoveryCode, Reporter, SubscriberState, Text, decide,
};
use serde_json::Value;
use webauthn_rs::prelude::{CreationChallengeResponse, RegisterPublicKeyCredential};

use crate::attempts::{AttemptView, Loaded, NewAttempt, Starter, attempt_id};
use crate::binding::{Invitation, code_digest, done};
use crate::capability::Link;
use crate::encoding::sha256;
use crate::phone::Phone;
use crate::record::Beside;
use crate::{App, AppError};

/// Recovery codes in one set.
const RECOVERY_CODES: usize = 10;
/// How far back the history goes.
const HISTORY: Span = Span::days(90);
/// Entries of the trail that the history looks at.
const HISTORY_ENTRIES: usize = 1_000;
/// Items of one page of the history.
const HISTORY_PAGE: usize = 30;

/// What the app shows about its owner.
#[derive(Clone, Debug)]
pub struct Account {
    /// Whose.
    pub subscriber: String,
    /// This phone's name.
    pub label: String,
    /// Since when prompts are suspended, and why.
    pub suspended: Option<(Timestamp, pushback_verify::IncidentCause)>,
    /// Whether the password is known to a stranger.
    pub password_is_burned: bool,
}

/// An authenticator in a list.
#[derive(Clone, Debug)]
pub struct AuthenticatorView {
    /// Its number within this subscriber.
    pub id: u64,
    /// What its owner calls it.
    pub label: String,
    /// Its kind.
    pub kind: AuthenticatorKind,
    /// When it was bound.
    pub bound_at: Timestamp,
    /// Until when it is too new to authorise changes beside what is older, and to be the only one left.
    pub new_until: Option<Timestamp>,
    /// When it last succeeded.
    pub last_used_at: Option<Timestamp>,
    /// Whether too many failures disabled it.
    pub is_disabled: bool,
    /// Whether somebody said that its owner did not bind it: it is suspended.
    pub is_disputed: bool,
    /// Who of the help desk asked that it answers again, and from when on they can confirm alone.
    pub settlement: Option<(String, Timestamp)>,
    /// Whether it is the phone that asks.
    pub is_this: bool,
}

/// A browser or device that is known.
#[derive(Clone, Debug)]
pub struct SessionView {
    /// Its number within this subscriber.
    pub id: u64,
    /// What its browser calls itself.
    pub label: String,
    /// When it first succeeded.
    pub first_at: Timestamp,
    /// When it last did.
    pub last_at: Timestamp,
}

/// A line of the history.
#[derive(Clone, Debug)]
pub struct HistoryItem {
    /// When.
    pub at: Timestamp,
    /// What: the kind of the audit entry.
    pub kind: String,
    /// How it ended, where it is about a prompt.
    pub outcome: Option<String>,
    /// The kind of authenticator that it is about, if it is about one.
    pub authenticator: Option<String>,
    /// The application that asked.
    pub app: Option<String>,
    /// Where it came from: the event's requester.
    pub requester: Value,
}

/// A call that waits for the owner's word.
#[derive(Clone, Debug)]
pub struct CallView {
    /// Which.
    pub id: u64,
    /// Who calls.
    pub who: String,
    /// The code that their console shows too.
    pub code: String,
    /// From then on it is worthless.
    pub expires_at: Timestamp,
}

/// The right to change authenticators, being asked for.
#[derive(Clone, Debug)]
pub struct Management {
    /// The attempt. Its id is the right once a phone has answered it; what is proven on its page is
    /// carried here by the completion, which then is the right.
    pub attempt: AttemptView,
}

impl App {
    /// What the app shows about its owner.
    ///
    /// # Errors
    /// [`AppError::Unauthenticated`] if the phone is bound no longer.
    pub async fn account(&self, phone: &Phone) -> Result<Account, AppError> {
        let (state, _) = self.state(&phone.whom()).await?;
        let this = state.authenticators().iter().find(|a| a.id() == phone.serial);
        let this = this.ok_or(AppError::Unauthenticated)?;
        // A stream that is open asks this before it tells anything new.
        if this.disputed_at().is_some() {
            return Err(AppError::Refused(Reason::AuthenticatorDisputed));
        }
        let label = this.label().to_owned();
        let suspended = match state.push() {
            PushState::Active => None,
            PushState::Suspended { at, cause } => Some((at, cause)),
        };
        let password_is_burned = match state.password() {
            pushback_verify::PasswordMark::Unmarked => false,
            pushback_verify::PasswordMark::Burned { .. } => true,
        };
        let subscriber = phone.who.to_string();
        Ok(Account { subscriber, label, suspended, password_is_burned })
    }

    /// Says that the app was opened: where the phone is counts in the risk decision.
    ///
    /// # Errors
    /// [`AppError::Refused`] if the phone may not be asked.
    pub async fn open_app(&self, phone: &Phone) -> Result<(), AppError> {
        match self.once(phone, &Command::OpenApp(phone.contact())).await? {
            Outcome::App { .. } => Ok(()),
            other => done(other),
        }
    }

    /// A command that a phone's request gives once.
    pub(crate) async fn once(&self, phone: &Phone, command: &Command) -> Result<Outcome, AppError> {
        let with = phone.once(Beside::default());
        let nothing = crate::subscriber::nothing_more;
        Ok(self.decide_once(&phone.whom(), command, &with, &nothing).await?.outcome)
    }

    /// What is bound.
    ///
    /// # Errors
    /// [`AppError`] if the document cannot be read.
    pub async fn authenticators(&self, phone: &Phone) -> Result<Vec<AuthenticatorView>, AppError> {
        let (state, _) = self.state(&phone.whom()).await?;
        let view = |a| AuthenticatorView {
            is_this: phone.serial == Authenticator::id(a),
            ..self.authenticator_view(a)
        };
        Ok(state.authenticators().iter().map(view).collect())
    }

    pub(crate) fn authenticator_view(&self, a: &Authenticator) -> AuthenticatorView {
        let seasoned_at = a.seasoned_at(&self.policy().account);
        AuthenticatorView {
            id: a.id().0,
            label: a.label().to_owned(),
            kind: a.kind(),
            bound_at: a.bound_at(),
            new_until: seasoned_at.filter(|at| self.now() < *at),
            last_used_at: a.last_used_at(),
            is_disabled: a.disabled_at().is_some(),
            is_disputed: a.disputed_at().is_some(),
            settlement: a
                .settlement(self.now())
                .map(|pending| (pending.requested_by.to_string(), pending.ready_at)),
            is_this: false,
        }
    }

    /// The browsers and devices that are known.
    ///
    /// # Errors
    /// [`AppError`] if the document cannot be read.
    pub async fn sessions(&self, phone: &Phone) -> Result<Vec<SessionView>, AppError> {
        let (state, _) = self.state(&phone.whom()).await?;
        let view = |device: &pushback_verify::KnownDevice| SessionView {
            id: device.id().0,
            label: device.label().to_owned(),
            first_at: device.first_at(),
            last_at: device.last_success_at(),
        };
        Ok(state.devices().iter().map(view).collect())
    }

    /// Asks for the right to change authenticators: an attempt like any other, answered with the
    /// strongest authenticator that there is.
    ///
    /// # Errors
    /// [`AppError`]; then there is no attempt.
    pub async fn manage(&self, phone: &Phone) -> Result<Management, AppError> {
        let name = self.inner.name.clone();
        let starter = Starter {
            id: "pushback",
            name: &name,
            purpose: Purpose::ManageAuthenticators,
            phone: Some(phone.serial),
        };
        let new = NewAttempt {
            subscriber: phone.who.to_string(),
            requester: phone.from.clone(),
            browser: None,
            accepts: Accepts::Any,
            return_url: None,
            idempotency_key: None,
        };
        Ok(Management { attempt: self.start(&starter, new).await? })
    }

    /// What a phone hands in as the right to a change: the id of the attempt that it asked for, or the
    /// completion of that.
    // SECURITY: whoever holds a stolen phone can send the page of its attempt to the owner, whose passkey
    // proves it there. The owner's browser alone is told the completion. Guarded by
    // `a_passkey_on_a_page_that_a_stolen_phone_sent_gives_it_no_right`.
    // SECURITY: every phone of the owner is shown the attempt of another, and one that was bound just now may
    // be a thief's. Guarded by `a_right_is_of_the_phone_that_asked_for_it`.
    pub(crate) async fn right(&self, phone: &Phone, right: &str) -> Result<Authority, AppError> {
        let completed = self.inner.keys.open_link(Link::Completion, right, self.now());
        let id = completed.unwrap_or(right);
        let is_theirs = match self.load(id).await {
            Ok(Loaded { record, .. }) => {
                let is_proven = record.success.as_ref().is_some_and(|success| !success.is_carried);
                (completed.is_some() || is_proven) && record.phone == Some(phone.serial.0)
            }
            Err(AppError::NotFound) => false,
            Err(error) => return Err(error),
        };
        if is_theirs {
            Ok(Authority::Subscriber(attempt_id(id)?))
        } else {
            Err(AppError::Refused(Reason::NotAuthorised))
        }
    }

    /// A code that binds another phone of the same owner.
    ///
    /// # Errors
    /// [`AppError::Refused`] without the right to.
    pub async fn invite_own_phone(
        &self,
        phone: &Phone,
        right: &str,
    ) -> Result<Invitation, AppError> {
        let with = phone.once(Beside::default());
        self.binding_code(&phone.who, self.right(phone, right).await?, with).await
    }

    /// Begins to bind a passkey: the ceremony's name and the options for the browser.
    ///
    /// # Errors
    /// [`AppError::Refused`] without the right to.
    pub async fn begin_own_passkey(
        &self,
        phone: &Phone,
        right: &str,
    ) -> Result<(String, CreationChallengeResponse), AppError> {
        let with = phone.once(Beside::default());
        self.begin_binding_passkey(&phone.who, self.right(phone, right).await?, &with).await
    }

    /// Ends it.
    ///
    /// # Errors
    /// [`AppError::Passkey`] if the ceremony failed or is too old.
    pub async fn finish_own_passkey(
        &self,
        phone: &Phone,
        ceremony: &str,
        credential: &RegisterPublicKeyCredential,
        label: &str,
    ) -> Result<AuthenticatorId, AppError> {
        self.finish_binding_passkey(&phone.who, ceremony, credential, label).await
    }

    /// Draws a new set of recovery codes; the old one ends. They are told once.
    ///
    /// # Errors
    /// [`AppError::Refused`] without the right to.
    pub async fn draw_recovery_codes(
        &self,
        phone: &Phone,
        right: &str,
    ) -> Result<Vec<String>, AppError> {
        let codes: Vec<String> = (0..RECOVERY_CODES)
            .map(|_| RecoveryCode::draw(&self.entropy()).reveal().to_owned())
            .collect();
        let binding = pushback_verify::BindingCode::draw(&self.entropy());
        let issue = Command::IssueBindingCode {
            authority: self.right(phone, right).await?,
            kind: AuthenticatorKind::RecoveryCodes,
            code: code_digest(binding.reveal()),
        };
        match self.once(phone, &issue).await? {
            Outcome::BindingCode { .. } => {}
            other => done(other)?,
        }
        let bind = Command::Bind {
            code: code_digest(binding.reveal()),
            authenticator: NewAuthenticator::RecoveryCodes {
                codes: codes.iter().map(|code| recovery_digest(code)).collect(),
            },
            label: Text::new("recovery codes"),
        };
        match self.run(&phone.whom(), &bind).await?.outcome {
            Outcome::Bound { .. } => Ok(codes.iter().map(|code| grouped(code)).collect()),
            other => done(other).map(|()| Vec::new()),
        }
    }

    /// Unties an authenticator.
    ///
    /// # Errors
    /// [`AppError::Refused`] without the right to.
    pub async fn invalidate_own(
        &self,
        phone: &Phone,
        right: &str,
        authenticator: u64,
    ) -> Result<(), AppError> {
        let authenticator = AuthenticatorId(authenticator);
        let command =
            Command::Invalidate { authority: self.right(phone, right).await?, authenticator };
        done(self.once(phone, &command).await?)
    }

    /// Makes a known browser a stranger.
    ///
    /// # Errors
    /// [`AppError::Refused`] without the right to.
    pub async fn forget_session(
        &self,
        phone: &Phone,
        right: &str,
        session: u64,
    ) -> Result<(), AppError> {
        let command = Command::ForgetDevice(self.right(phone, right).await?, DeviceId(session));
        done(self.once(phone, &command).await?)
    }

    /// Prompts are to ring again after a suspension.
    ///
    /// # Errors
    /// [`AppError::Refused`] without the right to.
    pub async fn restore_push(&self, phone: &Phone, right: &str) -> Result<(), AppError> {
        done(self.once(phone, &Command::RestorePush(self.right(phone, right).await?)).await?)
    }

    /// Takes a report outside of a prompt.
    ///
    /// # Errors
    /// [`AppError`] if it could not be taken; say so to the owner.
    pub async fn report(
        &self,
        phone: &Phone,
        notes: pushback_verify::Notes,
    ) -> Result<(), AppError> {
        let command = Command::Report(Reporter::Phone(phone.contact()), notes);
        let known = match phone.known() {
            Some(known) => known,
            None => self.state(&phone.whom()).await?,
        };
        if self.is_reported_already(&known.0, &command) {
            return Ok(());
        }
        match self.once(phone, &command).await? {
            Outcome::Reported { .. } => Ok(()),
            other => done(other),
        }
    }

    /// Whether a report says nothing new about what stands: it is answered as the one before and not
    /// written down.
    // SECURITY: a report is never refused, so whoever has a phone could write into the trail with it without
    // end. Guarded by `a_report_in_a_loop_writes_and_mails_once`.
    pub(crate) fn is_reported_already(&self, state: &SubscriberState, report: &Command) -> bool {
        let (now, entropy) = (self.now(), self.entropy());
        let would = decide(state, report.clone(), now, &entropy, &self.inner.policy);
        matches!(would.outcome, Outcome::Reported { .. }) && would.effects.is_empty()
    }

    /// The call that waits, if any.
    ///
    /// # Errors
    /// [`AppError`] if the document cannot be read.
    pub async fn call(&self, phone: &Phone) -> Result<Option<CallView>, AppError> {
        let (state, _) = self.state(&phone.whom()).await?;
        Ok(state.caller_check(self.now()).map(|check| CallView {
            id: check.id.0,
            who: check.operator_name.to_string(),
            code: check.code().reveal().to_owned(),
            expires_at: check.expires_at,
        }))
    }

    /// The owner's word on a call. `true` if both know each other now.
    ///
    /// # Errors
    /// [`AppError::Refused`] if there is no such call.
    pub async fn answer_call(
        &self,
        phone: &Phone,
        call: u64,
        is_them: bool,
    ) -> Result<bool, AppError> {
        let answer = if is_them { CallerAnswer::CodesMatch } else { CallerAnswer::NotThem };
        let command = Command::AnswerCallerCheck(phone.contact(), CallerCheckId(call), answer);
        match self.once(phone, &command).await? {
            Outcome::CallerVerified => Ok(true),
            Outcome::Reported { .. } => Ok(false),
            other => done(other).map(|()| false),
        }
    }

    /// What happened to this subscriber, newest first, after the first `skip` items: the latest
    /// 1,000 entries of the last 90 days, so that a flood does not hide what it brought.
    ///
    /// # Errors
    /// [`AppError`] if the trail cannot be read.
    pub async fn history(
        &self,
        phone: &Phone,
        skip: usize,
    ) -> Result<(Vec<HistoryItem>, Option<usize>), AppError> {
        let from = self.now() - HISTORY;
        let who = phone.who.as_str();
        let entries = self.inner.store.list_latest_audit_about(who, HISTORY_ENTRIES).await?;
        let mut items = entries
            .iter()
            .filter(|recorded| recorded.entry.at >= from && is_told(&recorded.entry.kind))
            .filter_map(|recorded| item(recorded.entry.at, &recorded.entry.body))
            .skip(skip);
        let page: Vec<HistoryItem> = items.by_ref().take(HISTORY_PAGE).collect();
        let next = items.next().map(|_| skip + page.len());
        Ok((page, next))
    }
}

/// What the owner is told of; the rest is house-keeping.
fn is_told(kind: &str) -> bool {
    const TOLD: [&str; 20] = [
        "prompt_ended",
        "attempt_held",
        "proof_refused",
        "succeeded",
        "reported",
        "push_suspended",
        "push_restored",
        "bound",
        "invalidated",
        "disabled",
        "disputed",
        "settlement_requested",
        "dispute_settled",
        "addresses_changed",
        "role_change_requested",
        "role_changed",
        "recovered",
        "reset_requested",
        "reset_done",
        "caller_check_ended",
    ];
    TOLD.contains(&kind)
}

fn item(at: Timestamp, body: &[u8]) -> Option<HistoryItem> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let details = body.get("details")?;
    let event = body.get("event");
    let word = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let outcome = word(details.get("end")).or_else(|| word(details.get("held")));
    Some(HistoryItem {
        at,
        kind: word(details.get("what"))?,
        outcome,
        authenticator: word(details.get("kind")),
        app: word(event.and_then(|event| event.get("app"))).filter(|app| !app.is_empty()),
        requester: event.and_then(|event| event.get("requester")).cloned().unwrap_or_default(),
    })
}

/// A recovery code in groups of four, easier to copy by hand.
fn grouped(code: &str) -> String {
    let letters: Vec<char> = code.chars().collect();
    letters.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// What the rules keep of a recovery code.
pub(crate) fn recovery_digest(code: &str) -> CodeDigest {
    let plain: String =
        code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
    CodeDigest::new(sha256(format!("pushback-recovery\n{plain}").as_bytes()))
}
