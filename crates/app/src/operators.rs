//! Those who administer: invited on the command line, signed in with a passkey and nothing else.

use pushback_model::{Span, Timestamp};
use pushback_store::{Change, Commit, Version};
use pushback_verify::{OperatorId, OperatorProof, Text};
use serde::{Deserialize, Serialize};
use serde_json::json;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, DiscoverableKey, Passkey, PublicKeyCredential,
    RegisterPublicKeyCredential, RequestChallengeResponse, Uuid,
};

use crate::ceremonies::is_embedded;
use crate::documents::Kind;
use crate::encoding::{new_id, sha256, to_base64url};
use crate::models::Binding;
use crate::passkeys::CEREMONY_LIFE;
use crate::refused_sign_ins::Tried;
use crate::{App, AppError};

/// A session ends after this (SP 800-63B-4, 2.3.3, for AAL3: at most 12 hours).
const SESSION_LIFE: Span = Span::hours(12);
/// And after so long without a request (15 minutes there).
const SESSION_IDLE: Span = Span::minutes(15);
/// How much older than the last write a use must be to be written.
const SESSION_TOUCH: Span = Span::minutes(1);
/// How long an invitation counts.
const INVITATION_LIFE: Span = Span::hours(1);

/// An administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// The name.
    pub id: OperatorId,
    /// Whether a passkey is bound.
    pub has_passkey: bool,
}

impl Operator {
    /// For the rules: the session is fresh and was opened with a passkey.
    pub(crate) fn proof(id: &OperatorId) -> OperatorProof {
        OperatorProof::passkey_session(id.clone(), Text::new(id.as_str()))
    }
}

/// A session of an administrator.
#[derive(Clone, Debug)]
pub struct OperatorSession {
    /// Who.
    pub operator: OperatorId,
    /// What a form must bring back.
    pub csrf: String,
}

