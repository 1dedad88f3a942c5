//! What counts against the prompt budget, and what is taken back.

use super::*;

const DAY: Span = Span::days(1);

fn cancel(world: &mut World, name: &str) {
    let _ = world.run(Command::CancelAttempt(AttemptId::parse(name).unwrap()));
}

fn counted(world: &World) -> usize {
    world.state.budget().rung_within(DAY, world.now)
}

#[test]
fn strangers_gain_no_ring_by_the_owners_success() {
    let (mut world, phone) = World::with_phone();
    let device = world.sign_in(phone, "first");
    // The budget alone: no waits, no evidence.
    world.policy.throttle.free_failures = u8::MAX;
    world.policy.risk.unanswered = 0.0;
    let (mut strangers, mut owner) = (Vec::new(), 0);
    // A stranger asks every minute of a day; the owner signs in every other hour and always answers.
    for minute in 0..1_440 {
        let name = format!("s{minute}");
        if matches!(world.start(&name, None), Outcome::Prompted(p) if p.ring == Ring::Rang) {
            strangers.push(minute);
        }
        cancel(&mut world, &name);
        if minute % 120 == 60 {
            let name = format!("o{minute}");
            assert!(matches!(world.prompted(&name, Some(device)).ring, Ring::Rang), "{minute}");
            let right = world.right();
            assert!(matches!(world.say(phone, right), Outcome::Verified(_)), "{minute}");
            owner += 1;
        }
        world.forward(Span::minutes(1));
    }
    assert_eq!(owner, 12);
    // One of each window is kept for the known device: two in ten minutes, four an hour, nine a day.
    assert_eq!(strangers, [0, 1, 10, 11, 60, 61, 70, 71, 120]);
}

#[test]
fn an_owner_who_answers_is_asked_as_often_as_they_sign_in() {
    let (mut world, phone) = World::with_phone();
    let device = world.sign_in(phone, "first");
    for n in 0..100 {
        assert!(matches!(world.prompted(&format!("a{n}"), Some(device)).ring, Ring::Rang), "{n}");
        let right = world.right();
        assert!(matches!(world.say(phone, right), Outcome::Verified(_)), "{n}");
        world.forward(Span::minutes(1));
    }
    assert_eq!(counted(&world), 0);
}

#[test]
fn a_ring_without_an_answer_counts_also_after_a_success() {
    let (mut world, phone) = World::with_phone();
    let device = world.sign_in(phone, "first");
    for name in ["a", "b"] {
        world.prompted(name, Some(device));
        cancel(&mut world, name);
    }
    world.prompted("c", Some(device));
    let right = world.right();
    assert!(matches!(world.say(phone, right), Outcome::Verified(_)));
    assert_eq!(counted(&world), 2);
    // The next one rings, and if it is not answered either it was the last for a while.
    assert!(matches!(world.prompted("d", Some(device)).ring, Ring::Rang));
    cancel(&mut world, "d");
    let spent = world.prompted("e", Some(device)).ring;
    assert!(matches!(spent, Ring::Quiet(Reason::BudgetSpent)));
}

#[test]
fn whoever_takes_over_a_strangers_ring_does_not_answer_it() {
    let (mut world, phone) = World::with_phone();
    let device = world.sign_in(phone, "first");
    world.prompted("stranger", None);
    assert!(matches!(world.prompted("owner", Some(device)).ring, Ring::Replaced));
    let right = world.right();
    assert!(matches!(world.say(phone, right), Outcome::Verified(_)));
    assert_eq!(counted(&world), 1);
}

#[test]
fn a_sign_in_page_that_was_reloaded_is_answered_with_the_first_ring() {
    let (mut world, phone) = World::with_phone();
    let device = world.sign_in(phone, "first");
    world.prompted("page", Some(device));
    for name in ["reloaded", "again"] {
        assert!(matches!(world.prompted(name, Some(device)).ring, Ring::Replaced));
    }
    let right = world.right();
    assert!(matches!(world.say(phone, right), Outcome::Verified(_)));
    assert_eq!(counted(&world), 0);
}

#[test]
fn a_passkey_answers_the_ring_of_its_own_attempt_only() {
    for (proved, left) in [("a", 0), ("b", 1)] {
        let (mut world, _, passkey) = World::with_phone_and_passkey();
        world.prompted("a", None);
        let done = world.passkey(passkey, attempt(proved, None), UserVerification::Verified);
        assert!(matches!(done, Outcome::Verified(_)), "{done:?}");
        assert_eq!(counted(&world), left, "{proved}");
    }
}

#[test]
fn a_code_by_time_answers_no_ring() {
    let (mut world, _) = World::with_phone();
    let totp =
        world.bind(NewAuthenticator::Totp { key: digest(4), step: 0 }, AuthenticatorKind::Totp);
    world.prompted("a", None);
    let entry = TotpEntry::compared(alice(), totp, Some(1));
    let done = world.run(Command::ProveTotp(attempt("a", None), entry));
    assert!(matches!(done, Outcome::Verified(_)), "{done:?}");
    assert_eq!(counted(&world), 1);
}

#[test]
fn a_call_that_was_confirmed_is_answered_and_a_false_one_is_not() {
    for (answer, left) in [(CallerAnswer::CodesMatch, 0), (CallerAnswer::NotThem, 1)] {
        let (mut world, phone) = World::with_phone();
        let Outcome::CallerCheck { check, .. } =
            world.run(Command::StartCallerCheck(operator("sam")))
        else {
            panic!("no check")
        };
        assert_eq!(counted(&world), 1);
        let contact = PhoneContact::signature_verified(alice(), phone, home());
        let _ = world.run(Command::AnswerCallerCheck(contact, check, answer));
        assert_eq!(counted(&world), left, "{answer:?}");
    }
}

/// Whoever holds one of two phones; the other is its owner's.
#[test]
fn what_a_phone_asks_for_rings_no_phone() {
    let (mut world, theirs) = World::with_phone();
    let owners = world.bind(NewAuthenticator::Phone { key: digest(6) }, AuthenticatorKind::Phone);
    for n in 0..30 {
        let own = KnownDeviceProof::phone_signed(alice(), theirs);
        let purpose = Purpose::ManageAuthenticators;
        let manage = Attempt { purpose, device: Some(own), ..attempt(&format!("m{n}"), None) };
        let started = world.run(Command::StartAttempt(manage));
        let Outcome::Prompted(prompted) = started else { panic!("{started:?}") };
        assert_eq!(prompted.ring, Ring::Quiet(Reason::AskedByPhone));
        assert!(!world.rang());
        let phones = world.state.phones();
        assert_eq!(phones, [theirs, owners]);
        assert!(world.effects.contains(&Act::RefreshPhones { phones }), "each shows it");
        // Either can answer: one that is new asks, and an older one has to.
        let right = world.right();
        let said = world.say(if n % 2 == 0 { theirs } else { owners }, right);
        assert!(matches!(said, Outcome::Verified(_)), "{said:?}");
        world.forward(Span::seconds(1));
    }
    assert_eq!(world.state.budget().rung_within(Span::days(1), world.now), 0);
}
