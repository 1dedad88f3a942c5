//! From identity events to compact records.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use pushback_model::{
    Endpoint, EventKind, IdentityEvent, Key, Risk, Source, country_code, key_of, key_of_parts,
};

use crate::identity::Claims;
use crate::memory::Memory;
use crate::policy::Networks;
use crate::providers::{
    is_hosting, is_hosting_address, is_hosting_number, is_relay, is_vpn, is_vpn_number,
};
use crate::record::{Place, Position, Record, flag};

/// The key of a vendor's record.
pub(crate) fn event_key(source: Source, id: &str) -> Key {
    key_of_parts(&[source.name(), id])
}

/// Turns events into records and remembers who is called what.
///
/// One intake serves one thread; [`Intake::merge`] joins what they learnt.
#[derive(Clone, Debug, Default)]
pub struct Intake {
    claims: Claims,
    quiet: Vec<IpNet>,
    egress: Vec<IpNet>,
    egress_asn: BTreeSet<u32>,
    hosting: Vec<IpNet>,
    /// Country, city and region: the keys of the city and of the country.
    places: Memory<3, (u32, u16)>,
    /// The name of a provider: whether it is one of hosting.
    providers: Memory<1, (bool, bool)>,
    /// A user agent as text, system and browser: its key and what it is.
    agents: Memory<3, (Key, Family)>,
    /// An application's name: its key.
    apps: Memory<1, u32>,
}

impl Intake {
    /// An intake that marks the networks of the policy. Entries that are not networks are skipped;
    /// [`crate::Policy::problems`] reports them.
    #[must_use]
    pub fn new(networks: &Networks) -> Self {
        let parse = |list: &[String]| list.iter().filter_map(|text| network(text)).collect();
        Self {
            quiet: parse(&networks.quiet),
            egress: parse(&networks.egress),
            egress_asn: networks.egress_asn.iter().copied().collect(),
            hosting: parse(&networks.hosting),
            ..Self::default()
        }
    }

