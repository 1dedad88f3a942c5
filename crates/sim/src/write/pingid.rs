//! PingID (classic): a policy record when a sign-in starts, a result record when it ends. No place
//! is logged; the address is the requester's.

use pushback_model::{EventKind, Factor};
use serde_json::json;

use super::{Scribe, app_name, stamp};
use crate::act::{Answer, By, Origin, PROMPT_LAG, SECOND, Step, What};
use crate::people::{Person, letters};
use crate::places::System;
use crate::rng::mix;

const FILE: &str = "pingid.jsonl";

pub(super) fn write(s: &mut Scribe<'_>) {
    let act = *s.act;
    let person = s.person(act.who);
    match act.what {
        What::Attempt(attempt) => {
            let app = if attempt.is_recovery {
                "Self-Service Password Reset"
            } else {
                app_name(attempt.app)
            };
            let vpn = app == "VPN Gateway";
            let kind = if vpn { "VPN" } else { "SSO" };
            let phone = |origin: &Origin| model(origin);
            let (status, message, known, device) = match attempt.step {
                Step::WrongPassword => return,
                Step::Remembered => {
                    policy(s, person, &attempt.from, attempt.session, app, "Approve");
                    return;
                }
                Step::DeviceKey => (
                    "SUCCESS",
                    format!("{kind} FIDO2 Biometrics \"Windows Hello\""),
                    act.at + 3 * SECOND,
                    "Windows Hello".to_owned(),
                ),
                Step::Code { is_right: true } => (
                    "SUCCESS",
                    format!("{kind} One-Time Passcode \"{}\"", phone(&person.phone)),
                    act.at + 15 * SECOND,
                    phone(&person.phone),
                ),
                Step::Code { is_right: false } => (
                    "FAILURE,authFail",
                    format!("{kind} Invalid passcode \"{}\"", phone(&person.phone)),
                    act.at + 15 * SECOND,
                    phone(&person.phone),
                ),
                Step::Prompt { factor, answer, after_ms, phone: end } => {
                    let name = phone(&end);
                    let known = act.at + PROMPT_LAG + after_ms;
                    let (status, message) = match (factor, answer) {
                        (Factor::Sms, Answer::Approved) => {
                            ("SUCCESS", format!("{kind} SMS \"Mobile 1\""))
                        }
                        (Factor::Voice, Answer::Approved) => {
                            ("SUCCESS", format!("{kind} Voice \"Mobile 1\""))
                        }
                        (_, Answer::Approved) => (
                            "SUCCESS",
                            format!(
                                "{kind} {} \"{name}\"",
                                if s.act.no.is_multiple_of(2) { "Swipe" } else { "Banner" }
                            ),
                        ),
                        (_, Answer::Denied) => {
                            ("FAILURE,authFail", format!("{kind} Auth. User denied \"{name}\""))
                        }
                        (_, Answer::Reported) => (
                            "FAILURE,authFail",
                            format!("{kind} Auth. User denied and reported fraud \"{name}\""),
                        ),
                        (_, Answer::Silent) if s.act.no.is_multiple_of(5) => (
                            "UNSUCCESSFUL_ATTEMPT",
                            format!("{kind} Auth. Timed Out, Unresponsive Device \"{name}\""),
                        ),
                        (_, Answer::Silent) => (
                            "FAILURE,authFail",
                            format!("{kind} Auth. Timed Out, Unresponsive User \"{name}\""),
                        ),
                        (_, Answer::Mismatched) => (
                            "FAILURE,authFail",
                            format!("{kind} Auth. Wrong number selected \"{name}\""),
                        ),
                    };
                    (status, message, known, name)
                }
            };
            policy(s, person, &attempt.from, attempt.session, app, "Authenticate");
            let id = s.id(1);
            let body = json!({"source": "PINGID", "id": id, "recorded": stamp(known), "action": {"type": kind}, "actors": [{"type": "user", "name": name(s, person)}], "resources": [{"ipaddress": s.ip(&attempt.from, act.at), "websession": session(attempt.session), "pingidmsg": message, "devicemodel": device}], "result": {"status": status, "message": message}});
            s.emit(FILE, known, Some(id), false, body);
        }
        What::Use { from, app, session } if act.no.is_multiple_of(2) => {
            policy(s, person, &from, session, app_name(app), "Approve")
        }
        What::Use { .. } | What::Locked { .. } | What::LogOn { .. } | What::File { .. } => {}
        What::Change { kind, by, from, session: held, .. } => {
            let device = match by {
                By::Subscriber => model(&Origin {
                    browser: crate::places::Browser {
                        system: if s.act.no.is_multiple_of(2) {
                            System::Android
                        } else {
                            System::Ios
                        },
                        ..from.browser
                    },
                    ..from
                }),
                By::Admin(_) => model(&person.phone),
            };
            let message = match kind {
                EventKind::FactorEnrolled => format!("Device Paired \"{device}\""),
                EventKind::FactorRemoved | EventKind::FactorReset => {
                    format!("Device Unpaired \"{device}\"")
                }
                _ => return,
            };
            let id = s.id(0);
            let body = json!({"source": "PINGID", "id": id, "recorded": stamp(act.at), "actors": [{"type": "user", "name": name(s, person)}], "resources": [{"ipaddress": s.ip(&from, act.at), "websession": session(held), "devicemodel": device}], "result": {"status": "SUCCESS", "message": message}});
            s.emit(FILE, act.at, Some(id), true, body);
        }
        What::Housekeeping { topic } => {
            let person = s.person(act.no as u32 % s.settings.people);
            let id = s.id(0);
            let message = if topic.is_multiple_of(2) {
                "Email sent to user"
            } else {
                "User attributes updated"
            };
            let body = json!({"source": "PINGID", "id": id, "recorded": stamp(act.at), "actors": [{"type": "user", "name": name(s, person)}], "resources": [{"ipaddress": "0.0.0.0"}], "resource": "SEND_EMAIL", "result": {"status": "SUCCESS", "message": message}});
            s.emit(FILE, act.at, Some(id), false, body);
        }
    }
}

