//! From an event's members to its meaning.

use std::borrow::Cow;

use pushback_model::{
    Agent, Coordinates, Endpoint, EventKind, Factor, IdentityEvent, Party, Risk, Source, Timestamp,
};

use serde_json::{Map, Value};

use super::fields::{Fields, Who};
use super::types::Meaning;
use crate::Sink;
use crate::json::Fault;
use crate::text::{contains, content_id};

/// Hands over the identity event of a record. `false` if its type is read and its outcome means
/// nothing.
pub(super) fn hand_over<'a>(
    f: &Fields<'a>,
    meaning: Meaning,
    native: Cow<'a, str>,
    published: Timestamp,
    sink: &mut Sink<'_>,
) -> Result<bool, Fault> {
    let Some((kind, factor)) = kind_and_factor(f, meaning)? else { return Ok(false) };
    let mut event = IdentityEvent::new(Source::Okta, kind, published);
    event.factor = factor;
    f.uuid.put(&mut event.id)?;
    let is_account = match meaning {
        Meaning::Account(..) | Meaning::Profile | Meaning::Password => true,
        Meaning::Refusal(kind) => kind == EventKind::RiskDetected,
        Meaning::Verification
        | Meaning::Sent(_)
        | Meaning::SessionStart
        | Meaning::SignIn(..)
        | Meaning::Report
        | Meaning::Nothing => false,
    };
    (event.subscriber, event.actor) = people(f, is_account)?;
    event.app = app(f)?;
    f.session.put(&mut event.session)?;
    if event.session.is_empty() {
        f.root_session.put(&mut event.session)?;
    }
    f.transaction.put(&mut event.transaction)?;
    event.risk = risk(f);
    event.what = what(f, kind)?;
    place(f, meaning, &mut event)?;
    if event.id.is_empty() {
        let at = published.to_string();
        let parts =
            [&*native, &at, &event.subscriber.name, &event.subscriber.id, &event.transaction];
        event.id = Cow::Owned(content_id(&parts));
    }
    event.native = native;
    sink(&event);
    Ok(true)
}

/// What happened and with what, or nothing if this outcome says nothing.
fn kind_and_factor(f: &Fields<'_>, meaning: Meaning) -> Result<Option<(EventKind, Factor)>, Fault> {
    use EventKind as K;

    let failed = f.result.is("FAILURE") || f.result.is("DENY");
    let kind = match meaning {
        Meaning::Nothing => return Ok(None),
        Meaning::Verification => {
            let factor = factor_used(f)?;
            return Ok(verification(f, factor)?.map(|kind| (kind, factor)));
        }
        Meaning::Sent(_) if f.result.is("SKIPPED") => return Ok(None),
        Meaning::Sent(factor) => {
            let kind = if failed {
                K::PromptUndelivered
            } else if f.result.is("RATE_LIMIT") {
                K::RateLimited
            } else {
                K::PromptSent
            };
            return Ok(Some((kind, factor)));
        }
        Meaning::SessionStart if failed && contains(&f.reason.text()?, "phishing") => {
            K::PhishingBlocked
        }
        Meaning::SessionStart if failed => K::SignInFailed,
        Meaning::SessionStart => K::SessionStarted,
        Meaning::Report => {
            let about = f.debug.suspicious.kind.text()?;
            // A report about a changed password or mail is no answer to a prompt.
            let elsewhere = contains(&about, "password") || contains(&about, "primary_email");
            if elsewhere { K::RiskDetected } else { K::PromptReported }
        }
        Meaning::SignIn(K::Bypassed, _) if failed => K::RiskDetected,
        Meaning::SignIn(K::SessionUsed, _) if failed => K::PolicyRefused,
        // What failed has not changed anything.
        Meaning::Account(K::LockedOut, _) => K::LockedOut,
        Meaning::Account(..) | Meaning::Profile | Meaning::Password if failed => return Ok(None),
        Meaning::Account(K::FactorRemoved, factor) => {
            let reason = f.reason.text()?;
            let kind = if contains(&reason, "reset") { K::FactorReset } else { K::FactorRemoved };
            return Ok(Some((kind, or_named(f, factor)?)));
        }
        Meaning::SignIn(kind, factor) => return Ok(Some((kind, factor))),
        Meaning::Account(kind, factor) => {
            let is_factor = matches!(kind, K::FactorEnrolled | K::FactorReset | K::FactorUpdated);
            return Ok(Some((kind, if is_factor { or_named(f, factor)? } else { factor })));
        }
        Meaning::Profile => {
            if !is_way_to_recover(&f.debug.changed.text()?)
                && !changed_members(f.targets.changes).iter().any(|name| is_way_to_recover(name))
            {
                return Ok(None);
            }
            K::RecoveryChanged
        }
        Meaning::Password => {
            let kind =
                if people(f, true)?.1.is_some() { K::PasswordReset } else { K::PasswordChanged };
            return Ok(Some((kind, Factor::Password)));
        }
        Meaning::Refusal(kind) if failed => kind,
        Meaning::Refusal(_) => return Ok(None),
    };
    Ok(Some((kind, Factor::Unknown)))
}

