//! Texts that carry their own right: links to pages, device cookies. Each is authenticated by a key of
//! this service and names exactly what it is for.

use aws_lc_rs::hmac;
use pushback_model::Timestamp;

use crate::encoding::{from_base64url, to_base64url};

/// The key that authenticates capabilities.
pub struct CapabilityKey(hmac::Key);

/// Length of the key, in bytes.
pub const KEY_BYTES: usize = 32;

/// What a device cookie names (OWASP, "Slow Down Online Guessing Attacks with Device Cookies").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceCookie {
    /// Whose browser.
    pub subscriber: String,
    /// Which one.
    pub device: u64,
    /// From then on it names nothing.
    pub expires_at: Timestamp,
}

/// What a link is for; a link for one thing opens no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// The hosted page of an attempt.
    SignIn,
    /// The server-sent events of an authenticator.
    Stream,
    /// "This was not me" in a notice.
    Notice,
    /// "I did not ask for this" in the notice of what waits.
    Stop,
    /// The button of a hosted page, for one attempt and one certificate.
    Certificate,
    /// The completion of an attempt that was proven on its hosted page.
    Completion,
}

impl Link {
    const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::Stream => "stream",
            Self::Notice => "notice",
            Self::Stop => "stop",
            Self::Certificate => "certificate",
            Self::Completion => "completion",
        }
    }
}

impl CapabilityKey {
    /// A key from its bytes.
    #[must_use]
    pub fn new(bytes: &[u8; KEY_BYTES]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    fn tag(&self, parts: &[&str]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            // Lengths first, so that no two lists of parts give the same bytes.
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        context.sign()
    }

    fn is_right(&self, parts: &[&str], tag: &str) -> bool {
        let Some(tag) = from_base64url(tag) else { return false };
        let right = self.tag(parts);
        aws_lc_rs::constant_time::verify_slices_are_equal(right.as_ref(), &tag).is_ok()
    }

    /// Puts a name into one of 2^32 buckets; nobody without the key can tell which.
    #[must_use]
    pub fn bucket(&self, what: &str, name: &str) -> u32 {
        let first = self.tag(&["bucket", what, name]).as_ref().first_chunk().copied();
        u32::from_be_bytes(first.unwrap_or_default())
    }

    /// Sixteen bytes that stand for a name and do not tell it.
    #[must_use]
    pub fn handle(&self, what: &str, name: &str) -> [u8; 16] {
        self.tag(&["handle", what, name]).as_ref().first_chunk().copied().unwrap_or_default()
    }

    /// The secret of a link to something with this id, which has no dot in it.
    #[must_use]
    pub fn link(&self, link: Link, id: &str) -> String {
        format!("{id}.{}", to_base64url(self.tag(&[link.name(), id]).as_ref()))
    }

    /// The id in a link's secret, if the link is ours and for this.
    #[must_use]
    pub fn open_link<'a>(&self, link: Link, secret: &'a str) -> Option<&'a str> {
        let (id, tag) = secret.split_once('.')?;
        self.is_right(&[link.name(), id], tag).then_some(id)
    }

    /// The value of a device cookie.
    #[must_use]
    pub fn device_cookie(&self, cookie: &DeviceCookie) -> String {
        let (device, until) =
            (cookie.device.to_string(), cookie.expires_at.as_millis().to_string());
        let tag = self.tag(&["device", &cookie.subscriber, &device, &until]);
        let name = to_base64url(cookie.subscriber.as_bytes());
        format!("{name}.{device}.{until}.{}", to_base64url(tag.as_ref()))
    }

    /// What a device cookie names, if it is ours and counts yet.
    // SECURITY: a cookie that somebody made up, took from another subscriber or kept for too long is
    // no known device. Guarded by `a_device_cookie_is_good_for_its_subscriber_device_and_time_only`.
    #[must_use]
    pub fn open_device_cookie(&self, value: &str, now: Timestamp) -> Option<DeviceCookie> {
        let mut parts = value.split('.');
        let (Some(name), Some(device), Some(until), Some(tag), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let subscriber = String::from_utf8(from_base64url(name)?).ok()?;
        if !self.is_right(&["device", &subscriber, device, until], tag) {
            return None;
        }
        let expires_at = Timestamp::from_millis(until.parse().ok()?);
        let cookie = DeviceCookie { subscriber, device: device.parse().ok()?, expires_at };
        (now < expires_at).then_some(cookie)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000);

    fn cookie() -> DeviceCookie {
        DeviceCookie {
            subscriber: "alice@example.org".into(),
            device: 7,
            expires_at: Timestamp::from_millis(2_000),
        }
    }

    #[test]
    fn a_device_cookie_is_good_for_its_subscriber_device_and_time_only() {
        let key = CapabilityKey::new(&[1; KEY_BYTES]);
        let value = key.device_cookie(&cookie());
        assert_eq!(key.open_device_cookie(&value, NOW), Some(cookie()));
        assert_eq!(key.open_device_cookie(&value, Timestamp::from_millis(1_999)), Some(cookie()));
        assert_eq!(key.open_device_cookie(&value, Timestamp::from_millis(2_000)), None);
        let parts: Vec<&str> = value.split('.').collect();
        let bob = to_base64url(b"bob@example.org");
        for forged in [
            [&*bob, parts[1], parts[2], parts[3]].join("."),
            [parts[0], "8", parts[2], parts[3]].join("."),
            [parts[0], parts[1], "9000", parts[3]].join("."),
            [parts[0], parts[1], parts[2], ""].join("."),
            format!("{value}.x"),
            String::new(),
        ] {
            assert_eq!(key.open_device_cookie(&forged, NOW), None, "{forged}");
        }
        let other = CapabilityKey::new(&[2; KEY_BYTES]);
        assert_eq!(other.open_device_cookie(&value, NOW), None);
    }

    #[test]
    fn names_that_nobody_has_seldom_share_a_document() {
        let key = CapabilityKey::new(&[1; KEY_BYTES]);
        let buckets: std::collections::BTreeSet<u32> =
            (0..10_000).map(|n| key.bucket("decoy", &format!("n{n}")) % (1 << 20)).collect();
        // 48 of ten thousand share one by chance.
        assert!(buckets.len() > 9_900, "{}", buckets.len());
    }

    #[test]
    fn a_link_opens_what_it_was_made_for_and_nothing_else() {
        let key = CapabilityKey::new(&[1; KEY_BYTES]);
        let secret = key.link(Link::SignIn, "atm_1");
        assert_eq!(key.open_link(Link::SignIn, &secret), Some("atm_1"));
        assert_eq!(key.open_link(Link::Stream, &secret), None);
        assert_eq!(key.open_link(Link::SignIn, &secret.replace("atm_1", "atm_2")), None);
        assert_eq!(key.open_link(Link::SignIn, "atm_1"), None);
    }
}
