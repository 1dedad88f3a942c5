//! The rules of the prompt service: whether a phone may ring, whether it was its owner, and who may
//! change what proves them.
//!
//! One document a subscriber ([`SubscriberState`]), changed by one function ([`decide()`]). The crate is
//! told everything: the time, random bytes, and facts that the shell has checked ([`PhoneAnswer`],
//! [`PasskeyAssertion`], ...). It never asks a clock, rolls dice, hashes, signs or touches the world.
//!
//! It promises:
//!
//! - nothing succeeds without the right match code, a passkey, a time-based code or a certificate;
//! - phones ring within the budget, whatever the number of sources, relying parties and ways in;
//! - a prompt ends in exactly one way, and every outcome is written down;
//! - strangers never change what a known device may do;
//! - a report stops everything at once.
//!
//! It will never approve a bare "yes": no command can say it.

mod account;
mod additions;
mod address_codes;
mod answer;
mod attempt;
mod audit;
mod authenticator;
mod budget;
mod caller;
mod clock;
mod code;
mod command;
mod context;
mod decide;
mod dispute;
mod effect;
mod fact;
mod habits;
mod id;
mod marks;
mod outcome;
mod password;
mod policy;
mod prove;
mod recovery;
mod report;
mod requester;
mod restored;
mod risk;
mod role;
mod state;
mod success;
#[cfg(test)]
mod tests;
mod text;
mod throttle;
mod turn;
mod two_people;
mod waiting;

pub use audit::{Actor, AuditEntry, CallerEnd, Change, Happened, Held};
pub use authenticator::{
    AUTHENTICATORS_MAX, Authenticator, AuthenticatorKind, PasskeySync, PendingSettlement,
    RECOVERY_CODES_MAX, TOTPS_MAX,
};
pub use budget::PromptBudget;
pub use code::{
    AddressCode, BindingCode, BindingLink, CallerCode, CodeDigest, EnteredCode, Entropy, MatchCode,
    RecoveryCode,
};
pub use command::{
    Accepts, Attempt, Authority, CallerAnswer, Canceller, Command, RecoveryEvidence, Reporter, Role,
};
pub use context::{Context, FirstTime, Line, Purpose, WE_NEVER_CALL};
pub use decide::{Decision, decide};
pub use effect::{Act, Disputable, Effect, EffectKey, IncidentCause, Notice, RingFor, Stoppable};
pub use fact::{
    AddressProof, Answer, CertificateProof, DisputeLink, KnownDeviceProof, NewAuthenticator, Notes,
    OperatorProof, Own, PasskeyAssertion, PhoneAnswer, PhoneContact, TotpEntry, UserVerification,
};
pub use id::{
    AddressId, AttemptId, AuthenticatorId, CallerCheckId, DeviceId, ID_BYTES_MAX, IdError,
    IncidentId, OperatorId, PromptId, RelyingPartyId, ResetId, RoleChangeId, SubscriberId,
};
pub use outcome::{Alternatives, Assurance, Outcome, PromptEnd, Prompted, Reason, Ring, Verified};
pub use password::{Exposure, PasswordHash, RANGE_BYTES_MAX, RangeError, exposure};
pub use policy::{
    AccountPolicy, BudgetPolicy, DangerPolicy, Policy, Problem, PromptPolicy, RiskPolicy,
    StopPolicy, ThrottlePolicy, TrustPolicy,
};
pub use requester::{Distance, Network, Place, Point, Requester};
pub use risk::{Observation, Risk, Term};
pub use state::{
    ADDRESSES_MAX, AttemptStatus, CallerCheck, Incident, KnownDevice, PasswordMark, PendingReset,
    PendingRoleChange, PushState, SCHEMA, STATE_BYTES_MAX, StateError, SubscriberState, Wake,
};
pub use text::{TEXT_BYTES_MAX, Text};
pub use throttle::Throttle;
pub use waiting::Waiting;
