//! How a planned act becomes a request.

use pushback_verify::{
    AddressId, AddressProof, Answer, AttemptId, AuthenticatorId, Authority, CertificateProof,
    CodeDigest, Command, Context, EnteredCode, NewAuthenticator, Notes, PasskeyAssertion,
    PhoneAnswer, PhoneContact, PromptId, Purpose, PushState, Reporter, Text, TotpEntry,
    UserVerification,
};

use super::ask::{Claim, Managed, Request, Then, Try};
use super::fault::ActNo;
use super::people::{Browser, Side, digest, operator, requester};
use super::plan::{Cookie, Deed, Planned, StrangerAsk};
use super::world::{Sabotage, World};

impl World {
    pub fn act(&mut self, planned: Planned) {
        let act = planned.no;
        // A deed that its person cannot do (no passkey, nothing to close) is none.
        let _ = match planned.deed {
            Deed::SignIn { who, browser, rp, is_abroad } => {
                if let Some(person) = self.people.get_mut(who) {
                    person.is_abroad = is_abroad;
                }
                self.sign_in(who, act, browser, rp, 0, None)
            }
            Deed::NewPhone { who } => self.manage(who, act, Managed::NewPhone),
            Deed::OwnPasskey { who } => self.own_passkey(who, act, None),
            Deed::OwnTotp { who } => self.own_totp(who, act),
            Deed::Machine { who } => self.machine(who, act),
            Deed::Ask(ask) => self.stranger_asks(act, &ask),
            Deed::StrangerTotp { who, is_phished } => self.stranger_totp(who, act, is_phished),
            Deed::StrangerPasskey { who } => self.stranger_passkey(who, act),
            Deed::Recover { who, is_right } => self.recover(who, act, is_right),
            Deed::GuessBinding { who } => self.guess_binding(who, act),
            Deed::ForgeAnswer { who, by_another } => self.forge_answer(who, act, by_another),
            Deed::Report { who, by_phone } => self.report(who, act, by_phone),
            Deed::PasswordChanged { who } => {
                self.say(who, act, Command::PasswordChanged, Claim::Nothing, Then::Nothing)
            }
            Deed::Reset { who, is_wanted } => self.reset(who, act, is_wanted),
            Deed::CallerCheck { who, is_real } => operator("sam").and_then(|sam| {
                let then = Then::CallerChecked { is_real };
                self.say(who, act, Command::StartCallerCheck(sam), Claim::Nothing, then)
            }),
            Deed::CleanUp { who } => self.clean_up(who, act),
            Deed::ClockJump { node, by } => {
                self.watch.tally.clock_jumps += 1;
                self.nodes.get_mut(node).map(|node| {
                    let offset = node.offset.as_millis() + by.as_millis();
                    node.offset = pushback_model::Span::millis(offset);
                })
            }
        };
    }

    /// The owner, the help desk or the directory says something to the service.
    pub fn say(
        &mut self,
        who: usize,
        act: ActNo,
        command: Command,
        claim: Claim,
        then: Then,
    ) -> Option<()> {
        self.send(Request { who, act, command, claim, then, repeats: 3 });
        Some(())
    }

    fn says_stranger(
        &mut self,
        who: usize,
        act: ActNo,
        command: Command,
        claim: Claim,
        then: Then,
    ) -> Option<()> {
        self.send(Request { who, act, command, claim, then, repeats: 2 });
        Some(())
    }

    pub fn sign_in(
        &mut self,
        who: usize,
        act: ActNo,
        browser: Browser,
        rp: u8,
        tries: u8,
        manages: Option<Managed>,
    ) -> Option<()> {
        if self.state(who)?.authenticators().is_empty() {
            // After a reset the owner calls and is set up anew.
            self.set_up(who);
        }
        let person = self.people.get_mut(who)?;
        let id = person.attempt(Side::Owner)?;
        let device = match browser {
            Browser::Usual => person.cookie(rp),
            Browser::Borrowed => None,
        };
        let purpose =
            if manages.is_some() { Purpose::ManageAuthenticators } else { Purpose::SignIn };
        let is_lost = self.sabotage == Some(Sabotage::LosesCookie);
        let cookie = device.filter(|_| !is_lost).map(|device| (person.id.clone(), device));
        let from = person.browser_from(browser);
        let attempt = Try { id, purpose, rp, from, cookie, others_asked: 0 }.attempt()?;
        let claim = device.map_or(Claim::Nothing, |device| Claim::OwnStart { device });
        let [own, _] = &mut self.watch.tally.attempts;
        *own += 1;
        let then = Then::OwnStarted { browser, rp, tries, manages };
        self.say(who, act, Command::StartAttempt(attempt), claim, then)
    }

