//! Ordinary days.

use pushback_model::{EventKind, Factor};

use crate::act::{Answer, Build, By, HOUR, MINUTE, Origin, SECOND, Step, What};
use crate::people::Shift;
use crate::places::{Browser, Net, NetKind, System};
use crate::rng::Rng;

use super::own::{OwnSignIn, answer_delay, own_sign_in, phone_end};

/// Lets everybody live through every day, and the administrators do their chores.
pub(crate) fn ordinary(build: &mut Build) {
    let people = build.settings.people;
    for who in 0..people {
        let mut rng = build.rng(1_000 + u64::from(who));
        if build.org.person(who).is_dormant {
            continue;
        }
        for day in 0..i64::from(build.settings.days) {
            one_day(build, &mut rng, who, day);
        }
    }
    chores(build);
}

fn one_day(build: &mut Build, rng: &mut Rng, who: u32, day: i64) {
    let person = build.org.person(who).clone();
    if day < person.joins_on {
        return;
    }
    let weekday = (build.settings.start.day() + day + 3).rem_euclid(7); // 1970-01-01 was a Thursday
    let is_weekend = weekday >= 5;
    let works = match person.shift {
        Shift::Day => rng.chance(if is_weekend { 0.07 } else { 0.93 }),
        Shift::Night => rng.chance(if is_weekend { 0.3 } else { 0.8 }),
        Shift::Weekend => rng.chance(if is_weekend || weekday == 4 { 0.92 } else { 0.2 }),
        Shift::Irregular => rng.chance(0.7),
    };
    let count = rng.poisson(person.rate * if works { 1.0 } else { 0.12 });
    let away = person.away.filter(|(from, to, _)| (*from..=*to).contains(&day));
    let from_home = rng.chance(person.from_home);
    let city = away.map_or(person.city, |(_, _, net)| net.city);
    if works && build.org.guards_laptops {
        log_on(build, rng, &person, (who, day), from_home, away.map(|(_, _, net)| net));
    }
    for _ in 0..count {
        let hour = match person.shift {
            Shift::Day | Shift::Weekend if rng.chance(0.9) => {
                rng.normal(8.4, 0.7) + rng.between(0.0, 9.0)
            }
            Shift::Day | Shift::Weekend => rng.between(17.5, 23.5),
            Shift::Night => rng.between(21.0, 30.0),
            Shift::Irregular => rng.between(6.0, 26.0),
        };
        let at = build.local(city, day, hour);
        let (from, must_prompt) =
            origin(build, rng, &person, away.map(|(_, _, net)| net), from_home, hour);
        own_sign_in(build, rng, OwnSignIn { who, at, from, must_prompt, miss: None });
    }
    // Life goes on: a password changed, a factor added, an old browser replaced.
    if rng.chance(0.006) {
        let at = build.local(city, day, rng.between(9.0, 17.0));
        let from =
            Origin { net: if from_home { person.home } else { person.office }, ..person.laptop };
        let session = own_sign_in(
            build,
            rng,
            OwnSignIn { who, at, from, must_prompt: true, miss: Some(0.0) },
        );
        let kind = match rng.weighted(&[0.6, 0.25, 0.15]) {
            0 => EventKind::PasswordChanged,
            1 => EventKind::ConsentGranted,
            _ => EventKind::DeviceRegistered,
        };
        let at = at + rng.int(2, 20) * MINUTE;
        let change = What::Change {
            kind,
            by: By::Subscriber,
            from,
            session: session.unwrap_or(0),
            detail: 0,
        };
        build.push(at, who, change, None);
    }
}

/// The morning's log-on at the laptop itself, and now and then another one after lunch.
fn log_on(
    build: &mut Build,
    rng: &mut Rng,
    person: &crate::people::Person,
    (who, day): (u32, i64),
    from_home: bool,
    away: Option<Net>,
) {
    let laptop = person.laptop;
    if laptop.browser.system != System::Windows || !laptop.is_managed || !who.is_multiple_of(3) {
        return;
    }
    let base = away.unwrap_or(if from_home { person.home } else { person.office });
    let at = Origin { net: base, ..laptop };
    let city = away.map_or(person.city, |net| net.city);
    let mut hours = vec![rng.normal(8.2, 0.5)];
    if rng.chance(0.3) {
        hours.push(rng.normal(13.1, 0.3));
    }
    for hour in hours {
        let mut now = build.local(city, day, hour);
        for _ in 0..3 {
            let answer = if rng.chance(person.miss) { Answer::Silent } else { Answer::Approved };
            let after_ms = if answer == Answer::Silent {
                60 * SECOND
            } else {
                answer_delay(rng, person.answer_s)
            };
            let phone = phone_end(rng, person, at);
            let step = Step::Prompt { factor: Factor::Push, answer, after_ms, phone };
            build.push(now, who, What::LogOn { at, step }, None);
            if answer == Answer::Approved {
                break;
            }
            now += rng.int(70, 400) * SECOND;
        }
    }
}

