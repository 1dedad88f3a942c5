//! Attempts: a relying party asks, and waits for the answer.

use std::time::Duration;

use pushback_model::Timestamp;
use pushback_store::{Change, Key, Version};
use pushback_verify::{
    Accepts, Attempt, AttemptId, AttemptStatus, Command, Decision, KnownDeviceProof, Outcome,
    PromptEnd, Purpose, Reason, RelyingPartyId, Requester, Ring, SubscriberId, SubscriberState,
    Text,
};

use crate::capability::Link;
use crate::documents::{AttemptRecord, Kind, Success};
use crate::encoding::new_id;
use crate::{App, AppError, Claims, RelyingParty};

/// What a relying party says of a sign-in.
#[derive(Clone, Debug)]
pub struct NewAttempt {
    /// Whose sign-in, by the name that the relying party uses.
    pub subscriber: String,
    /// Who asks, as the relying party saw them.
    pub requester: Requester,
    /// The value of the device cookie that the browser sent, if any.
    pub browser: Option<String>,
    /// What the relying party accepts.
    pub accepts: Accepts,
}

/// Where an attempt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptState {
    /// A prompt is open.
    Pending,
    /// There is no prompt; the decision says why and what to do.
    Held,
    /// The subscriber has proven themselves.
    Verified,
    /// The subscriber said no, or too many wrong codes did.
    Denied,
    /// The subscriber said no and reported it.
    Reported,
    /// Nobody answered in time, or another attempt took its place.
    Expired,
    /// The relying party gave up.
    Cancelled,
}

/// What the rules decided when the attempt began.
#[derive(Clone, Debug)]
pub enum DecisionView {
    /// Show this code and wait.
    Prompt {
        /// The match code, for the sign-in screen only.
        code: String,
        /// From then on it is worthless.
        expires_at: Timestamp,
        /// Why the phone does not ring, if it does not: the owner opens the app.
        quiet: Option<Reason>,
    },
    /// Ask again from then on.
    Wait {
        /// When.
        until: Timestamp,
        /// Why.
        reason: Reason,
    },
    /// Only a passkey gets in.
    PasskeyOnly(Reason),
    /// No.
    Refused(Reason),
}

/// An attempt, as its relying party sees it.
#[derive(Clone, Debug)]
pub struct AttemptView {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub state: AttemptState,
    /// What was decided; only when it has just begun.
    pub decision: Option<DecisionView>,
    /// The secret of its hosted page.
    pub page: String,
    /// The signed token, if it was verified.
    pub token: Option<String>,
    /// The device cookie that the browser is to keep, if it was verified.
    pub browser: Option<String>,
}

impl App {
    /// Starts an attempt.
    ///
    /// A subscriber whom nobody knows gets the answer of one without a phone.
    ///
    /// # Errors
    /// [`AppError`]; then there is no attempt.
    pub async fn start_attempt(
        &self,
        party: &RelyingParty,
        new: NewAttempt,
    ) -> Result<AttemptView, AppError> {
        let who = name(&new.subscriber)?;
        let id = new_id("atm", &*self.inner.entropy);
        let attempt = Attempt {
            id: attempt_id(&id)?,
            purpose: Purpose::SignIn,
            relying_party: RelyingPartyId::parse(&party.id)
                .map_err(|_| AppError::Name("the relying party's id"))?,
            relying_party_name: Text::new(&party.name),
            requester: new.requester,
            device: new.browser.and_then(|value| self.known_device(&who, &value)),
            accepts: new.accepts,
            others_asked: 0,
        };
        let record = AttemptRecord {
            relying_party: party.id.clone(),
            subscriber: who.to_string(),
            started_at: self.now(),
            success: None,
        };
        let (key, bytes) = (AttemptRecord::key(&id)?, record.bytes()?);
        let keep =
            |_: &Decision, _: Timestamp, change: Change| Ok(change.create(key.clone(), bytes.clone()));
        let decision = self.decide(&who, &Command::StartAttempt(attempt), &keep).await?;
        let (state, view) = match decision.outcome {
            Outcome::Prompted(prompted) => {
                let quiet = match prompted.ring {
                    Ring::Rang | Ring::Replaced => None,
                    Ring::Quiet(reason) => Some(reason),
                };
                let code = prompted.code.reveal().to_owned();
                let view = DecisionView::Prompt { code, expires_at: prompted.expires_at, quiet };
                (AttemptState::Pending, view)
            }
            Outcome::Wait { until, reason, .. } => {
                (AttemptState::Held, DecisionView::Wait { until, reason })
            }
            Outcome::PasskeyOnly { reason, .. } => {
                (AttemptState::Held, DecisionView::PasskeyOnly(reason))
            }
            Outcome::Refused { reason } => (AttemptState::Held, DecisionView::Refused(reason)),
            // A new attempt has no other outcome; whatever it were, it is no success.
            _ => (AttemptState::Held, DecisionView::Refused(Reason::NotFound)),
        };
        let page = self.inner.capabilities.link(Link::SignIn, &id);
        Ok(AttemptView { id, state, decision: Some(view), page, token: None, browser: None })
    }

    fn known_device(&self, who: &SubscriberId, value: &str) -> Option<KnownDeviceProof> {
        let cookie = self.inner.capabilities.open_device_cookie(value, self.now())?;
        // SECURITY: the cookie's own subscriber goes into the proof, so that the rules refuse one that
        // belongs to somebody else. Guarded by `a_cookie_of_somebody_else_makes_a_stranger`.
        let owner = SubscriberId::parse(&cookie.subscriber).ok()?;
        let device = pushback_verify::DeviceId(cookie.device);
        (owner == *who).then(|| KnownDeviceProof::mac_verified(owner, device))
    }

