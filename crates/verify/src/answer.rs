//! The phone answers: the code, a denial, a report.

use crate::audit::{Actor, Change, Happened};
use crate::authenticator::{AuthenticatorKind, Failing, Method, Sighting};
use crate::code::EnteredCode;
use crate::effect::{IncidentCause, Notice};
use crate::fact::{Answer, PhoneAnswer, PhoneContact};
use crate::id::{AuthenticatorId, PromptId, SubscriberId};
use crate::marks::Counted;
use crate::outcome::{Assurance, Outcome, PromptEnd, Reason};
use crate::requester::{Distance, Requester};
use crate::risk::Level;
use crate::success::Proof;
use crate::turn::{Scene, Turn};

impl Turn<'_> {
    /// Whether this phone of this subscriber may speak.
    pub fn phone(&self, subscriber: &SubscriberId, id: AuthenticatorId) -> Result<(), Reason> {
        if *subscriber != self.state.subscriber {
            return Err(Reason::WrongSubject);
        }
        match self.state.authenticator(id) {
            Some(phone) if phone.kind() != AuthenticatorKind::Phone => Err(Reason::NotBound),
            Some(phone) => phone.stopped().map_or(Ok(()), Err),
            None => Err(Reason::NotBound),
        }
    }

    /// Remembers where the phone is.
    pub fn sight(&mut self, id: AuthenticatorId, phone: &Requester) {
        let from = Requester { browser: None, system: None, ..phone.clone() };
        let at = self.now;
        if let Some(authenticator) = self.state.authenticator_mut(id)
            && let Method::Phone { seen, .. } = &mut authenticator.method
        {
            *seen = Some(Sighting { at, from });
        }
    }

    pub fn open_app(&mut self, contact: &PhoneContact) -> Outcome {
        let by = Actor::Phone(contact.authenticator);
        if let Err(reason) = self.phone(&contact.subscriber, contact.authenticator) {
            return self.refuse_change(by, Change::OpenApp, reason);
        }
        self.sight(contact.authenticator, &contact.phone);
        let what = Happened::AppOpened { authenticator: contact.authenticator };
        self.note(&Scene::of_phone(&contact.phone), by, what);
        Outcome::App { waiting: self.state.open.as_ref().map(|open| open.context.prompt) }
    }

    pub fn answer_prompt(&mut self, answer: &PhoneAnswer) -> Outcome {
        if let Err(reason) = self.phone(&answer.subscriber, answer.authenticator) {
            return self.ignore(answer, reason);
        }
        self.sight(answer.authenticator, &answer.phone);
        let is_open =
            self.state.open.as_ref().is_some_and(|open| open.context.prompt == answer.prompt);
        let by = Actor::Phone(answer.authenticator);
        match &answer.answer {
            // A report is taken at any time: most people notice when it is over.
            Answer::Report(notes) => self.take_report(by, *notes, Some(&answer.phone)),
            Answer::Code(_) | Answer::Deny if !is_open => self.too_late(answer),
            // "No" needs no proof that the phone showed the right thing; "yes" does.
            Answer::Deny => {
                self.end_prompt(by, PromptEnd::Denied, Some(&answer.phone));
                Outcome::Ended(PromptEnd::Denied)
            }
            Answer::Code(entered) => self.enter_code(answer, entered),
        }
    }

    fn ignore(&mut self, answer: &PhoneAnswer, reason: Reason) -> Outcome {
        let what = Happened::AnswerIgnored { prompt: answer.prompt, reason };
        let by = Actor::Phone(answer.authenticator);
        self.note(&Scene::of_phone(&answer.phone), by, what);
        Outcome::Refused { reason }
    }

    fn too_late(&mut self, answer: &PhoneAnswer) -> Outcome {
        let outcome = self.ignore(answer, Reason::NotFound);
        self.ended_prompt(answer.prompt).map_or(outcome, Outcome::AlreadyOver)
    }

    fn ended_prompt(&self, prompt: PromptId) -> Option<PromptEnd> {
        let ended = self.state.ended.iter().rev().find(|ended| ended.prompt == Some(prompt));
        ended.map(|ended| ended.end)
    }

    fn enter_code(&mut self, answer: &PhoneAnswer, entered: &EnteredCode) -> Outcome {
        let Some(open) = self.state.open.as_ref() else { return self.too_late(answer) };
        // SECURITY: the phone signed what it showed; a code typed under another context is not for
        // this attempt. Guarded by `a_code_typed_under_another_context_is_not_taken`.
        if answer.shown != open.context.canonical_bytes() {
            return self.ignore(answer, Reason::ContextMismatch);
        }
        if !open.code.matches(entered) {
            return self.wrong_code(answer);
        }
        // The code was right. Where the phone is now can still speak against it: a caller made the
        // owner read it out, or a relay page showed it. What strangers left behind made it quiet, and says
        // nothing more.
        let requester = &open.context.requester;
        let distance = Distance::between(requester, &answer.phone);
        let (others, marks) = (open.others_asked, Counted::default());
        let risk = self.weigh_with(requester, open.trust, distance, others, marks);
        if risk.level(&self.policy.risk) >= Level::PasskeyOnly {
            let by = Actor::Phone(answer.authenticator);
            self.end_prompt(by, PromptEnd::SteppedUp, Some(&answer.phone));
            return Outcome::Ended(PromptEnd::SteppedUp);
        }
        let mut scene = Scene::of_prompt(open);
        scene.phone = Some(answer.phone.clone());
        let proof = Proof {
            attempt: open.context.attempt.clone(),
            purpose: open.context.purpose,
            relying_party: open.context.relying_party.clone(),
            trust: open.trust,
            kind: AuthenticatorKind::Phone,
            authenticator: answer.authenticator,
            assurance: Assurance::Aal2,
        };
        self.succeed(&scene, proof)
    }

    fn wrong_code(&mut self, answer: &PhoneAnswer) -> Outcome {
        let id = answer.authenticator;
        let by = Actor::Phone(id);
        let (now, stop) = (self.now, &self.policy.stop);
        let (mut failures, mut is_disabled) = (0, false);
        if let Some(phone) = self.state.authenticator_mut(id) {
            is_disabled = phone.fail(Failing::Owner, now, stop);
            failures = phone.failures();
        }
        let mut tries_left = 0;
        let mut scene = Scene::of_phone(&answer.phone);
        if let Some(open) = self.state.open.as_mut() {
            open.wrong_entries = open.wrong_entries.saturating_add(1);
            tries_left = self.policy.prompt.wrong_entries.saturating_sub(open.wrong_entries);
            scene.requester = open.context.requester.clone();
            scene.app = open.context.relying_party_name.clone();
        }
        // SECURITY: counted on the authenticator, over all prompts: a new code does not reset it
        // (SP 800-63B-4, 3.1.3.2). Guarded by `a_new_code_keeps_the_count_of_wrong_ones`.
        let suspends = failures >= u16::from(stop.suspend_push_after);
        if suspends || is_disabled {
            tries_left = 0;
        }
        let what = Happened::WrongCode { prompt: answer.prompt, authenticator: id, tries_left };
        self.note(&scene, by.clone(), what);
        if is_disabled {
            self.disabled(id, AuthenticatorKind::Phone);
        }
        if tries_left > 0 {
            return Outcome::WrongCode { tries_left };
        }
        self.end_prompt(by.clone(), PromptEnd::Mismatched, Some(&answer.phone));
        if suspends && !self.state.is_suspended() {
            self.suspend_push(by.clone(), IncidentCause::WrongCodes);
            self.open_incident(by, IncidentCause::WrongCodes);
            self.notify(Notice::PushSuspended);
        }
        Outcome::Ended(PromptEnd::Mismatched)
    }
}
