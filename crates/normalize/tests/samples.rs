//! Reads records of real products, where a folder of them lies beside the workspace, and compares
//! with what its `MANIFEST.tsv` states. Without the folder there is nothing to compare.

use std::path::{Path, PathBuf};

use pushback_model::EventKind::{self as K, *};
use pushback_normalize::{Hint, Read, Reader};

fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/samples");
    folder.is_dir().then_some(folder)
}

/// The kinds of the events in each line. A record without a time gets one: some origins cut it off.
fn kinds(path: &Path) -> Vec<Vec<K>> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    assert!(!text.is_empty(), "{} cannot be read", path.display());
    let reader = Reader::default();
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            let mut line = line.to_owned();
            if line.contains("\"event_type\"") && !line.contains("timestamp") {
                line = line.replacen('{', "{\"timestamp\":1769851800,", 1);
            }
            if line.contains("\"eventType\"") && !line.contains("\"published\"") {
                line = line.replacen('{', "{\"published\":\"2026-01-31T09:30:00Z\",", 1);
            }
            let mut kinds = Vec::new();
            let read =
                reader.read(line.as_bytes(), &mut Hint::default(), &mut |e| kinds.push(e.kind));
            assert!(!matches!(read, Ok(Read::Unknown(..))), "{}: {read:?}", path.display());
            read.unwrap_or_else(|reject| panic!("{}: {reject}\n{line}", path.display()));
            kinds
        })
        .collect()
}

#[test]
fn samples_mean_what_their_manifest_states() {
    let Some(folder) = folder() else { return };
    let one = |kind: K| vec![kind];
    let expected: &[(&str, Vec<Vec<K>>)] = &[
        ("okta/admin-role-assigned.jsonl", vec![one(RoleAssigned), one(RoleAssigned)]),
        ("okta/api-token-created.jsonl", vec![one(TokenCreated)]),
        ("okta/fastpass-declined-phishing.jsonl", vec![one(PhishingBlocked)]),
        ("okta/idp-created.jsonl", vec![one(PolicyChanged)]),
        ("okta/mfa-disabled-by-user.jsonl", vec![one(FactorRemoved)]),
        ("okta/mfa-factor-suspend.jsonl", vec![one(FactorRemoved)]),
        ("okta/mfa-invalid-credentials.jsonl", vec![one(FactorFailed)]),
        ("okta/mfa-reset-all-by-admin.jsonl", vec![one(FactorReset)]),
        ("okta/mfa-updated-by-user.jsonl", vec![one(FactorUpdated)]),
        ("okta/number-challenge-failure.jsonl", vec![one(PromptMismatched)]),
        ("okta/org-mfa-factor-disabled.jsonl", vec![one(PolicyChanged)]),
        (
            "okta/rate-limit-violation.jsonl",
            vec![vec![], one(RateLimited), one(RateLimited), one(RateLimited)],
        ),
        (
            "okta/session-from-anonymising-proxy.jsonl",
            vec![one(PhishingBlocked), one(PhishingBlocked)],
        ),
        ("okta/session-start-success-and-fail.jsonl", vec![one(SessionStarted), one(SignInFailed)]),
        ("okta/support-reset-password.jsonl", vec![one(PasswordReset), one(PasswordReset)]),
        ("okta/threat-insight.jsonl", vec![one(RiskDetected), one(RiskDetected)]),
        ("okta/token-reuse.jsonl", vec![one(SessionReused)]),
        ("okta/user-reported-suspicious.jsonl", vec![one(PromptReported)]),
        ("duo/activity-v2.jsonl", vec![vec![], one(RoleAssigned)]),
        ("duo/admin-created.jsonl", vec![one(RoleAssigned), one(SessionStarted)]),
        ("duo/admin-marked-push-fraudulent.jsonl", vec![one(PromptReported), vec![]]),
        ("duo/anomalous-push-denied.jsonl", vec![one(PromptAnomalous)]),
        ("duo/authentication-adaptive-trust.jsonl", vec![one(PromptApproved), one(PromptDenied)]),
        ("duo/bypass-code-created-viewed.jsonl", vec![one(BypassGranted)]),
        ("duo/bypass-user-success.jsonl", vec![one(Bypassed)]),
        ("duo/endpoint-policy-denials.jsonl", vec![one(PolicyRefused); 5]),
        ("duo/enrollment-events.jsonl", vec![one(FactorEnrolled), one(FactorEnrolled)]),
        ("duo/policy-update.jsonl", vec![one(PolicyChanged)]),
        ("duo/push-approved.jsonl", vec![one(PromptApproved)]),
        ("duo/push-marked-fraud.jsonl", vec![one(PromptReported)]),
        ("duo/trust-monitor-bypass-status.jsonl", vec![one(BypassGranted)]),
        (
            "duo/user-status-bypass.jsonl",
            vec![vec![], one(AccountDisabled), one(BypassGranted), vec![]],
        ),
        ("entra/auth-methods-policy-update.jsonl", vec![one(PolicyChanged), one(PolicyChanged)]),
        ("entra/ca-policy-mfa-removed.jsonl", vec![one(PolicyChanged), one(PolicyChanged)]),
        ("entra/graph-session-multi-ip.jsonl", vec![one(SessionStarted), one(SessionUsed)]),
        ("entra/role-assigned-pim.jsonl", vec![one(RoleAssigned), one(RoleAssigned)]),
        ("entra/signin-failed-success.jsonl", vec![vec![], vec![]]),
    ];
    let mut wrong = Vec::new();
    for (name, expected) in expected {
        let found = kinds(&folder.join(name));
        if found != *expected {
            wrong.push(format!("{name}: {found:?} instead of {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let lockout = kinds(&folder.join("entra/account-lockout-50053.jsonl"));
    assert_eq!(lockout.first(), Some(&one(LockedOut)));
}

#[test]
fn every_sample_of_these_vendors_is_read() {
    let Some(folder) = folder() else { return };
    for vendor in ["okta", "duo", "entra"] {
        for entry in std::fs::read_dir(folder.join(vendor)).unwrap() {
            _ = kinds(&entry.unwrap().path());
        }
    }
}
