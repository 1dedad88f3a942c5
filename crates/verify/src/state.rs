//! The document of one subscriber: everything the rules remember about them.

mod known;
mod pending;

use pushback_model::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

use crate::additions::Addition;
use crate::address_codes::AddressCodes;
use crate::authenticator::{Authenticator, AuthenticatorKind};
use crate::budget::PromptBudget;
use crate::code::{CodeDigest, MatchCode};
use crate::command::Role;
use crate::context::{Context, Purpose};
use crate::effect::{IncidentCause, RingFor};
use crate::fact::Notes;
use crate::habits::Habits;
use crate::id::{AddressId, AttemptId, AuthenticatorId, IncidentId, PromptId, SubscriberId};
use crate::marks::Marks;
use crate::outcome::PromptEnd;
use crate::throttle::Throttle;

pub use self::known::KnownDevice;
pub(crate) use self::known::Trust;
pub use self::pending::{CallerCheck, PendingReset, PendingRoleChange};
pub(crate) use self::pending::{
    OpenPrompt, PendingAddressCode, PendingBinding, RESET_CONFIRMABLE, RecoveryGrant, Rung,
};

/// The layout of the document that this release writes. It reads every earlier one.
pub const SCHEMA: u32 = 1;

/// The longest a document gets as JSON, in bytes: 48 KiB. Everything in it is bounded, and a
/// document with every list full stays below (`a_document_with_every_list_full_stays_below_its_bound`);
/// a typical one has 2 to 3 KiB.
pub const STATE_BYTES_MAX: usize = 48 * 1_024;

/// Bounds of the lists; what is oldest makes room, except where a refusal is said.
pub(crate) const ENDED_MAX: usize = 32;
pub(crate) const SUCCESSES_MAX: usize = 4;
pub(crate) const DEVICES_MAX: usize = 16;
/// Notice addresses; more are refused.
pub const ADDRESSES_MAX: usize = 4;

/// Everything the rules remember about one subscriber. One row; changed only by [`crate::decide()`].
///
/// It holds the open match code: the store seals it at rest. It has no `PartialEq` for that reason.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SubscriberState {
    pub(crate) schema: u32,
    pub(crate) subscriber: SubscriberId,
    /// Counts decisions; part of every key, so that keys are stable and never come twice.
    pub(crate) revision: u64,
    /// The latest instant that any node has told. Time never goes back behind it.
    pub(crate) seen_at: Timestamp,
    #[serde(default)]
    pub(crate) role: Role,
    #[serde(default)]
    pub(crate) addresses: Vec<AddressId>,
    #[serde(default)]
    pub(crate) authenticators: Vec<Authenticator>,
    /// The last serial that was given to anything.
    pub(crate) serial: u64,
    #[serde(default)]
    pub(crate) open: Option<OpenPrompt>,
    #[serde(default)]
    pub(crate) ended: Vec<EndedAttempt>,
    #[serde(default)]
    pub(crate) budget: PromptBudget,
    /// Prompts without an answer and denials since the last success.
    #[serde(default, skip_serializing_if = "Marks::is_empty")]
    pub(crate) marks: Marks,
    /// The bucket that all strangers share.
    #[serde(default)]
    pub(crate) strangers: Throttle,
    #[serde(default)]
    pub(crate) muted_until: Option<Timestamp>,
    #[serde(default)]
    pub(crate) devices: Vec<KnownDevice>,
    #[serde(default)]
    pub(crate) push: PushState,
    #[serde(default)]
    pub(crate) password: PasswordMark,
    #[serde(default)]
    pub(crate) incident: Option<Incident>,
    /// The last report that was acted on, if nothing has succeeded since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reported: Option<LastReport>,
    #[serde(default)]
    pub(crate) binding: Option<PendingBinding>,
    /// One an address. Once there was one for all.
    #[serde(default, rename = "address_code", deserialize_with = "pending::one_or_many")]
    pub(crate) mailed_codes: Vec<PendingAddressCode>,
    #[serde(default)]
    pub(crate) address_codes: AddressCodes,
    #[serde(default)]
    pub(crate) recovered: Option<RecoveryGrant>,
    #[serde(default)]
    pub(crate) reset: Option<PendingReset>,
    #[serde(default)]
    pub(crate) caller: Option<CallerCheck>,
    #[serde(default)]
    pub(crate) successes: Vec<Success>,
    #[serde(default)]
    pub(crate) habits: Habits,
    /// When the subscriber was last told of an unexpected prompt.
    #[serde(default)]
    pub(crate) noticed_at: Option<Timestamp>,
    /// Since when nothing that signs in is bound. `None` while something is, and in documents from
    /// before this was written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) empty_since: Option<Timestamp>,
    /// What was bound in the last day; what is older than that was not written down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) additions: Vec<Addition>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) role_change: Option<PendingRoleChange>,
    /// When the owner last stopped what the help desk had asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) objected_at: Option<Timestamp>,
    /// The revision that came of putting the document back from a copy, so that to do it twice in a row
    /// tells nobody twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) restored: Option<u64>,
}

