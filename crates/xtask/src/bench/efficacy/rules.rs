//! The logic of published rules, restated over the records of a world.
//!
//! Each rule names its publisher and title so that anyone can compare; the queries themselves are
//! not copied. Where a rule exists in several versions, the one that catches more is restated.
//! Windows slide where a product would bucket by the clock, which favours the rule.

use std::collections::BTreeMap;

use pushback_model::{Incident, PromptCounts, Stage, Subject, Timestamp};
use pushback_sim::Vendor;

use super::record::Flat;

/// User, first evidence, time of the alert; times in milliseconds since 1970.
type Alert = (String, i64, i64);

/// One published rule.
pub struct Rule {
    /// Publisher and title.
    pub title: &'static str,
    /// Whether it runs on these logs.
    pub reads: fn(Vendor) -> bool,
    /// What an alert claims.
    pub claims: Stage,
    /// Reads the records in order of time.
    pub fire: fn(&[Flat]) -> Vec<Alert>,
}

const MINUTE: i64 = 60_000;

const fn okta(vendor: Vendor) -> bool {
    matches!(vendor, Vendor::OktaOie | Vendor::OktaClassic)
}

const fn entra(vendor: Vendor) -> bool {
    matches!(vendor, Vendor::EntraM365)
}

const fn duo(vendor: Vendor) -> bool {
    matches!(vendor, Vendor::Duo)
}

const fn pingid(vendor: Vendor) -> bool {
    matches!(vendor, Vendor::PingId)
}

/// Every rule.
pub const RULES: &[Rule] = &[
    Rule {
        title: "Elastic: Potential Okta MFA Bombing via Push Notifications",
        reads: okta,
        claims: Stage::Bombing,
        fire: |r| runs(r, okta_denied, okta_success, 5, 10 * MINUTE, false),
    },
    Rule {
        title: "Elastic: Potentially Successful Okta MFA Bombing via Push Notifications",
        reads: okta,
        claims: Stage::Approved,
        fire: |r| runs(r, okta_denied, okta_success, 5, 10 * MINUTE, true),
    },
    Rule {
        title: "Splunk: Okta Multiple Failed MFA Requests For User",
        reads: okta,
        claims: Stage::Bombing,
        fire: |r| {
            count(
                r,
                |e| {
                    e.name == "user.authentication.auth_via_mfa"
                        && e.result == "FAILURE"
                        && e.factor != "PASSWORD_AS_FACTOR"
                },
                |e| e.user.clone(),
                10,
                5 * MINUTE,
            )
        },
    },
    Rule {
        title: "Okta: Mismatch Between Source and Response for Verify Push Request",
        reads: okta,
        claims: Stage::Approved,
        fire: mismatch,
    },
    Rule {
        title: "Okta: Suspicious MFA Abandonment",
        reads: okta,
        claims: Stage::Bombing,
        fire: |r| {
            count(
                r,
                |e| e.result == "UNANSWERED" || e.result == "ABANDONED",
                |e| format!("{}|{}", e.user, e.ip),
                6,
                60 * MINUTE,
            )
        },
    },
    Rule {
        title: "Okta: Hunt on rejected MFA pushes",
        reads: okta,
        claims: Stage::Exposed,
        fire: |r| each(r, |e| e.name == "user.mfa.okta_verify.deny_push"),
    },
    Rule {
        title: "Microsoft Sentinel: MFA Fatigue (OKTA)",
        reads: okta,
        claims: Stage::Bombing,
        fire: |r| {
            count(
                r,
                |e| e.name == "system.push.send_factor_verify_push",
                |e| format!("{}|{}", e.user, e.session),
                11,
                60 * MINUTE,
            )
        },
    },
    Rule {
        title: "Sumo Logic: Okta - MFA Request Denied by User",
        reads: okta,
        claims: Stage::Exposed,
        fire: |r| {
            each(r, |e| {
                e.push_response == "OV_RESPONSE_DENY" || e.name == "user.mfa.okta_verify.deny_push"
            })
        },
    },
    Rule {
        title: "Sumo Logic: Okta - MFA Denied Followed by Successful Logon",
        reads: okta,
        claims: Stage::Approved,
        fire: |r| {
            runs(
                r,
                |e| {
                    e.push_response == "OV_RESPONSE_DENY"
                        || e.name == "user.mfa.okta_verify.deny_push"
                },
                |e| e.name == "user.authentication.auth_via_mfa" && e.result == "SUCCESS",
                2,
                25 * MINUTE,
                true,
            )
        },
    },
    Rule {
        title: "Elastic, Panther, Sigma: user reported suspicious activity (Okta)",
        reads: okta,
        claims: Stage::Bombing,
        fire: |r| each(r, |e| e.name == "user.account.report_suspicious_activity_by_enduser"),
    },
    Rule {
        title: "Splunk: Azure AD Multiple Denied MFA Requests For User",
        reads: entra,
        claims: Stage::Bombing,
        fire: |r| {
            count(
                r,
                |e| {
                    e.result == "500121"
                        && e.reason == "MFA denied; user declined the authentication"
                },
                entra_group,
                10,
                10 * MINUTE,
            )
        },
    },
    Rule {
        title: "Splunk: Azure AD Multiple Failed MFA Requests For User",
        reads: entra,
        claims: Stage::Bombing,
        fire: |r| {
            count(
                r,
                |e| {
                    e.result == "500121"
                        && e.reason != "MFA denied; user declined the authentication"
                },
                entra_group,
                11,
                10 * MINUTE,
            )
        },
    },
    Rule {
        title: "Splunk: Azure AD Authentication Failed During MFA Challenge",
        reads: entra,
        claims: Stage::Exposed,
        fire: |r| each(r, |e| e.result == "500121"),
    },
    Rule {
        title: "Microsoft Sentinel: MFA Rejected by User (without its UEBA filter)",
        reads: entra,
        claims: Stage::Exposed,
        fire: |r| {
            each(r, |e| {
                e.result == "500121"
                    && (e.reason == "MFA denied; user declined the authentication"
                        || e.reason.to_lowercase().contains("fraud"))
            })
        },
    },
    Rule {
        title: "Sigma: Multifactor Authentication Denied",
        reads: entra,
        claims: Stage::Exposed,
        fire: |r| {
            each(r, |e| {
                e.factor == "multiFactorAuthentication"
                    && e.reason.to_lowercase().contains("mfa denied")
            })
        },
    },
    Rule {
        title: "Microsoft Sentinel: Cisco Duo - Multiple user login failures",
        reads: duo,
        claims: Stage::Bombing,
        fire: |r| {
            count(
                r,
                |e| e.name == "authentication" && (e.result == "denied" || e.result == "failure"),
                |e| e.user.clone(),
                11,
                10 * MINUTE,
            )
        },
    },
    Rule {
        title: "Panther: Duo User Denied For Anomalous Push",
        reads: duo,
        claims: Stage::Bombing,
        fire: |r| each(r, |e| e.reason == "anomalous_push"),
    },
    Rule {
        title: "Panther: Duo User Action Reported as Fraudulent",
        reads: duo,
        claims: Stage::Bombing,
        fire: |r| each(r, |e| e.result == "fraud"),
    },
    Rule {
        title: "Splunk: PingID Multiple Failed MFA Requests For User",
        reads: pingid,
        claims: Stage::Bombing,
        fire: |r| {
            count(
                r,
                |e| e.result == "FAILURE,authFail" || e.result == "UNSUCCESSFUL_ATTEMPT",
                |e| format!("{}|{}", e.user, e.reason),
                10,
                10 * MINUTE,
            )
        },
    },
    Rule {
        title: "Splunk: PingID New MFA Method Registered For User",
        reads: pingid,
        claims: Stage::Exposed,
        fire: |r| each(r, |e| e.result == "SUCCESS" && e.reason.starts_with("Device Paired")),
    },
];

