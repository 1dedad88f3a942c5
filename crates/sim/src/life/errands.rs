//! Changes that people make to their own account, wherever they happen to be.
//!
//! They come last and from dice of their own: a world without them is otherwise the same.

use pushback_model::EventKind;

use crate::act::{Build, By, MINUTE, Origin, What};
use crate::places::{Browser, Net, NetKind};
use crate::rng::Rng;
use crate::settings::Vendor;

use super::own::{OwnSignIn, own_sign_in};

/// Share of days on which a person does such an errand (assumption: about one and a half in a
/// year).
const A_DAY: f64 = 0.004;
/// Share of errands done from a café, a friend's home, a customer's site (assumption).
const SOMEWHERE_NEW: f64 = 0.12;
/// Share done while travelling to another city (assumption).
const ON_THE_ROAD: f64 = 0.06;
/// Share done with a machine of their own that was never used before (assumption): a new laptop is
/// when people set things up.
const NEW_MACHINE: f64 = 0.12;

/// What people change of their own accord, with how often (assumption).
const fn menu(vendor: Vendor) -> &'static [(EventKind, f64)] {
    use EventKind as K;
    match vendor {
        Vendor::OktaOie | Vendor::OktaClassic => &[
            (K::PasswordChanged, 0.5),
            (K::ConsentGranted, 0.2),
            (K::RecoveryChanged, 0.1),
            (K::FactorEnrolled, 0.2),
        ],
        Vendor::EntraM365 => &[
            (K::PasswordChanged, 0.25),
            (K::ConsentGranted, 0.2),
            (K::MailboxRule, 0.35),
            (K::DeviceRegistered, 0.1),
            (K::FactorEnrolled, 0.1),
        ],
        Vendor::Duo | Vendor::PingId => &[(K::FactorEnrolled, 1.0)],
    }
}

/// The same for each vendor: where only authenticators are managed, fewer errands leave a record.
const fn a_day(vendor: Vendor) -> f64 {
    match vendor {
        Vendor::OktaOie | Vendor::OktaClassic | Vendor::EntraM365 => A_DAY,
        Vendor::Duo | Vendor::PingId => A_DAY * 0.35,
    }
}

/// Lets people run their errands.
pub(crate) fn errands(build: &mut Build) {
    let table = menu(build.settings.vendor);
    let rate = a_day(build.settings.vendor);
    let weights: Vec<f64> = table.iter().map(|(_, weight)| *weight).collect();
    for who in 0..build.settings.people {
        let mut rng = build.rng(2_000_000 + u64::from(who));
        let person = build.org.person(who);
        if person.is_dormant {
            continue;
        }
        let first = person.joins_on.max(0);
        for day in first..i64::from(build.settings.days) {
            if !rng.chance(rate) {
                continue;
            }
            let kind =
                table.get(rng.weighted(&weights)).map_or(EventKind::PasswordChanged, |(k, _)| *k);
            errand(build, &mut rng, who, day, kind);
        }
    }
}

fn errand(build: &mut Build, rng: &mut Rng, who: u32, day: i64, kind: EventKind) {
    let person = build.org.person(who).clone();
    let usual = if rng.chance(person.from_home) { person.home } else { person.office };
    let net = match rng.weighted(&[SOMEWHERE_NEW, ON_THE_ROAD, 1.0 - SOMEWHERE_NEW - ON_THE_ROAD]) {
        0 => {
            let kind = if rng.chance(0.5) { NetKind::Home } else { NetKind::Hotel };
            Net::new(rng, kind, person.city)
        }
        1 => {
            let city = rng.int(0, 21) as u8;
            Net::new(rng, NetKind::Hotel, city)
        }
        _ => usual,
    };
    let mut from = Origin { net, ..person.laptop };
    if rng.chance(NEW_MACHINE) {
        from =
            Origin { net, browser: Browser::desktop(rng), device: rng.bits(), is_managed: false };
    }
    let at = build.local(net.city, day, rng.between(8.0, 20.0));
    let how = OwnSignIn { who, at, from, must_prompt: true, miss: Some(0.05) };
    let Some(session) = own_sign_in(build, rng, how) else { return };
    let at = at + rng.int(3, 40) * MINUTE;
    let change = What::Change { kind, by: By::Subscriber, from, session, detail: 0 };
    build.push(at, who, change, None);
}
