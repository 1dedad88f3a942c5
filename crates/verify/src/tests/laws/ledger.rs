//! What was seen of a world, and the laws that hold whatever happens in it.
//!
//! The ledger knows who proved what from the steps and the answers; it never asks the rules.

use std::collections::{BTreeMap, BTreeSet};

use super::super::*;
use super::rings::Rings;
use super::step::{By, Pair, Say, Step, Voice};
use super::watched::reset_by;

#[derive(Default)]
pub struct Ledger {
    /// The last attempts that succeeded to manage authenticators and to recover.
    pub managing: Option<AttemptId>,
    pub recovering: Option<AttemptId>,
    /// The last attempt in which the account was recovered.
    pub recovered: Option<AttemptId>,
    /// With what and when the owner proved themselves to manage authenticators.
    proofs: BTreeMap<AttemptId, (AuthenticatorKind, AuthenticatorId, Timestamp)>,
    /// What was bound while something seasoned was there that signs in.
    bound_beside: BTreeSet<AuthenticatorId>,
    grants: BTreeMap<AttemptId, Timestamp>,
    /// Since when a binding code is out that was issued by right.
    binding_at: Option<Timestamp>,
    reset: Option<(ResetId, OperatorId, Timestamp)>,
    /// Which operator asked, and when, that the role is lowered.
    lowering: Option<(OperatorId, Timestamp)>,
    /// Which operator asked, and when, that something disputed answers again.
    settling: BTreeMap<AuthenticatorId, (OperatorId, Timestamp)>,
    /// Since when something answers again that was disputed.
    settled: BTreeMap<AuthenticatorId, Timestamp>,
    mailed: Vec<(AddressId, Timestamp)>,
    rings: Rings,
    /// When everything was last stopped by a report, if nobody has succeeded since.
    stopped_at: Option<Timestamp>,
    /// What happened, by name.
    pub met: BTreeSet<String>,
}

/// A step with what was before and after it.
struct Seen<'a> {
    step: Step,
    last: &'a Attempt,
    outcome: &'a Outcome,
    before: &'a World,
    after: &'a World,
    at: Timestamp,
}

impl Seen<'_> {
    fn happened(&self, is_it: impl Fn(&Happened) -> bool) -> bool {
        self.after.audit.iter().any(|entry| is_it(&entry.what))
    }

    fn is_report(&self) -> bool {
        let is_said = matches!(
            self.step,
            Step::Report(_)
                | Step::Dispute { .. }
                | Step::DisputeForOwner { .. }
                | Step::Answer { say: Say::Report, .. }
        );
        is_said && matches!(self.outcome, Outcome::Reported { .. })
    }
}

impl Ledger {
    pub fn check(
        &mut self,
        step: Step,
        last: &Attempt,
        outcome: &Outcome,
        before: &World,
        after: &World,
    ) {
        let at = after.audit.last().unwrap().at;
        let seen = Seen { step, last, outcome, before, after, at };
        self.meet(&seen);
        if matches!(step, Step::SetClockRight | Step::PutBack) {
            self.proofs.clear();
            self.grants.clear();
            (self.binding_at, self.reset, self.stopped_at) = (None, None, None);
            self.lowering = None;
            self.settling.clear();
        }
        if matches!(step, Step::SetClockRight) {
            self.settled.values_mut().for_each(|settled| *settled = at.min(*settled));
            if at < before.state.seen_at {
                self.rings.set_clock_back(at);
                self.mailed.iter_mut().for_each(|(_, mailed)| *mailed = at.min(*mailed));
            }
        }
        let was_suspended = before.state.is_suspended();
        self.rings.check(after, was_suspended);
        self.only_proofs_succeed(&seen);
        self.a_passkey_is_always_offered(&seen);
        self.what_is_bound_changes_by_right_only(&seen);
        self.addresses_and_role_change_by_right_only(&seen);
        self.a_report_stops_everything(&seen);
        self.what_was_disputed_answers_by_right_only(&seen);
        self.push_is_restored_by_right_only(&seen);
        self.what_is_marked_stays_marked(&seen);
        self.few_codes_are_mailed(&seen);
        nothing_begins_that_ends_at_once(&seen);
        if let Outcome::RoleChangePending { .. } = outcome
            && let Step::SetRole { is_sam, .. } = step
        {
            self.lowering = Some((reset_by(is_sam).operator, at));
        }
        if let Outcome::ResetPending { reset, .. } = outcome
            && let Step::RequestReset { is_sam } = step
        {
            self.reset = Some((*reset, reset_by(is_sam).operator, at));
        }
    }

