//! Attempts: a relying party asks, and waits for the answer.

mod completion;
mod load;
mod view;

use std::sync::Arc;
use std::time::Duration;

use pushback_model::Timestamp;
use pushback_store::{Answer, Change};
use pushback_verify::{
    Accepts, Alternatives, Attempt, AttemptId, AttemptStatus, AuthenticatorId, Command, Decision,
    DeviceId, KnownDeviceProof, Outcome, PromptEnd, Purpose, Reason, RelyingPartyId, Requester,
    Ring, SubscriberId, SubscriberState, Text,
};

use crate::capability::Link;
use crate::documents::{AttemptRecord, DecisionKind, Kind, StoredDecision, Success};
use crate::encoding::{new_timed_id, sha256, to_base64url};
use crate::record::Beside;
use crate::subscriber::{Ended, With};
use crate::{App, AppError, Claims, RelyingParty};

pub use completion::Browser;
pub(crate) use load::Loaded;
pub use view::{AttemptState, AttemptView, DecisionView, PageView};

/// What the ids of attempts begin with.
pub(crate) const ATTEMPT: &str = "atm";
/// How long an idempotency key counts.
const IDEMPOTENCY_LIFE: pushback_model::Span = pushback_model::Span::hours(24);
/// The most characters of an idempotency key.
const IDEMPOTENCY_KEY_MAX: usize = 128;

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
    /// Where the hosted page sends the browser when it is over.
    pub return_url: Option<String>,
    /// The same key with the same request is one attempt, with another request an error.
    pub idempotency_key: Option<String>,
}

/// Who starts an attempt: a relying party, or a page of our own in its place.
pub(crate) struct Starter<'p> {
    pub id: &'p str,
    pub name: &'p str,
    pub purpose: Purpose,
    /// The bound phone that asks, whose request was signed.
    pub phone: Option<AuthenticatorId>,
}

impl App {
    /// Starts an attempt.
    ///
    /// A name that nobody has gets the answers of somebody who never answers.
    ///
    /// # Errors
    /// [`AppError`]; then there is no attempt.
    pub async fn start_attempt(
        &self,
        party: &RelyingParty,
        new: NewAttempt,
    ) -> Result<AttemptView, AppError> {
        let starter =
            Starter { id: &party.id, name: &party.name, purpose: Purpose::SignIn, phone: None };
        self.start(&starter, new).await
    }

    pub(crate) async fn start(
        &self,
        starter: &Starter<'_>,
        new: NewAttempt,
    ) -> Result<AttemptView, AppError> {
        let name = name(&new.subscriber)?;
        check_return_url(new.return_url.as_deref())?;
        let is_sign_in = starter.purpose == Purpose::SignIn;
        if is_sign_in && new.accepts == Accepts::PhishingResistant && new.return_url.is_none() {
            let what = "phishing_resistant needs a return_url: the browser that proves it comes back there";
            return Err(AppError::Invalid(what.to_owned()));
        }
        let request = self.request(starter.id, &new)?;
        if let Some(request) = &request
            && let Some(before) = self.answered(request).await?
        {
            return self.view(&before).await;
        }
        let (whom, known) = self.whom(&name).await?;
        let device = new.browser.as_deref().and_then(|value| self.known_device(&name, value));
        // The same instant in both: a sweep looks for the record by its id.
        let started_at = self.now();
        let id = new_timed_id(ATTEMPT, started_at, &*self.inner.entropy);
        let (ip, sources) = (new.requester.ip, &self.inner.sources);
        // Nobody sprays with the browsers and phones of those who are asked.
        let others_asked = if device.is_some() || starter.phone.is_some() {
            sources.others(starter.id, ip, name.as_str(), started_at)
        } else {
            sources.asked(starter.id, ip, name.as_str(), started_at)
        };
        let record = AttemptRecord {
            relying_party: starter.id.to_owned(),
            relying_party_name: starter.name.to_owned(),
            subscriber: name.to_string(),
            document: whom.id.to_string(),
            is_decoy: whom.is_decoy,
            purpose: starter.purpose,
            requester: new.requester,
            device: device.map(|device| device.0),
            phone: starter.phone.map(|phone| phone.0),
            phishing_resistant_only: new.accepts == Accepts::PhishingResistant,
            return_url: new.return_url,
            started_at,
            decision: StoredDecision {
                kind: DecisionKind::Refuse,
                reason: None,
                until: None,
                passkey: false,
                totp: false,
            },
            challenge: None,
            challenge_at: None,
            success: None,
            is_cancelled: false,
            others_asked,
            holder: None,
            proofs_refused: 0,
            recoveries: 0,
        };
        let attempt = Attempt {
            id: attempt_id(&id)?,
            purpose: starter.purpose,
            relying_party: RelyingPartyId::parse(starter.id)
                .map_err(|_| AppError::Invalid("the relying party's id is none".to_owned()))?,
            relying_party_name: Text::new(starter.name),
            requester: record.requester.clone(),
            device: own(&name, starter.phone, device),
            accepts: record.accepts(),
            others_asked,
        };
        let key = AttemptRecord::key(&id)?;
        let keep = |decision: &Decision, _: Timestamp, change: Change| {
            let mut record = record.clone();
            record.decision = stored(&decision.outcome);
            Ok(change.create(key.clone(), record.bytes()?))
        };
        let answer = request.as_ref().map(|request| Answer {
            request_key: request.key.clone(),
            request_digest: request.digest,
            body: id.clone().into_bytes(),
            expires_at: self.now() + IDEMPOTENCY_LIFE,
        });
        let with = With { beside: Beside::default(), answer };
        let command = Command::StartAttempt(attempt);
        match self.decide_from(&whom, Some(known), &command, &with, &keep).await? {
            Ended::Decided(decision, version) => {
                let mut record = record;
                record.decision = stored(&decision.outcome);
                if let Some(version) = version {
                    self.inner.attempts.put(key, Arc::new(record.clone()), version, self.now());
                }
                self.view_of(&id, &record, Some(&decision.state))
            }
            // The same request came twice at once: the other one was taken.
            Ended::Answered => {
                let request = request.ok_or(AppError::Contended)?;
                let other = self.answered(&request).await?.ok_or(AppError::Contended)?;
                self.view(&other).await
            }
        }
    }

