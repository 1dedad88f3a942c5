//! What people make of an answer, a ring, a call or a notice.

use pushback_model::Span;
use pushback_verify::{
    AddressId, AddressProof, Answer, Attempt, AttemptId, AuthenticatorKind, Authority,
    CallerAnswer, CallerCheckId, Command, EnteredCode, Notes, Outcome, Purpose, RecoveryEvidence,
    Reporter, ResetId, Text,
};

use super::ask::{Claim, Managed, Request, Then, Try};
use super::fault::ActNo;
use super::people::{Browser, Own, Side, digest, operator};
use super::world::{Event, World, saved_code};

impl World {
    /// The answer has arrived with whoever asked.
    pub fn answered(&mut self, request: &Request, outcome: &Outcome) {
        let (who, act) = (request.who, request.act);
        let _ = match &request.then {
            Then::Nothing => None,
            Then::OwnStarted { browser, rp, tries, manages } => {
                let Command::StartAttempt(attempt) = &request.command else { return };
                let id = &attempt.id;
                self.own_started(request, id, outcome, (*browser, *rp, *tries), *manages)
            }
            Then::OwnProved { attempt, browser, manages } => {
                self.own_proved(request, outcome, attempt, *browser, *manages)
            }
            Then::CodeIssued { number } => self.code_issued(who, act, outcome, *number),
            Then::PhoneBound => match outcome {
                Outcome::Bound { authenticator } => {
                    self.people.get_mut(who).map(|person| person.phone = *authenticator)
                }
                _ => None,
            },
            Then::StrangerStarted { calls, cancels_after_ms } => {
                let Command::StartAttempt(attempt) = &request.command else { return };
                self.stranger_started(request, attempt, outcome, *calls, *cancels_after_ms)
            }
            Then::AddressCoded { is_right, number } => {
                self.address_coded(who, act, outcome, *is_right, *number)
            }
            Then::RecoveryTyped { attempt, saved } => match outcome {
                Outcome::Recovered { .. } => {
                    if let Some(person) = self.people.get_mut(who) {
                        person.saved_used = Some(*saved);
                    }
                    self.issue(who, act, Authority::Recovered(attempt.clone()))
                }
                _ => None,
            },
            Then::ResetAsked { is_wanted } => self.reset_asked(who, act, outcome, *is_wanted),
            Then::ResetConfirmed => {
                if let Outcome::Done = outcome {
                    self.set_up(who);
                }
                None
            }
            Then::CallerChecked { is_real } => match outcome {
                Outcome::CallerCheck { check, .. } => self.caller(who, act, *check, *is_real),
                _ => None,
            },
        };
    }

    fn own_started(
        &mut self,
        request: &Request,
        attempt: &AttemptId,
        outcome: &Outcome,
        (browser, rp, tries): (Browser, u8, u8),
        manages: Option<Managed>,
    ) -> Option<()> {
        let (who, act) = (request.who, request.act);
        match outcome {
            Outcome::Prompted(prompted) => {
                let code = prompted.code.reveal().to_owned();
                let attempt = attempt.clone();
                self.people.get_mut(who)?.own =
                    Some(Own { attempt, code, tries, browser, rp, manages });
                let is_slow = self.chance(act, 0.04);
                let pause = if is_slow {
                    self.span_ms(act, 80_000, 200_000)
                } else {
                    self.span_ms(act, 3_000, 45_000)
                };
                self.after(pause, act, Event::TypeCode { who });
            }
            Outcome::Wait { until, .. } if tries < 3 => {
                let wait = (*until - self.now).as_millis().clamp(1_000, 600_000);
                let pause = Span::millis(wait);
                self.again(who, act, pause, (browser, rp, tries), manages)?;
            }
            Outcome::PasskeyOnly { .. } => return self.own_passkey(who, act, manages),
            _ => {}
        }
        Some(())
    }

