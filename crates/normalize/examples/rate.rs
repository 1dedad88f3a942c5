//! How fast `Reader::read` and the prefilter are, on made-up records of realistic size.
//!
//! `cargo run --release -p pushback-normalize --example rate [PART OF A NAME]`
#![expect(clippy::print_stdout, reason = "printing is what this program is for")]

use std::hint::black_box;

use pushback_normalize::{Hint, Reader};

/// Bytes read for each measurement.
const BYTES: usize = 64 << 20;
const ROUNDS: usize = 5;

fn main() {
    let reader = Reader::default();
    let only = std::env::args().nth(1).unwrap_or_default();
    for (name, make) in SHAPES.iter().filter(|(name, _)| name.contains(&only)) {
        let (records, total) = records(*make);
        let mut events = 0_u64;
        let read = fastest(|| {
            let mut hint = Hint::default();
            for record in &records {
                let result = reader.read(record, &mut hint, &mut |event| {
                    events += u64::from(event.part < 9);
                    black_box(event);
                });
                _ = black_box(result);
            }
        });
        let glance = fastest(|| {
            for record in &records {
                black_box(reader.is_ignorable(record));
            }
        });
        let lines = fastest(|| {
            for record in &records {
                black_box(memchr::memchr_iter(b'\n', record).count());
            }
        });
        let rate = |seconds: f64| total as f64 / 1e6 / seconds;
        println!(
            "{name:28} {:6.0} B/record   read {:6.0} MB/s   prefilter {:7.0} MB/s   newlines {:7.0} MB/s   {:5.0} ns/record",
            total as f64 / records.len() as f64,
            rate(read),
            rate(glance),
            rate(lines),
            read * 1e9 / records.len() as f64,
        );
    }
}

fn fastest(mut run: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = cpu_seconds();
        run();
        best = best.min(cpu_seconds() - start);
    }
    best
}

/// Processor time of this process, which other programs on the machine disturb less than the clock.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

fn records(make: fn(usize) -> String) -> (Vec<Vec<u8>>, usize) {
    let mut records = Vec::new();
    let mut total = 0;
    while total < BYTES {
        let record = make(records.len()).into_bytes();
        total += record.len();
        records.push(record);
    }
    (records, total)
}

type Make = fn(usize) -> String;

const SHAPES: &[(&str, Make)] = &[
    ("Okta auth_via_mfa", |i| okta(i, "user.authentication.auth_via_mfa")),
    ("Okta sso", |i| okta(i, "user.authentication.sso")),
    ("Okta evaluate_sign_on", |i| okta(i, "policy.evaluate_sign_on")),
    ("Duo authentication", duo),
    ("Entra sign-in", entra),
];