    fn request(&self, party: &str, new: &NewAttempt) -> Result<Option<Request>, AppError> {
        let Some(key) = &new.idempotency_key else { return Ok(None) };
        if key.is_empty() || key.len() > IDEMPOTENCY_KEY_MAX || !key.is_ascii() {
            let what =
                format!("an idempotency key has 1 to {IDEMPOTENCY_KEY_MAX} ASCII characters");
            return Err(AppError::Invalid(what));
        }
        let said = serde_json::to_vec(&(
            &new.subscriber,
            &new.requester,
            &new.browser,
            new.accepts == Accepts::PhishingResistant,
            &new.return_url,
        ))?;
        Ok(Some(Request { key: format!("{party}/{key}"), digest: sha256(&said) }))
    }

    async fn answered(&self, request: &Request) -> Result<Option<Loaded>, AppError> {
        let Some(found) = self.inner.store.find_answer(&request.key, self.now()).await? else {
            return Ok(None);
        };
        if found.request_digest != request.digest {
            return Err(AppError::KeyReused);
        }
        self.load(&String::from_utf8_lossy(&found.body)).await.map(Some)
    }

    fn known_device(&self, who: &SubscriberId, value: &str) -> Option<DeviceId> {
        let cookie = self.inner.keys.open_device_cookie(value, self.now())?;
        // SECURITY: a cookie of somebody else is no cookie. Guarded by
        // `a_cookie_of_somebody_else_makes_a_stranger`.
        (cookie.subscriber == who.as_str()).then_some(DeviceId(cookie.device))
    }

    /// An attempt of this relying party. With `after`, waits for another version than that one, for at
    /// most `wait`.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for one that does not exist and for another party's alike;
    /// [`AppError::Unauthenticated`] if the party was taken out meanwhile, or has another secret.
    pub async fn attempt(
        &self,
        party: &RelyingParty,
        id: &str,
        after: Option<&str>,
        wait: Duration,
    ) -> Result<AttemptView, AppError> {
        let loaded = self.load_of(party, id).await?;
        self.changed(loaded, Some(party), after, wait).await.map(|(_, view)| view)
    }

    /// The same for the hosted page.
    ///
    /// # Errors
    /// [`AppError::NotFound`] unless the secret is ours.
    pub async fn page(
        &self,
        secret: &str,
        after: Option<&str>,
        wait: Duration,
    ) -> Result<PageView, AppError> {
        let loaded = self.load_page(secret).await?;
        let (loaded, attempt) = self.changed(loaded, None, after, wait).await?;
        Ok(page_view(&loaded.record, attempt))
    }

