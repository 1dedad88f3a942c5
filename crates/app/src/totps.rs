//! Binding another app with codes by time: its secret is shown once, and counts once a code is typed.

use pushback_model::Timestamp;
use pushback_store::{Change, Version};
use pushback_verify::{
    AuthenticatorId, AuthenticatorKind, BindingCode, CodeDigest, Command, Decision,
    NewAuthenticator, Outcome, Reason, Text,
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::binding::{code_digest, refused};
use crate::documents::{Keys, Kind};
use crate::encoding::{new_id, sha256};
use crate::phone::Phone;
use crate::record::Beside;
use crate::subscriber::Whom;
use crate::totp::{SECRET_BYTES, TotpSecret, matching_step};
use crate::{App, AppError};

/// Wrong codes that end a secret which is to be bound.
const WRONG_MAX: u8 = 5;

/// A secret, for another app. It is shown this once.
pub struct NewTotp {
    /// The name of the ceremony.
    pub ceremony: String,
    /// The secret in 32 letters and digits, for an app that cannot read a picture.
    pub secret: Zeroizing<String>,
    /// The `otpauth:` address, for a picture.
    pub uri: Zeroizing<String>,
    /// From then on it cannot be bound.
    pub expires_at: Timestamp,
}

/// A secret that waits for its first code. The store seals it like every body.
#[derive(Serialize, Deserialize)]
pub(crate) struct PendingTotp {
    whose: String,
    /// The binding code that allows it; nobody is told.
    code: String,
    secret: TotpSecret,
    expires_at: Timestamp,
    #[serde(default)]
    wrong: u8,
}

impl Kind for PendingTotp {
    const NAME: &'static str = "pending-totp";
}

impl App {
    /// Makes a secret for another app of the same owner.
    ///
    /// # Errors
    /// [`AppError::Refused`] without the right to.
    pub async fn begin_own_totp(&self, phone: &Phone, right: &str) -> Result<NewTotp, AppError> {
        let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
        self.inner.entropy.fill(bytes.as_mut_slice());
        let secret = TotpSecret::new(*bytes);
        let code = BindingCode::draw(&self.entropy());
        let ceremony = new_id("otp", &*self.inner.entropy);
        let keep = |decision: &Decision, _: Timestamp, change: Change| {
            let Outcome::BindingCode { expires_at } = &decision.outcome else { return Ok(change) };
            let pending = PendingTotp {
                whose: phone.who.to_string(),
                code: code.reveal().to_owned(),
                secret: secret.clone(),
                expires_at: *expires_at,
                wrong: 0,
            };
            Ok(change.create(PendingTotp::key(&ceremony)?, pending.bytes()?))
        };
        let command = Command::IssueBindingCode {
            authority: self.right(phone, right).await?,
            kind: AuthenticatorKind::Totp,
            code: code_digest(code.reveal()),
        };
        let whom = Whom::subscriber(phone.who.clone());
        let with = phone.once(Beside::default());
        match self.decide_once(&whom, &command, &with, &keep).await?.outcome {
            Outcome::BindingCode { expires_at } => Ok(NewTotp {
                secret: secret.base32(),
                uri: secret.uri(self.name(), phone.who.as_str()),
                ceremony,
                expires_at,
            }),
            // No other outcome belongs to this; whatever it were, nothing may be bound.
            other => Err(refused(other)),
        }
    }

    /// Binds the app, if the code is the one that it shows now.
    ///
    /// # Errors
    /// [`AppError::Refused`]: with `WrongProof` for another code, with `CodeExpired` if the secret is
    /// too old, was bound, or has had too many wrong codes.
    pub async fn finish_own_totp(
        &self,
        phone: &Phone,
        ceremony: &str,
        typed: &str,
        label: &str,
    ) -> Result<AuthenticatorId, AppError> {
        let over = || AppError::Refused(Reason::CodeExpired);
        let found = PendingTotp::load(&self.inner.store, ceremony).await?;
        let (pending, version) = found.ok_or_else(over)?;
        // SECURITY: a secret on a screen that was left open must not be bound later, nor by somebody
        // else. Guarded by `a_secret_that_waits_ends_after_ten_minutes`.
        if pending.whose != phone.who.as_str() || self.now() >= pending.expires_at {
            return Err(over());
        }
        let Some(step) = matching_step(&pending.secret, &plain(typed), unix_s(self.now())) else {
            self.count_wrong(ceremony, pending, version).await?;
            return Err(AppError::Refused(Reason::WrongProof));
        };
        let (keys, keys_version) = self.keys_of(phone.who.as_str()).await?;
        let keep = |decision: &Decision, _: Timestamp, change: Change| {
            let change = change.delete(PendingTotp::key(ceremony)?, version);
            let Outcome::Bound { authenticator } = &decision.outcome else { return Ok(change) };
            let mut keys = keys.clone();
            keys.totps.insert(authenticator.0, pending.secret.clone());
            Ok(change.put(Keys::key(phone.who.as_str())?, keys_version, keys.bytes()?))
        };
        let command = Command::Bind {
            code: code_digest(&pending.code),
            authenticator: NewAuthenticator::Totp { key: digest(&pending.secret), step },
            label: Text::new(label),
        };
        let whom = Whom::subscriber(phone.who.clone());
        match self.decide(&whom, &command, &keep).await?.outcome {
            Outcome::Bound { authenticator } => Ok(authenticator),
            Outcome::Refused { reason } => Err(AppError::Refused(reason)),
            // No other outcome belongs to this; whatever it were, nothing is bound.
            _ => Err(AppError::Refused(Reason::NotAuthorised)),
        }
    }

    async fn count_wrong(
        &self,
        ceremony: &str,
        pending: PendingTotp,
        version: Version,
    ) -> Result<(), AppError> {
        let pending = PendingTotp { wrong: pending.wrong.saturating_add(1), ..pending };
        let (change, key) = (Change::at(self.now()), PendingTotp::key(ceremony)?);
        self.write(if pending.wrong >= WRONG_MAX {
            change.delete(key, version)
        } else {
            change.update(key, version, pending.bytes()?)
        })
        .await
    }

    /// Takes out secrets that nobody bound.
    pub(crate) async fn sweep_totps(&self) -> Result<(), AppError> {
        let now = self.now();
        self.sweep_all(|pending: &PendingTotp| now >= pending.expires_at).await
    }
}

/// What the rules keep of a secret.
fn digest(secret: &TotpSecret) -> CodeDigest {
    let mut bytes = Zeroizing::new(b"pushback-totp\n".to_vec());
    bytes.extend(secret.bytes());
    CodeDigest::new(sha256(&bytes))
}

/// A code without the blank that apps show in its middle.
pub(crate) fn plain(typed: &str) -> String {
    typed.chars().filter(|c| !c.is_whitespace()).take(16).collect()
}

/// Unix time in whole seconds; nothing before 1970.
pub(crate) fn unix_s(at: Timestamp) -> u64 {
    u64::try_from(at.as_millis().div_euclid(1_000)).unwrap_or(0)
}