    /// An attempt of this relying party.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for one that does not exist and for another party's alike.
    pub async fn attempt(&self, party: &RelyingParty, id: &str) -> Result<AttemptView, AppError> {
        let (record, _) = self.attempt_record(party, id).await?;
        let who = name(&record.subscriber)?;
        let (state, _) = self.subscriber(&who).await?;
        self.view(party, id, &record, &state)
    }

    /// The same, but waits for it to end, for at most `wait`.
    ///
    /// # Errors
    /// As [`App::attempt`].
    pub async fn await_attempt(
        &self,
        party: &RelyingParty,
        id: &str,
        wait: Duration,
    ) -> Result<AttemptView, AppError> {
        let until = self.now().as_millis() + i64::try_from(wait.as_millis()).unwrap_or(i64::MAX / 2);
        let (record, _) = self.attempt_record(party, id).await?;
        let who = name(&record.subscriber)?;
        loop {
            let (state, version) = self.subscriber(&who).await?;
            let (record, _) = self.attempt_record(party, id).await?;
            let view = self.view(party, id, &record, &state)?;
            let left = until - self.now().as_millis();
            if view.state != AttemptState::Pending || left <= 0 {
                return Ok(view);
            }
            // A prompt that nobody answers ends without anybody's doing.
            let ends_in = match state.attempt(&attempt_id(id)?, self.now()) {
                AttemptStatus::Open { expires_at, .. } => {
                    expires_at.as_millis() - self.now().as_millis()
                }
                AttemptStatus::Over(_) | AttemptStatus::Unknown => 0,
            };
            let pause = u64::try_from(left.min(ends_in.max(1))).unwrap_or(1);
            self.changed(&who, version, Duration::from_millis(pause)).await?;
        }
    }

    async fn changed(
        &self,
        who: &SubscriberId,
        known: Option<Version>,
        wait: Duration,
    ) -> Result<(), AppError> {
        let key = Key::new("subscriber", who.as_str())?;
        self.inner.store.wait_for_change(&key, known, wait).await?;
        Ok(())
    }

    /// Gives an attempt up.
    ///
    /// # Errors
    /// As [`App::attempt`].
    pub async fn cancel_attempt(
        &self,
        party: &RelyingParty,
        id: &str,
    ) -> Result<AttemptView, AppError> {
        let (record, _) = self.attempt_record(party, id).await?;
        let who = name(&record.subscriber)?;
        let nothing = |_: &Decision, _: Timestamp, change: Change| Ok(change);
        let command = Command::CancelAttempt(attempt_id(id)?);
        let decision = self.decide(&who, &command, &nothing).await?;
        self.view(party, id, &record, &decision.state)
    }

    async fn attempt_record(
        &self,
        party: &RelyingParty,
        id: &str,
    ) -> Result<(AttemptRecord, Version), AppError> {
        let found = match AttemptRecord::key(id) {
            Ok(_) => AttemptRecord::load(&self.inner.store, id).await?,
            Err(_) => None,
        };
        found.filter(|(record, _)| record.relying_party == party.id).ok_or(AppError::NotFound)
    }

    fn view(
        &self,
        party: &RelyingParty,
        id: &str,
        record: &AttemptRecord,
        subscriber: &SubscriberState,
    ) -> Result<AttemptView, AppError> {
        let state = match (&record.success, subscriber.attempt(&attempt_id(id)?, self.now())) {
            (Some(_), _) => AttemptState::Verified,
            (None, AttemptStatus::Open { .. }) => AttemptState::Pending,
            (None, AttemptStatus::Over(end)) => ended(end),
            (None, AttemptStatus::Unknown) => AttemptState::Held,
        };
        let token = match &record.success {
            Some(success) => Some(self.token(party, id, record, success)?),
            None => None,
        };
        let browser = record.success.as_ref().map(|success| success.browser.clone());
        let page = self.inner.capabilities.link(Link::SignIn, id);
        Ok(AttemptView { id: id.to_owned(), state, decision: None, page, token, browser })
    }

    fn token(
        &self,
        party: &RelyingParty,
        id: &str,
        record: &AttemptRecord,
        success: &Success,
    ) -> Result<String, AppError> {
        let claims = Claims {
            iss: self.inner.issuer.clone(),
            aud: party.id.clone(),
            sub: record.subscriber.clone(),
            iat: 0,
            exp: 0,
            auth_time: success.at.as_millis().div_euclid(1_000),
            jti: success.token_id.clone(),
            attempt: id.to_owned(),
            context_digest: success.context_digest.clone(),
            acr: success.acr.clone(),
            amr: success.amr.clone(),
        };
        // Counted from the success, not from when somebody asks: a token cannot be had for ever.
        Ok(self.inner.tokens.sign(&claims.issued(success.at))?)
    }
}

/// How an attempt stands whose prompt ended like this. Nothing here is a success: that is the commit's
/// to say, in the attempt's own record.
const fn ended(end: PromptEnd) -> AttemptState {
    match end {
        PromptEnd::Denied | PromptEnd::Mismatched => AttemptState::Denied,
        PromptEnd::Reported => AttemptState::Reported,
        PromptEnd::Cancelled => AttemptState::Cancelled,
        PromptEnd::SteppedUp => AttemptState::Held,
        PromptEnd::Approved
        | PromptEnd::Overtaken
        | PromptEnd::Expired
        | PromptEnd::ClockWentBack
        | PromptEnd::TakenOver => AttemptState::Expired,
    }
}

pub(crate) fn name(text: &str) -> Result<SubscriberId, AppError> {
    SubscriberId::parse(&text.to_lowercase()).map_err(|_| AppError::Name("the subscriber"))
}

pub(crate) fn attempt_id(text: &str) -> Result<AttemptId, AppError> {
    AttemptId::parse(text).map_err(|_| AppError::NotFound)
}