    /// The owner tries again, with a new attempt.
    fn again(
        &mut self,
        who: usize,
        act: ActNo,
        pause: Span,
        (browser, rp, tries): (Browser, u8, u8),
        manages: Option<Managed>,
    ) -> Option<()> {
        let person = self.people.get_mut(who)?;
        person.own = None;
        let id = person.attempt(Side::Owner)?;
        let device = match browser {
            Browser::Usual => person.cookie(rp),
            Browser::Borrowed => None,
        };
        let purpose =
            if manages.is_some() { Purpose::ManageAuthenticators } else { Purpose::SignIn };
        let cookie = device.map(|device| (person.id.clone(), device));
        let from = person.browser_from(browser);
        let attempt = Try { id, purpose, rp, from, cookie, others_asked: 0 }.attempt()?;
        let request = Request {
            who,
            act,
            command: Command::StartAttempt(attempt),
            claim: device.map_or(Claim::Nothing, |device| Claim::OwnStart { device }),
            then: Then::OwnStarted { browser, rp, tries: tries + 1, manages },
            repeats: 3,
        };
        self.after(pause, act, Event::Send(Box::new(request)));
        Some(())
    }

    /// The owner looks at the phone and types what the sign-in screen shows.
    pub fn type_code(&mut self, who: usize, act: ActNo) {
        let _ = self.type_own_code(who, act);
    }

    fn type_own_code(&mut self, who: usize, act: ActNo) -> Option<()> {
        let own = self.people.get(who)?.own.clone()?;
        let state = self.state(who)?;
        let Some(shown) = state.shown_at(self.now) else {
            // Too slow, or ended: most start again.
            let again = own.tries < 3 && self.chance(act, 0.7);
            self.people.get_mut(who)?.own = None;
            let what = (own.browser, own.rp, own.tries);
            return if again {
                self.again(who, act, Span::seconds(4), what, own.manages)
            } else {
                None
            };
        };
        if shown.attempt != own.attempt {
            self.people.get_mut(who)?.own = None;
            let is_denied = self.chance(act, 0.5);
            let deny = is_denied.then_some(Answer::Deny)?;
            return self.answer(who, act, shown, deny, Claim::Nothing, Then::Nothing);
        }
        let typed = if self.chance(act, 0.03) { wrong(&own.code) } else { own.code.clone() };
        let claim = self.code_claim(who, shown.prompt, &typed);
        let attempt = own.attempt.clone();
        let then = Then::OwnProved { attempt, browser: own.browser, manages: own.manages };
        self.answer(who, act, shown, Answer::Code(EnteredCode::parse(&typed)?), claim, then)
    }

    fn own_proved(
        &mut self,
        request: &Request,
        outcome: &Outcome,
        attempt: &AttemptId,
        browser: Browser,
        manages: Option<Managed>,
    ) -> Option<()> {
        let (who, act) = (request.who, request.act);
        match outcome {
            Outcome::Verified(verified) => {
                let rp = verified.device.and_then(|device| self.known_at(who, device));
                let person = self.people.get_mut(who)?;
                person.own.take_if(|own| own.attempt == *attempt);
                if browser == Browser::Usual {
                    person.cookies.extend(rp.zip(verified.device));
                }
                match manages? {
                    Managed::NewPhone => self.issue(who, act, Self::authority(attempt.clone())),
                    Managed::RestorePush => {
                        let command = Command::RestorePush(Self::authority(attempt.clone()));
                        self.say(who, act, command, Claim::Restore, Then::Nothing)
                    }
                }
            }
            Outcome::WrongCode { .. } => {
                let pause = self.span_ms(act, 2_000, 9_000);
                self.after(pause, act, Event::TypeCode { who });
                Some(())
            }
            _ => {
                let own = self.people.get_mut(who)?.own.take_if(|own| own.attempt == *attempt)?;
                let is_over = matches!(outcome, Outcome::AlreadyOver(_));
                let again = !is_over && own.tries < 3;
                let what = (own.browser, own.rp, own.tries);
                again.then(|| self.again(who, act, Span::seconds(5), what, own.manages))?
            }
        }
    }

    fn issue(&mut self, who: usize, act: ActNo, authority: Authority) -> Option<()> {
        let number = self.number(who);
        let code = digest(who, 1_000 + number);
        let kind = AuthenticatorKind::Phone;
        let command = Command::IssueBindingCode { authority, kind, code };
        self.say(who, act, command, Claim::Nothing, Then::CodeIssued { number })
    }

