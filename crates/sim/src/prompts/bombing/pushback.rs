//! The fourth factor: the real rules, asked as the service would ask them.

use std::cell::OnceCell;

use pushback_model::{Span, Timestamp};
use pushback_verify::{
    AddressId, Answer, AttemptId, AuthenticatorId, AuthenticatorKind, Authority, Command, Context,
    DeviceId, EnteredCode, Entropy, NewAuthenticator, Notes, Outcome, PasskeyAssertion,
    PasskeySync, PhoneAnswer, Policy, Purpose, Requester, Ring, Role, SubscriberId,
    SubscriberState, Text, UserVerification, decide,
};

use super::attackers::{Ask, DAY, Trick};
use crate::prompts::ask::Try;
use crate::prompts::people::{START, digest, operator, requester};
use crate::rng::mix;

/// How an attacker's attempt began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Started {
    Rang,
    Quiet,
    Held,
}

/// How an own sign-in stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answered {
    Open,
    Success,
    Failed,
}

/// Where the owner signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whence {
    /// With a known browser.
    Known,
    /// With another browser, at home.
    Home,
    /// With another browser, on a network never used before.
    Elsewhere,
}

/// The service as one subscriber meets it.
#[derive(Clone, Debug)]
pub(super) struct Service {
    state: SubscriberState,
    subscriber: SubscriberId,
    phone: AuthenticatorId,
    passkey: Option<AuthenticatorId>,
    device: Option<DeviceId>,
    /// The own attempt that is open, with its code.
    own: Option<(AttemptId, String)>,
    /// The attacker's attempt that was shown last: the number of the ask, and its code.
    shown: Option<(usize, String)>,
    seed: u64,
    draws: u64,
    policy: Policy,
}

/// The first midnight of a campaign; the victim has two ordinary weeks behind them.
const FIRST_MIDNIGHT: Timestamp = Timestamp::from_millis(START.as_millis() + 14 * DAY);

fn instant(at: i64) -> Timestamp {
    FIRST_MIDNIGHT + Span::millis(at)
}

fn home() -> Requester {
    requester(0, 0x2000, "Firefox", false)
}

impl Whence {
    fn requester(self) -> Requester {
        match self {
            Self::Known => home(),
            Self::Home => requester(0, 0x2000, "Chrome", false),
            Self::Elsewhere => requester(0, 0x2001, "Chrome", false),
        }
    }
}

thread_local! {
    /// The two ordinary weeks are the same for everybody; they are lived once.
    static SETTLED: [OnceCell<Option<Service>>; 2] = const { [OnceCell::new(), OnceCell::new()] };
}

impl Service {
    /// Somebody with a phone, a known device and habits; `None` if the rules let nobody sign up.
    pub fn settled(seed: u64, has_passkey: bool) -> Option<Self> {
        SETTLED.with(|cells| {
            let cell = cells.get(usize::from(has_passkey))?;
            let settled = cell.get_or_init(|| Self::sign_up(has_passkey)).as_ref()?;
            Some(Self { seed, draws: 0, ..settled.clone() })
        })
    }

    fn sign_up(has_passkey: bool) -> Option<Self> {
        let subscriber = SubscriberId::parse("victim@example.org").ok()?;
        let mut service = Self {
            state: SubscriberState::new(subscriber.clone(), Role::Member, START),
            subscriber,
            phone: AuthenticatorId(0),
            passkey: None,
            device: None,
            own: None,
            shown: None,
            seed: 1,
            draws: 0,
            policy: Policy::default(),
        };
        let sam = Authority::Operator(operator("sam")?);
        let addresses = ["mail:1", "mail:2"].iter().filter_map(|a| AddressId::parse(a).ok());
        let addresses = addresses.collect();
        let start = -14 * DAY;
        let _ = service.tell(start, Command::SetAddresses { authority: sam.clone(), addresses });
        let phone = NewAuthenticator::Phone { key: digest(0, 1) };
        service.phone = service.bind(start, sam, AuthenticatorKind::Phone, phone)?;
        if has_passkey {
            service.manage(start)?;
            let own = AttemptId::parse("m").ok()?;
            let sync = PasskeySync::Syncable;
            let key = NewAuthenticator::Passkey { key: digest(0, 2), sync };
            let kind = AuthenticatorKind::Passkey;
            service.passkey = service.bind(start, Authority::Subscriber(own), kind, key);
        }
        for day in 0..14 {
            for hour in [8, 11, 14, 17] {
                let at = (day - 14) * DAY + hour * 3_600_000;
                let whence = if day > 0 { Whence::Known } else { Whence::Home };
                if service.start_own(at, whence, false) == Answered::Open {
                    let _ = service.type_own(at + 9_000);
                }
            }
        }
        service.device.is_some().then_some(service)
    }

