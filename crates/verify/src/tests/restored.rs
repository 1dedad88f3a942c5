//! After the state was put back from a copy.

use super::*;

const STEP: u64 = 59_080_001;

fn restored() -> Command {
    Command::Restored { operator: operator("sam"), totp_step: STEP }
}

/// Somebody with everything that can be used up, and a known device.
fn with_everything() -> (World, AuthenticatorId, AuthenticatorId, DeviceId) {
    let (mut world, phone, totp) = with_totp();
    let codes = NewAuthenticator::RecoveryCodes { codes: vec![digest(51), digest(52)] };
    world.bind(codes, AuthenticatorKind::RecoveryCodes);
    let device = world.sign_in(phone, "first");
    let _ = world.run(Command::IssueAddressCode { address: address("mail:1"), code: digest(41) });
    let _ = world.run(Command::RequestReset(operator("kim")));
    let _ = world.run(Command::StartCallerCheck(operator("kim")));
    world.prompted("second", Some(device));
    (world, phone, totp, device)
}

#[test]
fn after_a_restore_nothing_counts_that_may_have_been_used() {
    let (mut world, phone, totp, device) = with_everything();
    let (right, reset) = (world.right(), world.state.reset().unwrap().id);
    assert!(matches!(world.run(restored()), Outcome::Done));
    let wanted = Happened::RestoredFromCopy { prompts: 1, codes: 1, devices: 1, recovery_codes: 1 };
    assert!(world.audit.iter().any(|entry| entry.what == wanted), "{:?}", world.audit);
    let second = AttemptId::parse("second").unwrap();
    let over = AttemptStatus::Over(PromptEnd::Cancelled);
    assert_eq!(world.state.attempt(&second, world.now), over);
    assert!(!matches!(world.say(phone, right), Outcome::Verified(_)));
    assert!(world.state.devices().is_empty() && world.state.caller_check(world.now).is_none());
    assert!(world.state.mailed_codes.is_empty() && world.state.successes.is_empty());
    let confirmed = world.run(Command::ConfirmReset(operator("sam"), reset));
    assert_eq!(refused(&confirmed), Reason::NotFound);
    let kinds: Vec<_> = world.state.authenticators().iter().map(Authenticator::kind).collect();
    assert_eq!(kinds, [AuthenticatorKind::Phone, AuthenticatorKind::Totp]);
    let mut type_of_step = |name: &str, step| {
        let entry = TotpEntry::compared(alice(), totp, Some(step));
        world.run(Command::ProveTotp(attempt(name, Some(device)), entry))
    };
    assert_eq!(refused(&type_of_step("third", STEP)), Reason::CodeReused);
    assert!(matches!(type_of_step("fourth", STEP + 1), Outcome::Verified(_)));
}

#[test]
fn a_restore_frees_nothing() {
    let (mut world, phone, ..) = with_everything();
    let contact = PhoneContact::signature_verified(alice(), phone, home());
    let _ = world.run(Command::Report(Reporter::Phone(contact), Notes::default()));
    let (push, password) = (world.state.push(), world.state.password());
    let (incident, budget) = (world.state.incident(), world.state.budget().clone());
    let _ = world.run(restored());
    assert_eq!((world.state.push(), world.state.password()), (push, password));
    assert_eq!(world.state.incident(), incident);
    assert_eq!(world.state.budget(), &budget);
}

#[test]
fn after_a_restore_nothing_gets_a_number_that_was_given_since_the_copy() {
    let (mut lost, phone) = World::with_phone();
    let mut world = lost.clone();
    let mut ids = std::collections::BTreeSet::new();
    let mut devices = Vec::new();
    for name in 0..40 {
        lost.forward(Span::hours(3));
        devices.push(lost.sign_in(phone, &format!("a{name}")));
        ids.extend(lost.audit.iter().map(|entry| entry.id.clone()));
    }
    world.now = lost.now;
    // A prompt that had run out is written down under a new number too.
    world.state.open = {
        let mut other = World::with_phone().0;
        other.prompted("open", None);
        other.state.open
    };
    let _ = world.run(restored());
    assert!(world.audit.len() > 1);
    assert!(world.audit.iter().all(|entry| !ids.contains(&entry.id)), "{:?}", world.audit);
    let device = world.sign_in(phone, "b");
    assert!(world.audit.iter().all(|entry| !ids.contains(&entry.id)));
    assert!(!devices.contains(&device));
}

#[test]
fn a_restore_is_told_once_and_by_name_of_who_did_it() {
    let (mut world, ..) = with_everything();
    let is_told = |world: &World| {
        let is_it = |act: &Act| matches!(act, Act::Notify { notice: Notice::RestoredFromCopy, .. });
        world.effects.iter().any(is_it)
    };
    let _ = world.run(restored());
    assert!(is_told(&world));
    let by = Actor::Operator(OperatorId::parse("sam").unwrap());
    assert!(world.audit.iter().all(|entry| entry.by == by), "{:?}", world.audit);
    let _ = world.run(restored());
    assert!(!is_told(&world));
    let _ = world.start("third", None);
    let _ = world.run(restored());
    assert!(is_told(&world), "something happened, so it is another restore");
}
