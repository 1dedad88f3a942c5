use super::*;

/// A stranger rings, and gives up before it runs out: as if nobody had answered.
#[test]
fn a_stranger_who_gives_up_has_failed() {
    let (mut world, phone) = World::with_phone();
    let device = world.sign_in(phone, "first");
    let give_up = |world: &mut World, name: &str| {
        let ended = world.run(Command::CancelAttempt(AttemptId::parse(name).unwrap()));
        assert!(matches!(ended, Outcome::Ended(PromptEnd::Cancelled)));
    };
    world.prompted("a", None);
    give_up(&mut world, "a");
    assert_eq!(world.state.marks.counted(world.now).unanswered, 1);
    assert!(world.effects.iter().any(|act| matches!(act, Act::Notify { .. })), "the owner is told");
    for name in ["b", "c"] {
        world.prompted(name, None);
        give_up(&mut world, name);
    }
    assert!(matches!(world.start("d", None), Outcome::Wait { .. }));
    // The owner on their own browser changes their mind twice, and loads the page anew as often as they like.
    for name in ["e", "f"] {
        world.prompted(name, Some(device));
        give_up(&mut world, name);
    }
    for name in ["g", "h", "i", "j"] {
        world.prompted(name, Some(device));
    }
    assert_eq!(world.state.marks.counted(world.now).unanswered, 2);
    let right = world.right();
    assert!(matches!(world.say(phone, right), Outcome::Verified(_)));
}

fn at_mail(name: &str, device: Option<DeviceId>) -> Attempt {
    Attempt { relying_party: RelyingPartyId::parse("mail").unwrap(), ..attempt(name, device) }
}

