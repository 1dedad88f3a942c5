//! PingFederate audit log: `key= value|` lines, or the same as JSON.
//!
//! ```text
//! 2026-03-02 08:11:09,414| trackingid= tid:AbC| event= AUTHN_ATTEMPT| subject= alice|
//!   ip= 203.0.113.7| app= https://sp.example.org| protocol= SAML20| status= failure|
//!   adapterid= PingIDAdapter| description= Timed out
//! ```

use std::borrow::Cow;
use std::collections::BTreeMap;

use pushback_model::{Endpoint, EventKind, Factor, IdentityEvent, Party, Source, Timestamp};
use serde_json::Value;

use crate::value::{Meaning, holds, ip_of, text_of, time};
use crate::{Mapping, Read, Reject, Sink, text};

const VENDOR: Source = Source::PingFederate;

/// How many fields are read from one line; the log has about 30.
const FIELDS_MAX: usize = 128;

pub(super) fn recognises(value: &Value) -> bool {
    let has = |name: &str| value.get(name).is_some();
    (has("trackingid") || has("trackingId"))
        && has("event")
        && (has("subject") || has("adapterid") || has("adapterId") || has("connectionid"))
}

/// Reads one recognised record.
pub(super) fn read(value: &Value, mapping: &Mapping, sink: &mut Sink<'_>) -> Result<Read, Reject> {
    let occurred_at = time(
        value,
        &[&["dtime"], &["timestamp"], &["@timestamp"], &["time"], &["date"]],
        VENDOR,
        "timestamp",
    )?
    .ok_or(Reject::Incomplete { vendor: VENDOR, missing: "timestamp" })?;
    let mut fields = BTreeMap::new();
    for (name, member) in value.as_object().into_iter().flatten() {
        fields.insert(name.to_ascii_lowercase(), text_of(member));
    }
    record(&fields, occurred_at, mapping, sink)
}

pub(super) fn recognises_text(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains('|')
        && text.contains("event=")
        && (text.contains("trackingid=") || text.contains("adapterid="))
}

/// Reads one recognised record that is not JSON.
pub(super) fn read_text(
    line: &str,
    mapping: &Mapping,
    sink: &mut Sink<'_>,
) -> Result<Read, Reject> {
    let mut fields = BTreeMap::new();
    let mut occurred_at = None;
    for part in line.split('|').take(FIELDS_MAX) {
        match part.split_once('=') {
            Some((name, value)) => {
                // The first name may follow the time without a bar.
                let name = name.trim().rsplit(' ').next().unwrap_or_default().to_ascii_lowercase();
                fields.entry(name).or_insert(Cow::Borrowed(text::present(value)));
            }
            None => occurred_at = occurred_at.or(Timestamp::parse(part).ok()),
        }
    }
    let from_field = ["dtime", "timestamp", "time", "date"]
        .iter()
        .filter_map(|name| fields.get(*name))
        .find_map(|value| Timestamp::parse(value).ok());
    let head = || {
        let mut words = line.split([' ', '|']);
        let (first, second) = (words.next()?, words.next()?);
        Timestamp::parse(first).ok().or_else(|| Timestamp::parse(&format!("{first} {second}")).ok())
    };
    let occurred_at = occurred_at
        .or(from_field)
        .or_else(head)
        .ok_or(Reject::Incomplete { vendor: VENDOR, missing: "the time" })?;
    record(&fields, occurred_at, mapping, sink)
}

