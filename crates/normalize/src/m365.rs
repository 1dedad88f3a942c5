//! Microsoft 365 unified audit log: sign-ins, directory changes, mail rules, what was read and sent.
//!
//! ```json
//! {"CreationTime":"2026-03-02T08:11:09","Id":"6c1f..","Operation":"New-InboxRule","RecordType":1,
//!  "Workload":"Exchange","UserId":"alice@example.org","ClientIP":"203.0.113.7:50114",
//!  "Parameters":[{"Name":"Name","Value":"."},{"Name":"DeleteMessage","Value":"True"}]}
//! ```

mod content;
mod directory;
mod mail;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use pushback_model::{Endpoint, EventKind, Factor, IdentityEvent, Party, Source, Timestamp};
use serde_json::Value;

use crate::value::{
    Meaning, at, first, get, holds, ip_of, is_true, items, login, named, other, text_of, time,
    unfolded,
};
use crate::{Mapping, Read, Reject, Sink, text};

const VENDOR: Source = Source::M365;

/// Whether this is one of this vendor's records: bare, or in the `AuditData` of an export.
pub(crate) fn recognises(value: &Value) -> bool {
    let bare = value.get("CreationTime").is_some()
        && value.get("Operation").is_some()
        && ["Workload", "RecordType", "OrganizationId", "UserKey"]
            .iter()
            .any(|name| value.get(name).is_some());
    bare || wrapped(value).is_some()
}

/// Reads one recognised record.
pub(crate) fn read(
    value: &Value,
    _bytes: &[u8],
    mapping: &Mapping,
    sink: &mut Sink<'_>,
) -> Result<Read, Reject> {
    match wrapped(value) {
        None => record(value, mapping, sink),
        Some(Value::String(inner)) => match serde_json::from_str::<Value>(inner) {
            // `AuditData` inside `AuditData` does not occur; reading it would be a loop.
            Ok(inner) if wrapped(&inner).is_none() => record(&inner, mapping, sink),
            Ok(_) => Err(Reject::Unrecognised),
            Err(error) => Err(Reject::Syntax(error.to_string())),
        },
        Some(inner) if wrapped(inner).is_none() => record(inner, mapping, sink),
        Some(_) => Err(Reject::Unrecognised),
    }
}

fn wrapped(value: &Value) -> Option<&Value> {
    // `Search-UnifiedAuditLog` gives a JSON text, Graph's audit log query an object.
    let inner = value.get("AuditData").or_else(|| value.get("auditData"))?;
    (inner.is_string() || inner.is_object()).then_some(inner)
}

/// Members that hold objects or lists, which some exports write as texts.
const NESTED: &[&str] = &[
    "Actor",
    "AffectedItems",
    "AppAccessContext",
    "DeviceProperties",
    "ExtendedProperties",
    "Folders",
    "Item",
    "Members",
    "ModifiedProperties",
    "OperationProperties",
    "Parameters",
    "ParticipantInfo",
    "Target",
];

