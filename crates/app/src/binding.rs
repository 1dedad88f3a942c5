//! Binding a phone: somebody with the right to do so draws a code, the phone presents it and its key.

use pushback_model::{Span, Timestamp};
use pushback_store::{Change, Version};
use pushback_verify::{
    AddressId, AuthenticatorKind, Authority, BindingCode, BindingLink, CodeDigest, Command,
    Decision, NewAuthenticator, OperatorProof, Outcome, Reason, SubscriberId, Text,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use url::Url;

use crate::attempts::name;
use crate::documents::{AuthenticatorRecord, Keys, Kind, PhoneKey};
use crate::encoding::{new_id, sha256, to_base64url};
use crate::mailbox::is_mailbox;
use crate::proof::{PublicKey, binding_text};
use crate::subscriber::{Ended, Whom, With};
use crate::{App, AppError};

/// How long a used or forgotten code's entry stays at most.
const CODE_ENTRY_LIFE: Span = Span::hours(1);

/// What is handed to a subscriber.
pub struct Invitation {
    /// The binding code, as people type it beside their name: `ABCDE-FGHJK`.
    pub code: String,
    /// What binds without a name: too long to be guessed, and to be typed.
    pub secret: String,
    /// A link with the secret in it, for a QR code.
    pub link: String,
    /// From then on it is worthless.
    pub expires_at: Timestamp,
}

impl Invitation {
    /// The link at another address of this service than its origin.
    #[must_use]
    pub fn link_at(&self, origin: &Url) -> String {
        link_at(origin, &self.secret)
    }
}

fn link_at(origin: &Url, secret: &str) -> String {
    // SECURITY: behind the `#` the secret is sent to no server and stands in no server's log.
    format!("{}/app#bind={secret}", origin.as_str().trim_end_matches('/'))
}

/// A phone that wants to be bound.
#[derive(Clone, Debug)]
pub struct NewPhone {
    /// The binding code, or the secret of the link.
    pub code: String,
    /// Whose it is to be, with a code that was typed; a link's secret needs no name.
    pub subscriber: Option<String>,
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

/// Whose binding code it is, by the digest of name and code, or of the link's secret.
#[derive(Serialize, Deserialize)]
pub(crate) struct CodeRecord {
    subscriber: String,
    /// What the rules keep of it, whichever way it came.
    code: CodeDigest,
    pub(crate) expires_at: Timestamp,
}

impl Kind for CodeRecord {
    const NAME: &'static str = "binding-code";
}

/// Where notices go. The rules know the names of the addresses only.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Contact {
    #[serde(default)]
    pub addresses: BTreeMap<String, String>,
    /// Those of before the last changes, and until when they are kept.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    former: BTreeMap<String, (String, Timestamp)>,
}

impl Contact {
    /// How long an address is kept that is one no longer: until what the change says has left, however
    /// long the mailer does not answer.
    const KEPT: Span = Span::days(7);

    /// Where a notice to an address of this name goes: nowhere, if an earlier version took two for one.
    // SECURITY: guarded by `two_addresses_that_were_taken_for_one_are_not_mailed_to`.
    pub(crate) fn address(&self, id: &str) -> Option<&String> {
        let former = || self.former.get(id).map(|(address, _)| address);
        self.addresses.get(id).or_else(former).filter(|address| is_mailbox(address))
    }

    /// The same, if it is still one.
    pub(crate) fn current(&self, id: &str) -> Option<&String> {
        self.addresses.get(id).filter(|address| is_mailbox(address))
    }

    /// The contact after these. SECURITY: who loses an address is told there, or whoever changes it
    /// would go unseen. Guarded by `the_old_address_is_mailed_about_the_change`.
    fn after(mut self, before: Self, now: Timestamp) -> Self {
        let until = now + Self::KEPT;
        let left = before.addresses.into_iter().map(|(id, address)| (id, (address, until)));
        self.former = before.former.into_iter().chain(left).collect();
        self.former.retain(|id, (_, until)| *until > now && !self.addresses.contains_key(id));
        self
    }
}

impl Kind for Contact {
    const NAME: &'static str = "contact";
}

impl App {
    /// Where notices about a subscriber go; nowhere for a name that nobody has.
    ///
    /// # Errors
    /// [`AppError::Invalid`] for what is no name.
    pub async fn notice_addresses(&self, subscriber: &str) -> Result<Vec<String>, AppError> {
        let found = Contact::load(&self.inner.store, name(subscriber)?.as_str()).await?;
        Ok(found.map_or_else(Vec::new, |(contact, _)| contact.addresses.into_values().collect()))
    }

    /// Sets where notices about a subscriber go: at least two addresses (SP 800-63B-4, 4.1.2.1).
    ///
    /// # Errors
    /// [`AppError::Refused`] if the rules say no; [`AppError::Invalid`] for what is no address.
    pub async fn set_addresses(
        &self,
        by: OperatorProof,
        subscriber: &str,
        addresses: &[String],
    ) -> Result<(), AppError> {
        let who = name(subscriber)?;
        let mut contact = Contact::default();
        let mut ids = Vec::new();
        for address in addresses {
            let address = address.trim();
            if !is_mailbox(address) {
                return Err(AppError::Invalid(format!("{address:?} is no mail address")));
            }
            // SECURITY: two spellings of one mailbox are one address, or notices would go to one place
            // only. Guarded by `two_spellings_of_one_address_are_one`.
            let digest = sha256(address.to_lowercase().as_bytes());
            let digest = to_base64url(digest.get(..9).unwrap_or_default());
            let id = format!("mail:{digest}");
            ids.push(AddressId::parse(&id).map_err(|_| AppError::NotFound)?);
            contact.addresses.insert(id, address.to_owned());
        }
        let (before, found) = Contact::load(&self.inner.store, who.as_str())
            .await?
            .map_or((Contact::default(), None), |(contact, version)| (contact, Some(version)));
        let contact = contact.after(before, self.now());
        let keep = |decision: &Decision, _: Timestamp, change: Change| {
            if !matches!(decision.outcome, Outcome::Done) {
                return Ok(change);
            }
            Ok(change.put(Contact::key(who.as_str())?, found, contact.bytes()?))
        };
        let authority = Authority::Operator(by);
        let command = Command::SetAddresses { authority, addresses: ids };
        done(self.decide(&Whom::subscriber(who.clone()), &command, &keep).await?.outcome)
    }

    /// Invites a subscriber to bind a phone.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a name that nobody has; [`AppError::Refused`] if the rules say no.
    pub async fn invite(
        &self,
        by: OperatorProof,
        subscriber: &str,
    ) -> Result<Invitation, AppError> {
        let who = name(subscriber)?;
        if self.state(&Whom::subscriber(who.clone())).await?.1.is_none() {
            return Err(AppError::NotFound);
        }
        self.binding_code(&who, Authority::Operator(by), With::default()).await
    }

    pub(crate) async fn binding_code(
        &self,
        who: &SubscriberId,
        authority: Authority,
        with: With,
    ) -> Result<Invitation, AppError> {
        // Two draws: whoever reads the code over a shoulder knows nothing of the link.
        let code = BindingCode::draw(&self.entropy());
        let secret = BindingLink::draw(&self.entropy());
        let digest = code_digest(code.reveal());
        let keep = |decision: &Decision, _: Timestamp, change: Change| {
            let Outcome::BindingCode { expires_at } = &decision.outcome else { return Ok(change) };
            let (subscriber, expires_at) = (who.to_string(), *expires_at);
            let record = CodeRecord { subscriber, code: digest.clone(), expires_at }.bytes()?;
            let typed = CodeRecord::key(&typed_id(who, code.reveal()))?;
            let linked = CodeRecord::key(&link_id(secret.reveal()))?;
            Ok(change.create(typed, record.clone()).create(linked, record))
        };
        let command = Command::IssueBindingCode {
            authority,
            kind: AuthenticatorKind::Phone,
            code: digest.clone(),
        };
        let whom = Whom::subscriber(who.clone());
        match self.decide_once(&whom, &command, &with, &keep).await?.outcome {
            Outcome::BindingCode { expires_at } => {
                let (first, last) = code.reveal().split_at(code.reveal().len() / 2);
                let code = format!("{first}-{last}");
                let link = link_at(self.origin(), secret.reveal());
                Ok(Invitation { code, secret: secret.reveal().to_owned(), link, expires_at })
            }
            // No other outcome belongs to this; whatever it were, there is no code.
            other => Err(refused(other)),
        }
    }

    /// Binds a phone.
    ///
    /// # Errors
    /// [`AppError::Unauthenticated`] if the phone did not prove its key; [`AppError::Invalid`] for a
    /// typed code without a name; [`AppError::Refused`] with the same reason for a code that is wrong,
    /// too old, used, somebody else's, or nobody's.
    pub async fn bind_phone(&self, new: &NewPhone) -> Result<BoundPhone, AppError> {
        let text = binding_text(&new.code, &new.key);
        new.key.verify(text.as_bytes(), &new.proof).map_err(|_| AppError::Unauthenticated)?;
        let wrong = || AppError::Refused(Reason::WrongProof);
        // SECURITY: what is short enough to be typed binds beside its name only, or one guess would be
        // at the codes of everybody at once (SP 800-63B-4, 4.1.2.2). Guarded by
        // `a_typed_code_binds_beside_its_own_name_only_and_a_link_without`.
        let code = match &new.subscriber {
            _ if plain(&new.code).len() >= LINK_CHARACTERS => link_id(&new.code),
            Some(subscriber) => typed_id(&name(subscriber).map_err(|_| wrong())?, &new.code),
            None => {
                let what = "a code that was typed needs `subscriber`, the name it was made for";
                return Err(AppError::Invalid(what.to_owned()));
            }
        };
        let (record, code_version): (CodeRecord, Version) =
            CodeRecord::load(&self.inner.store, &code).await?.ok_or_else(wrong)?;
        let who = name(&record.subscriber)?;
        let whom = Whom::subscriber(who.clone());
        let found = self.state(&whom).await?;
        // SECURITY: whoever has an old link could otherwise use up the tries of the one that took its
        // place. Guarded by `an_old_invitation_takes_nothing_from_the_one_that_replaced_it`.
        if self.now() >= record.expires_at || found.0.awaits_another_code(&record.code) {
            return Err(wrong());
        }
        let (keys, version) = self.keys_of(who.as_str()).await?;
        let id = new_id("aut", &*self.inner.entropy);
        let keep = |decision: &Decision, _: Timestamp, change: Change| {
            let Outcome::Bound { authenticator } = &decision.outcome else { return Ok(change) };
            let mut keys = keys.clone();
            let phone = PhoneKey { id: id.clone(), key: new.key.clone(), push: None };
            keys.phones.insert(authenticator.0, phone);
            let record =
                AuthenticatorRecord { subscriber: who.to_string(), serial: authenticator.0 };
            Ok(change
                .put(Keys::key(who.as_str())?, version, keys.bytes()?)
                .delete(CodeRecord::key(&code)?, code_version)
                .create(AuthenticatorRecord::key(&id)?, record.bytes()?))
        };
        let key = CodeDigest::new(sha256(new.key.thumbprint().as_bytes()));
        let command = Command::Bind {
            code: record.code,
            authenticator: NewAuthenticator::Phone { key },
            label: Text::new(&new.label),
        };
        let decided =
            self.decide_from(&whom, Some(found), &command, &With::default(), &keep).await?;
        let Ended::Decided(decision, _) = decided else { return Err(AppError::Contended) };
        match decision.outcome {
            Outcome::Bound { .. } => Ok(BoundPhone { id: id.clone(), subscriber: who.to_string() }),
            Outcome::Refused { reason: Reason::CodeExpired } => Err(wrong()),
            Outcome::Refused { reason } => Err(AppError::Refused(reason)),
            // No other outcome belongs to this; whatever it were, nothing is bound.
            _ => Err(wrong()),
        }
    }

    /// Takes out entries of codes that nobody used.
    pub(crate) async fn sweep_codes(&self) -> Result<(), AppError> {
        let now = self.now();
        self.sweep_all(|code: &CodeRecord| now >= code.expires_at + CODE_ENTRY_LIFE).await
    }
}

/// Whether the rules did what was asked.
pub(crate) fn done(outcome: Outcome) -> Result<(), AppError> {
    match outcome {
        Outcome::Done => Ok(()),
        // No other outcome belongs to a plain change; whatever it were, it is not done.
        other => Err(refused(other)),
    }
}

/// Why nothing was done; without a reason, as if there were no right to it.
pub(crate) fn refused(outcome: Outcome) -> AppError {
    match outcome {
        Outcome::Refused { reason } | Outcome::PasskeyOnly { reason, .. } => {
            AppError::Refused(reason)
        }
        Outcome::RefusedUntil { reason, until } => AppError::RefusedUntil { reason, until },
        _ => AppError::Refused(Reason::NotAuthorised),
    }
}

/// Case, blanks and hyphens are forgiven: people type it.
fn plain(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

/// What the rules keep of a binding code.
pub(crate) fn code_digest(code: &str) -> CodeDigest {
    CodeDigest::new(sha256(format!("pushback-binding\n{}", plain(code)).as_bytes()))
}

/// From so many letters and digits on it is a link's secret: a code to be typed has ten.
const LINK_CHARACTERS: usize = 24;

/// Under what the entry of a code to be typed is kept: not the digest that the rules compare.
fn typed_id(who: &SubscriberId, code: &str) -> String {
    to_base64url(&sha256(format!("pushback-binding-entry\n{who}\n{}", plain(code)).as_bytes()))
}

/// Under what the entry of a link's secret is kept.
fn link_id(secret: &str) -> String {
    to_base64url(&sha256(format!("pushback-binding-link\n{}", plain(secret)).as_bytes()))
}