/// Where this sign-in comes from. New browsers and addresses must answer a second step.
fn origin(
    build: &Build,
    rng: &mut Rng,
    person: &crate::people::Person,
    away: Option<Net>,
    from_home: bool,
    hour: f64,
) -> (Origin, bool) {
    let assumptions = &build.settings.assumptions;
    if let Some(hotel) = away {
        let net = if rng.chance(0.25) { Net { city: hotel.city, ..person.mobile } } else { hotel };
        return (Origin { net, ..person.laptop }, rng.chance(0.6));
    }
    let evening = !(7.0..18.5).contains(&hour);
    let base = if from_home || evening { person.home } else { person.office };
    let roll = rng.unit();
    let (mut from, mut must) = if roll < 0.12 {
        (Origin { net: if rng.chance(0.5) { person.mobile } else { base }, ..person.phone }, false)
    } else if roll < 0.2
        && let Some(second) = person.second
    {
        (Origin { net: person.home, ..second }, false)
    } else if roll < 0.24 {
        (Origin { net: build.org.vpn, ..person.laptop }, false)
    } else {
        (Origin { net: base, ..person.laptop }, false)
    };
    if rng.chance(0.02 * assumptions.new_address) {
        // A café, a friend's home, a customer's site.
        let kind = if rng.chance(0.5) { NetKind::Home } else { NetKind::Hotel };
        from.net = Net::new(rng, kind, person.city);
        must |= rng.chance(0.8);
    }
    if rng.chance(0.008 * assumptions.new_browser) {
        from.browser = Browser::desktop(rng);
        from.device = rng.bits();
        from.is_managed = false;
        must = true;
    }
    if from.is_managed
        && rng.chance(0.5)
        && let Some(gateway) = build.org.gateway(rng, from.net.city)
    {
        from.net = gateway;
    }
    (from, must)
}

/// Records about nobody's sign-in, and what administrators do all day.
fn chores(build: &mut Build) {
    let mut rng = build.rng(2);
    let start = build.settings.start.as_millis();
    let hours = i64::from(build.settings.days) * 24;
    let admins: Vec<u32> =
        (0..build.settings.people).filter(|who| build.org.person(*who).is_admin).collect();
    let per_hour = f64::from(build.settings.people) / 120.0;
    for hour in 0..hours {
        for _ in 0..rng.poisson(per_hour) {
            let at = start + hour * HOUR + rng.int(0, HOUR);
            let topic = rng.int(0, 6) as u8;
            build.push(at, 0, What::Housekeeping { topic }, None);
        }
    }
    if admins.is_empty() {
        return;
    }
    for day in 0..i64::from(build.settings.days) {
        for _ in 0..rng.poisson(f64::from(build.settings.people) / 250.0) {
            let admin = *rng.pick(&admins);
            let person = build.org.person(admin).clone();
            let at = build.local(person.city, day, rng.between(9.0, 17.0));
            let from = Origin { net: person.office, ..person.laptop };
            let session = own_sign_in(
                build,
                &mut rng,
                OwnSignIn { who: admin, at, from, must_prompt: false, miss: Some(0.0) },
            );
            let whom = rng.int(0, i64::from(build.settings.people)) as u32;
            let kind = match rng.weighted(&[0.3, 0.3, 0.2, 0.2]) {
                0 => EventKind::PasswordReset,
                1 => EventKind::RoleAssigned,
                2 => EventKind::PolicyChanged,
                _ => EventKind::Unlocked,
            };
            let change = What::Change {
                kind,
                by: By::Admin(admin),
                from,
                session: session.unwrap_or(0),
                detail: 1,
            };
            build.push(at + rng.int(1, 30) * MINUTE, whom, change, None);
        }
    }
}
