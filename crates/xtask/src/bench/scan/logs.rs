//! Logs to measure with: invented, deterministic, of realistic size and mix.
//!
//! Okta records have the members and the length (about 2.8 kB) of an Identity Engine organisation's,
//! Duo's those of authentication log version 2 (about 1.1 kB). Most of what people do is ordinary:
//! everyone has one to three computers, works from home or from one of five offices, and says yes to
//! nearly every prompt. About one person in two hundred is push-bombed once.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::Context as _;

/// People in the organisation.
const PEOPLE: u64 = 5_000;

/// A generator of numbers that look random and are the same on every machine (SplitMix64, Steele,
/// Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        let at = self.below(of.len() as u64);
        of.get(usize::try_from(at).ok()?).copied()
    }

    /// Letters and digits, as vendors make ids.
    fn id(&mut self, length: usize) -> String {
        const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        let letter = |n: u64| LETTERS.get(n as usize % 32).map_or('a', |b| char::from(*b));
        (0..length).map(|_| letter(self.next() >> 7)).collect()
    }

    fn uuid(&mut self) -> String {
        let (a, b) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            a >> 32,
            a >> 16 & 0xFFFF,
            a & 0xFFFF,
            b >> 48,
            b & 0xFFFF_FFFF_FFFF
        )
    }
}

const CITIES: &[(&str, &str, &str, &str, &str)] = &[
    ("Springfield", "Ohio", "United States", "39.9242", "-83.8088"),
    ("Austin", "Texas", "United States", "30.2672", "-97.7431"),
    ("Leeds", "England", "United Kingdom", "53.7965", "-1.5478"),
    ("Lyon", "Auvergne-Rhone-Alpes", "France", "45.7485", "4.8467"),
    ("Hamburg", "Hamburg", "Germany", "53.5753", "10.0153"),
];

const AGENTS: &[(&str, &str, &str)] = &[
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
        "Windows 10",
        "CHROME",
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
        "Mac OS 14.5 (Sonoma)",
        "SAFARI",
    ),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0", "Linux", "FIREFOX"),
];

const APPS: &[&str] = &["Example Mail", "Example Chat", "Example Payroll", "Example Wiki", "VPN"];

/// A computer, with the ids that vendors give it.
struct Computer {
    agent: (&'static str, &'static str, &'static str),
    /// Okta's `deviceFingerprint` and `dtHash`.
    fingerprint: String,
    hash: String,
    /// Duo's `epkey`.
    endpoint: String,
}

impl Computer {
    fn new(seed: u64) -> Self {
        let mut numbers = Numbers(seed.wrapping_mul(104_729));
        Self {
            agent: numbers.pick(AGENTS).unwrap_or_default(),
            fingerprint: numbers.id(32),
            hash: numbers.id(64),
            endpoint: numbers.id(18),
        }
    }
}

/// One person on one day: names that never change, the day's place, computer and session.
struct Person {
    login: String,
    name: String,
    id: String,
    ip: String,
    city: (&'static str, &'static str, &'static str, &'static str, &'static str),
    computer: Computer,
    /// Duo's key of the phone.
    phone: String,
    session: String,
}

impl Person {
    fn new(number: u64, day: u64) -> Self {
        let mut always = Numbers(number.wrapping_mul(7_919));
        let mut today = Numbers((number << 8 | day).wrapping_mul(6_971));
        let id = format!("00u{}", always.id(17));
        let phone = always.id(18);
        let office = always.below(CITIES.len() as u64);
        let computers = 1 + always.below(3);
        // The first is used on most days.
        let computer = if today.below(5) == 0 { today.below(computers) } else { 0 };
        // 198.18.0.0/15 is set aside for benchmarks (RFC 2544).
        let ip = if today.below(5) < 3 {
            format!("198.19.0.{}", office + 1)
        } else {
            format!("198.18.{}.{}", number >> 8 & 0xFF, number & 0xFF)
        };
        Self {
            login: format!("person{number}@example.org"),
            name: format!("Person Number{number}"),
            id,
            ip,
            city: CITIES.get(office as usize).copied().unwrap_or_default(),
            computer: Computer::new(number << 2 | computer),
            phone,
            session: format!("idx{}", today.id(18)),
        }
    }