    fn code_issued(
        &mut self,
        who: usize,
        act: ActNo,
        outcome: &Outcome,
        number: u64,
    ) -> Option<()> {
        let Outcome::BindingCode { .. } = outcome else { return None };
        let authenticator = self.new_authenticator(who, AuthenticatorKind::Phone);
        let code = digest(who, 1_000 + number);
        let command = Command::Bind { code, authenticator, label: Text::new("mine") };
        self.say(who, act, command, Claim::Binding, Then::PhoneBound)
    }

    fn stranger_started(
        &mut self,
        request: &Request,
        attempt: &Attempt,
        outcome: &Outcome,
        calls: bool,
        cancels_after_ms: Option<i64>,
    ) -> Option<()> {
        let (who, act) = (request.who, request.act);
        let Outcome::Prompted(prompted) = outcome else { return None };
        if calls && self.chance(act, 0.35) {
            let typed = prompted.code.reveal().to_owned();
            let pause = self.span_ms(act, 8_000, 100_000);
            self.after(pause, act, Event::TypeForCaller { who, typed });
        }
        let pause = Span::millis(cancels_after_ms?);
        let cancel = Request {
            command: Command::CancelAttempt(attempt.id.clone()),
            claim: Claim::Nothing,
            then: Then::Nothing,
            ..request.clone()
        };
        self.after(pause, act, Event::Send(Box::new(cancel)));
        Some(())
    }

    fn address_coded(
        &mut self,
        who: usize,
        act: ActNo,
        outcome: &Outcome,
        is_right: bool,
        number: u64,
    ) -> Option<()> {
        let Outcome::Done = outcome else { return None };
        // Wrong in one of three ways: a used code, a code of somebody else, or no code of mail.
        let way = if is_right { 3 } else { self.bits(act) % 3 };
        let person = self.people.get_mut(who)?;
        let id = person.attempt(if is_right { Side::Owner } else { Side::Stranger })?;
        let number_of_saved = person.saved_next;
        let saved = match way {
            // Without a used one, a code that was never given.
            0 => saved_code(who, person.saved_used.unwrap_or(999)),
            1 => saved_code(who + 1, person.saved_next),
            _ => saved_code(who, person.saved_next),
        };
        let mailed = digest(who, if way == 2 { 7 } else { 300_000 + number });
        person.saved_next += u64::from(is_right);
        let from = person.browser_from(Browser::Borrowed);
        let purpose = Purpose::Recovery;
        let attempt = Try { id: id.clone(), purpose, rp: 0, from, cookie: None, others_asked: 0 }
            .attempt()?;
        let first = RecoveryEvidence::SavedCode(saved);
        let second = RecoveryEvidence::AddressCode(mailed);
        let command = Command::Recover { attempt, first, second };
        let claim = if is_right { Claim::Recovery } else { Claim::Nothing };
        self.say(
            who,
            act,
            command,
            claim,
            Then::RecoveryTyped { attempt: id, saved: number_of_saved },
        )
    }

    fn reset_asked(
        &mut self,
        who: usize,
        act: ActNo,
        outcome: &Outcome,
        is_wanted: bool,
    ) -> Option<()> {
        let Outcome::ResetPending { reset, .. } = outcome else { return None };
        // A stranger on the phone mostly finds no second person who believes them.
        let has_second = is_wanted || self.chance(act, 0.3);
        let name = if has_second { "kim" } else { "sam" };
        let pause = self.span_ms(act, 300_000, 100_000_000);
        let request = Request {
            who,
            act,
            command: Command::ConfirmReset(operator(name)?, *reset),
            claim: Claim::Nothing,
            then: Then::ResetConfirmed,
            repeats: 3,
        };
        self.after(pause, act, Event::Send(Box::new(request)));
        Some(())
    }

