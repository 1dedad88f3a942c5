//! What holds for any sequence of anything.

mod ledger;
mod rings;
mod step;
mod watched;

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use self::rings::Rings;
use self::step::{By, Party, Say, Step, Try, Whence, loose, policy, steps, tight};
use self::watched::Watched;
use super::*;

/// Sequences that once broke a law, or the words of one.
#[test]
fn what_once_broke_a_law_does_so_no_more() {
    let start = |name, is_known: bool| {
        Step::Start(Try {
            name,
            purpose: Purpose::SignIn,
            party: Party::Wiki,
            whence: Whence::Home,
            device: is_known.then_some(0),
            is_spray: false,
        })
    };
    let back = |seconds| Step::Back { seconds };
    let call_comes_late =
        vec![back(6), Step::Call, start(0, false), start(1, false), start(2, false)];
    // One ring 610 s before three more, and then the clock is set back by 59 s.
    let mut clock_set_right = vec![start(0, true), Step::Cancel, Step::Forward { seconds: 610 }];
    clock_set_right.extend((1..4).flat_map(|name| [start(name, true), Step::Cancel]));
    clock_set_right.extend([back(59), Step::SetClockRight, start(9, true)]);
    // Two rings are a day old when one more is answered, and then the clock is set back.
    let say = Step::Answer { say: Say::Right, phone_at: Whence::Home, is_shown: true };
    let forward = |seconds| Step::Forward { seconds };
    let day_passed = vec![
        Step::Call,
        start(0, true),
        forward(86_400),
        start(1, false),
        Step::Cancel,
        start(2, true),
        say,
        back(1),
        Step::SetClockRight,
        forward(3_600),
        start(3, true),
    ];
    // What is given up is free here.
    let throttle = ThrottlePolicy { free_failures: 9, ..ThrottlePolicy::default() };
    for (policy, steps) in [
        (Policy::default(), call_comes_late),
        (Policy { throttle, ..Policy::default() }, clock_set_right),
        (tight(), day_passed),
    ] {
        let mut watched = Watched::new(policy, Role::Member);
        for step in steps {
            watched.take(step);
        }
    }
}

#[test]
fn every_policy_of_the_laws_may_be_used() {
    for policy in [tight(), loose()] {
        assert_eq!(policy.problems(), []);
    }
}

/// A law that never meets what it speaks of holds for nothing.
#[test]
fn the_laws_meet_everything_that_can_happen() {
    let mut runner = TestRunner::deterministic();
    let sequence = (policy(), steps(120));
    let mut met = BTreeSet::new();
    // Ten wrong codes with a day between them are too rare to wait for.
    let mut watched = Watched::new(tight(), Role::Member);
    for name in 0..10 {
        let (purpose, party, whence) = (Purpose::SignIn, Party::Wiki, Whence::Home);
        let start = Try { name, purpose, party, whence, device: None, is_spray: false };
        watched.take(Step::Restore(By::Sam));
        watched.take(Step::Start(start));
        watched.take(Step::Answer { say: Say::Wrong, phone_at: Whence::Home, is_shown: true });
        watched.take(Step::Forward { seconds: 200_000 });
    }
    met.append(&mut watched.ledger.met);
    for _ in 0..1_200 {
        let (policy, steps) = sequence.new_tree(&mut runner).unwrap().current();
        let mut watched = Watched::new(policy, Role::Member);
        steps.into_iter().for_each(|step| watched.take(step));
        met.append(&mut watched.ledger.met);
    }
    let missing: Vec<_> = MUST_MEET.iter().filter(|name| !met.contains(**name)).collect();
    assert!(missing.is_empty(), "never met: {missing:?}");
}

/// Every kind of [`Happened`], every end of a prompt, and the refusals that hold the laws up.
const MUST_MEET: &[&str] = &[
    "PromptMade",
    "AttemptRepeated",
    "AttemptHeld",
    "PromptEnded",
    "PromptEnded Approved",
    "PromptEnded Overtaken",
    "PromptEnded Denied",
    "PromptEnded Reported",
    "PromptEnded Mismatched",
    "PromptEnded Expired",
    "PromptEnded ClockWentBack",
    "PromptEnded TakenOver",
    "PromptEnded Cancelled",
    "PromptEnded SteppedUp",
    "WrongCode",
    "AnswerIgnored",
    "Succeeded",
    "ProofRefused",
    "AppOpened",
    "Reported",
    "ReportedAgain",
    "PushSuspended",
    "PushRestored",
    "SessionsEnded",
    "PasswordBurned",
    "PasswordChanged",
    "IncidentOpened",
    "IncidentClosed",
    "BindingCodeIssued",
    "Bound",
    "Invalidated",
    "Disabled",
    "Disputed",
    "DisputeSettled",
    "SettlementRequested",
    "SettlementCancelled",
    "AddressesChanged",
    "RoleChanged",
    "RoleChangeRequested",
    "RoleChangeCancelled",
    "AddressCodeIssued",
    "Recovered",
    "ResetRequested",
    "ResetCancelled",
    "ResetDone",
    "CallerCheckStarted",
    "CallerCheckEnded",
    "DeviceForgotten",
    "ChangeRefused",
    "ClockWentBack",
    "ClockSetRight",
    "RestoredFromCopy",
    "Ticked",
    "BindingCode NeedsAnotherPerson",
    "BindingCode IncidentOpen",
    "BindingCode NotAuthorised",
    "BindingCode WeakAuthority",
    "Bind WrongProof",
    "Bind CodeExpired",
    "Invalidate LastAuthenticator",
    "Invalidate OthersTooNew",
    "Addresses NeedsAnotherPerson",
    "AddressCode TooMany",
    "AddressCode AlreadyPending",
    "Recovery WrongProof",
    "Recovery SameMethod",
    "Recovery IncidentOpen",
    "ResetConfirm IncidentOpen",
    "ResetConfirm NeedsAnotherPerson",
    "ResetCancel NotFound",
    "Dispute CodeReused",
    "SettleDispute IncidentOpen",
    "SettleDispute NotFound",
    "SettleDispute NeedsAnotherPerson",
    "SettleDispute WeakAuthority",
    "Role NeedsAnotherPerson",
    "RestorePush WeakAuthority",
    "Report NotFound",
    "ForgetDevice NotFound",
];

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![3 => Just(Role::Member), 1 => Just(Role::Administrator)]
}

