//! Duo: one authentication record for each finished prompt, administrator, activity and telephony
//! logs. The password is checked elsewhere, so a wrong one leaves nothing here.

use pushback_model::{EventKind, Factor};
use serde_json::{Value, json};

use super::{Scribe, app_name, stamp};
use crate::act::{Answer, Attempt, By, Origin, PROMPT_LAG, SECOND, Step, What};
use crate::people::{Person, letters};
use crate::places::city_at;
use crate::rng::mix;

const AUTH: &str = "duo_authentication.jsonl";
const ADMIN: &str = "duo_administrator.jsonl";
const ACTIVITY: &str = "duo_activity.jsonl";
const TELEPHONY: &str = "duo_telephony.jsonl";

pub(super) fn write(s: &mut Scribe<'_>) {
    let act = *s.act;
    let person = s.person(act.who);
    match act.what {
        What::Attempt(attempt) => attempted(s, person, &attempt),
        // Applications sign in again through a remembered browser now and then.
        What::Use { from, app, .. } if act.no.is_multiple_of(3) => {
            authentication(
                s,
                person,
                &from,
                app,
                act.at,
                0,
                "remembered_device",
                ("success", Some("remembered_device")),
                None,
            );
        }
        What::LogOn { at, step: Step::Prompt { answer, after_ms, phone, .. } } => {
            log_on(s, person, &at, answer, after_ms, &phone);
        }
        What::Use { .. } | What::LogOn { .. } | What::File { .. } => {}
        What::Change { kind, by, from, detail, .. } => change(s, person, kind, by, &from, detail),
        What::Locked { from } => {
            authentication(
                s,
                person,
                &from,
                0,
                act.at,
                0,
                "not_available",
                ("denied", Some("locked_out")),
                None,
            );
        }
        What::Housekeeping { topic } => {
            let name = if topic.is_multiple_of(2) { "admin_login" } else { "group_update" };
            admin(
                s,
                "API Directory Sync",
                name,
                None,
                &json!({"ip_address": "", "note": "sync"}),
                0,
                false,
            );
        }
    }
}

fn attempted(s: &mut Scribe<'_>, person: &Person, attempt: &Attempt) {
    let at = s.act.at;
    match attempt.step {
        Step::WrongPassword => {}
        Step::Remembered => authentication(
            s,
            person,
            &attempt.from,
            attempt.app,
            at,
            0,
            "remembered_device",
            ("success", Some("remembered_device")),
            None,
        ),
        Step::DeviceKey => authentication(
            s,
            person,
            &attempt.from,
            attempt.app,
            at + 3_000,
            0,
            "webauthn_platform",
            ("success", Some("user_approved")),
            None,
        ),
        Step::Code { is_right } => {
            let result = if is_right {
                ("success", Some("valid_passcode"))
            } else {
                ("denied", Some("invalid_passcode"))
            };
            authentication(
                s,
                person,
                &attempt.from,
                attempt.app,
                at + 15 * SECOND,
                0,
                "duo_mobile_passcode",
                result,
                None,
            );
        }
        Step::Prompt { factor, answer, after_ms, phone } => {
            let (name, result) = match (factor, answer) {
                (Factor::Voice, Answer::Approved) => {
                    ("phone_call", ("success", Some("user_approved")))
                }
                (Factor::Voice, Answer::Silent) => {
                    ("phone_call", ("denied", Some("call_timed_out")))
                }
                (Factor::Voice, _) => ("phone_call", ("denied", Some("no_keys_pressed"))),
                (Factor::Sms, Answer::Approved) => {
                    ("sms_passcode", ("success", Some("valid_passcode")))
                }
                (Factor::Sms, _) => ("sms_refresh", ("success", Some("sms_sent"))),
                (_, Answer::Approved) => ("duo_push", ("success", Some("user_approved"))),
                (_, Answer::Denied) => (
                    "duo_push",
                    (
                        "denied",
                        Some(if s.act.no.is_multiple_of(4) {
                            "user_cancelled"
                        } else {
                            "user_mistake"
                        }),
                    ),
                ),
                (_, Answer::Reported) => ("duo_push", ("fraud", Some("user_marked_fraud"))),
                (_, Answer::Silent) => ("duo_push", ("denied", Some("no_response"))),
                (_, Answer::Mismatched) => ("duo_push", ("denied", Some("invalid_passcode"))),
            };
            let name =
                if name == "duo_push" && s.org.number_match { "verified_duo_push" } else { name };
            let known = at + PROMPT_LAG + after_ms;
            authentication(
                s,
                person,
                &attempt.from,
                attempt.app,
                known,
                0,
                name,
                result,
                Some(&phone),
            );
            if matches!(factor, Factor::Voice | Factor::Sms) {
                let body = json!({"context": "authentication", "credits": if factor == Factor::Voice { 2 } else { 1 }, "phone": number(person), "telephony_id": s.id(5), "ts": micro(at + PROMPT_LAG), "txid": s.id(0), "type": if factor == Factor::Voice { "phone" } else { "sms" }});
                s.emit(TELEPHONY, at + PROMPT_LAG, Some(s.id(5)), false, body);
            }
        }
    }
}

