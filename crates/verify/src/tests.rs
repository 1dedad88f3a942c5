//! The rules as a whole, through the one function that outsiders have.

mod account;
mod budget;
mod clock;
mod dispute;
mod document;
mod events;
mod habits;
mod laws;
mod marks;
mod prompts;
mod proofs;
mod recovery;
mod restored;
mod step_up;
mod two_people;

use pushback_model::{Span, Timestamp};

use crate::*;

/// A subscriber, a clock and a source of random bytes that can be told in advance.
#[derive(Clone)]
struct World {
    state: SubscriberState,
    now: Timestamp,
    drawn: u64,
    policy: Policy,
    /// What the last decision asked for.
    effects: Vec<Act>,
    audit: Vec<AuditEntry>,
}

const START: Timestamp = Timestamp::from_millis(1_772_400_000_000);

fn alice() -> SubscriberId {
    SubscriberId::parse("alice@example.org").unwrap()
}

fn digest(byte: u8) -> CodeDigest {
    CodeDigest::new([byte; 32])
}

fn operator(name: &str) -> OperatorProof {
    OperatorProof::passkey_session(OperatorId::parse(name).unwrap(), Text::new(name))
}

fn address(name: &str) -> AddressId {
    AddressId::parse(name).unwrap()
}

fn home() -> Requester {
    Requester {
        ip: Some("203.0.113.7".parse().unwrap()),
        network: Some(Network { asn: 64_500, name: Text::new("Example Net"), is_hosting: false }),
        place: Some(Place { country: Text::new("FR"), city: None, point: None }),
        browser: Some(Text::new("Firefox")),
        system: Some(Text::new("Windows")),
    }
}

fn attempt(name: &str, device: Option<DeviceId>) -> Attempt {
    Attempt {
        id: AttemptId::parse(name).unwrap(),
        purpose: Purpose::SignIn,
        relying_party: RelyingPartyId::parse("wiki").unwrap(),
        relying_party_name: Text::new("Wiki"),
        requester: home(),
        device: device.map(|device| KnownDeviceProof::mac_verified(alice(), device)),
        accepts: Accepts::Any,
        others_asked: 0,
    }
}

impl World {
    /// Somebody with two addresses and nothing bound.
    fn empty() -> Self {
        let mut world = Self {
            state: SubscriberState::new(alice(), Role::Member, START),
            now: START,
            drawn: 0,
            policy: Policy::default(),
            effects: Vec::new(),
            audit: Vec::new(),
        };
        let addresses = vec![address("mail:1"), address("mail:2")];
        let authority = Authority::Operator(operator("sam"));
        let done = world.run(Command::SetAddresses { authority, addresses });
        assert!(matches!(done, Outcome::Done), "{done:?}");
        world
    }

    /// The same with a phone.
    fn with_phone() -> (Self, AuthenticatorId) {
        let mut world = Self::empty();
        let phone =
            world.bind(NewAuthenticator::Phone { key: digest(1) }, AuthenticatorKind::Phone);
        (world, phone)
    }

    fn with_phone_and_passkey() -> (Self, AuthenticatorId, AuthenticatorId) {
        let (mut world, phone) = Self::with_phone();
        let new = NewAuthenticator::Passkey { key: digest(2), sync: PasskeySync::Syncable };
        let passkey = world.bind(new, AuthenticatorKind::Passkey);
        (world, phone, passkey)
    }

    /// Binds as at the first day: what is bound already is put aside, since an operator binds
    /// nothing beside it.
    fn bind(&mut self, new: NewAuthenticator, kind: AuthenticatorKind) -> AuthenticatorId {
        let mut bound = std::mem::take(&mut self.state.authenticators);
        let authority = Authority::Operator(operator("sam"));
        let issued = self.run(Command::IssueBindingCode { authority, kind, code: digest(200) });
        assert!(matches!(issued, Outcome::BindingCode { .. }), "{issued:?}");
        let bind =
            Command::Bind { code: digest(200), authenticator: new, label: Text::new("mine") };
        match self.run(bind) {
            Outcome::Bound { authenticator } => {
                bound.append(&mut self.state.authenticators);
                self.state.authenticators = bound;
                authenticator
            }
            other => panic!("{other:?}"),
        }
    }

