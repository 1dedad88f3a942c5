//! The people of an organisation and their habits.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use crate::act::{DAY, Origin};
use crate::places::{Browser, CITIES, Net, NetKind, city_at};
use crate::rng::{Rng, mix};
use crate::settings::Settings;

/// When somebody works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shift {
    Day,
    Night,
    Weekend,
    Irregular,
}

/// One subscriber.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) display: String,
    pub(crate) mail: String,
    pub(crate) login: String,
    /// The vendor's opaque id.
    pub(crate) id: String,
    pub(crate) key: u64,
    pub(crate) city: u8,
    pub(crate) shift: Shift,
    /// Sign-ins on a working day, 0.3 to 12.
    pub(crate) rate: f64,
    /// Share of the sign-ins that need a second step.
    pub(crate) second_step: f64,
    /// Median of the answer delay in seconds.
    pub(crate) answer_s: f64,
    /// Share of own prompts that stay silent.
    pub(crate) miss: f64,
    /// Share of own prompts denied by mistake.
    pub(crate) slip: f64,
    pub(crate) phones: u8,
    pub(crate) prefers_code: bool,
    pub(crate) uses_device_key: bool,
    pub(crate) from_home: f64,
    pub(crate) laptop: Origin,
    pub(crate) phone: Origin,
    pub(crate) second: Option<Origin>,
    pub(crate) home: Net,
    pub(crate) office: Net,
    pub(crate) mobile: Net,
    pub(crate) is_admin: bool,
    /// Made no sign-in for months; C11's prey.
    pub(crate) is_dormant: bool,
    /// Days away: (first, last, network).
    pub(crate) away: Option<(i64, i64, Net)>,
    /// First day of work, for those who join during the world.
    pub(crate) joins_on: i64,
}

/// The organisation.
#[derive(Debug)]
pub(crate) struct Organisation {
    pub(crate) people: Vec<Person>,
    pub(crate) domain: String,
    /// The company VPN's exit.
    pub(crate) vpn: Net,
    /// Where managed laptops come out half of the time; none in most organisations.
    pub(crate) gateways: Vec<Net>,
    /// Whether Windows laptops ask for a second factor at log-on (products that guard computers).
    pub(crate) guards_laptops: bool,
    /// Whether approving means giving a number.
    pub(crate) number_match: bool,
    /// Whether the phone's agent, rather than the browser's, stands in answers.
    pub(crate) phone_agent: bool,
    /// Key of the tenant.
    pub(crate) tenant: u64,
    offsets: BTreeMap<(u8, i64), i64>,
    fallback: Person,
}

const FIRST: &[&str] = &[
    "Ada", "Amir", "Anouk", "Bela", "Carla", "Chen", "Dagny", "Dmitri", "Elif", "Emeka", "Farid",
    "Freya", "Gita", "Gustav", "Hana", "Hugo", "Ines", "Ivo", "Jarek", "Jolie", "Kaya", "Kofi",
    "Lena", "Luca", "Maeve", "Milan", "Nadia", "Nils", "Olga", "Omar", "Petra", "Priya", "Quentin",
    "Rosa", "Ruben", "Sana", "Stefan", "Tara", "Tomas", "Uma", "Viktor", "Wanda", "Ximena", "Yara",
    "Yusuf", "Zoe",
];
const LAST: &[&str] = &[
    "Abara",
    "Aldous",
    "Bakker",
    "Berisha",
    "Calder",
    "Castell",
    "Dahl",
    "Drozd",
    "Eberle",
    "Farrow",
    "Fonseca",
    "Garrow",
    "Hallam",
    "Hsu",
    "Ibarra",
    "Iyer",
    "Jansky",
    "Keller",
    "Kimura",
    "Lindqvist",
    "Lowe",
    "Maddox",
    "Moreau",
    "Nair",
    "Novak",
    "Okafor",
    "Orlov",
    "Pacheco",
    "Quist",
    "Rahman",
    "Rinaldi",
    "Sato",
    "Sorel",
    "Tanaka",
    "Thorne",
    "Ulrich",
    "Varga",
    "Weiss",
    "Yilmaz",
    "Zeller",
];
/// Sites of the organisation: indices into the cities, the first is the largest.
const SITES: &[(&[u8], f64)] =
    &[(&[0, 1, 2, 3], 0.45), (&[4, 5], 0.2), (&[6, 7], 0.15), (&[8, 9], 0.14), (&[10], 0.06)];

/// Cities in which a company's gateways stand.
const GATEWAY_CITIES: [u8; 3] = [1, 4, 7];

impl Organisation {
    pub(crate) fn new(settings: &Settings) -> Self {
        let mut rng = Rng::new(settings.seed, 1);
        let tenant = rng.bits();
        let offices: Vec<Net> =
            (0..CITIES.len() as u8).map(|city| Net::new(&mut rng, NetKind::Office, city)).collect();
        let vpn = Net::new(&mut rng, NetKind::Office, 0);
        let mut people = Vec::with_capacity(settings.people as usize);
        for n in 0..settings.people {
            people.push(person(&mut rng, settings, n, &offices));
        }
        let number_match = rng.chance(0.4);
        let phone_agent = rng.chance(0.65);
        let has_gateways = rng.chance(0.33);
        let gateways = GATEWAY_CITIES.map(|city| Net::gateway(&mut rng, city));
        let guards_laptops = rng.chance(0.5);
        let fallback = person(&mut rng, settings, settings.people, &offices);
        let mut offsets = BTreeMap::new();
        let first = settings.start.as_millis().div_euclid(DAY) - 1;
        for (at, city) in CITIES.iter().enumerate() {
            // The bundled time zone database knows every zone of the table; UTC if it ever did not.
            let zone = TimeZone::get(city.zone).unwrap_or(TimeZone::UTC);
            for day in first..first + i64::from(settings.days) + 3 {
                let noon = jiff::Timestamp::from_second(day * 86_400 + 43_200).unwrap_or_default();
                offsets.insert((at as u8, day), i64::from(zone.to_offset(noon).seconds()) * 1_000);
            }
        }
        Self {
            people,
            domain: settings.domain.clone(),
            vpn,
            gateways: if has_gateways { gateways.to_vec() } else { Vec::new() },
            guards_laptops,
            number_match,
            phone_agent,
            tenant,
            offsets,
            fallback,
        }
    }