    fn meet(&mut self, seen: &Seen<'_>) {
        for entry in &seen.after.audit {
            let debugged = format!("{:?}", entry.what);
            let name = debugged.split([' ', '(']).next().unwrap();
            self.met.insert(name.to_owned());
            if let Happened::PromptEnded { end, .. } = entry.what {
                self.met.insert(format!("{name} {end:?}"));
            }
            if let Happened::ChangeRefused { change, reason } = entry.what {
                self.met.insert(format!("{change:?} {reason:?}"));
            }
        }
    }

    /// Whoever has a passkey is offered it (SP 800-63B-4, 2.2.2), and nothing but the evidence refuses
    /// everything.
    fn a_passkey_is_always_offered(&self, seen: &Seen<'_>) {
        let alternatives = match seen.outcome {
            Outcome::Prompted(prompted) => &prompted.alternatives,
            Outcome::Wait { alternatives, .. } | Outcome::PasskeyOnly { alternatives, .. } => {
                alternatives
            }
            Outcome::Refused { reason } if matches!(seen.step, Step::Start(_)) => {
                assert_eq!(*reason, Reason::RiskHigh, "{:?}", seen.step);
                return;
            }
            _ => return,
        };
        let bound = seen.after.state.authenticators().iter();
        let has_one =
            bound.filter(|a| a.is_active()).any(|a| a.kind() == AuthenticatorKind::Passkey);
        assert_eq!(alternatives.passkey, has_one, "{:?}", seen.step);
    }

    fn only_proofs_succeed(&mut self, seen: &Seen<'_>) {
        if let Outcome::Recovered { .. } = seen.outcome {
            let is_right = matches!(
                seen.step,
                Step::Recover {
                    pair: Pair::SavedAndMailed | Pair::SuccessAndMailed | Pair::SavedAndSuccess,
                    is_first_right: true,
                    is_second_right: true,
                    ..
                }
            );
            assert!(is_right, "{:?} recovered", seen.step);
            assert!(seen.before.state.incident().is_none(), "recovered during an incident");
            self.grants.insert(seen.last.id.clone(), seen.at);
            self.recovered = Some(seen.last.id.clone());
        }
        let Outcome::Verified(verified) = seen.outcome else { return };
        let kind = verified.kind;
        let shown = seen.before.state.shown_at(seen.before.now);
        let accepts_phone = match seen.step {
            Step::Answer { say: Say::Right, is_shown: true, .. } => {
                shown.is_some_and(|context| context.relying_party.as_str() != "vault")
            }
            Step::Passkey { is_verified: true, .. }
            | Step::Totp { is_right: true, .. }
            | Step::Certificate(_) => seen.last.accepts == Accepts::Any,
            other => panic!("{other:?} verified"),
        };
        let is_strong = matches!(kind, AuthenticatorKind::Passkey | AuthenticatorKind::Certificate);
        let needs_strong = !accepts_phone
            || seen.before.state.role() == Role::Administrator
            || seen.before.state.is_suspended();
        assert!(is_strong || !needs_strong, "{kind:?} got in where it may not");
        let used = seen.before.state.authenticator(verified.authenticator).unwrap();
        assert!(used.is_active() && used.kind() == kind);
        if verified.attempt.as_str().starts_with('m') {
            let id = verified.authenticator;
            self.proofs.insert(verified.attempt.clone(), (kind, id, seen.at));
            self.managing = Some(verified.attempt.clone());
        } else if verified.attempt.as_str().starts_with('r') {
            self.recovering = Some(verified.attempt.clone());
        }
    }

    /// Whether somebody has the right to change what they say, as far as people and proofs go.
    fn may_change(&self, by: By, seen: &Seen<'_>) -> bool {
        let life = Span::seconds(i64::from(seen.before.policy.account.authority_seconds));
        match by {
            By::Owner => {
                let proof = self.managing.as_ref().and_then(|id| self.proofs.get(id));
                proof.is_some_and(|(kind, id, at)| {
                    let bound = seen.before.state.authenticators().iter();
                    let seasoned: Vec<_> =
                        bound.filter(|a| a.is_active() && self.is_seasoned(a, seen)).collect();
                    let strongest = seasoned.iter().map(|a| a.kind().rank()).max().unwrap_or(0);
                    let is_seasoned = seasoned.iter().any(|a| a.id() == *id);
                    let may = is_seasoned || (strongest == 0 && !self.bound_beside.contains(id));
                    seen.at < *at + life && may && kind.rank() > 0 && kind.rank() >= strongest
                })
            }
            By::Recovered => {
                let grant = self.recovered.as_ref().and_then(|id| self.grants.get(id));
                grant.is_some_and(|at| seen.at < *at + life)
            }
            By::Sam | By::Kim => true,
        }
    }