/// The case of names varies from record to record.
fn name(s: &Scribe<'_>, person: &Person) -> String {
    if mix(&[s.act.no, 18]).is_multiple_of(6) {
        person.mail.to_uppercase()
    } else {
        person.mail.clone()
    }
}

fn session(seed: u64) -> String {
    format!("webs_{}", letters(seed, 40))
}

fn model(origin: &Origin) -> String {
    match origin.browser.system {
        System::Ios => format!("iPhone {}", 13 + origin.device % 4),
        System::Android => format!("samsung SM-S9{}1B", origin.device % 3),
        System::Windows | System::Mac | System::Linux => "Desktop".to_owned(),
    }
}

fn policy(s: &mut Scribe<'_>, person: &Person, from: &Origin, held: u64, app: &str, action: &str) {
    let at = s.act.at;
    let id = s.id(0);
    let ip = s.ip(from, at);
    let os = from.browser.os();
    let message = format!(
        "Authentication Details:\nIP Address: {ip}\nPrevious Authentication IP: N/A\nPrevious Authentication Time: N/A\nIP Reputation Whitelist Met: false\nIP Risk Score: N/A\nCountry: N/A\nPrevious Country: N/A\nGround Speed: N/A km/h\nCurrent VPN/Proxy login: N/A\nPrevious VPN/Proxy login: N/A\nGeovelocity Whitelist Met: N/A\nNew Device: false\nRisk Level: N/A\nRequested Application ID: {}\nRequested Application Name: {app}\nPassword Reset: false\nSelf Service Device Management: false\nTime since last Authentication: N/A\nLimit Push Notifications: N/A\nAccessing Device UserAgent: {}\nAccessing Device OS: {} {}\nAccessing Device Browser: {}\nMobile OS Version: {}\nDevice Lock Enabled: true\nDevice Rooted or Jailbroken: false\nPingID App Version: 2.9.0\nAction: {action}\nPolicy Met: \"Default policy\"",
        letters(mix(&[s.org.tenant, app.len() as u64]), 20),
        s.agent(from, at),
        os.0,
        os.1,
        from.browser.name(),
        if person.phone.browser.system == System::Ios { "IOS 18.1" } else { "ANDROID 15" },
    );
    let body = json!({"source": "PINGID", "id": id, "recorded": stamp(at), "actors": [{"type": "user", "name": name(s, person)}], "resources": [{"ipaddress": ip, "websession": session(held)}], "result": {"status": "POLICY", "message": message}});
    s.emit(FILE, at + 5, Some(id), false, body);
}