/// The outcome of `user.authentication.auth_via_mfa`; nothing if it has not ended.
fn verification(f: &Fields<'_>, factor: Factor) -> Result<Option<EventKind>, Fault> {
    use EventKind as K;

    let prompts = matches!(factor, Factor::Push | Factor::Voice);
    if f.result.is("SUCCESS") || f.result.is("ALLOW") {
        return Ok(Some(match factor {
            Factor::Push | Factor::Voice => K::PromptApproved,
            // Identity Engine logs the password step under the same type.
            Factor::Password => K::PasswordVerified,
            _ => K::FactorVerified,
        }));
    }
    let reason = f.reason.text()?;
    if contains(&reason, "phishing") {
        return Ok(Some(K::PhishingBlocked));
    }
    let silent = f.result.is("UNANSWERED") || f.result.is("ABANDONED");
    if silent && (prompts || factor == Factor::Unknown) {
        return Ok(Some(K::PromptTimedOut));
    }
    // What the phone answered counts whatever the outcome is called.
    if factor == Factor::Push && f.debug.number_response.is("OV_WITH_CHALLENGE_RESPONSE_INVALID") {
        return Ok(Some(K::PromptMismatched));
    }
    if factor == Factor::Push && f.debug.push_response.is("OV_RESPONSE_DENY") {
        return Ok(Some(K::PromptDenied));
    }
    if f.result.is("RATE_LIMIT") {
        return Ok(Some(K::RateLimited));
    }
    if f.result.is("CHALLENGE") {
        return Ok(Some(K::ChallengeRequired));
    }
    // Where no result was logged, the reason is one.
    let is_only_a_reason = f.result.present()?.is_empty() && !f.reason.present()?.is_empty();
    let has_ended = silent || f.result.is("FAILURE") || f.result.is("DENY") || is_only_a_reason;
    if !has_ended {
        return Ok(None);
    }
    Ok(Some(match factor {
        Factor::Password => K::SignInFailed,
        Factor::Push => {
            if f.debug.number_response.is("OV_WITH_CHALLENGE_RESPONSE_ERROR") {
                // Somebody said yes and the number was not right; without the yes only the app failed,
                // though the reason is that of a refusal.
                let is_yes = f.debug.push_response.is("OV_RESPONSE_APPROVE");
                if is_yes { K::PromptMismatched } else { K::FactorFailed }
            } else if contains(&reason, "invalid_credentials") || contains(&reason, "reject") {
                K::PromptDenied
            } else if contains(&reason, "timeout")
                || contains(&reason, "timed out")
                || contains(&reason, "no response")
            {
                K::PromptTimedOut
            } else {
                K::FactorFailed
            }
        }
        _ => K::FactorFailed,
    }))
}

fn is_way_to_recover(name: &str) -> bool {
    ["phone", "email", "login"].iter().any(|word| contains(name, word))
}

