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
    let uses = rng.poisson(2.0);
    for _ in 0..uses {
        let later = at + rng.exponential(70.0 * MINUTE as f64) as i64 + MINUTE / 2;
        if later < at + 9 * HOUR {
            let app = rng.int(0, 8) as u8;
            build.push(later, who, What::Use { from, app, session }, None);
        }
    }
    Some(session)
}

/// The phone answers from the network of the laptop, or over the carrier.
fn phone_end(rng: &mut Rng, person: &crate::people::Person, from: Origin) -> Origin {
    let on_wifi = rng.chance(0.55) && !from.net.is_proxy();
    Origin { net: if on_wifi { from.net } else { person.mobile }, ..person.phone }
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