/// An attempt that had a prompt or succeeded, and how that ended.
///
/// Written as a list of its members, since a document holds 32 of these and should fit in one page of
/// a database; read also as the object that it once was.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct EndedAttempt {
    pub attempt: AttemptId,
    #[serde(default)]
    pub prompt: Option<PromptId>,
    pub end: PromptEnd,
}

impl Serialize for EndedAttempt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.attempt, self.prompt, self.end).serialize(serializer)
    }
}

/// Whether phones may be asked at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PushState {
    /// They may.
    #[default]
    Active,
    /// They may not, until a passkey or the help desk restores it.
    Suspended {
        /// Since when.
        at: Timestamp,
        /// Why.
        cause: IncidentCause,
    },
}

/// Whether the password is known to a stranger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PasswordMark {
    /// Nothing is known against it.
    #[default]
    Unmarked,
    /// It is, and must be changed.
    Burned {
        /// Since when.
        at: Timestamp,
    },
}

/// A report, and what its owner has said with it and with those that said nothing new.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastReport {
    pub at: Timestamp,
    pub notes: Notes,
}

/// The open incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Its id.
    pub id: IncidentId,
    /// Since when.
    pub opened_at: Timestamp,
    /// Why.
    pub cause: IncidentCause,
}

/// A success that may still authorise a change. Written and read as [`EndedAttempt`] is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Success {
    pub attempt: AttemptId,
    pub purpose: Purpose,
    pub kind: AuthenticatorKind,
    pub authenticator: AuthenticatorId,
    pub at: Timestamp,
}

impl Serialize for Success {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { attempt, purpose, kind, authenticator, at } = self;
        (attempt, purpose, kind, authenticator, at).serialize(serializer)
    }
}

/// Why a document cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It is longer than [`STATE_BYTES_MAX`].
    #[error("the document has {bytes} bytes but at most {STATE_BYTES_MAX} are read or written")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// A later release wrote it.
    #[error("the document has layout {schema} but this release knows layouts up to {SCHEMA}")]
    Newer {
        /// Its layout.
        schema: u32,
    },
    /// It is not such a document.
    #[error("the document cannot be read")]
    Unreadable(#[from] serde_json::Error),
}

/// What can be told about an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptStatus {
    /// Its prompt is open.
    Open {
        /// Which.
        prompt: PromptId,
        /// From then on it is over.
        expires_at: Timestamp,
    },
    /// It is over.
    Over(PromptEnd),
    /// It never had a prompt, or that is too long ago.
    Unknown,
}

/// Why to come back at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wake {
    /// A prompt expires.
    PromptExpires,
    /// A caller check expires.
    CallerCheckExpires,
    /// A reset can no longer be confirmed.
    ResetExpires,
}

