//! What strangers left behind, and what it does to the owner.

use super::*;

/// As a service without tables of addresses sees a browser that is not behind the phone's address.
fn nowhere(browser: &str) -> Requester {
    Requester {
        ip: Some("198.51.100.23".parse().unwrap()),
        browser: Some(Text::new(browser)),
        ..Requester::default()
    }
}

fn from(requester: Requester, name: &str) -> Attempt {
    Attempt { requester, ..attempt(name, None) }
}

/// Somebody who has a phone and codes of another app, whose habits count, at a service that knows no places.
fn settled() -> (World, AuthenticatorId, AuthenticatorId) {
    let (mut world, phone, totp) = with_totp();
    for n in 0..12 {
        world.forward(Span::hours(2));
        let _ = world.run(Command::StartAttempt(from(nowhere("Firefox"), &format!("home{n}"))));
        let right = world.right();
        assert!(matches!(world.say(phone, right), Outcome::Verified(_)));
    }
    (world, phone, totp)
}

/// Begins twice and gives up, begins once more and is denied, from a browser like the owner's; and pauses
/// after each.
fn attack(world: &mut World, phone: AuthenticatorId, round: &str, pause: Span) {
    for n in 0..3 {
        let name = format!("stranger{round}{n}");
        let started = world.run(Command::StartAttempt(from(nowhere("Firefox"), &name)));
        assert!(matches!(started, Outcome::Prompted(_)), "{started:?}");
        if n < 2 {
            let _ = world.run(Command::CancelAttempt(AttemptId::parse(&name).unwrap()));
        } else {
            assert!(matches!(world.say(phone, Answer::Deny), Outcome::Ended(PromptEnd::Denied)));
        }
        world.forward(pause);
    }
}

