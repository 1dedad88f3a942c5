use super::*;

fn managing(name: &str) -> Attempt {
    Attempt { purpose: Purpose::ManageAuthenticators, ..attempt(name, None) }
}

fn issue(world: &mut World, authority: Authority) -> Outcome {
    let kind = AuthenticatorKind::Phone;
    world.run(Command::IssueBindingCode { authority, kind, code: digest(201) })
}

fn by(name: &str) -> Authority {
    Authority::Subscriber(AttemptId::parse(name).unwrap())
}

#[test]
fn only_the_strongest_seasoned_authenticator_authorises_a_change() {
    let (mut world, phone) = World::with_phone();
    world.forward(Span::hours(24));
    // A passkey that was bound a moment ago may nothing beside the older phone.
    let new = NewAuthenticator::Passkey { key: digest(2), sync: PasskeySync::Syncable };
    let passkey = world.bind(new, AuthenticatorKind::Passkey);
    let _ = world.passkey(passkey, managing("young"), UserVerification::Verified);
    assert_eq!(refused(&issue(&mut world, by("young"))), Reason::NotAuthorised);
    world.forward(Span::hours(24));
    let _ = world.run(Command::StartAttempt(managing("phone")));
    let right = world.right();
    assert!(matches!(world.say(phone, right), Outcome::Verified(_)));
    assert_eq!(refused(&issue(&mut world, by("phone"))), Reason::WeakAuthority);
    // A sign-in is no authority either, whatever it was done with.
    let _ = world.passkey(passkey, attempt("sign-in", None), UserVerification::Verified);
    assert_eq!(refused(&issue(&mut world, by("sign-in"))), Reason::NotAuthorised);
    let _ = world.passkey(passkey, managing("passkey"), UserVerification::Verified);
    assert!(matches!(issue(&mut world, by("passkey")), Outcome::BindingCode { .. }));
}

#[test]
fn on_the_first_day_the_strongest_of_what_is_new_may() {
    let (mut world, phone, passkey) = World::with_phone_and_passkey();
    let _ = world.run(Command::StartAttempt(managing("phone")));
    let right = world.right();
    assert!(matches!(world.say(phone, right), Outcome::Verified(_)));
    assert_eq!(refused(&issue(&mut world, by("phone"))), Reason::WeakAuthority);
    let _ = world.passkey(passkey, managing("passkey"), UserVerification::Verified);
    assert!(matches!(issue(&mut world, by("passkey")), Outcome::BindingCode { .. }));
}

/// Proves the right to change with this phone.
fn right_by(world: &mut World, phone: AuthenticatorId, name: &str) -> Authority {
    let _ = world.run(Command::StartAttempt(managing(name)));
    let right = world.right();
    assert!(matches!(world.say(phone, right), Outcome::Verified(_)));
    by(name)
}

/// Whoever has the right binds another phone.
fn bind_by(world: &mut World, authority: Authority, key: u8) -> AuthenticatorId {
    assert!(matches!(issue(world, authority), Outcome::BindingCode { .. }));
    let authenticator = NewAuthenticator::Phone { key: digest(key) };
    let bind = Command::Bind { code: digest(201), authenticator, label: Text::new("theirs") };
    match world.run(bind) {
        Outcome::Bound { authenticator } => authenticator,
        other => panic!("{other:?}"),
    }
}

fn untie(authority: Authority, authenticator: AuthenticatorId) -> Command {
    Command::Invalidate { authority, authenticator }
}

/// Five minutes with the owner's unlocked phone, on the day of the first binding and long after.
#[test]
fn nothing_that_was_just_bound_takes_the_place_of_what_bound_it() {
    for days in [0, 30] {
        let (mut world, owners) = World::with_phone();
        world.forward(Span::days(days));
        let right = right_by(&mut world, owners, "m1");
        let theirs = bind_by(&mut world, right.clone(), 77);
        let untied = world.run(untie(right, owners));
        assert_eq!(refused(&untied), Reason::OthersTooNew, "{days}");
        // The owner, who was told, takes it out again at once.
        let right = right_by(&mut world, owners, "m2");
        assert!(matches!(world.run(untie(right, theirs)), Outcome::Done), "{days}");
    }
}

