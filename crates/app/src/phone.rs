//! The phone: who it is.

use std::sync::{Mutex, PoisonError};

use pushback_store::Answer;
use pushback_verify::{AuthenticatorId, PhoneContact, Reason, Requester, SubscriberId};

use crate::attempts::name;
use crate::capability::Link;
use crate::documents::{AuthenticatorRecord, Keys, Kind};
use crate::encoding::sha256;
use crate::proof::{CLOCK_OFF_MAX_MS, ProofError, PublicKey, SignedRequest};
use crate::record::Beside;
use crate::subscriber::{Found, Whom, With};
use crate::{App, AppError};

/// How long a ticket for a stream counts.
const TICKET_LIFE: pushback_model::Span = pushback_model::Span::minutes(1);

/// A request as it came in.
#[derive(Clone, Copy, Debug)]
pub struct PhoneRequest<'r> {
    /// The value of the `Authorization` header.
    pub authorization: &'r str,
    /// The method.
    pub method: &'r str,
    /// The path with its query.
    pub path: &'r str,
    /// The body.
    pub body: &'r [u8],
    /// Where it came from.
    pub from: &'r Requester,
}

/// A phone that proved who it is, by a request that it signed.
pub struct Phone {
    pub(crate) who: SubscriberId,
    pub(crate) serial: AuthenticatorId,
    pub(crate) id: String,
    pub(crate) key: PublicKey,
    pub(crate) from: Requester,
    nonce: String,
    request: [u8; 32],
    signed_at: pushback_model::Timestamp,
    /// The subscriber's document as it was when the request was checked, for the first who asks.
    known: Mutex<Option<Found>>,
}

impl Phone {
    /// Its public id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whose it is.
    #[must_use]
    pub fn subscriber(&self) -> &str {
        self.who.as_str()
    }

    pub(crate) fn whom(&self) -> Whom {
        Whom::subscriber(self.who.clone())
    }

    /// The document that the request was checked against; once, and never for a stream, which
    /// outlives what it began with.
    pub(crate) fn known(&self) -> Option<Found> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(crate) fn contact(&self) -> PhoneContact {
        PhoneContact::signature_verified(self.who.clone(), self.serial, self.from.clone())
    }

    /// What makes the request count once.
    // SECURITY: a request that was caught and is sent again must not do again what it did. Guarded by
    // `a_signed_request_counts_once`.
    pub(crate) fn once(&self, beside: Beside) -> With {
        let life = pushback_model::Span::millis(2 * CLOCK_OFF_MAX_MS + 1);
        let answer = Answer {
            request_key: format!("{}/{}", self.id, self.nonce),
            request_digest: self.request,
            body: Vec::new(),
            expires_at: self.signed_at + life,
        };
        With { beside, answer: Some(answer) }
    }
}

/// An authenticator that is bound, and the document that says so.
struct Bound {
    who: SubscriberId,
    serial: AuthenticatorId,
    key: PublicKey,
    found: Found,
}

impl App {
    /// Whose phone signed this request.
    ///
    /// # Errors
    /// [`AppError::ClockWrong`] if it was not signed within the last minute; otherwise
    /// [`AppError::Unauthenticated`] unless the phone's key signed this very request.
    pub async fn phone(&self, request: &PhoneRequest<'_>) -> Result<Phone, AppError> {
        let signed =
            SignedRequest::parse(request.authorization).map_err(|_| AppError::Unauthenticated)?;
        let Bound { who, serial, key, found } = self.bound(&signed.id).await?;
        let what = (request.method, request.path, request.body);
        signed.verify(&key, what, self.now()).map_err(|error| match error {
            ProofError::Time => AppError::ClockWrong,
            ProofError::Key | ProofError::Form | ProofError::Signature => AppError::Unauthenticated,
        })?;
        Ok(Phone {
            who,
            serial,
            id: signed.id,
            key,
            from: request.from.clone(),
            nonce: signed.nonce,
            request: sha256(request.authorization.as_bytes()),
            signed_at: signed.at,
            known: Mutex::new(Some(found)),
        })
    }

    /// Whose authenticator this is, and its key.
    // SECURITY: the subscriber's document says who is bound. A key's own entry is erased only after
    // the commit that unties it, and must prove nothing from that commit on. Guarded by
    // `an_owner_binds_a_second_phone_and_unties_the_first`.
    async fn bound(&self, id: &str) -> Result<Bound, AppError> {
        let found = AuthenticatorRecord::load(&self.inner.store, id).await?;
        let (record, _) = found.ok_or(AppError::UnknownAuthenticator)?;
        let (who, serial) = (name(&record.subscriber)?, AuthenticatorId(record.serial));
        let whom = Whom::subscriber(who.clone());
        // One question for both: each costs a way to a thread that reads, or to PostgreSQL.
        let (document, keys) =
            self.inner.store.load_both(&whom.key()?, &Keys::key(&record.subscriber)?).await?;
        let found = self.read_state(&whom, document)?;
        let mut bound = found.0.authenticators().iter().filter(|bound| bound.id() == serial);
        let bound = bound.next().ok_or(AppError::UnknownAuthenticator)?;
        // SECURITY: whoever bound a phone that its owner disputes must not read on: history, who calls,
        // what else is bound. It is told so, since a dispute can be a mistake. Guarded by
        // `a_disputed_phone_reads_nothing_more`.
        if bound.disputed_at().is_some() {
            return Err(AppError::Refused(Reason::AuthenticatorDisputed));
        }
        let keys = keys.ok_or(AppError::UnknownAuthenticator)?;
        let (mut keys, _) = Keys::read(&keys)?;
        let phone = keys.phones.remove(&record.serial).ok_or(AppError::UnknownAuthenticator)?;
        Ok(Bound { who, serial, key: phone.key, found })
    }

    /// A ticket for the stream of this phone's events, good for a minute.
    #[must_use]
    pub fn stream_ticket(&self, phone: &Phone) -> String {
        let until = (self.now() + TICKET_LIFE).as_millis();
        self.inner.capabilities.link(Link::Stream, &format!("{}~{until}", phone.id))
    }

    /// Whose stream a ticket opens.
    ///
    /// # Errors
    /// [`AppError::Unauthenticated`] unless the ticket is ours and fresh, and the phone still bound.
    pub async fn stream_phone(&self, ticket: &str, from: Requester) -> Result<Phone, AppError> {
        let opened = self.inner.capabilities.open_link(Link::Stream, ticket);
        let (id, until) =
            opened.and_then(|opened| opened.split_once('~')).ok_or(AppError::Unauthenticated)?;
        let until = until.parse().map_err(|_| AppError::Unauthenticated)?;
        if self.now().as_millis() >= until {
            return Err(AppError::Unauthenticated);
        }
        let Bound { who, serial, key, found: _ } = self.bound(id).await?;
        Ok(Phone {
            who,
            serial,
            id: id.to_owned(),
            key,
            from,
            // A stream only reads; nothing is answered with it.
            nonce: String::new(),
            request: [0; 32],
            signed_at: self.now(),
            known: Mutex::default(),
        })
    }
}
