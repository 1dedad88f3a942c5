//! What a report does to habits that a stranger may have taught.

use super::*;

/// A network that Alice never used, in her own country.
fn elsewhere() -> Requester {
    Requester {
        ip: Some("198.51.100.9".parse().unwrap()),
        network: Some(Network { asn: 64_501, name: Text::new("Other Net"), is_hosting: false }),
        ..home()
    }
}

/// Somebody who signs in from home for half a day, every three hours.
fn settled() -> (World, AuthenticatorId, AuthenticatorId) {
    let (mut world, phone, passkey) = World::with_phone_and_passkey();
    for n in 0..4 {
        world.forward(Span::hours(3));
        world.sign_in(phone, &format!("home{n}"));
    }
    (world, phone, passkey)
}

fn from(requester: Requester, name: &str) -> Attempt {
    Attempt { requester, ..attempt(name, None) }
}

/// What the phone would show about a place.
fn first_time(world: &World, requester: Requester, name: &str) -> FirstTime {
    let mut world = world.clone();
    world.state.push = PushState::Active;
    let started = world.run(Command::StartAttempt(from(requester, name)));
    assert!(matches!(started, Outcome::Prompted(_)), "{started:?}");
    world.state.shown_at(world.now).unwrap().first_time
}

#[test]
fn what_an_intruder_taught_is_forgotten_with_their_device() {
    let (mut world, phone, _) = settled();
    world.forward(Span::days(2));
    // The owner was talked into typing a stranger's code.
    let _ = world.run(Command::StartAttempt(from(elsewhere(), "theirs")));
    let right = world.right();
    assert!(matches!(world.say(phone, right), Outcome::Verified(_)));
    world.forward(Span::hours(20));
    assert_eq!(first_time(&world, elsewhere(), "a"), FirstTime::SeenNetwork);
    let reported =
        world.run(Command::Report(Reporter::Operator(operator("sam")), Notes::default()));
    assert!(matches!(reported, Outcome::Reported { .. }), "{reported:?}");
    assert_eq!(first_time(&world, elsewhere(), "a"), FirstTime::NewNetwork);
    assert_eq!(first_time(&world, home(), "b"), FirstTime::SeenNetwork, "what is older stays");
}

#[test]
fn a_dispute_forgets_what_was_learnt_since_the_binding() {
    let (mut world, _, _) = settled();
    world.forward(Span::days(2));
    let new = NewAuthenticator::Passkey { key: digest(3), sync: PasskeySync::Syncable };
    let theirs = world.bind(new, AuthenticatorKind::Passkey);
    let used = from(elsewhere(), "theirs");
    let used = world.passkey(theirs, used, UserVerification::Verified);
    assert!(matches!(used, Outcome::Verified(_)), "{used:?}");
    world.forward(Span::days(10));
    assert_eq!(first_time(&world, elsewhere(), "a"), FirstTime::SeenNetwork);
    let about = Disputable { authenticator: theirs, round: 0 };
    let link = DisputeLink::link_verified(alice(), about, address("mail:1"));
    assert!(matches!(world.run(Command::Dispute(link)), Outcome::Reported { .. }));
    assert_eq!(first_time(&world, elsewhere(), "a"), FirstTime::NewNetwork);
    assert_eq!(first_time(&world, home(), "b"), FirstTime::SeenNetwork);
}

#[test]
fn a_clock_that_is_set_right_leaves_no_habit_in_the_future() {
    let (mut world, phone, _) = settled();
    let now = world.now;
    world.forward(Span::days(180));
    let _ = world.run(Command::StartAttempt(from(elsewhere(), "ahead")));
    let right = world.right();
    assert!(matches!(world.say(phone, right), Outcome::Verified(_)));
    world.now = now;
    let _ = world.run(Command::SetClockRight(operator("sam")));
    world.forward(Span::days(179));
    assert_eq!(first_time(&world, elsewhere(), "a"), FirstTime::SeenNetwork);
    world.forward(Span::days(1));
    assert_eq!(first_time(&world, elsewhere(), "b"), FirstTime::NewCountry);
}
