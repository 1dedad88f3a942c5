//! Posting to a push service: nobody's proxy, nobody's probe.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, HeaderMap, RETRY_AFTER};
use reqwest::{Client, StatusCode, Url, redirect};

use super::{Contact, EncryptError, OneTime, Subscription, VapidError, VapidKey, WAKE_UP, encrypt};
use crate::address::is_public;

/// How long one post may take, from the look-up of the name to the answer. A phone that is woken
/// later than this shows a prompt that is half over.
pub const TIMEOUT: Duration = Duration::from_secs(5);

/// How much of it the connection may take. Shorter, so that a push service that is not there is told
/// from one that took the wake-up and says nothing.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long to wait where a push service says "later" and not when, in seconds.
pub const RETRY_AFTER_DEFAULT_S: u32 = 60;

/// The longest wait that a push service may ask for, in seconds: a day.
pub const RETRY_AFTER_MAX_S: u32 = 24 * 60 * 60;

/// Messages with one topic replace each other while the phone is out of reach (RFC 8030, section
/// 5.4): it wakes once, however often we called.
const TOPIC: &str = "wake";

/// How much a phone should care (RFC 8030, section 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Only when it has power and a good network.
    VeryLow,
    /// With power or a good network.
    Low,
    /// Without much left in the battery it may wait.
    Normal,
    /// At once: somebody stands before a closed door.
    High,
}

impl Urgency {
    const fn as_str(self) -> &'static str {
        match self {
            Self::VeryLow => "very-low",
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }
}

/// One wake-up.
#[derive(Clone, Copy, Debug)]
pub struct Push {
    /// How long the push service keeps it for a phone out of reach, in seconds. Not longer than what
    /// it wakes for lives: a phone that rings for nothing teaches its owner to ignore it.
    pub ttl_s: u32,
    /// How much the phone should care.
    pub urgency: Urgency,
    /// Unix time in seconds.
    pub now_s: u64,
}

/// What became of a wake-up. None of these says that a person has seen anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// The push service took it (2xx).
    Delivered,
    /// The subscription has ended (404, 410): drop it.
    Gone,
    /// Too many, or the service is not well (429, 503): not before this many seconds.
    RetryAfter(u32),
    /// Any other answer. Below 500 trying again will not help, and an operator should look; from 500
    /// on the wake-up may have been taken: whoever stands before a push service says so too (502, 504).
    Refused(u16),
    /// No connection, or a bad certificate: nothing was posted. Another try may help.
    Unreachable,
    /// It was posted, or begun to be, and there was no answer in time: it may have been taken.
    Unanswered,
    /// The endpoint is not https or leads to an address inside: nothing was sent. No browser makes
    /// such a subscription; drop it and say so.
    Forbidden,
}

