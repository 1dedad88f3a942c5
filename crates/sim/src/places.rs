//! Where people and attackers sit: cities, networks and the programs they use.
//!
//! Addresses never belong to anyone: IPv4 comes from 240.0.0.0/4 (reserved, RFC 1112), IPv6 from
//! the documentation prefix 3fff::/20 (RFC 9637). They keep the structure of real ones: a provider owns blocks, a home keeps its block for a while.

use crate::rng::{Rng, mix};

/// A city with its time zone (IANA) and centre.
#[derive(Debug)]
pub(crate) struct City {
    pub(crate) name: &'static str,
    pub(crate) state: &'static str,
    pub(crate) country: &'static str,
    pub(crate) code: &'static str,
    pub(crate) zone: &'static str,
    pub(crate) lat: f64,
    pub(crate) lon: f64,
}

const fn city(
    name: &'static str,
    state: &'static str,
    country: &'static str,
    code: &'static str,
    zone: &'static str,
    lat: f64,
    lon: f64,
) -> City {
    City { name, state, country, code, zone, lat, lon }
}

/// The cities of the world. Those of one country stand together.
pub(crate) static CITIES: &[City] = &[
    city("Chicago", "Illinois", "United States", "US", "America/Chicago", 41.88, -87.63),
    city("Denver", "Colorado", "United States", "US", "America/Denver", 39.74, -104.99),
    city("Boston", "Massachusetts", "United States", "US", "America/New_York", 42.36, -71.06),
    city("Seattle", "Washington", "United States", "US", "America/Los_Angeles", 47.61, -122.33),
    city("Munich", "Bavaria", "Germany", "DE", "Europe/Berlin", 48.14, 11.58),
    city("Hamburg", "Hamburg", "Germany", "DE", "Europe/Berlin", 53.55, 9.99),
    city("London", "England", "United Kingdom", "GB", "Europe/London", 51.51, -0.13),
    city("Leeds", "England", "United Kingdom", "GB", "Europe/London", 53.80, -1.55),
    city("Pune", "Maharashtra", "India", "IN", "Asia/Kolkata", 18.52, 73.86),
    city("Chennai", "Tamil Nadu", "India", "IN", "Asia/Kolkata", 13.08, 80.27),
    city("Melbourne", "Victoria", "Australia", "AU", "Australia/Melbourne", -37.81, 144.96),
    city("Toronto", "Ontario", "Canada", "CA", "America/Toronto", 43.65, -79.38),
    city("Lyon", "Auvergne-Rhone-Alpes", "France", "FR", "Europe/Paris", 45.76, 4.84),
    city("Madrid", "Madrid", "Spain", "ES", "Europe/Madrid", 40.42, -3.70),
    city("Warsaw", "Mazovia", "Poland", "PL", "Europe/Warsaw", 52.23, 21.01),
    city("Sao Paulo", "Sao Paulo", "Brazil", "BR", "America/Sao_Paulo", -23.55, -46.63),
    city("Lagos", "Lagos", "Nigeria", "NG", "Africa/Lagos", 6.52, 3.38),
    city("Bucharest", "Bucuresti", "Romania", "RO", "Europe/Bucharest", 44.43, 26.10),
    city("Jakarta", "Jakarta", "Indonesia", "ID", "Asia/Jakarta", -6.21, 106.85),
    city("Kyiv", "Kyiv City", "Ukraine", "UA", "Europe/Kyiv", 50.45, 30.52),
    city("Amsterdam", "North Holland", "Netherlands", "NL", "Europe/Amsterdam", 52.37, 4.90),
];

/// What a network is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NetKind {
    Home,
    Office,
    Mobile,
    Hosting,
    Vpn,
    Hotel,
}

/// A network somebody signs in from: a provider, a place, and an address at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Net {
    pub(crate) kind: NetKind,
    pub(crate) city: u8,
    pub(crate) asn: u32,
    pub(crate) provider: &'static str,
    pub(crate) block: u64,
    pub(crate) ipv6: bool,
}