#[test]
fn a_new_phone_takes_the_place_of_the_old_one_when_it_is_seasoned() {
    for (hours, is_untied) in [(23, false), (24, true)] {
        let (mut world, old) = World::with_phone();
        world.forward(Span::days(30));
        let right = right_by(&mut world, old, "m1");
        let new = bind_by(&mut world, right, 77);
        world.forward(Span::hours(hours));
        let right = right_by(&mut world, old, "m2");
        let untied = world.run(untie(right, old));
        assert_eq!(matches!(untied, Outcome::Done), is_untied, "{hours}: {untied:?}");
        world.sign_in(new, "a");
    }
}

#[test]
fn what_was_bound_beside_something_older_waits_also_without_it() {
    let (mut world, owners) = World::with_phone();
    world.forward(Span::days(30));
    let right = right_by(&mut world, owners, "m1");
    let theirs = bind_by(&mut world, right, 77);
    // The help desk takes the owner's phone out: it was lost.
    let sam = Authority::Operator(operator("sam"));
    assert!(matches!(world.run(untie(sam, owners)), Outcome::Done));
    let right = right_by(&mut world, theirs, "m2");
    assert_eq!(refused(&issue(&mut world, right)), Reason::NotAuthorised);
    world.forward(Span::hours(24));
    let right = right_by(&mut world, theirs, "m3");
    assert!(matches!(issue(&mut world, right), Outcome::BindingCode { .. }));
}

#[test]
fn a_disabled_authenticator_does_not_stand_in_for_the_last_one() {
    let (mut world, phone, passkey) = World::with_phone_and_passkey();
    world.forward(Span::days(30));
    world.state.authenticators[0].disabled_at = Some(world.now);
    assert_eq!(world.state.authenticators[0].id(), phone);
    let _ = world.passkey(passkey, managing("m"), UserVerification::Verified);
    assert_eq!(refused(&world.run(untie(by("m"), passkey))), Reason::OthersTooNew);
    assert!(matches!(world.run(untie(by("m"), phone)), Outcome::Done));
}

#[test]
fn one_operator_alone_lets_nobody_in() {
    let (mut world, phone) = World::with_phone();
    let sam = || Authority::Operator(operator("sam"));
    assert_eq!(refused(&issue(&mut world, sam())), Reason::NeedsAnotherPerson);
    let addresses = vec![address("mail:8"), address("mail:9")];
    let set = world.run(Command::SetAddresses { authority: sam(), addresses });
    assert_eq!(refused(&set), Reason::NeedsAnotherPerson);
    let untied = world.run(Command::Invalidate { authority: sam(), authenticator: phone });
    assert_eq!(refused(&untied), Reason::LastAuthenticator);
    // Also not when the last one is disabled.
    world.state.authenticators[0].disabled_at = Some(world.now);
    assert_eq!(refused(&issue(&mut world, sam())), Reason::NeedsAnotherPerson);
    let untied = world.run(Command::Invalidate { authority: sam(), authenticator: phone });
    assert_eq!(refused(&untied), Reason::LastAuthenticator);
}

#[test]
fn authority_lasts_five_minutes() {
    for (seconds, is_granted) in [(299, true), (300, false)] {
        let (mut world, _, passkey) = World::with_phone_and_passkey();
        world.forward(Span::hours(24));
        let _ = world.passkey(passkey, managing("m"), UserVerification::Verified);
        world.forward(Span::seconds(seconds));
        let issued = issue(&mut world, by("m"));
        assert_eq!(matches!(issued, Outcome::BindingCode { .. }), is_granted, "{seconds}");
    }
}

