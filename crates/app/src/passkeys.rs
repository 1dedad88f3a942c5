//! Passkeys: the ceremonies of WebAuthn, for attempts and for binding.

use pushback_model::{Span, Timestamp};
use pushback_store::Change;
use pushback_verify::{
    AuthenticatorId, AuthenticatorKind, Authority, BindingCode, CodeDigest, Command, Decision,
    NewAuthenticator, Outcome, PasskeyAssertion, PasskeySync, Reason, SubscriberId, Text,
    UserVerification,
};
use webauthn_rs::prelude::{
    CreationChallengeResponse, Passkey, PasskeyAuthentication, PublicKeyCredential,
    RegisterPublicKeyCredential, RequestChallengeResponse, Uuid,
};

use crate::attempts::{AttemptView, Loaded};
use crate::binding::{code_digest, refused};
use crate::ceremonies::{has_changed, is_embedded};
use crate::documents::{AttemptRecord, Keys, Kind, Registration};
use crate::encoding::{new_id, sha256};
use crate::subscriber::{Whom, With};
use crate::{App, AppError};

/// How long a ceremony may take (WebAuthn level 3, 5.1.3: 5 minutes where a user is verified).
pub(crate) const CEREMONY_LIFE: Span = Span::minutes(5);

impl App {
    /// Begins the use of a passkey for the attempt of a hosted page.
    ///
    /// # Errors
    /// [`AppError::NotFound`] unless the secret is ours; [`AppError::Refused`] if no passkey is bound
    /// or the attempt is over.
    pub async fn begin_passkey(&self, secret: &str) -> Result<RequestChallengeResponse, AppError> {
        let loaded = self.load_page(secret).await?;
        if !self.view(&loaded).await?.can_use_passkey {
            return Err(AppError::Refused(Reason::NotBound));
        }
        let keys = self.keys(&loaded).await?.0;
        let passkeys: Vec<Passkey> = keys.passkeys.into_values().collect();
        let (options, challenge) = self
            .inner
            .webauthn
            .start_passkey_authentication(&passkeys)
            .map_err(|_| AppError::Passkey)?;
        self.keep_challenge(&loaded, Some(challenge)).await?;
        Ok(options)
    }

