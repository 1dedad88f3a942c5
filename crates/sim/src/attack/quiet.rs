//! Campaigns with few prompts or none: C7 to C12 and C14.

use pushback_model::{EventKind, Factor};

use super::{Raid, Source, Victim};
use crate::act::{Answer, Attempt, HOUR, MINUTE, Origin, SECOND, Step, What};
use crate::life::{OwnSignIn, own_sign_in};
use crate::places::Browser;
use crate::settings::Vendor;

fn meet(raid: &mut Raid<'_>) -> (Victim, i64) {
    let guess = raid.moment(0, 12);
    let victim = raid.victim(false, guess);
    let day = raid.rng.int(0, i64::from(raid.build.settings.days) - 1);
    let hour = raid.rng.between(8.0, 18.0);
    let at = raid.build.local(victim.city, day, hour);
    (victim, at.max(raid.build.settings.start.as_millis() + HOUR))
}

/// The owner's own sign-in, from the usual place.
fn own(raid: &mut Raid<'_>, victim: Victim, at: i64) {
    let person = raid.build.org.person(victim.who).clone();
    let net = if raid.rng.chance(person.from_home) { person.home } else { person.office };
    let from = Origin { net, ..person.laptop };
    own_sign_in(
        raid.build,
        &mut raid.rng,
        OwnSignIn { who: victim.who, at, from, must_prompt: true, miss: Some(0.0) },
    );
}

pub(super) fn beside_own(raid: &mut Raid<'_>) {
    let (victim, at) = meet(raid);
    let from = raid.origin(victim);
    own(raid, victim, at);
    let beside = at + raid.rng.int(1, 20) * SECOND;
    let answer = if raid.gives_in(0.75) { Answer::Approved } else { raid.refusal(victim, beside) };
    if let Some((session, answered)) = raid.ask(victim, beside, from, Factor::Push, answer, false) {
        super::after::follow_up(raid, victim, answered, from, session, 1);
    }
}

pub(super) fn relay(raid: &mut Raid<'_>) {
    let (victim, at) = meet(raid);
    // The relay passes the victim's own browser on, but its address and device are its own.
    let browser = raid.build.org.person(victim.who).laptop.browser;
    let relay = Origin { browser, ..raid.origin(victim) };
    if let Some((session, answered)) =
        raid.ask(victim, at, relay, Factor::Push, Answer::Approved, false)
    {
        let source = Source::draw(raid.build, &mut raid.rng);
        let mut replay = source.origin(&mut raid.rng, victim.city);
        // Whoever plays a session back imitates the browser it belongs to, seldom to the letter.
        if raid.rng.chance(0.5) {
            let version = browser.version - raid.rng.int(0, 4) as u32;
            replay.browser = Browser { version, ..browser };
        }
        super::after::follow_up(raid, victim, answered, replay, session, 1);
    }
}

pub(super) fn reset_flow(raid: &mut Raid<'_>) {
    let (victim, mut at) = meet(raid);
    let from = raid.origin(victim);
    let count = raid.rng.int(1, 7);
    let yes_at = raid.gives_in(0.4).then(|| raid.rng.int(0, count));
    for n in 0..count {
        let answer = if yes_at == Some(n) { Answer::Approved } else { raid.refusal(victim, at) };
        if let Some((session, answered)) = raid.ask(victim, at, from, Factor::Push, answer, true) {
            super::after::change(
                raid,
                victim,
                answered + 45 * SECOND,
                EventKind::PasswordReset,
                from,
                session,
            );
            super::after::follow_up(raid, victim, answered + 2 * MINUTE, from, session, 1);
            return;
        }
        at += raid.rng.int(50, 400) * SECOND;
    }
}

