//! Audit records and risk detections in other shapes than Graph's: rows of the Log Analytics tables
//! `AuditLogs`, `AADUserRiskEvents` and `AADRiskyUsers`, and members that are JSON inside strings.
//!
//! ```json
//! {"TimeGenerated":"…","OperationName":"User registered security info","Result":"success",
//!  "InitiatedBy":"{\"user\":{\"id\":\"u1\"}}","TargetResources":"[{\"type\":\"User\"}]"}
//! ```

use std::borrow::Cow;

use serde_json::{Map, Value};

/// Members that hold objects or lists.
const NESTED: &[&str] = &["initiatedBy", "targetResources", "additionalDetails", "location"];

/// The record as Graph or a diagnostic setting writes it; the same one if it is so already.
pub(super) fn as_logged(value: &Value) -> Cow<'_, Value> {
    let Value::Object(members) = value else { return Cow::Borrowed(value) };
    if is_row(members) {
        return Cow::Owned(from_columns(members));
    }
    let is_text = |members: &Map<String, Value>, name: &str| {
        members.get(name).and_then(Value::as_str).is_some_and(is_nested)
    };
    let has_text = |members: &Map<String, Value>| {
        NESTED.iter().any(|name| is_text(members, name)) || has_texts_in_targets(members)
    };
    let is_changed = is_text(members, "properties")
        || has_text(members)
        || members.get("properties").and_then(Value::as_object).is_some_and(has_text);
    if !is_changed {
        return Cow::Borrowed(value);
    }
    let mut record = members.clone();
    unfold(&mut record, "properties");
    if let Some(Value::Object(properties)) = record.get_mut("properties") {
        unfold_members(properties);
    }
    unfold_members(&mut record);
    Cow::Owned(Value::Object(record))
}

/// Whether these are columns of one of the tables; none of them is a sign-in's.
fn is_row(members: &Map<String, Value>) -> bool {
    let has = |name: &str| members.contains_key(name);
    let is_audit = (has("OperationName") || has("ActivityDisplayName"))
        && (has("InitiatedBy") || has("TargetResources"));
    let is_risk = has("RiskEventType") || (has("RiskState") && has("RiskLastUpdatedDateTime"));
    (has("TimeGenerated") || has("ActivityDateTime")) && (is_audit || is_risk)
}

fn from_columns(row: &Map<String, Value>) -> Value {
    let mut record: Map<String, Value> = row
        .iter()
        .map(|(column, value)| {
            let mut letters = column.chars();
            let first = letters.next().into_iter().flat_map(char::to_lowercase);
            (first.chain(letters).collect(), value.clone())
        })
        .collect();
    // What a column lacks stands in another one.
    for (name, other) in [
        ("activityDateTime", "timeGenerated"),
        ("time", "timeGenerated"),
        ("activityDisplayName", "operationName"),
        ("ipAddress", "iPAddress"),
    ] {
        let is_there =
            record.get(name).is_some_and(|value| !matches!(value.as_str(), None | Some("")));
        if let (false, Some(value)) = (is_there, record.get(other).cloned()) {
            record.insert(name.to_owned(), value);
        }
    }
    unfold_members(&mut record);
    Value::Object(record)
}

fn unfold_members(record: &mut Map<String, Value>) {
    for name in NESTED {
        unfold(record, name);
    }
    let targets = record.get_mut("targetResources").and_then(Value::as_array_mut);
    for target in targets.into_iter().flatten() {
        if let Value::Object(target) = target {
            unfold(target, "modifiedProperties");
        }
    }
}

fn unfold(members: &mut Map<String, Value>, name: &str) {
    if let Some(value) = members.get_mut(name)
        && let Some(inside) = value.as_str().filter(|text| is_nested(text))
        && let Ok(inside) = serde_json::from_str(inside)
    {
        *value = inside;
    }
}

fn has_texts_in_targets(members: &Map<String, Value>) -> bool {
    let targets = members.get("targetResources").and_then(Value::as_array);
    targets.into_iter().flatten().any(|target| {
        target.get("modifiedProperties").and_then(Value::as_str).is_some_and(is_nested)
    })
}

fn is_nested(text: &str) -> bool {
    text.trim_ascii_start().starts_with(['{', '['])
}

#[cfg(test)]
mod tests {
    use pushback_model::{EventKind as K, Factor as F, Source};
    use serde_json::json;

    use super::*;
    use crate::Read;
    use crate::testing::{only, read_all};

    /// Bob gets a phone from Alice, as a diagnostic setting writes it.
    fn diagnostic() -> Value {
        json!({"time": "2026-01-31T09:30:00Z", "category": "AuditLogs",
            "operationName": "Admin registered security info",
            "properties": {"id": "a1", "activityDateTime": "2026-01-31T09:30:00Z",
                "activityDisplayName": "Admin registered security info", "result": "success",
                "resultReason": "Admin registered phone call for user", "correlationId": "c1",
                "initiatedBy": {"user": {"id": "u1", "userPrincipalName": "alice@example.org",
                    "ipAddress": "203.0.113.7"}},
                "targetResources": [{"id": "u2", "type": "User", "userPrincipalName": "bob@example.org",
                    "modifiedProperties": [{"displayName": "StrongAuthenticationMethod",
                        "oldValue": "[]", "newValue": "[{\"MethodType\":0}]"}]}],
                "additionalDetails": [{"key": "User-Agent", "value": "Mozilla/5.0"}]}})
    }

