//! The phone: who it is.

use std::sync::{Arc, Mutex, PoisonError};

use pushback_store::{Answer, Seen};
use pushback_verify::{AuthenticatorId, CodeDigest, PhoneContact, Reason, Requester, SubscriberId};

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

/// What is known of a phone by its public id. None of it ever changes; whether the phone is still
/// bound is for the subscriber's document to say.
pub(crate) struct KnownPhone {
    who: SubscriberId,
    serial: AuthenticatorId,
    key: PublicKey,
    digest: CodeDigest,
}

/// An authenticator that is bound, and the document that says so.
struct Bound {
    phone: Arc<KnownPhone>,
    found: Found,
}

impl KnownPhone {
    /// Whether the subscriber's document has this phone, with this key.
    ///
    // SECURITY: whoever bound a phone that its owner disputes must not read on: history, who calls,
    // what else is bound. It is told so, since a dispute can be a mistake. Guarded by
    // `a_disputed_phone_reads_nothing_more`.
    fn is_bound(&self, found: &Found) -> Result<bool, AppError> {
        let mut bound = found.0.authenticators().iter().filter(|bound| bound.id() == self.serial);
        let Some(bound) = bound.find(|bound| bound.has_key(&self.digest)) else { return Ok(false) };
        match bound.disputed_at() {
            Some(_) => Err(AppError::Refused(Reason::AuthenticatorDisputed)),
            None => Ok(true),
        }
    }
}

impl App {
    /// Whose phone signed this request.
    ///
    /// # Errors
    /// [`AppError::ClockWrong`] if it was not signed within the last minute, by a clock that is believed; otherwise
    /// [`AppError::Unauthenticated`] unless the phone's key signed this very request.
    pub async fn phone(&self, request: &PhoneRequest<'_>) -> Result<Phone, AppError> {
        let signed =
            SignedRequest::parse(request.authorization).map_err(|_| AppError::Unauthenticated)?;
        let Bound { phone, found } = self.bound(&signed.id).await?;
        let what = (request.method, request.path, request.body);
        signed.verify(&phone.key, what, self.now()).map_err(|error| match error {
            // Not the phone's, if this node's own is not believed.
            ProofError::Time => {
                self.clock_doubt().map_or(AppError::ClockWrong, AppError::ClockDoubted)
            }
            ProofError::Key | ProofError::Form | ProofError::Signature => AppError::Unauthenticated,
        })?;
        Ok(Phone {
            who: phone.who.clone(),
            serial: phone.serial,
            id: signed.id,
            key: phone.key.clone(),
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
        let unknown = || AppError::UnknownAuthenticator;
        let own = AuthenticatorRecord::key(id).map_err(|_| unknown())?;
        if let Some((phone, _)) = self.inner.phones.get(&own, self.now()) {
            let found = self.state(&Whom::subscriber(phone.who.clone())).await?;
            if phone.is_bound(&found)? {
                return Ok(Bound { phone, found });
            }
            self.inner.phones.forget(&own);
        }
        let found = AuthenticatorRecord::load(&self.inner.store, id).await?;
        let (record, version) = found.ok_or_else(unknown)?;
        let who = name(&record.subscriber)?;
        let whom = Whom::subscriber(who.clone());
        // One question for both: each costs a way to PostgreSQL.
        let (key, keys) = (whom.key()?, Keys::key(&record.subscriber)?);
        let known = self.inner.states.get(&key, self.now());
        let known_version = known.as_ref().map(|(_, version)| *version);
        let [seen, keys] = self.inner.store.look([(&key, known_version), (&keys, None)]).await?;
        let found = self.read_state(&whom, key, known, seen)?;
        let Seen::Other(keys) = keys else { return Err(unknown()) };
        let (mut keys, _) = Keys::read(&keys)?;
        let key = keys.phones.remove(&record.serial).ok_or_else(unknown)?.key;
        let digest = CodeDigest::new(sha256(key.thumbprint().as_bytes()));
        let serial = AuthenticatorId(record.serial);
        let phone = Arc::new(KnownPhone { who, serial, key, digest });
        if !phone.is_bound(&found)? {
            return Err(unknown());
        }
        self.inner.phones.put(own, Arc::clone(&phone), version, self.now());
        Ok(Bound { phone, found })
    }

    /// A ticket for the stream of this phone's events, good for a minute.
    #[must_use]
    pub fn stream_ticket(&self, phone: &Phone) -> String {
        let until = (self.now() + TICKET_LIFE).as_millis();
        self.inner.keys.link(Link::Stream, &format!("{}~{until}", phone.id), self.now())
    }

    /// Whose stream a ticket opens.
    ///
    /// # Errors
    /// [`AppError::Unauthenticated`] unless the ticket is ours and fresh, and the phone still bound.
    pub async fn stream_phone(&self, ticket: &str, from: Requester) -> Result<Phone, AppError> {
        let opened = self.inner.keys.open_link(Link::Stream, ticket, self.now());
        let (id, until) =
            opened.and_then(|opened| opened.split_once('~')).ok_or(AppError::Unauthenticated)?;
        let until = until.parse().map_err(|_| AppError::Unauthenticated)?;
        if self.now().as_millis() >= until {
            return Err(AppError::Unauthenticated);
        }
        let Bound { phone, found: _ } = self.bound(id).await?;
        Ok(Phone {
            who: phone.who.clone(),
            serial: phone.serial,
            id: id.to_owned(),
            key: phone.key.clone(),
            from,
            // A stream only reads; nothing is answered with it.
            nonce: String::new(),
            request: [0; 32],
            signed_at: self.now(),
            known: Mutex::default(),
        })
    }
}