fn number(person: &Person) -> String {
    // 555-01xx is reserved for fiction (North American Numbering Plan).
    format!("+1 {}-555-01{:02}", 201 + person.key % 700, person.key % 100)
}

fn micro(at: i64) -> String {
    stamp(at).replace('Z', "000+00:00")
}

fn key(seed: u64, prefix: &str) -> String {
    format!("{prefix}{}", letters(seed, 18).to_uppercase())
}

fn place(from: &Origin) -> Value {
    let city = city_at(from.net.city);
    json!({"city": city.name, "state": city.state, "country": city.country})
}

#[expect(
    clippy::too_many_arguments,
    reason = "one authentication record has that many independent parts"
)]
fn authentication(
    s: &mut Scribe<'_>,
    person: &Person,
    from: &Origin,
    app: u8,
    at: i64,
    part: u64,
    factor: &str,
    result: (&str, Option<&str>),
    phone: Option<&Origin>,
) {
    let day = s.day(at);
    let id = s.id(part);
    // The endpoint key needs the health app: managed machines have it.
    let endpoint = from.is_managed.then(|| key(from.device, "EP"));
    let known = |value: bool| if from.is_managed { json!(value) } else { json!("unknown") };
    let os = from.browser.os();
    let phone_end = phone.map_or_else(
        || json!({"ip": null, "key": null, "location": {"city": null, "country": null, "state": null}, "name": null}),
        |phone| json!({"ip": s.ip(phone, at), "key": key(phone.device, "DP"), "location": place(phone), "name": number(person)}),
    );
    let is_known = from.device == person.laptop.device || from.device == person.phone.device;
    let body = json!({
        "access_device": {"browser": from.browser.name(), "browser_version": format!("{}.0.0.0", from.browser.version_on(day)), "epkey": endpoint, "flash_version": "uninstalled", "hostname": from.is_managed.then(|| format!("LT-{}", letters(from.device, 6).to_uppercase())), "ip": s.ip(from, s.act.at), "is_encryption_enabled": known(true), "is_firewall_enabled": known(true), "is_password_set": known(true), "java_version": "uninstalled", "location": place(from), "os": os.0, "os_version": os.1, "security_agents": if from.is_managed { json!([]) } else { json!("unknown") }},
        "adaptive_trust_assessments": {"more_secure_auth": {"detected_attack_detectors": [], "features_version": "3.0", "model_version": "2026.01.08.001", "policy_enabled": false, "reason": if is_known { "Normal level of trust; no detection of known attack pattern" } else { "Known Access IP" }, "trust_level": "NORMAL"}},
        "alias": "unknown",
        "application": {"key": key(mix(&[s.org.tenant, u64::from(app)]), "DI"), "name": if is_recovery(s) { "Self-Service Password Reset" } else { app_name(app) }},
        "auth_device": phone_end,
        "email": person.mail,
        "event_type": "authentication",
        "factor": factor,
        "isotimestamp": micro(at),
        "ood_software": null,
        "passport_assessment": {"is_supported": false, "reason": "absent_health_report"},
        "reason": result.1,
        "result": result.0,
        "timestamp": at / 1_000,
        "trusted_endpoint_status": if from.is_managed { "trusted" } else { "not trusted" },
        "trusted_session_info": null,
        "txid": id,
        "user": {"groups": ["Everyone", "Staff"], "key": person.id, "name": person.login},
    });
    s.emit(AUTH, at, Some(id), false, body);
}

/// Duo for Windows Logon: it knows the computer, but neither a browser nor an address.
fn log_on(
    s: &mut Scribe<'_>,
    person: &Person,
    laptop: &Origin,
    answer: Answer,
    after_ms: i64,
    phone: &Origin,
) {
    let known = s.act.at + PROMPT_LAG + after_ms;
    let result = match answer {
        Answer::Approved => ("success", "user_approved"),
        _ => ("denied", "no_response"),
    };
    let id = s.id(0);
    let body = json!({
        "access_device": {"browser": null, "browser_version": null, "epkey": null, "flash_version": null, "hostname": format!("LT-{}", letters(laptop.device, 6).to_uppercase()), "ip": "0.0.0.0", "is_encryption_enabled": "unknown", "is_firewall_enabled": "unknown", "is_password_set": "unknown", "java_version": null, "location": {"city": null, "country": null, "state": null}, "os": "Windows", "os_version": "10.0.26100", "security_agents": "unknown"},
        "adaptive_trust_assessments": {},
        "alias": "unknown",
        "application": {"key": key(mix(&[s.org.tenant, 91]), "DI"), "name": "Microsoft RDP"},
        "auth_device": {"ip": s.ip(phone, known), "key": key(phone.device, "DP"), "location": place(phone), "name": number(person)},
        "email": person.mail,
        "event_type": "authentication",
        "factor": "duo_push",
        "isotimestamp": micro(known),
        "ood_software": null,
        "reason": result.1,
        "result": result.0,
        "timestamp": known / 1_000,
        "trusted_endpoint_status": "unknown",
        "txid": id,
        "user": {"groups": ["Everyone", "Staff"], "key": person.id, "name": person.login},
    });
    s.emit(AUTH, known, Some(id), false, body);
}