/// Signs in at another relying party than usual, and returns the device that is known there.
fn sign_in_at_mail(world: &mut World, phone: AuthenticatorId, name: &str) -> DeviceId {
    assert!(matches!(world.run(Command::StartAttempt(at_mail(name, None))), Outcome::Prompted(_)));
    let right = world.right();
    match world.say(phone, right) {
        Outcome::Verified(verified) => verified.device.unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_device_is_known_where_it_succeeded_and_a_stranger_elsewhere() {
    let (mut world, phone) = World::with_phone();
    let device = world.sign_in(phone, "first");
    world.prompted("stranger", None);
    let elsewhere = world.run(Command::StartAttempt(at_mail("a", Some(device))));
    assert!(matches!(elsewhere, Outcome::Wait { .. }), "{elsewhere:?}");
    assert_eq!(world.audit.last().unwrap().by, Actor::Stranger);
    assert!(matches!(world.prompted("b", Some(device)).ring, Ring::Replaced));
}

/// A document from before it was written down where a device is known.
#[test]
fn a_device_of_before_is_known_everywhere_until_its_next_success() {
    let (mut world, phone) = World::with_phone();
    let device = world.sign_in(phone, "first");
    world.state.devices[0].relying_party = None;
    let json = world.state.to_json().unwrap();
    world.state = SubscriberState::from_json(&json).unwrap();
    let anywhere = world.run(Command::StartAttempt(at_mail("a", Some(device))));
    assert!(matches!(anywhere, Outcome::Prompted(_)));
    let right = world.right();
    assert!(matches!(world.say(phone, right), Outcome::Verified(v) if v.device == Some(device)));
    world.prompted("b", Some(device));
    assert_eq!(world.audit.last().unwrap().by, Actor::Stranger);
}

/// Whoever has the cookie of one relying party ends nothing that the owner asks for elsewhere.
#[test]
fn a_known_device_ends_no_prompt_of_another() {
    let (mut world, phone) = World::with_phone();
    let theirs = world.sign_in(phone, "first");
    let own = sign_in_at_mail(&mut world, phone, "mail");
    let manage = Attempt {
        purpose: Purpose::ManageAuthenticators,
        device: Some(KnownDeviceProof::phone_signed(alice(), phone)),
        ..attempt("manage", None)
    };
    for owners in [at_mail("a", Some(own)), manage] {
        assert!(matches!(world.run(Command::StartAttempt(owners.clone())), Outcome::Prompted(_)));
        world.forward(Span::seconds(30));
        let held = world.start(&format!("b{}", owners.id), Some(theirs));
        let until = world.now + Span::seconds(60);
        assert!(
            matches!(held, Outcome::Wait { reason: Reason::AnotherPromptOpen, until: at, .. } if at == until),
            "{held:?}"
        );
        let right = world.right();
        assert!(matches!(world.say(phone, right), Outcome::Verified(v) if v.attempt == owners.id));
    }
    // What was forgotten is nobody's that is known.
    world.prompted("c", Some(theirs));
    let _ = world.run(Command::ForgetDevice(Authority::Operator(operator("sam")), theirs));
    let taken = world.run(Command::StartAttempt(at_mail("d", Some(own))));
    assert!(matches!(taken, Outcome::Prompted(_)), "{taken:?}");
}

#[test]
fn a_known_device_that_begins_anew_keeps_the_place_for_one_prompts_life() {
    for (seconds, gets_in) in [(89, false), (90, true)] {
        let (mut world, phone) = World::with_phone();
        let theirs = world.sign_in(phone, "first");
        let own = sign_in_at_mail(&mut world, phone, "mail");
        for n in 0..3 {
            world.prompted(&format!("theirs{n}"), Some(theirs));
            world.forward(Span::seconds(29));
        }
        world.forward(Span::seconds(seconds - 87));
        let owners = world.run(Command::StartAttempt(at_mail("a", Some(own))));
        assert_eq!(matches!(owners, Outcome::Prompted(_)), gets_in, "{seconds}: {owners:?}");
        let failures = |world: &World| {
            world.state.devices.iter().find(|d| d.id() == theirs).unwrap().throttle.failures()
        };
        assert_eq!(failures(&world), u32::from(gets_in), "as if nobody had answered");
        if gets_in {
            assert!(matches!(world.start("theirs", Some(theirs)), Outcome::Wait { .. }));
        }
    }
}

#[test]
fn a_known_device_that_gives_up_again_and_again_waits_and_its_owner_is_told() {
    let (mut world, phone) = World::with_phone();
    let theirs = world.sign_in(phone, "first");
    let (mut told, mut rang) = (0, 0);
    for n in 0..7_200 {
        let name = format!("a{n}");
        if let Outcome::Prompted(prompted) = world.start(&name, Some(theirs)) {
            rang += usize::from(prompted.ring == Ring::Rang);
            let _ = world.run(Command::CancelAttempt(AttemptId::parse(&name).unwrap()));
            told += warnings(&world);
        }
        world.forward(Span::seconds(1));
    }
    assert_eq!(told, 1, "the third in a row is told, once a day");
    // It has no ring kept for it: one of each window is left for what is known elsewhere.
    assert_eq!(rang, 5);
    let own = sign_in_at_mail(&mut world, phone, "mail");
    assert!(world.state.devices().iter().any(|device| device.id() == own));
}

#[test]
fn rings_are_kept_for_known_devices_that_do_not_fail() {
    let (mut world, phone) = World::with_phone();
    let theirs = world.sign_in(phone, "first");
    let own = sign_in_at_mail(&mut world, phone, "mail");
    let mut rang = 0;
    for n in 0..300 {
        let name = format!("a{n}");
        if let Outcome::Prompted(prompted) = world.start(&name, Some(theirs)) {
            rang += usize::from(prompted.ring == Ring::Rang);
            let _ = world.run(Command::CancelAttempt(AttemptId::parse(&name).unwrap()));
        }
        world.forward(Span::seconds(1));
    }
    assert_eq!(rang, 2);
    let started = world.run(Command::StartAttempt(at_mail("own", Some(own))));
    assert!(matches!(started, Outcome::Prompted(Prompted { ring: Ring::Rang, .. })));
}

/// An application that keeps no cookies makes a new device of each success.
#[test]
fn successes_without_a_cookie_push_no_browser_out() {
    let (mut world, phone) = World::with_phone();
    let device = world.sign_in(phone, "first");
    world.forward(Span::minutes(1));
    world.prompted("again", Some(device));
    let right = world.right();
    assert!(matches!(world.say(phone, right), Outcome::Verified(_)));
    for n in 0..40 {
        world.forward(Span::minutes(20));
        let newest = world.sign_in(phone, &format!("n{n}"));
        let known: Vec<DeviceId> = world.state.devices().iter().map(KnownDevice::id).collect();
        assert!(known.contains(&device) && known.contains(&newest), "{n}");
    }
}

/// What a bound phone asks for has a bucket of its own, whatever strangers do.
#[test]
fn what_a_bound_phone_asks_for_is_its_own() {
    let (mut world, phone) = World::with_phone();
    let manage = |name: &str, phone| Attempt {
        purpose: Purpose::ManageAuthenticators,
        device: Some(KnownDeviceProof::phone_signed(alice(), phone)),
        ..attempt(name, None)
    };
    for name in ["a", "b", "c"] {
        world.prompted(name, None);
        world.forward(Span::seconds(90));
        let _ = world.run(Command::Tick);
    }
    assert!(matches!(world.start("d", None), Outcome::Wait { .. }));
    assert!(matches!(world.run(Command::StartAttempt(manage("m", phone))), Outcome::Prompted(_)));
    let right = world.right();
    assert!(matches!(world.say(phone, right), Outcome::Verified(v) if v.device.is_none()));
    assert!(matches!(world.start("e", None), Outcome::Wait { .. }), "strangers wait on");
    // A phone that is bound no longer is a stranger.
    let gone = world.run(Command::StartAttempt(manage("n", AuthenticatorId(99))));
    assert!(matches!(gone, Outcome::Wait { .. }));
}

#[test]
fn the_right_code_verifies_once() {
    let (mut world, phone) = World::with_phone();
    world.prompted("a", None);
    let right = world.right();
    assert!(matches!(world.say(phone, right.clone()), Outcome::Verified(_)));
    assert!(!matches!(world.say(phone, right), Outcome::Verified(_)));
    let again = world.start("a", None);
    assert!(matches!(again, Outcome::AlreadyOver(PromptEnd::Approved)), "{again:?}");
}

#[test]
fn a_code_lives_for_ninety_seconds_and_its_end_is_not_included() {
    for (seconds, is_verified) in [(89, true), (90, false)] {
        let (mut world, phone) = World::with_phone();
        world.prompted("a", None);
        let right = world.right();
        let (shown, prompt) = {
            let context = world.state.shown_at(world.now).unwrap();
            (context.canonical_bytes(), context.prompt)
        };
        world.forward(Span::seconds(seconds));
        let said = world.run(Command::AnswerPrompt(PhoneAnswer::signature_verified(
            alice(),
            phone,
            prompt,
            shown,
            home(),
            right,
        )));
        assert_eq!(matches!(said, Outcome::Verified(_)), is_verified, "{seconds}: {said:?}");
    }
}

#[test]
fn three_wrong_codes_end_the_prompt_and_count_as_a_denial() {
    let (mut world, phone) = World::with_phone();
    world.prompted("a", None);
    for left in [2, 1] {
        let wrong = world.wrong();
        let said = world.say(phone, wrong);
        assert!(matches!(said, Outcome::WrongCode { tries_left } if tries_left == left));
    }
    let wrong = world.wrong();
    assert!(matches!(world.say(phone, wrong), Outcome::Ended(PromptEnd::Mismatched)));
    // Like after a denial a stranger is muted.
    world.forward(Span::minutes(2));
    let next = world.start("b", None);
    assert!(!world.rang(), "{next:?}");
}

#[test]
fn a_code_typed_under_another_context_is_not_taken() {
    let (mut world, phone) = World::with_phone();
    world.prompted("a", None);
    let mut shown = world.state.shown_at(world.now).unwrap().clone();
    shown.relying_party_name = Text::new("Another");
    let (prompt, right) = (shown.prompt, world.right());
    let said = world.run(Command::AnswerPrompt(PhoneAnswer::signature_verified(
        alice(),
        phone,
        prompt,
        shown.canonical_bytes(),
        home(),
        right,
    )));
    assert_eq!(refused(&said), Reason::ContextMismatch);
}

#[test]
fn a_new_code_keeps_the_count_of_wrong_ones() {
    let (mut world, phone) = World::with_phone();
    let mut wrong = 0;
    for round in 0..20 {
        if matches!(world.start(&format!("a{round}"), None), Outcome::Prompted(_)) {
            let answer = world.wrong();
            let said = world.say(phone, answer);
            wrong += 1;
            if wrong == 10 {
                assert!(matches!(said, Outcome::Ended(PromptEnd::Mismatched)), "{said:?}");
                assert!(matches!(world.state.push(), PushState::Suspended { .. }));
                return;
            }
            let _ =
                world.run(Command::CancelAttempt(AttemptId::parse(&format!("a{round}")).unwrap()));
        }
        world.forward(Span::hours(3));
    }
    panic!("only {wrong} wrong codes could be typed");
}

#[test]
fn the_hundredth_failure_in_a_row_disables_and_the_right_code_no_longer_helps() {
    let (mut world, phone) = World::with_phone();
    world.policy.stop.suspend_push_after = 50;
    for round in 0..1_000 {
        let is_restored = Authority::Operator(operator("sam"));
        let _ = world.run(Command::RestorePush(is_restored));
        let _ = world.run(Command::CloseIncident(operator("sam")));
        if matches!(world.start(&format!("a{round}"), None), Outcome::Prompted(_)) {
            let answer = world.wrong();
            let _ = world.say(phone, answer);
            let _ =
                world.run(Command::CancelAttempt(AttemptId::parse(&format!("a{round}")).unwrap()));
        }
        if world.state.authenticators()[0].disabled_at().is_some() {
            break;
        }
        world.forward(Span::hours(3));
    }
    assert_eq!(world.state.authenticators()[0].failures(), 100);
    let _ = world.run(Command::RestorePush(Authority::Operator(operator("sam"))));
    let _ = world.run(Command::CloseIncident(operator("sam")));
    world.forward(Span::hours(3));
    let next = world.start("z", None);
    assert!(matches!(next, Outcome::PasskeyOnly { reason: Reason::NoPhone, .. }), "{next:?}");
}

#[test]
fn binding_anew_restores_what_failures_disabled() {
    let (mut world, phone, passkey) = World::with_phone_and_passkey();
    world.forward(Span::days(2));
    world.policy.stop.disable_after = 10;
    world.policy.stop.suspend_push_after = 50;
    let mut round = 0;
    while world.state.authenticator(phone).unwrap().disabled_at().is_none() {
        round += 1;
        let name = format!("a{round}");
        if matches!(world.start(&name, None), Outcome::Prompted(_)) {
            let wrong = world.wrong();
            let _ = world.say(phone, wrong);
            let _ = world.run(Command::CancelAttempt(AttemptId::parse(&name).unwrap()));
        }
        world.forward(Span::hours(3));
    }
    assert!(matches!(world.start("b", None), Outcome::PasskeyOnly { reason: Reason::NoPhone, .. }));

    // The owner proves themselves with the passkey, and binds the very same phone once more.
    let manage = Attempt { purpose: Purpose::ManageAuthenticators, ..attempt("m", None) };
    let _ = world.run(Command::StartAttempt(manage.clone()));
    let right = || Authority::Subscriber(AttemptId::parse("m").unwrap());
    let _ = world.passkey(passkey, manage, UserVerification::Verified);
    let bind = |world: &mut World| {
        let kind = AuthenticatorKind::Phone;
        let code = digest(30);
        let _ =
            world.run(Command::IssueBindingCode { authority: right(), kind, code: code.clone() });
        let authenticator = NewAuthenticator::Phone { key: digest(1) };
        world.run(Command::Bind { code, authenticator, label: Text::new("again") })
    };
    assert_eq!(refused(&bind(&mut world)), Reason::AlreadyBound, "not beside itself");
    let untied = world.run(Command::Invalidate { authority: right(), authenticator: phone });
    assert!(matches!(untied, Outcome::Done), "{untied:?}");
    let Outcome::Bound { authenticator: again } = bind(&mut world) else { panic!("not bound") };
    assert_eq!(world.state.authenticator(again).unwrap().failures(), 0);
    world.sign_in(again, "c");
}

#[test]
fn a_stranger_waits_and_a_known_device_takes_over_without_a_second_ring() {
    let (mut world, phone) = World::with_phone();
    let device = world.sign_in(phone, "first");
    assert!(matches!(world.prompted("stranger", None).ring, Ring::Rang));
    let second = world.start("second", None);
    assert!(matches!(second, Outcome::Wait { reason: Reason::AnotherPromptOpen, .. }));
    let owner = world.prompted("owner", Some(device));
    assert!(matches!(owner.ring, Ring::Replaced));
    assert!(!world.rang());
    let right = world.right();
    assert!(
        matches!(world.say(phone, right), Outcome::Verified(v) if v.attempt.as_str() == "owner")
    );
}

#[test]
fn the_same_attempt_asked_twice_rings_once_and_has_one_code() {
    let (mut world, _) = World::with_phone();
    let first = world.prompted("a", None);
    assert!(world.rang());
    let again = world.prompted("a", None);
    assert!(!world.rang());
    assert_eq!(first.code.reveal(), again.code.reveal());
}

#[test]
fn the_fourth_ring_in_ten_minutes_is_a_quiet_prompt() {
    let (mut world, _) = World::with_phone();
    for n in 0..3 {
        assert!(matches!(world.prompted(&format!("a{n}"), None).ring, Ring::Rang), "{n}");
        let _ = world.run(Command::CancelAttempt(AttemptId::parse(&format!("a{n}")).unwrap()));
        world.forward(Span::seconds(100));
    }
    let fourth = world.prompted("a3", None);
    assert!(matches!(fourth.ring, Ring::Quiet(Reason::BudgetSpent)));
    assert!(!world.rang());
}

#[test]
fn a_quiet_prompt_disturbs_nobody_and_waits_in_the_app() {
    let (mut world, phone) = World::with_phone();
    world.prompted("stranger", None);
    let _ = world.say(phone, Answer::Deny);
    let quiet = world.prompted("owner", None);
    assert!(matches!(quiet.ring, Ring::Quiet(Reason::StrangersMuted)));
    assert!(quiet.alternatives.open_app);
    // Nothing leaves that could wake a phone: an app that is open reloads, and that is all.
    let refresh = Act::RefreshPhones { phones: vec![phone] };
    assert_eq!(world.effects, [refresh]);
    let open = |id| Command::OpenApp(PhoneContact::signature_verified(alice(), id, home()));
    assert_eq!(refused(&world.run(open(AuthenticatorId(999)))), Reason::NotBound);
    let shown = world.run(open(phone));
    assert!(matches!(shown, Outcome::App { waiting: Some(prompt) } if prompt == quiet.prompt));
    assert!(world.effects.is_empty());
    let right = world.right();
    assert!(matches!(world.say(phone, right), Outcome::Verified(_)));
    assert!(matches!(world.run(open(phone)), Outcome::App { waiting: None }));
}

#[test]
fn an_app_that_opens_too_late_finds_nothing_waiting() {
    for (seconds, is_waiting) in [(89, true), (90, false)] {
        let (mut world, phone) = World::with_phone();
        world.prompted("a", None);
        world.forward(Span::seconds(seconds));
        let contact = PhoneContact::signature_verified(alice(), phone, home());
        let opened = world.run(Command::OpenApp(contact));
        assert_eq!(matches!(opened, Outcome::App { waiting: Some(_) }), is_waiting, "{seconds}");
    }
}

#[test]
fn a_report_stops_everything_at_once() {
    let (mut world, phone, passkey) = World::with_phone_and_passkey();
    let _ = world.run(Command::RequestReset(operator("sam")));
    world.prompted("a", None);
    let said = world.say(phone, Answer::Report(Notes::default()));
    assert!(matches!(said, Outcome::Reported { .. }), "{said:?}");
    assert!(matches!(world.state.push(), PushState::Suspended { .. }));
    assert!(matches!(world.state.password(), PasswordMark::Burned { .. }));
    assert!(world.state.reset().is_none());
    assert!(world.effects.contains(&Act::BurnPassword));
    assert!(world.effects.iter().any(|act| matches!(act, Act::EndSessions { .. })));
    world.forward(Span::days(3));
    let next = world.start("b", None);
    assert!(matches!(next, Outcome::PasskeyOnly { reason: Reason::PushSuspended, .. }));
    let authority = Authority::Operator(operator("sam"));
    let kind = AuthenticatorKind::Phone;
    let bound = world.run(Command::IssueBindingCode { authority, kind, code: digest(9) });
    assert_eq!(refused(&bound), Reason::IncidentOpen);
    // The owner still gets in, with what the reporter does not hold.
    let proved = world.passkey(passkey, attempt("c", None), UserVerification::Verified);
    assert!(matches!(proved, Outcome::Verified(_)), "{proved:?}");
}

/// Somebody holds the phone, and presses the button again and again.
#[test]
fn a_report_that_says_nothing_new_sends_nothing() {
    let (mut world, phone, passkey) = World::with_phone_and_passkey();
    let nothing = || Answer::Report(Notes::default());
    let _ = world.say(phone, nothing());
    assert!(!world.effects.is_empty());
    for _ in 0..9 {
        world.forward(Span::minutes(1));
        let said = world.say(phone, nothing());
        assert!(matches!(said, Outcome::Reported { .. }), "{said:?}");
        assert_eq!(world.effects, []);
    }
    // What is new counts at once: a word more, somebody who got in.
    let called = Notes { someone_called: true, ..Notes::default() };
    let _ = world.say(phone, Answer::Report(called));
    assert!(world.effects.iter().any(|act| matches!(act, Act::Notify { .. })));
    let _ = world.say(phone, nothing());
    assert_eq!(world.effects, [], "what was said before is said");
    world.forward(Span::seconds(1));
    let _ = world.passkey(passkey, attempt("a", None), UserVerification::Verified);
    let _ = world.say(phone, nothing());
    assert!(world.effects.iter().any(|act| matches!(act, Act::EndSessions { .. })));
    // And so does the next one after a while.
    world.forward(Span::minutes(10));
    let _ = world.say(phone, nothing());
    assert!(world.effects.iter().any(|act| matches!(act, Act::EndSessions { .. })));
}

#[test]
fn a_report_in_a_loop_still_stops_the_help_desks_reset() {
    let (mut world, phone) = World::with_phone();
    let _ = world.say(phone, Answer::Report(Notes::default()));
    let _ = world.run(Command::CloseIncident(operator("sam")));
    let _ = world.run(Command::RequestReset(operator("sam")));
    assert!(world.state.reset().is_some());
    let _ = world.say(phone, Answer::Report(Notes::default()));
    assert!(world.state.reset().is_none());
}

#[test]
fn a_clock_that_goes_back_ends_what_is_open_and_frees_nothing() {
    let (mut world, phone) = World::with_phone();
    world.prompted("a", None);
    let (right, budget) = (world.right(), world.state.budget().clone());
    world.now = world.now - Span::minutes(10);
    let said = world.say(phone, right);
    assert!(!matches!(said, Outcome::Verified(_)), "{said:?}");
    assert!(world.audit.iter().any(|e| matches!(e.what, Happened::ClockWentBack { .. })));
    assert_eq!(*world.state.budget(), budget);
}

#[test]
fn a_certificate_clears_no_budget_and_teaches_nothing() {
    let (mut world, _) = World::with_phone();
    let new = NewAuthenticator::Certificate { key: digest(3) };
    let certificate = world.bind(new, AuthenticatorKind::Certificate);
    world.prompted("a", None);
    let before = world.state.budget().clone();
    let proof = CertificateProof::handshake_verified(alice(), certificate);
    let proved = world.run(Command::ProveCertificate(attempt("machine", None), proof));
    assert!(matches!(proved, Outcome::Verified(v) if v.device.is_none()));
    assert_eq!(*world.state.budget(), before);
    assert!(world.state.devices().is_empty());
}

#[test]
fn a_passkey_that_did_not_check_its_user_is_one_factor_only() {
    let (mut world, _, passkey) = World::with_phone_and_passkey();
    let proved = world.passkey(passkey, attempt("a", None), UserVerification::PresentOnly);
    assert_eq!(refused(&proved), Reason::UserNotVerified);
}

#[test]
fn an_administrator_is_asked_for_a_passkey() {
    let (mut world, _, passkey) = World::with_phone_and_passkey();
    let _ = world.run(Command::SetRole(operator("sam"), Role::Administrator));
    let started = world.start("a", None);
    assert!(matches!(
        started,
        Outcome::PasskeyOnly { reason: Reason::AdministratorNeedsPasskey, .. }
    ));
    let new = NewAuthenticator::Certificate { key: digest(3) };
    let certificate = world.bind(new, AuthenticatorKind::Certificate);
    let proof = CertificateProof::handshake_verified(alice(), certificate);
    let proved = world.run(Command::ProveCertificate(attempt("a", None), proof));
    assert_eq!(refused(&proved), Reason::AdministratorNeedsPasskey);
    let proved = world.passkey(passkey, attempt("a", None), UserVerification::Verified);
    assert!(matches!(proved, Outcome::Verified(_)));
}

/// The notices of an unexpected prompt among the effects of the last decision.
fn warnings(world: &World) -> usize {
    let is_one = |act: &Act| matches!(act, Act::Notify { notice: Notice::UnexpectedPrompt, .. });
    world.effects.iter().filter(|act| is_one(act)).count()
}

#[test]
fn a_denied_stranger_is_told_of_once_a_day_and_the_owners_own_browser_is_not() {
    let (mut world, phone) = World::with_phone();
    let own = world.sign_in(phone, "owner");
    world.prompted("own", Some(own));
    let _ = world.say(phone, Answer::Deny);
    assert_eq!(warnings(&world), 0);

    let mut told = 0;
    for hour in 0..48 {
        if let Outcome::Prompted(_) = world.start(&format!("stranger{hour}"), None) {
            let _ = world.say(phone, Answer::Deny);
            told += warnings(&world);
        }
        world.forward(Span::hours(1));
    }
    assert_eq!(told, 2, "one on each of two days");
}
