//! Innocent behaviour that looks like an attack (REQUIREMENTS of every detection: stay quiet).

use pushback_model::{EventKind, Factor};

use crate::act::{Answer, Build, By, DAY, HOUR, MINUTE, Origin, SECOND, Step, What};
use crate::places::{Browser, Net, NetKind};
use crate::rng::Rng;
use crate::truth::LookAlikeKind;

use super::own::{OwnSignIn, answer_delay, own_sign_in, push};

/// Adds as many look-alikes as the settings ask for, every kind among them.
pub(crate) fn look_alikes(build: &mut Build) {
    let mut rng = build.rng(3);
    let days = i64::from(build.settings.days);
    // Events of the whole organisation happen at most once or twice.
    for n in 0..build.settings.lookalike_count() {
        let all = LookAlikeKind::ALL;
        let kind = match n as usize {
            // One round through every kind, then the personal ones only.
            n if n < all.len() => *all.get(n).unwrap_or(&LookAlikeKind::Traveller),
            _ => *rng.pick(&[
                LookAlikeKind::Traveller,
                LookAlikeKind::CachedPassword,
                LookAlikeKind::VpnReconnect,
                LookAlikeKind::PhoneAway,
                LookAlikeKind::PhoneAway,
                LookAlikeKind::NewPhone,
                LookAlikeKind::ShiftChange,
                LookAlikeKind::Slip,
                LookAlikeKind::Slip,
                LookAlikeKind::TwoOwn,
                LookAlikeKind::SharedAccount,
                LookAlikeKind::CarrierJump,
                LookAlikeKind::HelpDeskReset,
            ]),
        };
        let who = awake(build, &mut rng);
        let day = rng.int(1, days);
        one(build, &mut rng, kind, who, day);
    }
}

fn awake(build: &Build, rng: &mut Rng) -> u32 {
    loop {
        let who = rng.int(0, i64::from(build.settings.people)) as u32;
        if !build.org.person(who).is_dormant {
            return who;
        }
    }
}