    fn manage(&mut self, at: i64) -> Option<()> {
        let attempt = self.attempt("m", Purpose::ManageAuthenticators, home(), false, 0)?;
        let id = attempt.id.clone();
        if let Outcome::Prompted(prompted) = self.tell(at, Command::StartAttempt(attempt)) {
            self.own = Some((id, prompted.code.reveal().to_owned()));
        }
        (self.type_own(at) == Answered::Success).then_some(())
    }

    fn bind(
        &mut self,
        at: i64,
        authority: Authority,
        kind: AuthenticatorKind,
        authenticator: NewAuthenticator,
    ) -> Option<AuthenticatorId> {
        let code = digest(0, 77);
        let issue = Command::IssueBindingCode { authority, kind, code: code.clone() };
        let _ = self.tell(at, issue);
        match self.tell(at, Command::Bind { code, authenticator, label: Text::new("mine") }) {
            Outcome::Bound { authenticator } => Some(authenticator),
            _ => None,
        }
    }

    fn tell(&mut self, at: i64, command: Command) -> Outcome {
        let mut bytes = [0; 32];
        for word in bytes.as_chunks_mut::<8>().0 {
            self.draws += 1;
            *word = mix(&[self.seed, 0xb0b, self.draws]).to_le_bytes();
        }
        let entropy = Entropy::from_system_rng(bytes);
        let decision = decide(&self.state, command, instant(at), &entropy, &self.policy);
        self.state = decision.state;
        decision.outcome
    }

    fn attempt(
        &self,
        name: &str,
        purpose: Purpose,
        from: Requester,
        is_known: bool,
        others_asked: u16,
    ) -> Option<pushback_verify::Attempt> {
        let id = AttemptId::parse(name).ok()?;
        let device = self.device.filter(|_| is_known);
        let cookie = device.map(|device| (self.subscriber.clone(), device));
        Try { id, purpose, rp: 0, from, cookie, others_asked }.attempt()
    }

    /// The attacker starts an attempt; a page that is still waiting is given up for it.
    pub fn start(&mut self, at: i64, number: usize, ask: &Ask) -> Started {
        let purpose = if ask.trick == Trick::Reset { Purpose::Recovery } else { Purpose::SignIn };
        let name = format!("s{number}");
        let Some(attempt) = self.attempt(&name, purpose, ask.from.clone(), false, ask.others_asked)
        else {
            return Started::Held;
        };
        match self.tell(at, Command::StartAttempt(attempt)) {
            Outcome::Prompted(prompted) => {
                self.shown = Some((number, prompted.code.reveal().to_owned()));
                match prompted.ring {
                    Ring::Rang => Started::Rang,
                    Ring::Replaced | Ring::Quiet(_) => Started::Quiet,
                }
            }
            _ => Started::Held,
        }
    }

    /// The attacker types a time-based code at random; this victim has none, and it is told so.
    pub fn guess(&mut self, at: i64, from: &Requester) -> bool {
        let entry = pushback_verify::TotpEntry::compared(self.subscriber.clone(), self.phone, None);
        let attempt = self.attempt("guess", Purpose::SignIn, from.clone(), false, 0);
        attempt.is_some_and(|attempt| {
            matches!(self.tell(at, Command::ProveTotp(attempt, entry)), Outcome::Verified(_))
        })
    }

