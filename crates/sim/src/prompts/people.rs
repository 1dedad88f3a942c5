//! The people whose phones ring: what they hold, where they are, what they have in hand.

use std::collections::{BTreeMap, BTreeSet};

use pushback_model::Timestamp;
use pushback_verify::{
    AttemptId, AuthenticatorId, CodeDigest, DeviceId, Network, OperatorId, OperatorProof, Place,
    RelyingPartyId, Requester, SubscriberId, Text,
};

use super::ask::Managed;
use crate::rng::mix;

/// Who started something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Owner,
    Stranger,
}

/// The owner's sign-in that is under way.
#[derive(Clone, Debug)]
pub(crate) struct Own {
    pub attempt: AttemptId,
    /// The code on the sign-in screen.
    pub code: String,
    pub tries: u8,
    pub browser: Browser,
    pub rp: u8,
    pub manages: Option<Managed>,
}

/// The browser that the owner signs in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Browser {
    /// The one that has the device cookie.
    Usual,
    /// One that has none.
    Borrowed,
}

/// One subscriber, as the world around the service knows them.
#[derive(Debug)]
pub(crate) struct Person {
    pub who: usize,
    pub id: SubscriberId,
    pub phone: AuthenticatorId,
    pub passkey: Option<AuthenticatorId>,
    pub totp: Option<AuthenticatorId>,
    pub certificate: Option<AuthenticatorId>,
    pub recovery: Option<AuthenticatorId>,
    /// The next saved recovery code that is unused.
    pub saved_next: u64,
    /// One that was taken and must not be taken again.
    pub saved_used: Option<u64>,
    /// The next time step whose code has not been typed.
    pub totp_step: u64,
    /// What the device cookies of the usual browser name: each application keeps its own.
    pub cookies: BTreeMap<u8, DeviceId>,
    /// A cookie that a stranger got by a success, and at which application.
    pub stolen_cookie: Option<(u8, DeviceId)>,
    pub is_abroad: bool,
    pub own: Option<Own>,
    /// Keys of wake-ups that the phone has had; it sounds once a key.
    pub heard: BTreeSet<u64>,
    /// Numbers the attempts, so that none has the name of another.
    pub attempts: u32,
    /// A reset that the owner has asked for themselves.
    pub wants_reset: bool,
}

/// Countries, with a network in each; documentation numbers and invented names.
const COUNTRIES: [&str; 6] = ["FR", "DE", "US", "BR", "JP", "NG"];

/// The digest of a key or code that belongs to somebody, by a number.
pub(crate) fn digest(who: usize, what: u64) -> CodeDigest {
    let mut bytes = [0; 32];
    for (at, word) in bytes.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        *word = mix(&[who as u64, what, at as u64]).to_le_bytes();
    }
    CodeDigest::new(bytes)
}

pub(crate) fn operator(name: &str) -> Option<OperatorProof> {
    Some(OperatorProof::passkey_session(OperatorId::parse(name).ok()?, Text::new(name)))
}

const APPLICATIONS: [&str; 4] = ["Wiki", "Mail", "Payroll", "VPN"];

/// One of the applications: its id and its name.
pub(crate) fn relying_party(rp: u8) -> Option<(RelyingPartyId, &'static str)> {
    let name = APPLICATIONS.get(usize::from(rp) % APPLICATIONS.len()).copied()?;
    Some((RelyingPartyId::parse(name).ok()?, name))
}

/// The number of the application of this id.
pub(crate) fn number_of(relying_party: &RelyingPartyId) -> Option<u8> {
    let place = APPLICATIONS.iter().position(|name| *name == relying_party.as_str())?;
    u8::try_from(place).ok()
}

/// Where a requester comes from, by number: the same number is the same address.
pub(crate) fn requester(
    country: usize,
    address: u64,
    browser: &str,
    is_hosting: bool,
) -> Requester {
    let country = COUNTRIES.get(country % COUNTRIES.len()).copied().unwrap_or("FR");
    let asn = 64_496 + (address % 16) as u32;
    // 240.0.0.0/4 belongs to nobody.
    let ip = 0xf000_0000_u32 | (address as u32 & 0x0fff_ffff);
    Requester {
        ip: Some(std::net::Ipv4Addr::from_bits(ip).into()),
        network: Some(Network { asn, name: Text::new("Example Net"), is_hosting }),
        place: Some(Place { country: Text::new(country), city: None, point: None }),
        browser: (!browser.is_empty()).then(|| Text::new(browser)),
        system: None,
    }
}

impl Person {
    pub fn home_country(&self) -> usize {
        self.who % 3
    }

    /// The device cookie that the usual browser sends to an application.
    pub fn cookie(&self, rp: u8) -> Option<DeviceId> {
        self.cookies.get(&(rp % APPLICATIONS.len() as u8)).copied()
    }

    /// Where the owner's browser is.
    pub fn browser_from(&self, browser: Browser) -> Requester {
        let name = match browser {
            Browser::Usual => "Firefox",
            Browser::Borrowed => "Chrome",
        };
        let (country, address) = self.place();
        requester(country, address, name, false)
    }

    /// Where the owner's phone is: with the owner, behind the same address or on its own network.
    pub fn phone_from(&self, is_on_own_network: bool) -> Requester {
        let (country, address) = self.place();
        requester(country, address + u64::from(is_on_own_network), "", false)
    }

    fn place(&self) -> (usize, u64) {
        let home = 0x1000 + self.who as u64 * 0x100;
        if self.is_abroad {
            (self.home_country() + 1, home + 0x80)
        } else {
            (self.home_country(), home)
        }
    }

    pub fn attempt(&mut self, side: Side) -> Option<AttemptId> {
        self.attempts += 1;
        let letter = match side {
            Side::Owner => 'o',
            Side::Stranger => 's',
        };
        AttemptId::parse(&format!("{letter}{}", self.attempts)).ok()
    }
}

/// Who started an attempt; its name says so to the world, and nothing to the service.
pub(crate) fn side_of(attempt: &AttemptId) -> Side {
    if attempt.as_str().starts_with('o') { Side::Owner } else { Side::Stranger }
}

/// The instant at which every world begins: a Monday, 2026-03-02T00:00:00Z.
pub(crate) const START: Timestamp = Timestamp::from_seconds(1_772_409_600);
