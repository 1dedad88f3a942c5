//! Okta System Log, Identity Engine and Classic.
//!
//! As the vendor documents and labs show: one `send_factor_verify_push` for each registered phone;
//! silence leaves nothing; the answer carries the address of the phone; Identity Engine logs the
//! password step as `auth_via_mfa` too; Classic logs a refusal as `deny_push`.

mod change;
mod line;

use pushback_model::Factor;
use serde_json::json;

use self::line::{Line, app_target, behaviours, emit, factor_line, risk, user};
use super::{Scribe, stamp};
use crate::act::{Answer, Attempt, MINUTE, Origin, PROMPT_LAG, SECOND, Step, What};
use crate::people::{Person, letters};
use crate::places::city_at;
use crate::rng::mix;
use crate::settings::Vendor;

pub(super) fn write(s: &mut Scribe<'_>) {
    let act = *s.act;
    match act.what {
        What::Attempt(attempt) => sign_in(s, act.at, act.who, &attempt),
        What::Use { from, app, session } => {
            single_sign_on(s, act.at, act.who, from, app, session, 0)
        }
        What::Change { kind, by, from, session, detail } => {
            change::change(s, kind, by, from, session, detail)
        }
        What::Locked { from } => {
            let person = s.person(act.who);
            let line = Line {
                event: "user.account.lock",
                text: "Max sign in attempts exceeded",
                legacy: "core.user_auth.account_locked",
                result: "FAILURE",
                reason: Some("LOCKED_OUT"),
                actor: user(person),
                target: vec![user(person)],
                from: Some(from),
                severity: "WARN",
                ..Line::default()
            };
            emit(s, act.at, 0, line);
        }
        What::Housekeeping { topic } => change::housekeeping(s, topic),
        // Neither computers nor files are Okta's.
        What::LogOn { .. } | What::File { .. } => {}
    }
}

fn sign_in(s: &mut Scribe<'_>, at: i64, who: u32, attempt: &Attempt) {
    let person = s.person(who);
    let is_oie = s.settings.vendor == Vendor::OktaOie;
    let tx = mix(&[attempt.session, 7]);
    let from = Some(attempt.from);
    if matches!(attempt.step, Step::WrongPassword) {
        if is_oie {
            let line = factor_line(
                person,
                "FAILURE",
                Some("INVALID_CREDENTIALS"),
                "PASSWORD_AS_FACTOR",
                from,
                tx,
            );
            emit(s, at, 0, line);
        }
        let line = Line {
            event: "user.session.start",
            text: "User login to Okta",
            legacy: "core.user_auth.login_failed",
            result: "FAILURE",
            reason: Some("INVALID_CREDENTIALS"),
            actor: user(person),
            from,
            transaction: tx,
            uri: if is_oie { "/idp/idx/challenge/answer" } else { "/api/v1/authn" },
            ..Line::default()
        };
        emit(s, at + 40, 1, line);
        return;
    }
    let asks = !matches!(attempt.step, Step::Remembered);
    if !attempt.is_recovery {
        let line = Line {
            event: "policy.evaluate_sign_on",
            text: "Evaluation of sign-on policy",
            result: if asks { "CHALLENGE" } else { "ALLOW" },
            reason: Some(if asks {
                "Sign-on policy evaluation resulted in CHALLENGE"
            } else {
                "Sign-on policy evaluation resulted in ALLOW"
            }),
            actor: user(person),
            target: vec![
                json!({"id": "00p2wikibasepolicy01", "type": "PolicyEntity", "alternateId": "unknown", "displayName": "Any two factors", "detailEntry": {"policyType": "Okta_Sign_On"}}),
                app_target(s, attempt.app),
            ],
            from,
            transaction: tx,
            debug: vec![
                ("behaviors", json!(behaviours(person, &attempt.from))),
                ("risk", json!(risk(person, &attempt.from))),
            ],
            ..Line::default()
        };
        emit(s, at + 250, 2, line);
        if is_oie {
            let line = factor_line(person, "SUCCESS", None, "PASSWORD_AS_FACTOR", from, tx);
            emit(s, at + 600, 3, line);
        }
    }
    // In half of the Identity Engine's organisations the session asks for one factor and only the
    // application for two: the session then begins with the password.
    let begins_early =
        is_oie && asks && !attempt.is_recovery && mix(&[s.org.tenant, 11]).is_multiple_of(2);
    if begins_early {
        session_start(s, at + 650, person, attempt, tx);
    }
    let answered = second_step(s, at, person, attempt, tx);
    if let Some(done) = answered
        && !attempt.is_recovery
    {
        if !begins_early {
            session_start(s, done + 350, person, attempt, tx);
        }
        single_sign_on(s, done + 900, who, attempt.from, attempt.app, attempt.session, 21);
    }
}