    pub fn manage(&mut self, who: usize, act: ActNo, change: Managed) -> Option<()> {
        if self.people.get(who)?.passkey.is_some() {
            self.own_passkey(who, act, Some(change))
        } else {
            self.sign_in(who, act, Browser::Usual, 0, 0, Some(change))
        }
    }

    pub fn own_passkey(&mut self, who: usize, act: ActNo, manages: Option<Managed>) -> Option<()> {
        let person = self.people.get_mut(who)?;
        let key = person.passkey?;
        let id = person.attempt(Side::Owner)?;
        let purpose =
            if manages.is_some() { Purpose::ManageAuthenticators } else { Purpose::SignIn };
        let from = person.browser_from(Browser::Usual);
        let subscriber = person.id.clone();
        let cookie = person.cookie(0).map(|device| (subscriber.clone(), device));
        let attempt =
            Try { id: id.clone(), purpose, rp: 0, from, cookie, others_asked: 0 }.attempt()?;
        let user = UserVerification::Verified;
        let proof = PasskeyAssertion::ceremony_verified(subscriber, key, id.clone(), user);
        let then = Then::OwnProved { attempt: id, browser: Browser::Usual, manages };
        let command = Command::ProvePasskey(attempt, proof);
        self.say(who, act, command, Claim::Passkey { key }, then)
    }

    fn own_totp(&mut self, who: usize, act: ActNo) -> Option<()> {
        let is_mistyped = self.chance(act, 0.1);
        let person = self.people.get_mut(who)?;
        let key = person.totp?;
        let id = person.attempt(Side::Owner)?;
        person.totp_step += 1;
        let step = person.totp_step;
        let subscriber = person.id.clone();
        let cookie = person.cookie(1).map(|device| (subscriber.clone(), device));
        let from = person.browser_from(Browser::Usual);
        let purpose = Purpose::SignIn;
        let attempt =
            Try { id: id.clone(), purpose, rp: 1, from, cookie, others_asked: 0 }.attempt()?;
        let entry = TotpEntry::compared(subscriber, key, (!is_mistyped).then_some(step));
        let claim = if is_mistyped { Claim::Nothing } else { Claim::Totp { key, step } };
        let then = Then::OwnProved { attempt: id, browser: Browser::Usual, manages: None };
        self.say(who, act, Command::ProveTotp(attempt, entry), claim, then)
    }

    fn machine(&mut self, who: usize, act: ActNo) -> Option<()> {
        let person = self.people.get_mut(who)?;
        let key = person.certificate?;
        let id = person.attempt(Side::Owner)?;
        let subscriber = person.id.clone();
        let from = person.browser_from(Browser::Usual);
        let purpose = Purpose::SignIn;
        let attempt = Try { id, purpose, rp: 3, from, cookie: None, others_asked: 0 }.attempt()?;
        let proof = CertificateProof::handshake_verified(subscriber, key);
        let command = Command::ProveCertificate(attempt, proof);
        self.say(who, act, command, Claim::Certificate { key }, Then::Nothing)
    }

    fn stranger_try(&mut self, ask: &StrangerAsk) -> Option<Try> {
        let other = (ask.who + 1) % self.people.len().max(1);
        let others = self.people.get(other)?;
        let of_another = others.cookie(ask.rp).map(|device| (others.id.clone(), device));
        let person = self.people.get_mut(ask.who)?;
        let country = person.home_country() + ask.countries_away;
        let from = requester(country, ask.source, "Firefox", ask.is_hosting);
        // A stolen cookie is mostly used where it counts.
        let (rp, cookie) = match (ask.cookie, person.stolen_cookie) {
            (Cookie::Stolen, Some((at, device))) => {
                let rp = if ask.source.is_multiple_of(4) { ask.rp } else { at };
                (rp, Some((person.id.clone(), device)))
            }
            (Cookie::OfAnother, _) => (ask.rp, of_another),
            (Cookie::None | Cookie::Stolen, _) => (ask.rp, None),
        };
        let others_asked = ask.others_asked;
        let id = person.attempt(Side::Stranger)?;
        Some(Try { id, purpose: ask.purpose, rp, from, cookie, others_asked })
    }