    fn as_text(value: &mut Value) {
        *value = Value::String(value.to_string());
    }

    #[test]
    fn an_audit_row_is_read_like_the_diagnostic_record() {
        let logged = diagnostic();
        let expected = only(&logged.to_string());
        assert_eq!((expected.kind, expected.factor), (K::FactorEnrolled, F::Voice));
        assert_eq!(expected.subscriber.name, "bob@example.org");
        assert_eq!(expected.requester.agent.raw, "Mozilla/5.0");
        let inner = &logged["properties"];
        let mut row = json!({"TimeGenerated": "2026-01-31T09:30:00Z", "Type": "AuditLogs",
            "Category": "UserManagement", "OperationName": "Admin registered security info",
            "ActivityDisplayName": "Admin registered security info",
            "ActivityDateTime": "2026-01-31T09:30:00Z", "Result": "success",
            "ResultReason": "Admin registered phone call for user", "CorrelationId": "c1",
            "Id": "a1", "InitiatedBy": inner["initiatedBy"],
            "TargetResources": inner["targetResources"],
            "AdditionalDetails": inner["additionalDetails"]});
        assert_eq!(only(&row.to_string()), expected, "lists as they are");
        for member in ["InitiatedBy", "TargetResources", "AdditionalDetails"] {
            as_text(&mut row[member]);
        }
        assert_eq!(only(&row.to_string()), expected, "lists as texts");
        row["ActivityDisplayName"] = "".into();
        row["ActivityDateTime"] = Value::Null;
        assert_eq!(only(&row.to_string()), expected, "what a column lacks");
    }

    #[test]
    fn members_that_are_texts_are_read_as_what_they_hold() {
        let expected = only(&diagnostic().to_string());
        let bent = |bend: fn(&mut Value)| {
            let mut record = diagnostic();
            bend(&mut record);
            record.to_string()
        };
        for record in [
            bent(|r| as_text(&mut r["properties"])),
            bent(|r| as_text(&mut r["properties"]["initiatedBy"])),
            bent(|r| as_text(&mut r["properties"]["targetResources"])),
            bent(|r| as_text(&mut r["properties"]["additionalDetails"])),
            bent(|r| as_text(&mut r["properties"]["targetResources"][0]["modifiedProperties"])),
            bent(|r| {
                as_text(&mut r["properties"]["targetResources"][0]["modifiedProperties"]);
                as_text(&mut r["properties"]["targetResources"]);
                as_text(&mut r["properties"]);
            }),
            bent(|r| {
                *r = r["properties"].take();
                as_text(&mut r["targetResources"]);
                r["time"] = "2026-01-31T09:30:00Z".into();
            }),
        ] {
            assert_eq!(only(&record), expected, "{record}");
        }
    }

    #[test]
    fn a_risk_row_is_read_like_the_diagnostic_record() {
        let mut logged = json!({"time": "2026-01-31T09:35:00Z", "category": "UserRiskEvents",
            "properties": {"id": "r1", "activityDateTime": "2026-01-31T09:30:00Z",
            "riskEventType": "attackerinTheMiddle", "riskLevel": "high", "riskState": "atRisk",
            "userPrincipalName": "alice@example.org", "userId": "u1", "ipAddress": "203.0.113.7",
            "correlationId": "c1",
            "location": {"city": "Springfield", "state": "Oregon", "countryOrRegion": "US"}}});
        let expected = only(&logged.to_string());
        let place = logged["properties"]["location"].clone();
        assert_eq!((expected.kind, &*expected.requester.country), (K::RiskDetected, "US"));
        let mut row = json!({"TimeGenerated": "2026-01-31T09:35:00Z", "Type": "AADUserRiskEvents",
            "ActivityDateTime": "2026-01-31T09:30:00Z", "Id": "r1", "RiskState": "atRisk",
            "RiskEventType": "attackerinTheMiddle", "RiskLevel": "high", "UserId": "u1",
            "UserPrincipalName": "alice@example.org", "IpAddress": "203.0.113.7",
            "CorrelationId": "c1", "Location": place});
        assert_eq!(only(&row.to_string()), expected, "a place as it is");
        as_text(&mut row["Location"]);
        assert_eq!(only(&row.to_string()), expected, "a place as a text");
        as_text(&mut logged["properties"]["location"]);
        assert_eq!(only(&logged.to_string()), expected, "a place as a text");
        logged["properties"]["userPrincipalName"] = Value::Null;
        let nameless = only(&logged.to_string());
        assert_eq!((&*nameless.subscriber.name, &*nameless.subscriber.id), ("", "u1"));
        let total = json!({"TimeGenerated": "2026-01-31T09:35:00Z", "Type": "AADRiskyUsers",
            "RiskState": "atRisk", "RiskLastUpdatedDateTime": "2026-01-31T09:30:00Z",
            "UserPrincipalName": "alice@example.org", "Id": "u1"});
        assert_eq!(read_all(&total.to_string()).0, Ok(Read::Ignored(Source::Entra)));
    }
}