fn session_start(s: &mut Scribe<'_>, at: i64, person: &Person, attempt: &Attempt, tx: u64) {
    let line = Line {
        event: "user.session.start",
        text: "User login to Okta",
        legacy: "core.user_auth.login_success",
        actor: user(person),
        target: vec![
            json!({"id": format!("lae{}", letters(person.key, 17)), "type": "AuthenticatorEnrollment", "alternateId": "unknown", "displayName": "Password", "detailEntry": null}),
            app_target(s, attempt.app),
        ],
        from: Some(attempt.from),
        session: Some(attempt.session),
        transaction: tx,
        uri: "/idp/idx/challenge/answer",
        ..Line::default()
    };
    emit(s, at, 20, line);
}

/// The second step; returns when it succeeded.
fn second_step(
    s: &mut Scribe<'_>,
    at: i64,
    person: &Person,
    attempt: &Attempt,
    tx: u64,
) -> Option<i64> {
    let from = Some(attempt.from);
    let (factor, answer, after_ms, phone) = match attempt.step {
        Step::Remembered => return Some(at + 700),
        Step::WrongPassword => return None,
        Step::DeviceKey => {
            emit(s, at + 2_500, 4, factor_line(person, "SUCCESS", None, "SIGNED_NONCE", from, tx));
            return Some(at + 2_500);
        }
        Step::Code { is_right } => {
            let (result, reason) =
                if is_right { ("SUCCESS", None) } else { ("FAILURE", Some("INVALID_CREDENTIALS")) };
            emit(
                s,
                at + 14 * SECOND,
                4,
                factor_line(person, result, reason, "OKTA_SOFT_TOKEN", from, tx),
            );
            return is_right.then_some(at + 14 * SECOND);
        }
        Step::Prompt { factor, answer, after_ms, phone } => (factor, answer, after_ms, phone),
    };
    let (event, text, legacy, name) = match factor {
        Factor::Voice => {
            ("system.voice.send_mfa_challenge_call", "Send MFA challenge call", "", "CALL_FACTOR")
        }
        Factor::Sms => (
            "system.sms.send_factor_verify_message",
            "Send verify SMS message",
            "core.user.sms.message_sent.verify",
            "SMS_FACTOR",
        ),
        _ => (
            "system.push.send_factor_verify_push",
            "Send second factor push",
            "",
            "OKTA_VERIFY_PUSH",
        ),
    };
    let devices = if factor == Factor::Push { u64::from(person.phones) } else { 1 };
    let by_system = mix(&[s.org.tenant, 3]).is_multiple_of(5);
    for n in 0..devices {
        let actor = if by_system {
            json!({"id": "00uspsystemprincipal", "type": "SystemPrincipal", "alternateId": "system@okta.com", "displayName": "Okta System", "detailEntry": null})
        } else {
            user(person)
        };
        let line = Line {
            event,
            text,
            legacy,
            actor,
            target: vec![user(person)],
            from,
            transaction: tx,
            uri: if attempt.is_recovery { "/idp/idx/recover" } else { "/idp/idx/challenge" },
            debug: vec![
                ("factor", json!(name)),
                ("behaviors", json!(behaviours(person, &attempt.from))),
            ],
            ..Line::default()
        };
        emit(s, at + 1_200 + n as i64 * 220, 5 + n, line);
    }
    let answered = at + PROMPT_LAG + after_ms;
    // The phone answers a push; codes from a call or an SMS are typed where the sign-in is.
    let responder = if factor == Factor::Push { phone } else { attempt.from };
    let phone_app = factor == Factor::Push && s.org.phone_agent;
    match answer {
        Answer::Silent => None,
        Answer::Approved => {
            let mut line = factor_line(person, "SUCCESS", None, name, Some(responder), tx);
            line.phone_app = phone_app;
            if factor == Factor::Push {
                line.debug.push(if s.org.number_match {
                    (
                        "pushWithNumberChallengeResponseType",
                        json!("OV_WITH_CHALLENGE_RESPONSE_VALID"),
                    )
                } else {
                    ("pushOnlyResponseType", json!("OV_RESPONSE_APPROVE"))
                });
            }
            emit(s, answered, 10, line);
            Some(answered)
        }
        Answer::Denied | Answer::Reported if factor == Factor::Push => {
            if s.settings.vendor == Vendor::OktaClassic {
                let line = Line {
                    event: "user.mfa.okta_verify.deny_push",
                    text: "User rejected Okta push verify",
                    legacy: "core.user.mfa.okta_verify.deny_push",
                    result: "FAILURE",
                    reason: Some("User rejected Okta push verify"),
                    actor: user(person),
                    target: vec![user(person)],
                    from: Some(responder),
                    transaction: tx,
                    phone_app,
                    ..Line::default()
                };
                emit(s, answered, 10, line);
            } else {
                let mut line = factor_line(
                    person,
                    "FAILURE",
                    Some("INVALID_CREDENTIALS"),
                    name,
                    Some(responder),
                    tx,
                );
                line.phone_app = phone_app;
                if !mix(&[s.org.tenant, 4]).is_multiple_of(3) {
                    line.debug.push(("pushOnlyResponseType", json!("OV_RESPONSE_DENY")));
                }
                emit(s, answered, 10, line);
            }
            if answer == Answer::Reported {
                report(
                    s,
                    answered + s.act.no as i64 % 12 * MINUTE + 40 * SECOND,
                    person,
                    attempt,
                    tx,
                );
            }
            None
        }
        Answer::Mismatched => {
            let mut line = factor_line(
                person,
                "FAILURE",
                Some("INVALID_CREDENTIALS"),
                name,
                Some(responder),
                tx,
            );
            line.phone_app = phone_app;
            line.debug.push(("pushOnlyResponseType", json!("OV_RESPONSE_APPROVE")));
            line.debug.push((
                "pushWithNumberChallengeResponseType",
                json!("OV_WITH_CHALLENGE_RESPONSE_INVALID"),
            ));
            emit(s, answered, 10, line);
            None
        }
        Answer::Denied | Answer::Reported => None,
    }
}