    /// Waits until the attempt looks different, for a party only as long as it is one.
    async fn changed(
        &self,
        mut loaded: Loaded,
        party: Option<&RelyingParty>,
        after: Option<&str>,
        wait: Duration,
    ) -> Result<(Loaded, AttemptView), AppError> {
        if loaded.record.success.is_some() {
            // The subscriber's document has nothing to add, and a success stays.
            let view = self.view_without(&loaded)?;
            if after != Some(&*view.version) || wait.is_zero() {
                return Ok((loaded, view));
            }
        }
        let until = tokio::time::Instant::now() + wait;
        let whom = loaded.whom()?;
        let id = attempt_id(&loaded.id)?;
        loop {
            // Begun before reading, so that nothing between is missed.
            let mut watch = self.inner.store.watch(&whom.key()?);
            let (state, _) = self.state(&whom).await?;
            loaded = match party {
                Some(party) => self.load_of(party, &loaded.id).await?,
                None => self.load(&loaded.id).await?,
            };
            let view = self.view_in(&loaded, &state)?;
            let left = until.saturating_duration_since(tokio::time::Instant::now());
            if after != Some(&*view.version) || left.is_zero() {
                return Ok((loaded, view));
            }
            // A prompt that nobody answers ends without anybody's doing.
            let ends_in = match state.attempt(&id, self.now()) {
                AttemptStatus::Open { expires_at, .. } => {
                    let millis = expires_at.as_millis() - self.now().as_millis();
                    Duration::from_millis(u64::try_from(millis).unwrap_or(0).max(1))
                }
                AttemptStatus::Over(_) | AttemptStatus::Unknown => left,
            };
            let _ = tokio::time::timeout(left.min(ends_in), watch.changed()).await;
        }
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
        let loaded = self.load_of(party, id).await?;
        self.cancel(&loaded).await
    }

    /// Gives an attempt up, on its hosted page.
    ///
    /// # Errors
    /// As [`App::page`].
    pub async fn cancel_page(&self, secret: &str) -> Result<AttemptView, AppError> {
        let loaded = self.load_page(secret).await?;
        self.cancel(&loaded).await
    }

    async fn cancel(&self, loaded: &Loaded) -> Result<AttemptView, AppError> {
        let (whom, command) = (loaded.whom()?, Command::CancelAttempt(attempt_id(&loaded.id)?));
        let known = self.state(&whom).await?;
        // SECURITY: without a prompt there is nothing that the rules could end, but a passkey must not
        // verify what was given up. Guarded by `a_passkey_comes_too_late_for_what_is_over`.
        let view = self.view_in(loaded, &known.0)?;
        // SECURITY: whoever has the page's address could write into the trail without end. Guarded by
        // `what_is_over_is_given_up_without_a_trace`.
        if !view.state.is_live() {
            return Ok(view);
        }
        let is_held = view.state == AttemptState::Held;
        let keep = |_: &Decision, _: Timestamp, change: Change| {
            if !is_held {
                return Ok(change);
            }
            let record = AttemptRecord { is_cancelled: true, ..(*loaded.record).clone() };
            Ok(change.update(AttemptRecord::key(&loaded.id)?, loaded.version, record.bytes()?))
        };
        match self.decide_from(&whom, Some(known), &command, &With::default(), &keep).await? {
            // Read anew: it may have been verified just before.
            Ended::Decided(decision, _) => {
                self.view_in(&self.load(&loaded.id).await?, &decision.state)
            }
            // Nothing here counts once only.
            Ended::Answered => Err(AppError::Contended),
        }
    }

    pub(crate) async fn view(&self, loaded: &Loaded) -> Result<AttemptView, AppError> {
        let (state, _) = self.state(&loaded.whom()?).await?;
        self.view_in(loaded, &state)
    }

    pub(crate) fn view_in(
        &self,
        loaded: &Loaded,
        subscriber: &SubscriberState,
    ) -> Result<AttemptView, AppError> {
        if loaded.is_of_nobody() {
            return Ok(self.view_of_nobodys(&loaded.id));
        }
        self.view_of(&loaded.id, &loaded.record, Some(subscriber))
    }

    /// The view of an attempt that was verified.
    fn view_without(&self, loaded: &Loaded) -> Result<AttemptView, AppError> {
        if loaded.is_of_nobody() {
            return Ok(self.view_of_nobodys(&loaded.id));
        }
        self.view_of(&loaded.id, &loaded.record, None)
    }