fn okta_denied(e: &Flat) -> bool {
    e.name == "user.mfa.okta_verify.deny_push"
        || (e.name == "user.authentication.auth_via_mfa"
            && e.factor == "OKTA_VERIFY_PUSH"
            && e.reason == "INVALID_CREDENTIALS")
}

fn okta_success(e: &Flat) -> bool {
    e.result == "SUCCESS"
        && matches!(
            e.name.as_str(),
            "user.authentication.sso"
                | "user.authentication.auth_via_mfa"
                | "user.authentication.verify"
                | "user.session.start"
        )
}

fn entra_group(e: &Flat) -> String {
    format!("{}|{}|{}|{}", e.user, e.reason, e.app, e.agent)
}

fn user_of(key: &str) -> String {
    key.split('|').next().unwrap_or(key).to_owned()
}

/// Every matching record is an alert.
fn each(records: &[Flat], matches: fn(&Flat) -> bool) -> Vec<Alert> {
    records.iter().filter(|e| matches(e)).map(|e| (e.user.clone(), e.at, e.at)).collect()
}

/// At least `threshold` matching records of one group within `window`.
fn count(
    records: &[Flat],
    matches: fn(&Flat) -> bool,
    group: fn(&Flat) -> String,
    threshold: usize,
    window: i64,
) -> Vec<Alert> {
    let mut groups: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let mut alerts = Vec::new();
    for record in records.iter().filter(|e| matches(e)) {
        let key = group(record);
        let times = groups.entry(key.clone()).or_default();
        times.retain(|at| *at > record.at - window);
        times.push(record.at);
        if times.len() >= threshold
            && let Some(first) = times.first()
        {
            alerts.push((user_of(&key), *first, record.at));
        }
    }
    alerts
}

/// `threshold` refusals of a user within `window`; a success in between starts over. With
/// `then_success` the alert comes with the success that follows, otherwise with the last refusal.
fn runs(
    records: &[Flat],
    refused: fn(&Flat) -> bool,
    success: fn(&Flat) -> bool,
    threshold: usize,
    window: i64,
    then_success: bool,
) -> Vec<Alert> {
    let mut users: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    let mut alerts = Vec::new();
    for record in records {
        let (is_refused, is_success) = (refused(record), success(record));
        if !is_refused && !is_success {
            continue;
        }
        let times = users.entry(&record.user).or_default();
        times.retain(|at| *at > record.at - window);
        if is_refused {
            times.push(record.at);
        }
        let full = times.len() >= threshold;
        if full
            && (is_success == then_success)
            && let Some(first) = times.first()
        {
            alerts.push((record.user.clone(), *first, record.at));
        }
        // In a sequence only refusals may stand between the first refusal and the success.
        if is_success {
            times.clear();
        }
    }
    alerts
}