#[test]
fn a_binding_code_binds_once_and_survives_few_guesses() {
    let bind = |code| Command::Bind {
        code: digest(code),
        authenticator: NewAuthenticator::Phone { key: digest(77) },
        label: Text::new("new"),
    };
    let mut world = World::empty();
    let _ = issue(&mut world, Authority::Operator(operator("sam")));
    assert_eq!(refused(&world.run(bind(1))), Reason::WrongProof);
    assert!(matches!(world.run(bind(201)), Outcome::Bound { .. }));
    assert_eq!(refused(&world.run(bind(201))), Reason::CodeExpired);

    let mut world = World::empty();
    let _ = issue(&mut world, Authority::Operator(operator("sam")));
    for _ in 0..3 {
        assert_eq!(refused(&world.run(bind(1))), Reason::WrongProof);
    }
    assert_eq!(refused(&world.run(bind(201))), Reason::CodeExpired);

    let mut world = World::empty();
    let _ = issue(&mut world, Authority::Operator(operator("sam")));
    world.forward(Span::minutes(10));
    assert_eq!(refused(&world.run(bind(201))), Reason::CodeExpired);
}

#[test]
fn a_binding_is_told_at_every_address_and_needs_two() {
    let (world, _) = World::with_phone();
    let told = world.effects.iter().find_map(|act| match act {
        Act::Notify { notice: Notice::Bound { .. }, to } => Some(to.len()),
        _ => None,
    });
    assert_eq!(told, Some(2));
    let mut bare = World::empty();
    let authority = Authority::Operator(operator("sam"));
    let one = vec![address("mail:1"), address("mail:1")];
    let set = bare.run(Command::SetAddresses { authority, addresses: one });
    assert_eq!(refused(&set), Reason::NeedsTwoAddresses);
}

#[test]
fn one_key_is_bound_once() {
    let (mut world, phone) = World::with_phone();
    let _ = world.run(Command::StartAttempt(managing("m")));
    let right = world.right();
    assert!(matches!(world.say(phone, right), Outcome::Verified(_)));
    let _ = issue(&mut world, by("m"));
    let bound = world.run(Command::Bind {
        code: digest(201),
        authenticator: NewAuthenticator::Phone { key: digest(1) },
        label: Text::new("again"),
    });
    assert_eq!(refused(&bound), Reason::AlreadyBound);
}

#[test]
fn old_and_new_addresses_are_told_of_a_change() {
    let mut world = World::empty();
    let authority = Authority::Operator(operator("sam"));
    let addresses = vec![address("mail:3"), address("mail:4")];
    let _ = world.run(Command::SetAddresses { authority, addresses });
    let told = world.effects.iter().find_map(|act| match act {
        Act::Notify { notice: Notice::AddressesChanged, to } => Some(to.clone()),
        _ => None,
    });
    let all = ["mail:1", "mail:2", "mail:3", "mail:4"].map(address);
    assert_eq!(told.as_deref(), Some(&all[..]));
}

#[test]
fn the_last_authenticator_is_untied_by_a_reset_only() {
    let (mut world, phone, passkey) = World::with_phone_and_passkey();
    world.forward(Span::hours(24));
    let _ = world.passkey(passkey, managing("m"), UserVerification::Verified);
    assert!(matches!(world.run(untie(by("m"), phone)), Outcome::Done));
    assert!(world.effects.contains(&Act::EraseKey { authenticator: phone }));
    assert_eq!(refused(&world.run(untie(by("m"), passkey))), Reason::LastAuthenticator);
    let sam = Authority::Operator(operator("sam"));
    assert_eq!(refused(&world.run(untie(sam, passkey))), Reason::LastAuthenticator);
    let _ = world.run(Command::RequestReset(operator("sam")));
    let reset = world.state.reset().unwrap().id;
    let _ = world.run(Command::ConfirmReset(operator("kim"), reset));
    assert!(world.state.authenticators().is_empty());
    let sam = Authority::Operator(operator("sam"));
    assert!(matches!(issue(&mut world, sam), Outcome::BindingCode { .. }));
}

