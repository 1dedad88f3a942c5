//! One sign-in by the owner of an account, with the small mishaps of everyday life.

use pushback_model::Factor;

use crate::act::{Answer, Attempt, Build, HOUR, MINUTE, Origin, SECOND, Step, What};
use crate::rng::Rng;

/// How an own sign-in goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnSignIn {
    pub(crate) who: u32,
    pub(crate) at: i64,
    pub(crate) from: Origin,
    /// Ask for a second step whatever the habit says.
    pub(crate) must_prompt: bool,
    /// Share of prompts that stay silent, instead of the person's own.
    pub(crate) miss: Option<f64>,
}

/// Performs a sign-in: a typo in the password now and then, a prompt, a missed prompt asked for
/// again, a slip of the thumb corrected, and what the session is used for. Returns the session.
pub(crate) fn own_sign_in(build: &mut Build, rng: &mut Rng, how: OwnSignIn) -> Option<u64> {
    let OwnSignIn { who, mut at, from, must_prompt, miss } = how;
    let person = build.org.person(who).clone();
    let app = rng.int(0, 8) as u8;
    if rng.chance(0.04) {
        attempt(build, who, at, from, app, Step::WrongPassword);
        at += rng.int(4, 25) * SECOND;
    }
    let session = build.new_session();
    let needs_step = must_prompt || rng.chance(person.second_step);
    if !needs_step {
        push(build, who, at, from, app, Step::Remembered, session);
    } else if person.uses_device_key && from.is_managed && !must_prompt {
        push(build, who, at, from, app, Step::DeviceKey, session);
    } else if person.prefers_code {
        if rng.chance(0.05) {
            push(build, who, at, from, app, Step::Code { is_right: false }, session);
            at += rng.int(8, 40) * SECOND;
        }
        push(build, who, at, from, app, Step::Code { is_right: true }, session);
    } else {
        let mut tries = 0;
        loop {
            tries += 1;
            let roll = rng.unit();
            let missed = miss.unwrap_or(person.miss);
            let answer = if roll < missed {
                Answer::Silent
            } else if roll < missed + person.slip {
                Answer::Denied
            } else if build.org.number_match && roll < missed + person.slip + 0.004 {
                Answer::Mismatched
            } else {
                Answer::Approved
            };
            let after_ms = answer_delay(rng, person.answer_s);
            let step = Step::Prompt {
                factor: Factor::Push,
                answer,
                after_ms,
                phone: phone_end(rng, &person, from),
            };
            push(build, who, at, from, app, step, session);
            if answer == Answer::Approved {
                break;
            }
            // Most people ask again; some come back later, some take a code instead.
            if tries > 3 || rng.chance(0.15) {
                if rng.chance(0.5) {
                    at += rng.int(60, 200) * SECOND;
                    push(build, who, at, from, app, Step::Code { is_right: true }, session);
                    break;
                }
                return None;
            }
            at += match answer {
                Answer::Denied | Answer::Mismatched => rng.int(10, 60) * SECOND,
                Answer::Silent | Answer::Approved | Answer::Reported => {
                    rng.log_normal(75.0, 0.7).clamp(15.0, 900.0) as i64 * SECOND
                }
            };
        }
    }
    use_session(build, rng, who, at, from, session);
    Some(session)
}

/// What a session is used for. Now and then the laptop takes it along: to the train, home, through the
/// company's VPN. A click on a link in a chat opens a dozen pages at once.
fn use_session(build: &mut Build, rng: &mut Rng, who: u32, at: i64, from: Origin, session: u64) {
    let person = build.org.person(who).clone();
    for _ in 0..rng.poisson(2.0) {
        let later = at + rng.exponential(70.0 * MINUTE as f64) as i64 + MINUTE / 2;
        if later >= at + 9 * HOUR {
            continue;
        }
        let takes_along = later > at + 20 * MINUTE && !from.browser.is_mobile() && rng.chance(0.08);
        let net = if takes_along {
            *rng.pick(&[person.mobile, person.home, person.office, build.org.vpn])
        } else {
            from.net
        };
        let from = Origin { net, ..from };
        let app = rng.int(0, 8) as u8;
        build.push(later, who, What::Use { from, app, session }, None);
        if rng.chance(0.1) {
            let is_copied = from.is_managed && rng.chance(0.3);
            let count = if is_copied { rng.int(5, 60) } else { rng.int(1, 7) };
            for n in 0..count {
                let at = later + n * rng.int(1, 40) * SECOND;
                build.push(at, who, What::File { from, session, is_copied }, None);
            }
        }
    }
}

/// The phone answers from the network around the laptop, or over the carrier.
pub(crate) fn phone_end(rng: &mut Rng, person: &crate::people::Person, from: Origin) -> Origin {
    let on_wifi = rng.chance(0.55) && !from.net.is_proxy();
    // A gateway of the company's is where the laptop comes out, not where it is.
    let is_gateway = from.net.is_office() && from.net.city != person.city;
    let around = if is_gateway { person.home } else { from.net };
    Origin { net: if on_wifi { around } else { person.mobile }, ..person.phone }
}

pub(crate) fn answer_delay(rng: &mut Rng, median_s: f64) -> i64 {
    (rng.log_normal(median_s, 0.6).clamp(1.5, 55.0) * SECOND as f64) as i64
}

fn attempt(build: &mut Build, who: u32, at: i64, from: Origin, app: u8, step: Step) {
    let session = build.new_session();
    push(build, who, at, from, app, step, session);
}

pub(crate) fn push(
    build: &mut Build,
    who: u32,
    at: i64,
    from: Origin,
    app: u8,
    step: Step,
    session: u64,
) {
    build.push(
        at,
        who,
        What::Attempt(Attempt { from, app, step, session, is_recovery: false }),
        None,
    );
}