    /// The compact record of an event, and a note of the names in it.
    pub fn take(&mut self, event: &IdentityEvent<'_>, position: Position) -> Record {
        let requester = &event.requester;
        let agent = &requester.agent;
        let parts = [&*agent.raw, &*agent.os, &*agent.browser];
        let (agent_key, family) = self.agents.get(parts, |parts| {
            let family = Family::of(&agent.os, &agent.browser, &agent.raw);
            // A log-on at a machine names its system (Duo for Windows Logon). That is no browser, and
            // nothing to be compared with one.
            if agent.raw.is_empty() && agent.browser.is_empty() {
                return (0, Family { key: 0, ..family });
            }
            (key_of_parts(&parts), family)
        });
        let requester_place = self.place(requester);
        let mut flags = 0;
        let mut set = |condition: bool, flag: u16| {
            if condition {
                flags |= flag;
            }
        };
        set(requester.is_managed, flag::MANAGED);
        set(event.risk == Risk::Medium, flag::RISK_MEDIUM);
        set(event.risk == Risk::High, flag::RISK_HIGH);
        set(event.actor.is_some(), flag::BY_OTHER);
        // So the readers call a rule that moves or marks what it is about, and no more.
        let is_plain =
            event.kind == EventKind::MailboxRule && event.what.starts_with("rule: inbox rule");
        set(is_plain, flag::PLAIN_RULE);
        let is_content = event.source == Source::M365
            && event.kind == EventKind::SessionUsed
            && !event.what.is_empty();
        set(is_content, flag::CONTENT);
        // A client that copies a mailbox or a folder does so for its owner every day.
        let is_copied = || {
            let what = &event.what;
            what.starts_with("copied")
                || what.starts_with("synchronised")
                || what.starts_with("sent")
        };
        set(is_content && !is_copied(), flag::TAKEN);
        if family.is_apples && is_relay(requester.asn, &requester.as_name) {
            set(true, flag::RELAY);
        } else {
            set(requester.is_proxy, flag::PROXY);
            set(is_hosting_number(requester.asn), flag::HOSTING);
            let told = match u32::try_from(requester_place.ip) {
                _ if !requester.as_name.is_empty() => {
                    let name = [&*requester.as_name];
                    self.providers.get(name, |[name]| (is_hosting(name), is_vpn(name)))
                }
                // The unified audit log is full of addresses of Microsoft's own services.
                Ok(ip) if requester.asn == 0 && event.source != Source::M365 => {
                    is_hosting_address(ip)
                }
                _ => (false, false),
            };
            set(told.0, flag::HOSTING);
            set(told.1, flag::VPN);
            set(is_vpn_number(requester.asn), flag::VPN);
        }
        if !self.quiet.is_empty() || !self.egress.is_empty() || !self.hosting.is_empty() {
            let ip: Option<IpAddr> = requester.ip.parse().ok();
            let within = |list: &[IpNet]| ip.is_some_and(|ip| list.iter().any(|n| n.contains(&ip)));
            set(within(&self.quiet), flag::QUIET);
            set(within(&self.egress), flag::EGRESS);
            set(within(&self.hosting), flag::HOSTING);
        }
        set(self.egress_asn.contains(&requester.asn), flag::EGRESS);
        set(family.is_mobile, flag::MOBILE);
        set(family.is_script, flag::SCRIPT);
        // The unified audit log repeats sign-ins, and records of changes tell of changes: both leave
        // out which device it was.
        // So do records in front of a VPN or of a machine itself, which know no browser at all.
        let is_bare = agent_key == 0 && requester.device.is_empty();
        let names_device =
            event.source != Source::M365 && !event.kind.is_lasting_change() && !is_bare;
        set(names_device, flag::NAMES_DEVICE);
        Record {
            at: event.occurred_at,
            who: self.claims.observe(event.source, &event.subscriber),
            id: event_key(event.source, &event.id),
            part: event.part,
            kind: event.kind,
            factor: event.factor,
            source: event.source,
            flags,
            requester: requester_place,
            responder: match &event.responder {
                Some(responder) => self.place(responder),
                None => Place::default(),
            },
            device: key_of(&requester.device),
            family: family.key,
            agent: short(agent_key),
            app: self.apps.get([&event.app], |[name]| short(key_of(name))),
            session: key_of(&event.session),
            transaction: key_of(&event.transaction),
            actor: match &event.actor {
                Some(actor) => self.claims.observe(event.source, actor),
                None => 0,
            },
            position,
        }
    }

    /// Adds what another thread's intake learnt.
    pub fn merge(&mut self, other: Self) {
        self.claims.merge(other.claims);
    }

    /// The names met so far.
    #[must_use]
    pub fn into_claims(self) -> Claims {
        self.claims
    }

    fn place(&mut self, endpoint: &Endpoint<'_>) -> Place {
        let (ip, network) = address(&endpoint.ip);
        let (latitude, longitude) = match endpoint.coordinates {
            Some(point) => (hundredths(point.latitude), hundredths(point.longitude)),
            None => (i16::MIN, i16::MIN),
        };
        let names = [&*endpoint.country, &*endpoint.city, &*endpoint.region];
        let (city, country) = self.places.get(names, |[country, city, region]| {
            let country = match key_of(country) {
                0 => 0,
                key => country_key(country, key),
            };
            (short(key_of_parts(&[city, region])), country)
        });
        Place { ip, network, asn: endpoint.asn, city, latitude, longitude, country }
    }
}

