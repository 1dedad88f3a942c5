//! The keys with which the service speaks for itself: one signs tokens, one authenticates cookies and
//! links. They are renewed together, by a command, and every node takes the new ones up by itself.
//!
//! A renewal goes in the order of any published key: the new one is published, an hour later it signs, and
//! the old one is accepted for as long as what it signed may count. After a leak nothing waits: the new ones
//! count at once, and nothing of before does.

use std::sync::{Arc, PoisonError, RwLock};

use pushback_model::{Span, Timestamp};
use pushback_store::{Change, Version};
use pushback_verify::OperatorId;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::capability::{CapabilityKey, DeviceCookie, KEY_BYTES, Link};
use crate::disputes::LINK_LIFE;
use crate::documents::Kind;
use crate::encoding::{from_base64url, to_base64url};
use crate::tokens::{Claims, TokenError, TokenKey};
use crate::{App, AppError};

/// For how long a new key is published before it signs, and an old one after. What we publish may be kept
/// for five minutes (`Cache-Control`), but clients that ignore that keep it for longer.
pub const KEYS_OVERLAP: Span = Span::hours(1);

/// How many renewals are kept. Whoever renews more often loses what the oldest had signed.
const RENEWALS_MAX: usize = 8;

/// There is one document for all nodes.
const SERVICE: &str = "service";

/// The entries of the trail.
const RENEWED: &str = "keys_renewed";
pub(crate) const REPLACED: &str = "keys_replaced";

/// What was renewed since the state was begun.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Renewals {
    /// Whether the keys that the state was begun with count no more.
    #[serde(default)]
    is_first_over: bool,
    /// From the oldest to the newest.
    #[serde(default)]
    renewals: Vec<Renewal>,
}

impl Kind for Renewals {
    const NAME: &'static str = "renewed-keys";
}

#[derive(Clone, Serialize, Deserialize)]
struct Renewal {
    /// From then on they sign; nothing if at once.
    #[serde(default)]
    signs_from: Option<Timestamp>,
    /// PKCS #8, base64url.
    token: String,
    /// Base64url.
    capability: String,
}

/// What came of a renewal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenewedKeys {
    /// The id of the new token key, as in the header of a token.
    pub kid: String,
    /// When it begins to sign; `None` if it does so at once, and nothing of before counts.
    pub signs_from: Option<Timestamp>,
}

/// Keys that were made together.
#[derive(Clone)]
struct Generation {
    signs_from: Option<Timestamp>,
    tokens: Arc<TokenKey>,
    capabilities: Arc<CapabilityKey>,
}

impl Generation {
    fn read(renewal: &Renewal) -> Result<Self, AppError> {
        let damaged = || AppError::Setup("a renewed key of the service is damaged".to_owned());
        let pkcs8 = from_base64url(&renewal.token).ok_or_else(damaged)?;
        let bytes = from_base64url(&renewal.capability).ok_or_else(damaged)?;
        let bytes: [u8; KEY_BYTES] = bytes.try_into().map_err(|_| damaged())?;
        Ok(Self {
            signs_from: renewal.signs_from,
            tokens: Arc::new(TokenKey::from_pkcs8(&pkcs8)?),
            capabilities: Arc::new(CapabilityKey::new(&bytes)),
        })
    }

    fn signs(&self, now: Timestamp) -> bool {
        self.signs_from.is_none_or(|from| from <= now)
    }
}

/// All keys that count, from the oldest to the newest.
struct Generations {
    oldest: Generation,
    renewed: Vec<Generation>,
}

impl Generations {
    fn read(first: &Generation, renewals: &Renewals) -> Result<Self, AppError> {
        let mut read = renewals.renewals.iter().map(Generation::read);
        let oldest = match renewals.is_first_over {
            false => first.clone(),
            true => read
                .next()
                .unwrap_or_else(|| Err(AppError::Setup("no key of the service counts".into())))?,
        };
        Ok(Self { oldest, renewed: read.collect::<Result<_, _>>()? })
    }

    fn all(&self) -> impl DoubleEndedIterator<Item = &Generation> {
        std::iter::once(&self.oldest).chain(&self.renewed)
    }

    /// The keys that sign.
    fn signing(&self, now: Timestamp) -> &Generation {
        self.renewed.iter().rev().find(|keys| keys.signs(now)).unwrap_or(&self.oldest)
    }

    /// Each with the moment from which another signs in its place.
    fn with_ends(&self) -> impl Iterator<Item = (&Generation, Option<Timestamp>)> {
        let ends = self.renewed.iter().map(|next| next.signs_from).chain(std::iter::once(None));
        self.all().zip(ends)
    }

    /// Those whose signatures count for this long after another signs; the newest first.
    fn accepted(&self, now: Timestamp, kept_for: Span) -> Vec<&Generation> {
        let counts = |end: Option<Timestamp>| end.is_none_or(|end| now < end + kept_for);
        let mut accepted: Vec<_> =
            self.with_ends().filter(|(_, end)| counts(*end)).map(|(keys, _)| keys).collect();
        accepted.reverse();
        accepted
    }
}

/// The keys of a node as it last read them.
pub(crate) struct ServiceKeys {
    /// Those that the state was begun with. Names are hidden by its capability key for ever, since passkeys
    /// know people by what it gives; whoever has it proves nothing by that.
    first: Generation,
    read: RwLock<Arc<Generations>>,
    /// How long the longest lasts of what a capability key authenticates.
    kept_for: Span,
}