fn okta(i: usize, event_type: &str) -> String {
    let (a, b, hex) = (i % 251, i % 241, format!("{:016x}", i.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
    format!(
        concat!(
            r#"{{"actor":{{"id":"00u{hex}","type":"User","alternateId":"person{i}@example.org","displayName":"Person Number {i}","detailEntry":null}},"#,
            r#""client":{{"userAgent":{{"rawUserAgent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36","os":"Windows 10","browser":"CHROME"}},"zone":"null","device":"Computer","id":null,"ipAddress":"198.51.{a}.{b}","geographicalContext":{{"city":"Springfield","state":"Oregon","country":"United States","postalCode":"97477","geolocation":{{"lat":44.0462,"lon":-123.022}}}}}},"#,
            r#""device":{{"id":"guo{hex}","name":"LAPTOP-{a}{b}","os_platform":"WINDOWS","os_version":"10.0.19045","managed":true,"registered":true,"device_integrator":null,"disk_encryption_type":"ALL_INTERNAL_VOLUMES","screen_lock_type":"PASSCODE","jailbreak":null,"secure_hardware_present":true}},"#,
            r#""authenticationContext":{{"authenticationProvider":"FACTOR_PROVIDER","credentialProvider":"OKTA_CREDENTIAL_PROVIDER","credentialType":null,"issuer":null,"interface":null,"authenticationStep":0,"rootSessionId":"idx{hex}","externalSessionId":"idx{hex}"}},"#,
            r#""displayMessage":"Authentication of user via MFA","eventType":"{event_type}","outcome":{{"result":"SUCCESS","reason":null}},"published":"2026-01-31T09:30:00.{ms:03}Z","#,
            r#""securityContext":{{"asNumber":64500,"asOrg":"example communications inc.","isp":"example communications inc.","domain":"example.net","isProxy":false}},"severity":"INFO","#,
            r#""debugContext":{{"debugData":{{"authnRequestId":"{hex}","deviceFingerprint":"{hex}{hex}","requestId":"{hex}","dtHash":"{hex}{hex}{hex}{hex}","factor":"OKTA_VERIFY_PUSH","factorIntent":"AUTHENTICATION","pushOnlyResponseType":"OV_RESPONSE_APPROVE","requestUri":"/idp/idx/authenticators/poll","threatSuspected":"false","url":"/idp/idx/authenticators/poll?","behaviors":"{{New Geo-Location=NEGATIVE, New Device=NEGATIVE, New IP=POSITIVE, New State=NEGATIVE, New Country=NEGATIVE, Velocity=NEGATIVE, New City=NEGATIVE}}","risk":"{{level=LOW}}","logOnlySecurityData":"{{\"risk\":{{\"level\":\"LOW\"}},\"behaviors\":{{\"New Geo-Location\":\"NEGATIVE\",\"New Device\":\"NEGATIVE\",\"New IP\":\"POSITIVE\",\"New State\":\"NEGATIVE\",\"New Country\":\"NEGATIVE\",\"Velocity\":\"NEGATIVE\",\"New City\":\"NEGATIVE\"}}}}","oktaUserAgentExtended":"okta-auth-js/7.0.1 okta-signin-widget-7.16.1"}}}},"#,
            r#""legacyEventType":"core.user.factor.attempt_success","transaction":{{"type":"WEB","id":"{hex}","detail":{{}}}},"uuid":"{hex}-0000-11ef-8000-{hex}","version":"0","#,
            r#""request":{{"ipChain":[{{"ip":"198.51.{a}.{b}","geographicalContext":{{"city":"Springfield","state":"Oregon","country":"United States","postalCode":"97477","geolocation":{{"lat":44.0462,"lon":-123.022}}}},"version":"V4","source":null}}]}},"#,
            r#""target":[{{"id":"00u{hex}","type":"User","alternateId":"person{i}@example.org","displayName":"Person Number {i}","detailEntry":null,"changeDetails":null}},{{"id":"pfd{hex}","type":"AuthenticatorEnrollment","alternateId":"unknown","displayName":"Okta Verify","detailEntry":{{"methodTypeUsed":"Get a push notification","methodUsedVerifiedProperties":"[USER_PRESENCE]"}},"changeDetails":null}},{{"id":"0oa{hex}","type":"AppInstance","alternateId":"Example Mail","displayName":"Example Mail","detailEntry":{{"signOnModeType":"SAML_2_0"}},"changeDetails":null}}]}}"#,
        ),
        hex = hex,
        i = i,
        a = a,
        b = b,
        ms = i % 1000,
        event_type = event_type,
    )
}

fn duo(i: usize) -> String {
    let (a, b, hex) = (i % 251, i % 241, format!("{:016x}", i.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
    format!(
        concat!(
            r#"{{"access_device":{{"browser":"Chrome","browser_version":"126.0.6478.127","epkey":"EP{hex}","flash_version":"uninstalled","hostname":null,"ip":"198.51.{a}.{b}","is_encryption_enabled":true,"is_firewall_enabled":true,"is_password_set":true,"java_version":"uninstalled","location":{{"city":"Springfield","country":"United States","state":"Oregon"}},"os":"Mac OS X","os_version":"14.5","security_agents":[]}},"#,
            r#""adaptive_trust_assessments":{{"more_secure_auth":{{"detected_attack_detectors":[],"features_version":"3.0","model_version":"2026.01.15.001","policy_enabled":true,"reason":"Normal trust level","trust_level":"NORMAL"}}}},"alias":"","application":{{"key":"DI{hex}","name":"Example VPN"}},"#,
            r#""auth_device":{{"ip":"203.0.113.{b}","key":"DP{hex}","location":{{"city":"Springfield","country":"United States","state":"Oregon"}},"name":"Phone (555-0100)"}},"email":"person{i}@example.org","event_type":"authentication","factor":"duo_push","isotimestamp":"2026-01-31T09:30:00.{ms:06}+00:00","ood_software":null,"reason":"user_approved","result":"success","timestamp":1769851800,"trusted_endpoint_status":"trusted","txid":"{hex}-0000-4000-8000-{hex}","user":{{"groups":["Everyone","Engineering"],"key":"DU{hex}","name":"person{i}"}}}}"#,
        ),
        hex = hex,
        i = i,
        a = a,
        b = b,
        ms = i % 1_000_000,
    )
}

fn entra(i: usize) -> String {
    let (a, b, hex) = (i % 251, i % 241, format!("{:012x}", i));
    format!(
        concat!(
            r#"{{"time":"2026-01-31T09:35:00.0000000Z","resourceId":"/tenants/00000000-0000-0000-0000-000000000001/providers/Microsoft.aadiam","operationName":"Sign-in activity","operationVersion":"1.0","category":"SignInLogs","tenantId":"00000000-0000-0000-0000-000000000001","resultType":"0","resultSignature":"None","durationMs":0,"callerIpAddress":"198.51.{a}.{b}","correlationId":"00000000-0000-0000-0001-{hex}","identity":"Person Number {i}","Level":4,"location":"US","#,
            r#""properties":{{"id":"00000000-0000-0000-0002-{hex}","createdDateTime":"2026-01-31T09:30:00.{ms:07}Z","userDisplayName":"Person Number {i}","userPrincipalName":"person{i}@example.org","userId":"00000000-0000-0000-0003-{hex}","appId":"00000000-0000-0000-0004-000000000001","appDisplayName":"Example Mail","ipAddress":"198.51.{a}.{b}","status":{{"errorCode":0,"additionalDetails":"MFA completed in Azure AD"}},"clientAppUsed":"Browser","userAgent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36","deviceDetail":{{"deviceId":"00000000-0000-0000-0005-{hex}","displayName":"LAPTOP-{a}","operatingSystem":"Windows10","browser":"Chrome 126.0.0","isCompliant":true,"isManaged":true,"trustType":"Azure AD joined"}},"location":{{"city":"Springfield","state":"Oregon","countryOrRegion":"US","geoCoordinates":{{"latitude":44.0462,"longitude":-123.022}}}},"mfaDetail":{{}},"correlationId":"00000000-0000-0000-0001-{hex}","conditionalAccessStatus":"success","#,
            r#""appliedConditionalAccessPolicies":[{{"id":"00000000-0000-0000-0006-000000000001","displayName":"Require multifactor authentication","enforcedGrantControls":["Mfa"],"enforcedSessionControls":[],"result":"success","conditionsSatisfied":3,"conditionsNotSatisfied":0}},{{"id":"00000000-0000-0000-0006-000000000002","displayName":"Block legacy authentication","enforcedGrantControls":["Block"],"enforcedSessionControls":[],"result":"notApplied","conditionsSatisfied":1,"conditionsNotSatisfied":2}}],"authenticationContextClassReferences":[],"originalRequestId":"00000000-0000-0000-0002-{hex}","isInteractive":true,"tokenIssuerName":"","tokenIssuerType":"AzureAD","authenticationProcessingDetails":[],"networkLocationDetails":[],"processingTimeInMilliseconds":211,"riskDetail":"none","riskLevelAggregated":"none","riskLevelDuringSignIn":"none","riskState":"none","riskEventTypes":[],"riskEventTypes_v2":[],"resourceDisplayName":"Example Mail","resourceId":"00000000-0000-0000-0007-000000000001","resourceTenantId":"00000000-0000-0000-0000-000000000001","homeTenantId":"00000000-0000-0000-0000-000000000001","#,
            r#""authenticationDetails":[{{"authenticationStepDateTime":"2026-01-31T09:30:00Z","authenticationMethod":"Password","authenticationMethodDetail":"Password Hash Sync","succeeded":true,"authenticationStepResultDetail":"Correct password","authenticationStepRequirement":"Primary authentication","StatusSequence":0,"RequestSequence":1}},{{"authenticationStepDateTime":"2026-01-31T09:30:09Z","authenticationMethod":"Mobile app notification","authenticationMethodDetail":"","succeeded":true,"authenticationStepResultDetail":"MFA completed in Azure AD","authenticationStepRequirement":"","StatusSequence":0,"RequestSequence":2}}],"authenticationRequirementPolicies":[],"authenticationRequirement":"multiFactorAuthentication","servicePrincipalId":"","userType":"Member","flaggedForReview":false,"isTenantRestricted":false,"autonomousSystemNumber":64500,"crossTenantAccessType":"none","uniqueTokenIdentifier":"{hex}AAAAAAAA","incomingTokenType":"none","authenticationProtocol":"none","resourceServicePrincipalId":"00000000-0000-0000-0008-000000000001","sessionId":"00000000-0000-0000-0009-{hex}"}}}}"#,
        ),
        hex = hex,
        i = i,
        a = a,
        b = b,
        ms = i % 10_000_000,
    )
}