/// Why nothing was posted.
#[derive(Debug, thiserror::Error)]
pub enum SenderError {
    /// No HTTP client could be built, for example without any trusted certificate.
    #[error("the client for push services could not be built")]
    Client(#[source] reqwest::Error),
    /// The message could not be encrypted.
    #[error("the wake-up could not be encrypted")]
    Encrypt(#[from] EncryptError),
    /// The post could not be signed.
    #[error("the wake-up could not be signed")]
    Vapid(#[from] VapidError),
}

/// Posts wake-ups. One a process: it keeps connections to push services open.
#[derive(Debug)]
pub struct Sender {
    client: Client,
    key: VapidKey,
    contact: Contact,
    danger_allow_private: bool,
}

impl Sender {
    /// A sender that signs with this key. It takes no proxy from the environment: behind one, the
    /// check of addresses would check nothing.
    ///
    /// `danger_allow_private` lets it post without TLS and to addresses inside, which makes it a
    /// probe in the hands of whoever may bind a phone: for tests.
    ///
    /// # Errors
    /// [`SenderError::Client`] if the HTTP client cannot be built.
    pub fn new(
        key: VapidKey,
        contact: Contact,
        danger_allow_private: bool,
    ) -> Result<Self, SenderError> {
        let client = Client::builder()
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(redirect::Policy::none())
            .https_only(!danger_allow_private)
            .no_proxy()
            .referer(false)
            .dns_resolver(Checked { danger_allow_private })
            .build()
            .map_err(SenderError::Client)?;
        Ok(Self { client, key, contact, danger_allow_private })
    }

    /// The public key that phones subscribe for, in base64url.
    #[must_use]
    pub fn public_key(&self) -> &str {
        self.key.public()
    }

    /// Posts [`WAKE_UP`] to one phone, within [`TIMEOUT`].
    ///
    /// # Errors
    /// [`SenderError`] if our own side fails; whatever the other side does is an [`Outcome`].
    pub async fn wake(&self, phone: &Subscription, push: Push) -> Result<Outcome, SenderError> {
        if !self.may_post_to(&phone.endpoint) {
            return Ok(Outcome::Forbidden);
        }
        let body = encrypt(WAKE_UP, phone, OneTime::random()?)?;
        let authorization = self.key.authorization(phone, &self.contact, push.now_s)?;
        let request = self
            .client
            .post(phone.endpoint.clone())
            .header(AUTHORIZATION, authorization)
            .header(CONTENT_ENCODING, "aes128gcm")
            .header("ttl", push.ttl_s)
            .header("urgency", push.urgency.as_str())
            .header("topic", TOPIC)
            .body(body);
        // The body of the answer is not read: nothing in it could change what we do.
        Ok(match request.send().await {
            Ok(answer) => outcome(answer.status(), answer.headers()),
            Err(error) if is_inside(&error) => Outcome::Forbidden,
            // SECURITY: only where there was no connection has nothing been posted. Guarded by
            // `a_wake_up_that_was_posted_and_not_answered_may_have_been_taken`.
            Err(error) if error.is_connect() => Outcome::Unreachable,
            Err(_) => Outcome::Unanswered,
        })
    }

    // SECURITY: an address written as a number is never asked about by the resolver below, so it is
    // judged here. Guarded by `an_endpoint_inside_is_never_connected_to`.
    fn may_post_to(&self, endpoint: &Url) -> bool {
        if self.danger_allow_private {
            return true;
        }
        let host = endpoint.host_str().unwrap_or_default();
        let number = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        endpoint.scheme() == "https" && number.map_or(true, is_public)
    }
}

fn outcome(status: StatusCode, headers: &HeaderMap) -> Outcome {
    match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => Outcome::Gone,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            Outcome::RetryAfter(retry_after(headers))
        }
        status if status.is_success() => Outcome::Delivered,
        status => Outcome::Refused(status.as_u16()),
    }
}

/// Seconds as the service asks, within bounds. A date, which the header may hold too, counts as not
/// said.
fn retry_after(headers: &HeaderMap) -> u32 {
    let said = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse::<u32>().ok());
    said.unwrap_or(RETRY_AFTER_DEFAULT_S).clamp(1, RETRY_AFTER_MAX_S)
}

/// A name led to an address inside.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to an address that is not on the public internet")]
struct Inside;

fn is_inside(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<Inside>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Looks names up and hands on only addresses that may be connected to.
#[derive(Clone, Copy)]
struct Checked {
    danger_allow_private: bool,
}

impl Resolve for Checked {
    // SECURITY: what is checked is what is connected to. A check before the request would ask the
    // name twice, and the second answer is the attacker's to change. One address inside condemns
    // the name: which one is tried is not ours to say. Guarded by
    // `a_name_that_leads_inside_is_never_connected_to`.
    fn resolve(&self, name: Name) -> Resolving {
        let danger_allow_private = self.danger_allow_private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let found: Vec<SocketAddr> = found.collect();
            if danger_allow_private || found.iter().all(|address| is_public(address.ip())) {
                let addresses: Addrs = Box::new(found.into_iter());
                Ok(addresses)
            } else {
                Err(Inside.into())
            }
        })
    }
}