/// The names of the members that `changeDetails` tells to differ.
fn changed_members(changes: &str) -> Vec<String> {
    fn compare(from: &Value, to: &Value, levels: usize, into: &mut Vec<String>) {
        let names = [from, to].into_iter().filter_map(Value::as_object).flat_map(Map::keys);
        for name in names {
            let side = |value: &Value| value.get(name).cloned().unwrap_or_default();
            let (from, to) = (side(from), side(to));
            match levels.checked_sub(1) {
                _ if from == to => {}
                Some(levels) if from.is_object() || to.is_object() => {
                    compare(&from, &to, levels, into);
                }
                _ => into.push(name.clone()),
            }
        }
    }
    let mut names = Vec::new();
    if let Ok(changes) = serde_json::from_str::<Value>(changes) {
        let side = |name: &str| changes.get(name).cloned().unwrap_or_default();
        compare(&side("from"), &side("to"), 4, &mut names);
    }
    names
}

/// The factor of a verification: named in `debugData`, or by the enrollment that was used.
fn factor_used(f: &Fields<'_>) -> Result<Factor, Fault> {
    for named in [f.debug.factor, f.targets.enrollment.method, f.targets.enrollment.display_name] {
        let factor = factor_named(&named.text()?);
        if factor != Factor::Unknown {
            return Ok(factor);
        }
    }
    let answered = !f.debug.push_response.is_empty() || !f.debug.number_response.is_empty();
    Ok(if answered { Factor::Push } else { Factor::Unknown })
}

/// The factor that a change is about: given by the type, or named in `debugData` or in the reason
/// ("User set up OKTA_VERIFY_PUSH factor").
fn or_named(f: &Fields<'_>, factor: Factor) -> Result<Factor, Fault> {
    if factor != Factor::Unknown {
        return Ok(factor);
    }
    let named = factor_used(f)?;
    if named != Factor::Unknown {
        return Ok(named);
    }
    let reason = f.reason.text()?;
    Ok(reason
        .split_ascii_whitespace()
        .filter(|word| {
            word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_' || b.is_ascii_digit())
        })
        .map(factor_named)
        .find(|factor| *factor != Factor::Unknown)
        .unwrap_or_default())
}

fn factor_named(name: &str) -> Factor {
    match name {
        "OKTA_VERIFY_PUSH" | "Get a push notification" => return Factor::Push,
        "PASSWORD_AS_FACTOR" | "PASSWORD" | "Password" => return Factor::Password,
        "SIGNED_NONCE" | "Use Okta FastPass" => return Factor::DeviceKey,
        "" | "Okta Verify" => return Factor::Unknown,
        _ => {}
    }
    let has = |word| contains(name, word);
    if has("push") {
        Factor::Push
    } else if has("webauthn") || has("u2f") || has("security key") || has("fido") || has("passkey")
    {
        Factor::Passkey
    } else if has("sms") {
        Factor::Sms
    } else if has("call") || has("voice") {
        Factor::Voice
    } else if has("question") {
        Factor::Question
    } else if has("email") {
        Factor::Email
    } else if has("nonce") || has("fastpass") || has("smart card") || has("smart_card") {
        Factor::DeviceKey
    } else if has("token") || has("code") || has("otp") || has("google") || has("authenticator") {
        Factor::Code
    } else if has("password") {
        Factor::Password
    } else {
        Factor::Unknown
    }
}

/// The subscriber, and who else did it.
fn people<'a>(f: &Fields<'a>, is_account: bool) -> Result<(Party<'a>, Option<Party<'a>>), Fault> {
    let actor_is_user = f.actor.kind.is("User");
    let Some(user) = &f.targets.user else {
        return Ok((party(&f.actor)?, None));
    };
    if !is_account && actor_is_user {
        return Ok((party(&f.actor)?, None));
    }
    let (subscriber, actor) = (party(user)?, party(&f.actor)?);
    // The product acting for itself is nobody; a support engineer logged as a user is somebody.
    let other = is_account
        && !f.actor.kind.is("SystemPrincipal")
        && !actor.is_empty()
        && differ(&actor, &subscriber);
    Ok((subscriber, other.then_some(actor)))
}

