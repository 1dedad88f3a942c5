//! Campaigns that live by prompts: C1 to C6, C13 and C15.

use pushback_model::{EventKind, Factor};

use super::{Raid, Victim};
use crate::act::{Answer, By, DAY, HOUR, MINUTE, Origin, SECOND, What};

/// A run of prompts from one source: `gap` draws the seconds between two of them. Returns the time
/// after the last one, and whether somebody gave in.
#[expect(clippy::too_many_arguments, reason = "a run of prompts has that many independent parts")]
fn run(
    raid: &mut Raid<'_>,
    victim: Victim,
    mut at: i64,
    from: Origin,
    factor: Factor,
    count: u32,
    yes_at: Option<u32>,
    gap: (f64, f64),
) -> (i64, bool) {
    for n in 0..count {
        let is_yes = yes_at == Some(n);
        let answer = if is_yes { Answer::Approved } else { raid.refusal(victim, at) };
        if let Some((session, answered)) = raid.ask(victim, at, from, factor, answer, false) {
            super::after::follow_up(raid, victim, answered, from, session, 1);
            return (answered, true);
        }
        // A report usually ends it: the password is changed, or the attacker sees the refusal.
        if answer == Answer::Reported && raid.rng.chance(0.6) {
            super::after::clean_up(raid, victim, at);
            return (at, false);
        }
        let pause = raid.rng.log_normal(gap.0, gap.1);
        at += raid.pace(pause).max(2 * SECOND);
    }
    (at, false)
}

pub(super) fn short_try(raid: &mut Raid<'_>) {
    let at = first(raid);
    let victim = raid.victim(false, at);
    let at = raid.moment(victim.city, 6);
    let from = raid.origin(victim);
    let count =
        [1, 2, 3, 4, 5].get(raid.rng.weighted(&[0.3, 0.25, 0.2, 0.15, 0.1])).copied().unwrap_or(1);
    let yes_at = raid.gives_in(0.3).then(|| raid.rng.int(0, i64::from(count)) as u32);
    if raid.rng.chance(0.25) {
        raid.wrong_password(victim, at - 20 * SECOND, from);
    }
    run(raid, victim, at, from, Factor::Push, count, yes_at, (45.0, 0.8));
}

pub(super) fn burst(raid: &mut Raid<'_>) {
    let at = first(raid);
    let victim = raid.victim(false, at);
    let at = raid.moment(victim.city, 6);
    let from = raid.origin(victim);
    let count = raid.rng.int(18, 61) as u32;
    let yes_at = raid.gives_in(0.45).then(|| raid.rng.int(5, i64::from(count)) as u32);
    run(raid, victim, at, from, Factor::Push, count, yes_at, (16.0, 0.5));
}

pub(super) fn night_calls(raid: &mut Raid<'_>) {
    let at = first(raid);
    let victim = raid.victim(false, at);
    let day = raid.rng.int(1, i64::from(raid.build.settings.days));
    let hour = raid.rng.between(0.1, 2.5);
    let at = raid.build.local(victim.city, day, hour);
    let from = raid.origin(victim);
    let count = raid.rng.int(12, 90) as u32;
    let yes_at = raid.gives_in(0.4).then(|| raid.rng.int(4, i64::from(count)) as u32);
    let factor = if raid.rng.chance(0.45) { Factor::Voice } else { Factor::Push };
    run(raid, victim, at, from, factor, count, yes_at, (62.0, 0.15));
}

pub(super) fn low_and_slow(raid: &mut Raid<'_>) {
    let at = first(raid);
    let victim = raid.victim(false, at);
    let length = raid.rng.int(3, 9).min(i64::from(raid.build.settings.days) - 1);
    let start = raid.rng.int(0, (i64::from(raid.build.settings.days) - length).max(1));
    let yes_on = raid.gives_in(0.35).then(|| start + raid.rng.int(1, length.max(2)));
    for day in start..start + length {
        for n in 0..raid.rng.int(1, 3) {
            let hour = raid.rng.between(7.5, 22.5);
            let at = raid.build.local(victim.city, day, hour);
            // A new source each time.
            let from = raid.origin(victim);
            let is_yes = yes_on == Some(day) && n == 0;
            let answer = if is_yes { Answer::Approved } else { raid.refusal(victim, at) };
            if let Some((session, answered)) =
                raid.ask(victim, at, from, Factor::Push, answer, false)
            {
                super::after::follow_up(raid, victim, answered, from, session, 1);
                return;
            }
            if answer == Answer::Reported && raid.rng.chance(0.6) {
                super::after::clean_up(raid, victim, at);
                return;
            }
        }
    }
}