pub(super) fn help_desk(raid: &mut Raid<'_>) {
    let (victim, at) = meet(raid);
    let from = raid.origin(victim);
    super::prompting::administrator_acts(raid, victim, at, EventKind::FactorReset);
    raid.note(victim, at);
    if raid.rng.chance(0.6) {
        let reset = at + raid.rng_minutes(1, 4);
        super::prompting::administrator_acts(raid, victim, reset, EventKind::PasswordReset);
    }
    let enrol = at + raid.rng_minutes(3, 90);
    stranger_enrols(raid, victim, enrol, from);
}

pub(super) fn dormant(raid: &mut Raid<'_>) {
    let guess = raid.moment(0, 24);
    let victim = raid.victim(true, guess);
    let at = raid.moment(victim.city, 24);
    let from = raid.origin(victim);
    stranger_enrols(raid, victim, at, from);
}

/// Password only, then a factor of the stranger's own, then a sign-in that the stranger answers.
fn stranger_enrols(raid: &mut Raid<'_>, victim: Victim, at: i64, from: Origin) {
    if !raid.within(at + 5 * MINUTE) {
        return;
    }
    let session = raid.build.new_session();
    let attempt = Attempt { from, app: 0, step: Step::Remembered, session, is_recovery: false };
    raid.build.push(at, victim.who, What::Attempt(attempt), Some(victim.tag));
    raid.note(victim, at);
    let enrol = at + raid.rng_minutes(1, 4);
    super::after::change(raid, victim, enrol, EventKind::FactorEnrolled, from, session);
    let later = at + raid.rng_minutes(5, 30);
    if raid.within(later) {
        let session = raid.build.new_session();
        let phone =
            Origin { browser: Browser::phone(&mut raid.rng), device: raid.rng.bits(), ..from };
        let step = Step::Prompt {
            factor: Factor::Push,
            answer: Answer::Approved,
            after_ms: 6 * SECOND,
            phone,
        };
        let attempt = Attempt { from, app: 1, step, session, is_recovery: false };
        raid.build.push(later, victim.who, What::Attempt(attempt), Some(victim.tag));
        raid.note(victim, later);
        super::after::follow_up(raid, victim, later + 20 * SECOND, from, session, 1);
    }
}

pub(super) fn insider(raid: &mut Raid<'_>) {
    let (victim, at) = meet(raid);
    let from = raid.origin(victim);
    if let Some((session, answered)) =
        raid.ask(victim, at, from, Factor::Push, Answer::Approved, false)
    {
        super::after::follow_up(raid, victim, answered, from, session, 1);
    }
}

pub(super) fn lockout(raid: &mut Raid<'_>) {
    let guess = raid.moment(0, 12);
    let people = raid.rng.int(1, 7);
    let mut at = guess;
    // Duo and PingID stand behind the password: strangers lock people out by prompts.
    let by_prompts = matches!(raid.build.settings.vendor, Vendor::Duo | Vendor::PingId);
    for _ in 0..people {
        let victim = raid.victim(false, at);
        let from = raid.origin(victim);
        for round in 0..raid.rng.int(1, 4) {
            let mut now = at + round * raid.rng.int(30, 90) * MINUTE;
            for _ in 0..raid.rng.int(10, 16) {
                if by_prompts {
                    let answer = raid.refusal(victim, now);
                    raid.ask(victim, now, from, Factor::Push, answer, false);
                    now += raid.rng.int(20, 70) * SECOND;
                } else {
                    raid.wrong_password(victim, now, from);
                    now += raid.rng.int(2, 15) * SECOND;
                }
            }
            if raid.within(now) {
                raid.build.push(now, victim.who, What::Locked { from }, Some(victim.tag));
                raid.note(victim, now);
            }
            if raid.rng.chance(0.5) {
                let admin = now + raid.rng_minutes(10, 200);
                super::prompting::administrator_acts(raid, victim, admin, EventKind::Unlocked);
            }
        }
        at += raid.rng.int(1, 15) * MINUTE;
    }
}

impl Raid<'_> {
    fn rng_minutes(&mut self, low: i64, high: i64) -> i64 {
        self.rng.int(low * 60, high * 60) * SECOND
    }
}
