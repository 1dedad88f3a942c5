//! Okta System Log, Identity Engine and Classic.
//!
//! As the vendor documents and labs show: one `send_factor_verify_push` for each registered phone;
//! silence leaves nothing; the answer carries the address of the phone; Identity Engine logs the
//! password step as `auth_via_mfa` too; Classic logs a refusal as `deny_push`.

use pushback_model::{EventKind, Factor};
use serde_json::{Value, json};

use super::{Scribe, app_name, point, stamp};
use crate::act::{Answer, Attempt, By, MINUTE, Origin, PROMPT_LAG, SECOND, Step, What};
use crate::people::{Person, letters};
use crate::places::{Browser, city_at};
use crate::rng::mix;
use crate::settings::Vendor;

const FILE: &str = "okta.jsonl";

/// What differs from record to record.
struct Line<'l> {
    event: &'l str,
    text: &'l str,
    legacy: &'l str,
    result: &'l str,
    reason: Option<&'l str>,
    actor: Value,
    target: Vec<Value>,
    from: Option<Origin>,
    session: Option<u64>,
    transaction: u64,
    uri: &'l str,
    debug: Vec<(&'l str, Value)>,
    severity: &'l str,
    phone_app: bool,
    is_main: bool,
}

impl Default for Line<'_> {
    fn default() -> Self {
        Self {
            event: "",
            text: "",
            legacy: "",
            result: "SUCCESS",
            reason: None,
            actor: Value::Null,
            target: Vec::new(),
            from: None,
            session: None,
            transaction: 0,
            uri: "/idp/idx/identify",
            debug: Vec::new(),
            severity: "INFO",
            phone_app: false,
            is_main: false,
        }
    }
}

pub(super) fn write(s: &mut Scribe<'_>) {
    let act = *s.act;
    match act.what {
        What::Attempt(attempt) => sign_in(s, act.at, act.who, &attempt),
        What::Use { from, app, session } => single_sign_on(s, act.at, act.who, from, app, session, 0),
        What::Change { kind, by, from, session, detail } => change(s, kind, by, from, session, detail),
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
        What::Housekeeping { topic } => housekeeping(s, topic),
    }
}

fn sign_in(s: &mut Scribe<'_>, at: i64, who: u32, attempt: &Attempt) {
    let person = s.person(who);
    let is_oie = s.settings.vendor == Vendor::OktaOie;
    let tx = mix(&[attempt.session, 7]);
    let from = Some(attempt.from);
    if matches!(attempt.step, Step::WrongPassword) {
        if is_oie {
            let line = factor_line(person, "FAILURE", Some("INVALID_CREDENTIALS"), "PASSWORD_AS_FACTOR", from, tx);
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
            reason: Some(if asks { "Sign-on policy evaluation resulted in CHALLENGE" } else { "Sign-on policy evaluation resulted in ALLOW" }),
            actor: user(person),
            target: vec![
                json!({"id": "00p2wikibasepolicy01", "type": "PolicyEntity", "alternateId": "unknown", "displayName": "Any two factors", "detailEntry": {"policyType": "Okta_Sign_On"}}),
                app_target(s, attempt.app),
            ],
            from,
            transaction: tx,
            debug: vec![("behaviors", json!(behaviours(person, &attempt.from))), ("risk", json!(risk(person, &attempt.from)))],
            ..Line::default()
        };
        emit(s, at + 250, 2, line);
        if is_oie {
            let line = factor_line(person, "SUCCESS", None, "PASSWORD_AS_FACTOR", from, tx);
            emit(s, at + 600, 3, line);
        }
    }
    let answered = second_step(s, at, person, attempt, tx);
    if let Some(done) = answered
        && !attempt.is_recovery
    {
        let line = Line {
            event: "user.session.start",
            text: "User login to Okta",
            legacy: "core.user_auth.login_success",
            actor: user(person),
            target: vec![
                json!({"id": format!("lae{}", letters(person.key, 17)), "type": "AuthenticatorEnrollment", "alternateId": "unknown", "displayName": "Password", "detailEntry": null}),
                app_target(s, attempt.app),
            ],
            from,
            session: Some(attempt.session),
            transaction: tx,
            uri: "/idp/idx/challenge/answer",
            ..Line::default()
        };
        emit(s, done + 350, 20, line);
        single_sign_on(s, done + 900, who, attempt.from, attempt.app, attempt.session, 21);
    }
}