    /// Ends the use of a passkey. A challenge counts once, right or wrong, and for five minutes.
    ///
    /// # Errors
    /// [`AppError::Passkey`] if the ceremony failed; [`AppError::Refused`] if the rules say no.
    pub async fn finish_passkey(
        &self,
        secret: &str,
        credential: &PublicKeyCredential,
    ) -> Result<AttemptView, AppError> {
        let loaded = self.load_page(secret).await?;
        let challenge = loaded.record.challenge.clone().ok_or(AppError::Passkey)?;
        // SECURITY: what is over stays over, or whoever waited for it was told something else. Guarded
        // by `a_passkey_comes_too_late_for_what_is_over`.
        if !self.view(&loaded).await?.can_use_passkey {
            return Err(AppError::Passkey);
        }
        // SECURITY: an attempt that is held lives for a day, and what was signed for it and caught on the way
        // must not. Guarded by `a_passkeys_challenge_counts_for_five_minutes`.
        let begun_at = loaded.record.challenge_at;
        let is_fresh = begun_at.is_some_and(|begun_at| self.now() < begun_at + CEREMONY_LIFE);
        let done = self.inner.webauthn.finish_passkey_authentication(credential, &challenge);
        let is_embedded = is_embedded(credential.response.client_data_json.as_ref());
        let done = done.ok().filter(|_| is_fresh && !is_embedded);
        let (keys, version) = self.keys(&loaded).await?;
        let found = done.and_then(|done| {
            let mut bound = keys.passkeys.iter();
            let (serial, key) = bound.find(|(_, key)| key.cred_id() == done.cred_id())?;
            (!has_changed(key, &done)).then_some((*serial, key_proof(key), done))
        });
        // SECURITY: a challenge that could be tried again would make guesses free. Guarded by
        // `a_passkey_signs_in_and_its_challenge_counts_once`.
        let Some((serial, key_proof, done)) = found else {
            self.keep_challenge(&loaded, None).await?;
            return Err(AppError::Passkey);
        };
        let whom = loaded.whom()?;
        let attempt = loaded.attempt()?;
        let user = if done.user_verified() {
            UserVerification::Verified
        } else {
            UserVerification::PresentOnly
        };
        let assertion = PasskeyAssertion::ceremony_verified(
            whom.id.clone(),
            AuthenticatorId(serial),
            attempt.id.clone(),
            user,
        );
        let token_id = new_id("tok", &*self.inner.entropy);
        let keep = |decision: &Decision, now: Timestamp, change: Change| {
            let mut record = (*loaded.record).clone();
            (record.challenge, record.challenge_at) = (None, None);
            if let Outcome::Verified(verified) = &decision.outcome {
                let amr = [key_proof, "user"];
                let how = self.success(&whom.id, verified, decision, now, &amr, &token_id);
                record.success = Some(how.on_the_page());
            }
            let mut change =
                change.update(AttemptRecord::key(&loaded.id)?, loaded.version, record.bytes()?);
            // The counter of the authenticator tells a copy of it.
            let mut keys = keys.clone();
            let is_newer = keys
                .passkeys
                .get_mut(&serial)
                .and_then(|key| key.update_credential(&done))
                .unwrap_or(false);
            if is_newer {
                change = change.put(Keys::key(whom.id.as_str())?, version, keys.bytes()?);
            }
            Ok(change)
        };
        let command = Command::ProvePasskey(attempt, assertion);
        let decision = self.decide(&whom, &command, &keep).await?;
        match decision.outcome {
            Outcome::Verified(_) => self.proven(&loaded.id, &decision.state).await,
            Outcome::Refused { reason } | Outcome::PasskeyOnly { reason, .. } => {
                Err(AppError::Refused(reason))
            }
            // No other outcome belongs to this; whatever it were, it is no success.
            _ => Err(AppError::Refused(Reason::NotFound)),
        }
    }

    async fn keys(
        &self,
        loaded: &Loaded,
    ) -> Result<(Keys, Option<pushback_store::Version>), AppError> {
        self.keys_of(loaded.whom()?.id.as_str()).await
    }

    pub(crate) async fn keys_of(
        &self,
        subscriber: &str,
    ) -> Result<(Keys, Option<pushback_store::Version>), AppError> {
        let found = Keys::load(&self.inner.store, subscriber).await?;
        Ok(found.map_or((Keys::default(), None), |(keys, version)| (keys, Some(version))))
    }

    async fn keep_challenge(
        &self,
        loaded: &Loaded,
        challenge: Option<PasskeyAuthentication>,
    ) -> Result<(), AppError> {
        let challenge_at = challenge.is_some().then(|| self.now());
        let record = AttemptRecord { challenge, challenge_at, ..(*loaded.record).clone() };
        let key = AttemptRecord::key(&loaded.id)?;
        self.write(Change::at(self.now()).update(key, loaded.version, record.bytes()?)).await
    }

    /// Begins to bind a passkey: the options for the browser, and the name of the ceremony.
    ///
    /// # Errors
    /// [`AppError::Refused`] if the rules say that nothing may be bound now.
    pub(crate) async fn begin_binding_passkey(
        &self,
        who: &SubscriberId,
        authority: Authority,
        with: &With,
    ) -> Result<(String, CreationChallengeResponse), AppError> {
        let code = BindingCode::draw(&self.entropy());
        let (keys, _) = self.keys_of(who.as_str()).await?;
        let exclude = keys.passkeys.values().map(|key| key.cred_id().clone()).collect();
        let whose = (self.user(who), who.as_str());
        let (options, state) =
            self.inner.models.begin(&self.inner.webauthn, whose, Some(exclude))?;
        let id = new_id("reg", &*self.inner.entropy);
        let registration = Registration {
            whose: who.to_string(),
            code: code.reveal().to_owned(),
            state,
            expires_at: self.now() + CEREMONY_LIFE,
        };
        let keep = |decision: &Decision, _: Timestamp, change: Change| {
            let is_issued = matches!(decision.outcome, Outcome::BindingCode { .. });
            if !is_issued {
                return Ok(change);
            }
            Ok(change.create(Registration::key(&id)?, registration.bytes()?))
        };
        let command = Command::IssueBindingCode {
            authority,
            kind: AuthenticatorKind::Passkey,
            code: code_digest(code.reveal()),
        };
        let whom = Whom::subscriber(who.clone());
        match self.decide_once(&whom, &command, with, &keep).await?.outcome {
            Outcome::BindingCode { .. } => Ok((id, options)),
            // No other outcome belongs to this; whatever it were, nothing may be bound.
            other => Err(refused(other)),
        }
    }

