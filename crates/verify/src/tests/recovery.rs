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
    let second = world.run(Command::IssueAddressCode { address: address("mail:2"), code });
    assert_eq!(refused(&second), Reason::AlreadyPending);
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
        guesses += usize::from(world.state.address_code.is_some());
        assert_eq!(refused(&guessing_with_one_proof(&mut world, totp, step)), Reason::WrongProof);
        world.forward(Span::seconds(30));
    }
    assert_eq!((sent, guesses), (5, 15), "in a day, with a new success every half minute");
}

#[test]
fn a_hundred_wrong_mailed_codes_in_a_row_stop_until_the_owner_succeeds() {
    let (mut world, phone, totp) = with_totp();
    let mut guesses = 0;
    for step in 0..4_000 {
        let _ = send(&mut world);
        guesses += usize::from(world.state.address_code.is_some());
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
fn an_address_is_mailed_few_codes_a_day_whoever_asks() {
    let (mut world, _) = World::with_phone();
    let mut sent = 0;
    for minute in 0..1_440 {
        let code = digest(41);
        let to = address(if minute % 2 == 0 { "mail:1" } else { "mail:2" });
        let asked = world.run(Command::IssueAddressCode { address: to, code });
        sent += usize::from(matches!(asked, Outcome::Done));
        world.forward(Span::minutes(1));
    }
    assert_eq!(sent, 5);
    assert!(matches!(send(&mut world), Outcome::Done));
    let to = address("mail:9");
    let asked = world.run(Command::IssueAddressCode { address: to, code: digest(41) });
    assert_eq!(refused(&asked), Reason::NotFound);
}

#[test]
fn a_saved_code_is_guessed_fifty_times_by_strangers_and_never_disabled_by_them() {
    let mut world = with_codes();
    let mut guesses = 0;
    for _ in 0..4_000 {
        let tried = recovering(&mut world, 99, 41);
        guesses += usize::from(matches!(tried, Outcome::Refused { reason: Reason::WrongProof }));
        world.forward(Span::minutes(30));
    }
    assert_eq!(guesses, 50);
    let kind = AuthenticatorKind::RecoveryCodes;
    let saved = world.state.authenticators().iter().find(|a| a.kind() == kind).unwrap();
    assert_eq!((saved.failures(), saved.disabled_at()), (50, None));
    // What strangers used up is not closed to a device that is known.
    let phone = world.state.authenticators().iter().find(|a| a.kind() != kind).unwrap().id();
    let device = world.sign_in(phone, "owner");
    assert!(matches!(send(&mut world), Outcome::Done));
    let recovered = world.run(Command::Recover {
        attempt: Attempt { purpose: Purpose::Recovery, ..attempt("own", Some(device)) },
        first: RecoveryEvidence::SavedCode(digest(31)),
        second: RecoveryEvidence::AddressCode(digest(41)),
    });
    assert!(matches!(recovered, Outcome::Recovered { .. }), "{recovered:?}");
}

#[test]
fn a_guess_at_a_recovery_waits_longer_and_longer() {
    let mut world = with_codes();
    for _ in 0..3 {
        assert_eq!(refused(&recovering(&mut world, 99, 41)), Reason::WrongProof);
    }
    let held = recovering(&mut world, 31, 41);
    assert!(matches!(held, Outcome::Wait { until, .. } if until == world.now + Span::seconds(30)));
    // The mailed code went with the third guess.
    world.forward(Span::seconds(30));
    assert_eq!(refused(&recovering(&mut world, 31, 41)), Reason::WrongProof);
}