fn report(s: &mut Scribe<'_>, at: i64, person: &Person, attempt: &Attempt, tx: u64) {
    let city = city_at(attempt.from.net.city);
    let line = Line {
        event: "user.account.report_suspicious_activity_by_enduser",
        text: "User report suspicious activity",
        legacy: "core.user.account.report_suspicious_activity_by_enduser",
        actor: user(person),
        target: vec![user(person)],
        from: Some(person.phone),
        uri: "/api/internal/users/me/report-suspicious-activity",
        severity: "WARN",
        debug: vec![
            ("suspiciousActivityEventIp", json!(s.ip(&attempt.from, s.act.at))),
            ("suspiciousActivityEventCity", json!(city.name)),
            ("suspiciousActivityEventState", json!(city.state)),
            ("suspiciousActivityEventCountry", json!(city.country)),
            ("suspiciousActivityEventType", json!("system.push.send_factor_verify_push")),
            ("suspiciousActivityEventTransactionId", json!(letters(tx, 26))),
            ("suspiciousActivityTimestamp", json!(stamp(s.act.at))),
        ],
        ..Line::default()
    };
    emit(s, at, 11, line);
}

fn single_sign_on(
    s: &mut Scribe<'_>,
    at: i64,
    who: u32,
    from: Origin,
    app: u8,
    session: u64,
    part: u64,
) {
    let person = s.person(who);
    let line = Line {
        event: "user.authentication.sso",
        text: "User single sign on to app",
        legacy: "app.auth.sso",
        actor: user(person),
        target: vec![
            app_target(s, app),
            json!({"id": format!("0ua{}", letters(mix(&[person.key, u64::from(app)]), 17)), "type": "AppUser", "alternateId": person.mail, "displayName": person.display, "detailEntry": null}),
        ],
        from: Some(from),
        session: Some(session),
        transaction: mix(&[session, u64::from(app), part]),
        uri: "/app/wiki/sso/saml",
        ..Line::default()
    };
    emit(s, at, part, line);
}