    fn entropy(&mut self) -> Entropy {
        let mut bytes = [0; 32];
        for word in bytes.as_chunks_mut::<8>().0 {
            self.drawn = self.drawn.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.drawn ^ (self.drawn >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            *word = (mixed ^ (mixed >> 27)).to_le_bytes();
        }
        Entropy::from_system_rng(bytes)
    }

    fn run(&mut self, command: Command) -> Outcome {
        let entropy = self.entropy();
        let decision = decide(&self.state, command, self.now, &entropy, &self.policy);
        assert!(!decision.audit.is_empty(), "an outcome without an audit entry");
        self.state = decision.state;
        self.effects = decision.effects.into_iter().map(|effect| effect.act).collect();
        self.audit = decision.audit;
        decision.outcome
    }

    fn forward(&mut self, span: Span) {
        self.now = self.now + span;
    }

    fn start(&mut self, name: &str, device: Option<DeviceId>) -> Outcome {
        self.run(Command::StartAttempt(attempt(name, device)))
    }

    fn prompted(&mut self, name: &str, device: Option<DeviceId>) -> Prompted {
        match self.start(name, device) {
            Outcome::Prompted(prompted) => prompted,
            other => panic!("{other:?}"),
        }
    }

    /// The phone answers the open prompt, having shown what was asked.
    fn say(&mut self, phone: AuthenticatorId, answer: Answer) -> Outcome {
        let shown = self.state.shown_at(self.now).map(Context::canonical_bytes);
        let prompt = self.state.shown_at(self.now).map_or(PromptId(0), |context| context.prompt);
        let shown = shown.unwrap_or_default();
        self.run(Command::AnswerPrompt(PhoneAnswer::signature_verified(
            alice(),
            phone,
            prompt,
            shown,
            home(),
            answer,
        )))
    }

    fn code(&self) -> Option<String> {
        let context = self.state.shown_at(self.now)?;
        self.state.code_for(&context.attempt, self.now).map(|code| code.reveal().to_owned())
    }

    fn right(&self) -> Answer {
        Answer::Code(EnteredCode::parse(&self.code().unwrap()).unwrap())
    }

    fn wrong(&self) -> Answer {
        let code = self.code().map_or(0, |code| code.parse::<u32>().unwrap());
        Answer::Code(EnteredCode::parse(&format!("{:06}", (code + 1) % 1_000_000)).unwrap())
    }

    /// Signs in with the phone and returns the device that is known from then on.
    fn sign_in(&mut self, phone: AuthenticatorId, name: &str) -> DeviceId {
        self.prompted(name, None);
        let right = self.right();
        match self.say(phone, right) {
            Outcome::Verified(verified) => verified.device.unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn passkey(
        &mut self,
        passkey: AuthenticatorId,
        attempt: Attempt,
        user: UserVerification,
    ) -> Outcome {
        let assertion =
            PasskeyAssertion::ceremony_verified(alice(), passkey, attempt.id.clone(), user);
        self.run(Command::ProvePasskey(attempt, assertion))
    }

    fn rang(&self) -> bool {
        self.effects.iter().any(|act| matches!(act, Act::RingPhones { .. }))
    }
}

fn with_totp() -> (World, AuthenticatorId, AuthenticatorId) {
    let (mut world, phone) = World::with_phone();
    let totp =
        world.bind(NewAuthenticator::Totp { key: digest(4), step: 0 }, AuthenticatorKind::Totp);
    (world, phone, totp)
}

fn refused(outcome: &Outcome) -> Reason {
    match outcome {
        Outcome::Refused { reason } => *reason,
        other => panic!("not refused: {other:?}"),
    }
}
