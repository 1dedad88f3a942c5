//! What happens without faults: signing up, and what help desk and administrators do by hand.

use pushback_verify::{
    AddressId, AttemptId, AuthenticatorId, AuthenticatorKind, Authority, Command, Context,
    EnteredCode, Outcome, PhoneAnswer, Purpose, Text,
};

use super::ask::{Claim, Try};
use super::laws::Law;
use super::people::{Browser, Side, digest, operator};
use super::world::World;

impl World {
    /// Two addresses and a phone, by the help desk: at the start and after a reset.
    pub fn set_up(&mut self, who: usize) {
        // By a document that is ahead of the true time no binding code is given out; the desk then calls
        // an administrator, who sets its clock right.
        let is_bound = self.bind_by_desk(who).is_some() || {
            if let Some(sam) = operator("sam") {
                let _ = self.direct(who, Command::SetClockRight(sam), Claim::Nothing);
            }
            self.bind_by_desk(who).is_some()
        };
        if !is_bound {
            self.watch.broke(Law::Survives, format!("no phone can be bound for p{who}"));
        }
    }

    fn bind_by_desk(&mut self, who: usize) -> Option<()> {
        let authority = Authority::Operator(operator("sam")?);
        if self.state(who)?.addresses().is_empty() {
            let addresses =
                ["mail:1", "mail:2"].iter().filter_map(|a| AddressId::parse(a).ok()).collect();
            let command = Command::SetAddresses { authority: authority.clone(), addresses };
            let _ = self.direct(who, command, Claim::Nothing)?;
        }
        let phone = self.bind(who, authority, AuthenticatorKind::Phone)?;
        let person = self.people.get_mut(who)?;
        person.phone = phone;
        (person.passkey, person.totp, person.certificate, person.recovery) =
            (None, None, None, None);
        person.cookies.clear();
        (person.stolen_cookie, person.own) = (None, None);
        Some(())
    }

    /// The first sign-in, with which many bind more than a phone.
    pub fn bind_more(&mut self, who: usize) {
        let Some(attempt) =
            self.sign_in_at_once(who, Browser::Usual, Purpose::ManageAuthenticators)
        else {
            self.watch.broke(Law::Survives, format!("p{who} cannot sign in on the first day"));
            return;
        };
        // The passkey comes last: from then on a phone has not the authority to bind.
        let kinds = [
            (who.is_multiple_of(3), AuthenticatorKind::Totp),
            (who % 4 != 3, AuthenticatorKind::RecoveryCodes),
            (who % 4 == 1, AuthenticatorKind::Certificate),
            (who.is_multiple_of(2), AuthenticatorKind::Passkey),
        ];
        for (_, kind) in kinds.into_iter().filter(|(has, _)| *has) {
            let bound = self.bind(who, Authority::Subscriber(attempt.clone()), kind);
            let Some(person) = self.people.get_mut(who) else { return };
            match kind {
                AuthenticatorKind::Phone => {}
                AuthenticatorKind::Passkey => person.passkey = bound,
                AuthenticatorKind::RecoveryCodes => person.recovery = bound,
                AuthenticatorKind::Totp => person.totp = bound,
                AuthenticatorKind::Certificate => person.certificate = bound,
            }
        }
    }

    /// A binding code, used at once.
    pub fn bind(
        &mut self,
        who: usize,
        authority: Authority,
        kind: AuthenticatorKind,
    ) -> Option<AuthenticatorId> {
        let code = digest(who, 1_000 + self.number(who));
        let command = Command::IssueBindingCode { authority, kind, code: code.clone() };
        let _ = self.direct(who, command, Claim::Nothing)?;
        let authenticator = self.new_authenticator(who, kind);
        let bind = Command::Bind { code, authenticator, label: Text::new("mine") };
        match self.direct(who, bind, Claim::Binding)? {
            Outcome::Bound { authenticator } => Some(authenticator),
            _ => None,
        }
    }

    /// A number that this person has not used.
    pub fn number(&mut self, who: usize) -> u64 {
        self.people.get_mut(who).map_or(0, |person| {
            person.attempts += 1;
            u64::from(person.attempts)
        })
    }

