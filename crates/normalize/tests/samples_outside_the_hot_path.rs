//! Real-format samples of the vendors outside the hot path, where that folder exists.

use std::collections::BTreeSet;
use std::path::PathBuf;

use pushback_model::EventKind::{self, *};
use pushback_normalize::ocsf::to_ocsf;
use pushback_normalize::{Hint, Mapping, Read, Reader};

fn samples() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/samples");
    folder.join("MANIFEST.tsv").exists().then_some(folder)
}

/// What each file shows, a line a list; as its manifest says.
fn expected(file: &str) -> Option<Vec<Vec<EventKind>>> {
    let one = |kinds: &[EventKind]| kinds.iter().map(|kind| vec![*kind]).collect();
    Some(match file {
        "auth0/datadog-log-stream.jsonl" => vec![
            vec![FactorFailed],
            vec![],
            vec![AccountCreated],
            vec![SessionStarted],
            vec![SessionRevoked],
        ],
        "auth0/docs-adaptive-mfa-risk.jsonl" => {
            one(&[SessionStarted, SessionStarted, SessionStarted, SessionStarted, FactorVerified])
        }
        "auth0/limit-wc-blocked.jsonl" => one(&[LockedOut]),
        "auth0/mfa-factor-setting.jsonl" => one(&[PolicyChanged, PolicyChanged]),
        "auth0/push-sent-panther.jsonl" => one(&[PromptSent]),
        "auth0/refresh-token-reuse.jsonl" => one(&[SessionReused]),
        "auth0/risk-assessment-disabled.jsonl" => one(&[PolicyChanged]),
        "auth0/role-created.jsonl" => one(&[PolicyChanged, PolicyChanged]),
        "auth0/same-phone-enrolled.jsonl" => one(&[FactorEnrolled; 3]),
        "aws/console-login-without-mfa.jsonl" => one(&[
            SessionStarted,
            SessionStarted,
            SessionStarted,
            SessionStarted,
            FactorFailed,
            SessionStarted,
        ]),
        "aws/console-mfa-fail-success.jsonl" => one(&[SessionStarted, FactorFailed]),
        "aws/login-profile-changed-by-other.jsonl" => {
            one(&[PasswordChanged, PasswordReset, PasswordReset])
        }
        "google_workspace/PANTHER-FLAT-2sv-enroll-disable.jsonl" => {
            one(&[FactorEnrolled, FactorRemoved])
        }
        "google_workspace/PANTHER-FLAT-external-forwarding.jsonl" => one(&[MailboxRule]),
        "google_workspace/PANTHER-FLAT-oauth-authorize.jsonl" => one(&[ConsentGranted; 2]),
        "google_workspace/PANTHER-FLAT-suspicious-login.jsonl" => {
            one(&[SessionStarted, RiskDetected])
        }
        "keycloak/json-console-code-to-token.jsonl" => one(&[SessionUsed]),
        "m365/inbox-rule-external-forward.jsonl" => one(&[MailboxRule; 3]),
        "m365/inbox-rule-internal-forward.jsonl" => one(&[MailboxRule; 2]),
        "m365/login-failed-success.jsonl" => one(&[SignInFailed, SessionStarted]),
        "m365/strong-auth-method-add-remove.jsonl" => one(&[FactorEnrolled, FactorRemoved]),
        "onelogin/api-event-full-fields.jsonl" => one(&[RoleAssigned]),
        "onelogin/auth-factor-removed.jsonl" => one(&[FactorRemoved; 2]),
        "onelogin/high-risk-failed-then-ok.jsonl" => one(&[SignInFailed; 2]),
        "onelogin/login-success-fail.jsonl" => one(&[SessionStarted, SignInFailed]),
        "onelogin/many-users-one-ip.jsonl" => one(&[SessionStarted, SignInFailed, SessionStarted]),
        "onelogin/password-changed.jsonl" => one(&[PasswordChanged, PasswordReset, PasswordReset]),
        "pingid/pair-then-storm-then-approve.jsonl" => {
            let mut kinds = vec![FactorEnrolled, FactorEnrolled];
            // The manifest counts 18 time-outs; the file holds 19, each of its own session.
            for _ in 0..19 {
                kinds.extend([ChallengeRequired, PromptTimedOut]);
            }
            kinds.extend([ChallengeRequired, PromptApproved]);
            one(&kinds)
        }
        "pingid/windows-4723-4724-password-reset.xml.txt" => one(&[PasswordReset; 2]),
        "pingone/user-access-allowed.jsonl" => one(&[SessionStarted]),
        _ => return None,
    })
}

#[test]
fn every_sample_of_these_vendors_shows_what_its_manifest_says() {
    let Some(folder) = samples() else { return };
    let manifest = std::fs::read_to_string(folder.join("MANIFEST.tsv")).unwrap();
    let vendors = [
        "auth0/",
        "aws/",
        "google_workspace/",
        "keycloak/",
        "m365/",
        "onelogin/",
        "pingid/",
        "pingone/",
    ];
    let (mut seen, mut lines) = (0, Vec::new());
    for line in manifest.lines().skip(1) {
        let file = line.split('\t').next().unwrap();
        if !vendors.iter().any(|vendor| file.starts_with(vendor)) {
            continue;
        }
        let expected = expected(file).unwrap_or_else(|| panic!("{file} is new"));
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let reader = Reader::new(Mapping::default());
        let mut hint = Hint::default();
        let mut found = Vec::new();
        for record in text.lines().filter(|line| !line.is_empty()) {
            let mut kinds = Vec::new();
            let mut names = BTreeSet::new();
            let read = reader
                .read(record.as_bytes(), &mut hint, &mut |event| {
                    kinds.push(event.kind);
                    names.insert((event.id.to_string(), event.part));
                    assert!(!event.id.is_empty());
                    for start in ["external", "internal"] {
                        if file == format!("m365/inbox-rule-{start}-forward.jsonl") {
                            assert!(event.what.starts_with(&format!("{start} forward")));
                        }
                    }
                    lines.push(to_ocsf(event).to_string());
                })
                .unwrap_or_else(|error| panic!("{file}: {error}: {record}"));
            assert!(!matches!(read, Read::Unknown(..)), "{file}: {read:?}");
            assert_eq!(names.len(), kinds.len(), "{file}: ids are told apart");
            found.push(kinds);
        }
        assert_eq!(found, expected, "{file}");
        seen += 1;
    }
    assert_eq!(seen, 30, "files of these vendors");
    assert!(lines.iter().all(|line| line.contains("\"version\":\"1.8.0\"")));
}
