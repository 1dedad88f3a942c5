//! "This was not me": a binding is taken back.

use super::*;

fn link(authenticator: AuthenticatorId) -> Command {
    // The address is on file no longer: whoever bound it has changed the addresses.
    Command::Dispute(DisputeLink::link_verified(alice(), authenticator, address("mail:old")))
}

fn settle(authority: Authority, authenticator: AuthenticatorId) -> Command {
    Command::SettleDispute { authority, authenticator }
}

fn by_help_desk() -> Authority {
    Authority::Operator(operator("sam"))
}

/// Proves the right to change with a passkey.
fn right(world: &mut World, passkey: AuthenticatorId, name: &str) -> Authority {
    let manage = Attempt { purpose: Purpose::ManageAuthenticators, ..attempt(name, None) };
    let _ = world.run(Command::StartAttempt(manage.clone()));
    let id = manage.id.clone();
    let _ = world.passkey(passkey, manage, UserVerification::Verified);
    Authority::Subscriber(id)
}

fn second_passkey(world: &mut World) -> AuthenticatorId {
    let new = NewAuthenticator::Passkey { key: digest(7), sync: PasskeySync::Syncable };
    world.bind(new, AuthenticatorKind::Passkey)
}

#[test]
fn a_disputed_binding_answers_for_nobody_and_counts_as_a_report() {
    let (mut world, phone, passkey) = World::with_phone_and_passkey();
    world.forward(Span::days(2));
    let theirs = second_passkey(&mut world);
    let bound_at = world.now;
    world.forward(Span::seconds(1));
    let used = world.passkey(theirs, attempt("theirs", None), UserVerification::Verified);
    assert!(matches!(used, Outcome::Verified(_)));
    world.forward(Span::days(3));

    let disputed = world.run(link(theirs));
    assert!(matches!(disputed, Outcome::Reported { .. }), "{disputed:?}");
    let since = world.effects.iter().find_map(|act| match act {
        Act::EndSessions { since } => Some(*since),
        _ => None,
    });
    assert_eq!(since, Some(bound_at), "whoever bound it may have signed in since");
    assert!(world.state.devices().is_empty() && world.state.incident().is_some());
    assert!(matches!(world.state.push(), PushState::Suspended { .. }));

    let verified = UserVerification::Verified;
    let used = world.passkey(theirs, attempt("again", None), verified);
    assert_eq!(refused(&used), Reason::AuthenticatorDisputed);
    let contact = PhoneContact::signature_verified(alice(), phone, home());
    assert!(matches!(world.run(Command::OpenApp(contact)), Outcome::App { .. }));
    let owner = world.passkey(passkey, attempt("owner", None), verified);
    assert!(matches!(owner, Outcome::Verified(_)), "what was not disputed still answers");
}

#[test]
fn a_disputed_phone_is_not_heard_any_more() {
    let (mut world, phone) = World::with_phone();
    let _ = world.run(link(phone));
    let contact = || PhoneContact::signature_verified(alice(), phone, home());
    assert_eq!(refused(&world.run(Command::OpenApp(contact()))), Reason::AuthenticatorDisputed);
    let _ = world.run(Command::RestorePush(by_help_desk()));
    let started = world.start("a", None);
    assert!(matches!(started, Outcome::PasskeyOnly { reason: Reason::NoPhone, .. }), "{started:?}");
}

#[test]
fn a_dispute_is_settled_after_the_incident_only() {
    let (mut world, _, passkey) = World::with_phone_and_passkey();
    world.forward(Span::days(2));
    let disputed = second_passkey(&mut world);
    let _ = world.run(link(disputed));
    let owner = right(&mut world, passkey, "m1");
    for by in [by_help_desk(), owner] {
        assert_eq!(refused(&world.run(settle(by, disputed))), Reason::IncidentOpen);
    }
    let _ = world.run(Command::CloseIncident(operator("sam")));
    // Not with itself, and not without a proof.
    let itself = right(&mut world, disputed, "m2");
    assert_eq!(refused(&world.run(settle(itself, disputed))), Reason::NotAuthorised);
    let owner = right(&mut world, passkey, "m3");
    assert!(matches!(world.run(settle(owner, disputed)), Outcome::Done));
    let told = |act: &Act| matches!(act, Act::Notify { notice: Notice::DisputeSettled { .. }, .. });
    assert!(world.effects.iter().any(told));
    let used = world.passkey(disputed, attempt("a", None), UserVerification::Verified);
    assert!(matches!(used, Outcome::Verified(_)), "{used:?}");
}

#[test]
fn a_dispute_counts_once_also_after_it_was_settled() {
    let (mut world, phone) = World::with_phone();
    assert!(matches!(world.run(link(phone)), Outcome::Reported { .. }));
    assert_eq!(refused(&world.run(link(phone))), Reason::CodeReused);
    let _ = world.run(Command::CloseIncident(operator("sam")));
    let _ = world.run(Command::RestorePush(by_help_desk()));
    assert!(matches!(world.run(settle(by_help_desk(), phone)), Outcome::Done));
    assert_eq!(refused(&world.run(settle(by_help_desk(), phone))), Reason::NotFound);
    assert_eq!(refused(&world.run(link(phone))), Reason::CodeReused);
    assert_eq!(world.state.push(), PushState::Active);
    world.sign_in(phone, "a");
}

#[test]
fn a_link_about_nothing_or_somebody_else_disputes_nothing() {
    let (mut world, phone) = World::with_phone();
    assert_eq!(refused(&world.run(link(AuthenticatorId(99)))), Reason::NotBound);
    let bob = SubscriberId::parse("bob@example.org").unwrap();
    let foreign = DisputeLink::link_verified(bob, phone, address("mail:1"));
    assert_eq!(refused(&world.run(Command::Dispute(foreign))), Reason::WrongSubject);
    assert_eq!(world.state.push(), PushState::Active);
    world.sign_in(phone, "a");
}
