//! How many decisions a second one thread makes: what simulating many people costs.
//!
//! ```sh
//! cargo run --release -p pushback-verify --example decisions
//! ```
//!
//! A sign-in is two decisions: an attempt starts, and the phone answers it with the right code. The
//! subscriber has a phone, two notice addresses, 60 days of habits and the most known devices.

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a bench measures and prints")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use pushback_model::{Span, Timestamp};
use pushback_verify::{
    Accepts, AddressId, Answer, Attempt, AttemptId, AuthenticatorId, AuthenticatorKind, Authority,
    CodeDigest, Command, Context, DeviceId, EnteredCode, Entropy, KnownDeviceProof, Network,
    NewAuthenticator, OperatorId, OperatorProof, Outcome, PhoneAnswer, Place, Policy, Purpose,
    RelyingPartyId, Requester, Role, SubscriberId, SubscriberState, Text, decide,
};

const SIGN_INS: u32 = 200_000;

type Failure = Box<dyn std::error::Error>;

struct Person {
    state: SubscriberState,
    now: Timestamp,
    drawn: u64,
    policy: Policy,
    phone: AuthenticatorId,
    device: Option<DeviceId>,
    /// How long starts and answers took.
    took: [Duration; 2],
}

fn main() -> Result<(), Failure> {
    let mut person = Person::new()?;
    for day in 0..60 {
        person.sign_in(day)?;
        person.device = None;
        person.now = person.now + Span::days(1);
    }
    person.took = [Duration::ZERO; 2];
    for n in 0..SIGN_INS {
        person.sign_in(60 + n)?;
        person.now = person.now + Span::minutes(10);
    }
    let [start, answer] = person.took;
    let copies = 200_000;
    let began = Instant::now();
    for _ in 0..copies {
        black_box(person.state.clone());
    }
    let copy = began.elapsed() / copies;
    println!("document                {:>10} bytes of JSON", person.state.to_json()?.len());
    print("start and answer", 2.0 * f64::from(SIGN_INS), start + answer);
    print("start", f64::from(SIGN_INS), start);
    print("answer", f64::from(SIGN_INS), answer);
    let each = (start + answer) / (2 * SIGN_INS);
    let share = 100.0 * copy.as_secs_f64() / each.as_secs_f64();
    println!("copying the document    {:>10.0} ns, {share:.0} % of a decision", nanos(copy));
    Ok(())
}

fn nanos(span: Duration) -> f64 {
    span.as_secs_f64() * 1e9
}

fn print(what: &str, decisions: f64, took: Duration) {
    let rate = decisions / took.as_secs_f64();
    println!("{what:22} {rate:>11.0} decisions/s, {:.0} ns each", nanos(took) / decisions);
}

impl Person {
    fn new() -> Result<Self, Failure> {
        let now = Timestamp::from_seconds(1_772_400_000);
        let mut person = Self {
            state: SubscriberState::new(SubscriberId::parse("alice")?, Role::Member, now),
            now,
            drawn: 0,
            policy: Policy::default(),
            phone: AuthenticatorId(0),
            device: None,
            took: [Duration::ZERO; 2],
        };
        let operator = || {
            Ok::<_, Failure>(OperatorProof::passkey_session(
                OperatorId::parse("sam")?,
                Text::new("Sam"),
            ))
        };
        let addresses = vec![AddressId::parse("mail:1")?, AddressId::parse("mail:2")?];
        let authority = Authority::Operator(operator()?);
        let _ = person.run(Command::SetAddresses { authority, addresses });
        let (kind, code) = (AuthenticatorKind::Phone, CodeDigest::new([1; 32]));
        let authority = Authority::Operator(operator()?);
        let _ = person.run(Command::IssueBindingCode { authority, kind, code: code.clone() });
        let authenticator = NewAuthenticator::Phone { key: CodeDigest::new([2; 32]) };
        match person.run(Command::Bind { code, authenticator, label: Text::new("phone") }) {
            Outcome::Bound { authenticator } => person.phone = authenticator,
            other => return Err(format!("not bound: {other:?}").into()),
        }
        Ok(person)
    }

    fn run(&mut self, command: Command) -> Outcome {
        self.drawn += 1;
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&self.drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
        let entropy = Entropy::from_system_rng(bytes);
        let decision = decide(&self.state, command, self.now, &entropy, &self.policy);
        self.state = decision.state;
        black_box((decision.effects, decision.audit, decision.events));
        decision.outcome
    }

    fn sign_in(&mut self, n: u32) -> Result<(), Failure> {
        let attempt = self.attempt(n)?;
        let began = Instant::now();
        let started = self.run(Command::StartAttempt(attempt));
        self.took[0] += began.elapsed();
        let Outcome::Prompted(prompted) = started else {
            return Err(format!("not prompted: {started:?}").into());
        };
        let code = EnteredCode::parse(prompted.code.reveal()).ok_or("no code")?;
        let shown = self.state.shown_at(self.now).map(Context::canonical_bytes).unwrap_or_default();
        let answer = PhoneAnswer::signature_verified(
            self.state.subscriber().clone(),
            self.phone,
            prompted.prompt,
            shown,
            requester(),
            Answer::Code(code),
        );
        let began = Instant::now();
        let answered = self.run(Command::AnswerPrompt(answer));
        self.took[1] += began.elapsed();
        match answered {
            Outcome::Verified(verified) => self.device = verified.device,
            other => return Err(format!("not verified: {other:?}").into()),
        }
        Ok(())
    }

    fn attempt(&self, n: u32) -> Result<Attempt, Failure> {
        let subscriber = self.state.subscriber();
        let proof = |device| KnownDeviceProof::mac_verified(subscriber.clone(), device);
        Ok(Attempt {
            id: AttemptId::parse(&format!("att_{n}"))?,
            purpose: Purpose::SignIn,
            relying_party: RelyingPartyId::parse("wiki")?,
            relying_party_name: Text::new("Wiki"),
            requester: requester(),
            device: self.device.map(proof),
            accepts: Accepts::Any,
            others_asked: 0,
        })
    }
}

fn requester() -> Requester {
    Requester {
        ip: Some([203, 0, 113, 7].into()),
        network: Some(Network { asn: 64_500, name: Text::new("Example Net"), is_hosting: false }),
        place: Some(Place {
            country: Text::new("FR"),
            city: Some(Text::new("Paris")),
            point: None,
        }),
        browser: Some(Text::new("Firefox")),
        system: Some(Text::new("Windows")),
    }
}