/// The owner with a browser that was never used before.
fn new_browser(world: &mut World, name: &str) -> Prompted {
    match world.run(Command::StartAttempt(from(nowhere("Safari"), name))) {
        Outcome::Prompted(prompted) => prompted,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_phone_only_owner_gets_a_quiet_prompt_after_whatever_strangers_did() {
    let (mut world, phone, totp) = settled();
    attack(&mut world, phone, "a", Span::seconds(10));
    // The minutes after a "no" and the wait of strangers are over.
    world.forward(Span::minutes(11));
    let prompted = new_browser(&mut world, "own");
    assert_eq!(prompted.ring, Ring::Quiet(Reason::RiskHigh));
    assert!(prompted.alternatives.totp && prompted.alternatives.open_app);
    let mut by_code = world.clone();
    let entry = TotpEntry::compared(alice(), totp, Some(9));
    let typed = by_code.run(Command::ProveTotp(from(nowhere("Safari"), "own"), entry));
    assert!(matches!(typed, Outcome::Verified(_)), "{typed:?}");
    let right = world.right();
    assert!(matches!(world.say(phone, right), Outcome::Verified(_)));
    // The success ends it all: the next browser rings.
    world.forward(Span::minutes(11));
    assert_eq!(new_browser(&mut world, "next").ring, Ring::Rang);
}

#[test]
fn what_a_stranger_left_behind_is_over_after_a_day() {
    for (millis, ring) in [(-1, Ring::Quiet(Reason::RiskHigh)), (0, Ring::Rang)] {
        let (mut world, phone, _) = settled();
        attack(&mut world, phone, "a", Span::seconds(10));
        // The denial was the last of it, ten seconds ago.
        world.forward(Span::millis(86_400_000 - 10_000 + millis));
        assert_eq!(new_browser(&mut world, "own").ring, ring, "{millis}");
    }
}

/// Three tries a day for a month, and an owner who never gets as far as a success.
#[test]
fn a_stranger_who_comes_every_day_shuts_nobody_out() {
    let (mut world, phone, _) = settled();
    let mut told = 0;
    for day in 0..30 {
        let noticed_at = world.state.noticed_at;
        // Strangers wait for an hour at most.
        attack(&mut world, phone, &day.to_string(), Span::hours(1));
        told += usize::from(world.state.noticed_at != noticed_at);
        world.forward(Span::hours(20));
        let own = format!("own{day}");
        new_browser(&mut world, &own);
        // They change their mind, and nothing was cleared.
        let _ = world.run(Command::CancelAttempt(AttemptId::parse(&own).unwrap()));
        world.forward(Span::hours(1));
        assert!(world.state.budget().rung_within(Span::days(1), world.now) <= 10);
    }
    assert_eq!(told, 30, "the owner hears of it once a day");
}

#[test]
fn whoever_has_a_passkey_is_asked_for_it_after_a_stranger_was_denied() {
    let (mut world, phone, _) = World::with_phone_and_passkey();
    world.forward(Span::days(2));
    let _ = world.run(Command::StartAttempt(from(nowhere("Firefox"), "stranger")));
    let _ = world.say(phone, Answer::Deny);
    let held = world.run(Command::StartAttempt(from(nowhere("Firefox"), "own")));
    assert!(matches!(held, Outcome::PasskeyOnly { reason: Reason::RiskHigh, .. }), "{held:?}");
    // But not where none could come back, however much a denial weighs.
    world.policy.risk.denied = 9.0;
    let only_phones = Attempt { accepts: Accepts::PhoneOnly, ..from(nowhere("Firefox"), "phone") };
    let quiet = world.run(Command::StartAttempt(only_phones));
    assert!(matches!(quiet, Outcome::Prompted(_)), "{quiet:?}");
    let right = world.right();
    assert!(matches!(world.say(phone, right), Outcome::Verified(_)));
}

fn recovering(world: &mut World, to: &str, others_asked: u16, browser: &str) -> Outcome {
    let code = digest(41);
    let _ = world.run(Command::IssueAddressCode { address: address(to), code });
    let attempt =
        Attempt { purpose: Purpose::Recovery, others_asked, ..from(nowhere(browser), "recovery") };
    world.run(Command::Recover {
        attempt,
        first: RecoveryEvidence::SavedCode(digest(31)),
        second: RecoveryEvidence::AddressCode(digest(41)),
    })
}

#[test]
fn what_strangers_left_behind_does_not_close_recovery() {
    let saved = || NewAuthenticator::RecoveryCodes { codes: vec![digest(31)] };
    let (mut world, phone, _) = settled();
    world.bind(saved(), AuthenticatorKind::RecoveryCodes);
    attack(&mut world, phone, "a", Span::seconds(10));
    let muted = recovering(&mut world, "mail:1", 0, "Safari");
    assert_eq!(refused(&muted), Reason::StrangersMuted);
    world.forward(Span::minutes(10));
    // Six bits, if it counted who else was asked for from there.
    world.policy.risk.many_asked = 4.0;
    let recovered = recovering(&mut world, "mail:2", 9, "Safari");
    assert!(matches!(recovered, Outcome::Recovered { .. }), "{recovered:?}");

    // Of whoever has a passkey the marks ask for it, but not here.
    let (mut world, phone, _) = World::with_phone_and_passkey();
    world.bind(saved(), AuthenticatorKind::RecoveryCodes);
    world.forward(Span::days(2));
    let _ = world.run(Command::StartAttempt(from(nowhere("Firefox"), "stranger")));
    let _ = world.say(phone, Answer::Deny);
    world.forward(Span::minutes(10));
    // Another machine, since what had the passkey is lost.
    let recovered = recovering(&mut world, "mail:1", 0, "Safari");
    assert!(matches!(recovered, Outcome::Recovered { .. }), "{recovered:?}");
}

/// A document of before has a count, and nobody knows of when.
#[test]
fn marks_of_before_without_an_age_are_not_read() {
    let (world, _, _) = settled();
    let mut json = serde_json::to_value(&world.state).unwrap();
    json["unanswered"] = 2.into();
    json["was_denied"] = true.into();
    let mut old = World { state: SubscriberState::from_json(&json.to_string()).unwrap(), ..world };
    assert_eq!(new_browser(&mut old, "own").ring, Ring::Rang);
    assert!(!old.state.to_json().unwrap().contains("was_denied"));
}