const fn is_recovery(s: &Scribe<'_>) -> bool {
    matches!(s.act.what, What::Attempt(Attempt { is_recovery: true, .. }))
}

fn change(s: &mut Scribe<'_>, person: &Person, kind: EventKind, by: By, from: &Origin, detail: u8) {
    use EventKind as K;
    let at = s.act.at;
    let actor = match by {
        By::Subscriber => person,
        By::Admin(who) => s.person(who),
    };
    match (kind, by) {
        (K::FactorEnrolled, By::Subscriber) => {
            let id = s.id(0);
            let day = s.day(at);
            let os = from.browser.os();
            let body = json!({
                "access_device": {"browser": from.browser.name(), "browser_version": format!("{}.0.0.0", from.browser.version_on(day)), "epkey": null, "flash_version": null, "hostname": null, "ip": s.ip(from, at), "is_encryption_enabled": "unknown", "is_firewall_enabled": "unknown", "is_password_set": "unknown", "java_version": null, "location": place(from), "os": os.0, "os_version": os.1, "security_agents": "unknown"},
                "adaptive_trust_assessments": {},
                "alias": "unknown",
                "application": {"key": key(mix(&[s.org.tenant, 90]), "DI"), "name": "Device Management Portal"},
                "auth_device": {"ip": null, "key": key(mix(&[s.act.no, 5]), "DP"), "location": {"city": null, "country": null, "state": null}, "name": "Generic Smartphone"},
                "email": person.mail,
                "event_type": "enrollment",
                "factor": "not_available",
                "isotimestamp": micro(at),
                "ood_software": null,
                "reason": null,
                "result": "success",
                "timestamp": at / 1_000,
                "trusted_endpoint_status": "unknown",
                "txid": id,
                "user": {"groups": ["Everyone", "Staff"], "key": person.id, "name": person.login},
            });
            s.emit(AUTH, at, Some(id), true, body);
        }
        (K::FactorRemoved, By::Subscriber) => {
            let id = s.id(0);
            let body = json!({"access_device": {"browser": from.browser.name(), "browser_version": "142.0.0.0", "epkey": null, "ip": {"address": s.ip(from, at)}, "location": place(from), "os": from.browser.os().0, "os_version": from.browser.os().1}, "action": {"details": null, "name": "phone_delete"}, "activity_id": id, "actor": {"details": "{\"status\": \"Active\"}", "key": person.id, "name": person.login, "type": "user"}, "akey": key(s.org.tenant, "DA"), "application": {"key": key(mix(&[s.org.tenant, 90]), "DI"), "name": "Device Management Portal", "type": "device_management_portal"}, "old_target": null, "outcome": {"result": "SUCCESS"}, "target": {"details": "{\"platform\": \"Apple iOS\"}", "key": key(person.phone.device, "DP"), "name": number(person), "type": "phone"}, "ts": micro(at)});
            s.emit(ACTIVITY, at, Some(id), true, body);
        }
        (K::FactorReset, _) => admin(
            s,
            &actor.display,
            "phone_disassociate",
            Some(&person.login),
            &json!({"phone": number(person)}),
            0,
            true,
        ),
        (K::BypassGranted, _) => admin(
            s,
            &actor.mail,
            "bypass_create",
            Some(&person.login),
            &json!({"bypass": "", "count": 10, "valid_secs": 86_400, "auto_generated": true, "remaining_uses": 1, "user_id": person.id}),
            0,
            true,
        ),
        (K::RoleAssigned, _) => admin(
            s,
            &actor.mail,
            "admin_create",
            Some("sync operator"),
            &json!({"email": format!("sync{}@{}", detail, s.org.domain), "role": if detail >= 2 { "Owner" } else { "Help Desk" }}),
            0,
            true,
        ),
        (K::PolicyChanged, _) => admin(
            s,
            &actor.mail,
            "policy_update",
            Some("Global Policy"),
            &json!({"sections": {"new_user": {"new_user_behavior": "no-mfa"}}}),
            0,
            true,
        ),
        (K::Unlocked, _) => {
            admin(s, &actor.mail, "user_lockout_cleared", Some(&person.login), &json!({}), 0, true)
        }
        // Duo does not hold the password, mail or consents.
        _ => {}
    }
}

fn admin(
    s: &mut Scribe<'_>,
    username: &str,
    action: &str,
    object: Option<&str>,
    description: &Value,
    _part: u64,
    is_main: bool,
) {
    let at = s.act.at;
    let text = stamp(at - at.rem_euclid(1_000)).replace(".000Z", "+00:00");
    let body = json!({"action": action, "description": description.to_string(), "isotimestamp": text, "object": object, "timestamp": at / 1_000, "username": username});
    s.emit(ADMIN, at, None, is_main, body);
}