    /// An operator alone lets in only who has nothing yet; nobody does during an incident.
    fn may_let_in(&self, by: By, seen: &Seen<'_>) -> bool {
        let state = &seen.before.state;
        let has_nothing = state.authenticators().iter().all(|a| a.kind().rank() == 0);
        state.incident().is_none()
            && match by {
                By::Owner | By::Recovered => self.may_change(by, seen),
                By::Sam | By::Kim => has_nothing,
            }
    }

    fn is_seasoned(&self, authenticator: &Authenticator, seen: &Seen<'_>) -> bool {
        let probation = seen.before.policy.account.probation_hours;
        let settled_at = self.settled.get(&authenticator.id()).copied();
        let since = authenticator.bound_at().max(settled_at.unwrap_or(Timestamp::MIN));
        since + Span::hours(i64::from(probation)) <= seen.at
    }

    fn what_is_bound_changes_by_right_only(&mut self, seen: &Seen<'_>) {
        let bound = |world: &World| -> BTreeMap<_, _> {
            let bound = world.state.authenticators().iter();
            bound.map(|a| (a.id(), (a.kind(), a.label().to_owned()))).collect()
        };
        let (old, new) = (bound(seen.before), bound(seen.after));
        let added: Vec<_> = new.iter().filter(|(id, _)| !old.contains_key(id)).collect();
        let removed: Vec<_> = old.iter().filter(|(id, _)| !new.contains_key(id)).collect();
        for (id, kept) in &new {
            assert!(old.get(id).is_none_or(|was| was == kept), "{id} became another");
        }
        for was in seen.before.state.authenticators().iter().filter(|a| !a.is_active()) {
            let is_active = seen.after.state.authenticator(was.id()).is_some_and(|a| a.is_active());
            if let (true, Step::Settle { by, .. }) = (is_active, seen.step) {
                assert!(was.disabled_at().is_none() && !matches!(by, By::Recovered), "{by:?}");
                assert!(self.may_change(by, seen), "{by:?} settled a dispute");
                assert!(seen.before.state.incident().is_none(), "settled during an incident");
                continue;
            }
            assert!(!is_active, "a disabled or disputed authenticator came back");
        }
        if let Outcome::BindingCode { .. } = seen.outcome {
            let Step::Issue { by, .. } = seen.step else { panic!("{:?} issued", seen.step) };
            assert!(self.may_let_in(by, seen), "{by:?} issued a binding code");
            self.binding_at = Some(seen.at);
        }
        if !added.is_empty() {
            assert!(matches!(seen.step, Step::Bind { is_right: true }), "{:?} bound", seen.step);
            assert_eq!(added.len(), 1);
            assert!(seen.before.state.incident().is_none(), "bound during an incident");
            let life = Span::seconds(i64::from(seen.before.policy.account.binding_code_seconds));
            let issued_at = self.binding_at.take().expect("bound without a code");
            assert!(seen.at < issued_at + life, "bound with an old code");
            let mut old = seen.before.state.authenticators().iter();
            if old.any(|a| a.kind().rank() > 0 && self.is_seasoned(a, seen)) {
                self.bound_beside.extend(added.iter().map(|(id, _)| **id));
            }
        }
        if removed.is_empty() {
            return;
        }
        match seen.step {
            Step::Bind { .. } => {
                let codes = AuthenticatorKind::RecoveryCodes;
                assert!(added.iter().chain(&removed).all(|(_, (kind, _))| *kind == codes));
            }
            Step::Invalidate { by, .. } => {
                assert_eq!(removed.len(), 1);
                assert!(self.may_change(by, seen), "{by:?} untied");
                let signs_in = |kind: AuthenticatorKind| kind.rank() > 0;
                assert!(
                    !signs_in(removed[0].1.0) || new.values().any(|(kind, _)| signs_in(*kind)),
                    "the last was untied"
                );
                if matches!(by, By::Owner | By::Recovered) && signs_in(removed[0].1.0) {
                    let mut left = seen.after.state.authenticators().iter();
                    let stays =
                        |a: &Authenticator| self.is_seasoned(a, seen) || a.id() < *removed[0].0;
                    let is_able = |a: &&Authenticator| a.is_active() && signs_in(a.kind());
                    assert!(left.by_ref().filter(is_able).any(stays), "only younger ones are left");
                }
            }
            Step::PutBack => {
                let codes = AuthenticatorKind::RecoveryCodes;
                assert!(removed.iter().all(|(_, (kind, _))| *kind == codes));
            }
            Step::ConfirmReset { is_sam } => {
                assert!(new.is_empty() && seen.before.state.incident().is_none());
                let (reset, by, asked_at) = self.reset.take().expect("a reset nobody asked for");
                let delay = seen.before.policy.account.reset_delay_hours;
                let is_second = by != reset_by(is_sam).operator;
                let is_late = asked_at + Span::hours(i64::from(delay)) <= seen.at;
                assert!(is_second || is_late, "one operator alone did not wait");
                assert!(seen.happened(|what| *what == Happened::ResetDone { reset }));
            }
            other => panic!("{other:?} untied"),
        }
    }