fn differ(a: &Party<'_>, b: &Party<'_>) -> bool {
    let unlike = |a: &str, b: &str| !a.is_empty() && !b.is_empty() && !a.eq_ignore_ascii_case(b);
    unlike(&a.id, &b.id) || unlike(&a.name, &b.name)
}

fn party<'a>(who: &Who<'a>) -> Result<Party<'a>, Fault> {
    let mut party =
        Party { name: who.alternate_id.present()?, mail: Cow::Borrowed(""), id: who.id.present()? };
    if party.name.is_empty() && !who.kind.is("User") {
        party.name = who.display_name.present()?;
    }
    Ok(party)
}

fn app<'a>(f: &Fields<'a>) -> Result<Cow<'a, str>, Fault> {
    let name = f.targets.app.display_name.present()?;
    if name.is_empty() { f.targets.app.alternate_id.present() } else { Ok(name) }
}

/// Puts the place and the device where they belong.
fn place<'a>(f: &Fields<'a>, meaning: Meaning, event: &mut IdentityEvent<'a>) -> Result<(), Fault> {
    let mut browser = Cow::Borrowed("");
    f.debug.fingerprint.put(&mut browser)?;
    if browser.is_empty() {
        f.debug.token_hash.put(&mut browser)?;
    }
    // An answer to a push is sent by the phone, and the record gives the phone's address. The user
    // agent in it is still that of the browser that waits.
    let from_phone = event.factor == Factor::Push
        && matches!(
            event.kind,
            EventKind::PromptApproved | EventKind::PromptDenied | EventKind::PromptMismatched
        );
    if from_phone {
        agent(f, &mut event.requester.agent)?;
        event.requester.device = browser;
        return here(f, event.responder.insert(Endpoint::default()));
    }
    if meaning == Meaning::Report && event.kind == EventKind::PromptReported {
        let reported = &f.debug.suspicious;
        event.requester = Endpoint {
            ip: reported.ip.ip()?,
            country: reported.country.present()?,
            region: reported.state.present()?,
            city: reported.city.present()?,
            agent: Agent {
                raw: Cow::Borrowed(""),
                os: reported.os.present()?,
                browser: reported.browser.present()?,
            },
            ..Endpoint::default()
        };
        let responder = event.responder.insert(Endpoint::default());
        here(f, responder)?;
        agent(f, &mut responder.agent)?;
        let transaction = reported.transaction.present()?;
        if !transaction.is_empty() {
            event.transaction = transaction;
        }
        return Ok(());
    }
    here(f, &mut event.requester)?;
    agent(f, &mut event.requester.agent)?;
    // Records of prompts name no registered device, those of sessions do; both bear the browser's mark.
    if !browser.is_empty() {
        event.requester.device = browser;
    }
    Ok(())
}

/// Fills an empty endpoint with where the client is, but for its user agent.
fn here<'a>(f: &Fields<'a>, into: &mut Endpoint<'a>) -> Result<(), Fault> {
    let client = &f.client;
    into.ip = client.ip.ip()?;
    into.asn = f.network.number.number().unwrap_or(0);
    f.network.name.put(&mut into.as_name)?;
    client.country.put(&mut into.country)?;
    client.state.put(&mut into.region)?;
    client.city.put(&mut into.city)?;
    into.coordinates = client
        .latitude
        .decimal()
        .zip(client.longitude.decimal())
        .and_then(|(latitude, longitude)| Coordinates::new(latitude, longitude));
    f.device.id.put(&mut into.device)?;
    f.device.name.put(&mut into.device_name)?;
    into.is_proxy = f.network.is_proxy;
    into.is_managed = f.device.is_managed;
    Ok(())
}

fn agent<'a>(f: &Fields<'a>, into: &mut Agent<'a>) -> Result<(), Fault> {
    f.client.agent.put(&mut into.raw)?;
    f.client.os.put(&mut into.os)?;
    f.client.browser.put(&mut into.browser)
}