    /// The view of an attempt whose relying party was taken out.
    // SECURITY: nobody is to prove anything for it, nor be told that it was proven. Guarded by
    // `attempts_end_with_the_application_that_asked`.
    fn view_of_nobodys(&self, id: &str) -> AttemptView {
        AttemptView {
            id: id.to_owned(),
            version: "removed".to_owned(),
            state: AttemptState::Cancelled,
            decision: DecisionView::Refused(Reason::ApplicationRemoved),
            can_use_passkey: false,
            can_use_totp: false,
            can_use_certificate: false,
            page_url: self.page_url(id),
            token: None,
            browser: None,
            completion: None,
        }
    }

    /// The view of an attempt; of one that was verified without its subscriber's document.
    fn view_of(
        &self,
        id: &str,
        record: &AttemptRecord,
        subscriber: Option<&SubscriberState>,
    ) -> Result<AttemptView, AppError> {
        let (attempt, now) = (attempt_id(id)?, self.now());
        let status = subscriber.map_or(AttemptStatus::Unknown, |s| s.attempt(&attempt, now));
        let state = match (&record.success, status) {
            (Some(success), _) if success.is_carried => AttemptState::Proven,
            (Some(_), _) => AttemptState::Verified,
            (None, AttemptStatus::Open { .. }) => AttemptState::Pending,
            (None, AttemptStatus::Over(end)) => ended(end),
            (None, AttemptStatus::Unknown) => match record.decision.kind {
                // Its prompt is so long over that the document has forgotten it.
                DecisionKind::Prompt | DecisionKind::Quiet => AttemptState::Expired,
                DecisionKind::PasskeyOnly | DecisionKind::Wait | DecisionKind::Refuse => {
                    AttemptState::Held
                }
            },
        };
        let is_given_up = state == AttemptState::Held && record.is_cancelled;
        let state = if is_given_up { AttemptState::Cancelled } else { state };
        let code = subscriber.and_then(|s| s.code_for(&attempt, now));
        let code = code.map(|code| code.reveal().to_owned());
        let decision = decision_view(&record.decision, code);
        // SECURITY: whoever waits need not be whoever proved: a page's address can be sent to the owner,
        // who would sign the sender in with a passkey. Guarded by
        // `a_passkey_on_a_page_that_somebody_sent_signs_nobody_else_in`.
        let told = record.success.as_ref().filter(|success| !success.is_carried);
        let token = told.map(|success| self.token(id, record, success)).transpose()?;
        let browser = told.and_then(|success| success.browser.clone());
        let seen = format!(
            "{} {decision:?} {} {}",
            state.name(),
            code_is_shown(&decision),
            record.takes_more_proofs(state),
        );
        Ok(AttemptView {
            id: id.to_owned(),
            version: to_base64url(sha256(seen.as_bytes()).get(..6).unwrap_or_default()),
            state,
            decision,
            can_use_passkey: record.decision.passkey && record.takes_page_proofs(state),
            can_use_totp: record.takes_a_code(state),
            can_use_certificate: record.takes_more_proofs(state),
            page_url: self.page_url(id),
            token,
            browser,
            completion: None,
        })
    }

    /// The address of an attempt's hosted page.
    pub(crate) fn page_url(&self, id: &str) -> String {
        let secret = self.inner.keys.link(Link::SignIn, id, self.now());
        self.address(&format!("/sign-in/{secret}"))
    }

    fn token(
        &self,
        id: &str,
        record: &AttemptRecord,
        success: &Success,
    ) -> Result<String, AppError> {
        let claims = Claims {
            iss: self.address(""),
            aud: record.relying_party.clone(),
            sub: record.subscriber.clone(),
            iat: 0,
            exp: 0,
            auth_time: success.at.as_millis().div_euclid(1_000),
            jti: success.token_id.clone(),
            attempt: id.to_owned(),
            acr: success.acr.clone(),
            amr: success.amr.clone(),
        };
        // Counted from the success, not from when somebody asks: a token cannot be had for ever.
        Ok(self.inner.keys.sign(&claims.issued(success.at), self.now())?)
    }
}

/// What the attempt comes from, if it is the subscriber's own: their signed request, or their cookie.
pub(crate) fn own(
    who: &SubscriberId,
    phone: Option<AuthenticatorId>,
    device: Option<DeviceId>,
) -> Option<KnownDeviceProof> {
    phone
        .map(|phone| KnownDeviceProof::phone_signed(who.clone(), phone))
        .or_else(|| device.map(|device| KnownDeviceProof::mac_verified(who.clone(), device)))
}