    fn addresses_and_role_change_by_right_only(&self, seen: &Seen<'_>) {
        let (old, new) = (&seen.before.state, &seen.after.state);
        if old.addresses() != new.addresses() {
            let Step::SetAddresses { by, .. } = seen.step else { panic!("{:?}", seen.step) };
            assert!(self.may_let_in(by, seen) && !matches!(by, By::Recovered), "{by:?}");
            assert!((2..=ADDRESSES_MAX).contains(&new.addresses().len()));
        }
        if old.role() == new.role() {
            return;
        }
        let Step::SetRole { is_sam, .. } = seen.step else { panic!("{:?}", seen.step) };
        if new.role() == Role::Member {
            let (by, asked_at) = self.lowering.as_ref().expect("lowered and nobody had asked");
            let delay = Span::hours(i64::from(seen.before.policy.account.reset_delay_hours));
            let is_second = *by != reset_by(is_sam).operator;
            assert!(is_second || *asked_at + delay <= seen.at, "lowered by one operator alone");
        }
    }

    fn a_report_stops_everything(&mut self, seen: &Seen<'_>) {
        if matches!(seen.outcome, Outcome::Verified(_)) {
            self.stopped_at = None;
        }
        let is_due = match seen.step {
            Step::Report(Voice::Address | Voice::Operator) => true,
            Step::Report(Voice::ForeignAddress) => false,
            Step::Dispute { .. } | Step::DisputeForOwner { .. } => {
                seen.happened(|what| matches!(what, Happened::Disputed { .. }))
            }
            Step::Report(Voice::Phone) | Step::Answer { say: Say::Report, .. } => {
                let bound = seen.before.state.authenticators();
                let last = bound.iter().rfind(|a| a.kind() == AuthenticatorKind::Phone);
                last.is_some_and(Authenticator::is_active)
            }
            _ => return,
        };
        assert_eq!(seen.is_report(), is_due, "{:?}: {:?}", seen.step, seen.outcome);
        if !is_due {
            return;
        }
        let state = &seen.after.state;
        assert!(state.is_suspended() && state.incident().is_some());
        assert!(matches!(state.password(), PasswordMark::Burned { .. }));
        assert!(state.shown_at(seen.after.now).is_none() && state.reset().is_none());
        assert!(state.caller_check(seen.after.now).is_none());
        assert!(state.successes.is_empty() && state.recovered.is_none());
        assert!(state.binding.is_none() && state.mailed_codes.is_empty());
        let has = |is_it: fn(&Act) -> bool| seen.after.effects.iter().any(is_it);
        let is_told = has(|act| matches!(act, Act::Notify { notice: Notice::Reported, .. }));
        assert_eq!(is_told, has(|act| matches!(act, Act::EndSessions { .. })));
        if is_told {
            self.stopped_at = Some(seen.at);
            return;
        }
        // What is stopped already is not stopped again at once.
        self.met.insert("ReportedAgain".to_owned());
        let before = &seen.before.state;
        assert!(before.is_suspended() && before.incident().is_some() && before.reset().is_none());
        assert!(before.shown_at(seen.at).is_none());
        let since = self.stopped_at.map(|at| seen.at - at);
        assert!(since.is_some_and(|since| since < Span::minutes(10)), "{since:?}");
    }

