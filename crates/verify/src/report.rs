//! The owner reports an attack: everything stops at once, and what starts it again.

use pushback_model::{Span, Timestamp};

use crate::audit::{Actor, CallerEnd, Change, Happened};
use crate::authenticator::AuthenticatorKind;
use crate::command::{Authority, Reporter};
use crate::effect::{Act, IncidentCause, Notice};
use crate::fact::{Notes, OperatorProof};
use crate::id::IncidentId;
use crate::outcome::{Outcome, PromptEnd, Reason};
use crate::requester::Requester;
use crate::state::{LastReport, PasswordMark, PushState};
use crate::turn::{Scene, Turn};

/// Within this time a report that says nothing new stops what is stopped already.
const REPEATED_WITHIN: Span = Span::minutes(10);

impl Turn<'_> {
    /// Who speaks, if they may. A report needs one factor only (SP 800-63B-4, 4.5).
    pub fn speaker(&self, reporter: &Reporter) -> Result<Actor, Reason> {
        match reporter {
            Reporter::Phone(contact) => {
                self.phone(&contact.subscriber, contact.authenticator)?;
                Ok(Actor::Phone(contact.authenticator))
            }
            Reporter::Address(proof) => {
                if proof.subscriber != self.state.subscriber {
                    return Err(Reason::WrongSubject);
                }
                if !self.state.addresses.contains(&proof.address) {
                    return Err(Reason::NotFound);
                }
                Ok(Actor::Address(proof.address.clone()))
            }
            Reporter::Operator(proof) => Ok(Actor::Operator(proof.operator.clone())),
        }
    }

    pub fn report(&mut self, reporter: &Reporter, notes: Notes) -> Outcome {
        match self.speaker(reporter) {
            Ok(by) => {
                let phone = match reporter {
                    Reporter::Phone(contact) => Some(&contact.phone),
                    Reporter::Address(_) | Reporter::Operator(_) => None,
                };
                self.take_report(by, notes, phone)
            }
            Err(reason) => self.refuse_change(Actor::Stranger, Change::Report, reason),
        }
    }

    // SECURITY: everything below happens in one decision, so that no prompt rings and nothing is
    // bound after a report. Guarded by `a_report_stops_everything_at_once`.
    pub fn take_report(&mut self, by: Actor, notes: Notes, phone: Option<&Requester>) -> Outcome {
        if let Some(incident) = self.reported_just_now(notes) {
            let scene = phone.map(Scene::of_phone).unwrap_or_default();
            self.note(&scene, by, reported(notes));
            return Outcome::Reported { incident };
        }
        let since = self.now - self.policy.trust.report_reach();
        self.take_report_since(by, notes, phone, since)
    }

    /// The open incident, if a report has just been acted on and this one finds everything as that one left
    /// it.
    // SECURITY: whoever holds a phone can report in a loop. Each would mail every address and fill what waits
    // to leave, for everybody. Guarded by `a_report_that_says_nothing_new_sends_nothing`.
    fn reported_just_now(&self, notes: Notes) -> Option<IncidentId> {
        let state = &self.state;
        let last = state.reported?;
        let is_recent = (Span::ZERO..REPEATED_WITHIN).contains(&(self.now - last.at));
        let is_told = last.notes.and(notes) == last.notes;
        let is_stopped = state.is_suspended() && state.password != PasswordMark::Unmarked;
        let may_bind =
            state.binding.is_some() || state.recovered.is_some() || !state.mailed_codes.is_empty();
        let somebody_waits = state.open.is_some()
            || state.reset.is_some()
            || state.role_change.is_some()
            || state.caller.is_some()
            || state.authenticators.iter().any(|a| a.settlement(self.now).is_some());
        let stands = is_recent && is_told && is_stopped && !may_bind && !somebody_waits;
        state.incident.filter(|_| stands).map(|incident| incident.id)
    }

    /// The same, about everything from `since` on.
    pub fn take_report_since(
        &mut self,
        by: Actor,
        notes: Notes,
        phone: Option<&Requester>,
        since: Timestamp,
    ) -> Outcome {
        let cause = IncidentCause::Reported;
        let scene = phone.map(Scene::of_phone).unwrap_or_default();
        self.note(&scene, by.clone(), reported(notes));
        self.end_prompt(by.clone(), PromptEnd::Reported, phone);
        self.suspend_push(by.clone(), cause);
        self.burn_password(by.clone());
        self.drop_grants();
        // Nothing is bound before somebody has looked; then the owner may have much to bind anew.
        self.state.additions.clear();
        self.end_caller_check(by.clone(), CallerEnd::NotThem);
        self.stop_what_waits(&by);
        let what = Happened::SessionsEnded { since: Some(since) };
        self.note(&Scene::default(), by.clone(), what);
        self.act(Act::EndSessions { since });
        let young = self.state.devices.extract_if(.., |device| device.first_at > since);
        for device in young.collect::<Vec<_>>() {
            let what = Happened::DeviceForgotten { device: device.id };
            self.note(&Scene::default(), by.clone(), what);
        }
        // SECURITY: a stranger's network would be the owner's for half a year. Guarded by
        // `what_an_intruder_taught_is_forgotten_with_their_device`.
        self.state.habits.forget_since(since);
        let incident = self.open_incident(by, cause);
        let before = self.state.reported.map(|last| last.notes).unwrap_or_default();
        self.state.reported = Some(LastReport { at: self.now, notes: before.and(notes) });
        self.notify(Notice::Reported);
        Outcome::Reported { incident }
    }

    fn burn_password(&mut self, by: Actor) {
        match self.state.password {
            PasswordMark::Burned { .. } => {}
            PasswordMark::Unmarked => {
                self.state.password = PasswordMark::Burned { at: self.now };
                self.note(&Scene::default(), by, Happened::PasswordBurned);
                self.act(Act::BurnPassword);
            }
        }
    }

    pub fn password_changed(&mut self) -> Outcome {
        self.state.password = PasswordMark::Unmarked;
        self.note(&Scene::default(), Actor::RelyingParty, Happened::PasswordChanged);
        Outcome::Done
    }

    /// Only a passkey or the help desk: the suspension was made with the phone, so the phone cannot
    /// lift it.
    pub fn restore_push(&mut self, authority: &Authority) -> Outcome {
        let by = match authority {
            Authority::Operator(operator) => Ok(Actor::Operator(operator.operator.clone())),
            Authority::Subscriber(attempt) => match self.authorised_by(attempt) {
                Ok(AuthenticatorKind::Passkey) => Ok(Actor::Subscriber),
                Ok(
                    AuthenticatorKind::Phone
                    | AuthenticatorKind::RecoveryCodes
                    | AuthenticatorKind::Totp
                    | AuthenticatorKind::Certificate,
                ) => Err(Reason::WeakAuthority),
                Err(reason) => Err(reason),
            },
            Authority::Recovered(_) => Err(Reason::WeakAuthority),
        };
        match by {
            Ok(by) => {
                let was_suspended = self.state.is_suspended();
                self.state.push = PushState::Active;
                self.note(&Scene::default(), by, Happened::PushRestored);
                // SECURITY: what changes nothing is no news, or a right would mail as often as it is used.
                // Guarded by `prompts_that_were_on_are_not_told_to_be_on_again`.
                if was_suspended {
                    self.notify(Notice::PushRestored);
                }
                Outcome::Done
            }
            Err(reason) => self.refuse_change(Actor::Subscriber, Change::RestorePush, reason),
        }
    }

    pub fn close_incident(&mut self, operator: &OperatorProof) -> Outcome {
        let by = Actor::Operator(operator.operator.clone());
        match self.state.incident.take() {
            Some(incident) => {
                self.state.reported = None;
                let what = Happened::IncidentClosed { incident: incident.id };
                self.note(&Scene::default(), by, what);
                Outcome::Done
            }
            None => self.refuse_change(by, Change::CloseIncident, Reason::NotFound),
        }
    }
}

const fn reported(notes: Notes) -> Happened {
    let Notes { someone_called, typed_password, gave_a_code } = notes;
    Happened::Reported { someone_called, typed_password, gave_a_code }
}