fn page_view(record: &AttemptRecord, attempt: AttemptView) -> PageView {
    PageView {
        attempt,
        application: record.relying_party_name.clone(),
        is_management: record.purpose == Purpose::ManageAuthenticators,
        return_url: record.return_url.clone(),
        started_at: record.started_at,
        is_elsewhere: false,
        browser: None,
    }
}

/// A request that counts once.
struct Request {
    key: String,
    digest: [u8; 32],
}

const fn code_is_shown(decision: &DecisionView) -> bool {
    matches!(decision, DecisionView::Prompt { code: Some(_), .. })
}

fn stored(outcome: &Outcome) -> StoredDecision {
    let plain = |kind, reason, until, alternatives: &Alternatives| StoredDecision {
        kind,
        reason,
        until,
        passkey: alternatives.passkey,
        totp: alternatives.totp,
    };
    match outcome {
        Outcome::Prompted(prompted) => {
            let (kind, reason) = match prompted.ring {
                Ring::Rang | Ring::Replaced => (DecisionKind::Prompt, None),
                Ring::Quiet(reason) => (DecisionKind::Quiet, Some(reason)),
            };
            plain(kind, reason, Some(prompted.expires_at), &prompted.alternatives)
        }
        Outcome::Wait { until, reason, alternatives } => {
            plain(DecisionKind::Wait, Some(*reason), Some(*until), alternatives)
        }
        Outcome::PasskeyOnly { reason, alternatives } => {
            plain(DecisionKind::PasskeyOnly, Some(*reason), None, alternatives)
        }
        Outcome::Refused { reason } => {
            plain(DecisionKind::Refuse, Some(*reason), None, &Alternatives::default())
        }
        // A new attempt has no other outcome; whatever it were, it is no success.
        _ => plain(DecisionKind::Refuse, Some(Reason::NotFound), None, &Alternatives::default()),
    }
}

fn decision_view(stored: &StoredDecision, code: Option<String>) -> DecisionView {
    let reason = stored.reason.unwrap_or(Reason::NotFound);
    let until = stored.until.unwrap_or(Timestamp::from_millis(0));
    match stored.kind {
        DecisionKind::Prompt => DecisionView::Prompt { code, expires_at: until, quiet: None },
        DecisionKind::Quiet => {
            DecisionView::Prompt { code, expires_at: until, quiet: Some(reason) }
        }
        DecisionKind::Wait => DecisionView::Wait { until, reason },
        DecisionKind::PasskeyOnly => DecisionView::PasskeyOnly(reason),
        DecisionKind::Refuse => DecisionView::Refused(reason),
    }
}

/// How an attempt stands whose prompt ended like this. Nothing here is a success: that is the
/// commit's to say, in the attempt's own record.
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

/// A subscriber's name as it is kept: in small letters, without blanks around it.
// SECURITY: letters outside ASCII have small ones inside it (the Kelvin sign a "k"), so that folding those too
// would make one person's name of another text. Guarded by `a_letter_outside_ascii_makes_nobodys_name`.
pub(crate) fn name(text: &str) -> Result<SubscriberId, AppError> {
    SubscriberId::parse(&text.trim().to_ascii_lowercase()).map_err(|error| {
        AppError::Invalid(format!("the subscriber's name cannot be used: {error}"))
    })
}

pub(crate) fn attempt_id(text: &str) -> Result<AttemptId, AppError> {
    AttemptId::parse(text).map_err(|_| AppError::NotFound)
}

/// Only addresses that a browser opens as pages, and over an encrypted connection or on this machine.
// SECURITY: the hosted page makes a link of it; `javascript:` would run in our origin. And the address
// carries the completion, which stands for the browser that proved the sign-in: whoever reads along must
// not have it. Guarded by `a_return_url_is_a_web_address` and `a_completion_does_not_travel_in_the_clear`.
fn check_return_url(url: Option<&str>) -> Result<(), AppError> {
    let Some(text) = url else { return Ok(()) };
    let is_page = url::Url::parse(text).is_ok_and(|url| {
        let is_private = url.scheme() == "https" || url.scheme() == "http" && is_this_machine(&url);
        is_private && url.has_host() && url.username().is_empty()
    });
    if is_page && text.len() <= 2_048 {
        return Ok(());
    }
    let what = "return_url is an https address of up to 2,048 bytes without a user name, or http on \
                localhost for a trial";
    Err(AppError::Invalid(what.to_owned()))
}

/// Whether a browser that goes there stays on the machine that it runs on.
fn is_this_machine(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}