/// A network in CIDR form, or a single address.
pub(crate) fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// An address and the network around it, as keys; zeros if the text is not an address.
fn address(text: &str) -> (Key, u32) {
    match ipv4(text).map(IpAddr::V4).or_else(|| text.parse().ok()) {
        Some(IpAddr::V4(ip)) => {
            let number = u32::from(ip);
            (Key::from(number), (number >> 8) | 0x0100_0000)
        }
        Some(IpAddr::V6(ip)) => match ip.to_ipv4_mapped() {
            Some(mapped) => {
                let number = u32::from(mapped);
                (Key::from(number), (number >> 8) | 0x0100_0000)
            }
            // A subscriber line holds a whole /64 and rotates addresses inside it (RFC 8981).
            None => {
                let [a, b, c, d, ..] = ip.segments();
                let line = [a, b, c, d].map(|s| format!("{s:x}:")).concat();
                let site = [a, b, c].map(|s| format!("{s:x}:")).concat();
                (key_of(&line) | 1 << 63, short(key_of(&site)) | 0x8000_0000)
            }
        },
        None => (0, 0),
    }
}

fn ipv4(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0u8; 4];
    let mut at = 0;
    let mut value: u32 = 0;
    let mut digits = 0;
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' if digits < 3 => {
                value = value * 10 + u32::from(byte - b'0');
                digits += 1;
            }
            b'.' if digits > 0 && at < 3 => {
                *octets.get_mut(at)? = u8::try_from(value).ok()?;
                (at, value, digits) = (at + 1, 0, 0);
            }
            _ => return None,
        }
    }
    if at != 3 || digits == 0 {
        return None;
    }
    *octets.get_mut(at)? = u8::try_from(value).ok()?;
    Some(Ipv4Addr::from(octets))
}

fn hundredths(degrees: f64) -> i16 {
    (degrees * 100.0).round() as i16
}

/// The low half of a key, never 0 for a key that is not 0.
const fn short(key: Key) -> u32 {
    if key == 0 {
        return 0;
    }
    let low = (key ^ (key >> 32)) as u32;
    if low == 0 { 1 } else { low }
}

fn country_key(name: &str, key: Key) -> u16 {
    match country_code(name) {
        Some(code) => u16::from_be_bytes(code),
        // Outside the range of two capital letters, so that a name never passes for a code.
        None => (key as u16) | 0x8000,
    }
}

/// Operating system and browser without versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Family {
    /// `Windows 10` and `windows` agree, `Chrome 120.0` and `CHROME` agree.
    key: u32,
    /// Runs on a phone or tablet.
    is_mobile: bool,
    /// Safari on a device of Apple's.
    is_apples: bool,
    /// A library or a browser without a window: nobody sits before it.
    is_script: bool,
}

impl Family {
    /// Falls back on what the raw user agent says.
    fn of(os: &str, browser: &str, raw: &str) -> Self {
        let raw = raw.to_lowercase();
        let os = if os.is_empty() { os_family(&raw) } else { os_family(&os.to_lowercase()) };
        let browser = if browser.is_empty() {
            browser_family(&raw)
        } else {
            browser_family(&browser.to_lowercase())
        };
        Self {
            key: short(key_of_parts(&[os, browser])),
            is_mobile: matches!(os, "android" | "ios"),
            is_apples: matches!(os, "macos" | "ios") && browser == "safari",
            is_script: matches!(browser, "headless" | "script"),
        }
    }
}

fn os_family(text: &str) -> &'static str {
    // Order matters: an Android user agent says "Linux", an iPhone's says "like Mac OS X".
    const FAMILIES: &[(&str, &str)] = &[
        ("android", "android"),
        ("iphone", "ios"),
        ("ipad", "ios"),
        ("ios", "ios"),
        ("windows", "windows"),
        ("cros", "chromeos"),
        ("chrome os", "chromeos"),
        ("mac", "macos"),
        ("linux", "linux"),
        ("ubuntu", "linux"),
    ];
    FAMILIES.iter().find(|(word, _)| has_word(text, word)).map_or("", |(_, family)| family)
}

/// Whether a word begins with this: `axios` is no phone, and Microsoft no `CrOS`.
fn has_word(text: &str, start: &str) -> bool {
    text.match_indices(start).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(char::is_alphabetic)
    })
}

