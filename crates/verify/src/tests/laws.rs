//! What holds for any sequence of anything.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// One thing that somebody does.
#[derive(Clone, Debug)]
enum Step {
    Start { name: u8, is_known: bool },
    Repeat,
    Cancel,
    Right,
    Wrong,
    Deny,
    Report,
    Passkey { name: u8, is_verified: bool },
    Totp { is_right: bool, is_known: bool },
    Certificate { name: u8 },
    IssueAlone,
    BindAlone,
    UntieAlone(u8),
    SetClockRight,
    OpenApp,
    Call,
    AnswerCall(bool),
    Restore,
    Close,
    Forward(u32),
    Back(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (any::<u8>(), any::<bool>()).prop_map(|(name, is_known)| Step::Start { name, is_known }),
        1 => Just(Step::Repeat),
        1 => Just(Step::Cancel),
        2 => Just(Step::Right),
        2 => Just(Step::Wrong),
        2 => Just(Step::Deny),
        1 => Just(Step::Report),
        1 => (any::<u8>(), any::<bool>())
            .prop_map(|(name, is_verified)| Step::Passkey { name, is_verified }),
        2 => (any::<bool>(), any::<bool>())
            .prop_map(|(is_right, is_known)| Step::Totp { is_right, is_known }),
        1 => any::<u8>().prop_map(|name| Step::Certificate { name }),
        1 => Just(Step::IssueAlone),
        1 => Just(Step::BindAlone),
        1 => any::<u8>().prop_map(Step::UntieAlone),
        1 => Just(Step::SetClockRight),
        1 => Just(Step::OpenApp),
        1 => Just(Step::Call),
        1 => any::<bool>().prop_map(Step::AnswerCall),
        1 => Just(Step::Restore),
        1 => Just(Step::Close),
        5 => (0_u32..7_200).prop_map(Step::Forward),
        1 => (0_u16..60).prop_map(Step::Back),
    ]
}

/// A world in which things are done, and what was seen of it.
struct Watched {
    world: World,
    phone: AuthenticatorId,
    passkey: AuthenticatorId,
    totp: AuthenticatorId,
    certificate: AuthenticatorId,
    device: DeviceId,
    /// The time step that the next right code belongs to.
    totp_step: u64,
    last: String,
    /// When phones rang since the last success, by the document's clock.
    rings: Vec<Timestamp>,
    ends: BTreeMap<PromptId, u32>,
    made: u32,
}

impl Watched {
    fn new() -> Self {
        let (mut world, phone, passkey) = World::with_phone_and_passkey();
        let totp = world.bind(NewAuthenticator::Totp { key: digest(4) }, AuthenticatorKind::Totp);
        let new = NewAuthenticator::Certificate { key: digest(5) };
        let certificate = world.bind(new, AuthenticatorKind::Certificate);
        let device = world.sign_in(phone, "first");
        Self {
            world,
            phone,
            passkey,
            totp,
            certificate,
            device,
            totp_step: 0,
            last: "first".to_owned(),
            rings: Vec::new(),
            ends: BTreeMap::new(),
            made: 0,
        }
    }

