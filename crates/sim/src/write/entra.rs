//! Entra ID: diagnostic sign-in records, audit records, a share of Graph beta exports, and (in
//! `m365`) the unified audit log.
//!
//! A sign-in may appear incomplete first and again with the same id when its steps are known.
//! There is no record of a prompt being sent; a refusal or silence is error 500121 with a sentence.

mod audit;

use pushback_model::Factor;
use serde_json::{Value, json};

use super::{Scribe, app_name, m365, point, stamp};
use crate::act::{Answer, Attempt, MINUTE, Origin, PROMPT_LAG, SECOND, Step, What};
use crate::people::{Person, uuid};
use crate::places::city_at;
use crate::rng::mix;

const SIGN_INS: &str = "entra_signins.jsonl";
const GRAPH: &str = "graph_signins_beta.jsonl";

pub(super) fn write(s: &mut Scribe<'_>) {
    let act = *s.act;
    match act.what {
        What::Attempt(attempt) if attempt.is_recovery => audit::recovery(s, &attempt),
        What::Attempt(attempt) => sign_in(s, &attempt),
        What::Use { from, app, session } => {
            let person = s.person(act.who);
            let status = Status {
                code: 0,
                reason: "Other.",
                details: "MFA requirement satisfied by claim in the token",
            };
            let body = properties(s, person, &from, app, session, &status, &[], false);
            emit_sign_in(
                s,
                act.at,
                act.at,
                0,
                "NonInteractiveUserSignInLogs",
                &status,
                &from,
                body,
            );
        }
        What::Change { kind, by, from, session, detail } => {
            audit::change(s, kind, by, from, session, detail)
        }
        What::Locked { from } => {
            let person = s.person(act.who);
            let status = Status {
                code: 50_053,
                reason: "The account is locked, you've tried to sign in too many times with an incorrect user ID or password.",
                details: "",
            };
            let body = properties(s, person, &from, 0, act.no, &status, &[], true);
            emit_sign_in(s, act.at, act.at, 0, "SignInLogs", &status, &from, body);
        }
        What::Housekeeping { topic } => audit::housekeeping(s, topic),
        What::File { from, session, is_copied } => {
            m365::file(s, s.person(act.who), &from, session, is_copied);
        }
        // Its computers are unlocked with keys of their own.
        What::LogOn { .. } => {}
    }
}

struct Status {
    code: u32,
    reason: &'static str,
    details: &'static str,
}

/// One entry of `authenticationDetails`.
struct StepRow {
    at: i64,
    method: &'static str,
    succeeded: bool,
    result: &'static str,
}

