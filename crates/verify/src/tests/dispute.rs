//! "This was not me": a binding is taken back.

use super::*;

/// The link in the notice of the binding.
fn link(authenticator: AuthenticatorId) -> Command {
    link_of(Disputable { authenticator, round: 0 })
}

fn link_of(about: Disputable) -> Command {
    // The address is on file no longer: whoever bound it has changed the addresses.
    Command::Dispute(DisputeLink::link_verified(alice(), about, address("mail:old")))
}

/// What a link in the notices of the last decision is about.
fn told(world: &World) -> Option<Disputable> {
    world.effects.iter().find_map(|act| match act {
        Act::Notify { notice, .. } => notice.disputable(),
        _ => None,
    })
}

fn by_two(world: &mut World, authenticator: AuthenticatorId) {
    let asked = world.run(settle(by_help_desk(), authenticator));
    assert!(matches!(asked, Outcome::SettlementPending { .. }), "{asked:?}");
    let kim = Authority::Operator(operator("kim"));
    assert!(matches!(world.run(settle(kim, authenticator)), Outcome::Done));
}

/// Somebody whose phone is theirs and who disowned a passkey; the incident was looked at.
fn disowned() -> (World, AuthenticatorId, AuthenticatorId) {
    let (mut world, phone) = World::with_phone();
    world.forward(Span::days(2));
    let theirs = second_passkey(&mut world);
    world.forward(Span::days(2));
    let _ = world.run(link(theirs));
    let _ = world.run(Command::CloseIncident(operator("sam")));
    (world, phone, theirs)
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
    by_two(&mut world, phone);
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
    let about = Disputable { authenticator: phone, round: 0 };
    let foreign = DisputeLink::link_verified(bob, about, address("mail:1"));
    assert_eq!(refused(&world.run(Command::Dispute(foreign))), Reason::WrongSubject);
    assert_eq!(world.state.push(), PushState::Active);
    world.sign_in(phone, "a");
}

#[test]
fn one_operator_alone_brings_nothing_back_that_was_disputed() {
    for (name, hours, is_done) in [("sam", 23, false), ("sam", 24, true), ("kim", 0, true)] {
        let (mut world, _, theirs) = disowned();
        let asked = world.run(settle(by_help_desk(), theirs));
        let Outcome::SettlementPending { ready_at } = asked else { panic!("{asked:?}") };
        assert_eq!(ready_at, world.now + Span::hours(24));
        assert_eq!(told(&world), Some(Disputable { authenticator: theirs, round: 1 }));
        world.forward(Span::hours(hours));
        let confirmed = world.run(settle(Authority::Operator(operator(name)), theirs));
        assert_eq!(matches!(confirmed, Outcome::Done), is_done, "{name} {hours}: {confirmed:?}");
        let is_active = world.state.authenticator(theirs).unwrap().is_active();
        assert_eq!(is_active, is_done, "{name} {hours}");
    }
}

#[test]
fn whoever_reads_that_it_will_answer_again_stops_it() {
    let (mut world, _, theirs) = disowned();
    let _ = world.run(settle(by_help_desk(), theirs));
    let next = told(&world).unwrap();
    assert_eq!(refused(&world.run(link(theirs))), Reason::CodeReused, "the first link is used up");
    assert!(matches!(world.run(link_of(next)), Outcome::Reported { .. }));
    assert!(world.state.incident().is_some(), "somebody has to look once more");
    let _ = world.run(Command::CloseIncident(operator("sam")));
    // What kim says is a new request and no confirmation.
    let kim = Authority::Operator(operator("kim"));
    assert!(matches!(world.run(settle(kim, theirs)), Outcome::SettlementPending { .. }));
}

#[test]
fn a_report_stops_what_would_answer_again() {
    let (mut world, phone, theirs) = disowned();
    let _ = world.run(settle(by_help_desk(), theirs));
    let contact = PhoneContact::signature_verified(alice(), phone, home());
    let _ = world.run(Command::Report(Reporter::Phone(contact), Notes::default()));
    let _ = world.run(Command::CloseIncident(operator("sam")));
    let kim = Authority::Operator(operator("kim"));
    assert!(matches!(world.run(settle(kim, theirs)), Outcome::SettlementPending { .. }));
}

#[test]
fn nobody_confirms_a_settlement_after_its_time() {
    for (hours, is_done) in [(95, true), (96, false)] {
        let (mut world, _, theirs) = disowned();
        let _ = world.run(settle(by_help_desk(), theirs));
        world.forward(Span::hours(hours));
        let kim = Authority::Operator(operator("kim"));
        let confirmed = world.run(settle(kim, theirs));
        assert_eq!(matches!(confirmed, Outcome::Done), is_done, "{hours}: {confirmed:?}");
    }
}

#[test]
fn what_operators_settled_is_disputed_again_and_what_the_owner_settled_is_not() {
    let (mut world, _, theirs) = disowned();
    by_two(&mut world, theirs);
    let next = told(&world).unwrap();
    assert!(matches!(world.run(link_of(next)), Outcome::Reported { .. }));
    assert_eq!(refused(&world.run(link_of(next))), Reason::CodeReused);

    let (mut world, _, passkey) = World::with_phone_and_passkey();
    world.forward(Span::days(2));
    let own = second_passkey(&mut world);
    let _ = world.run(link(own));
    let _ = world.run(Command::CloseIncident(operator("sam")));
    let _ = world.run(settle(by_help_desk(), own));
    let stop = told(&world).unwrap();
    let owner = right(&mut world, passkey, "m");
    assert!(matches!(world.run(settle(owner, own)), Outcome::Done));
    assert_eq!(told(&world), None);
    assert_eq!(refused(&world.run(link_of(stop))), Reason::CodeReused);
}