impl SubscriberState {
    /// The document of somebody new: no authenticators, no habits.
    #[must_use]
    pub fn new(subscriber: SubscriberId, role: Role, now: Timestamp) -> Self {
        Self {
            schema: SCHEMA,
            subscriber,
            revision: 0,
            seen_at: now,
            role,
            addresses: Vec::new(),
            authenticators: Vec::new(),
            serial: 0,
            open: None,
            ended: Vec::new(),
            budget: PromptBudget::default(),
            marks: Marks::default(),
            strangers: Throttle::default(),
            muted_until: None,
            devices: Vec::new(),
            push: PushState::Active,
            password: PasswordMark::Unmarked,
            incident: None,
            reported: None,
            binding: None,
            mailed_codes: Vec::new(),
            address_codes: AddressCodes::default(),
            recovered: None,
            reset: None,
            caller: None,
            successes: Vec::new(),
            habits: Habits::default(),
            noticed_at: None,
            empty_since: Some(now),
            additions: Vec::new(),
            role_change: None,
            objected_at: None,
            restored: None,
        }
    }

    /// Reads a document that this or an earlier release wrote.
    ///
    /// # Errors
    /// [`StateError`] if it is too long, from a later release, or not such a document. The
    /// subscriber is then not verified by anything.
    pub fn from_json(json: &str) -> Result<Self, StateError> {
        #[derive(Deserialize)]
        struct Layout {
            schema: u32,
        }
        if json.len() > STATE_BYTES_MAX {
            return Err(StateError::TooLong { bytes: json.len() });
        }
        // The layout is asked for apart only if reading fails: reading twice costs half as much again.
        let read = serde_json::from_str::<Self>(json);
        let layout = match &read {
            Ok(state) => state.schema,
            Err(_) => serde_json::from_str::<Layout>(json)?.schema,
        };
        if layout > SCHEMA {
            return Err(StateError::Newer { schema: layout });
        }
        let mut state = read?;
        state.schema = SCHEMA;
        Ok(state)
    }

    /// Writes the document. The store seals it: it may hold an open match code.
    ///
    /// # Errors
    /// [`StateError::TooLong`] if a bound of this crate failed; the decision must not be committed.
    pub fn to_json(&self) -> Result<String, StateError> {
        let json = serde_json::to_string(self)?;
        if json.len() > STATE_BYTES_MAX {
            return Err(StateError::TooLong { bytes: json.len() });
        }
        Ok(json)
    }

    /// Whose document it is.
    #[must_use]
    pub const fn subscriber(&self) -> &SubscriberId {
        &self.subscriber
    }

    /// How many decisions made it what it is: what a store compares before it sets.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// The role.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The notice addresses.
    #[must_use]
    pub fn addresses(&self) -> &[AddressId] {
        &self.addresses
    }

    /// What is bound, disabled ones included.
    #[must_use]
    pub fn authenticators(&self) -> &[Authenticator] {
        &self.authenticators
    }

    /// The known devices.
    #[must_use]
    pub fn devices(&self) -> &[KnownDevice] {
        &self.devices
    }

    /// Whether a ring still has something to tell at `now`: what it was made for is open, or the prompt that
    /// took its place without a ring of its own.
    #[must_use]
    pub fn awaits(&self, ring: RingFor, now: Timestamp) -> bool {
        let now = now.max(self.seen_at);
        match ring {
            RingFor::Prompt(prompt) => self.open.as_ref().is_some_and(|open| {
                let rang_for = open.rung.and_then(|rung| rung.prompt);
                let is_its = open.context.prompt == prompt || rang_for == Some(prompt);
                is_its && now < open.expires_at
            }),
            RingFor::CallerCheck(check) => {
                self.caller_check(now).is_some_and(|open| open.id == check)
            }
        }
    }

    /// What the phone shows at `now`, if a prompt is open: everything but the code.
    #[must_use]
    pub fn shown_at(&self, now: Timestamp) -> Option<&Context> {
        let now = now.max(self.seen_at);
        self.open.as_ref().filter(|open| now < open.expires_at).map(|open| &open.context)
    }

    /// The code of this attempt at `now`, for its own sign-in screen.
    #[must_use]
    pub fn code_for(&self, attempt: &AttemptId, now: Timestamp) -> Option<&MatchCode> {
        let now = now.max(self.seen_at);
        let open = self.open.as_ref().filter(|open| now < open.expires_at)?;
        (open.context.attempt == *attempt).then_some(&open.code)
    }