/// What strangers and the owner do beside each other.
#[derive(Clone, Copy, Debug)]
enum Beside {
    Stranger { name: u8, whence: u8 },
    Code { name: u8 },
    Recovery { name: u8 },
    Mail,
    Owner { name: u8, is_denied: bool },
}

fn beside() -> impl Strategy<Value = Beside> {
    prop_oneof![
        6 => (any::<u8>(), 0_u8..5).prop_map(|(name, whence)| Beside::Stranger { name, whence }),
        1 => any::<u8>().prop_map(|name| Beside::Code { name }),
        1 => any::<u8>().prop_map(|name| Beside::Recovery { name }),
        1 => Just(Beside::Mail),
        2 => (any::<u8>(), prop::bool::weighted(0.3))
            .prop_map(|(name, is_denied)| Beside::Owner { name, is_denied }),
    ]
}

/// So many cases, or as many as `PROPTEST_CASES` asks for if that is more.
fn at_least(cases: u32) -> ProptestConfig {
    ProptestConfig::with_cases(cases.max(ProptestConfig::default().cases))
}

proptest! {
    #![proptest_config(at_least(1_000))]

    #[test]
    fn every_law_holds_after_every_step(
        policy in policy(),
        role in role(),
        steps in steps(1..120),
    ) {
        let mut watched = Watched::new(policy, role);
        for step in steps {
            watched.take(step);
        }
    }

    /// An owner with a known device is never kept out by strangers: the phone rings for every
    /// sign-in of theirs, and the right code verifies. Nor do strangers gain a ring by it.
    #[test]
    fn a_stranger_never_changes_what_the_known_device_may_do(
        policy in policy(),
        things in prop::collection::vec((beside(), 0_u32..4_000), 0..60),
    ) {
        let (mut world, phone, totp) = with_totp();
        let device = world.sign_in(phone, "first");
        world.policy = policy;
        let mut rings = Rings::default();
        let last = (Beside::Owner { name: 0, is_denied: false }, 0);
        for (n, (thing, seconds)) in things.into_iter().chain([last]).enumerate() {
            match thing {
                Beside::Stranger { name, whence } => {
                    let all =
                        [Whence::Home, Whence::OtherCity, Whence::Hosting, Whence::Vpn, Whence::Unknown];
                    let mut stranger = attempt(&format!("s{name}"), None);
                    stranger.requester = all[usize::from(whence)].requester();
                    let _ = world.run(Command::StartAttempt(stranger));
                }
                Beside::Code { name } => {
                    let entry = TotpEntry::compared(alice(), totp, None);
                    let _ = world.run(Command::ProveTotp(attempt(&format!("c{name}"), None), entry));
                }
                Beside::Recovery { name } => {
                    let attempt = Attempt {
                        purpose: Purpose::Recovery,
                        ..attempt(&format!("r{name}"), None)
                    };
                    let first = RecoveryEvidence::SavedCode(digest(99));
                    let second = RecoveryEvidence::AddressCode(digest(99));
                    let _ = world.run(Command::Recover { attempt, first, second });
                }
                Beside::Mail => {
                    let address = address("mail:1");
                    let _ = world.run(Command::IssueAddressCode { address, code: digest(41) });
                }
                Beside::Owner { name, is_denied } => {
                    if is_denied && world.state.shown_at(world.now).is_some() {
                        let _ = world.say(phone, Answer::Deny);
                        rings.check(&world, false);
                    }
                    let owner = world.start(&format!("o{n}-{name}"), Some(device));
                    let Outcome::Prompted(prompted) = owner else { panic!("kept out: {owner:?}") };
                    let ring = prompted.ring;
                    rings.check(&world, false);
                    prop_assert!(matches!(ring, Ring::Rang | Ring::Replaced), "{ring:?}");
                    let right = world.right();
                    let said = world.say(phone, right);
                    prop_assert!(matches!(said, Outcome::Verified(_)), "{said:?}");
                }
            }
            rings.check(&world, false);
            world.forward(Span::seconds(i64::from(seconds)));
        }
    }
}