    /// Where a person's managed laptop comes out if it goes through a gateway: mostly the nearest one.
    pub(crate) fn gateway(&self, rng: &mut Rng, city: u8) -> Option<Net> {
        let home = city_at(city);
        let far = |net: &Net| {
            let there = city_at(net.city);
            (there.lat - home.lat).powi(2) + (there.lon - home.lon).powi(2)
        };
        let nearest = self.gateways.iter().min_by(|a, b| far(a).total_cmp(&far(b)));
        if rng.chance(0.04) { self.gateways.get(rng.int(0, 3) as usize) } else { nearest }.copied()
    }

    /// The person with an index; a stranger to everybody for an index that is off the list.
    pub(crate) fn person(&self, who: u32) -> &Person {
        self.people.get(who as usize).unwrap_or(&self.fallback)
    }

    pub(crate) fn person_mut(&mut self, who: u32) -> &mut Person {
        self.people.get_mut(who as usize).unwrap_or(&mut self.fallback)
    }

    /// Local time minus UTC in a city on the day of an instant.
    pub(crate) fn offset_ms(&self, city: u8, at: i64) -> i64 {
        self.offsets.get(&(city, at.div_euclid(DAY))).copied().unwrap_or(0)
    }
}

fn person(rng: &mut Rng, settings: &Settings, n: u32, offices: &[Net]) -> Person {
    let first = *rng.pick(FIRST);
    let last = *rng.pick(LAST);
    let site = rng.weighted(&SITES.map_weights());
    let city = SITES.get(site).map_or(0, |(cities, _)| *rng.pick(cities));
    let shift = match rng.weighted(&[0.84, 0.06, 0.05, 0.05]) {
        0 => Shift::Day,
        1 => Shift::Night,
        2 => Shift::Weekend,
        _ => Shift::Irregular,
    };
    let is_managed = rng.chance(0.7);
    let home = Net::new(rng, NetKind::Home, city);
    let office = offices.get(usize::from(city)).copied().unwrap_or(home);
    let mobile = Net::new(rng, NetKind::Mobile, city);
    let laptop =
        Origin { net: home, browser: Browser::desktop(rng), device: rng.bits(), is_managed };
    let phone =
        Origin { net: mobile, browser: Browser::phone(rng), device: rng.bits(), is_managed: false };
    let has_second = rng.chance(0.3);
    let second =
        Origin { net: home, browser: Browser::desktop(rng), device: rng.bits(), is_managed: false };
    let key = rng.bits();
    // The number keeps names unique without looking odd.
    let login =
        format!("{}{}{n}", first.to_lowercase(), last.to_lowercase().chars().next().unwrap_or('x'));
    Person {
        display: format!("{first} {last}"),
        mail: format!("{}.{}{n}@{}", first.to_lowercase(), last.to_lowercase(), settings.domain),
        login,
        id: String::new(),
        key,
        city,
        shift,
        rate: rng.log_normal(2.2, 0.75).clamp(0.3, 12.0),
        second_step: rng.between(0.12, 0.95),
        answer_s: rng.log_normal(9.0, 0.35).clamp(3.0, 30.0),
        miss: (rng.exponential(0.022) * settings.assumptions.miss).min(0.3),
        slip: rng.exponential(0.002).min(0.02),
        phones: if rng.chance(0.18) { 2 } else { 1 },
        prefers_code: rng.chance(0.08),
        uses_device_key: is_managed && rng.chance(0.25),
        from_home: rng.unit(),
        laptop,
        phone,
        second: has_second.then_some(second),
        home,
        office,
        mobile,
        is_admin: n % 33 == 5,
        is_dormant: n % 21 == 20,
        away: None,
        joins_on: i64::MIN,
    }
    .with_id(settings)
}

impl Person {
    fn with_id(mut self, settings: &Settings) -> Self {
        use crate::settings::Vendor;
        let (a, b) = (mix(&[self.key, 1]), mix(&[self.key, 2]));
        self.id = match settings.vendor {
            Vendor::OktaOie | Vendor::OktaClassic => format!("00u{}", letters(a, 17)),
            Vendor::EntraM365 => uuid(a, b),
            Vendor::Duo => format!("DU{}", letters(a, 18).to_uppercase()),
            Vendor::PingId => String::new(),
        };
        self
    }

    pub(crate) fn country_code(&self) -> &'static str {
        city_at(self.city).code
    }
}

trait Weights {
    fn map_weights(&self) -> Vec<f64>;
}

impl Weights for [(&[u8], f64)] {
    fn map_weights(&self) -> Vec<f64> {
        self.iter().map(|(_, weight)| *weight).collect()
    }
}

/// Letters and digits that look like a vendor's key.
pub(crate) fn letters(seed: u64, count: usize) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
    (0..count)
        .map(|at| {
            let bits = mix(&[seed, at as u64]);
            char::from(*ALPHABET.get((bits % 32) as usize).unwrap_or(&b'a'))
        })
        .collect()
}

/// A version-4 shaped UUID from two numbers.
pub(crate) fn uuid(a: u64, b: u64) -> String {
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0xfff,
        0x8000 | (b >> 48 & 0x3fff),
        b & 0xffff_ffff_ffff
    )
}
