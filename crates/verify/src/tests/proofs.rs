//! Proofs that are not for this subscriber, this attempt or this time.

use super::*;

fn bob() -> SubscriberId {
    SubscriberId::parse("bob@example.org").unwrap()
}

fn typed(world: &mut World, totp: AuthenticatorId, attempt: Attempt, step: Option<u64>) -> Outcome {
    world.run(Command::ProveTotp(attempt, TotpEntry::compared(alice(), totp, step)))
}

#[test]
fn a_proof_about_somebody_else_proves_nothing() {
    let (mut world, phone, passkey) = World::with_phone_and_passkey();
    let device = world.sign_in(phone, "first");
    world.prompted("a", None);
    let (prompt, shown) = {
        let context = world.state.shown_at(world.now).unwrap();
        (context.prompt, context.canonical_bytes())
    };
    let right = world.right();
    let answer = PhoneAnswer::signature_verified(bob(), phone, prompt, shown, home(), right);
    assert_eq!(refused(&world.run(Command::AnswerPrompt(answer))), Reason::WrongSubject);

    let attempt_b = attempt("b", None);
    let verified = UserVerification::Verified;
    let other = PasskeyAssertion::ceremony_verified(bob(), passkey, attempt_b.id.clone(), verified);
    let proved = world.run(Command::ProvePasskey(attempt_b.clone(), other));
    assert_eq!(refused(&proved), Reason::WrongSubject);
    let elsewhere = AttemptId::parse("c").unwrap();
    let other = PasskeyAssertion::ceremony_verified(alice(), passkey, elsewhere, verified);
    let proved = world.run(Command::ProvePasskey(attempt_b, other));
    assert_eq!(refused(&proved), Reason::WrongSubject);

    // Bob's cookie makes a stranger: it waits for the open prompt instead of taking over.
    let mut with_bobs = attempt("d", None);
    with_bobs.device = Some(KnownDeviceProof::mac_verified(bob(), device));
    assert!(matches!(world.run(Command::StartAttempt(with_bobs)), Outcome::Wait { .. }));
}

#[test]
fn a_kind_of_authenticator_does_not_stand_in_for_another() {
    let (mut world, phone, passkey) = World::with_phone_and_passkey();
    world.prompted("a", None);
    let right = world.right();
    assert_eq!(refused(&world.say(passkey, right)), Reason::NotBound);
    let proved = world.passkey(phone, attempt("b", None), UserVerification::Verified);
    assert_eq!(refused(&proved), Reason::NotBound);
}

#[test]
fn an_attempt_that_was_denied_stays_denied_and_one_that_succeeded_is_not_given_twice() {
    let (mut world, phone, passkey) = World::with_phone_and_passkey();
    world.prompted("a", None);
    let _ = world.say(phone, Answer::Deny);
    assert!(matches!(world.start("a", None), Outcome::AlreadyOver(PromptEnd::Denied)));
    assert!(!world.rang());
    let proved = world.passkey(passkey, attempt("a", None), UserVerification::Verified);
    assert_eq!(refused(&proved), Reason::AttemptDenied);

    let verified = UserVerification::Verified;
    assert!(matches!(world.passkey(passkey, attempt("b", None), verified), Outcome::Verified(_)));
    assert!(matches!(
        world.passkey(passkey, attempt("b", None), verified),
        Outcome::AlreadyOver(PromptEnd::Overtaken)
    ));
}

#[test]
fn a_time_based_code_is_taken_once() {
    let (mut world, _, totp) = with_totp();
    assert!(matches!(typed(&mut world, totp, attempt("a", None), Some(7)), Outcome::Verified(_)));
    for step in [6, 7] {
        let again = typed(&mut world, totp, attempt("b", None), Some(step));
        assert_eq!(refused(&again), Reason::CodeReused, "{step}");
    }
    assert!(matches!(typed(&mut world, totp, attempt("b", None), Some(8)), Outcome::Verified(_)));
}

#[test]
fn the_code_that_binds_signs_in_nobody() {
    let (mut world, _) = World::with_phone();
    let new = NewAuthenticator::Totp { key: digest(4), step: 7 };
    let totp = world.bind(new, AuthenticatorKind::Totp);
    let again = typed(&mut world, totp, attempt("a", None), Some(7));
    assert_eq!(refused(&again), Reason::CodeReused);
    assert!(matches!(typed(&mut world, totp, attempt("a", None), Some(8)), Outcome::Verified(_)));
}

