//! Who may change what can prove the subscriber, and the changes themselves.

use crate::audit::{Actor, Change, Happened};
use crate::authenticator::{
    AUTHENTICATORS_MAX, Authenticator, AuthenticatorKind, Dispute, Method, RECOVERY_CODES_MAX,
    TOTPS_MAX,
};
use crate::code::CodeDigest;
use crate::command::Authority;
use crate::context::Purpose;
use crate::effect::{Act, Notice};
use crate::fact::NewAuthenticator;
use crate::id::{AddressId, AttemptId, AuthenticatorId, DeviceId};
use crate::outcome::{Outcome, PromptEnd, Reason};
use crate::state::{ADDRESSES_MAX, PendingBinding};
use crate::text::Text;
use crate::turn::{Scene, Turn};

impl Turn<'_> {
    /// With what the subscriber proved themselves in an attempt that may authorise a change.
    // SECURITY: a stolen session is no authority, nor is the weaker of two authenticators, nor one that
    // was bound today beside an older one (SP 800-63B-4, 4.1.2.1; ASVS 7.5.1). Guarded by
    // `only_the_strongest_seasoned_authenticator_authorises_a_change`.
    pub fn authorised_by(&self, attempt: &AttemptId) -> Result<AuthenticatorKind, Reason> {
        let success = self
            .state
            .successes
            .iter()
            .find(|s| s.attempt == *attempt && s.purpose == Purpose::ManageAuthenticators)
            .ok_or(Reason::NotAuthorised)?;
        let signs_in = |a: &Authenticator| a.is_active() && a.kind().rank() > 0;
        let able = || self.state.authenticators.iter().filter(|a| signs_in(a));
        // SECURITY: on the day of the first binding everything is new and nothing is there to protect. What
        // was bound beside something seasoned waits also when that is gone: whoever takes it out does not
        // come into its place. Guarded by `what_was_bound_beside_something_older_waits_also_without_it`.
        let all_are_new = !able().any(|a| self.is_seasoned(a));
        let may = |a: &Authenticator| self.is_seasoned(a) || (all_are_new && a.is_of_first_day);
        let used = self.state.authenticator(success.authenticator).ok_or(Reason::NotAuthorised)?;
        if !used.is_active() || !may(used) {
            return Err(Reason::NotAuthorised);
        }
        let highest = able().filter(|a| may(a)).map(|a| a.kind().rank()).max().unwrap_or(0);
        let rank = used.kind().rank();
        if rank == 0 || rank < highest { Err(Reason::WeakAuthority) } else { Ok(used.kind()) }
    }

    /// Whether there is a passkey that is surely the owner's: whoever bound one today may be a stranger.
    pub fn has_seasoned_passkey(&self) -> bool {
        let passkeys = self.state.authenticators.iter();
        let mut passkeys = passkeys.filter(|a| a.kind() == AuthenticatorKind::Passkey);
        passkeys.any(|passkey| passkey.is_active() && self.is_seasoned(passkey))
    }

    /// Whether it has been bound for so long that its owner was told and did not object.
    fn is_seasoned(&self, authenticator: &Authenticator) -> bool {
        let seasoned_at = authenticator.seasoned_at(&self.policy.account);
        seasoned_at.is_some_and(|at| at <= self.now)
    }

    pub fn authority(&self, authority: &Authority) -> Result<Actor, Reason> {
        match authority {
            Authority::Subscriber(attempt) => {
                self.authorised_by(attempt).map(|_| Actor::Subscriber)
            }
            Authority::Recovered(attempt) => {
                let grant = self.state.recovered.as_ref();
                let is_granted = grant.is_some_and(|g| g.attempt == *attempt && self.now < g.until);
                if is_granted { Ok(Actor::Subscriber) } else { Err(Reason::NotAuthorised) }
            }
            Authority::Operator(proof) => Ok(Actor::Operator(proof.operator.clone())),
        }
    }

    /// For what would let somebody in: not while an incident is open, and by an operator only for
    /// a subscriber who has nothing yet. For everybody else there is the reset.
    // SECURITY: one operator who believes a caller must not bind the caller's phone, nor send the
    // notices to the caller's address. Guarded by `one_operator_alone_lets_nobody_in`.
    fn authority_to_let_in(&self, authority: &Authority) -> Result<Actor, Reason> {
        if self.state.incident.is_some() {
            return Err(Reason::IncidentOpen);
        }
        match authority {
            Authority::Operator(_) if self.can_sign_in() => Err(Reason::NeedsAnotherPerson),
            Authority::Operator(_) | Authority::Subscriber(_) | Authority::Recovered(_) => {
                self.authority(authority)
            }
        }
    }

    /// Whether anything is bound that signs in; also if it is disabled.
    fn can_sign_in(&self) -> bool {
        self.state.authenticators.iter().any(|a| a.kind().rank() > 0)
    }

    fn is_dormant(&self) -> bool {
        let dormant_after = self.policy.account.dormant_after();
        self.state.empty_since.is_some_and(|since| self.now - since > dormant_after)
    }

    const fn addresses_needed(&self) -> usize {
        if self.policy.danger.danger_one_notice_address { 1 } else { 2 }
    }

    pub fn issue_binding_code(
        &mut self,
        authority: &Authority,
        kind: AuthenticatorKind,
        code: CodeDigest,
    ) -> Outcome {
        let by = match self.authority_to_let_in(authority) {
            Ok(by) => by,
            Err(reason) => {
                return self.refuse_change(Actor::Subscriber, Change::BindingCode, reason);
            }
        };
        // SECURITY: nobody misses an account that nobody uses, and its password may be anybody's. Guarded
        // by `a_dormant_account_is_opened_by_two_people`.
        if matches!(authority, Authority::Operator(_)) && self.is_dormant() {
            return self.refuse_change(by, Change::BindingCode, Reason::NeedsAnotherPerson);
        }
        if !self.takes(kind) {
            return self.refuse_change(by, Change::BindingCode, Reason::KindNotTaken);
        }
        if self.is_ahead() {
            return self.refuse_change(by, Change::BindingCode, Reason::ClockAhead);
        }
        if let Some(refused) = self.binds_too_often(authority, kind) {
            return refused;
        }
        let replaces = kind == AuthenticatorKind::RecoveryCodes && self.state.has_active(kind);
        if self.state.addresses.len() < self.addresses_needed() {
            return self.refuse_change(by, Change::BindingCode, Reason::NeedsTwoAddresses);
        }
        if self.state.authenticators.len() >= AUTHENTICATORS_MAX && !replaces {
            return self.refuse_change(by, Change::BindingCode, Reason::TooMany);
        }
        // SECURITY: each secret more makes a guess likelier. Guarded by
        // `two_apps_with_codes_by_time_are_the_most`.
        if kind == AuthenticatorKind::Totp && self.bound_of(kind).len() >= TOTPS_MAX {
            return self.refuse_change(by, Change::BindingCode, Reason::TooMany);
        }
        let expires_at = self.now + self.policy.account.binding_code_life();
        self.state.binding = Some(PendingBinding { kind, code, wrong_entries: 0, expires_at });
        // A recovery is good for one authenticator.
        self.state.recovered = None;
        self.note(&Scene::default(), by, Happened::BindingCodeIssued { kind });
        Outcome::BindingCode { expires_at }
    }

    pub fn bind(&mut self, code: &CodeDigest, new: NewAuthenticator, label: Text) -> Outcome {
        let refuse =
            |turn: &mut Self, reason| turn.refuse_change(Actor::Stranger, Change::Bind, reason);
        if self.state.incident.is_some() {
            return refuse(self, Reason::IncidentOpen);
        }
        let Some(pending) = self.state.binding.as_mut() else {
            return refuse(self, Reason::CodeExpired);
        };
        let kind = kind_of(&new);
        // SECURITY: a code is good for one authenticator of its kind and for few guesses. Guarded by
        // `a_binding_code_binds_once_and_survives_few_guesses`.
        if !pending.code.matches(code) || pending.kind != kind {
            pending.wrong_entries = pending.wrong_entries.saturating_add(1);
            if pending.wrong_entries >= self.policy.prompt.wrong_entries {
                self.state.binding = None;
            }
            return refuse(self, Reason::WrongProof);
        }
        if !self.takes(kind) {
            return refuse(self, Reason::KindNotTaken);
        }
        let method = match new {
            NewAuthenticator::Phone { key } => Method::Phone { key, seen: None },
            NewAuthenticator::Passkey { key, sync } => Method::Passkey { key, sync },
            // SECURITY: a code counts once, also the one that binds. Guarded by
            // `the_code_that_binds_signs_in_nobody`.
            NewAuthenticator::Totp { key, step } => Method::Totp { key, last_step: Some(step) },
            NewAuthenticator::Certificate { key } => Method::Certificate { key },
            NewAuthenticator::RecoveryCodes { codes } => {
                if codes.is_empty() || codes.len() > RECOVERY_CODES_MAX {
                    return refuse(self, Reason::TooMany);
                }
                Method::RecoveryCodes { unused: codes }
            }
        };
        self.state.binding = None;
        let mut added = Authenticator {
            id: AuthenticatorId(0),
            label,
            method,
            bound_at: self.now,
            is_of_first_day: !self.state.authenticators.iter().any(|a| self.is_seasoned(a)),
            last_used_at: None,
            failures: 0,
            stranger_failures: 0,
            disabled_at: None,
            dispute: Dispute::Never,
            dispute_round: 0,
            asks: Default::default(),
        };
        let is_bound = added.key().is_some_and(|key| {
            self.state
                .authenticators
                .iter()
                .any(|a| a.key().is_some_and(|other| other.matches(key)))
        });
        if is_bound {
            return refuse(self, Reason::AlreadyBound);
        }
        if kind == AuthenticatorKind::RecoveryCodes {
            let old: Vec<AuthenticatorId> = self.bound_of(kind);
            for id in old {
                self.remove(Actor::Subscriber, id, kind);
            }
        }
        let id = AuthenticatorId(self.state.next_serial());
        added.id = id;
        let label = added.label.clone();
        self.state.authenticators.push(added);
        self.count_addition(kind);
        if kind.rank() > 0 {
            self.state.empty_since = None;
        }
        self.note(
            &Scene::default(),
            Actor::Subscriber,
            Happened::Bound { authenticator: id, kind },
        );
        self.notify(Notice::Bound { kind, authenticator: id, label, at: Some(self.now) });
        Outcome::Bound { authenticator: id }
    }

    /// Whether the policy takes this kind. What was bound before it was turned off stays bound, so that
    /// turning it on again asks nobody to begin anew.
    pub const fn takes(&self, kind: AuthenticatorKind) -> bool {
        match kind {
            AuthenticatorKind::Totp => self.policy.account.takes_totp,
            AuthenticatorKind::Phone
            | AuthenticatorKind::Passkey
            | AuthenticatorKind::RecoveryCodes
            | AuthenticatorKind::Certificate => true,
        }
    }

    fn bound_of(&self, kind: AuthenticatorKind) -> Vec<AuthenticatorId> {
        let of_kind = self.state.authenticators.iter().filter(|a| a.kind() == kind);
        of_kind.map(Authenticator::id).collect()
    }

    pub fn invalidate(&mut self, authority: &Authority, id: AuthenticatorId) -> Outcome {
        // Allowed during an incident: not to invalidate is worse (SP 800-63B-4, 4.5).
        let by = match self.authority(authority) {
            Ok(by) => by,
            Err(reason) => {
                return self.refuse_change(Actor::Subscriber, Change::Invalidate, reason);
            }
        };
        let Some(kind) = self.state.authenticator(id).map(Authenticator::kind) else {
            return self.refuse_change(by, Change::Invalidate, Reason::NotBound);
        };
        if self.is_last(id) && kind.rank() > 0 {
            return self.refuse_change(by, Change::Invalidate, Reason::LastAuthenticator);
        }
        if let (Authority::Subscriber(_) | Authority::Recovered(_), true) =
            (authority, self.leaves_only_younger(id, kind))
        {
            return self.refuse_change(by, Change::Invalidate, Reason::OthersTooNew);
        }
        self.remove(by.clone(), id, kind);
        if self.state.phones().is_empty() {
            self.end_prompt(by, PromptEnd::Cancelled, None);
        }
        self.notify(Notice::Invalidated { kind });
        Outcome::Done
    }

    /// Whether it is the last that signs in. A disabled one counts: without any, one operator alone could
    /// bind a new one. A phone that was stolen is disputed by the help desk, and untied by a reset.
    // SECURITY: what was disputed does not stand in for what was not, nor in the first day after it was
    // settled, or one operator would leave the owner with a stranger's. Guarded by
    // `what_was_disputed_does_not_stand_in_for_the_last_one`.
    fn is_last(&self, id: AuthenticatorId) -> bool {
        let signs_in = || self.state.authenticators.iter().filter(|a| a.kind().rank() > 0);
        let is_doubtful = signs_in().any(|a| a.id() == id && self.is_doubtful(a));
        !signs_in().any(|a| a.id() != id && (is_doubtful || !self.is_doubtful(a)))
    }

    /// Whether somebody said that its owner did not bind it, and it was not settled long ago.
    fn is_doubtful(&self, authenticator: &Authenticator) -> bool {
        match authenticator.dispute {
            Dispute::Never => false,
            Dispute::Suspended { .. } => true,
            Dispute::Settled { .. } => !self.is_seasoned(authenticator),
        }
    }

    /// Whether nothing would be left that signs in and is seasoned, or at least older than this one.
    // SECURITY: whoever holds an unlocked phone for a moment could bind one of their own and untie the
    // owner's with it, long before a notice is read. Guarded by
    // `nothing_that_was_just_bound_takes_the_place_of_what_bound_it`.
    fn leaves_only_younger(&self, id: AuthenticatorId, kind: AuthenticatorKind) -> bool {
        let others = self.state.authenticators.iter().filter(|a| a.id() != id && a.is_active());
        // Ids are given in order, and a clock that was set right does not change them.
        let mut able = others.filter(|a| a.kind().rank() > 0);
        kind.rank() > 0
            && !able.any(|a| self.is_seasoned(a) || (a.id() < id && !self.is_doubtful(a)))
    }

    pub fn set_addresses(&mut self, authority: &Authority, addresses: Vec<AddressId>) -> Outcome {
        let by = match (self.authority_to_let_in(authority), authority) {
            // Whoever has just recovered the account proved less than its owner would.
            (Ok(_), Authority::Recovered(_)) => Err(Reason::WeakAuthority),
            (by, _) => by,
        };
        let by = match by {
            Ok(by) => by,
            Err(reason) => return self.refuse_change(Actor::Subscriber, Change::Addresses, reason),
        };
        let mut new: Vec<AddressId> = Vec::new();
        for address in addresses {
            if !new.contains(&address) {
                new.push(address);
            }
        }
        if new.len() < self.addresses_needed() {
            return self.refuse_change(by, Change::Addresses, Reason::NeedsTwoAddresses);
        }
        if new.len() > ADDRESSES_MAX {
            return self.refuse_change(by, Change::Addresses, Reason::TooMany);
        }
        // SECURITY: the old addresses are told too, or whoever changes them silences the owner.
        // Guarded by `old_and_new_addresses_are_told_of_a_change`.
        let mut to = self.state.addresses.clone();
        to.extend(new.iter().filter(|a| !self.state.addresses.contains(a)).cloned());
        self.state.mailed_codes.clear();
        self.state.address_codes.succeed();
        self.note(&Scene::default(), by, Happened::AddressesChanged { count: new.len() });
        self.state.addresses = new;
        self.act(Act::Notify { notice: Notice::AddressesChanged, to });
        Outcome::Done
    }

    pub fn forget_device(&mut self, authority: &Authority, device: DeviceId) -> Outcome {
        match self.authority(authority) {
            Ok(by) if self.state.devices.iter().any(|d| d.id == device) => {
                self.state.devices.retain(|d| d.id != device);
                self.note(&Scene::default(), by, Happened::DeviceForgotten { device });
                Outcome::Done
            }
            Ok(by) => self.refuse_change(by, Change::ForgetDevice, Reason::NotFound),
            Err(reason) => self.refuse_change(Actor::Subscriber, Change::ForgetDevice, reason),
        }
    }
}

const fn kind_of(new: &NewAuthenticator) -> AuthenticatorKind {
    match new {
        NewAuthenticator::Phone { .. } => AuthenticatorKind::Phone,
        NewAuthenticator::Passkey { .. } => AuthenticatorKind::Passkey,
        NewAuthenticator::RecoveryCodes { .. } => AuthenticatorKind::RecoveryCodes,
        NewAuthenticator::Totp { .. } => AuthenticatorKind::Totp,
        NewAuthenticator::Certificate { .. } => AuthenticatorKind::Certificate,
    }
}