fn record(value: &Value, mapping: &Mapping, sink: &mut Sink<'_>) -> Result<Read, Reject> {
    let value = &*unfolded(value, NESTED);
    let operation = at(value, &["Operation"]);
    if operation.is_empty() {
        return Err(Reject::Incomplete { vendor: VENDOR, missing: "Operation" });
    }
    let occurred_at = time(value, &[&["CreationTime"]], VENDOR, "CreationTime")?
        .ok_or(Reject::Incomplete { vendor: VENDOR, missing: "CreationTime" })?;
    let base = base(value, &operation, occurred_at);
    if let Some(kind) = mapping.kind(VENDOR, &operation) {
        sink(&IdentityEvent { kind, ..base });
        return Ok(Read::Events(1));
    }
    let name = operation.trim_end_matches('.').trim_end();
    let mut count = 0;
    let mut emit = |event: &IdentityEvent<'_>| {
        count += 1;
        sink(event);
    };
    let meaning = if let Some(meaning) = sign_in(value, name, &base, &mut emit) {
        meaning
    } else if content::read(value, name, &base, &mut emit) {
        Meaning::Nothing
    } else if let Some(meaning) = mail::read(value, name, &base, &mut emit) {
        meaning
    } else if let Some(meaning) = directory::read(value, name, &base, &mut emit) {
        meaning
    } else if name == "ChatCreated" {
        chat(value, &base, &mut emit)
    } else if holds(&at(value, &["Workload"]), &["azureactivedirectory", "exchange"]) {
        Meaning::Unknown
    } else {
        // Meetings, reports, pages: thousands of operations that are no concern of sign-ins.
        Meaning::Nothing
    };
    Ok(match meaning {
        Meaning::Is(kind) => {
            sink(&IdentityEvent { kind, ..base });
            Read::Events(1)
        }
        Meaning::Nothing if count > 0 => Read::Events(count),
        Meaning::Nothing => Read::Ignored(VENDOR),
        Meaning::Unknown => Read::Unknown(VENDOR, operation.into_owned()),
    })
}

/// What every record has: who, from where, in which session.
fn base<'v>(value: &'v Value, operation: &str, occurred_at: Timestamp) -> IdentityEvent<'v> {
    let mut event = IdentityEvent::new(VENDOR, EventKind::SessionUsed, occurred_at);
    event.native = Cow::Owned(operation.to_owned());
    event.id = at(value, &["Id"]);
    if event.id.is_empty() {
        event.id = Cow::Owned(text::content_id(&[
            &at(value, &["CreationTime"]),
            operation,
            &at(value, &["UserId"]),
            &at(value, &["ObjectId"]),
            &at(value, &["ClientIP"]),
            &get(value, &["Parameters"]).to_string(),
        ]));
    }
    event.subscriber = user(value);
    let device = get(value, &["DeviceProperties"]);
    let extended = get(value, &["ExtendedProperties"]);
    let mut requester = Endpoint {
        ip: ip_of(first(value, &[&["ClientIP"], &["ActorIpAddress"], &["ClientIPAddress"]])),
        device: text_of(named(device, "Id")),
        device_name: text_of(named(device, "DisplayName")),
        is_managed: ["IsCompliant", "IsManaged", "IsCompliantAndManaged"]
            .iter()
            .any(|name| is_true(named(device, name))),
        ..Endpoint::default()
    };
    requester.agent.os = text_of(named(device, "OS"));
    requester.agent.browser = text_of(named(device, "BrowserType"));
    requester.agent.raw = text_of(named(extended, "UserAgent"));
    if requester.agent.raw.is_empty() {
        requester.agent.raw = first(value, &[&["UserAgent"], &["ClientInfoString"]]);
    }
    event.requester = requester;
    event.app = first(value, &[&["ApplicationDisplayName"], &["ApplicationId"], &["AppId"]]);
    event.session = text_of(named(device, "SessionId"));
    if event.session.is_empty() {
        event.session = first(value, &[&["AppAccessContext", "AADSessionId"], &["SessionId"]]);
    }
    event.transaction = at(value, &["InterSystemsId"]);
    event
}

/// The one who acted: for a sign-in and for a rule in one's own mailbox, the subscriber.
fn user(value: &Value) -> Party<'_> {
    let name = logged(first(value, &[&["UserId"]]));
    let mut id = logged(at(value, &["UserKey"]));
    if let Some(found) = items(get(value, &["Actor"]))
        .find(|actor| at(actor, &["Type"]) == "0")
        .map(|actor| at(actor, &["ID"]))
        .filter(|id| !id.is_empty())
    {
        id = found;
    }
    // A failed sign-in of an unknown person carries a directory object's id in place of a login.
    Party { name, id, ..Party::default() }
}

fn logged(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.eq_ignore_ascii_case("Not Available") { Cow::Borrowed("") } else { text }
}

