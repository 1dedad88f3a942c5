//! A clock that ran ahead, and what is left of it when it is right again.

use super::*;

/// Half a year: farther than anybody waits.
const AHEAD: Span = Span::days(180);

/// A node's clock runs ahead for one decision, and is right again.
fn jump(world: &mut World) {
    let now = world.now;
    world.forward(AHEAD);
    let _ = world.run(Command::Tick);
    world.now = now;
}

fn is_held(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::PasskeyOnly { reason: Reason::ClockAhead, .. })
}

#[test]
fn nothing_rings_that_the_next_command_would_end() {
    let (mut world, _, passkey) = World::with_phone_and_passkey();
    world.bind(NewAuthenticator::Totp { key: digest(4), step: 0 }, AuthenticatorKind::Totp);
    jump(&mut world);
    let started = world.start("a", None);
    assert!(is_held(&started) && !world.rang(), "{started:?}");
    let Outcome::PasskeyOnly { alternatives, .. } = started else { return };
    let offered = Alternatives { passkey: true, totp: true, open_app: false };
    assert_eq!(alternatives, offered, "in the app nothing would wait");
    assert!(world.state.shown_at(world.now).is_none());
    let held = world.audit.iter().find_map(|entry| match entry.what {
        Happened::AttemptHeld { reason, .. } => Some(reason),
        _ => None,
    });
    assert_eq!(held, Some(Reason::ClockAhead), "operators see why");
    let proved = world.passkey(passkey, attempt("a", None), UserVerification::Verified);
    assert!(matches!(proved, Outcome::Verified(_)), "{proved:?}");
    let _ = world.run(Command::SetClockRight(operator("sam")));
    assert_eq!(world.prompted("b", None).ring, Ring::Rang);
}

#[test]
fn a_clock_that_is_late_by_what_is_tolerated_asks_phones() {
    let (mut world, _) = World::with_phone();
    let tolerance = world.policy.prompt.clock_tolerance();
    world.forward(tolerance);
    let _ = world.run(Command::Tick);
    let now = world.now;
    world.now = now - tolerance - Span::millis(1);
    assert_eq!(world.state.ahead_of(world.now, &world.policy), Some(now));
    assert!(is_held(&world.start("a", None)));
    world.now = now - tolerance;
    assert_eq!(world.state.ahead_of(world.now, &world.policy), None);
    assert_eq!(world.prompted("b", None).ring, Ring::Rang);
}

#[test]
fn on_a_late_clock_no_code_is_given_out_or_used_up() {
    let (mut world, _) = World::with_phone();
    let codes = NewAuthenticator::RecoveryCodes { codes: vec![digest(31)] };
    world.bind(codes, AuthenticatorKind::RecoveryCodes);
    let _ = world.run(Command::IssueAddressCode { address: address("mail:1"), code: digest(41) });
    jump(&mut world);
    let called = world.run(Command::StartCallerCheck(operator("sam")));
    assert!(refused(&called) == Reason::ClockAhead && !world.rang());
    let mail = Command::IssueAddressCode { address: address("mail:1"), code: digest(41) };
    assert_eq!(refused(&world.run(mail.clone())), Reason::ClockAhead);
    let recover = Command::Recover {
        attempt: Attempt { purpose: Purpose::Recovery, ..attempt("r", None) },
        first: RecoveryEvidence::SavedCode(digest(31)),
        second: RecoveryEvidence::AddressCode(digest(41)),
    };
    assert_eq!(refused(&world.run(recover.clone())), Reason::ClockAhead);
    let reset = world.run(Command::RequestReset(operator("sam")));
    assert_eq!(refused(&reset), Reason::ClockAhead, "it would wait for half a year");
    world.state.authenticators.retain(|a| a.kind() != AuthenticatorKind::Phone);
    let (authority, kind) = (Authority::Operator(operator("sam")), AuthenticatorKind::Phone);
    let issued = world.run(Command::IssueBindingCode { authority, kind, code: digest(66) });
    assert_eq!(refused(&issued), Reason::ClockAhead);
    let _ = world.run(Command::SetClockRight(operator("sam")));
    world.forward(Span::hours(3));
    assert!(matches!(world.run(mail), Outcome::Done));
    let recovered = world.run(recover);
    assert!(matches!(recovered, Outcome::Recovered { .. }), "{recovered:?}");
}