#[test]
fn two_apps_with_codes_by_time_are_the_most() {
    let (mut world, phone) = World::with_phone();
    for n in 0..=TOTPS_MAX {
        let name = format!("right{n}");
        let right = Attempt { purpose: Purpose::ManageAuthenticators, ..attempt(&name, None) };
        let id = right.id.clone();
        let _ = world.run(Command::StartAttempt(right));
        let code = world.right();
        let _ = world.say(phone, code);
        let issued = world.run(Command::IssueBindingCode {
            authority: Authority::Subscriber(id),
            kind: AuthenticatorKind::Totp,
            code: digest(200),
        });
        if n == TOTPS_MAX {
            assert_eq!(refused(&issued), Reason::TooMany);
            return;
        }
        let key = digest(10 + n as u8);
        let _ = world.run(Command::Bind {
            code: digest(200),
            authenticator: NewAuthenticator::Totp { key, step: 1 },
            label: Text::new("app"),
        });
    }
}

#[test]
fn codes_of_other_apps_that_are_turned_off_are_neither_bound_nor_offered_nor_taken() {
    let (mut world, _, totp) = with_totp();
    assert!(world.prompted("before", None).alternatives.totp);
    let _ = world.run(Command::CancelAttempt(AttemptId::parse("before").unwrap()));

    world.policy.account.takes_totp = false;
    assert!(!world.prompted("a", None).alternatives.totp);
    let proved = typed(&mut world, totp, attempt("a", None), Some(7));
    assert_eq!(refused(&proved), Reason::KindNotTaken);
    let mut new = World::empty();
    let begin = |world: &mut World| {
        world.run(Command::IssueBindingCode {
            authority: Authority::Operator(operator("sam")),
            kind: AuthenticatorKind::Totp,
            code: digest(9),
        })
    };
    let bind = |world: &mut World| {
        world.run(Command::Bind {
            code: digest(9),
            authenticator: NewAuthenticator::Totp { key: digest(4), step: 1 },
            label: Text::new("app"),
        })
    };
    // Begun before it was turned off: nothing comes of it.
    assert!(matches!(begin(&mut new), Outcome::BindingCode { .. }));
    new.policy.account.takes_totp = false;
    assert_eq!(refused(&bind(&mut new)), Reason::KindNotTaken);
    assert_eq!(refused(&begin(&mut new)), Reason::KindNotTaken);

    // Turned on again, the app that was bound counts as before: the refused code was no try.
    world.policy.account.takes_totp = true;
    let proved = typed(&mut world, totp, attempt("a", None), Some(7));
    assert!(matches!(proved, Outcome::Verified(_)), "{proved:?}");
}

#[test]
fn strangers_cannot_disable_a_time_based_code_for_the_owner() {
    let (mut world, phone, totp) = with_totp();
    let device = world.sign_in(phone, "first");
    for n in 0..2_000 {
        let _ = typed(&mut world, totp, attempt(&format!("s{n}"), None), None);
        world.forward(Span::minutes(30));
    }
    let used = world.state.authenticator(totp).unwrap();
    assert_eq!((used.failures(), used.disabled_at()), (50, None));
    let right = typed(&mut world, totp, attempt("s", None), Some(9));
    assert_eq!(refused(&right), Reason::TooManyFailures);
    let owner = typed(&mut world, totp, attempt("o", Some(device)), Some(9));
    assert!(matches!(owner, Outcome::Verified(_)), "{owner:?}");
}

#[test]
fn the_same_wrong_code_again_and_again_waits_longer_and_longer() {
    let (mut world, _, totp) = with_totp();
    for n in 0..3 {
        let wrong = typed(&mut world, totp, attempt(&format!("a{n}"), None), None);
        assert_eq!(refused(&wrong), Reason::WrongProof);
    }
    let fourth = typed(&mut world, totp, attempt("a", None), Some(1));
    assert!(
        matches!(fourth, Outcome::Wait { until, .. } if until == world.now + Span::seconds(30))
    );
    world.forward(Span::seconds(30));
    assert!(matches!(typed(&mut world, totp, attempt("a", None), Some(1)), Outcome::Verified(_)));
}

