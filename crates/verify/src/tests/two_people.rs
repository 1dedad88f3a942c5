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

fn lower(world: &mut World, name: &str) -> Outcome {
    world.run(Command::SetRole(operator(name), Role::Member))
}

/// Somebody who signs in with a passkey only.
fn administrator() -> World {
    let (mut world, _, _) = World::with_phone_and_passkey();
    let raised = world.run(Command::SetRole(operator("sam"), Role::Administrator));
    assert!(matches!(raised, Outcome::Done), "to raise takes nobody else: {raised:?}");
    world
}

fn told(world: &World, is_it: impl Fn(&Notice) -> bool) -> usize {
    let to = world.effects.iter().filter_map(|act| match act {
        Act::Notify { notice, to } if is_it(notice) => Some(to.len()),
        _ => None,
    });
    to.sum()
}

#[test]
fn every_change_of_the_role_is_told_at_every_address() {
    let mut world = administrator();
    let is_raised = |notice: &Notice| *notice == Notice::RoleChanged { administrator: true };
    assert_eq!(told(&world, is_raised), 2);
    let _ = lower(&mut world, "sam");
    assert_eq!(told(&world, |notice| notice.stoppable().is_some()), 2);
    let _ = lower(&mut world, "kim");
    let is_lowered = |notice: &Notice| *notice == Notice::RoleChanged { administrator: false };
    assert_eq!(told(&world, is_lowered), 2);
    let again = lower(&mut world, "kim");
    assert!(matches!(again, Outcome::Done), "{again:?}");
    assert_eq!(world.effects, [], "nothing changed");
}

#[test]
fn one_operator_alone_lowers_no_administrator_before_the_delay() {
    for (name, hours, is_done) in [("sam", 23, false), ("sam", 24, true), ("kim", 0, true)] {
        let mut world = administrator();
        let asked = lower(&mut world, "sam");
        let Outcome::RoleChangePending { ready_at, .. } = asked else { panic!("{asked:?}") };
        assert_eq!(ready_at, world.now + Span::hours(24));
        world.forward(Span::hours(hours));
        let confirmed = lower(&mut world, name);
        assert_eq!(matches!(confirmed, Outcome::Done), is_done, "{name} {hours}: {confirmed:?}");
        assert_eq!(world.state.role() == Role::Member, is_done, "{name} {hours}");
    }
}

#[test]
fn the_owner_stops_that_their_role_is_lowered() {
    for is_report in [false, true] {
        let mut world = administrator();
        let asked = lower(&mut world, "sam");
        let Outcome::RoleChangePending { change, .. } = asked else { panic!("{asked:?}") };
        let foreign = world.run(Command::CancelRoleChange(link("mail:9"), change));
        assert_eq!(refused(&foreign), Reason::NotFound);
        if is_report {
            let _ = world.run(Command::Report(link("mail:1"), Notes::default()));
            assert_eq!(refused(&lower(&mut world, "kim")), Reason::IncidentOpen);
            let _ = world.run(Command::CloseIncident(operator("sam")));
        } else {
            let stopped = world.run(Command::CancelRoleChange(link("mail:1"), change));
            assert!(matches!(stopped, Outcome::Done), "{stopped:?}");
            assert_eq!(told(&world, |notice| *notice == Notice::RoleChangeCancelled), 2);
        }
        let again = world.run(Command::CancelRoleChange(link("mail:2"), change));
        assert_eq!(refused(&again), Reason::NotFound);
        // What is asked for next takes two people for a week.
        let asked = lower(&mut world, "sam");
        let Outcome::RoleChangePending { ready_at, .. } = asked else { panic!("{asked:?}") };
        assert_eq!(ready_at, world.now + Span::days(7));
        assert_eq!(world.state.role(), Role::Administrator);
    }
}

#[test]
fn nobody_confirms_a_lowering_after_its_time_or_after_somebody_raised_again() {
    for (hours, is_done) in [(95, true), (96, false)] {
        let mut world = administrator();
        let _ = lower(&mut world, "sam");
        world.forward(Span::hours(hours));
        let confirmed = lower(&mut world, "kim");
        assert_eq!(matches!(confirmed, Outcome::Done), is_done, "{hours}: {confirmed:?}");
    }
    let mut world = administrator();
    let _ = lower(&mut world, "sam");
    let _ = world.run(Command::SetRole(operator("kim"), Role::Administrator));
    assert!(matches!(lower(&mut world, "kim"), Outcome::RoleChangePending { .. }));
}