/// Providers by country: (number, name). Numbers are real so that lists of hosting networks apply.
const HOME: &[(&str, &[(u32, &str)])] = &[
    (
        "US",
        &[
            (7922, "comcast cable communications, llc"),
            (7018, "at&t corp."),
            (20001, "charter communications inc"),
        ],
    ),
    ("DE", &[(3320, "deutsche telekom ag"), (3209, "vodafone gmbh"), (8881, "1&1 versatel gmbh")]),
    (
        "GB",
        &[
            (2856, "british telecommunications plc"),
            (5607, "sky uk limited"),
            (5089, "virgin media limited"),
        ],
    ),
    (
        "IN",
        &[
            (24560, "bharti airtel ltd."),
            (55836, "reliance jio infocomm limited"),
            (17488, "hathway cable and datacom limited"),
        ],
    ),
    ("AU", &[(1221, "telstra limited"), (4764, "aussie broadband")]),
    ("CA", &[(577, "bell canada"), (812, "rogers communications canada inc.")]),
];
const MOBILE: &[(&str, (u32, &str))] = &[
    ("US", (21928, "t-mobile usa, inc.")),
    ("DE", (6805, "telefonica germany gmbh & co.ohg")),
    ("GB", (12576, "ee limited")),
    ("IN", (55836, "reliance jio infocomm limited")),
    ("AU", (133612, "vodafone australia pty ltd")),
    ("CA", (852, "telus communications inc.")),
];
const OTHER: &[(u32, &str)] = &[
    (3215, "orange s.a."),
    (3352, "telefonica de espana s.a.u."),
    (5617, "orange polska spolka akcyjna"),
    (28573, "claro nxt telecomunicacoes ltda"),
    (29465, "mtn nigeria communication limited"),
    (8708, "digi romania s.a."),
    (7713, "pt telekomunikasi indonesia"),
    (15895, "kyivstar pjsc"),
];
const HOSTING: &[(u32, &str)] = &[
    (14061, "digitalocean, llc"),
    (16276, "ovh sas"),
    (24940, "hetzner online gmbh"),
    (20473, "the constant company, llc"),
    (63949, "akamai connected cloud"),
];
const VPN: &[(u32, &str)] =
    &[(9009, "m247 europe srl"), (212238, "datacamp limited"), (39351, "31173 services ab")];

const GATEWAY: (u32, &str) = (22616, "zscaler, inc.");

/// The city, by index; the first one for an index that is off the table.
pub(crate) fn city_at(index: u8) -> &'static City {
    static FALLBACK: City =
        city("Chicago", "Illinois", "United States", "US", "America/Chicago", 41.88, -87.63);
    CITIES.get(usize::from(index)).unwrap_or(&FALLBACK)
}

impl Net {
    /// A network of a kind in a city, with a block of its own.
    pub(crate) fn new(rng: &mut Rng, kind: NetKind, city: u8) -> Self {
        let code = city_at(city).code;
        let (asn, provider) = match kind {
            NetKind::Mobile => MOBILE
                .iter()
                .find(|(c, _)| *c == code)
                .map_or_else(|| *rng.pick(OTHER), |(_, p)| *p),
            NetKind::Hosting => *rng.pick(HOSTING),
            NetKind::Vpn => *rng.pick(VPN),
            NetKind::Home | NetKind::Office | NetKind::Hotel => {
                let list = HOME.iter().find(|(c, _)| *c == code).map_or(OTHER, |(_, list)| *list);
                *rng.pick(list)
            }
        };
        let ipv6 = match kind {
            NetKind::Home => rng.chance(0.4),
            NetKind::Mobile => rng.chance(0.5),
            NetKind::Office | NetKind::Hosting | NetKind::Vpn | NetKind::Hotel => false,
        };
        Self { kind, city, asn, provider, block: rng.bits(), ipv6 }
    }

    /// A company's gateway to the web in a city: one address for all who come out there.
    pub(crate) fn gateway(rng: &mut Rng, city: u8) -> Self {
        let (asn, provider) = GATEWAY;
        Self { asn, provider, ..Self::new(rng, NetKind::Office, city) }
    }

    /// The address at an instant. Homes keep theirs for about ten days, phones change often,
    /// offices, hotels and servers keep theirs; IPv6 hosts use a new interface part each day.
    pub(crate) fn address(&self, at_ms: i64, host: u64) -> String {
        let day = at_ms.div_euclid(86_400_000) as u64;
        let provider = mix(&[u64::from(self.asn), u64::from(self.city)]);
        match (self.kind, self.ipv6) {
            (NetKind::Mobile, true) => {
                let hour = at_ms.div_euclid(14_400_000) as u64;
                let net = mix(&[self.block, hour, 6]);
                format!(
                    "3fff:{:x}:{:x}:{:x}::{:x}",
                    provider & 0xfff,
                    (net >> 16) & 0x3f,
                    net & 0xffff,
                    (net >> 32) & 0xff
                )
            }
            (NetKind::Mobile, false) => {
                // Carrier NAT: one of a few thousand exits of the carrier, another one every few hours.
                let hour = at_ms.div_euclid(7_200_000) as u64;
                let exit = mix(&[self.block, hour, 4]);
                let block = provider % 16;
                format!(
                    "{}.{}.{}.{}",
                    244 + block % 4,
                    64 + block,
                    exit & 0x1f,
                    1 + (exit >> 8) % 254
                )
            }
            (_, true) => {
                let net = mix(&[self.block, 6]);
                let host = mix(&[host, day]);
                format!(
                    "3fff:{:x}:{:x}:{:x}:{:x}:{:x}:{:x}:{:x}",
                    provider & 0xfff,
                    (net >> 16) & 0xffff,
                    net & 0xff00,
                    (host >> 48) & 0xffff,
                    (host >> 32) & 0xffff,
                    (host >> 16) & 0xffff,
                    host & 0xffff
                )
            }
            (kind, false) => {
                let lease = match kind {
                    NetKind::Home => day.wrapping_add(self.block % 10) / 10,
                    NetKind::Office
                    | NetKind::Hosting
                    | NetKind::Vpn
                    | NetKind::Hotel
                    | NetKind::Mobile => 0,
                };
                let net = mix(&[self.block, lease, 4]);
                // A provider owns sixteen /16 a city; a renewed lease stays within them.
                let second = (provider >> 8).wrapping_add(net >> 32 & 0xf) & 0xff;
                format!("{}.{second}.{}.{}", 240 + provider % 15, (net >> 8) & 0xff, 1 + net % 254)
            }
        }
    }

