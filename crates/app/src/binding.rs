//! Binding a phone: an operator invites, the phone presents the code and its key.

use pushback_model::Timestamp;
use pushback_store::Change;
use pushback_verify::{
    AddressId, AuthenticatorKind, Authority, BindingCode, CodeDigest, Command, Decision,
    NewAuthenticator, OperatorId, OperatorProof, Outcome, Reason, Text,
};

use crate::attempts::name;
use crate::documents::{AuthenticatorRecord, Keys, Kind};
use crate::encoding::{from_base64url, new_id, sha256, to_base64url};
use crate::proof::{PublicKey, binding_text};
use crate::{App, AppError};

/// What an operator hands to a subscriber.
pub struct Invitation {
    /// Subscriber and binding code, for a link or a QR code: base64url of the name, a dot, the code.
    pub text: String,
    /// From then on it is worthless.
    pub expires_at: Timestamp,
}

/// A phone that wants to be bound.
#[derive(Clone, Debug)]
pub struct NewPhone {
    /// The invitation's text.
    pub invitation: String,
    /// The public half of the key that the phone made.
    pub key: PublicKey,
    /// The signature over [`binding_text`], base64url.
    pub proof: String,
    /// What its owner calls it.
    pub label: String,
}

/// A bound phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundPhone {
    /// Its public id.
    pub id: String,
    /// Whose it is.
    pub subscriber: String,
}

impl App {
    /// Invites a subscriber to bind a phone. `addresses` are set first if there are none yet: notices
    /// of the binding go there, not to the new phone (SP 800-63B-4, 4.1.2.1).
    ///
    /// # Errors
    /// [`AppError`]; a refusal of the rules is the inner `Err`.
    pub async fn invite(
        &self,
        operator: &OperatorId,
        subscriber: &str,
        addresses: &[AddressId],
    ) -> Result<Result<Invitation, Reason>, AppError> {
        let who = name(subscriber)?;
        let proof =
            || OperatorProof::passkey_session(operator.clone(), Text::new(operator.as_str()));
        let nothing = |_: &Decision, _: Timestamp, change: Change| Ok(change);
        if !addresses.is_empty() && self.subscriber(&who).await?.0.addresses().is_empty() {
            let command = Command::SetAddresses {
                authority: Authority::Operator(proof()),
                addresses: addresses.to_vec(),
            };
            if let Outcome::Refused { reason } = self.decide(&who, &command, &nothing).await?.outcome
            {
                return Ok(Err(reason));
            }
        }
        let code = BindingCode::draw(&self.entropy());
        let command = Command::IssueBindingCode {
            authority: Authority::Operator(proof()),
            kind: AuthenticatorKind::Phone,
            code: code_digest(code.reveal()),
        };
        Ok(match self.decide(&who, &command, &nothing).await?.outcome {
            Outcome::BindingCode { expires_at } => {
                let subscriber = to_base64url(who.as_str().as_bytes());
                Ok(Invitation { text: format!("{subscriber}.{}", code.reveal()), expires_at })
            }
            Outcome::Refused { reason } => Err(reason),
            // No other outcome belongs to this; whatever it were, there is no code.
            _ => Err(Reason::NotAuthorised),
        })
    }

    /// Binds a phone.
    ///
    /// # Errors
    /// [`AppError::Unauthenticated`] if the phone did not prove its key; a refusal of the rules is the
    /// inner `Err`, and does not say whether there is such a subscriber.
    pub async fn bind_phone(&self, new: &NewPhone) -> Result<Result<BoundPhone, Reason>, AppError> {
        let text = binding_text(&new.invitation, &new.key);
        new.key.verify(text.as_bytes(), &new.proof).map_err(|_| AppError::Unauthenticated)?;
        let Some((who, code)) = invitation(&new.invitation) else {
            return Ok(Err(Reason::WrongProof));
        };
        let Ok(who) = name(&who) else { return Ok(Err(Reason::WrongProof)) };
        let found = Keys::load(&self.inner.store, who.as_str()).await?;
        let (keys, version) = match found {
            Some((keys, version)) => (keys, Some(version)),
            None => (Keys::default(), None),
        };
        let id = new_id("aut", &*self.inner.entropy);
        let keep = |decision: &Decision, _: Timestamp, change: Change| {
            let Outcome::Bound { authenticator } = &decision.outcome else { return Ok(change) };
            let mut keys = keys.clone();
            keys.phones.insert(authenticator.0, new.key.clone());
            let record =
                AuthenticatorRecord { subscriber: who.to_string(), serial: authenticator.0 };
            Ok(change
                .put(Keys::key(who.as_str())?, version, keys.bytes()?)
                .create(AuthenticatorRecord::key(&id)?, record.bytes()?))
        };
        let key = CodeDigest::new(sha256(new.key.thumbprint().as_bytes()));
        let command = Command::Bind {
            code: code_digest(code),
            authenticator: NewAuthenticator::Phone { key },
            label: Text::new(&new.label),
        };
        Ok(match self.decide(&who, &command, &keep).await?.outcome {
            Outcome::Bound { .. } => Ok(BoundPhone { id: id.clone(), subscriber: who.to_string() }),
            Outcome::Refused { reason } => Err(reason),
            // No other outcome belongs to this; whatever it were, nothing is bound.
            _ => Err(Reason::WrongProof),
        })
    }
}

fn invitation(text: &str) -> Option<(String, &str)> {
    let (subscriber, code) = text.split_once('.')?;
    Some((String::from_utf8(from_base64url(subscriber)?).ok()?, code))
}

/// What the rules keep of a binding code. Case and blanks are forgiven: people type it.
fn code_digest(code: &str) -> CodeDigest {
    let plain: String =
        code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
    CodeDigest::new(sha256(format!("pushback-binding\n{plain}").as_bytes()))
}
