//! Client certificates: what is read of one, and binding it.
//!
//! Whoever terminates mutual TLS in front of the service has checked the chain, the revocation and
//! that the other side holds the key. Here a certificate is known by its public key: that is what the
//! handshake proves. One that was renewed over the same key is the same authenticator; one of another
//! authority's over another key is not. Its own time is looked at whenever it is used.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use pushback_model::Timestamp;
use pushback_store::Change;
use pushback_verify::{
    AuthenticatorId, AuthenticatorKind, BindingCode, CodeDigest, Command, Decision,
    NewAuthenticator, Outcome, Reason, Text,
};
use serde::{Deserialize, Serialize};
use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::time::Time;

use crate::binding::{code_digest, done};
use crate::documents::{Keys, Kind as _};
use crate::encoding::{sha256, to_base64url};
use crate::phone::Phone;
use crate::{App, AppError};

/// The largest certificate that is read, in bytes; one has a few thousand.
const BYTES_MAX: usize = 16 * 1_024;
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Why a certificate does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The bytes are no X.509 certificate, or too many.
    #[error("this is no certificate that can be read")]
    Form,
    /// It does not count yet (`notBefore`).
    #[error("the certificate does not count yet")]
    TooEarly,
    /// It counts no longer (`notAfter`).
    #[error("the certificate has run out")]
    TooLate,
}

/// SHA-256 of a public key (the DER of `SubjectPublicKeyInfo`), base64url.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fingerprint(String);

impl Fingerprint {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A client certificate, as far as it is looked at.
#[derive(Clone, Debug)]
pub struct ClientCertificate {
    fingerprint: Fingerprint,
    key: [u8; 32],
    not_before: Timestamp,
    not_after: Timestamp,
}

impl ClientCertificate {
    /// Reads the DER of a certificate.
    ///
    /// # Errors
    /// [`CertificateError::Form`].
    pub fn parse_der(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > BYTES_MAX {
            return Err(CertificateError::Form);
        }
        let read = Certificate::from_der(der).map_err(|_| CertificateError::Form)?;
        let read = read.tbs_certificate();
        let key = read.subject_public_key_info().to_der().map_err(|_| CertificateError::Form)?;
        let key = sha256(&key);
        let validity = read.validity();
        Ok(Self {
            fingerprint: Fingerprint(to_base64url(&key)),
            key,
            not_before: instant(validity.not_before)?,
            not_after: instant(validity.not_after)?,
        })
    }

    /// Reads the first certificate of a PEM text, or base64 of DER.
    ///
    /// # Errors
    /// [`CertificateError::Form`].
    pub fn parse_text(text: &str) -> Result<Self, CertificateError> {
        let body = match text.split_once(BEGIN) {
            Some((_, rest)) => rest.split_once(END).ok_or(CertificateError::Form)?.0,
            None => text,
        };
        if body.len() > 2 * BYTES_MAX {
            return Err(CertificateError::Form);
        }
        let plain: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let der = BASE64_STANDARD.decode(plain).map_err(|_| CertificateError::Form)?;
        Self::parse_der(&der)
    }

    /// Whether it counts at this instant; both ends are included (RFC 5280, section 4.1.2.5).
    ///
    /// # Errors
    /// [`CertificateError`] if it does not.
    pub fn check(&self, now: Timestamp) -> Result<(), CertificateError> {
        if now < self.not_before {
            Err(CertificateError::TooEarly)
        } else if now >= self.not_after + pushback_model::Span::seconds(1) {
            // It names whole seconds, and the last one counts.
            Err(CertificateError::TooLate)
        } else {
            Ok(())
        }
    }

    pub(crate) const fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }
}

fn instant(time: Time) -> Result<Timestamp, CertificateError> {
    let millis = time.to_unix_duration().as_millis();
    i64::try_from(millis).map(Timestamp::from_millis).map_err(|_| CertificateError::Form)
}

impl App {
    /// Binds a certificate of the same owner.
    ///
    /// # Errors
    /// [`AppError::Certificate`] if it does not count now; [`AppError::Refused`] without the right to.
    pub async fn bind_own_certificate(
        &self,
        phone: &Phone,
        right: &str,
        certificate: &ClientCertificate,
        label: &str,
    ) -> Result<AuthenticatorId, AppError> {
        certificate.check(self.now())?;
        let code = BindingCode::draw(&self.entropy());
        let issue = Command::IssueBindingCode {
            authority: self.right(phone, right).await?,
            kind: AuthenticatorKind::Certificate,
            code: code_digest(code.reveal()),
        };
        match self.once(phone, &issue).await? {
            Outcome::BindingCode { .. } => {}
            other => done(other)?,
        }
        let (keys, version) = self.keys_of(phone.who.as_str()).await?;
        let keep = |decision: &Decision, _: Timestamp, change: Change| {
            let Outcome::Bound { authenticator } = &decision.outcome else { return Ok(change) };
            let mut keys = keys.clone();
            keys.certificates.insert(authenticator.0, certificate.fingerprint.clone());
            Ok(change.put(Keys::key(phone.who.as_str())?, version, keys.bytes()?))
        };
        let bind = Command::Bind {
            code: code_digest(code.reveal()),
            authenticator: NewAuthenticator::Certificate { key: CodeDigest::new(certificate.key) },
            label: Text::new(label),
        };
        match self.decide(&phone.whom(), &bind, &keep).await?.outcome {
            Outcome::Bound { authenticator } => Ok(authenticator),
            Outcome::Refused { reason } => Err(AppError::Refused(reason)),
            // No other outcome belongs to this; whatever it were, nothing is bound.
            _ => Err(AppError::Refused(Reason::NotAuthorised)),
        }
    }
}