    pub(crate) const fn is_office(&self) -> bool {
        matches!(self.kind, NetKind::Office)
    }

    pub(crate) const fn is_proxy(&self) -> bool {
        matches!(self.kind, NetKind::Vpn)
    }
}

/// The system a program runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum System {
    Windows,
    Mac,
    Ios,
    Android,
    Linux,
}

/// The program somebody signs in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Browser {
    pub(crate) system: System,
    /// 0 Chrome, 1 Edge, 2 Firefox, 3 Safari, 4 a script.
    pub(crate) program: u8,
    /// Version on the first day of the world.
    pub(crate) version: u32,
    /// Day of the world on which this machine updates.
    pub(crate) updates_on: u32,
}

impl Browser {
    pub(crate) fn desktop(rng: &mut Rng) -> Self {
        let system = match rng.weighted(&[0.62, 0.33, 0.05]) {
            0 => System::Windows,
            1 => System::Mac,
            _ => System::Linux,
        };
        let program = match system {
            System::Windows => rng.weighted(&[0.55, 0.35, 0.1]) as u8,
            System::Mac => *rng.pick(&[0, 0, 0, 0, 0, 0, 3, 3, 3, 2]),
            System::Linux | System::Ios | System::Android => *rng.pick(&[0, 2]),
        };
        Self {
            system,
            program,
            version: rng.int(138, 143) as u32,
            updates_on: rng.int(1, 28) as u32,
        }
    }

    pub(crate) fn phone(rng: &mut Rng) -> Self {
        let apple = rng.chance(0.55);
        let (system, program) = if apple { (System::Ios, 3) } else { (System::Android, 0) };
        Self {
            system,
            program,
            version: rng.int(138, 143) as u32,
            updates_on: rng.int(1, 28) as u32,
        }
    }

    /// A tool that makes no secret of itself.
    pub(crate) fn script(rng: &mut Rng) -> Self {
        Self { system: System::Linux, program: 4, version: rng.int(28, 33) as u32, updates_on: 99 }
    }

    pub(crate) fn version_on(&self, day: u32) -> u32 {
        if self.program == 3 {
            17 + self.version % 2
        } else {
            self.version + u32::from(day >= self.updates_on)
        }
    }

    pub(crate) const fn name(&self) -> &'static str {
        match self.program {
            0 => "Chrome",
            1 => "Edge",
            2 => "Firefox",
            3 => "Safari",
            _ => "python-requests",
        }
    }

    pub(crate) const fn os(&self) -> (&'static str, &'static str) {
        match self.system {
            System::Windows => ("Windows", "11"),
            System::Mac => ("Mac OS X", "15.1"),
            System::Ios => ("iOS", "18.1"),
            System::Android => ("Android", "15"),
            System::Linux => ("Linux", "6.8"),
        }
    }

    pub(crate) const fn is_mobile(&self) -> bool {
        matches!(self.system, System::Ios | System::Android)
    }

    pub(crate) fn agent(&self, day: u32) -> String {
        let v = self.version_on(day);
        let platform = match self.system {
            System::Windows => "Windows NT 10.0; Win64; x64",
            System::Mac => "Macintosh; Intel Mac OS X 10_15_7",
            System::Ios => "iPhone; CPU iPhone OS 18_1 like Mac OS X",
            System::Android => "Linux; Android 10; K",
            System::Linux => "X11; Linux x86_64",
        };
        match self.program {
            0 => format!(
                "Mozilla/5.0 ({platform}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Safari/537.36"
            ),
            1 => format!(
                "Mozilla/5.0 ({platform}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Safari/537.36 Edg/{v}.0.0.0"
            ),
            2 => format!("Mozilla/5.0 ({platform}; rv:{v}.0) Gecko/20100101 Firefox/{v}.0"),
            3 => format!(
                "Mozilla/5.0 ({platform}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{v}.5 Safari/605.1.15"
            ),
            _ => format!("python-requests/2.{v}.0"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_parses_and_belongs_to_nobody() {
        let mut rng = Rng::new(3, 3);
        for n in 0..2000_i64 {
            let kind = *rng.pick(&[
                NetKind::Home,
                NetKind::Office,
                NetKind::Mobile,
                NetKind::Hosting,
                NetKind::Vpn,
                NetKind::Hotel,
            ]);
            let city = rng.int(0, CITIES.len() as i64) as u8;
            let text = Net::new(&mut rng, kind, city).address(n * 3_600_000, 5);
            let reserved = match text.parse::<std::net::IpAddr>().expect(&text) {
                std::net::IpAddr::V4(ip) => ip.octets()[0] >= 240 && ip.octets()[0] < 255,
                std::net::IpAddr::V6(ip) => ip.segments()[0] == 0x3fff && ip.segments()[1] <= 0xfff,
            };
            assert!(reserved, "{text}");
        }
    }
}
