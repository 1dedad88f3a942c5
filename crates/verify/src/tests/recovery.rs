//! Two proofs at once, and how often they can be guessed.

use super::*;

fn recovering(world: &mut World, saved: u8, mailed: u8) -> Outcome {
    world.run(Command::Recover {
        attempt: Attempt { purpose: Purpose::Recovery, ..attempt("r", None) },
        first: RecoveryEvidence::SavedCode(digest(saved)),
        second: RecoveryEvidence::AddressCode(digest(mailed)),
    })
}

fn with_codes() -> World {
    let (mut world, _) = World::with_phone();
    let codes = vec![digest(31), digest(32)];
    world.bind(NewAuthenticator::RecoveryCodes { codes }, AuthenticatorKind::RecoveryCodes);
    let code = digest(41);
    let _ = world.run(Command::IssueAddressCode { address: address("mail:1"), code });
    world
}

#[test]
fn a_recovery_needs_two_right_proofs_and_says_not_which_was_wrong() {
    for (saved, mailed) in [(99, 41), (31, 99), (99, 99)] {
        let mut world = with_codes();
        assert_eq!(refused(&recovering(&mut world, saved, mailed)), Reason::WrongProof);
    }
    let mut world = with_codes();
    assert!(matches!(recovering(&mut world, 31, 41), Outcome::Recovered { .. }));
    // Both were good once.
    assert_eq!(refused(&recovering(&mut world, 31, 41)), Reason::WrongProof);
    let issue = || Command::IssueBindingCode {
        authority: Authority::Recovered(AttemptId::parse("r").unwrap()),
        kind: AuthenticatorKind::Phone,
        code: digest(201),
    };
    assert!(matches!(world.run(issue()), Outcome::BindingCode { .. }));
    assert_eq!(refused(&world.run(issue())), Reason::NotAuthorised);
}

#[test]
fn two_proofs_of_one_kind_are_one_proof() {
    let mut world = with_codes();
    let recovered = world.run(Command::Recover {
        attempt: Attempt { purpose: Purpose::Recovery, ..attempt("r", None) },
        first: RecoveryEvidence::SavedCode(digest(31)),
        second: RecoveryEvidence::SavedCode(digest(32)),
    });
    assert_eq!(refused(&recovered), Reason::SameMethod);
}

#[test]
fn one_code_at_a_time_goes_to_an_address() {
    let mut world = with_codes();
    let code = digest(42);
    let again = Command::IssueAddressCode { address: address("mail:1"), code: code.clone() };
    assert_eq!(refused(&world.run(again)), Reason::AlreadyPending);
    // Whoever asks for one address takes nothing from the other.
    let second = world.run(Command::IssueAddressCode { address: address("mail:2"), code });
    assert!(matches!(second, Outcome::Done));
    assert!(matches!(recovering(&mut world, 31, 42), Outcome::Recovered { .. }));
    assert!(world.state.mailed_codes.is_empty(), "both are used up");
}

/// A stranger who has the secret of the codes by time has one proof of two whenever they like.
fn guessing_with_one_proof(world: &mut World, totp: AuthenticatorId, step: u64) -> Outcome {
    let name = format!("guess{step}");
    let recovery = || Attempt { purpose: Purpose::Recovery, ..attempt(&name, None) };
    // The step before the first one bound it.
    let entry = TotpEntry::compared(alice(), totp, Some(step + 1));
    let proved = world.run(Command::ProveTotp(recovery(), entry));
    assert!(matches!(proved, Outcome::Verified(_)), "{proved:?}");
    world.run(Command::Recover {
        attempt: recovery(),
        first: RecoveryEvidence::Success(recovery().id),
        second: RecoveryEvidence::AddressCode(digest(99)),
    })
}

fn send(world: &mut World) -> Outcome {
    world.run(Command::IssueAddressCode { address: address("mail:1"), code: digest(41) })
}

#[test]
fn whoever_has_one_proof_guesses_the_mailed_code_few_times_a_day() {
    let (mut world, _, totp) = with_totp();
    let (mut sent, mut guesses) = (0, 0);
    for step in 0..2_880 {
        sent += usize::from(matches!(send(&mut world), Outcome::Done));
        guesses += world.state.mailed_codes.len();
        assert_eq!(refused(&guessing_with_one_proof(&mut world, totp, step)), Reason::WrongProof);
        world.forward(Span::seconds(30));
    }
    assert_eq!((sent, guesses), (10, 30), "in a day, with a new success every half minute");
}