fn one(build: &mut Build, rng: &mut Rng, kind: LookAlikeKind, who: u32, day: i64) {
    let person = build.org.person(who).clone();
    let base = Origin {
        net: if rng.chance(person.from_home) { person.home } else { person.office },
        ..person.laptop
    };
    let at = build.local(person.city, day, rng.between(8.5, 16.5));
    let (mut people, mut from, mut to) = (vec![who], at, at);
    match kind {
        LookAlikeKind::Traveller => {
            let last = day + rng.int(2, 6);
            let city = rng.int(0, 21) as u8;
            let net = Net::new(rng, NetKind::Hotel, city);
            build.org.person_mut(who).away = Some((day, last, net));
            (from, to) = (build.local(city, day, 0.0), build.local(city, last, 24.0));
        }
        LookAlikeKind::CachedPassword => {
            to = cached_password(build, rng, who, day, (base, from));
        }
        LookAlikeKind::VpnReconnect => {
            let count = rng.int(4, 14);
            for n in 0..count {
                to = from + n * rng.int(6, 25) * MINUTE;
                let miss = Some(0.15);
                own_sign_in(
                    build,
                    rng,
                    OwnSignIn {
                        who,
                        at: to,
                        from: Origin { net: person.home, ..person.laptop },
                        must_prompt: true,
                        miss,
                    },
                );
            }
        }
        LookAlikeKind::PhoneAway => {
            let count = rng.int(2, 7);
            for _ in 0..count {
                let session = build.new_session();
                push(build, who, to, base, 2, silent(&person, base), session);
                to += rng.log_normal(90.0, 0.8).clamp(20.0, 1500.0) as i64 * SECOND;
            }
            if rng.chance(0.8) {
                to += rng.int(1, 40) * MINUTE;
                own_sign_in(
                    build,
                    rng,
                    OwnSignIn { who, at: to, from: base, must_prompt: true, miss: Some(0.0) },
                );
            }
        }
        LookAlikeKind::NewPhone => {
            let session = own_sign_in(
                build,
                rng,
                OwnSignIn { who, at, from: base, must_prompt: true, miss: Some(0.1) },
            );
            let session = session.unwrap_or(0);
            let phone = Origin { browser: Browser::phone(rng), device: rng.bits(), ..person.phone };
            change(
                build,
                who,
                at + rng.int(2, 9) * MINUTE,
                EventKind::FactorEnrolled,
                By::Subscriber,
                base,
                session,
            );
            build.org.person_mut(who).phone = phone;
            for n in 1..rng.int(2, 5) {
                own_sign_in(
                    build,
                    rng,
                    OwnSignIn {
                        who,
                        at: at + n * 11 * MINUTE,
                        from: base,
                        must_prompt: true,
                        miss: Some(0.1),
                    },
                );
            }
            to = at + rng.int(1, 60) * HOUR;
            change(build, who, to, EventKind::FactorRemoved, By::Subscriber, base, session);
        }
        LookAlikeKind::ShiftChange => {
            for n in 0..rng.int(3, 6) {
                to = build.local(person.city, day + n, rng.between(22.0, 29.0));
                own_sign_in(
                    build,
                    rng,
                    OwnSignIn { who, at: to, from: base, must_prompt: rng_half(n), miss: None },
                );
            }
        }
        LookAlikeKind::Slip => {
            for _ in 0..rng.int(1, 3) {
                let session = build.new_session();
                push(
                    build,
                    who,
                    to,
                    base,
                    3,
                    answered(rng, &person, base, Answer::Denied),
                    session,
                );
                to += rng.int(8, 50) * SECOND;
            }
            own_sign_in(
                build,
                rng,
                OwnSignIn { who, at: to, from: base, must_prompt: true, miss: Some(0.0) },
            );
        }
        LookAlikeKind::TwoOwn => {
            for n in 0..rng.int(2, 4) {
                to = at + n * rng.int(3, 20) * SECOND;
                let other =
                    if n == 1 { Origin { net: person.mobile, ..person.phone } } else { base };
                own_sign_in(
                    build,
                    rng,
                    OwnSignIn { who, at: to, from: other, must_prompt: true, miss: Some(0.1) },
                );
            }
        }
        LookAlikeKind::SharedAccount => {
            // A front desk: several machines of one office, several people with one phone between them.
            let machines: Vec<Origin> = (0..4)
                .map(|_| Origin {
                    net: person.office,
                    browser: Browser::desktop(rng),
                    device: rng.bits(),
                    is_managed: false,
                })
                .collect();
            for n in day..(day + 6) {
                for _ in 0..rng.int(4, 12) {
                    to = build.local(person.city, n, rng.between(6.0, 22.0));
                    let from = *rng.pick(&machines);
                    own_sign_in(
                        build,
                        rng,
                        OwnSignIn { who, at: to, from, must_prompt: true, miss: Some(0.12) },
                    );
                }
            }
        }
        LookAlikeKind::Outage => {
            to = at + rng.int(25, 80) * MINUTE;
            let share = rng.between(0.1, 0.3);
            for other in 0..build.settings.people {
                if build.org.person(other).is_dormant || !rng.chance(share) {
                    continue;
                }
                people.push(other);
                let colleague = build.org.person(other).clone();
                let place = Origin {
                    net: if rng.chance(0.5) { colleague.home } else { colleague.office },
                    ..colleague.laptop
                };
                let mut when = rng.int(from, to);
                for _ in 0..rng.int(1, 5) {
                    let session = build.new_session();
                    push(build, other, when, place, 0, silent(&colleague, place), session);
                    when += rng.int(40, 400) * SECOND;
                }
                let back = when.max(to) + rng.int(1, 20) * MINUTE;
                own_sign_in(
                    build,
                    rng,
                    OwnSignIn {
                        who: other,
                        at: back,
                        from: place,
                        must_prompt: true,
                        miss: Some(0.05),
                    },
                );
            }
        }
        LookAlikeKind::CarrierJump => {
            for n in 0..rng.int(4, 10) {
                to = at + n * rng.int(20, 50) * MINUTE;
                let city = (person.city / 2) * 2 + rng.int(0, 2) as u8;
                let net = Net { city, block: rng.bits(), ..person.mobile };
                own_sign_in(
                    build,
                    rng,
                    OwnSignIn {
                        who,
                        at: to,
                        from: Origin { net, ..person.phone },
                        must_prompt: true,
                        miss: None,
                    },
                );
            }
        }
        LookAlikeKind::EgressChange => {
            let net = Net::new(rng, NetKind::Office, person.city);
            (from, to) = (build.local(person.city, day, 0.0), build.settings.end_ms());
            for other in 0..build.settings.people {
                if build.org.person(other).city == person.city && other != who {
                    people.push(other);
                }
            }
            // Everyone of the site signs in on the first day from an address nobody has seen.
            for other in people.clone() {
                if build.org.person(other).is_dormant || !rng.chance(0.7) {
                    continue;
                }
                let colleague = build.org.person(other).clone();
                let when = build.local(person.city, day, rng.between(8.0, 11.0));
                own_sign_in(
                    build,
                    rng,
                    OwnSignIn {
                        who: other,
                        at: when,
                        from: Origin { net, ..colleague.laptop },
                        must_prompt: true,
                        miss: None,
                    },
                );
                build.org.person_mut(other).office = net;
            }
        }
        LookAlikeKind::Onboarding => {
            people.clear();
            for _ in 0..rng.int(4, 12) {
                let newcomer = awake(build, rng);
                if people.contains(&newcomer) || build.org.person(newcomer).joins_on > i64::MIN {
                    continue;
                }
                people.push(newcomer);
                build.org.person_mut(newcomer).joins_on = day;
                let colleague = build.org.person(newcomer).clone();
                let place = Origin { net: colleague.office, ..colleague.laptop };
                let when = at + rng.int(0, 90) * MINUTE;
                let session = build.new_session();
                push(build, newcomer, when, place, 0, Step::Remembered, session);
                change(
                    build,
                    newcomer,
                    when + 3 * MINUTE,
                    EventKind::FactorEnrolled,
                    By::Subscriber,
                    place,
                    session,
                );
                to = to.max(when + 20 * MINUTE);
                own_sign_in(
                    build,
                    rng,
                    OwnSignIn {
                        who: newcomer,
                        at: when + 10 * MINUTE,
                        from: place,
                        must_prompt: true,
                        miss: Some(0.1),
                    },
                );
            }
        }
        LookAlikeKind::HelpDeskReset => {
            let admin =
                (0..build.settings.people).find(|n| build.org.person(*n).is_admin).unwrap_or(0);
            let helper = build.org.person(admin).clone();
            let desk = Origin { net: helper.office, ..helper.laptop };
            change(build, who, at, EventKind::FactorReset, By::Admin(admin), desk, 0);
            let when = at + rng.int(3, 50) * MINUTE;
            let session = build.new_session();
            push(build, who, when, base, 0, Step::Remembered, session);
            to = when + 2 * MINUTE;
            change(build, who, to, EventKind::FactorEnrolled, By::Subscriber, base, session);
            own_sign_in(
                build,
                rng,
                OwnSignIn {
                    who,
                    at: to + 5 * MINUTE,
                    from: base,
                    must_prompt: true,
                    miss: Some(0.0),
                },
            );
        }
        LookAlikeKind::Drill => {
            // The red team works from the office with a machine of its own and asks each once.
            let machine = Origin {
                net: person.office,
                browser: Browser::desktop(rng),
                device: rng.bits(),
                is_managed: true,
            };
            people.clear();
            for _ in 0..rng.int(6, 16) {
                let other = awake(build, rng);
                people.push(other);
                to += rng.int(1, 6) * MINUTE;
                let colleague = build.org.person(other).clone();
                let answer = match rng.weighted(&[0.5, 0.35, 0.15]) {
                    0 => Answer::Silent,
                    1 => Answer::Denied,
                    _ => Answer::Approved,
                };
                let session = build.new_session();
                push(
                    build,
                    other,
                    to,
                    machine,
                    0,
                    answered(rng, &colleague, machine, answer),
                    session,
                );
            }
        }
    }
    build.look_alike(kind, &people, from, to.min(build.settings.end_ms() + DAY));
}