    /// The owner signs in with the right code and nothing goes wrong; `None` if that did not do.
    pub fn sign_in_at_once(
        &mut self,
        who: usize,
        browser: Browser,
        purpose: Purpose,
    ) -> Option<AttemptId> {
        let person = self.people.get_mut(who)?;
        let id = person.attempt(Side::Owner)?;
        let cookie = match browser {
            Browser::Usual => person.cookie(0),
            Browser::Borrowed => None,
        };
        let (subscriber, phone) = (person.id.clone(), person.phone);
        let (from, phone_from) = (person.browser_from(browser), person.phone_from(false));
        let claim = cookie.map_or(Claim::Nothing, |device| Claim::OwnStart { device });
        let cookie = cookie.map(|device| (subscriber.clone(), device));
        let attempt =
            Try { id: id.clone(), purpose, rp: 0, from, cookie, others_asked: 0 }.attempt()?;
        let Outcome::Prompted(prompted) =
            self.direct(who, Command::StartAttempt(attempt), claim)?
        else {
            return None;
        };
        let typed = prompted.code.reveal().to_owned();
        let shown = self.state(who)?.shown_at(self.now).map(Context::canonical_bytes)?;
        let answer = PhoneAnswer::signature_verified(
            subscriber,
            phone,
            prompted.prompt,
            shown,
            phone_from,
            pushback_verify::Answer::Code(EnteredCode::parse(&typed)?),
        );
        let claim = Claim::Code { prompt: prompted.prompt, typed, phone };
        match self.direct(who, Command::AnswerPrompt(answer), claim)? {
            Outcome::Verified(verified) => {
                if let (Browser::Usual, Some(person)) = (browser, self.people.get_mut(who)) {
                    person.cookies.extend(verified.device.map(|device| (0, device)));
                }
                Some(id)
            }
            _ => None,
        }
    }

    /// The eighth law: after the last fault everybody gets in again, by what the rules allow.
    pub fn everybody_gets_in(&mut self) {
        self.faults.are_over = true;
        for node in &mut self.nodes {
            node.offset = pushback_model::Span::ZERO;
        }
        for who in 0..self.people.len() {
            self.now = self.now + pushback_model::Span::hours(26);
            if self.watch.broken.is_some() {
                return;
            }
            if let Some(person) = self.people.get_mut(who) {
                person.is_abroad = false;
                person.own = None;
            }
            if self.sign_in_at_once(who, Browser::Usual, Purpose::SignIn).is_some() {
                continue;
            }
            self.watch.tally.mended += 1;
            if self.mend(who).is_none() && self.watch.broken.is_none() {
                let state = self.state(who);
                self.watch.broke(Law::Survives, format!("p{who} never gets in: {state:?}"));
            }
        }
    }

    /// What an administrator and the help desk can do, mildest first, until the owner is in.
    fn mend(&mut self, who: usize) -> Option<AttemptId> {
        let state = self.state(who)?;
        let sam = operator("sam")?;
        if state.wake_at().is_some() || state.shown_at(self.now).is_some() {
            let _ = self.direct(who, Command::Tick, Claim::Nothing);
        }
        let _ = self.direct(who, Command::SetClockRight(sam.clone()), Claim::Nothing);
        if let Some(id) = self.sign_in_at_once(who, Browser::Usual, Purpose::SignIn) {
            return Some(id);
        }
        if self.state(who)?.incident().is_some() {
            let _ = self.direct(who, Command::CloseIncident(sam.clone()), Claim::Nothing);
        }
        if self.watch.is_suspended(who) {
            let restore = Command::RestorePush(Authority::Operator(sam.clone()));
            let _ = self.direct(who, restore, Claim::Restore);
        }
        let _ = self.direct(who, Command::PasswordChanged, Claim::Nothing);
        // Waits and mutes end by themselves.
        self.now = self.now + pushback_model::Span::hours(2);
        if let Some(id) = self.sign_in_at_once(who, Browser::Usual, Purpose::SignIn) {
            return Some(id);
        }
        if let Some(reset) = self.state(who)?.reset().map(|reset| reset.id) {
            let cancel = pushback_verify::Reporter::Operator(sam.clone());
            let _ = self.direct(who, Command::CancelReset(cancel, reset), Claim::Nothing);
        }
        let Outcome::ResetPending { reset, .. } =
            self.direct(who, Command::RequestReset(sam), Claim::Nothing)?
        else {
            return None;
        };
        let confirm = Command::ConfirmReset(operator("kim")?, reset);
        let _ = self.direct(who, confirm, Claim::Nothing);
        self.set_up(who);
        self.sign_in_at_once(who, Browser::Usual, Purpose::SignIn)
    }
}