    fn caller(
        &mut self,
        who: usize,
        act: ActNo,
        check: CallerCheckId,
        is_real: bool,
    ) -> Option<()> {
        let answer = if is_real { CallerAnswer::CodesMatch } else { CallerAnswer::NotThem };
        let contact = self.contact(who)?;
        let command = Command::AnswerCallerCheck(contact, check, answer);
        let (claim, then) = (Claim::Nothing, Then::Nothing);
        let pause = self.span_ms(act, 5_000, 240_000);
        let request = Request { who, act, command, claim, then, repeats: 2 };
        self.after(pause, act, Event::Send(Box::new(request)));
        Some(())
    }

    /// The phone rang and its owner looks. Rates are harsher than life: everything is to happen.
    pub fn look(&mut self, who: usize, act: ActNo) {
        let _ = self.look_at(who, act);
    }

    fn look_at(&mut self, who: usize, act: ActNo) -> Option<()> {
        let state = self.state(who)?;
        let shown = state.shown_at(self.now)?;
        let own = self.people.get(who)?.own.clone();
        if own.as_ref().is_some_and(|own| own.attempt == shown.attempt) {
            return None;
        }
        let draw = self.unit(act);
        if draw < 0.15 {
            return self.answer(who, act, shown, Answer::Deny, Claim::Nothing, Then::Nothing);
        }
        if draw < 0.18 {
            let notes = Notes { someone_called: draw < 0.165, ..Notes::default() };
            let answer = Answer::Report(notes);
            return self.answer(who, act, shown, answer, Claim::Report, Then::Nothing);
        }
        if draw < 0.22 {
            // Typed at random, or the code of another sign-in.
            let random = format!("{:06}", self.bits(act) % 1_000_000);
            let typed = own.map_or(random, |own| own.code);
            let claim = self.code_claim(who, shown.prompt, &typed);
            let answer = Answer::Code(EnteredCode::parse(&typed)?);
            return self.answer(who, act, shown, answer, claim, Then::Nothing);
        }
        None
    }

    /// Somebody on the line has read a code to the owner, who types it into whatever is shown.
    pub fn type_for_caller(&mut self, who: usize, act: ActNo, typed: &str) {
        let Some(state) = self.state(who) else { return };
        let Some(shown) = state.shown_at(self.now) else { return };
        let claim = self.code_claim(who, shown.prompt, typed);
        if let Some(code) = EnteredCode::parse(typed) {
            let _ = self.answer(who, act, shown, Answer::Code(code), claim, Then::Nothing);
        }
        // Some see through it afterwards.
        if self.chance(act, 0.3) {
            let _ = self.report(who, act, true);
        }
    }

    /// A notice says that the help desk wants to reset everything.
    pub fn told_of_reset(&mut self, who: usize, act: ActNo, reset: ResetId) {
        let wants_it = self.people.get(who).is_some_and(|person| person.wants_reset);
        if !wants_it && self.chance(act, 0.8) {
            let _ = self.cancel_reset(who, act, reset);
        }
    }

    fn cancel_reset(&mut self, who: usize, act: ActNo, reset: ResetId) -> Option<()> {
        let address = AddressId::parse("mail:2").ok()?;
        let subscriber = self.people.get(who)?.id.clone();
        let canceller = Reporter::Address(AddressProof::link_verified(subscriber, address));
        let pause = self.span_ms(act, 60_000, 20_000_000);
        let request = Request {
            who,
            act,
            command: Command::CancelReset(canceller, reset),
            claim: Claim::Nothing,
            then: Then::Nothing,
            repeats: 3,
        };
        self.after(pause, act, Event::Send(Box::new(request)));
        Some(())
    }

    /// A notice says that a stranger knows the password.
    pub fn told_of_prompt(&mut self, who: usize, act: ActNo) {
        let draw = self.unit(act);
        if draw < 0.05 {
            let _ = self.report(who, act, false);
        } else if draw < 0.2 {
            let _ = self.say(who, act, Command::PasswordChanged, Claim::Nothing, Then::Nothing);
        }
    }
}

/// A code with one digit mistyped.
fn wrong(code: &str) -> String {
    let last = code.chars().last().and_then(|c| c.to_digit(10)).unwrap_or(0);
    let head = code.get(..code.len().saturating_sub(1)).unwrap_or("");
    format!("{head}{}", (last + 1) % 10)
}