/// New things about a sign-in that together count as a medium risk; each alone is daily life.
const NEW_THINGS_MIN: usize = 2;

fn risk(f: &Fields<'_>) -> Risk {
    let levels = Levels::of(f.debug.risk.as_written());
    if f.debug.is_threat || levels.high {
        return Risk::High;
    }
    let security = f.debug.log_only;
    if f.debug.risk.is_empty() && is_high(security.as_written()) {
        return Risk::High;
    }
    let behaviors = if f.debug.behaviors.is_empty() { security } else { f.debug.behaviors };
    let bytes = behaviors.as_written().as_bytes();
    let positives = memchr::memchr_iter(b'P', bytes)
        .filter(|at| bytes.get(*at..).is_some_and(|rest| rest.starts_with(b"POSITIVE")))
        .count();
    if levels.medium || positives >= NEW_THINGS_MIN {
        return Risk::Medium;
    }
    if levels.low { Risk::Low } else { Risk::Unknown }
}

/// Whether a JSON text inside a string, its quotes escaped, names a level HIGH.
fn is_high(text: &str) -> bool {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(r#"level\""#) {
        rest = after;
        let value = after.trim_ascii_start().strip_prefix(':').unwrap_or_default();
        if value.trim_ascii_start().starts_with(r#"\"HIGH"#) {
            return true;
        }
    }
    false
}

/// Which levels a text such as `{reasons=Anomalous Location, level=HIGH}` names.
#[derive(Default)]
struct Levels {
    high: bool,
    medium: bool,
    low: bool,
}

impl Levels {
    fn of(text: &str) -> Self {
        let mut levels = Self::default();
        for at in memchr::memchr_iter(b'=', text.as_bytes()) {
            let Some((name, level)) = text.split_at_checked(at) else { continue };
            if name.ends_with("level") {
                levels.high |= level.starts_with("=HIGH");
                levels.medium |= level.starts_with("=MEDIUM");
                levels.low |= level.starts_with("=LOW");
            }
        }
        levels
    }
}

/// A few words on what was changed or why it failed.
fn what<'a>(f: &Fields<'a>, kind: EventKind) -> Result<Cow<'a, str>, Fault> {
    if kind == EventKind::RoleAssigned && !f.debug.privilege.is_empty() {
        return f.debug.privilege.present();
    }
    if kind.is_lasting_change() {
        let mut words = f.reason.present()?;
        if words.is_empty() {
            words = f.message.present()?;
        }
        let mut target = f.targets.other.display_name.present()?;
        if target.is_empty() {
            target = f.targets.enrollment.display_name.present()?;
        }
        let mut detail = target.into_owned();
        if let Some(weaker) = factor_mode(f.targets.changes) {
            detail = format!("{detail}, {weaker}");
        }
        return Ok(if detail.is_empty() {
            words
        } else {
            Cow::Owned(format!("{words}: {detail}"))
        });
    }
    let reason = f.reason.present()?;
    if reason.is_empty() && !kind.is_prompt_outcome() && kind != EventKind::SessionUsed {
        return f.message.present();
    }
    Ok(reason)
}

/// How many factors a sign-on rule asked for before and after: `factorMode 2FA -> 1FA`.
fn factor_mode(changes: &str) -> Option<String> {
    if changes.is_empty() {
        return None;
    }
    let changes: Value = serde_json::from_str(changes).ok()?;
    let mode = |side: &str| find(changes.get(side)?, "factorMode", 4);
    let (from, to) = (mode("from")?, mode("to")?);
    (from != to).then(|| format!("factorMode {from} -> {to}"))
}

/// A text member at any depth up to `levels`.
fn find<'v>(value: &'v Value, key: &str, levels: usize) -> Option<&'v str> {
    let object = value.as_object()?;
    if let Some(text) = object.get(key).and_then(Value::as_str) {
        return Some(text);
    }
    let deeper = levels.checked_sub(1)?;
    object.values().find_map(|inner| find(inner, key, deeper))
}