fn sign_in(s: &mut Scribe<'_>, attempt: &Attempt) {
    let (at, who) = (s.act.at, s.act.who);
    let person = s.person(who);
    let password = StepRow { at, method: "Password", succeeded: true, result: "Correct password" };
    let cloud = mix(&[s.org.tenant, 9]).is_multiple_of(2);
    let done = if cloud { "MFA completed in the cloud" } else { "MFA completed in Azure AD" };
    const FAILED: &str = "Authentication failed during strong authentication request.";
    let (known, status, second) = match attempt.step {
        Step::WrongPassword => {
            let status = Status {
                code: 50_126,
                reason: "Error validating credentials due to invalid username or password.",
                details: "",
            };
            (at, status, None)
        }
        Step::Remembered => (
            at,
            Status {
                code: 0,
                reason: "Other.",
                details: "MFA requirement satisfied by claim in the token",
            },
            Some(StepRow {
                at,
                method: "Previously satisfied",
                succeeded: true,
                result: "MFA requirement satisfied by claim in the token",
            }),
        ),
        Step::DeviceKey => (
            at + 3 * SECOND,
            Status {
                code: 0,
                reason: "Other.",
                details: "MFA requirement satisfied by strong authentication",
            },
            Some(StepRow {
                at: at + 3 * SECOND,
                method: "Windows Hello for Business",
                succeeded: true,
                result: "MFA requirement satisfied by strong authentication",
            }),
        ),
        Step::Code { is_right } => {
            let known = at + 15 * SECOND;
            if is_right {
                (
                    known,
                    Status { code: 0, reason: "Other.", details: done },
                    Some(StepRow {
                        at: known,
                        method: "OATH verification code",
                        succeeded: true,
                        result: done,
                    }),
                )
            } else {
                let text = "MFA denied; user entered incorrect code";
                (
                    known,
                    Status { code: 500_121, reason: FAILED, details: text },
                    Some(StepRow {
                        at: known,
                        method: "OATH verification code",
                        succeeded: false,
                        result: text,
                    }),
                )
            }
        }
        Step::Prompt { factor, answer, after_ms, .. } => {
            let known = at + PROMPT_LAG + after_ms;
            let method = match factor {
                Factor::Voice => "Phone call approval (Authentication phone)",
                Factor::Sms => "Text message",
                _ => "Mobile app notification",
            };
            if s.rng.chance(0.35) {
                let status = Status {
                    code: 50_074,
                    reason: "Strong Authentication is required.",
                    details: "",
                };
                let rows = [
                    StepRow { ..password },
                    StepRow {
                        at: at + PROMPT_LAG,
                        method,
                        succeeded: false,
                        result: "Authentication in progress",
                    },
                ];
                let body = properties(
                    s,
                    person,
                    &attempt.from,
                    attempt.app,
                    attempt.session,
                    &status,
                    &rows,
                    true,
                );
                emit_sign_in(s, at, at + PROMPT_LAG, 0, "SignInLogs", &status, &attempt.from, body);
            }
            let newer = mix(&[s.org.tenant, 10]).is_multiple_of(2);
            let text = match (answer, factor) {
                (Answer::Approved, _) => done,
                (Answer::Denied, Factor::Voice) => "MFA denied; user hung up the phone",
                (Answer::Denied, _) => "MFA denied; user declined the authentication",
                (Answer::Reported, _) => "MFA denied; Phone App Reported Fraud",
                (Answer::Mismatched, _) => "MFA denied; user did not select the correct number",
                (Answer::Silent, Factor::Voice) => "MFA denied; phone call went to voicemail",
                (Answer::Silent, _) if newer => {
                    "MFA denied; user didn't respond to mobile app notification"
                }
                (Answer::Silent, _) => {
                    "MFA denied; user did not respond to mobile app notification"
                }
            };
            if answer == Answer::Silent && factor == Factor::Sms {
                // Nobody typed the code: the demand is all that is ever logged.
                (
                    known,
                    Status {
                        code: 50_074,
                        reason: "Strong Authentication is required.",
                        details: "",
                    },
                    Some(StepRow {
                        at: at + PROMPT_LAG,
                        method,
                        succeeded: false,
                        result: "Authentication in progress",
                    }),
                )
            } else if answer == Answer::Approved {
                (
                    known,
                    Status { code: 0, reason: "Other.", details: done },
                    Some(StepRow { at: known, method, succeeded: true, result: done }),
                )
            } else {
                (
                    known,
                    Status { code: 500_121, reason: FAILED, details: text },
                    Some(StepRow { at: known, method, succeeded: false, result: text }),
                )
            }
        }
    };
    let mut rows = Vec::new();
    if !matches!(attempt.step, Step::WrongPassword) {
        rows.push(password);
    }
    rows.extend(second);
    let body =
        properties(s, person, &attempt.from, attempt.app, attempt.session, &status, &rows, true);
    let known = known.max(at);
    emit_sign_in(s, at, known, 0, "SignInLogs", &status, &attempt.from, body);
    if let Step::Prompt { answer: Answer::Reported, .. } = attempt.step {
        let row = audit::audit_body(
            s,
            person,
            Some(person),
            "Suspicious activity reported",
            "UserManagement",
            "Update",
            "Suspicious activity reported for user",
            &[],
            Some(&person.phone),
            known,
        );
        audit::emit_audit(s, known + 20 * SECOND, 8, false, row, "Suspicious activity reported");
    }
    m365::logged_in(s, person, attempt, status.code, known);
}