impl OperatorSession {
    /// For the rules.
    #[must_use]
    pub fn proof(&self) -> OperatorProof {
        Operator::proof(&self.operator)
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct OperatorRecord {
    name: String,
    /// Tells this administrator from another who had or will have the same name.
    #[serde(default)]
    generation: String,
    #[serde(default)]
    passkeys: Vec<Passkey>,
    #[serde(default)]
    invitation: Option<Invitation>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Invitation {
    /// Of the code.
    digest: String,
    expires_at: Timestamp,
    #[serde(default)]
    ceremony: Option<Binding>,
}

impl Kind for OperatorRecord {
    const NAME: &'static str = "operator";
}

/// A sign-in that has begun; used once.
#[derive(Serialize, Deserialize)]
struct SignIn {
    challenge: DiscoverableAuthentication,
    expires_at: Timestamp,
}

impl Kind for SignIn {
    const NAME: &'static str = "operator-sign-in";
}

#[derive(Clone, Serialize, Deserialize)]
struct SessionRecord {
    operator: String,
    /// Of the administrator who signed in.
    #[serde(default)]
    generation: String,
    began_at: Timestamp,
    used_at: Timestamp,
}

impl Kind for SessionRecord {
    const NAME: &'static str = "operator-session";
}

impl App {
    /// Invites somebody to administer. The link works once, for an hour; who has it can do everything,
    /// so it is made on the command line of the machine only.
    ///
    /// # Errors
    /// [`AppError::Invalid`] for what is no name.
    pub async fn invite_operator(&self, by: &OperatorId, name: &str) -> Result<String, AppError> {
        let id = operator_id(name)?;
        let (code, digest) = self.secret();
        let found = OperatorRecord::load(&self.inner.store, id.as_str()).await?;
        let (mut record, version) = match found {
            Some((record, version)) => (record, Some(version)),
            None => {
                let name = id.to_string();
                let generation = new_id("opg", &*self.inner.entropy);
                let record =
                    OperatorRecord { name, generation, passkeys: Vec::new(), invitation: None };
                (record, None)
            }
        };
        let expires_at = self.now() + INVITATION_LIFE;
        record.invitation = Some(Invitation { digest, expires_at, ceremony: None });
        let change = Change::at(self.now())
            .put(OperatorRecord::key(id.as_str())?, version, record.bytes()?)
            .audit(self.chore(by, "operator_invited", id.as_str(), json!({}))?);
        self.write(change).await?;
        Ok(self.address(&format!("/admin/enrol#{id}.{code}")))
    }

    /// All administrators.
    ///
    /// # Errors
    /// [`AppError`] if they cannot be read.
    pub async fn operators(&self) -> Result<Vec<Operator>, AppError> {
        let page = self.inner.store.list(OperatorRecord::NAME, None, 1_000).await?;
        page.documents
            .iter()
            .map(|(id, document)| {
                let (record, _) = OperatorRecord::read(document)?;
                Ok(Operator { id: operator_id(id)?, has_passkey: !record.passkeys.is_empty() })
            })
            .collect()
    }

    /// Takes an administrator out. All sessions end with them, also for whoever is invited under the
    /// same name later.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub async fn delete_operator(&self, by: &OperatorId, name: &str) -> Result<(), AppError> {
        let id = operator_id(name)?;
        let found = OperatorRecord::load(&self.inner.store, id.as_str()).await?;
        let (_, version) = found.ok_or(AppError::NotFound)?;
        let change = Change::at(self.now())
            .delete(OperatorRecord::key(id.as_str())?, version)
            .audit(self.chore(by, "operator_deleted", id.as_str(), json!({}))?);
        self.write(change).await
    }

    /// Whose invitation it is. One that is none is written down.
    async fn invited(&self, invitation: &str) -> Result<(OperatorRecord, Version), AppError> {
        let found = self.find_invited(invitation).await;
        if let Err(AppError::Unauthenticated) = found {
            self.note_refused(Tried::Invitation).await?;
        }
        found
    }

    async fn find_invited(&self, invitation: &str) -> Result<(OperatorRecord, Version), AppError> {
        let (name, code) = invitation.split_once('.').ok_or(AppError::Unauthenticated)?;
        let id = operator_id(name).map_err(|_| AppError::Unauthenticated)?;
        let given = to_base64url(&sha256(code.as_bytes()));
        let found = OperatorRecord::load(&self.inner.store, id.as_str()).await?;
        let (record, version) = found.ok_or(AppError::Unauthenticated)?;
        let invited = record.invitation.as_ref().ok_or(AppError::Unauthenticated)?;
        let (right, given) = (invited.digest.as_bytes(), given.as_bytes());
        aws_lc_rs::constant_time::verify_slices_are_equal(right, given)
            .map_err(|_| AppError::Unauthenticated)?;
        if self.now() >= invited.expires_at {
            return Err(AppError::Unauthenticated);
        }
        Ok((record, version))
    }

    /// Begins to bind an administrator's passkey.
    ///
    /// # Errors
    /// [`AppError::Unauthenticated`] unless the invitation is right, fresh and unused.
    pub async fn begin_operator(&self, invitation: &str) -> Result<serde_json::Value, AppError> {
        let (mut record, version) = self.invited(invitation).await?;
        let user = Uuid::from_bytes(self.inner.keys.handle("operator", &record.name));
        let (options, ceremony) =
            self.inner.models.begin(&self.inner.webauthn, (user, &record.name), None)?;
        // Administrators sign in without typing a name, so that the page cannot tell who is one.
        let mut options = serde_json::to_value(options)?;
        let choice = options.pointer_mut("/publicKey/authenticatorSelection");
        let choice = choice.and_then(serde_json::Value::as_object_mut).ok_or(AppError::Passkey)?;
        choice.insert("residentKey".to_owned(), "required".into());
        choice.insert("requireResidentKey".to_owned(), true.into());
        if let Some(invited) = &mut record.invitation {
            invited.ceremony = Some(ceremony);
        }
        let key = OperatorRecord::key(&record.name)?;
        self.write(Change::at(self.now()).update(key, version, record.bytes()?)).await?;
        Ok(options)
    }

    /// Ends it: the invitation is used up.
    ///
    /// # Errors
    /// [`AppError::Passkey`] if the ceremony failed; [`AppError::PasskeyModel`].
    pub async fn finish_operator(
        &self,
        invitation: &str,
        credential: &RegisterPublicKeyCredential,
    ) -> Result<Operator, AppError> {
        let (mut record, version) = self.invited(invitation).await?;
        let ceremony =
            record.invitation.take().and_then(|i| i.ceremony).ok_or(AppError::Passkey)?;
        let passkey = self.inner.models.finish(&self.inner.webauthn, credential, &ceremony)?;
        record.passkeys.push(passkey);
        let id = operator_id(&record.name)?;
        let change = Change::at(self.now())
            .update(OperatorRecord::key(id.as_str())?, version, record.bytes()?)
            .audit(self.chore(&id, "operator_passkey_bound", id.as_str(), json!({}))?);
        self.write(change).await?;
        Ok(Operator { id, has_passkey: true })
    }

    /// Begins an administrator's sign-in: the ceremony's name and the options.
    ///
    /// # Errors
    /// [`AppError`] if the ceremony cannot be kept.
    pub async fn begin_operator_sign_in(
        &self,
    ) -> Result<(String, RequestChallengeResponse), AppError> {
        let begun = self.inner.webauthn.start_discoverable_authentication();
        let (mut options, challenge) = begun.map_err(|_| AppError::Passkey)?;
        // Asked for by a button, not offered in a field.
        options.mediation = None;
        let id = new_id("ops", &*self.inner.entropy);
        let sign_in = SignIn { challenge, expires_at: self.now() + CEREMONY_LIFE };
        let change = Change::at(self.now()).create(SignIn::key(&id)?, sign_in.bytes()?);
        self.write(change).await?;
        Ok((id, options))
    }

    /// Ends it: the value of the session cookie. What fails is written down.
    ///
    /// # Errors
    /// [`AppError::Unauthenticated`] unless an administrator's passkey, with its user verified,
    /// answered this very ceremony.
    pub async fn finish_operator_sign_in(
        &self,
        ceremony: &str,
        credential: &PublicKeyCredential,
    ) -> Result<String, AppError> {
        let ended = self.end_operator_sign_in(ceremony, credential).await;
        if let Err(AppError::Unauthenticated) = ended {
            self.note_refused(Tried::SignIn).await?;
        }
        ended
    }

    async fn end_operator_sign_in(
        &self,
        ceremony: &str,
        credential: &PublicKeyCredential,
    ) -> Result<String, AppError> {
        let found = SignIn::load(&self.inner.store, ceremony).await?;
        let (sign_in, version) = found.ok_or(AppError::Unauthenticated)?;
        let used_up = Change::at(self.now()).delete(SignIn::key(ceremony)?, version);
        self.write(used_up).await.map_err(|_| AppError::Unauthenticated)?;
        let client_data = credential.response.client_data_json.as_ref();
        if self.now() >= sign_in.expires_at || is_embedded(client_data) {
            return Err(AppError::Unauthenticated);
        }
        let webauthn = &self.inner.webauthn;
        let (user, credential_id) = webauthn
            .identify_discoverable_authentication(credential)
            .map_err(|_| AppError::Unauthenticated)?;
        let mut found = None;
        for operator in self.operators().await? {
            let handle = self.inner.keys.handle("operator", operator.id.as_str());
            if Uuid::from_bytes(handle) == user {
                found = OperatorRecord::load(&self.inner.store, operator.id.as_str()).await?;
            }
        }
        let (mut record, version) = found.ok_or(AppError::Unauthenticated)?;
        let key = record.passkeys.iter().find(|key| key.cred_id().as_slice() == credential_id);
        let key = DiscoverableKey::from(key.ok_or(AppError::Unauthenticated)?);
        let done = webauthn
            .finish_discoverable_authentication_v2(credential, sign_in.challenge, &key)
            .map_err(|_| AppError::Unauthenticated)?;
        // SECURITY: administrators prove two factors. Guarded by
        // `an_administrator_signs_in_with_a_passkey_that_verified_its_user`.
        if !done.user_verified() {
            return Err(AppError::Unauthenticated);
        }
        let mut is_newer = false;
        for key in &mut record.passkeys {
            is_newer |= key.update_credential(&done).unwrap_or(false);
        }
        let id = operator_id(&record.name)?;
        let (secret, digest) = self.secret();
        let now = self.now();
        let generation = record.generation.clone();
        let operator = id.to_string();
        let session = SessionRecord { operator, generation, began_at: now, used_at: now };
        let mut change = Change::at(now)
            .create(SessionRecord::key(&digest)?, session.bytes()?)
            .audit(self.chore(&id, "operator_signed_in", id.as_str(), json!({}))?);
        if is_newer {
            let key = OperatorRecord::key(id.as_str())?;
            change = change.update(key, version, record.bytes()?);
        }
        self.write(change).await?;
        Ok(secret)
    }

    pub(crate) async fn operator_passkeys(&self, name: &str) -> Result<Vec<Passkey>, AppError> {
        let found = OperatorRecord::load(&self.inner.store, name).await?;
        Ok(found.ok_or(AppError::NotFound)?.0.passkeys)
    }

    /// Whose session it is, by the value of the cookie.
    ///
    /// # Errors
    /// [`AppError::Unauthenticated`] if there is none or it has ended.
    pub async fn operator_session(&self, cookie: &str) -> Result<OperatorSession, AppError> {
        let digest = to_base64url(&sha256(cookie.as_bytes()));
        let found = SessionRecord::load(&self.inner.store, &digest).await?;
        let (mut record, version) = found.ok_or(AppError::Unauthenticated)?;
        let now = self.now();
        if now >= record.began_at + SESSION_LIFE || now >= record.used_at + SESSION_IDLE {
            return Err(AppError::Unauthenticated);
        }
        let operator = OperatorRecord::load(&self.inner.store, &record.operator).await?;
        // SECURITY: a name that is given again does not bring a stolen cookie back. Guarded by
        // `a_session_ends_with_its_administrator_also_if_the_name_is_invited_again`.
        if operator.is_none_or(|(operator, _)| operator.generation != record.generation) {
            return Err(AppError::Unauthenticated);
        }
        if now >= record.used_at + SESSION_TOUCH {
            record.used_at = now;
            let change =
                Change::at(now).update(SessionRecord::key(&digest)?, version, record.bytes()?);
            // Another request of the same session was faster: as good.
            let _: Commit = self.inner.store.commit(change).await?;
        }
        let csrf = to_base64url(&sha256(format!("pushback-csrf\n{cookie}").as_bytes()));
        Ok(OperatorSession { operator: operator_id(&record.operator)?, csrf })
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`AppError`] if it could not be ended.
    pub async fn end_operator_session(&self, cookie: &str) -> Result<(), AppError> {
        let digest = to_base64url(&sha256(cookie.as_bytes()));
        let Some((_, version)) = SessionRecord::load(&self.inner.store, &digest).await? else {
            return Ok(());
        };
        self.write(Change::at(self.now()).delete(SessionRecord::key(&digest)?, version)).await
    }

    /// Ends all sessions and sign-ins that have begun; gives how many.
    pub(crate) async fn end_operator_sessions(&self) -> Result<usize, AppError> {
        let sessions = self.take_out_all::<SessionRecord>().await?;
        Ok(sessions + self.take_out_all::<SignIn>().await?)
    }

    /// Ends all invitations; gives how many.
    pub(crate) async fn end_operator_invitations(&self) -> Result<usize, AppError> {
        let (mut ended, mut after) = (0, None);
        loop {
            let page = self.inner.store.list(OperatorRecord::NAME, after.as_deref(), 500).await?;
            for (id, document) in &page.documents {
                let (mut record, version) = OperatorRecord::read(document)?;
                if record.invitation.take().is_some() {
                    let key = OperatorRecord::key(id)?;
                    let change = Change::at(self.now()).update(key, version, record.bytes()?);
                    self.write(change).await?;
                    ended += 1;
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(ended);
            }
        }
    }

    /// Takes out sessions and ceremonies that have ended.
    pub(crate) async fn sweep_sessions(&self) -> Result<(), AppError> {
        let now = self.now();
        let sessions = self.sweep_all(|record: &SessionRecord| {
            now >= record.began_at + SESSION_LIFE || now >= record.used_at + SESSION_IDLE
        });
        let sign_ins = self.sweep_all(|record: &SignIn| now >= record.expires_at);
        [sessions.await, sign_ins.await].into_iter().collect()
    }
}

fn operator_id(name: &str) -> Result<OperatorId, AppError> {
    let id = OperatorId::parse(&name.trim().to_ascii_lowercase());
    let id = id.map_err(|error| {
        AppError::Invalid(format!("the administrator's name cannot be used: {error}"))
    })?;
    if id.as_str().contains('.') {
        return Err(AppError::Invalid("an administrator's name has no dot in it".to_owned()));
    }
    Ok(id)
}