/// The second step; returns when it succeeded.
fn second_step(s: &mut Scribe<'_>, at: i64, person: &Person, attempt: &Attempt, tx: u64) -> Option<i64> {
    let from = Some(attempt.from);
    let (factor, answer, after_ms, phone) = match attempt.step {
        Step::Remembered => return Some(at + 700),
        Step::WrongPassword => return None,
        Step::DeviceKey => {
            emit(s, at + 2_500, 4, factor_line(person, "SUCCESS", None, "SIGNED_NONCE", from, tx));
            return Some(at + 2_500);
        }
        Step::Code { is_right } => {
            let (result, reason) = if is_right { ("SUCCESS", None) } else { ("FAILURE", Some("INVALID_CREDENTIALS")) };
            emit(s, at + 14 * SECOND, 4, factor_line(person, result, reason, "OKTA_SOFT_TOKEN", from, tx));
            return is_right.then_some(at + 14 * SECOND);
        }
        Step::Prompt { factor, answer, after_ms, phone } => (factor, answer, after_ms, phone),
    };
    let (event, text, legacy, name) = match factor {
        Factor::Voice => ("system.voice.send_mfa_challenge_call", "Send MFA challenge call", "", "CALL_FACTOR"),
        Factor::Sms => ("system.sms.send_factor_verify_message", "Send verify SMS message", "core.user.sms.message_sent.verify", "SMS_FACTOR"),
        _ => ("system.push.send_factor_verify_push", "Send second factor push", "", "OKTA_VERIFY_PUSH"),
    };
    let devices = if factor == Factor::Push { u64::from(person.phones) } else { 1 };
    let by_system = mix(&[s.org.tenant, 3]) % 5 == 0;
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
            debug: vec![("factor", json!(name)), ("behaviors", json!(behaviours(person, &attempt.from)))],
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
                    ("pushWithNumberChallengeResponseType", json!("OV_WITH_CHALLENGE_RESPONSE_VALID"))
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
                let mut line = factor_line(person, "FAILURE", Some("INVALID_CREDENTIALS"), name, Some(responder), tx);
                line.phone_app = phone_app;
                if mix(&[s.org.tenant, 4]) % 3 != 0 {
                    line.debug.push(("pushOnlyResponseType", json!("OV_RESPONSE_DENY")));
                }
                emit(s, answered, 10, line);
            }
            if answer == Answer::Reported {
                report(s, answered + s.act.no as i64 % 12 * MINUTE + 40 * SECOND, person, attempt, tx);
            }
            None
        }
        Answer::Mismatched => {
            let mut line = factor_line(person, "FAILURE", Some("INVALID_CREDENTIALS"), name, Some(responder), tx);
            line.phone_app = phone_app;
            line.debug.push(("pushOnlyResponseType", json!("OV_RESPONSE_APPROVE")));
            line.debug.push(("pushWithNumberChallengeResponseType", json!("OV_WITH_CHALLENGE_RESPONSE_INVALID")));
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

fn single_sign_on(s: &mut Scribe<'_>, at: i64, who: u32, from: Origin, app: u8, session: u64, part: u64) {
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

fn change(s: &mut Scribe<'_>, kind: EventKind, by: By, from: Origin, session: u64, detail: u8) {
    use EventKind as K;
    let act = *s.act;
    let person = s.person(act.who);
    let actor = match by {
        By::Subscriber => person,
        By::Admin(admin) => s.person(admin),
    };
    let device = json!({"id": s.key("guo", 9, 17), "type": "Device", "alternateId": "unknown", "displayName": "Phone", "detailEntry": null});
    let (event, text, legacy, reason, target): (&str, &str, &str, Option<&str>, Vec<Value>) = match kind {
        K::FactorEnrolled if detail % 3 == 2 => ("user.mfa.factor.activate", "Activate factor or authenticator enrollment for user", "core.user.factor.activate", Some("User set up SMS_FACTOR factor"), vec![user(person)]),
        K::FactorEnrolled => ("user.mfa.factor.activate", "Activate factor or authenticator enrollment for user", "core.user.factor.activate", Some("User set up OKTA_VERIFY_PUSH factor"), vec![user(person)]),
        K::FactorRemoved => ("user.mfa.factor.deactivate", "Reset factor for user", "core.user.factor.reset", Some("User reset OKTA_VERIFY_PUSH factor"), vec![user(person)]),
        K::FactorReset => ("user.mfa.factor.reset_all", "Reset all factors for user", "core.user.factor.reset_all", None, vec![user(person)]),
        K::DeviceRegistered => ("device.enrollment.create", "Create device enrollment", "", None, vec![device, user(person)]),
        K::PasswordChanged => ("user.account.update_password", "User update password for Okta", "core.user.config.password_update.success", None, vec![user(person)]),
        K::PasswordReset => ("user.account.reset_password", "User reset password for Okta", "core.user.config.user_status.password_reset", None, vec![user(person)]),
        K::RecoveryChanged => ("user.account.update_secondary_email", "Update user secondary email", "core.user.config.secondary_email_update", None, vec![user(person)]),
        K::ConsentGranted => ("app.oauth2.as.consent.grant", "User granted consent to app", "", None, vec![json!({"id": s.key("oac", 8, 17), "type": "PublicClientApp", "alternateId": "unknown", "displayName": "Mail Helper", "detailEntry": null}), user(person)]),
        K::TokenCreated => ("system.api_token.create", "Create API token", "api.token.create", None, vec![json!({"id": s.key("00T", 8, 17), "type": "Token", "alternateId": "unknown", "displayName": "sync", "detailEntry": null})]),
        K::RoleAssigned => ("user.account.privilege.grant", "Grant user privilege", "core.user.admin_privilege.granted", None, vec![user(person)]),
        K::PolicyChanged if detail % 2 == 1 => ("zone.update", "Update Network Zone", "network_zone.updated", None, vec![json!({"id": s.key("nzo", 8, 17), "type": "NetworkZone", "alternateId": "unknown", "displayName": "Trusted offices", "detailEntry": null})]),
        K::PolicyChanged => ("policy.rule.update", "Update policy rule", "", None, vec![json!({"id": s.key("0pr", 8, 17), "type": "PolicyRule", "alternateId": "unknown", "displayName": "Catch-all Rule", "detailEntry": {"policyType": "Okta_Sign_On"}, "changeDetails": {"from": {"factorMode": "2FA"}, "to": {"factorMode": if detail >= 2 { "1FA" } else { "2FA" }}}})]),
        K::SessionRevoked => ("user.session.clear", "Clear user session", "core.user.session.clear", None, vec![user(person)]),
        K::Unlocked => ("user.account.unlock_by_admin", "Unlock user account by admin", "core.user.unlock_by_admin", None, vec![user(person)]),
        _ => return,
    };
    let debug = if kind == K::RoleAssigned { vec![("privilegeGranted", json!("Organization administrator"))] } else { Vec::new() };
    let line = Line {
        event,
        text,
        legacy,
        reason,
        actor: user(actor),
        target,
        from: Some(from),
        session: Some(session),
        transaction: mix(&[act.no, session]),
        uri: "/api/v1/users/me/factors",
        debug,
        is_main: true,
        ..Line::default()
    };
    emit(s, act.at, 0, line);
    if kind == K::FactorEnrolled {
        let line = Line {
            event: "system.email.mfa_enroll_notification.sent_message",
            text: "Send MFA enroll notification email",
            actor: json!({"id": "00uspsystemprincipal", "type": "SystemPrincipal", "alternateId": "system@okta.com", "displayName": "Okta System", "detailEntry": null}),
            target: vec![user(person)],
            transaction: mix(&[act.no, session]),
            ..Line::default()
        };
        emit(s, act.at + 3 * SECOND, 1, line);
    }
}

fn housekeeping(s: &mut Scribe<'_>, topic: u8) {
    let (event, text) = match topic {
        0 => ("group.user_membership.add", "Add user to group membership"),
        1 => ("application.user_membership.add", "Add user to application membership"),
        2 => ("app.oauth2.token.grant.access_token", "OAuth2 access token is granted"),
        3 => ("user.lifecycle.update", "Update Okta user"),
        4 => ("system.agent.ad.realtimesync", "Perform RealTimeSync by AD agent"),
        _ => ("directory.user_profile.update", "Update user profile"),
    };
    let line = Line {
        event,
        text,
        actor: json!({"id": "0oa1provisioning0001", "type": "PublicClientApp", "alternateId": "unknown", "displayName": "Provisioning", "detailEntry": null}),
        target: vec![json!({"id": s.key("00g", 3, 17), "type": "UserGroup", "alternateId": "unknown", "displayName": "Everyone", "detailEntry": null})],
        ..Line::default()
    };
    let at = s.act.at;
    emit(s, at, 0, line);
}

fn factor_line<'l>(person: &Person, result: &'l str, reason: Option<&'l str>, factor: &'l str, from: Option<Origin>, tx: u64) -> Line<'l> {
    let (name, method) = match factor {
        "PASSWORD_AS_FACTOR" => ("Password", "Password"),
        "SIGNED_NONCE" => ("Okta Verify", "Use Okta FastPass"),
        "OKTA_SOFT_TOKEN" => ("Okta Verify", "Enter a code"),
        "SMS_FACTOR" => ("Phone", "SMS"),
        "CALL_FACTOR" => ("Phone", "Voice call"),
        _ => ("Okta Verify", "Get a push notification"),
    };
    Line {
        event: "user.authentication.auth_via_mfa",
        text: "Authentication of user via MFA",
        legacy: if result == "SUCCESS" { "core.user.factor.attempt_success" } else { "core.user.factor.attempt_fail" },
        result,
        reason,
        actor: user(person),
        target: vec![
            user(person),
            json!({"id": format!("pfd{}", letters(person.key ^ 5, 17)), "type": "AuthenticatorEnrollment", "alternateId": "unknown", "displayName": name, "detailEntry": {"methodTypeUsed": method}}),
        ],
        from,
        transaction: tx,
        uri: "/idp/idx/challenge/answer",
        debug: vec![("factor", json!(factor)), ("factorIntent", json!("AUTHENTICATION"))],
        ..Line::default()
    }
}