    fn stranger_asks(&mut self, act: ActNo, ask: &StrangerAsk) -> Option<()> {
        let attempt = self.stranger_try(ask)?.attempt()?;
        let [_, strangers] = &mut self.watch.tally.attempts;
        *strangers += 1;
        let (calls, cancels_after_ms) = (ask.calls, ask.cancels_after_ms);
        let then = Then::StrangerStarted { calls, cancels_after_ms };
        self.says_stranger(ask.who, act, Command::StartAttempt(attempt), Claim::Nothing, then)
    }

    fn from_afar(who: usize, source: u64) -> StrangerAsk {
        StrangerAsk {
            who,
            source,
            countries_away: 0,
            is_hosting: false,
            rp: 2,
            others_asked: 0,
            purpose: Purpose::SignIn,
            calls: false,
            cancels_after_ms: None,
            cookie: Cookie::None,
        }
    }

    fn stranger_totp(&mut self, who: usize, act: ActNo, is_phished: bool) -> Option<()> {
        let source = self.bits(act);
        let attempt = self.stranger_try(&Self::from_afar(who, source))?.attempt()?;
        let person = self.people.get_mut(who)?;
        let key = person.totp?;
        let step = person.totp_step + 1;
        if is_phished {
            person.totp_step = step;
        }
        let entry = TotpEntry::compared(person.id.clone(), key, is_phished.then_some(step));
        let claim = if is_phished { Claim::Totp { key, step } } else { Claim::Nothing };
        let command = Command::ProveTotp(attempt, entry);
        self.says_stranger(who, act, command, claim, Then::Nothing)
    }

    /// Somebody touches the owner's security key, and nobody checks who.
    fn stranger_passkey(&mut self, who: usize, act: ActNo) -> Option<()> {
        let source = self.bits(act);
        let attempt = self.stranger_try(&Self::from_afar(who, source))?.attempt()?;
        let person = self.people.get(who)?;
        let user = UserVerification::PresentOnly;
        let id = attempt.id.clone();
        let proof =
            PasskeyAssertion::ceremony_verified(person.id.clone(), person.passkey?, id, user);
        let command = Command::ProvePasskey(attempt, proof);
        self.says_stranger(who, act, command, Claim::Nothing, Then::Nothing)
    }

    fn recover(&mut self, who: usize, act: ActNo, is_right: bool) -> Option<()> {
        self.people.get(who)?.recovery?;
        let number = self.number(who);
        let code = digest(who, 300_000 + number);
        let address = AddressId::parse("mail:1").ok()?;
        let then = Then::AddressCoded { is_right, number };
        self.say(who, act, Command::IssueAddressCode { address, code }, Claim::Nothing, then)
    }

    fn guess_binding(&mut self, who: usize, act: ActNo) -> Option<()> {
        let bits = self.bits(act);
        let wrong = CodeDigest::new([bits as u8; 32]);
        let authenticator = NewAuthenticator::Phone { key: digest(who, bits) };
        let command = Command::Bind { code: wrong, authenticator, label: Text::new("theirs") };
        self.says_stranger(who, act, command, Claim::Nothing, Then::Nothing)
    }