#[test]
fn one_operator_alone_waits_for_the_delay() {
    for (name, hours, is_done) in [("sam", 23, false), ("sam", 24, true), ("kim", 0, true)] {
        let (mut world, _) = World::with_phone();
        let Outcome::ResetPending { reset, .. } = world.run(Command::RequestReset(operator("sam")))
        else {
            panic!("no reset")
        };
        world.forward(Span::hours(hours));
        let confirmed = world.run(Command::ConfirmReset(operator(name), reset));
        assert_eq!(matches!(confirmed, Outcome::Done), is_done, "{name} {hours}");
        assert_eq!(world.state.authenticators().is_empty(), is_done);
    }
}

#[test]
fn the_owner_stops_a_reset_with_the_link_in_the_notice() {
    let (mut world, _) = World::with_phone();
    let Outcome::ResetPending { reset, .. } = world.run(Command::RequestReset(operator("sam")))
    else {
        panic!("no reset")
    };
    let stranger = Reporter::Address(AddressProof::link_verified(alice(), address("mail:9")));
    let cancelled = world.run(Command::CancelReset(stranger, reset));
    assert_eq!(refused(&cancelled), Reason::NotFound);
    let owner = Reporter::Address(AddressProof::link_verified(alice(), address("mail:1")));
    assert!(matches!(world.run(Command::CancelReset(owner, reset)), Outcome::Done));
    let late = world.run(Command::ConfirmReset(operator("kim"), reset));
    assert_eq!(refused(&late), Reason::NotFound);
}

#[test]
fn a_caller_is_confirmed_on_the_phone_and_a_false_one_opens_an_incident() {
    for (answer, is_them) in [(CallerAnswer::CodesMatch, true), (CallerAnswer::NotThem, false)] {
        let (mut world, phone) = World::with_phone();
        let Outcome::CallerCheck { check, code, ring, .. } =
            world.run(Command::StartCallerCheck(operator("sam")))
        else {
            panic!("no check")
        };
        assert!(matches!(ring, Ring::Rang));
        let shown = world.state.caller_check(world.now).unwrap();
        assert_eq!((shown.code().reveal(), shown.operator_name.as_str()), (code.reveal(), "sam"));
        let contact = PhoneContact::signature_verified(alice(), phone, home());
        let answered = world.run(Command::AnswerCallerCheck(contact, check, answer));
        assert_eq!(matches!(answered, Outcome::CallerVerified), is_them);
        assert_eq!(world.state.incident().is_some(), !is_them);
        // Somebody posed as the help desk: that is told at every address.
        let told = world.effects.iter().find_map(|act| match act {
            Act::Notify { notice: Notice::FalseCaller, to } => Some(to.len()),
            _ => None,
        });
        assert_eq!(told, (!is_them).then_some(2));
        assert_eq!(world.state.push(), PushState::Active, "nothing was reported");
    }
}

#[test]
fn a_device_that_was_forgotten_is_a_stranger_again() {
    let (mut world, phone) = World::with_phone();
    let device = world.sign_in(phone, "first");
    let other = world.sign_in(phone, "second");
    let forget = |authority, device| Command::ForgetDevice(authority, device);
    let sam = || Authority::Operator(operator("sam"));
    assert_eq!(refused(&world.run(forget(by("first"), device))), Reason::NotAuthorised);
    assert_eq!(refused(&world.run(forget(sam(), DeviceId(999)))), Reason::NotFound);
    assert_eq!(world.state.devices().len(), 2);
    // A stolen laptop is forgotten at once, by the help desk also while an incident is open.
    let contact = PhoneContact::signature_verified(alice(), phone, home());
    world.forward(Span::hours(25));
    let _ = world.run(Command::Report(Reporter::Phone(contact), Notes::default()));
    assert_eq!(world.state.devices().len(), 2, "older than the report reaches");
    assert!(matches!(world.run(forget(sam(), device)), Outcome::Done));
    assert_eq!(world.state.devices().iter().map(KnownDevice::id).collect::<Vec<_>>(), [other]);
    let _ = world.run(Command::RestorePush(sam()));
    // Its cookie is worth nothing: it waits where a known device takes over.
    world.prompted("stranger", None);
    assert!(matches!(world.start("laptop", Some(device)), Outcome::Wait { .. }));
    assert!(matches!(world.prompted("desktop", Some(other)).ring, Ring::Replaced));
}