/// A client that worked for as long as anybody remembers, until its owner changes the password:
/// from then on it asks by the clock. Returns the last prompt.
fn cached_password(
    build: &mut Build,
    rng: &mut Rng,
    who: u32,
    day: i64,
    (laptop, from): (Origin, i64),
) -> i64 {
    let person = build.org.person(who).clone();
    let client = Origin {
        net: if rng.chance(0.5) { person.mobile } else { person.home },
        browser: person.phone.browser,
        ..person.phone
    };
    for earlier in 0..day {
        for _ in 0..rng.int(1, 4) {
            let at = build.local(person.city, earlier, rng.between(7.0, 22.0));
            let session = build.new_session();
            push(build, who, at, client, 1, Step::Remembered, session);
        }
    }
    let changed = from - rng.int(15, 180) * MINUTE;
    let session = build.new_session();
    change(build, who, changed, EventKind::PasswordChanged, By::Subscriber, laptop, session);
    let every = *rng.pick(&[15, 20, 30, 60]) * MINUTE;
    let mut last = from;
    for n in 0..rng.int(12, 60) {
        last = from + n * every + rng.int(-2, 3) * SECOND;
        let step = silent(&person, client);
        let session = build.new_session();
        push(build, who, last, client, 1, step, session);
    }
    last
}

const fn rng_half(n: i64) -> bool {
    n % 2 == 0
}

fn silent(person: &crate::people::Person, _from: Origin) -> Step {
    Step::Prompt {
        factor: Factor::Push,
        answer: Answer::Silent,
        after_ms: 60 * SECOND,
        phone: person.phone,
    }
}

fn answered(rng: &mut Rng, person: &crate::people::Person, from: Origin, answer: Answer) -> Step {
    let phone =
        Origin { net: if rng.chance(0.5) { from.net } else { person.mobile }, ..person.phone };
    Step::Prompt {
        factor: Factor::Push,
        answer,
        after_ms: answer_delay(rng, person.answer_s),
        phone,
    }
}

fn change(
    build: &mut Build,
    who: u32,
    at: i64,
    kind: EventKind,
    by: By,
    from: Origin,
    session: u64,
) {
    build.push(at, who, What::Change { kind, by, from, session, detail: 0 }, None);
}