    /// The owner types the code that the attacker's screen shows, for the attempt of this number.
    pub fn type_code_of(&mut self, at: i64, number: usize) -> bool {
        let code = self.shown.clone().filter(|(shown, _)| *shown == number);
        code.is_some_and(|(_, code)| self.type_code(at, number, &code))
    }

    /// Something is typed for the attacker's prompt, if that is what the phone shows.
    pub fn type_code(&mut self, at: i64, number: usize, typed: &str) -> bool {
        let name = format!("s{number}");
        let Some(code) = EnteredCode::parse(typed) else { return false };
        let is_shown =
            self.state.shown_at(instant(at)).is_some_and(|shown| shown.attempt.as_str() == name);
        is_shown && matches!(self.answer(at, Answer::Code(code)), Some(Outcome::Verified(_)))
    }

    fn answer(&mut self, at: i64, answer: Answer) -> Option<Outcome> {
        let shown = self.state.shown_at(instant(at))?;
        let (prompt, bytes) = (shown.prompt, Context::canonical_bytes(shown));
        let phone = requester(0, 0x2000, "", false);
        let answer = PhoneAnswer::signature_verified(
            self.subscriber.clone(),
            self.phone,
            prompt,
            bytes,
            phone,
            answer,
        );
        Some(self.tell(at, Command::AnswerPrompt(answer)))
    }

    pub fn deny(&mut self, at: i64) {
        let _ = self.answer(at, Answer::Deny);
    }

    pub fn report(&mut self, at: i64) {
        let contact = pushback_verify::PhoneContact::signature_verified(
            self.subscriber.clone(),
            self.phone,
            requester(0, 0x2000, "", false),
        );
        let reporter = pushback_verify::Reporter::Phone(contact);
        let _ = self.tell(at, Command::Report(reporter, Notes::default()));
    }

    /// The help desk has the password changed, closes the incident and restores push.
    pub fn clean_up(&mut self, at: i64) {
        let _ = self.tell(at, Command::PasswordChanged);
        if let Some(sam) = operator("sam") {
            let _ = self.tell(at, Command::CloseIncident(sam.clone()));
            let _ = self.tell(at, Command::RestorePush(Authority::Operator(sam)));
        }
    }

    pub fn start_own(&mut self, at: i64, whence: Whence, has_passkey_at_hand: bool) -> Answered {
        let name = format!("o{}", self.draws);
        let (from, is_known) = (whence.requester(), whence == Whence::Known);
        let Some(attempt) = self.attempt(&name, Purpose::SignIn, from, is_known, 0) else {
            return Answered::Failed;
        };
        match self.tell(at, Command::StartAttempt(attempt.clone())) {
            Outcome::Prompted(prompted) => {
                self.own = Some((attempt.id, prompted.code.reveal().to_owned()));
                Answered::Open
            }
            Outcome::PasskeyOnly { .. } if has_passkey_at_hand => self.use_passkey(at, attempt),
            _ => Answered::Failed,
        }
    }

    fn use_passkey(&mut self, at: i64, attempt: pushback_verify::Attempt) -> Answered {
        let Some(key) = self.passkey else { return Answered::Failed };
        let proof = PasskeyAssertion::ceremony_verified(
            self.subscriber.clone(),
            key,
            attempt.id.clone(),
            UserVerification::Verified,
        );
        match self.tell(at, Command::ProvePasskey(attempt, proof)) {
            Outcome::Verified(_) => Answered::Success,
            _ => Answered::Failed,
        }
    }

    /// The owner types the code of their own sign-in.
    pub fn type_own(&mut self, at: i64) -> Answered {
        let Some((attempt, code)) = self.own.take() else { return Answered::Failed };
        let is_shown =
            self.state.shown_at(instant(at)).is_some_and(|shown| shown.attempt == attempt);
        let Some(code) = EnteredCode::parse(&code).filter(|_| is_shown) else {
            return Answered::Failed;
        };
        match self.answer(at, Answer::Code(code)) {
            Some(Outcome::Verified(verified)) => {
                self.device = verified.device.or(self.device);
                Answered::Success
            }
            _ => Answered::Failed,
        }
    }
}