#[test]
fn the_owner_forgets_a_device_after_proving_who_they_are() {
    let (mut world, phone) = World::with_phone();
    let device = world.sign_in(phone, "first");
    let _ = world.run(Command::StartAttempt(managing("m")));
    let right = world.right();
    assert!(matches!(world.say(phone, right), Outcome::Verified(_)));
    assert!(matches!(world.run(Command::ForgetDevice(by("m"), device)), Outcome::Done));
    assert!(world.state.devices().iter().all(|known| known.id() != device));
}

#[test]
fn calls_ring_within_the_budget_of_sign_ins() {
    let (mut world, _) = World::with_phone();
    let mut rang = 0;
    for _ in 0..6 {
        let _ = world.run(Command::StartCallerCheck(operator("sam")));
        rang += usize::from(world.rang());
        world.forward(Span::seconds(180));
    }
    assert_eq!(rang, 5, "three in ten minutes, five in twenty");
}

#[test]
fn a_dormant_account_is_opened_by_two_people() {
    let mut world = World::empty();
    let sam = || Authority::Operator(operator("sam"));
    world.forward(Span::days(30));
    assert!(matches!(issue(&mut world, sam()), Outcome::BindingCode { .. }));
    world.forward(Span::minutes(1));
    assert_eq!(refused(&issue(&mut world, sam())), Reason::NeedsAnotherPerson);
    // Nothing that the same operator does alone makes it younger.
    let addresses = vec![address("mail:8"), address("mail:9")];
    let _ = world.run(Command::SetAddresses { authority: sam(), addresses });
    assert_eq!(refused(&issue(&mut world, sam())), Reason::NeedsAnotherPerson);

    let asked = world.run(Command::RequestReset(operator("sam")));
    let Outcome::ResetPending { reset, .. } = asked else { panic!("{asked:?}") };
    let done = world.run(Command::ConfirmReset(operator("kim"), reset));
    assert!(matches!(done, Outcome::Done), "{done:?}");
    assert!(matches!(issue(&mut world, sam()), Outcome::BindingCode { .. }));
}

#[test]
fn an_account_in_use_is_never_dormant_and_one_that_was_emptied_is() {
    let (mut world, phone) = World::with_phone();
    world.forward(Span::days(400));
    let sam = || Authority::Operator(operator("sam"));
    let asked = world.run(Command::RequestReset(operator("sam")));
    let Outcome::ResetPending { reset, .. } = asked else { panic!("{asked:?}") };
    let _ = world.run(Command::ConfirmReset(operator("kim"), reset));
    assert!(world.state.authenticator(phone).is_none());
    assert!(matches!(issue(&mut world, sam()), Outcome::BindingCode { .. }));
    world.forward(Span::days(31));
    assert_eq!(refused(&issue(&mut world, sam())), Reason::NeedsAnotherPerson);
}

fn draw_codes(world: &mut World, right: Authority) -> Outcome {
    let kind = AuthenticatorKind::RecoveryCodes;
    let issued = world.run(Command::IssueBindingCode { authority: right, kind, code: digest(202) });
    let Outcome::BindingCode { .. } = issued else { return issued };
    let authenticator = NewAuthenticator::RecoveryCodes { codes: vec![digest(31)] };
    let label = Text::new("recovery codes");
    world.run(Command::Bind { code: digest(202), authenticator, label })
}

#[test]
fn a_right_is_good_for_one_set_of_codes() {
    let (mut world, phone) = World::with_phone();
    let right = right_by(&mut world, phone, "m1");
    assert!(matches!(draw_codes(&mut world, right.clone()), Outcome::Bound { .. }));
    world.forward(Span::seconds(1));
    assert_eq!(refused(&draw_codes(&mut world, right.clone())), Reason::NotAuthorised);
    assert!(
        matches!(issue(&mut world, right), Outcome::BindingCode { .. }),
        "for the rest it counts"
    );
    let right = right_by(&mut world, phone, "m2");
    assert!(matches!(draw_codes(&mut world, right), Outcome::Bound { .. }));
}