#[test]
fn after_a_denial_no_stranger_falls_back_to_a_weaker_code() {
    let (mut world, phone, totp) = with_totp();
    world.prompted("a", None);
    let _ = world.say(phone, Answer::Deny);
    world.forward(Span::millis(599_999));
    let muted = typed(&mut world, totp, attempt("b", None), Some(1));
    assert_eq!(refused(&muted), Reason::StrangersMuted);
    world.forward(Span::millis(1));
    assert!(matches!(typed(&mut world, totp, attempt("b", None), Some(1)), Outcome::Verified(_)));
}

/// The right code of this attempt is typed in another country.
fn typed_from_afar(world: &mut World, phone: AuthenticatorId, hosted: &Attempt) -> Outcome {
    let _ = world.run(Command::StartAttempt(hosted.clone()));
    let context = world.state.shown_at(world.now).unwrap();
    let (prompt, shown) = (context.prompt, context.canonical_bytes());
    let far = Requester {
        ip: Some("198.51.100.9".parse().unwrap()),
        place: Some(Place { country: Text::new("BR"), city: None, point: None }),
        ..Requester::default()
    };
    let right = world.right();
    let answer = PhoneAnswer::signature_verified(alice(), phone, prompt, shown, far, right);
    world.run(Command::AnswerPrompt(answer))
}

fn hosted(name: &str) -> Attempt {
    let mut hosted = attempt(name, None);
    hosted.requester.network =
        Some(Network { asn: 64_999, name: Text::new("Hosting"), is_hosting: true });
    hosted
}

#[test]
fn a_right_code_typed_far_from_the_browser_asks_for_the_passkey() {
    let (mut world, phone, passkey) = World::with_phone_and_passkey();
    let said = typed_from_afar(&mut world, phone, &hosted("a"));
    assert!(matches!(said, Outcome::Ended(PromptEnd::SteppedUp)), "{said:?}");
    let proved = world.passkey(passkey, hosted("a"), UserVerification::Verified);
    assert!(matches!(proved, Outcome::Verified(_)));
}

#[test]
fn a_right_code_from_afar_is_told_and_counts_against_strangers() {
    let (mut world, phone, passkey) = World::with_phone_and_passkey();
    let _ = typed_from_afar(&mut world, phone, &hosted("a"));
    let told = world.effects.iter().find_map(|act| match act {
        Act::Notify { notice: Notice::CodeFromAfar, to } => Some(to.len()),
        _ => None,
    });
    assert_eq!(told, Some(2));
    let counts = |world: &mut World, name: &str| {
        let _ = world.start(name, None);
        let weighed = world.audit.iter().find_map(|entry| match &entry.what {
            Happened::PromptMade { risk, .. } | Happened::AttemptHeld { risk, .. } => Some(risk),
            _ => None,
        });
        weighed.unwrap().terms.iter().any(|term| term.kind == Observation::Denied)
    };
    assert!(counts(&mut world, "b"));
    // Until the owner is there.
    let proved = world.passkey(passkey, attempt("c", None), UserVerification::Verified);
    assert!(matches!(proved, Outcome::Verified(_)));
    world.forward(Span::hours(1));
    assert!(!counts(&mut world, "d"));
}

#[test]
fn a_code_is_not_offered_where_the_same_evidence_would_refuse_it() {
    let (mut world, _, totp) = with_totp();
    world.policy.risk.passkey_only_from = 2.0;
    let sprayed = Attempt { others_asked: 5, ..attempt("a", None) };
    let started = world.run(Command::StartAttempt(sprayed.clone()));
    let Outcome::PasskeyOnly { reason: Reason::RiskHigh, alternatives } = started else {
        panic!("{started:?}");
    };
    assert!(!alternatives.totp);
    let proved = typed(&mut world, totp, sprayed, Some(1));
    assert_eq!(refused(&proved), Reason::RiskHigh);
}