fn user(person: &Person) -> Value {
    json!({"id": person.id, "type": "User", "alternateId": person.mail, "displayName": person.display, "detailEntry": null})
}

fn app_target(s: &Scribe<'_>, app: u8) -> Value {
    json!({"id": format!("0oa{}", letters(mix(&[s.org.tenant, u64::from(app)]), 17)), "type": "AppInstance", "alternateId": app_name(app), "displayName": app_name(app), "detailEntry": {"signOnModeType": "SAML_2_0"}})
}

fn behaviours(person: &Person, from: &Origin) -> String {
    let p = |is: bool| if is { "POSITIVE" } else { "NEGATIVE" };
    let away = from.net.city != person.city;
    let device = from.device != person.laptop.device && from.device != person.phone.device;
    format!(
        "{{New Geo-Location={}, New Device={}, New IP={}, New State={}, New Country={}, Velocity=NEGATIVE, New City={}}}",
        p(away), p(device), p(device || away), p(away), p(city_at(from.net.city).code != person.country()), p(away)
    )
}

fn risk(person: &Person, from: &Origin) -> &'static str {
    let device = from.device != person.laptop.device && from.device != person.phone.device;
    match (device, from.net.city != person.city) {
        (true, true) => "{reasons=Anomalous Location, Anomalous Device, level=MEDIUM}",
        (true, false) => "{reasons=Anomalous Device, level=LOW}",
        (false, _) => "{level=LOW}",
    }
}