    fn command(&mut self, step: &Step) -> Option<(Command, bool)> {
        let world = &mut self.world;
        let answer = |world: &World, answer: Answer| {
            let context = world.state.shown_at(world.now);
            Command::AnswerPrompt(PhoneAnswer::signature_verified(
                alice(),
                self.phone,
                context.map_or(PromptId(0), |c| c.prompt),
                context.map(Context::canonical_bytes).unwrap_or_default(),
                home(),
                answer,
            ))
        };
        let contact = || PhoneContact::signature_verified(alice(), self.phone, home());
        Some(match step {
            Step::Start { name, is_known } => {
                self.last = format!("a{name}");
                let device = is_known.then_some(self.device);
                (Command::StartAttempt(attempt(&self.last, device)), false)
            }
            Step::Repeat => (Command::StartAttempt(attempt(&self.last, None)), false),
            Step::Cancel => (Command::CancelAttempt(AttemptId::parse(&self.last).unwrap()), false),
            Step::Right => {
                world.code()?;
                (answer(world, world.right()), true)
            }
            Step::Wrong => (answer(world, world.wrong()), false),
            Step::Deny => (answer(world, Answer::Deny), false),
            Step::Report => (answer(world, Answer::Report(Notes::default())), false),
            Step::Passkey { name, is_verified } => {
                let attempt = attempt(&format!("p{name}"), None);
                let user = if *is_verified {
                    UserVerification::Verified
                } else {
                    UserVerification::PresentOnly
                };
                let assertion = PasskeyAssertion::ceremony_verified(
                    alice(),
                    self.passkey,
                    attempt.id.clone(),
                    user,
                );
                (Command::ProvePasskey(attempt, assertion), *is_verified)
            }
            Step::Totp { is_right, is_known } => {
                self.totp_step += 1;
                let device = is_known.then_some(self.device);
                let attempt = attempt(&format!("t{}", self.totp_step), device);
                let step = is_right.then_some(self.totp_step);
                let entry = TotpEntry::compared(alice(), self.totp, step);
                (Command::ProveTotp(attempt, entry), *is_right)
            }
            Step::Certificate { name } => {
                let proof = CertificateProof::handshake_verified(alice(), self.certificate);
                (Command::ProveCertificate(attempt(&format!("c{name}"), None), proof), true)
            }
            Step::IssueAlone => {
                let authority = Authority::Operator(operator("sam"));
                let kind = AuthenticatorKind::Phone;
                (Command::IssueBindingCode { authority, kind, code: digest(66) }, false)
            }
            Step::BindAlone => {
                let authenticator = NewAuthenticator::Phone { key: digest(67) };
                let label = Text::new("stranger's");
                (Command::Bind { code: digest(66), authenticator, label }, false)
            }
            Step::UntieAlone(which) => {
                let bound = world.state.authenticators();
                let authenticator = bound.get(usize::from(*which) % bound.len().max(1))?.id();
                let authority = Authority::Operator(operator("sam"));
                (Command::Invalidate { authority, authenticator }, false)
            }
            Step::SetClockRight => (Command::SetClockRight(operator("sam")), false),
            Step::OpenApp => (Command::OpenApp(contact()), false),
            Step::Call => (Command::StartCallerCheck(operator("sam")), false),
            Step::AnswerCall(is_them) => {
                let check = world.state.caller_check(world.now)?.id;
                let answer =
                    if *is_them { CallerAnswer::CodesMatch } else { CallerAnswer::NotThem };
                (Command::AnswerCallerCheck(contact(), check, answer), false)
            }
            Step::Restore => (Command::RestorePush(Authority::Operator(operator("sam"))), false),
            Step::Close => (Command::CloseIncident(operator("sam")), false),
            Step::Forward(seconds) => {
                world.forward(Span::seconds(i64::from(*seconds)));
                (Command::Tick, false)
            }
            Step::Back(seconds) => {
                world.forward(Span::seconds(-i64::from(*seconds)));
                (Command::Tick, false)
            }
        })
    }