#[test]
fn a_phone_cannot_lift_the_suspension_that_it_made_and_a_passkey_can() {
    let (mut world, phone, passkey) = World::with_phone_and_passkey();
    let contact = || PhoneContact::signature_verified(alice(), phone, home());
    let reported = world.run(Command::Report(Reporter::Phone(contact()), Notes::default()));
    assert!(matches!(reported, Outcome::Reported { .. }));
    let restore =
        |name: &str| Command::RestorePush(Authority::Subscriber(AttemptId::parse(name).unwrap()));
    assert_eq!(refused(&world.run(restore("none"))), Reason::NotAuthorised);
    let manage = Attempt { purpose: Purpose::ManageAuthenticators, ..attempt("m", None) };
    let started = world.run(Command::StartAttempt(manage.clone()));
    assert!(matches!(started, Outcome::PasskeyOnly { reason: Reason::PushSuspended, .. }));
    let _ = world.passkey(passkey, manage, UserVerification::Verified);
    assert!(matches!(world.run(restore("m")), Outcome::Done));
    assert_eq!(world.state.push(), PushState::Active);
    // The incident and the mark on the password stay until somebody has dealt with them.
    assert!(world.state.incident().is_some());
    assert!(matches!(world.state.password(), PasswordMark::Burned { .. }));
    let _ = world.run(Command::PasswordChanged);
    assert_eq!(world.state.password(), PasswordMark::Unmarked);
}

#[test]
fn a_phone_that_proved_itself_before_the_suspension_does_not_lift_it() {
    let (mut world, phone) = World::with_phone();
    world.policy.stop.suspend_push_after = 3;
    let manage = Attempt { purpose: Purpose::ManageAuthenticators, ..attempt("m", None) };
    let _ = world.run(Command::StartAttempt(manage));
    let right = world.right();
    assert!(matches!(world.say(phone, right), Outcome::Verified(_)));
    world.prompted("a", None);
    for _ in 0..3 {
        let wrong = world.wrong();
        let _ = world.say(phone, wrong);
    }
    assert!(matches!(world.state.push(), PushState::Suspended { .. }));
    let m = AttemptId::parse("m").unwrap();
    let restored = world.run(Command::RestorePush(Authority::Subscriber(m)));
    assert_eq!(refused(&restored), Reason::WeakAuthority);
}

#[test]
fn a_report_is_taken_also_when_the_prompt_is_over() {
    let (mut world, phone) = World::with_phone();
    world.sign_in(phone, "phished");
    assert_eq!(world.state.devices().len(), 1);
    let said = world.say(phone, Answer::Report(Notes { someone_called: true, ..Notes::default() }));
    assert!(matches!(said, Outcome::Reported { .. }), "{said:?}");
    assert!(world.state.devices().is_empty(), "the phisher's browser is known no longer");
}

#[test]
fn a_clock_that_is_set_right_frees_nothing_and_works_again() {
    let (mut world, _) = World::with_phone();
    // The budget alone: no waits.
    world.policy.throttle.free_failures = u8::MAX;
    for name in ["a", "b", "c"] {
        world.prompted(name, None);
        let _ = world.run(Command::CancelAttempt(AttemptId::parse(name).unwrap()));
    }
    // One node runs a year ahead for a moment.
    let now = world.now;
    world.forward(Span::days(365));
    let _ = world.run(Command::Tick);
    world.now = now;
    let _ = world.run(Command::SetClockRight(operator("sam")));
    let fourth = world.prompted("d", None);
    assert!(matches!(fourth.ring, Ring::Quiet(Reason::BudgetSpent)), "{fourth:?}");
    world.forward(Span::minutes(10));
    assert!(matches!(world.prompted("e", None).ring, Ring::Rang));
}

/// Every policy that differs from the default in one setting, at whatever value it can have.
fn policies() -> Vec<(String, Policy)> {
    let default = serde_json::to_value(Policy::default()).unwrap();
    let mut all = vec![("default".to_owned(), Policy::default())];
    for (group, settings) in default.as_object().unwrap() {
        for (setting, value) in settings.as_object().unwrap() {
            let others: Vec<serde_json::Value> = match value {
                serde_json::Value::Bool(is_set) => vec![(!is_set).into()],
                serde_json::Value::Number(number) if number.is_f64() => {
                    [-64.0, -1.0, 0.0, 1.0, 64.0].map(Into::into).to_vec()
                }
                _ => [0, 1, 5, 12, 30, 60, 100, 168, 600, 3_600, 86_400].map(Into::into).to_vec(),
            };
            for other in others {
                let mut changed = default.clone();
                changed[group][setting] = other.clone();
                let policy: Result<Policy, _> = serde_json::from_value(changed);
                let Ok(policy) = policy else { continue };
                if policy.problems().is_empty() {
                    all.push((format!("{group}.{setting} = {other}"), policy));
                }
            }
        }
    }
    all
}