#[test]
fn an_owner_draws_three_sets_of_codes_in_a_day() {
    let (mut world, phone) = World::with_phone();
    let first_at = world.now;
    for n in 0..3 {
        let right = right_by(&mut world, phone, &format!("m{n}"));
        assert!(matches!(draw_codes(&mut world, right), Outcome::Bound { .. }), "{n}");
        world.forward(Span::minutes(1));
    }
    let right = right_by(&mut world, phone, "m3");
    let drawn = draw_codes(&mut world, right.clone());
    let Outcome::RefusedUntil { reason: Reason::TooOften, until } = drawn else {
        panic!("{drawn:?}")
    };
    assert_eq!(until, first_at + Span::days(1));
    assert!(matches!(issue(&mut world, right), Outcome::BindingCode { .. }), "a phone still binds");
    for (now, is_drawn) in [(until - Span::millis(1), false), (until, true)] {
        world.now = now;
        let right = right_by(&mut world, phone, &format!("at{is_drawn}"));
        let drawn = draw_codes(&mut world, right);
        assert_eq!(matches!(drawn, Outcome::Bound { .. }), is_drawn, "{drawn:?}");
    }
}

/// What is bound and untied in turn, to fill the owner's mail.
#[test]
fn an_owner_binds_few_things_in_a_day() {
    let (mut world, phone) = World::with_phone();
    let mut bound = 1;
    for key in 10..60 {
        let right = right_by(&mut world, phone, &format!("m{key}"));
        match issue(&mut world, right.clone()) {
            Outcome::BindingCode { .. } => bound += 1,
            Outcome::RefusedUntil { reason: Reason::TooOften, .. } => break,
            other => panic!("{other:?}"),
        }
        let theirs = bind_by(&mut world, right.clone(), key);
        assert!(matches!(world.run(untie(right, theirs)), Outcome::Done));
        world.forward(Span::minutes(1));
    }
    assert_eq!(bound, 12);
    // After a report, and after somebody has looked, the owner binds anew.
    let contact = PhoneContact::signature_verified(alice(), phone, home());
    let _ = world.run(Command::Report(Reporter::Phone(contact), Notes::default()));
    let _ = world.run(Command::CloseIncident(operator("sam")));
    let _ = world.run(Command::RestorePush(Authority::Operator(operator("sam"))));
    let right = right_by(&mut world, phone, "after");
    assert!(matches!(issue(&mut world, right), Outcome::BindingCode { .. }));
}

#[test]
fn a_notice_says_what_was_bound_and_when() {
    let (mut world, phone) = World::with_phone();
    let right = right_by(&mut world, phone, "m1");
    let id = bind_by(&mut world, right, 77);
    let notice = Notice::Bound {
        kind: AuthenticatorKind::Phone,
        authenticator: id,
        label: Text::new("theirs"),
        at: Some(world.now),
    };
    let told = world
        .effects
        .iter()
        .any(|act| matches!(act, Act::Notify { notice: n, .. } if *n == notice));
    assert!(told, "{:?}", world.effects);
    let before = r#"{"notice":"bound","kind":"phone","authenticator":7}"#;
    let read: Notice = serde_json::from_str(before).unwrap();
    assert!(matches!(read, Notice::Bound { at: None, .. }), "one that waited during an update");
}

#[test]
fn prompts_that_were_on_are_not_told_to_be_on_again() {
    let (mut world, _) = World::with_phone();
    let restore = || Command::RestorePush(Authority::Operator(operator("sam")));
    assert!(matches!(world.run(restore()), Outcome::Done));
    assert_eq!(world.effects, []);
    let _ = world.run(Command::Report(Reporter::Operator(operator("sam")), Notes::default()));
    assert!(matches!(world.run(restore()), Outcome::Done));
    assert_eq!(world.effects.len(), 1);
}