    /// Where an attempt stands at `now`.
    #[must_use]
    pub fn attempt(&self, attempt: &AttemptId, now: Timestamp) -> AttemptStatus {
        let now = now.max(self.seen_at);
        match &self.open {
            Some(open) if open.context.attempt == *attempt => {
                if now < open.expires_at {
                    let (prompt, expires_at) = (open.context.prompt, open.expires_at);
                    return AttemptStatus::Open { prompt, expires_at };
                }
                AttemptStatus::Over(PromptEnd::Expired)
            }
            Some(_) | None => {
                self.ended_attempt(attempt).map_or(AttemptStatus::Unknown, AttemptStatus::Over)
            }
        }
    }

    /// Whether phones may be asked.
    #[must_use]
    pub const fn push(&self) -> PushState {
        self.push
    }

    /// Whether the password is known to a stranger.
    #[must_use]
    pub const fn password(&self) -> PasswordMark {
        self.password
    }

    /// The open incident.
    #[must_use]
    pub const fn incident(&self) -> Option<Incident> {
        self.incident
    }

    /// Whether a binding code is out, and it is another one: this one was replaced, and presenting it is
    /// no guess.
    #[must_use]
    pub fn awaits_another_code(&self, code: &CodeDigest) -> bool {
        self.binding.as_ref().is_some_and(|pending| !pending.code.matches(code))
    }

    /// The pending reset.
    #[must_use]
    pub const fn reset(&self) -> Option<&PendingReset> {
        self.reset.as_ref()
    }

    /// The change of the role that waits at `now`.
    #[must_use]
    pub fn role_change(&self, now: Timestamp) -> Option<&PendingRoleChange> {
        self.role_change.as_ref().filter(|pending| now < pending.expires_at)
    }

    /// The open caller check at `now`, for the phone and the console.
    #[must_use]
    pub fn caller_check(&self, now: Timestamp) -> Option<&CallerCheck> {
        let now = now.max(self.seen_at);
        self.caller.as_ref().filter(|check| now < check.expires_at)
    }

    /// Rings without an answer.
    #[must_use]
    pub const fn budget(&self) -> &PromptBudget {
        &self.budget
    }

    /// When to send [`crate::Command::Tick`], and why; `None` if nothing waits.
    #[must_use]
    pub fn wake_at(&self) -> Option<(Timestamp, Wake)> {
        let prompt = self.open.as_ref().map(|open| (open.expires_at, Wake::PromptExpires));
        let caller = self.caller.as_ref().map(|c| (c.expires_at, Wake::CallerCheckExpires));
        let reset = self.reset.as_ref().map(|reset| (reset.expires_at, Wake::ResetExpires));
        [prompt, caller, reset].into_iter().flatten().min()
    }

    pub(crate) fn ended_attempt(&self, attempt: &AttemptId) -> Option<PromptEnd> {
        self.ended.iter().rev().find(|ended| ended.attempt == *attempt).map(|ended| ended.end)
    }

    pub(crate) fn authenticator(&self, id: AuthenticatorId) -> Option<&Authenticator> {
        self.authenticators.iter().find(|a| a.id == id)
    }

    pub(crate) fn authenticator_mut(&mut self, id: AuthenticatorId) -> Option<&mut Authenticator> {
        self.authenticators.iter_mut().find(|a| a.id == id)
    }

    pub(crate) fn has_active(&self, kind: AuthenticatorKind) -> bool {
        self.authenticators.iter().any(|a| a.is_active() && a.kind() == kind)
    }

    /// The phones that can be asked.
    pub(crate) fn phones(&self) -> Vec<AuthenticatorId> {
        let phones = self.authenticators.iter().filter(|a| a.is_active());
        phones.filter(|a| a.kind() == AuthenticatorKind::Phone).map(Authenticator::id).collect()
    }

    pub(crate) const fn is_suspended(&self) -> bool {
        matches!(self.push, PushState::Suspended { .. })
    }

    pub(crate) const fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }
}

/// Adds to a list that keeps its latest `max`.
pub(crate) fn push_bounded<T>(list: &mut Vec<T>, item: T, max: usize) {
    list.push(item);
    let surplus = list.len().saturating_sub(max);
    list.drain(..surplus);
}