    /// The same person, asked for by somebody elsewhere.
    fn seen_from_afar(number: u64, day: u64) -> Self {
        let elsewhere = Self::new(number ^ 1, day);
        let ip = format!("203.0.113.{}", number & 0xFF);
        let computer = Computer::new(number << 2 | 3);
        let session = format!("idx{}", Numbers(number).id(18));
        Self { ip, city: elsewhere.city, computer, session, ..Self::new(number, day) }
    }
}

/// The day of a number of milliseconds.
const fn day(millis: u64) -> u64 {
    millis / 86_400_000
}

/// An id that belongs to an application.
fn app_id(app: &str, length: usize) -> String {
    let seed = app.bytes().fold(17, |seed: u64, byte| seed.wrapping_mul(31) + u64::from(byte));
    Numbers(seed).id(length)
}

/// RFC 3339 for a number of milliseconds after 2026-01-05T00:00:00Z; good for 26 days.
fn time(millis: u64) -> String {
    let (day, ms) = (day(millis), millis % 86_400_000);
    format!(
        "2026-01-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        5 + day.min(26),
        ms / 3_600_000,
        ms / 60_000 % 60,
        ms / 1_000 % 60,
        ms % 1_000
    )
}

/// What one Okta record says besides who and where.
struct Said {
    event: &'static str,
    text: &'static str,
    legacy: &'static str,
    result: &'static str,
    reason: &'static str,
    factor: &'static str,
    severity: &'static str,
}

const fn said(
    event: &'static str,
    text: &'static str,
    legacy: &'static str,
    result: &'static str,
) -> Said {
    Said { event, text, legacy, result, reason: "", factor: "", severity: "INFO" }
}

const MFA: &str = "user.authentication.auth_via_mfa";
const MFA_TEXT: &str = "Authentication of user via MFA";
const PUSH: Said = said(
    "system.push.send_factor_verify_push",
    "Send Okta Verify push notification",
    "core.user.factor.push",
    "SUCCESS",
);

/// Shares in a thousand, as counted in exports of organisations that sign in mostly by push. The
/// answers to pushes come on top.
fn ordinary(numbers: &mut Numbers) -> Said {
    let rare: &[Said] = &[
        said(
            "application.user_membership.add",
            "Add user to application membership",
            "app.generic.provision.assign_user_to_app",
            "SUCCESS",
        ),
        said(
            "group.user_membership.add",
            "Add user to group membership",
            "core.user_group_member.user_add",
            "SUCCESS",
        ),
        said(
            "application.provision.user.sync",
            "Sync user in external application",
            "app.user_management.sync",
            "SUCCESS",
        ),
        said(
            "user.account.update_profile",
            "Update user profile for Okta",
            "core.user.config.profile_update",
            "SUCCESS",
        ),
        said(
            "system.agent.ad.import_user",
            "Import user via AD agent",
            "app.ad.import.user",
            "SUCCESS",
        ),
        said(
            "user.session.end",
            "User logout from Okta",
            "core.user_auth.logout_success",
            "SUCCESS",
        ),
        said(
            "app.oauth2.token.grant.id_token",
            "OIDC id token is granted",
            "app.oauth2.token.grant.id_token_success",
            "SUCCESS",
        ),
        said(
            "app.oauth2.as.authorize.code",
            "OAuth2 authorization code request",
            "app.oauth2.as.authorize.code_success",
            "SUCCESS",
        ),
    ];
    match numbers.below(1_000) {
        0..350 => {
            said("user.authentication.sso", "User single sign on to app", "app.auth.sso", "SUCCESS")
        }
        350..550 => said("policy.evaluate_sign_on", "Evaluation of sign-on policy", "", "ALLOW"),
        550..630 => Said {
            factor: "PASSWORD_AS_FACTOR",
            ..said(MFA, MFA_TEXT, "core.user.factor.attempt_success", "SUCCESS")
        },
        630..645 => Said {
            factor: "SIGNED_NONCE",
            ..said(MFA, MFA_TEXT, "core.user.factor.attempt_success", "SUCCESS")
        },
        645..650 => Said {
            factor: "PASSWORD_AS_FACTOR",
            reason: "INVALID_CREDENTIALS",
            ..said(MFA, MFA_TEXT, "core.user.factor.attempt_fail", "FAILURE")
        },
        650..735 => said(
            "user.session.start",
            "User login to Okta",
            "core.user_auth.login_success",
            "SUCCESS",
        ),
        735..788 => PUSH,
        788..790 => said(
            "user.mfa.factor.activate",
            "Activate factor or authenticator enrollment method for user",
            "core.user.factor.activate",
            "SUCCESS",
        ),
        _ => {
            let at = usize::try_from(numbers.below(rare.len() as u64)).unwrap_or(0);
            rare.get(at).map_or(PUSH, |rare| Said { ..*rare })
        }
    }
}

fn okta(person: &Person, said: &Said, at: u64, transaction: &str, numbers: &mut Numbers) -> String {
    let Person { login, name, id, ip, city, computer, session, phone: _ } = person;
    let (town, state, country, lat, lon) = city;
    let (raw, os, browser) = computer.agent;
    let published = time(at);
    let place = format!(
        r#"{{"city":"{town}","state":"{state}","country":"{country}","postalCode":"00000","geolocation":{{"lat":{lat},"lon":{lon}}}}}"#
    );
    let request = numbers.uuid();
    let app = numbers.pick(APPS).unwrap_or_default();
    let reason =
        if said.reason.is_empty() { "null".into() } else { format!("\"{}\"", said.reason) };
    let factor = if said.factor.is_empty() {
        String::new()
    } else {
        format!(r#""factor":"{}","#, said.factor)
    };
    format!(
        concat!(
            r#"{{"actor":{{"id":"{id}","type":"User","alternateId":"{login}","displayName":"{name}","detailEntry":null}},"#,
            r#""client":{{"userAgent":{{"rawUserAgent":"{raw}","os":"{os}","browser":"{browser}"}},"zone":"null","device":"Computer","id":null,"ipAddress":"{ip}","geographicalContext":{place}}},"#,
            r#""device":null,"authenticationContext":{{"authenticationProvider":null,"credentialProvider":null,"credentialType":null,"issuer":null,"interface":null,"authenticationStep":0,"rootSessionId":"{session}","externalSessionId":"{session}"}},"#,
            r#""displayMessage":"{text}","eventType":"{event}","outcome":{{"result":"{result}","reason":{reason}}},"published":"{published}","#,
            r#""securityContext":{{"asNumber":64500,"asOrg":"example networks","isp":"example networks","domain":"example.net","isProxy":false}},"severity":"{severity}","#,
            r#""debugContext":{{"debugData":{{{factor}"requestId":"{request}","dtHash":"{hash}","risk":"{{reasons=, level=LOW}}","requestUri":"/idp/idx/challenge/answer","threatSuspected":"false","#,
            r#""url":"/idp/idx/challenge/answer?","authnRequestId":"{authn}","deviceFingerprint":"{fingerprint}","traceId":"{trace}","#,
            r#""behaviors":"{{New Geo-Location=NEGATIVE, New Device=NEGATIVE, New IP=NEGATIVE, New State=NEGATIVE, New Country=NEGATIVE, Velocity=NEGATIVE, New City=NEGATIVE}}","#,
            r#""logOnlySecurityData":"{{\"risk\":{{\"level\":\"LOW\"}},\"behaviors\":{{\"New Geo-Location\":\"NEGATIVE\",\"New Device\":\"NEGATIVE\",\"New IP\":\"NEGATIVE\",\"New State\":\"NEGATIVE\",\"New Country\":\"NEGATIVE\",\"Velocity\":\"NEGATIVE\",\"New City\":\"NEGATIVE\"}}}}"}}}},"#,
            r#""legacyEventType":"{legacy}","transaction":{{"type":"WEB","id":"{transaction}","detail":{{}}}},"uuid":"{uuid}","version":"0","#,
            r#""request":{{"ipChain":[{{"ip":"{ip}","geographicalContext":{place},"version":"V4","source":null}}]}},"#,
            r#""target":[{{"id":"{id}","type":"User","alternateId":"{login}","displayName":"{name}","detailEntry":null}},"#,
            r#"{{"id":"0oa{appid}","type":"AppInstance","alternateId":"{app}","displayName":"{app}","detailEntry":{{"signOnModeType":"SAML_2_0","signOnModeEvaluationResult":"AUTHENTICATED"}}}},"#,
            r#"{{"id":"rul{rule}","type":"Rule","alternateId":"unknown","displayName":"Catch-all Rule","detailEntry":null}}]}}"#,
            "\n"
        ),
        id = id,
        login = login,
        name = name,
        raw = raw,
        os = os,
        browser = browser,
        ip = ip,
        place = place,
        session = session,
        text = said.text,
        event = said.event,
        result = said.result,
        reason = reason,
        published = published,
        severity = said.severity,
        factor = factor,
        request = request,
        hash = computer.hash,
        authn = numbers.uuid(),
        fingerprint = computer.fingerprint,
        trace = numbers.uuid(),
        legacy = said.legacy,
        transaction = transaction,
        uuid = numbers.uuid(),
        appid = app_id(app, 17),
        app = app,
        rule = app_id("rule", 17),
    )
}

/// Writes Okta records until the file has `bytes`.
///
/// # Errors
/// If the file cannot be written.
pub fn write_okta(path: &Path, bytes: u64) -> anyhow::Result<()> {
    // About how many records there will be decides how fast the days pass.
    let step = (26 * 86_400_000 * 2_800 / bytes).max(1);
    write(path, bytes, |number, numbers, out| {
        let at = number * step;
        let person = numbers.below(PEOPLE);
        let approved = Said {
            factor: "OKTA_VERIFY_PUSH",
            ..said(MFA, MFA_TEXT, "core.user.factor.attempt_success", "SUCCESS")
        };
        if number % (PEOPLE * 40) == PEOPLE / 3 {
            let stranger = Person::seen_from_afar(person, day(at));
            let mut transaction = String::new();
            for n in 0..5 {
                transaction = numbers.id(27);
                out.push_str(&okta(&stranger, &PUSH, at + n * 20_000, &transaction, numbers));
            }
            out.push_str(&okta(&stranger, &approved, at + 110_000, &transaction, numbers));
        }
        let said = ordinary(numbers);
        let person = Person::new(person, day(at));
        let transaction = numbers.id(27);
        out.push_str(&okta(&person, &said, at, &transaction, numbers));
        // One push in fifty stays unanswered.
        if said.event == PUSH.event && numbers.below(50) > 0 {
            out.push_str(&okta(&person, &approved, at + 9_000, &transaction, numbers));
        }
    })
}

fn duo(
    person: &Person,
    (result, reason, factor): (&str, &str, &str),
    at: u64,
    numbers: &mut Numbers,
) -> String {
    let Person { login, name: _, id, ip, city, computer, phone, session: _ } = person;
    let (town, state, country, ..) = city;
    let (_, os, browser) = computer.agent;
    let app = numbers.pick(APPS).unwrap_or_default();
    format!(
        concat!(
            r#"{{"access_device":{{"browser":"{browser}","browser_version":"131.0.0","epkey":"EP{ep}","flash_version":null,"hostname":null,"ip":"{ip}","is_encryption_enabled":"unknown","is_firewall_enabled":"unknown","is_password_set":"unknown","java_version":null,"#,
            r#""location":{{"city":"{town}","country":"{country}","state":"{state}"}},"os":"{os}","os_version":"10.0","security_agents":"unknown"}},"#,
            r#""adaptive_trust_assessments":{{"more_secure_auth":{{"features_version":"3.0","model_version":"2026.01.05.001","policy_enabled":false,"reason":"Normal level of trust","trust_level":"NORMAL"}}}},"alias":"","#,
            r#""application":{{"key":"DI{key}","name":"{app}"}},"auth_device":{{"ip":"{ip}","key":"DP{phone}","location":{{"city":"{town}","country":"{country}","state":"{state}"}},"name":"555-0100"}},"#,
            r#""email":"{login}","event_type":"authentication","factor":"{factor}","isotimestamp":"{time}","ood_software":null,"reason":"{reason}","result":"{result}","timestamp":{stamp},"#,
            r#""trusted_endpoint_status":"not trusted","txid":"{txid}","user":{{"groups":["Everyone (from AD sync)"],"key":"DU{id}","name":"{login}"}}}}"#,
            "\n"
        ),
        browser = browser,
        ep = computer.endpoint,
        ip = ip,
        town = town,
        country = country,
        state = state,
        os = os,
        key = app_id(app, 18),
        app = app,
        phone = phone,
        login = login,
        factor = factor,
        time = time(at).replace('Z', "000+00:00"),
        reason = reason,
        result = result,
        stamp = 1_767_571_200 + at / 1_000,
        txid = numbers.uuid(),
        id = id,
    )
}

/// Writes Duo authentication records until the file has `bytes`.
///
/// # Errors
/// If the file cannot be written.
pub fn write_duo(path: &Path, bytes: u64) -> anyhow::Result<()> {
    let step = (26 * 86_400_000 * 1_100 / bytes).max(1);
    write(path, bytes, |number, numbers, out| {
        let at = number * step;
        let person = numbers.below(PEOPLE);
        if number % (PEOPLE * 40) == PEOPLE / 3 {
            let stranger = Person::seen_from_afar(person, day(at));
            for n in 0..5 {
                let silence = ("denied", "no_response", "duo_push");
                out.push_str(&duo(&stranger, silence, at + n * 60_000, numbers));
            }
            let yes = ("success", "user_approved", "duo_push");
            out.push_str(&duo(&stranger, yes, at + 320_000, numbers));
        }
        let what = match numbers.below(100) {
            0..70 => ("success", "user_approved", "duo_push"),
            70..82 => ("success", "remembered_device", "remembered_device"),
            82..92 => ("success", "valid_passcode", "passcode"),
            92..95 => ("denied", "no_response", "duo_push"),
            95..98 => ("denied", "invalid_passcode", "passcode"),
            98 => ("denied", "user_cancelled", "duo_push"),
            _ => ("denied", "deny_unenrolled_user", "not_available"),
        };
        out.push_str(&duo(&Person::new(person, day(at)), what, at, numbers));
    })
}

fn write(
    path: &Path,
    bytes: u64,
    mut some: impl FnMut(u64, &mut Numbers, &mut String),
) -> anyhow::Result<()> {
    // A file that was cut off must not pass for a whole one.
    let unfinished = path.with_extension("unfinished");
    let file = File::create(&unfinished)
        .with_context(|| format!("{} cannot be written", unfinished.display()))?;
    let mut file = BufWriter::with_capacity(1 << 20, file);
    let mut numbers = Numbers(42);
    let (mut written, mut number) = (0, 0);
    let mut text = String::new();
    while written < bytes {
        text.clear();
        some(number, &mut numbers, &mut text);
        file.write_all(text.as_bytes())?;
        written += text.len() as u64;
        number += 1;
    }
    file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    Ok(())
}