    fn what_was_disputed_answers_by_right_only(&mut self, seen: &Seen<'_>) {
        if seen.is_report() {
            self.settling.clear();
        }
        for old in seen.before.state.authenticators().iter().filter(|a| !a.is_active()) {
            let id = old.id();
            let new = seen.after.state.authenticator(id);
            let is_back = new.is_some_and(|new| new.disputed_at().is_none());
            if old.disputed_at().is_none() || !is_back {
                continue;
            }
            let Step::Settle { by, .. } = seen.step else { panic!("{:?} settled", seen.step) };
            assert!(self.may_change(by, seen) && seen.before.state.incident().is_none());
            if let Some(operator) = operator_of(by) {
                let (asked_by, at) = self.settling.remove(&id).expect("nobody had asked for it");
                let delay = seen.before.policy.account.reset_delay_hours;
                let is_late = at + Span::hours(i64::from(delay)) <= seen.at;
                assert!(asked_by != operator || is_late, "one operator alone did not wait");
            }
            self.settling.remove(&id);
            self.settled.insert(id, seen.at);
        }
        if let Outcome::SettlementPending { .. } = seen.outcome
            && let Step::Settle { by, .. } = seen.step
        {
            let asked = seen.after.audit.iter().find_map(|entry| match entry.what {
                Happened::SettlementRequested { authenticator, .. } => Some(authenticator),
                _ => None,
            });
            let operator = operator_of(by).expect("an operator asks");
            self.settling.insert(asked.unwrap(), (operator, seen.at));
        }
    }

    fn push_is_restored_by_right_only(&self, seen: &Seen<'_>) {
        match (seen.before.state.push(), seen.after.state.push()) {
            (PushState::Suspended { .. }, PushState::Active) => {
                let Step::Restore(by) = seen.step else { panic!("{:?} restored", seen.step) };
                let proof = self.managing.as_ref().and_then(|id| self.proofs.get(id));
                let is_allowed = match by {
                    By::Sam | By::Kim => true,
                    By::Owner => {
                        proof.is_some_and(|(kind, ..)| *kind == AuthenticatorKind::Passkey)
                            && self.may_change(by, seen)
                    }
                    By::Recovered => false,
                };
                assert!(is_allowed, "{by:?} restored push");
            }
            (PushState::Active, PushState::Suspended { cause: IncidentCause::Reported, .. }) => {
                assert!(seen.is_report(), "{:?} suspended", seen.step);
            }
            (PushState::Active, PushState::Suspended { cause, .. }) => {
                assert_eq!(cause, IncidentCause::WrongCodes);
                assert!(matches!(seen.outcome, Outcome::Ended(PromptEnd::Mismatched)));
                assert!(seen.after.state.incident().is_some());
            }
            (old, new) => assert_eq!(old, new, "a suspension was dated anew"),
        }
    }

    fn what_is_marked_stays_marked(&self, seen: &Seen<'_>) {
        let (old, new) = (&seen.before.state, &seen.after.state);
        if old.incident().is_some() && old.incident() != new.incident() {
            assert!(new.incident().is_none() && matches!(seen.step, Step::Close));
        }
        if old.incident().is_none() && new.incident().is_some() {
            let opened = |act: &Act| matches!(act, Act::OpenIncident { .. });
            let told = |act: &Act| matches!(act, Act::Notify { .. });
            let acts = &seen.after.effects;
            assert!(acts.iter().any(opened) && acts.iter().any(told), "nobody was told");
        }
        if old.password() != PasswordMark::Unmarked && old.password() != new.password() {
            assert!(matches!(seen.step, Step::PasswordChanged));
        }
    }

    fn few_codes_are_mailed(&mut self, seen: &Seen<'_>) {
        for entry in &seen.after.audit {
            let Happened::AddressCodeIssued { address } = &entry.what else { continue };
            assert!(seen.before.state.incident().is_none());
            self.mailed.push((address.clone(), seen.at));
            let young =
                |(to, at): &&(AddressId, Timestamp)| to == address && *at > seen.at - Span::days(1);
            let young = self.mailed.iter().filter(young).count();
            assert!(young <= 10, "{young} codes in a day");
        }
    }
}

/// What began on a clock that is late would end with the next command.
fn nothing_begins_that_ends_at_once(seen: &Seen<'_>) {
    if !seen.happened(|what| matches!(what, Happened::ClockWentBack { .. })) {
        return;
    }
    let begins = seen.happened(|what| {
        matches!(
            what,
            Happened::PromptMade { .. }
                | Happened::CallerCheckStarted { .. }
                | Happened::BindingCodeIssued { .. }
                | Happened::AddressCodeIssued { .. }
                | Happened::Recovered { .. }
        )
    });
    assert!(!begins && !seen.after.rang(), "{:?} begins on a late clock", seen.step);
}

fn operator_of(by: By) -> Option<OperatorId> {
    match by {
        By::Sam => Some(reset_by(true).operator),
        By::Kim => Some(reset_by(false).operator),
        By::Owner | By::Recovered => None,
    }
}
