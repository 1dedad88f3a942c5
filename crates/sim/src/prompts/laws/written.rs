//! The fifth law: what an outcome leaves in the audit trail.

use pushback_verify::{AuditEntry, Happened, Outcome};

/// Whether the trail says what the outcome says.
pub(super) fn outcome_is_written(outcome: &Outcome, audit: &[AuditEntry]) -> bool {
    let has = |is: &dyn Fn(&Happened) -> bool| audit.iter().any(|entry| is(&entry.what));
    match outcome {
        Outcome::Prompted(told) => has(&|what| match what {
            Happened::PromptMade { prompt, .. } => *prompt == told.prompt,
            Happened::AttemptRepeated { .. } => true,
            _ => false,
        }),
        Outcome::Wait { .. } | Outcome::PasskeyOnly { .. } => has(&|what| {
            matches!(what, Happened::AttemptHeld { .. } | Happened::ProofRefused { .. })
        }),
        Outcome::Refused { .. } => has(&|what| {
            matches!(
                what,
                Happened::AttemptHeld { .. }
                    | Happened::ProofRefused { .. }
                    | Happened::ChangeRefused { .. }
                    | Happened::AnswerIgnored { .. }
            )
        }),
        Outcome::Verified(verified) => has(
            &|what| matches!(what, Happened::Succeeded { attempt, .. } if *attempt == verified.attempt),
        ),
        Outcome::WrongCode { .. } => has(&|what| matches!(what, Happened::WrongCode { .. })),
        Outcome::Ended(told) => {
            has(&|what| matches!(what, Happened::PromptEnded { end, .. } if end == told))
        }
        Outcome::Reported { .. } => has(&|what| {
            matches!(what, Happened::Reported { .. } | Happened::CallerCheckEnded { .. })
        }),
        Outcome::Bound { authenticator: told } => has(
            &|what| matches!(what, Happened::Bound { authenticator, .. } if authenticator == told),
        ),
        Outcome::Recovered { .. } => has(&|what| matches!(what, Happened::Recovered { .. })),
        Outcome::App { .. } => has(&|what| matches!(what, Happened::AppOpened { .. })),
        Outcome::BindingCode { .. } => {
            has(&|what| matches!(what, Happened::BindingCodeIssued { .. }))
        }
        Outcome::ResetPending { .. } => {
            has(&|what| matches!(what, Happened::ResetRequested { .. }))
        }
        Outcome::RoleChangePending { .. } => {
            has(&|what| matches!(what, Happened::RoleChangeRequested { .. }))
        }
        Outcome::RefusedUntil { .. } => has(&|what| matches!(what, Happened::ChangeRefused { .. })),
        Outcome::SettlementPending { .. } => {
            has(&|what| matches!(what, Happened::SettlementRequested { .. }))
        }
        Outcome::CallerCheck { .. } => {
            has(&|what| matches!(what, Happened::CallerCheckStarted { .. }))
        }
        Outcome::CallerVerified => has(&|what| matches!(what, Happened::CallerCheckEnded { .. })),
        Outcome::AlreadyOver(_) | Outcome::Done => !audit.is_empty(),
    }
}