#[test]
fn a_passkey_is_offered_and_gets_in_under_every_policy() {
    let policies = policies();
    assert!(policies.len() > 150, "only {}", policies.len());
    for (name, policy) in policies {
        for role in [Role::Member, Role::Administrator] {
            let (mut world, phone, passkey) = World::with_phone_and_passkey();
            world.policy = policy.clone();
            let _ = world.run(Command::SetRole(operator("sam"), role));
            let far = Attempt { requester: Requester::default(), ..attempt("far", None) };
            let spray = Attempt { others_asked: 9, ..attempt("spray", None) };
            let vault = Attempt { accepts: Accepts::PhishingResistant, ..attempt("vault", None) };
            let tries = [attempt("a", None), attempt("waits", None), far, spray, vault];
            let after_denial = [attempt("denied", None), attempt("muted", None)];
            let after_report = [attempt("suspended", None)];
            for (n, one) in tries.into_iter().chain(after_denial).chain(after_report).enumerate() {
                match n {
                    6 => drop(world.say(phone, Answer::Deny)),
                    7 => drop(world.say(phone, Answer::Report(Notes::default()))),
                    _ => {}
                }
                let alternatives = match world.run(Command::StartAttempt(one.clone())) {
                    Outcome::Prompted(Prompted { alternatives, .. })
                    | Outcome::Wait { alternatives, .. }
                    | Outcome::PasskeyOnly { alternatives, .. } => alternatives,
                    // The evidence speaks against whoever asks, so much that nothing is offered.
                    Outcome::Refused { reason: Reason::RiskHigh } => continue,
                    other => panic!("{name}: {other:?}"),
                };
                assert!(alternatives.passkey, "{name}, {role:?}: {:?}", one.id);
                // In a world of its own: a success would change what comes next.
                let proved = world.clone().passkey(passkey, one, UserVerification::Verified);
                assert!(matches!(proved, Outcome::Verified(_)), "{name}, {role:?}: {proved:?}");
            }
        }
    }
}

/// Somebody gives the attempt up while its owner uses the passkey.
#[test]
fn what_was_given_up_is_proven_by_nothing() {
    let (mut world, phone, passkey) = World::with_phone_and_passkey();
    world.prompted("a", None);
    let _ = world.run(Command::CancelAttempt(AttemptId::parse("a").unwrap()));
    let proved = world.passkey(passkey, attempt("a", None), UserVerification::Verified);
    assert_eq!(refused(&proved), Reason::NotFound);
    let new = NewAuthenticator::Certificate { key: digest(3) };
    let certificate = world.bind(new, AuthenticatorKind::Certificate);
    let proof = CertificateProof::handshake_verified(alice(), certificate);
    let proved = world.run(Command::ProveCertificate(attempt("a", None), proof));
    assert_eq!(refused(&proved), Reason::NotFound);
    // The next one is another attempt.
    world.forward(Span::hours(1));
    world.sign_in(phone, "b");
}

/// A thief of the computer who knows the password, after its owner said that it was not them.
#[test]
fn after_a_report_or_a_no_a_certificate_signs_in_nobody() {
    let (mut world, phone) = World::with_phone();
    let certificate = world
        .bind(NewAuthenticator::Certificate { key: digest(3) }, AuthenticatorKind::Certificate);
    let proof = || CertificateProof::handshake_verified(alice(), certificate);
    let prove = |world: &mut World, name: &str| {
        world.run(Command::ProveCertificate(attempt(name, None), proof()))
    };
    assert!(matches!(prove(&mut world, "a"), Outcome::Verified(_)));
    world.prompted("b", None);
    let _ = world.say(phone, Answer::Deny);
    assert_eq!(refused(&prove(&mut world, "c")), Reason::StrangersMuted);
    let _ = world.say(phone, Answer::Report(Notes::default()));
    world.forward(Span::days(3));
    assert_eq!(refused(&prove(&mut world, "d")), Reason::PushSuspended);
    // Suspended or not, while nobody has looked.
    world.state.push = PushState::Active;
    assert_eq!(refused(&prove(&mut world, "e")), Reason::IncidentOpen);
    let _ = world.run(Command::CloseIncident(operator("sam")));
    assert!(matches!(prove(&mut world, "f"), Outcome::Verified(_)));
}