fn record(
    fields: &BTreeMap<String, Cow<'_, str>>,
    occurred_at: Timestamp,
    mapping: &Mapping,
    sink: &mut Sink<'_>,
) -> Result<Read, Reject> {
    let field = |name: &str| fields.get(name).map_or("", |text| text::present(text));
    let native = field("event");
    if native.is_empty() {
        return Err(Reject::Incomplete { vendor: VENDOR, missing: "event" });
    }
    let adapter = field("adapterid");
    let description = field("description");
    let meaning = meaning(native, field("status"), adapter, description);
    let kind = match meaning.or_policy(mapping, VENDOR, native) {
        Meaning::Is(kind) => kind,
        Meaning::Nothing => return Ok(Read::Ignored(VENDOR)),
        Meaning::Unknown => return Ok(Read::Unknown(VENDOR, native.to_owned())),
    };
    let mut event = IdentityEvent::new(VENDOR, kind, occurred_at);
    event.native = Cow::Borrowed(native);
    event.subscriber = Party { name: Cow::Borrowed(field("subject")), ..Party::default() };
    event.requester = Endpoint { ip: ip_of(Cow::Borrowed(field("ip"))), ..Endpoint::default() };
    event.requester.agent.raw = Cow::Borrowed(field("useragent"));
    event.app = Cow::Borrowed(
        [field("app"), field("connectionid")]
            .into_iter()
            .find(|t| !t.is_empty())
            .unwrap_or_default(),
    );
    event.transaction = Cow::Borrowed(
        [field("transactionid"), field("trackingid")]
            .into_iter()
            .find(|t| !t.is_empty())
            .unwrap_or_default(),
    );
    event.session = Cow::Borrowed(field("sri"));
    event.what = Cow::Borrowed(description);
    if kind.is_prompt_outcome() {
        event.factor = Factor::Push;
    }
    event.id = Cow::Owned(text::content_id(&[
        &occurred_at.as_millis().to_string(),
        field("trackingid"),
        field("transactionid"),
        native,
        field("status"),
        field("subject"),
        field("ip"),
        field("app"),
        adapter,
        description,
    ]));
    sink(&event);
    Ok(Read::Events(1))
}

fn meaning(native: &str, status: &str, adapter: &str, description: &str) -> Meaning {
    use EventKind as K;
    let (ok, failed) =
        (status.eq_ignore_ascii_case("success"), status.eq_ignore_ascii_case("failure"));
    let asks = holds(adapter, &["pingid", "mfa", "push", "duo"]) || holds(description, &["push"]);
    let name = native.to_ascii_uppercase();
    Meaning::Is(match name.as_str() {
        "AUTHN_ATTEMPT" if asks && failed => {
            let words = description.to_ascii_lowercase().replace('_', " ");
            if holds(&words, &["timed out", "timeout", "unresponsive"]) {
                K::PromptTimedOut
            } else if holds(&words, &["rejected", "denied", "declined"]) {
                K::PromptDenied
            } else if holds(&words, &["fraud"]) {
                K::PromptReported
            } else {
                K::FactorFailed
            }
        }
        "AUTHN_ATTEMPT" if asks && ok => {
            if holds(description, &["push", "swipe", "confirmed", "approved"]) {
                K::PromptApproved
            } else {
                K::FactorVerified
            }
        }
        "AUTHN_ATTEMPT" if asks => K::ChallengeRequired,
        "AUTHN_ATTEMPT" if ok => K::PasswordVerified,
        "AUTHN_ATTEMPT" if failed => K::SignInFailed,
        "AUTHN_ATTEMPT" => return Meaning::Nothing,
        "AUTHN_SESSION_CREATED" => K::SessionStarted,
        "AUTHN_SESSION_USED" => K::SessionUsed,
        "AUTHN_SESSION_DELETED" | "SLO" | "SRI_REVOKED" => K::SessionRevoked,
        "SSO" | "OAUTH" if failed => K::SignInFailed,
        "SSO" | "OAUTH" if ok => K::SessionUsed,
        "SSO" | "OAUTH" => return Meaning::Nothing,
        // A mail with a link: a question put to the subscriber that a stranger can cause.
        "PWD_RESET_REQUEST" if !failed => K::PromptSent,
        "PWD_CHANGE" if !failed => K::PasswordChanged,
        "PWD_RESET" if !failed => K::PasswordReset,
        "ACCOUNT_UNLOCK" if !failed => K::Unlocked,
        "PWD_RESET_REQUEST"
        | "PWD_CHANGE"
        | "PWD_RESET"
        | "ACCOUNT_UNLOCK"
        | "PWD_CHANGE_REQUEST"
        | "PWD_RESET_REQUEST_RESPONSE"
        | "ACCOUNT_UNLOCK_REQUEST"
        | "AUTHN_REQUEST"
        | "STS"
        | "USERNAME_RECOVERY"
        | "ATTRIBUTE_QUERY" => {
            return Meaning::Nothing;
        }
        _ => return Meaning::Unknown,
    })
}