    /// Ends it: the passkey is bound.
    ///
    /// # Errors
    /// [`AppError::Passkey`] if the ceremony failed or is too old; [`AppError::PasskeyModel`];
    /// [`AppError::Refused`].
    pub(crate) async fn finish_binding_passkey(
        &self,
        who: &SubscriberId,
        ceremony: &str,
        credential: &RegisterPublicKeyCredential,
        label: &str,
    ) -> Result<AuthenticatorId, AppError> {
        let found = Registration::load(&self.inner.store, ceremony).await?;
        let (registration, version) = found.ok_or(AppError::Passkey)?;
        if registration.whose != who.as_str() || self.now() >= registration.expires_at {
            return Err(AppError::Passkey);
        }
        let passkey =
            self.inner.models.finish(&self.inner.webauthn, credential, &registration.state)?;
        let (keys, keys_version) = self.keys_of(who.as_str()).await?;
        let keep = |decision: &Decision, _: Timestamp, change: Change| {
            let change = change.delete(Registration::key(ceremony)?, version);
            let Outcome::Bound { authenticator } = &decision.outcome else { return Ok(change) };
            let mut keys = keys.clone();
            keys.passkeys.insert(authenticator.0, passkey.clone());
            Ok(change.put(Keys::key(who.as_str())?, keys_version, keys.bytes()?))
        };
        let command = Command::Bind {
            code: code_digest(&registration.code),
            authenticator: NewAuthenticator::Passkey {
                key: CodeDigest::new(sha256(passkey.cred_id().as_ref())),
                sync: sync(&passkey),
            },
            label: Text::new(label),
        };
        match self.decide(&Whom::subscriber(who.clone()), &command, &keep).await?.outcome {
            Outcome::Bound { authenticator } => Ok(authenticator),
            Outcome::Refused { reason } => Err(AppError::Refused(reason)),
            // No other outcome belongs to this; whatever it were, nothing is bound.
            _ => Err(AppError::Refused(Reason::WrongProof)),
        }
    }

    /// The handle under which authenticators know a person: no name, and the same every time.
    fn user(&self, who: &SubscriberId) -> Uuid {
        Uuid::from_bytes(self.inner.keys.handle("subscriber", who.as_str()))
    }
}

/// Whether a passkey can leave its device: its backup eligibility flag (WebAuthn level 3, 6.1.3).
pub(crate) fn sync(passkey: &Passkey) -> PasskeySync {
    let credential = webauthn_rs::prelude::Credential::from(passkey.clone());
    if credential.backup_eligible { PasskeySync::Syncable } else { PasskeySync::DeviceBound }
}

/// How a token calls the proof of a passkey's key (RFC 8176): `hwk` is for keys that hardware keeps.
// SECURITY: a relying party that asks for hardware must not take a key that a provider copies to wherever its
// account is. Guarded by `a_passkey_that_may_be_synced_is_not_told_as_a_hardware_key`.
fn key_proof(passkey: &Passkey) -> &'static str {
    match sync(passkey) {
        PasskeySync::Syncable => "swk",
        PasskeySync::DeviceBound => "hwk",
    }
}
