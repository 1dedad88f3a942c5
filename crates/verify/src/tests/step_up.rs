//! Who is asked for a passkey in the place of a code.

use super::*;

/// A network that Alice never used, in her own country, with her browser.
fn elsewhere() -> Requester {
    Requester {
        ip: Some("198.51.100.9".parse().unwrap()),
        network: Some(Network { asn: 64_501, name: Text::new("Other Net"), is_hosting: false }),
        ..home()
    }
}

fn started(world: &mut World, name: &str, device: Option<DeviceId>) -> Outcome {
    let there = Attempt { requester: elsewhere(), ..attempt(name, device) };
    let outcome = world.run(Command::StartAttempt(there));
    let _ = world.run(Command::CancelAttempt(AttemptId::parse(name).unwrap()));
    outcome
}

/// Signs in at home until habits count.
fn settle(world: &mut World, phone: AuthenticatorId) -> DeviceId {
    let devices: Vec<_> = (0..12)
        .map(|n| {
            world.forward(Span::hours(3));
            world.sign_in(phone, &format!("home{n}"))
        })
        .collect();
    world.forward(Span::hours(3));
    devices[11]
}

fn is_sent_to_the_passkey(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::PasskeyOnly { reason: Reason::RiskHigh, alternatives } if alternatives.passkey
    )
}

#[test]
fn whoever_has_a_passkey_types_no_code_for_a_strange_place() {
    let (mut world, phone, _) = World::with_phone_and_passkey();
    let device = settle(&mut world, phone);
    assert!(is_sent_to_the_passkey(&started(&mut world, "a", None)));
    assert!(matches!(world.start("b", None), Outcome::Prompted(_)), "a new browser at home");
    let _ = world.run(Command::CancelAttempt(AttemptId::parse("b").unwrap()));
    let on_the_road = started(&mut world, "c", Some(device));
    assert!(matches!(on_the_road, Outcome::Prompted(_)), "the known device travels");

    let (mut without, phone) = World::with_phone();
    settle(&mut without, phone);
    assert!(matches!(started(&mut without, "a", None), Outcome::Prompted(_)));
}

#[test]
fn a_passkey_that_was_just_bound_takes_no_code_away() {
    let (mut world, phone) = World::with_phone();
    settle(&mut world, phone);
    let new = NewAuthenticator::Passkey { key: digest(2), sync: PasskeySync::Syncable };
    world.bind(new, AuthenticatorKind::Passkey);
    assert!(matches!(started(&mut world, "a", None), Outcome::Prompted(_)));
    world.forward(Span::hours(25));
    assert!(is_sent_to_the_passkey(&started(&mut world, "b", None)));
}

#[test]
fn a_code_of_another_app_is_no_way_around_the_passkey() {
    let (mut world, phone, _) = World::with_phone_and_passkey();
    settle(&mut world, phone);
    let new = NewAuthenticator::Totp { key: digest(4), step: 0 };
    let totp = world.bind(new, AuthenticatorKind::Totp);
    let there = Attempt { requester: elsewhere(), ..attempt("a", None) };
    let typed = TotpEntry::compared(alice(), totp, Some(7));
    assert_eq!(refused(&world.run(Command::ProveTotp(there, typed))), Reason::RiskHigh);
}

#[test]
fn no_passkey_is_asked_for_that_could_not_come_back() {
    let (mut world, phone, _) = World::with_phone_and_passkey();
    settle(&mut world, phone);
    let there = Attempt { requester: elsewhere(), ..attempt("a", None) };
    let only_phones = Attempt { accepts: Accepts::PhoneOnly, ..there };
    let started = world.run(Command::StartAttempt(only_phones));
    assert!(matches!(started, Outcome::Prompted(_)), "{started:?}");
    let right = world.right();
    assert!(matches!(world.say(phone, right), Outcome::Verified(_)));
}
