//! Getting back in without the phone: a mailed code and a saved one together, from the hosted page of
//! a sign-in, give a code that binds a new phone (SP 800-63B-4, 4.2.2.2).
//!
//! Whoever has the page's address is a stranger. Only a right pair is told from all else: what was
//! wrong, whether a mail left, and whether the name is anybody's look the same.

use std::fmt;

use pushback_model::{Span, Timestamp};
use pushback_store::{Change, OutboxRow};
use pushback_verify::{
    Accepts, AddressCode, Attempt, Authority, CodeDigest, Command, Decision, DeviceId,
    KnownDeviceProof, Outcome, Purpose, RecoveryEvidence, RelyingPartyId, Text,
};
use serde::{Deserialize, Serialize};

use crate::account::recovery_digest;
use crate::attempts::{AttemptState, Loaded, PageView, attempt_id, name};
use crate::binding::{Contact, Invitation};
use crate::documents::{AttemptRecord, Kind as _};
use crate::encoding::{new_id, sha256};
use crate::subscriber::{Ended, Found, NOTICES, Whom, With};
use crate::worker::{Outside, Sent};
use crate::{App, AppError};

/// How long after its begin a sign-in leads to a recovery. A mailed code lives far shorter.
const PAGE_LIFE: Span = Span::hours(1);
/// Mails asked for and pairs tried from one page. Past it all are refused unseen, or whoever has its
/// address could write into the trail without end.
const ASKED_MAX: u8 = 10;

/// Which of a subscriber's addresses. Their names are never shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeAddress {
    /// The one that was given first.
    First,
    /// The one that was given second.
    Second,
}

/// How a recovery ended.
#[must_use]
pub enum Recovery {
    /// Both codes were right: this binds a new phone.
    Recovered(Invitation),
    /// No. It is not said why, nor whether the name is anybody's.
    Refused,
}

/// A recovery code on its way to one address.
#[derive(Clone)]
pub struct MailedCode {
    /// The same for the same mail, however often it is sent.
    pub key: String,
    /// Whose.
    pub subscriber: String,
    /// To which mail address.
    pub to: String,
    /// The code, as people type it: `ABCD-EFGH`. For the mail and nothing else.
    pub code: String,
    /// From then on it is worthless.
    pub expires_at: Timestamp,
}

impl fmt::Debug for MailedCode {
    /// Without the code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailedCode")
            .field("key", &self.key)
            .field("subscriber", &self.subscriber)
            .finish_non_exhaustive()
    }
}

/// A mail in the outbox, which is sealed like every document.
#[derive(Serialize, Deserialize)]
pub(crate) struct CodeMail {
    subscriber: String,
    mail_to: String,
    code: String,
    expires_at: Timestamp,
}

impl PageView {
    /// Whether the page leads to a recovery: while the sign-in may still succeed, and after nobody
    /// answered. Who said no, or has got in, has a phone.
    #[must_use]
    pub fn can_recover(&self, now: Timestamp) -> bool {
        let is_unanswered = match self.attempt.state {
            AttemptState::Pending | AttemptState::Held | AttemptState::Expired => true,
            AttemptState::Proven
            | AttemptState::Verified
            | AttemptState::Denied
            | AttemptState::Reported
            | AttemptState::Cancelled => false,
        };
        is_unanswered && now < self.started_at + PAGE_LIFE
    }
}

/// What a recovery is decided from.
struct Begun {
    loaded: Loaded,
    whom: Whom,
    known: Found,
}

impl App {
    /// Mails a code to an address of whoever a sign-in is for, if the rules allow it. The answer is
    /// the same if nothing leaves: no such name or address, an incident, a code that is on its way
    /// already, too many in a day.
    ///
    /// # Errors
    /// [`AppError::NotFound`] unless the secret is ours; [`AppError`] if it could not be decided.
    pub async fn mail_recovery_code(
        &self,
        secret: &str,
        which: NoticeAddress,
    ) -> Result<(), AppError> {
        let Some(begun) = self.begin_recovery(secret).await? else { return Ok(()) };
        let (state, found) = begun.known;
        let place = match which {
            NoticeAddress::First => 0,
            NoticeAddress::Second => 1,
        };
        // One that nobody has, so that the rules refuse where there is none.
        let none = pushback_verify::AddressId::parse("none:1").map_err(|_| AppError::NotFound)?;
        let address = state.addresses().get(place).cloned().unwrap_or(none);
        let code = AddressCode::draw(&self.entropy());
        let who = begun.whom.id.as_str();
        let life = Span::seconds(i64::from(self.policy().account.address_code_seconds));
        let keep = |decision: &Decision, now: Timestamp, change: Change| {
            let change = begun.loaded.count_recovery(change)?;
            // SECURITY: the code leaves by the sealed outbox alone, and nobody's name has no mail.
            // Guarded by `a_mailed_code_is_in_its_mail_and_nowhere_else`.
            if begun.whom.is_decoy || !matches!(decision.outcome, Outcome::Done) {
                return Ok(change);
            }
            let (first, last) = code.reveal().split_at(code.reveal().len() / 2);
            let mail = CodeMail {
                subscriber: who.to_owned(),
                mail_to: address.to_string(),
                code: format!("{first}-{last}"),
                expires_at: now + life,
            };
            Ok(change.effect(OutboxRow {
                key: format!("{who}/address-code/{}", decision.state.revision()),
                topic: NOTICES.to_owned(),
                payload: serde_json::to_vec(&mail)?,
                due_at: now,
            }))
        };
        let command = Command::IssueAddressCode {
            address: address.clone(),
            code: mailed_digest(code.reveal()),
        };
        let known = Some((state, found));
        match self.decide_from(&begun.whom, known, &command, &With::default(), &keep).await? {
            Ended::Decided(..) => Ok(()),
            // Nothing here counts once only.
            Ended::Answered => Err(AppError::Contended),
        }
    }