pub(super) fn phone_call(raid: &mut Raid<'_>) {
    let at = first(raid);
    let victim = raid.victim(false, at);
    let at = raid.moment(victim.city, 12);
    let from = raid.origin(victim);
    let count = raid.rng.int(1, 7) as u32;
    let (last, done) = run(raid, victim, at, from, Factor::Push, count, None, (50.0, 0.7));
    if done || !raid.gives_in(0.78) {
        return;
    }
    // "This is IT support, please approve the next one."
    let call = last + raid.rng.int(90, 900) * SECOND;
    if raid.build.org.number_match && raid.rng.chance(0.3) {
        raid.ask(victim, call - 60 * SECOND, from, Factor::Push, Answer::Mismatched, false);
    }
    if let Some((session, answered)) =
        raid.ask(victim, call, from, Factor::Push, Answer::Approved, false)
    {
        super::after::follow_up(raid, victim, answered, from, session, 3);
    }
}

pub(super) fn spray(raid: &mut Raid<'_>) {
    let mut at = first(raid).max(raid.build.settings.start.as_millis() + 9 * HOUR);
    let people = i64::from(raid.build.settings.people);
    let count = raid.rng.int(8, 36).min(people / 4).max(3);
    let mut left = 0;
    let mut from: Option<Origin> = None;
    for _ in 0..count {
        let victim = raid.victim(false, at);
        if left == 0 {
            left = raid.rng.int(3, 9);
            from = None;
        }
        left -= 1;
        let origin = match from {
            Some(origin) => origin,
            None => raid.origin(victim),
        };
        from = Some(origin);
        let prompts = raid.rng.int(1, 3) as u32;
        let yes_at = raid.gives_in(0.04).then_some(0);
        run(raid, victim, at, origin, Factor::Push, prompts, yes_at, (60.0, 0.5));
        let pause = raid.rng.log_normal(70.0, 0.9);
        at += raid.pace(pause);
    }
}

pub(super) fn downgrade(raid: &mut Raid<'_>) {
    let at = first(raid);
    let victim = raid.victim(false, at);
    let at = raid.moment(victim.city, 12);
    let from = raid.origin(victim);
    let mut now = at;
    for _ in 0..raid.rng.int(1, 5) {
        let answer = if raid.rng.chance(0.7) { Answer::Denied } else { raid.refusal(victim, now) };
        raid.ask(victim, now, from, Factor::Push, answer, false);
        now += raid.rng.int(25, 120) * SECOND;
    }
    // A SIM swap takes hours; reading the code out takes minutes.
    now += if raid.rng.chance(0.4) {
        raid.rng.int(2, 30) * HOUR
    } else {
        raid.rng.int(2, 25) * MINUTE
    };
    let factor = if raid.rng.chance(0.65) { Factor::Sms } else { Factor::Voice };
    let yes = raid.gives_in(0.65);
    let tries = raid.rng.int(1, 5);
    for n in 0..tries {
        let answer = if yes && n == tries - 1 { Answer::Approved } else { Answer::Silent };
        if let Some((session, answered)) = raid.ask(victim, now, from, factor, answer, false) {
            super::after::follow_up(raid, victim, answered, from, session, 1);
            return;
        }
        now += raid.rng.int(40, 200) * SECOND;
    }
}

pub(super) fn return_after_clean_up(raid: &mut Raid<'_>) {
    let at = first(raid);
    let victim = raid.victim(false, at);
    let days = i64::from(raid.build.settings.days);
    let day = raid.rng.int(0, (days - 4).max(1));
    let hour = raid.rng.between(8.0, 18.0);
    let at =
        raid.build.local(victim.city, day, hour).max(raid.build.settings.start.as_millis() + HOUR);
    let from = raid.origin(victim);
    let count = raid.rng.int(2, 6) as u32;
    let (last, _) = run(raid, victim, at, from, Factor::Push, count, None, (50.0, 0.7));
    super::after::clean_up(raid, victim, last);
    // Back with another source: old password first, then a variation that works.
    let again = last + raid.rng.int(2, 5) * DAY + raid.rng.int(-5, 6) * HOUR;
    let from = raid.origin(victim);
    for n in 0..raid.rng.int(1, 4) {
        raid.wrong_password(victim, again + n * 25 * SECOND, from);
    }
    let count = raid.rng.int(1, 6) as u32;
    let yes_at = raid.gives_in(0.35).then(|| raid.rng.int(0, i64::from(count)) as u32);
    run(raid, victim, again + 3 * MINUTE, from, Factor::Push, count, yes_at, (50.0, 0.7));
}

/// A first guess at the time, before the victim is known.
fn first(raid: &mut Raid<'_>) -> i64 {
    raid.moment(0, 12)
}

/// An administrator's answer to a report, hours later.
pub(super) fn administrator_acts(raid: &mut Raid<'_>, victim: Victim, at: i64, kind: EventKind) {
    let admin =
        (0..raid.build.settings.people).find(|n| raid.build.org.person(*n).is_admin).unwrap_or(0);
    let helper = raid.build.org.person(admin).clone();
    let desk = Origin { net: helper.office, ..helper.laptop };
    if raid.within(at) {
        raid.build.push(
            at,
            victim.who,
            What::Change { kind, by: By::Admin(admin), from: desk, session: 0, detail: 1 },
            None,
        );
    }
}
