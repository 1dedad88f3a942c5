//! What one operator asks for, and how its owner stops it.

use super::*;

fn link(to: &str) -> Canceller {
    Reporter::Address(AddressProof::link_verified(alice(), address(to)))
}

fn ask(world: &mut World) -> (ResetId, Timestamp) {
    match world.run(Command::RequestReset(operator("sam"))) {
        Outcome::ResetPending { reset, ready_at } => (reset, ready_at),
        other => panic!("{other:?}"),
    }
}

fn confirm(world: &mut World, name: &str, reset: ResetId) -> Outcome {
    world.run(Command::ConfirmReset(operator(name), reset))
}

/// The help desk, alone: it disputes the only phone, closes its own incident and asks for a reset.
#[test]
fn a_lone_operator_does_not_keep_the_owner_from_stopping_a_reset() {
    let (mut world, phone) = World::with_phone();
    let _ = world.run(Command::DisputeForOwner(operator("sam"), phone));
    let _ = world.run(Command::CloseIncident(operator("sam")));
    let (reset, ready_at) = ask(&mut world);
    let to = world.effects.iter().find_map(|act| match act {
        Act::Notify { notice, to } if notice.stoppable() == Some(Stoppable::Reset(reset)) => {
            Some(to.clone())
        }
        _ => None,
    });
    assert_eq!(to, Some(vec![address("mail:1"), address("mail:2")]), "both are told how");
    let said = world.say(phone, Answer::Report(Notes::default()));
    assert_eq!(refused(&said), Reason::AuthenticatorDisputed, "the phone is of no use");

    world.now = ready_at - Span::seconds(1);
    assert!(matches!(world.run(Command::CancelReset(link("mail:2"), reset)), Outcome::Done));
    let told = |act: &Act| matches!(act, Act::Notify { notice: Notice::ResetCancelled, to } if to.len() == 2);
    assert!(world.effects.iter().any(told), "everybody is told");
    assert_eq!(world.audit[0].by, Actor::Address(address("mail:2")));
    world.forward(Span::hours(2));
    assert_eq!(refused(&confirm(&mut world, "sam", reset)), Reason::NotFound);
    assert!(world.state.authenticator(phone).is_some());
}

/// Nothing is bound, so one operator alone may change the addresses.
#[test]
fn who_was_told_of_a_reset_stops_it_also_after_the_addresses_changed() {
    let mut world = World::empty();
    world.forward(Span::days(31));
    let (reset, _) = ask(&mut world);
    let authority = Authority::Operator(operator("sam"));
    let addresses = vec![address("mail:8"), address("mail:9")];
    let set = world.run(Command::SetAddresses { authority, addresses });
    assert!(matches!(set, Outcome::Done), "{set:?}");
    assert!(matches!(world.run(Command::CancelReset(link("mail:1"), reset)), Outcome::Done));
}

#[test]
fn the_link_of_one_reset_stops_no_other_and_only_once() {
    let (mut world, _) = World::with_phone();
    let (first, _) = ask(&mut world);
    assert!(matches!(world.run(Command::CancelReset(link("mail:1"), first)), Outcome::Done));
    let (second, _) = ask(&mut world);
    for to in ["mail:1", "mail:2"] {
        let again = world.run(Command::CancelReset(link(to), first));
        assert_eq!(refused(&again), Reason::NotFound, "{to}");
    }
    assert_eq!(world.state.reset().map(|reset| reset.id), Some(second));
}

#[test]
fn after_the_owner_stopped_a_reset_the_next_one_takes_two_people_for_a_week() {
    let (mut world, _) = World::with_phone();
    let (first, _) = ask(&mut world);
    let _ = world.run(Command::CancelReset(link("mail:1"), first));
    let stopped_at = world.now;
    world.forward(Span::hours(1));
    let (reset, ready_at) = ask(&mut world);
    assert_eq!(ready_at, stopped_at + Span::days(7));
    world.now = ready_at - Span::seconds(1);
    let mut other = world.clone();
    assert_eq!(refused(&confirm(&mut world, "sam", reset)), Reason::NeedsAnotherPerson);
    assert!(matches!(confirm(&mut other, "kim", reset), Outcome::Done));
    world.forward(Span::seconds(1));
    assert!(matches!(confirm(&mut world, "sam", reset), Outcome::Done));
}

#[test]
fn a_report_of_the_owner_stops_a_reset_as_the_link_does_and_one_of_the_help_desk_changes_nothing() {
    for (is_owner, days) in [(true, 7), (false, 1)] {
        let (mut world, phone) = World::with_phone();
        let _ = ask(&mut world);
        let reporter = if is_owner {
            Reporter::Phone(PhoneContact::signature_verified(alice(), phone, home()))
        } else {
            Reporter::Operator(operator("sam"))
        };
        let _ = world.run(Command::Report(reporter, Notes::default()));
        let _ = world.run(Command::CloseIncident(operator("sam")));
        assert_eq!(ask(&mut world).1, world.now + Span::days(days), "{is_owner}");
    }
}

/// A document from before it was written down who was told.
#[test]
fn a_reset_of_before_is_stopped_from_an_address_on_file() {
    let (mut world, _) = World::with_phone();
    let (reset, _) = ask(&mut world);
    let mut json = serde_json::to_value(&world.state).unwrap();
    json["reset"].as_object_mut().unwrap().remove("told").unwrap();
    world.state = SubscriberState::from_json(&json.to_string()).unwrap();
    let elsewhere = world.run(Command::CancelReset(link("mail:9"), reset));
    assert_eq!(refused(&elsewhere), Reason::NotFound);
    assert!(matches!(world.run(Command::CancelReset(link("mail:1"), reset)), Outcome::Done));
}