fn browser_name(browser: &Browser) -> &'static str {
    match browser.name() {
        "Chrome" => "CHROME",
        "Edge" => "EDGE",
        "Firefox" => "FIREFOX",
        "Safari" => "SAFARI",
        _ => "UNKNOWN",
    }
}

fn emit(s: &mut Scribe<'_>, at: i64, part: u64, mut line: Line<'_>) {
    let id = s.id(part);
    if let What::Attempt(attempt) = s.act.what
        && s.settings.vendor == Vendor::OktaOie
        && line.event != "user.account.report_suspicious_activity_by_enduser"
    {
        // Identity Engine gives a sign-in its session id from the first step on; Classic says
        // "unknown" until there is a session.
        line.session = Some(attempt.session);
    }
    let (client, chain, security, fingerprint) = match &line.from {
        Some(from) => {
            let ip = s.ip(from, at);
            let city = city_at(from.net.city);
            let (lat, lon) = point(from.net.city, from.net.block);
            let geo = json!({"city": city.name, "state": city.state, "country": city.country, "postalCode": format!("{:05}", from.net.block % 90_000 + 10_000), "geolocation": {"lat": lat, "lon": lon}});
            let agent = if line.phone_app {
                let os = from.browser.os();
                format!("OktaVerify/9.{} com.okta.android.auth ({}; {})", from.browser.version % 20, os.0, os.1)
            } else {
                s.agent(from, at)
            };
            let version = if ip.contains(':') { "V6" } else { "V4" };
            (
                json!({"userAgent": {"rawUserAgent": agent, "os": format!("{} {}", from.browser.os().0, from.browser.os().1), "browser": if line.phone_app { "UNKNOWN" } else { browser_name(&from.browser) }}, "zone": "null", "device": if from.browser.is_mobile() { "Mobile" } else { "Computer" }, "id": null, "ipAddress": ip, "geographicalContext": geo}),
                json!([{"ip": ip, "geographicalContext": geo, "version": version, "source": null}]),
                json!({"asNumber": from.net.asn, "asOrg": from.net.provider, "isp": from.net.provider, "domain": ".", "isProxy": from.net.is_proxy()}),
                Some(crate::people::uuid(mix(&[from.device, 1]), mix(&[from.device, 2])).replace('-', "")),
            )
        }
        None => (
            json!({"userAgent": null, "zone": null, "device": null, "id": null, "ipAddress": null, "geographicalContext": null}),
            json!([]),
            json!({"asNumber": null, "asOrg": null, "isp": null, "domain": null, "isProxy": null}),
            None,
        ),
    };
    let mut debug = serde_json::Map::new();
    let request = letters(mix(&[line.transaction, part]), 26);
    debug.insert("requestId".into(), json!(request));
    debug.insert("requestUri".into(), json!(line.uri));
    debug.insert("url".into(), json!(format!("{}?", line.uri)));
    debug.insert("threatSuspected".into(), json!("false"));
    debug.insert("authnRequestId".into(), json!(letters(line.transaction, 26)));
    if let Some(fingerprint) = &fingerprint
        && !line.phone_app
    {
        debug.insert("dtHash".into(), json!(format!("{fingerprint}{fingerprint}")));
        debug.insert("deviceFingerprint".into(), json!(fingerprint));
        debug.insert("oktaUserAgentExtended".into(), json!("okta-auth-js/7.10.1 okta-signin-widget-7.30.1"));
    }
    for (name, value) in line.debug {
        debug.insert(name.into(), value);
    }
    let device = line.from.as_ref().filter(|from| from.is_managed && !line.phone_app).map(|from| {
        json!({"id": format!("guo{}", letters(from.device, 17)), "name": format!("LT-{}", letters(from.device, 6).to_uppercase()), "os_platform": from.browser.os().0, "os_version": from.browser.os().1, "managed": true, "registered": true, "device_integrator": null, "disk_encryption_type": "ALL_INTERNAL_VOLUMES", "screen_lock_type": "BIOMETRIC", "jailbreak": null, "secure_hardware_present": true})
    });
    let session = line.session.map_or_else(|| "unknown".to_owned(), |session| format!("idx{}", letters(session, 22)));
    let body = json!({
        "actor": line.actor,
        "client": client,
        "device": device,
        "authenticationContext": {"authenticationProvider": "FACTOR_PROVIDER", "credentialProvider": "OKTA_CREDENTIAL_PROVIDER", "credentialType": null, "issuer": null, "interface": null, "authenticationStep": 0, "rootSessionId": session, "externalSessionId": session},
        "displayMessage": line.text,
        "eventType": line.event,
        "outcome": {"result": line.result, "reason": line.reason},
        "published": stamp(at),
        "securityContext": security,
        "severity": line.severity,
        "debugContext": {"debugData": debug},
        "legacyEventType": line.legacy,
        "transaction": {"type": "WEB", "id": letters(line.transaction, 26), "detail": {}},
        "uuid": id,
        "version": "0",
        "request": {"ipChain": chain},
        "target": line.target,
    });
    s.emit(FILE, at, Some(id), line.is_main, body);
}
