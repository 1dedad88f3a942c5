//! Windows Security events about accounts, as XML, one event or more a line: the help desk's resets.
//!
//! ```text
//! <Event xmlns='..'><System><EventID>4724</EventID><TimeCreated SystemTime='2026-03-02T08:11:09.5Z'/>
//!   <EventRecordID>281</EventRecordID><Computer>dc1.example.org</Computer></System><EventData>
//!   <Data Name='TargetUserName'>alice</Data><Data Name='SubjectUserName'>help01</Data></EventData></Event>
//! ```
//!
//! This is no XML parser: it reads the few elements above, and nothing in the text can make it do
//! more.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use pushback_model::{EventKind, IdentityEvent, Party, Source, Timestamp};
use serde_json::Value;

use crate::value::{ip_of, other};
use crate::wrapped::Sum;
use crate::{Mapping, Read, Reject, Sink, text};

const VENDOR: Source = Source::Windows;

/// Whether this is one of this vendor's records. JSON forms of Windows events are not read.
pub(crate) fn recognises(_value: &Value) -> bool {
    false
}

/// Reads one recognised record.
pub(crate) fn read(
    _value: &Value,
    _bytes: &[u8],
    _mapping: &Mapping,
    _sink: &mut Sink<'_>,
) -> Result<Read, Reject> {
    Err(Reject::Unrecognised)
}

/// Whether this line, which is not JSON, is one of this vendor's records.
pub(crate) fn recognises_text(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with("<Event") && text.contains("<EventID")
}

/// Reads the events of one recognised line that is not JSON.
pub(crate) fn read_text(
    text: &str,
    mapping: &Mapping,
    sink: &mut Sink<'_>,
) -> Result<Read, Reject> {
    let mut sum = Sum::default();
    // In a text of an event, `<` is escaped.
    for event in text.split_inclusive("</Event>").map(str::trim_ascii_start) {
        if event.starts_with("<Event") {
            sum.add(read_event(event, mapping, sink));
        }
    }
    sum.into_read()
}

fn read_event(text: &str, mapping: &Mapping, sink: &mut Sink<'_>) -> Result<Read, Reject> {
    let incomplete = |missing| Reject::Incomplete { vendor: VENDOR, missing };
    let native = element(text, "EventID").ok_or(incomplete("EventID"))?.trim();
    let built_in = match native {
        "4723" => Some(EventKind::PasswordChanged),
        "4724" => Some(EventKind::PasswordReset),
        "4740" => Some(EventKind::LockedOut),
        "4767" => Some(EventKind::Unlocked),
        "4720" | "4722" => Some(EventKind::AccountCreated),
        "4725" | "4726" => Some(EventKind::AccountDisabled),
        _ => None,
    };
    let Some(kind) = mapping.kind(VENDOR, native).or(built_in) else {
        return Ok(Read::Unknown(VENDOR, native.to_owned()));
    };
    // Audit Failure (winmeta.xml): the attempt changed nothing.
    const AUDIT_FAILURE: u64 = 0x0010_0000_0000_0000;
    let keywords = element(text, "Keywords").and_then(|keywords| {
        u64::from_str_radix(keywords.trim().trim_start_matches("0x"), 16).ok()
    });
    if keywords.is_some_and(|keywords| keywords & AUDIT_FAILURE != 0) {
        return Ok(Read::Ignored(VENDOR));
    }
    let occurred_at = attribute(text, "TimeCreated", "SystemTime")
        .and_then(|time| Timestamp::parse(time).ok())
        .ok_or(incomplete("TimeCreated"))?;
    let mut event = IdentityEvent::new(VENDOR, kind, occurred_at);
    event.native = Cow::Borrowed(native);
    event.subscriber = party(text, "TargetUserName", "TargetDomainName", "TargetSid");
    if native == "4740" {
        // There the "domain" is the computer that the wrong passwords came from.
        let name = data(text, "TargetUserName");
        event.requester.device_name = data(text, "TargetDomainName");
        event.subscriber.name = name;
    }
    if event.subscriber.is_empty() {
        return Err(incomplete("TargetUserName"));
    }
    let actor = party(text, "SubjectUserName", "SubjectDomainName", "SubjectUserSid");
    // `DC1$` is the machine itself, not a person.
    event.actor = if actor.name.ends_with('$') { None } else { other(actor, &event.subscriber) };
    if event.actor.is_some() && event.kind == EventKind::PasswordChanged {
        event.kind = EventKind::PasswordReset;
    }
    event.requester.ip = ip_of(data(text, "IpAddress"));
    let computer = element(text, "Computer").unwrap_or_default().trim();
    event.app = unescape(computer);
    let record = element(text, "EventRecordID").unwrap_or_default().trim();
    event.id = Cow::Owned(if record.is_empty() {
        text::content_id(&[
            &occurred_at.as_millis().to_string(),
            native,
            &event.subscriber.name,
            &data(text, "SubjectUserName"),
        ])
    } else {
        // Record numbers are counted by each computer.
        format!("{computer}/{record}")
    });
    sink(&event);
    Ok(Read::Events(1))
}

fn party<'t>(text: &'t str, name: &str, domain: &str, sid: &str) -> Party<'t> {
    let name = data(text, name);
    let domain = data(text, domain);
    let name = if domain.is_empty() || name.is_empty() {
        name
    } else {
        Cow::Owned(format!("{domain}\\{name}"))
    };
    let id = data(text, sid);
    // Some collectors write the resolved account where the SID belongs.
    let id = if id.starts_with("S-1-") { id } else { Cow::Borrowed("") };
    Party { name, id, ..Party::default() }
}

/// The text of the first element of this name.
fn element<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let mut rest = text;
    loop {
        let (_, after) = rest.split_once('<')?;
        rest = after;
        let Some(tail) = after.strip_prefix(name) else { continue };
        if !tail.starts_with(['>', ' ', '\t']) {
            continue;
        }
        let (head, body) = tail.split_once('>')?;
        if head.ends_with('/') {
            return None;
        }
        return body.split_once('<').map(|(body, _)| body);
    }
}

fn attribute<'t>(text: &'t str, name: &str, attribute: &str) -> Option<&'t str> {
    let (_, after) = text.split_once(&format!("<{name} "))?;
    let (head, _) = after.split_once('>')?;
    let (_, value) = head.split_once(&format!("{attribute}="))?;
    let quote = value.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    value.get(1..)?.split_once(quote).map(|(value, _)| value)
}

fn data<'t>(text: &'t str, name: &str) -> Cow<'t, str> {
    for quote in ['\'', '"'] {
        let marker = format!("<Data Name={quote}{name}{quote}>");
        if let Some((_, after)) = text.split_once(&marker)
            && let Some((body, _)) = after.split_once('<')
        {
            return match unescape(body) {
                Cow::Borrowed(body) => Cow::Borrowed(text::present(body)),
                Cow::Owned(body) => Cow::Owned(text::present(&body).to_owned()),
            };
        }
    }
    Cow::Borrowed("")
}

fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    // `&amp;` last, or `&amp;lt;` would become `<`.
    Cow::Owned(
        text.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&apos;", "'")
            .replace("&amp;", "&"),
    )
}