fn browser_family(text: &str) -> &'static str {
    // Order matters: nearly everyone says "Chrome" and "Safari" too.
    const FAMILIES: &[(&str, &str)] = &[
        ("outlook", "outlook"),
        ("headless", "headless"),
        ("python", "script"),
        ("go-http", "script"),
        ("curl", "script"),
        ("axios", "script"),
        ("node-fetch", "script"),
        ("undici", "script"),
        ("aiohttp", "script"),
        ("httpx", "script"),
        ("wget", "script"),
        ("libwww", "script"),
        ("postman", "script"),
        ("powershell", "script"),
        ("okhttp", "okhttp"),
        ("edg", "edge"),
        ("opera", "opera"),
        ("opr/", "opera"),
        ("firefox", "firefox"),
        ("fxios", "firefox"),
        ("crios", "chrome"),
        ("chrome", "chrome"),
        ("chromium", "chrome"),
        ("safari", "safari"),
        ("bav2ropc", "legacy"),
        ("internet explorer", "ie"),
        ("trident", "ie"),
        ("mobile app", "app"),
        ("rich client", "rich"),
    ];
    FAMILIES.iter().find(|(word, _)| text.contains(word)).map_or("", |(_, family)| family)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_line_share_a_key_and_of_one_site_a_network() {
        assert_eq!(address("192.0.2.1"), (0xC000_0201, 0x01C0_0002));
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
        assert_eq!(address("2001:db8:1:2::1").0, address("2001:db8:1:2:ffff::9").0);
        assert_eq!(address("2001:db8:1:2::1").1, address("2001:db8:1:3::1").1);
        assert_ne!(address("2001:db8:1:2::1").0, address("2001:db8:1:3::1").0);
        assert_eq!(address("300.1.1.1"), (0, 0));
        assert_eq!(address("not an address"), (0, 0));
    }

    #[test]
    fn versions_do_not_make_a_new_family() {
        let a = Family::of("Windows 10", "Chrome 120.0.6099", "");
        let b = Family::of(
            "",
            "",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/121.0.0.0 Safari/537.36",
        );
        assert_eq!(a, b);
        assert_ne!(a, Family::of("Windows 10", "Firefox 121", ""));
    }

    #[test]
    fn a_library_is_no_phone_and_office_no_chromebook() {
        let of = |raw| Family::of("", "", raw);
        let axios = of("axios/1.7.2");
        assert!(axios.is_script && !axios.is_mobile);
        assert!(of("Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/120.0").is_script);
        let office = of("Microsoft Office/16.0 (Macintosh; Mac OS X 14.2; Microsoft Outlook 16.0)");
        assert_eq!(office, Family::of("Mac OS X", "Outlook", ""));
        assert!(
            of("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Safari/604.1").is_mobile
        );
        assert!(Family::of("iOS 18.1", "Mobile Safari 18", "").is_mobile);
    }

    #[test]
    fn safari_behind_apples_relay_is_at_no_hosting_provider() {
        let flags = |browser: &str, as_name: &str| {
            let mut event = IdentityEvent::new(
                Source::Okta,
                EventKind::PromptSent,
                pushback_model::Timestamp::from_millis(0),
            );
            event.requester = Endpoint {
                asn: 13_335,
                as_name: as_name.to_owned().into(),
                is_proxy: true,
                ..Endpoint::default()
            };
            event.requester.agent.os = "iOS".into();
            event.requester.agent.browser = browser.to_owned().into();
            Intake::default().take(&event, Position::default()).flags
        };
        let of_strangers = flag::PROXY | flag::HOSTING;
        assert_eq!(flags("Mobile Safari", "Cloudflare") & of_strangers, 0);
        assert_eq!(flags("Chrome", "Cloudflare") & of_strangers, of_strangers);
    }

    #[test]
    fn a_country_is_the_same_by_name_and_by_code() {
        assert_eq!(country_key("Germany", 1), country_key("de", 2));
    }
}