/// Refused or ignored pushes of one session, answered from another address, asked for by a new
/// device at a new address.
fn mismatch(records: &[Flat]) -> Vec<Alert> {
    #[derive(Default)]
    struct Session {
        user: String,
        ips: Vec<String>,
        pushes: u32,
        last_push: i64,
        successes: u32,
        refused: u32,
        new_device: bool,
        new_ip: bool,
        first: i64,
    }
    let mut sessions: BTreeMap<&str, Session> = BTreeMap::new();
    let mut alerts = Vec::new();
    for e in records {
        let is_push = e.name == "system.push.send_factor_verify_push";
        let is_answer =
            e.name == "user.authentication.auth_via_mfa" && e.factor == "OKTA_VERIFY_PUSH";
        // The query groups by session; "unknown" would join strangers.
        if (!is_push && !is_answer) || e.session.is_empty() || e.session == "unknown" {
            continue;
        }
        let session = sessions.entry(&e.session).or_default();
        if session.first == 0 {
            session.first = e.at;
        }
        session.user.clone_from(&e.user);
        if !session.ips.contains(&e.ip) {
            session.ips.push(e.ip.clone());
        }
        if is_push {
            session.pushes += u32::from(e.at - session.last_push > 2_000);
            session.last_push = e.at;
            session.new_device |= e.behaviours.contains("New Device=POSITIVE");
            session.new_ip |= e.behaviours.contains("New IP=POSITIVE");
        } else if e.result == "SUCCESS" {
            session.successes += 1;
        } else {
            session.refused += 1;
        }
        let few = session.pushes > 2 && session.successes * 2 < session.pushes;
        if (few || session.refused > 0)
            && session.ips.len() > 1
            && session.new_device
            && session.new_ip
        {
            alerts.push((session.user.clone(), session.first, e.at));
        }
    }
    alerts
}

/// Alerts as incidents, so that rules and Pushback are scored alike. Alerts of one user within an
/// hour are one incident: analysts close them together.
pub fn incidents(rule: &Rule, records: &[Flat]) -> Vec<Incident> {
    // For each user: first evidence, first alert, last alert.
    let mut open: BTreeMap<String, Vec<(i64, i64, i64)>> = BTreeMap::new();
    for (user, first, at) in (rule.fire)(records) {
        let spans = open.entry(user.to_lowercase()).or_default();
        match spans.last_mut() {
            Some((_, _, last)) if at - *last <= 60 * MINUTE => *last = at.max(*last),
            _ => spans.push((first, at, at)),
        }
    }
    let mut incidents = Vec::new();
    for (user, spans) in open {
        for (n, (first, alert, last)) in spans.into_iter().enumerate() {
            incidents.push(Incident {
                id: format!("{user}-{n}"),
                stage: rule.claims,
                severity: rule.claims.severity(),
                subject: Subject { name: user.clone(), ids: Vec::new() },
                campaign: None,
                started_at: Timestamp::from_millis(first),
                last_at: Timestamp::from_millis(last),
                detected_at: Timestamp::from_millis(alert),
                approved_at: None,
                prompts: PromptCounts::default(),
                evidence_bits: 0.0,
                evidence: Vec::new(),
                origins: Vec::new(),
                after_approval: Vec::new(),
                attack: Vec::new(),
                next_steps: Vec::new(),
            });
        }
    }
    incidents
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str, result: &str, at: i64) -> Flat {
        Flat {
            at,
            user: "alice@example.org".into(),
            name: name.into(),
            result: result.into(),
            ..Flat::default()
        }
    }

    #[test]
    fn five_refusals_then_a_success_are_elastics_sequence_and_four_are_not() {
        let rule =
            RULES.iter().find(|r| r.title.starts_with("Elastic: Potentially Successful")).unwrap();
        for (refusals, expected) in [(4, 0), (5, 1)] {
            let mut log: Vec<Flat> = (0..refusals)
                .map(|n| record("user.mfa.okta_verify.deny_push", "FAILURE", n * MINUTE))
                .collect();
            log.push(record("user.session.start", "SUCCESS", 6 * MINUTE));
            assert_eq!(incidents(rule, &log).len(), expected);
        }
    }

    #[test]
    fn a_counting_rule_fires_at_its_threshold_only_within_its_window() {
        let rule = RULES.iter().find(|r| r.title.starts_with("Splunk: Okta Multiple")).unwrap();
        let storm = |gap| {
            (0..10)
                .map(|n| record("user.authentication.auth_via_mfa", "FAILURE", n * gap))
                .collect::<Vec<_>>()
        };
        assert_eq!(incidents(rule, &storm(20_000)).len(), 1);
        assert_eq!(incidents(rule, &storm(2 * MINUTE)).len(), 0);
    }
}