    /// Another subscriber's phone answers, or this one's shows something else than was asked; both
    /// with the right code, as far as anybody could know it.
    fn forge_answer(&mut self, who: usize, act: ActNo, by_another: bool) -> Option<()> {
        let state = self.state(who)?;
        let shown = state.shown_at(self.now);
        let prompt = shown.map_or(PromptId(1), |context| context.prompt);
        let code = shown.and_then(|c| state.code_for(&c.attempt, self.now));
        let code = EnteredCode::parse(code.map_or("123456", |code| code.reveal()))?;
        let other = self.people.get((who + 1) % self.people.len().max(1))?;
        let person = self.people.get(who)?;
        let (signer, bytes) = if by_another {
            (other.id.clone(), shown.map(Context::canonical_bytes).unwrap_or_default())
        } else {
            (person.id.clone(), b"another context".to_vec())
        };
        if by_another && other.who == who {
            return None;
        }
        let from = person.phone_from(false);
        let answer = PhoneAnswer::signature_verified(
            signer,
            person.phone,
            prompt,
            bytes,
            from,
            Answer::Code(code),
        );
        let command = Command::AnswerPrompt(answer);
        self.says_stranger(who, act, command, Claim::Nothing, Then::Nothing)
    }

    pub fn report(&mut self, who: usize, act: ActNo, by_phone: bool) -> Option<()> {
        let reporter = if by_phone {
            Reporter::Phone(self.contact(who)?)
        } else {
            let address = AddressId::parse("mail:1").ok()?;
            Reporter::Address(AddressProof::link_verified(
                self.people.get(who)?.id.clone(),
                address,
            ))
        };
        let command = Command::Report(reporter, Notes::default());
        self.say(who, act, command, Claim::Report, Then::Nothing)
    }

    pub fn contact(&self, who: usize) -> Option<PhoneContact> {
        let person = self.people.get(who)?;
        let from = person.phone_from(false);
        Some(PhoneContact::signature_verified(person.id.clone(), person.phone, from))
    }

    fn reset(&mut self, who: usize, act: ActNo, is_wanted: bool) -> Option<()> {
        self.people.get_mut(who)?.wants_reset = is_wanted;
        let command = Command::RequestReset(operator("sam")?);
        self.say(who, act, command, Claim::Nothing, Then::ResetAsked { is_wanted })
    }

    fn clean_up(&mut self, who: usize, act: ActNo) -> Option<()> {
        let state = self.state(who)?;
        let sam = operator("sam")?;
        let is_suspended = matches!(state.push(), PushState::Suspended { .. });
        if state.incident().is_some() {
            let command = Command::CloseIncident(sam.clone());
            self.say(who, act, command, Claim::Nothing, Then::Nothing)?;
            self.say(who, act, Command::PasswordChanged, Claim::Nothing, Then::Nothing)?;
        }
        if is_suspended {
            let has_passkey = self.people.get(who)?.passkey.is_some();
            if has_passkey && self.chance(act, 0.5) {
                return self.manage(who, act, Managed::RestorePush);
            }
            let command = Command::RestorePush(Authority::Operator(sam));
            return self.say(who, act, command, Claim::Restore, Then::Nothing);
        }
        // Administrators set a document's clock right when people complain, here now and then.
        if self.watch.tally.clock_jumps > 0 && self.chance(act, 0.5) {
            let command = Command::SetClockRight(sam);
            return self.say(who, act, command, Claim::Nothing, Then::Nothing);
        }
        None
    }

    /// The answer of this owner's phone to what it shows.
    pub fn answer(
        &mut self,
        who: usize,
        act: ActNo,
        shown: &Context,
        answer: Answer,
        claim: Claim,
        then: Then,
    ) -> Option<()> {
        let is_on_own_network = self.chance(act, 0.4);
        let person = self.people.get(who)?;
        let answer = PhoneAnswer::signature_verified(
            person.id.clone(),
            person.phone,
            shown.prompt,
            shown.canonical_bytes(),
            person.phone_from(is_on_own_network),
            answer,
        );
        self.say(who, act, Command::AnswerPrompt(answer), claim, then)
    }

    pub fn code_claim(&self, who: usize, prompt: PromptId, typed: &str) -> Claim {
        // The rules are told the right code whatever was typed.
        let typed = match self.sabotage {
            Some(Sabotage::BelievesAnyCode) => "anything",
            _ => typed,
        };
        let phone = self.people.get(who).map_or(AuthenticatorId(0), |person| person.phone);
        Claim::Code { prompt, typed: typed.to_owned(), phone }
    }

    /// A request in the name of an attempt, once it has succeeded.
    pub fn authority(attempt: AttemptId) -> Authority {
        Authority::Subscriber(attempt)
    }
}