#[test]
fn a_hundred_wrong_mailed_codes_in_a_row_stop_until_the_owner_succeeds() {
    let (mut world, phone, totp) = with_totp();
    let mut guesses = 0;
    for step in 0..4_000 {
        let _ = send(&mut world);
        guesses += world.state.mailed_codes.len();
        let _ = guessing_with_one_proof(&mut world, totp, step);
        world.forward(Span::minutes(10));
    }
    assert_eq!(guesses, 100);
    world.forward(Span::days(30));
    assert_eq!(refused(&send(&mut world)), Reason::TooManyFailures);
    world.sign_in(phone, "owner");
    assert!(matches!(send(&mut world), Outcome::Done));
}

#[test]
fn a_guess_while_no_code_is_out_takes_nothing_from_the_owner() {
    let (mut world, _, totp) = with_totp();
    for step in 0..200 {
        let _ = guessing_with_one_proof(&mut world, totp, step);
        world.forward(Span::minutes(10));
    }
    assert!(matches!(send(&mut world), Outcome::Done));
}

#[test]
fn an_address_is_mailed_few_codes_a_day_and_never_none_for_long() {
    let (mut world, _) = World::with_phone();
    let (mut sent, mut last, mut longest) = (0, 0, 0);
    for minute in 0..1_440 {
        if matches!(send(&mut world), Outcome::Done) {
            (sent, longest) = (sent + 1, longest.max(minute - last));
            last = minute;
        }
        world.forward(Span::minutes(1));
    }
    assert_eq!((sent, longest), (10, 180), "whoever asks, there is one every three hours");
    let to = address("mail:9");
    let asked = world.run(Command::IssueAddressCode { address: to, code: digest(41) });
    assert_eq!(refused(&asked), Reason::NotFound);
}

/// Anybody who has the page can send pairs, ask for mail and fail at signing in.
#[test]
fn nonsense_takes_nothing_from_the_owner_who_recovers() {
    let mut world = with_codes();
    for n in 0..500 {
        assert_eq!(refused(&recovering(&mut world, 99, 98)), Reason::WrongProof);
        let name = format!("a{n}");
        if matches!(world.start(&name, None), Outcome::Prompted(_)) {
            let _ = world.run(Command::CancelAttempt(AttemptId::parse(&name).unwrap()));
        }
        world.forward(Span::seconds(1));
    }
    assert!(matches!(world.start("b", None), Outcome::Wait { .. }));
    let waits = world.state.strangers;
    assert_eq!(refused(&recovering(&mut world, 99, 98)), Reason::WrongProof);
    assert_eq!(world.state.strangers, waits, "nor does it make a sign-in wait");
    assert!(matches!(recovering(&mut world, 31, 41), Outcome::Recovered { .. }));
}

fn saved(world: &World) -> &Authenticator {
    let mut bound = world.state.authenticators().iter();
    bound.find(|a| a.kind() == AuthenticatorKind::RecoveryCodes).unwrap()
}

#[test]
fn a_saved_code_is_guessed_a_hundred_times_beside_a_right_mailed_one() {
    let mut world = with_codes();
    let mut guesses = 0;
    for _ in 0..1_000 {
        let _ = send(&mut world);
        guesses += u32::from(!world.state.mailed_codes.is_empty());
        let _ = recovering(&mut world, 99, 41);
        if saved(&world).disabled_at().is_some() {
            break;
        }
        // Nobody who lacks the mail comes nearer to the stop.
        let _ = recovering(&mut world, 99, 98);
        world.forward(Span::minutes(30));
    }
    assert_eq!((guesses, saved(&world).failures()), (100, 100));
    let told = |act: &Act| matches!(act, Act::Notify { notice: Notice::Disabled { .. }, .. });
    assert!(world.effects.iter().any(told));
    assert_eq!(refused(&recovering(&mut world, 31, 41)), Reason::WrongProof);
}

#[test]
fn strangers_who_lack_the_mail_do_not_close_saved_codes() {
    let mut world = with_codes();
    for _ in 0..4_000 {
        let _ = recovering(&mut world, 99, 98);
    }
    assert_eq!((saved(&world).failures(), saved(&world).disabled_at()), (0, None));
    assert!(matches!(recovering(&mut world, 31, 41), Outcome::Recovered { .. }));
}

#[test]
fn three_guesses_beside_a_right_saved_code_use_the_mailed_one_up() {
    let mut world = with_codes();
    for _ in 0..3 {
        assert_eq!(refused(&recovering(&mut world, 31, 99)), Reason::WrongProof);
    }
    assert_eq!(refused(&recovering(&mut world, 31, 41)), Reason::WrongProof);
}

/// A document from when there was one mailed code for all addresses.
#[test]
fn a_mailed_code_of_before_counts() {
    let mut world = with_codes();
    let mut json = serde_json::to_value(&world.state).unwrap();
    json["address_code"] = json["address_code"][0].take();
    assert!(json["address_code"].is_object());
    world.state = SubscriberState::from_json(&json.to_string()).unwrap();
    assert!(matches!(recovering(&mut world, 31, 41), Outcome::Recovered { .. }));
}