fn sign_in(
    value: &Value,
    name: &str,
    base: &IdentityEvent<'_>,
    emit: &mut Sink<'_>,
) -> Option<Meaning> {
    let success = match name {
        "UserLoggedIn" => true,
        "UserLoginFailed" => false,
        _ => return None,
    };
    let error = first(value, &[&["ErrorNumber"], &["ErrorCode"]]);
    let logon_error = at(value, &["LogonError"]);
    let kind = if success {
        match error.as_ref() {
            "" | "0" => EventKind::SessionStarted,
            code => match failure(code, &logon_error) {
                Some(kind) => kind,
                None => return Some(Meaning::Nothing),
            },
        }
    } else {
        match failure(&error, &logon_error) {
            Some(kind) => kind,
            None => return Some(Meaning::Nothing),
        }
    };
    let mut event = base.clone();
    event.kind = kind;
    if !success {
        if !error.is_empty() {
            event.native = error.clone();
        }
        event.what = logon_error;
    }
    if event.kind == EventKind::SignInFailed && event.what == "InvalidUserNameOrPassword" {
        event.factor = Factor::Password;
    }
    emit(&event);
    Some(Meaning::Nothing)
}

/// What a failed sign-in means; `None` if it is a step of an ordinary one.
fn failure(code: &str, logon_error: &str) -> Option<EventKind> {
    Some(match code {
        "500121" => EventKind::FactorFailed,
        "50074" | "50076" | "50072" | "50079" | "50158" => EventKind::ChallengeRequired,
        "50053" => EventKind::LockedOut,
        "53000" | "53001" | "53002" | "53003" | "53004" => EventKind::PolicyRefused,
        // Keep-me-signed-in, consent, device and session interrupts: the sign-in goes on.
        "50140" | "65001" | "50097" | "50058" | "50125" | "16000" | "70043" | "70044" => {
            return None;
        }
        "" | "0" if holds(logon_error, &["strongauth"]) => EventKind::ChallengeRequired,
        "" | "0" if holds(logon_error, &["idslocked", "accountlocked"]) => EventKind::LockedOut,
        "" | "0" if holds(logon_error, &["conditionalaccess", "devicenotcompliant"]) => {
            EventKind::PolicyRefused
        }
        _ => EventKind::SignInFailed,
    })
}

/// A chat begun by a stranger who calls themself the help desk: how codes are talked out of people.
fn chat(value: &Value, base: &IdentityEvent<'_>, emit: &mut Sink<'_>) -> Meaning {
    const HELP: &[&str] = &[
        "help",
        "support",
        "service desk",
        "servicedesk",
        "security",
        "microsoft",
        "it team",
        "admin",
    ];
    let foreign = is_true(get(value, &["ParticipantInfo", "HasForeignTenantUsers"]));
    let alone = at(value, &["CommunicationType"]).eq_ignore_ascii_case("OneOnOne");
    let members = get(value, &["Members"]);
    let stranger = items(members).find(|member| {
        let name = at(member, &["DisplayName"]);
        holds(&name, HELP) || name.eq_ignore_ascii_case("it")
    });
    let Some(stranger) = stranger.filter(|_| foreign && alone) else {
        return Meaning::Nothing;
    };
    let stranger_name = first(stranger, &[&["UPN"], &["DisplayName"]]);
    let Some(member) = items(members).find(|member| !std::ptr::eq(*member, stranger)) else {
        return Meaning::Nothing;
    };
    let mut event = base.clone();
    event.kind = EventKind::RiskDetected;
    event.subscriber = login(first(member, &[&["UPN"], &["DisplayName"]]));
    event.actor = other(login(stranger_name), &event.subscriber);
    event.what = Cow::Owned(format!(
        "chat from another organisation by '{}'",
        crate::value::plain(&at(stranger, &["DisplayName"]))
    ));
    emit(&event);
    Meaning::Nothing
}