impl ServiceKeys {
    pub(crate) fn begin(tokens: TokenKey, capabilities: CapabilityKey, device_life: Span) -> Self {
        let first = Generation {
            signs_from: None,
            tokens: Arc::new(tokens),
            capabilities: Arc::new(capabilities),
        };
        let read = Generations { oldest: first.clone(), renewed: Vec::new() };
        let kept_for = device_life.max(LINK_LIFE);
        Self { first, read: RwLock::new(Arc::new(read)), kept_for }
    }

    fn read(&self) -> Arc<Generations> {
        // It is replaced in one step, so that a thread that died left it whole.
        Arc::clone(&self.read.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn take(&self, renewals: &Renewals) -> Result<(), AppError> {
        let read = Arc::new(Generations::read(&self.first, renewals)?);
        *self.read.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }

    pub(crate) fn sign(&self, claims: &Claims, now: Timestamp) -> Result<String, TokenError> {
        self.read().signing(now).tokens.sign(claims)
    }

    pub(crate) fn link(&self, link: Link, id: &str, now: Timestamp) -> String {
        self.read().signing(now).capabilities.link(link, id)
    }

    pub(crate) fn open_link<'a>(
        &self,
        link: Link,
        secret: &'a str,
        now: Timestamp,
    ) -> Option<&'a str> {
        let read = self.read();
        let mut accepted = read.accepted(now, self.kept_for).into_iter();
        accepted.find_map(|keys| keys.capabilities.open_link(link, secret))
    }

    pub(crate) fn device_cookie(&self, cookie: &DeviceCookie, now: Timestamp) -> String {
        self.read().signing(now).capabilities.device_cookie(cookie)
    }

    pub(crate) fn open_device_cookie(&self, value: &str, now: Timestamp) -> Option<DeviceCookie> {
        let read = self.read();
        let mut accepted = read.accepted(now, self.kept_for).into_iter();
        accepted.find_map(|keys| keys.capabilities.open_device_cookie(value, now))
    }

    /// As [`CapabilityKey::bucket`], the same for ever.
    pub(crate) fn bucket(&self, what: &str, name: &str) -> u32 {
        self.first.capabilities.bucket(what, name)
    }

    /// As [`CapabilityKey::handle`], the same for ever.
    pub(crate) fn handle(&self, what: &str, name: &str) -> [u8; 16] {
        self.first.capabilities.handle(what, name)
    }
}

impl App {
    /// The public halves of all keys whose tokens count, or will within the hour, for
    /// `/.well-known/jwks.json`; the newest first.
    #[must_use]
    pub fn jwks(&self) -> Vec<serde_json::Value> {
        let read = self.inner.keys.read();
        let accepted = read.accepted(self.now(), KEYS_OVERLAP);
        accepted.into_iter().map(|keys| keys.tokens.jwk().clone()).collect()
    }

    /// Reads what was renewed; for the start of a node, and every few seconds after it.
    ///
    /// # Errors
    /// [`AppError`] if it cannot be read; the node goes on with the keys that it had.
    pub async fn load_keys(&self) -> Result<(), AppError> {
        let (renewals, _) = self.renewals().await?;
        self.inner.keys.take(&renewals)
    }

    /// Renews the keys that sign tokens and authenticate cookies and links. After a leak the old ones end at
    /// once, and with them sign-in pages that are open, links in notices that were sent, and what tells a
    /// known browser from a stranger's until its owner's next success.
    ///
    /// # Errors
    /// [`AppError::Invalid`] if others wait to begin, unless there was a leak; [`AppError::Contended`] if
    /// somebody else renewed them at the same time.
    pub async fn renew_keys(
        &self,
        by: &OperatorId,
        has_leaked: bool,
    ) -> Result<RenewedKeys, AppError> {
        let (mut renewals, version) = self.renewals().await?;
        let mut capability = [0; KEY_BYTES];
        self.inner.entropy.fill(&mut capability);
        let now = self.now();
        let newest = renewals.renewals.last().and_then(|newest| newest.signs_from);
        if let Some(begins) = newest.filter(|begins| !has_leaked && *begins > now) {
            return Err(AppError::Invalid(format!(
                "keys were renewed already and begin to sign at {begins}; after a leak: --leaked"
            )));
        }
        let renewal = Renewal {
            signs_from: (!has_leaked).then_some(now + KEYS_OVERLAP),
            token: to_base64url(&TokenKey::generate()?),
            capability: to_base64url(&capability),
        };
        let kid = Generation::read(&renewal)?.tokens.id().to_owned();
        let renewed = RenewedKeys { kid, signs_from: renewal.signs_from };
        if has_leaked {
            renewals = Renewals { is_first_over: true, renewals: vec![renewal] };
        } else {
            renewals.renewals.push(renewal);
            let surplus = renewals.renewals.len().saturating_sub(RENEWALS_MAX);
            if surplus > 0 {
                renewals.is_first_over = true;
                renewals.renewals.drain(..surplus);
            }
        }
        let kind = if has_leaked { REPLACED } else { RENEWED };
        let change = Change::at(now)
            .put(Renewals::key(SERVICE)?, version, renewals.bytes()?)
            .audit(self.chore(by, kind, SERVICE, json!({ "kid": renewed.kid }))?);
        self.write(change).await?;
        self.inner.keys.take(&renewals)?;
        Ok(renewed)
    }

    async fn renewals(&self) -> Result<(Renewals, Option<Version>), AppError> {
        Ok(match Renewals::load(&self.inner.store, SERVICE).await? {
            Some((renewals, version)) => (renewals, Some(version)),
            None => (Renewals::default(), None),
        })
    }
}