    fn take(&mut self, step: &Step) {
        let Some((command, may_verify)) = self.command(step) else { return };
        let was_suspended = matches!(self.world.state.push(), PushState::Suspended { .. });
        let before = self.world.clone();
        let outcome = self.world.run(command.clone());
        let mut twin = before;
        let same = twin.run(command);
        assert_eq!(format!("{outcome:?}"), format!("{same:?}"), "the same gives the same");
        let json = self.world.state.to_json().unwrap();
        assert_eq!(json, twin.state.to_json().unwrap());
        // Reading costs most of the time; every fourth document is enough to meet every shape.
        if self.world.state.revision().is_multiple_of(4) {
            assert_eq!(json, SubscriberState::from_json(&json).unwrap().to_json().unwrap());
        }
        assert!(json.len() <= STATE_BYTES_MAX);

        let is_verified = matches!(outcome, Outcome::Verified(_));
        assert!(!is_verified || may_verify, "{step:?} verified");
        assert!(!matches!(outcome, Outcome::Bound { .. }), "one operator alone bound a phone");
        let at = self.world.audit.last().unwrap().at;
        if matches!(step, Step::SetClockRight) {
            self.rings.iter_mut().for_each(|ring| *ring = at.min(*ring));
        }
        if self.world.rang() {
            assert!(!was_suspended, "{step:?} rang while suspended");
            self.rings.push(at);
        }
        // A machine's certificate says nothing about the owner: its success clears no budget.
        if matches!(&outcome, Outcome::Verified(verified) if verified.device.is_some()) {
            self.rings.clear();
        }
        // The budget says when a phone may ring. Setting a clock back rings nothing, but brings the
        // rings of what was the future nearer to the older ones.
        if self.world.rang() {
            for (window, limit) in [(600, 3), (3_600, 5), (86_400, 10)] {
                let since = at - Span::seconds(window);
                let rang = self.rings.iter().filter(|ring| **ring > since).count();
                assert!(rang <= limit, "{rang} rings in {window} s after {step:?}");
            }
        }
        for entry in &self.world.audit {
            match &entry.what {
                Happened::PromptMade { .. } => self.made += 1,
                Happened::PromptEnded { prompt, .. } => {
                    *self.ends.entry(*prompt).or_default() += 1;
                }
                _ => {}
            }
        }
        assert!(self.ends.values().all(|times| *times == 1), "a prompt ended twice");
        // The prompt of the first sign-in was made and ended before anybody looked.
        let ended = u32::try_from(self.ends.len()).unwrap();
        assert!(self.made == ended || self.made == ended + 1, "a prompt vanished");
    }
}

/// Sequences that once broke a law, or the words of one.
#[test]
fn what_once_broke_a_law_does_so_no_more() {
    let start = |name, is_known| Step::Start { name, is_known };
    let call_comes_late =
        vec![Step::Back(6), Step::Call, start(0, false), start(1, false), start(2, false)];
    // One ring 610 s before three more, and then the clock is set back by 59 s.
    let mut clock_set_right = vec![start(0, true), Step::Cancel, Step::Forward(610)];
    clock_set_right.extend((1..4).flat_map(|name| [start(name, true), Step::Cancel]));
    clock_set_right.extend([Step::Back(59), Step::SetClockRight, start(9, true)]);
    for steps in [call_comes_late, clock_set_right] {
        let mut watched = Watched::new();
        for step in &steps {
            watched.take(step);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_700))]

    #[test]
    fn every_law_holds_after_every_step(steps in prop::collection::vec(step(), 1..120)) {
        let mut watched = Watched::new();
        for step in &steps {
            watched.take(step);
        }
    }

    #[test]
    fn a_stranger_never_changes_what_the_known_device_may_do(
        starts in prop::collection::vec((any::<u8>(), 0_u32..4_000), 0..60),
        knows_hosting in any::<bool>(),
    ) {
        let (mut world, phone) = World::with_phone();
        let device = world.sign_in(phone, "first");
        for (name, seconds) in starts {
            let mut stranger = attempt(&format!("s{name}"), None);
            if knows_hosting {
                stranger.requester.ip = Some("198.51.100.9".parse().unwrap());
            }
            let _ = world.run(Command::StartAttempt(stranger));
            world.forward(Span::seconds(i64::from(seconds)));
        }
        let owner = world.start("owner", Some(device));
        let Outcome::Prompted(prompted) = owner else { panic!("kept out: {owner:?}") };
        prop_assert!(matches!(prompted.ring, Ring::Rang | Ring::Replaced), "{:?}", prompted.ring);
        let right = world.right();
        let said = world.say(phone, right);
        prop_assert!(matches!(said, Outcome::Verified(_)), "{said:?}");
    }
}
