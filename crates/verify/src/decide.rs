//! The one function that changes a subscriber's document.

use pushback_model::{IdentityEvent, Timestamp};

use crate::audit::AuditEntry;
use crate::code::Entropy;
use crate::command::Command;
use crate::effect::Effect;
use crate::outcome::Outcome;
use crate::policy::Policy;
use crate::state::SubscriberState;
use crate::turn::Turn;

/// What comes of a command. Commit `state`, `audit` and `effects` together, then act.
#[derive(Clone, Debug)]
#[must_use = "a decision that is not committed has not happened"]
pub struct Decision {
    /// The document to store, if the stored one is still of the revision that was handed in.
    pub state: SubscriberState,
    /// The answer.
    pub outcome: Outcome,
    /// What to do after the commit, in order. Each may run twice.
    pub effects: Vec<Effect>,
    /// What to write down. Never empty.
    pub audit: Vec<AuditEntry>,
    /// What the detection engine should read. The shell fills in the subscriber's other names.
    pub events: Vec<IdentityEvent<'static>>,
}

/// Decides. The same arguments give the same decision, on every machine.
///
/// `now` is the node's clock (better: the database's); see `clock.rs` for what happens if it goes
/// back. `entropy` are fresh random bytes, used at most once. `policy` must have no
/// [`Policy::problems`].
pub fn decide(
    state: &SubscriberState,
    command: Command,
    now: Timestamp,
    entropy: &Entropy,
    policy: &Policy,
) -> Decision {
    let mut turn = Turn::new(state, now, entropy, policy);
    if let Command::Restored { .. } = command {
        // First: what has run out meanwhile is written down under a number of its own too.
        turn.leave_numbers_out();
    }
    turn.keep_time();
    let outcome = match command {
        Command::StartAttempt(attempt) => turn.start_attempt(attempt),
        Command::CancelAttempt(attempt) => turn.cancel_attempt(&attempt),
        Command::AnswerPrompt(answer) => turn.answer_prompt(&answer),
        Command::OpenApp(contact) => turn.open_app(&contact),
        Command::ProvePasskey(attempt, assertion) => turn.prove_passkey(&attempt, &assertion),
        Command::ProveTotp(attempt, entry) => turn.prove_totp(&attempt, &entry),
        Command::ProveCertificate(attempt, proof) => turn.prove_certificate(&attempt, &proof),
        Command::Report(reporter, notes) => turn.report(&reporter, notes),
        Command::Dispute(link) => turn.dispute(&link),
        Command::DisputeForOwner(operator, id) => turn.dispute_for_owner(&operator, id),
        Command::SettleDispute { authority, authenticator } => {
            turn.settle_dispute(&authority, authenticator)
        }
        Command::RestorePush(authority) => turn.restore_push(&authority),
        Command::CloseIncident(operator) => turn.close_incident(&operator),
        Command::PasswordChanged => turn.password_changed(),
        Command::IssueBindingCode { authority, kind, code } => {
            turn.issue_binding_code(&authority, kind, code)
        }
        Command::Bind { code, authenticator, label } => turn.bind(&code, authenticator, label),
        Command::Invalidate { authority, authenticator } => {
            turn.invalidate(&authority, authenticator)
        }
        Command::SetAddresses { authority, addresses } => turn.set_addresses(&authority, addresses),
        Command::SetRole(operator, role) => turn.set_role(&operator, role),
        Command::CancelRoleChange(canceller, change) => turn.cancel_role_change(&canceller, change),
        Command::IssueAddressCode { address, code } => turn.issue_address_code(address, code),
        Command::Recover { attempt, first, second } => turn.recover(&attempt, &first, &second),
        Command::RequestReset(operator) => turn.request_reset(&operator),
        Command::ConfirmReset(operator, reset) => turn.confirm_reset(&operator, reset),
        Command::CancelReset(canceller, reset) => turn.cancel_reset(&canceller, reset),
        Command::StartCallerCheck(operator) => turn.start_caller_check(&operator),
        Command::AnswerCallerCheck(contact, check, answer) => {
            turn.answer_caller_check(&contact, check, answer)
        }
        Command::ForgetDevice(authority, device) => turn.forget_device(&authority, device),
        Command::SetClockRight(operator) => turn.set_clock_right(&operator),
        Command::Restored { operator, totp_step } => turn.restored(&operator, totp_step),
        Command::Tick => turn.tick(),
    };
    turn.finish(outcome)
}