#[expect(clippy::too_many_arguments, reason = "one sign-in record has that many independent parts")]
fn properties(
    s: &Scribe<'_>,
    person: &Person,
    from: &Origin,
    app: u8,
    session: u64,
    status: &Status,
    rows: &[StepRow],
    interactive: bool,
) -> Value {
    let at = s.act.at;
    let (lat, lon) = point(from.net.city, from.net.block);
    let city = city_at(from.net.city);
    let day = s.day(at);
    let details: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({"authenticationStepDateTime": stamp(row.at), "authenticationMethod": row.method, "authenticationMethodDetail": if row.method == "Password" { "Password in the cloud" } else { "" }, "succeeded": row.succeeded, "authenticationStepResultDetail": row.result, "authenticationStepRequirement": if row.method == "Password" { "Primary authentication" } else { "Multifactor authentication" }, "StatusSequence": row.at, "RequestSequence": row.at})
        })
        .collect();
    let needs_mfa = rows.len() > 1;
    let first = json!({
        "id": s.id(0),
        "createdDateTime": stamp(at),
        "userDisplayName": person.display,
        "userPrincipalName": person.mail,
        "userId": person.id,
        "userType": "Member",
        "appId": uuid(mix(&[s.org.tenant, u64::from(app), 11]), 4),
        "appDisplayName": app_name(app),
        "resourceDisplayName": "Microsoft Graph",
        "resourceId": "00000003-0000-0000-c000-000000000000",
        "ipAddress": s.ip(from, at),
        "autonomousSystemNumber": from.net.asn,
        "clientAppUsed": if from.browser.is_mobile() { "Mobile Apps and Desktop clients" } else { "Browser" },
        "userAgent": s.agent(from, at),
        "correlationId": uuid(mix(&[session, 12]), session),
        "originalRequestId": s.id(0),
        "uniqueTokenIdentifier": crate::people::letters(mix(&[session, u64::from(status.code)]), 22),
        "sessionId": if status.code == 0 { Value::String(uuid(mix(&[session, 13]), session)) } else { Value::Null },
        "isInteractive": interactive,
        "signInEventTypes": [if interactive { "interactiveUser" } else { "nonInteractiveUser" }],
        "authenticationProtocol": "none",
        "incomingTokenType": "none",
    });
    let second = json!({
        "tokenIssuerName": "",
        "tokenIssuerType": "AzureAD",
        "processingTimeInMilliseconds": 90 + session % 200,
        "conditionalAccessStatus": if status.code == 0 { "success" } else { "failure" },
        "appliedConditionalAccessPolicies": [{"id": uuid(mix(&[s.org.tenant, 14]), 5), "displayName": "Require multifactor authentication for all users", "enforcedGrantControls": ["Mfa"], "enforcedSessionControls": [], "result": if status.code == 0 { "success" } else { "failure" }, "conditionsSatisfied": 3, "conditionsNotSatisfied": 0}],
        "authenticationRequirement": if needs_mfa { "multiFactorAuthentication" } else { "singleFactorAuthentication" },
        "authenticationRequirementPolicies": [{"requirementProvider": "multiConditionalAccess", "detail": "Conditional Access"}],
        "authenticationDetails": details,
        "authenticationProcessingDetails": [{"key": "Is CAE Token", "value": "False"}],
        "networkLocationDetails": [],
        "mfaDetail": null,
        "riskDetail": "none",
        "riskLevelAggregated": "none",
        "riskLevelDuringSignIn": "none",
        "riskState": "none",
        "riskEventTypes": [],
        "riskEventTypes_v2": [],
        "flaggedForReview": false,
        "isTenantRestricted": false,
        "crossTenantAccessType": "none",
        "homeTenantId": uuid(s.org.tenant, 1),
        "resourceTenantId": uuid(s.org.tenant, 1),
        "status": {"errorCode": status.code, "failureReason": status.reason, "additionalDetails": if status.details.is_empty() { Value::Null } else { json!(status.details) }},
        "deviceDetail": {"deviceId": if from.is_managed { uuid(mix(&[from.device, 3]), from.device) } else { String::new() }, "displayName": if from.is_managed { format!("LT-{}", crate::people::letters(from.device, 6).to_uppercase()) } else { String::new() }, "operatingSystem": format!("{}{}", from.browser.os().0.replace("Mac OS X", "MacOs"), from.browser.os().1), "browser": format!("{} {}.0.0", from.browser.name(), from.browser.version_on(day)), "isCompliant": from.is_managed, "isManaged": from.is_managed, "trustType": if from.is_managed { "Azure AD joined" } else { "" }},
        "location": {"city": city.name, "state": city.state, "countryOrRegion": city.code, "geoCoordinates": {"altitude": null, "latitude": lat, "longitude": lon}},
    });
    joined(first, second)
}

/// Both objects in one.
fn joined(mut first: Value, second: Value) -> Value {
    if let (Some(all), Value::Object(more)) = (first.as_object_mut(), second) {
        all.extend(more);
    }
    first
}

#[expect(clippy::too_many_arguments, reason = "one sign-in record has that many independent parts")]
fn emit_sign_in(
    s: &mut Scribe<'_>,
    at: i64,
    known: i64,
    _part: u64,
    category: &str,
    status: &Status,
    from: &Origin,
    properties: Value,
) {
    let id = s.id(0);
    // One person in eight is exported through Graph as well: the same sign-in, the same id.
    if s.person(s.act.who).key.is_multiple_of(8) && category == "SignInLogs" {
        s.emit_late(GRAPH, known, 6 * MINUTE, Some(id.clone()), false, properties.clone());
    }
    let body = json!({
        "time": stamp(known + 40 * SECOND),
        "resourceId": format!("/tenants/{}/providers/Microsoft.aadiam", uuid(s.org.tenant, 1)),
        "operationName": "Sign-in activity",
        "operationVersion": "1.0",
        "category": category,
        "tenantId": uuid(s.org.tenant, 1),
        "resultType": status.code.to_string(),
        "resultSignature": if status.code == 0 { "SUCCESS" } else { "FAILURE" },
        "resultDescription": status.reason,
        "durationMs": 0,
        "callerIpAddress": s.ip(from, at),
        "correlationId": properties.get("correlationId").cloned().unwrap_or_default(),
        "identity": properties.get("userDisplayName").cloned().unwrap_or_default(),
        "Level": 4,
        "location": city_at(from.net.city).code,
        "properties": properties,
    });
    s.emit_late(SIGN_INS, known, 90 * SECOND, Some(id), false, body);
}