    /// Checks a mailed and a saved code together; if both are right, draws a code that binds a new
    /// phone. Both are used up then, and every address is told.
    ///
    /// # Errors
    /// As [`App::mail_recovery_code`].
    pub async fn recover(
        &self,
        secret: &str,
        mailed: &str,
        saved: &str,
    ) -> Result<Recovery, AppError> {
        let Some(begun) = self.begin_recovery(secret).await? else { return Ok(Recovery::Refused) };
        let (whom, record) = (&begun.whom, &begun.loaded.record);
        let subscriber = name(&record.subscriber)?;
        // Not the sign-in's own id: that one is not verified by this.
        let id = attempt_id(&new_id("rec", &*self.inner.entropy))?;
        let attempt = Attempt {
            id: id.clone(),
            purpose: Purpose::Recovery,
            // A browser is known where it signs in.
            relying_party: RelyingPartyId::parse(&record.relying_party)
                .map_err(|_| AppError::NotFound)?,
            relying_party_name: Text::new(&self.inner.name),
            requester: record.requester.clone(),
            // The cookie was checked when the sign-in began, and the record is ours.
            device: record
                .device
                .map(|device| KnownDeviceProof::mac_verified(subscriber, DeviceId(device))),
            accepts: Accepts::Any,
            others_asked: record.others_asked,
        };
        let command = Command::Recover {
            attempt,
            first: RecoveryEvidence::SavedCode(recovery_digest(saved)),
            second: RecoveryEvidence::AddressCode(mailed_digest(mailed)),
        };
        let keep = |_: &Decision, _: Timestamp, change: Change| begun.loaded.count_recovery(change);
        let with = With::default();
        let decision =
            match self.decide_from(whom, Some(begun.known), &command, &with, &keep).await? {
                Ended::Decided(decision, _) => decision,
                // Nothing here counts once only.
                Ended::Answered => return Err(AppError::Contended),
            };
        // SECURITY: every other outcome looks the same, or the page would tell who exists, who has an
        // incident, and which code was wrong. Guarded by `no_refusal_says_why_or_who_exists`.
        if whom.is_decoy || !matches!(decision.outcome, Outcome::Recovered { .. }) {
            return Ok(Recovery::Refused);
        }
        match self.binding_code(&whom.id, Authority::Recovered(id), With::default()).await {
            Ok(invitation) => Ok(Recovery::Recovered(invitation)),
            // As many are bound as can be: the help desk has to untie one.
            Err(AppError::Refused(_)) => Ok(Recovery::Refused),
            Err(error) => Err(error),
        }
    }

    /// The sign-in of a page, and in whose document its recovery is decided; `None` if the page leads
    /// to none, or has asked as often as it may.
    async fn begin_recovery(&self, secret: &str) -> Result<Option<Begun>, AppError> {
        let view = self.page(secret, None, std::time::Duration::ZERO).await?;
        let loaded = self.load_page(secret).await?;
        if !view.can_recover(self.now()) || loaded.record.recoveries >= ASKED_MAX {
            return Ok(None);
        }
        let whose = name(&loaded.record.subscriber)?;
        // Whose phone was disabled signs in like nobody, but has addresses and saved codes.
        let (whom, known) =
            self.own_or_decoy(&whose, |state| !state.addresses().is_empty()).await?;
        Ok(Some(Begun { loaded, whom, known }))
    }

    /// Mails a code that a committed decision issued.
    pub(crate) async fn mail_code(
        &self,
        key: &str,
        mail: &CodeMail,
        outside: &impl Outside,
    ) -> Result<Sent, AppError> {
        if self.now() >= mail.expires_at {
            return Ok(Sent::Never("it was too late".to_owned()));
        }
        let contact = Contact::load(&self.inner.store, &mail.subscriber).await?;
        let to = contact.and_then(|(contact, _)| contact.current(&mail.mail_to).cloned());
        let Some(to) = to else { return Ok(Sent::Never("no address is on file".to_owned())) };
        let mailed = MailedCode {
            key: key.to_owned(),
            subscriber: mail.subscriber.clone(),
            to,
            code: mail.code.clone(),
            expires_at: mail.expires_at,
        };
        Ok(outside.mail_code(&mailed).await)
    }
}

impl Loaded {
    /// Counts one more request of the page, in the commit that decides it.
    fn count_recovery(&self, change: Change) -> Result<Change, AppError> {
        let mut record = (*self.record).clone();
        record.recoveries = record.recoveries.saturating_add(1);
        Ok(change.update(AttemptRecord::key(&self.id)?, self.version, record.bytes()?))
    }
}

/// What the rules keep of a mailed code. Case, blanks and hyphens are forgiven: people type it.
fn mailed_digest(code: &str) -> CodeDigest {
    let plain: String =
        code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
    CodeDigest::new(sha256(format!("pushback-mailed\n{plain}").as_bytes()))
}
