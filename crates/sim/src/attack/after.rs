//! What an attacker does once inside, and what the organisation does about it.

use pushback_model::{EventKind, Timestamp};

use super::{Raid, Victim};
use crate::act::{By, HOUR, MINUTE, Origin, SECOND, What};
use crate::settings::Vendor;
use crate::truth::AfterTruth;

/// Changes with their weights.
type Menu = &'static [(EventKind, f64)];

/// The changes that a vendor can log, with how often they are chosen (assumption). The second
/// table needs an administrator's account.
const fn menu(vendor: Vendor) -> (Menu, Menu) {
    use EventKind as K;
    match vendor {
        Vendor::OktaOie | Vendor::OktaClassic => (
            &[
                (K::FactorEnrolled, 0.38),
                (K::DeviceRegistered, 0.08),
                (K::FactorRemoved, 0.1),
                (K::PasswordChanged, 0.14),
                (K::RecoveryChanged, 0.14),
                (K::ConsentGranted, 0.16),
            ],
            &[(K::TokenCreated, 0.35), (K::RoleAssigned, 0.35), (K::PolicyChanged, 0.3)],
        ),
        Vendor::EntraM365 => (
            &[
                (K::FactorEnrolled, 0.26),
                (K::FactorRemoved, 0.06),
                (K::DeviceRegistered, 0.1),
                (K::PasswordChanged, 0.08),
                (K::MailboxRule, 0.26),
                (K::MailDeleted, 0.1),
                (K::ConsentGranted, 0.14),
            ],
            &[(K::TokenCreated, 0.3), (K::RoleAssigned, 0.4), (K::PolicyChanged, 0.3)],
        ),
        Vendor::Duo => (
            &[(K::FactorEnrolled, 0.8), (K::FactorRemoved, 0.2)],
            &[(K::BypassGranted, 0.4), (K::RoleAssigned, 0.25), (K::PolicyChanged, 0.35)],
        ),
        Vendor::PingId => {
            (&[(K::FactorEnrolled, 0.75), (K::FactorRemoved, 0.25)], &[(K::FactorEnrolled, 1.0)])
        }
    }
}

/// Uses the session and makes one to five lasting changes, minutes to two days after the yes.
/// `factors` of them at least are enrolments (calls end with several devices, Cisco 2022).
pub(super) fn follow_up(
    raid: &mut Raid<'_>,
    victim: Victim,
    at: i64,
    from: Origin,
    session: u64,
    factors: i64,
) {
    for _ in 0..raid.rng.poisson(2.0) {
        let when = at + raid.rng.log_normal(25.0, 1.3).clamp(0.5, 2_000.0) as i64 * MINUTE;
        if raid.within(when) {
            let app = raid.rng.int(0, 8) as u8;
            raid.build.push(when, victim.who, What::Use { from, app, session }, Some(victim.tag));
        }
    }
    if raid.rng.chance(0.25) {
        carry_away(raid, victim, at, from, session);
    }
    let is_admin = raid.build.org.person(victim.who).is_admin;
    let (ordinary, powerful) = menu(raid.build.settings.vendor);
    let enrolments = if factors > 1 { raid.rng.int(1, factors + 1) } else { 0 };
    let count = raid.rng.int(1, 6).max(enrolments);
    for n in 0..count {
        let table = if is_admin && raid.rng.chance(0.4) { powerful } else { ordinary };
        let weights: Vec<f64> = table.iter().map(|(_, weight)| *weight).collect();
        let drawn = table
            .get(raid.rng.weighted(&weights))
            .map_or(EventKind::FactorEnrolled, |(kind, _)| *kind);
        let kind = if n < enrolments { EventKind::FactorEnrolled } else { drawn };
        // Median a quarter of an hour, at most two days.
        let wait = raid.rng.log_normal(15.0, 1.5).clamp(1.0, 2_870.0);
        let when = at + (wait * MINUTE as f64) as i64 + raid.rng.int(0, 60) * SECOND;
        change(raid, victim, when, kind, from, session);
    }
    if raid.rng.chance(0.25) {
        clean_up(raid, victim, at + 4 * HOUR);
    }
}

/// Opens one file after the other, twenty to eighty of them, soon after the yes.
fn carry_away(raid: &mut Raid<'_>, victim: Victim, at: i64, from: Origin, session: u64) {
    let begin = at + raid.rng.int(2, 40) * MINUTE;
    let count = raid.rng.int(20, 81);
    for n in 0..count {
        let when = begin + n * raid.rng.int(2, 9) * SECOND;
        if raid.within(when) {
            let file = What::File { from, session, is_copied: false };
            raid.build.push(when, victim.who, file, Some(victim.tag));
        }
    }
}

/// One change by the attacker, told to the truth.
pub(super) fn change(
    raid: &mut Raid<'_>,
    victim: Victim,
    at: i64,
    kind: EventKind,
    from: Origin,
    session: u64,
) {
    if !raid.within(at) {
        return;
    }
    let detail = raid.rng.int(2, 8) as u8;
    raid.build.push(
        at,
        victim.who,
        What::Change { kind, by: By::Subscriber, from, session, detail },
        Some(victim.tag),
    );
    raid.note(victim, at);
    if let Some(target) = raid.build.target(victim.tag) {
        target.after.push(AfterTruth { events: Vec::new(), kind, at: Timestamp::from_millis(at) });
    }
}

/// The organisation reacts: sessions ended, password reset by an administrator.
pub(super) fn clean_up(raid: &mut Raid<'_>, victim: Victim, at: i64) {
    let when = at + raid.rng.int(10, 360) * MINUTE;
    super::prompting::administrator_acts(raid, victim, when, EventKind::SessionRevoked);
    super::prompting::administrator_acts(
        raid,
        victim,
        when + 90 * SECOND,
        EventKind::PasswordReset,
    );
}
