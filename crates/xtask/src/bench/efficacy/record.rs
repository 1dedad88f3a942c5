//! The fields that published rules look at, taken from raw records as their products ingest them.

use pushback_model::Timestamp;
use serde_json::Value;

/// One record, flattened. Fields that the vendor does not log are empty.
#[derive(Clone, Debug, Default)]
pub struct Flat {
    /// When the product says it happened.
    pub at: i64,
    /// The user a rule would group by.
    pub user: String,
    /// `eventType`, `category`, Duo's `event_type`, or PingID's kind of message.
    pub name: String,
    /// Outcome: `outcome.result`, the error code, Duo's `result`, PingID's `result.status`.
    pub result: String,
    /// `outcome.reason`, `status.additionalDetails`, Duo's `reason`, PingID's message.
    pub reason: String,
    /// `debugData.factor` or Duo's `factor`; Entra's `authenticationRequirement`.
    pub factor: String,
    /// `debugData.pushOnlyResponseType`.
    pub push_response: String,
    /// `debugData.behaviors`.
    pub behaviours: String,
    /// The requester's address.
    pub ip: String,
    /// `authenticationContext.externalSessionId`.
    pub session: String,
    /// The application.
    pub app: String,
    /// The user agent.
    pub agent: String,
}

/// Flattens a record and gives its id; `None` for what none of the rules looks at.
pub fn flatten(file: &str, line: &[u8]) -> Option<(String, Flat)> {
    let value: Value = serde_json::from_slice(line).ok()?;
    let text = |pointer: &str| -> String {
        value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let at = |pointer: &str| -> Option<i64> {
        Some(Timestamp::parse(value.pointer(pointer)?.as_str()?).ok()?.as_millis())
    };
    match file {
        "okta.jsonl" => Some((
            text("/uuid"),
            Flat {
                at: at("/published")?,
                user: text("/actor/alternateId"),
                name: text("/eventType"),
                result: text("/outcome/result"),
                reason: text("/outcome/reason"),
                factor: text("/debugContext/debugData/factor"),
                push_response: text("/debugContext/debugData/pushOnlyResponseType"),
                behaviours: text("/debugContext/debugData/behaviors"),
                ip: text("/client/ipAddress"),
                session: text("/authenticationContext/externalSessionId"),
                app: String::new(),
                agent: text("/client/userAgent/rawUserAgent"),
            },
        )),
        "entra_signins.jsonl" => Some((
            text("/properties/id"),
            Flat {
                at: at("/properties/createdDateTime")?,
                user: text("/properties/userPrincipalName"),
                name: text("/category"),
                result: text("/resultType"),
                reason: text("/properties/status/additionalDetails"),
                factor: text("/properties/authenticationRequirement"),
                ip: text("/properties/ipAddress"),
                app: text("/properties/appDisplayName"),
                agent: text("/properties/userAgent"),
                ..Flat::default()
            },
        )),
        "duo_authentication.jsonl" => Some((
            text("/txid"),
            Flat {
                at: at("/isotimestamp")?,
                user: text("/user/name"),
                name: text("/event_type"),
                result: text("/result"),
                reason: text("/reason"),
                factor: text("/factor"),
                ip: text("/access_device/ip"),
                app: text("/application/name"),
                ..Flat::default()
            },
        )),
        "pingid.jsonl" => Some((
            text("/id"),
            Flat {
                at: at("/recorded")?,
                user: text("/actors/0/name").to_lowercase(),
                name: "pingid".to_owned(),
                result: text("/result/status"),
                reason: text("/result/message"),
                ip: text("/resources/0/ipaddress"),
                session: text("/resources/0/websession"),
                ..Flat::default()
            },
        )),
        _ => None,
    }
}