#[test]
fn what_was_disputed_does_not_stand_in_for_the_last_one() {
    let (mut world, phone, theirs) = disowned();
    let untie = |authenticator| Command::Invalidate { authority: by_help_desk(), authenticator };
    assert_eq!(refused(&world.run(untie(phone))), Reason::LastAuthenticator);
    by_two(&mut world, theirs);
    assert_eq!(refused(&world.run(untie(phone))), Reason::LastAuthenticator);
    world.forward(Span::hours(23));
    assert_eq!(refused(&world.run(untie(phone))), Reason::LastAuthenticator);
    assert!(matches!(world.run(untie(theirs)), Outcome::Done), "what is doubtful goes any time");

    let (mut world, phone, theirs) = disowned();
    by_two(&mut world, theirs);
    world.forward(Span::hours(24));
    assert!(matches!(world.run(untie(phone)), Outcome::Done));
    assert!(world.state.authenticator(theirs).is_some());
}

#[test]
fn what_was_settled_authorises_nothing_for_a_day() {
    let (mut world, _, theirs) = disowned();
    by_two(&mut world, theirs);
    let _ = world.run(Command::RestorePush(by_help_desk()));
    for (hours, is_granted) in [(0, false), (24, true)] {
        world.forward(Span::hours(hours));
        let authority = right(&mut world, theirs, &format!("m{hours}"));
        let kind = AuthenticatorKind::Phone;
        let issued = world.run(Command::IssueBindingCode { authority, kind, code: digest(9) });
        assert_eq!(matches!(issued, Outcome::BindingCode { .. }), is_granted, "{issued:?}");
    }
}

/// A document from before rounds and second persons were written down.
#[test]
fn a_dispute_of_before_has_used_up_the_first_link() {
    for (stored, is_settled) in [
        (r#"{"state":"suspended","at":"2026-03-01T21:20:00Z"}"#, false),
        (r#"{"state":"settled"}"#, true),
    ] {
        let (mut world, _, theirs) = disowned();
        let mut json = serde_json::to_value(&world.state).unwrap();
        let authenticators = json["authenticators"].as_array_mut().unwrap();
        let theirs_stored = authenticators.iter_mut().find(|a| a["id"] == theirs.0).unwrap();
        theirs_stored["dispute"] = serde_json::from_str(stored).unwrap();
        theirs_stored.as_object_mut().unwrap().remove("dispute_round");
        world.state = SubscriberState::from_json(&json.to_string()).unwrap();
        assert_eq!(refused(&world.run(link(theirs))), Reason::CodeReused, "{stored}");
        if !is_settled {
            by_two(&mut world, theirs);
        }
        let next = Disputable { authenticator: theirs, round: 1 };
        assert!(matches!(world.run(link_of(next)), Outcome::Reported { .. }), "{stored}");
    }
}

/// The owner calls; a thief has their only phone.
#[test]
fn what_the_help_desk_disputes_stops_no_reset() {
    let (mut world, phone) = World::with_phone();
    let disputed = world.run(Command::DisputeForOwner(operator("sam"), phone));
    assert!(matches!(disputed, Outcome::Reported { .. }), "{disputed:?}");
    assert!(world.effects.iter().any(|act| matches!(act, Act::EndSessions { .. })));
    let _ = world.run(Command::CloseIncident(operator("sam")));
    let _ = world.run(Command::RequestReset(operator("sam")));
    let said = world.say(phone, Answer::Report(Notes::default()));
    assert_eq!(refused(&said), Reason::AuthenticatorDisputed);
    let reset = world.state.reset().expect("the thief stops no reset").id;
    let done = world.run(Command::ConfirmReset(operator("kim"), reset));
    assert!(matches!(done, Outcome::Done), "{done:?}");
    assert!(world.state.authenticators().is_empty());
}

/// It is no way around the second person.
#[test]
fn one_operator_who_disputes_brings_nothing_back_and_lets_nobody_in() {
    let (mut world, phone) = World::with_phone();
    let _ = world.run(Command::DisputeForOwner(operator("sam"), phone));
    let again = world.run(Command::DisputeForOwner(operator("sam"), phone));
    assert_eq!(refused(&again), Reason::AuthenticatorDisputed);
    let _ = world.run(Command::CloseIncident(operator("sam")));
    let authority = by_help_desk();
    let untied = world.run(Command::Invalidate { authority, authenticator: phone });
    assert_eq!(refused(&untied), Reason::LastAuthenticator);
    let (authority, kind) = (by_help_desk(), AuthenticatorKind::Phone);
    let invited = world.run(Command::IssueBindingCode { authority, kind, code: digest(9) });
    assert_eq!(refused(&invited), Reason::NeedsAnotherPerson);
    let asked = world.run(settle(by_help_desk(), phone));
    assert!(matches!(asked, Outcome::SettlementPending { .. }), "{asked:?}");
    let alone = world.run(settle(by_help_desk(), phone));
    assert_eq!(refused(&alone), Reason::NeedsAnotherPerson);
    let unknown = world.run(Command::DisputeForOwner(operator("sam"), AuthenticatorId(99)));
    assert_eq!(refused(&unknown), Reason::NotBound);
}
