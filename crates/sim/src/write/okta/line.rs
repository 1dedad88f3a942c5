//! One System Log record: what all of them share.

use serde_json::{Value, json};

use super::super::{Scribe, app_name, point, stamp};
use crate::act::{Origin, What};
use crate::people::{Person, letters};
use crate::places::{Browser, city_at};
use crate::rng::mix;
use crate::settings::Vendor;

const FILE: &str = "okta.jsonl";

/// What differs from record to record.
pub(super) struct Line<'l> {
    pub(super) event: &'l str,
    pub(super) text: &'l str,
    pub(super) legacy: &'l str,
    pub(super) result: &'l str,
    pub(super) reason: Option<&'l str>,
    pub(super) actor: Value,
    pub(super) target: Vec<Value>,
    pub(super) from: Option<Origin>,
    pub(super) session: Option<u64>,
    pub(super) transaction: u64,
    pub(super) uri: &'l str,
    pub(super) debug: Vec<(&'l str, Value)>,
    pub(super) severity: &'l str,
    pub(super) phone_app: bool,
    pub(super) is_main: bool,
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

pub(super) fn factor_line<'l>(
    person: &Person,
    result: &'l str,
    reason: Option<&'l str>,
    factor: &'l str,
    from: Option<Origin>,
    tx: u64,
) -> Line<'l> {
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
        legacy: if result == "SUCCESS" {
            "core.user.factor.attempt_success"
        } else {
            "core.user.factor.attempt_fail"
        },
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

pub(super) fn user(person: &Person) -> Value {
    json!({"id": person.id, "type": "User", "alternateId": person.mail, "displayName": person.display, "detailEntry": null})
}

pub(super) fn app_target(s: &Scribe<'_>, app: u8) -> Value {
    json!({"id": format!("0oa{}", letters(mix(&[s.org.tenant, u64::from(app)]), 17)), "type": "AppInstance", "alternateId": app_name(app), "displayName": app_name(app), "detailEntry": {"signOnModeType": "SAML_2_0"}})
}

pub(super) fn behaviours(person: &Person, from: &Origin) -> String {
    let p = |is: bool| if is { "POSITIVE" } else { "NEGATIVE" };
    let away = from.net.city != person.city;
    let device = from.device != person.laptop.device && from.device != person.phone.device;
    format!(
        "{{New Geo-Location={}, New Device={}, New IP={}, New State={}, New Country={}, Velocity=NEGATIVE, New City={}}}",
        p(away),
        p(device),
        p(device || away),
        p(away),
        p(city_at(from.net.city).code != person.country_code()),
        p(away)
    )
}

pub(super) fn risk(person: &Person, from: &Origin) -> &'static str {
    let device = from.device != person.laptop.device && from.device != person.phone.device;
    match (device, from.net.city != person.city) {
        (true, true) => "{reasons=Anomalous Location, Anomalous Device, level=MEDIUM}",
        (true, false) => "{reasons=Anomalous Device, level=LOW}",
        (false, _) => "{level=LOW}",
    }
}

pub(super) fn browser_name(browser: &Browser) -> &'static str {
    match browser.name() {
        "Chrome" => "CHROME",
        "Edge" => "EDGE",
        "Firefox" => "FIREFOX",
        "Safari" => "SAFARI",
        _ => "UNKNOWN",
    }
}

pub(super) fn emit(s: &mut Scribe<'_>, at: i64, part: u64, mut line: Line<'_>) {
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
                format!(
                    "OktaVerify/9.{} com.okta.android.auth ({}; {})",
                    from.browser.version % 20,
                    os.0,
                    os.1
                )
            } else {
                s.agent(from, at)
            };
            let version = if ip.contains(':') { "V6" } else { "V4" };
            (
                json!({"userAgent": {"rawUserAgent": agent, "os": format!("{} {}", from.browser.os().0, from.browser.os().1), "browser": if line.phone_app { "UNKNOWN" } else { browser_name(&from.browser) }}, "zone": "null", "device": if from.browser.is_mobile() { "Mobile" } else { "Computer" }, "id": null, "ipAddress": ip, "geographicalContext": geo}),
                json!([{"ip": ip, "geographicalContext": geo, "version": version, "source": null}]),
                json!({"asNumber": from.net.asn, "asOrg": from.net.provider, "isp": from.net.provider, "domain": ".", "isProxy": from.net.is_proxy()}),
                Some(
                    crate::people::uuid(mix(&[from.device, 1]), mix(&[from.device, 2]))
                        .replace('-', ""),
                ),
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
        debug.insert(
            "oktaUserAgentExtended".into(),
            json!("okta-auth-js/7.10.1 okta-signin-widget-7.30.1"),
        );
    }
    for (name, value) in line.debug {
        debug.insert(name.into(), value);
    }
    let device = line.from.as_ref().filter(|from| from.is_managed && !line.phone_app).map(|from| {
        json!({"id": format!("guo{}", letters(from.device, 17)), "name": format!("LT-{}", letters(from.device, 6).to_uppercase()), "os_platform": from.browser.os().0, "os_version": from.browser.os().1, "managed": true, "registered": true, "device_integrator": null, "disk_encryption_type": "ALL_INTERNAL_VOLUMES", "screen_lock_type": "BIOMETRIC", "jailbreak": null, "secure_hardware_present": true})
    });
    let session = line
        .session
        .map_or_else(|| "unknown".to_owned(), |session| format!("idx{}", letters(session, 22)));
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
