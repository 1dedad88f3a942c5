//! OCSF 1.8.0: a Detection Finding (2004) an incident, and an Incident Finding (2005) a campaign or a
//! lone incident, one JSON object a line. An incident that is handled together comes after its parts.
//!
//! Source of names and numbers: the OCSF schema, release 1.8.0, category Findings. Where OCSF leaves
//! a choice, it is said here:
//! - `time` is `detected_at`: when the finding became knowable. `end_time` is the last evidence.
//! - `risk_score` is the sum of evidence in whole bits, not below 0.
//! - `confidence_id` follows the bits, because a bit doubles the odds (see [`confidence`]).
//! - `evidences[].verdict_id` is 4 (suspicious) for a term that speaks for an attack and 5 (benign)
//!   for one that speaks for the owner; the incident itself has no verdict until a person gives one.

mod attack;

pub(super) use attack::name as technique_name;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use pushback_model::{Incident, Origin, Stage};
use serde_json::{Map, Value, json};

use super::json::line;
use super::view::Report;
use super::words;

/// The version of the schema that is written.
pub const VERSION: &str = "1.8.0";

/// Writes all findings, worst first, each campaign's Incident Finding after its last part.
///
/// `product_version` is that of the program.
///
/// # Errors
/// If the writer fails.
pub fn write(report: &Report<'_>, product_version: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut groups: BTreeMap<&str, Vec<&Incident>> = BTreeMap::new();
    let incidents = report.worst_first();
    for incident in &incidents {
        groups.entry(group(incident)).or_default().push(incident);
    }
    let mut left: BTreeMap<&str, usize> =
        groups.iter().map(|(id, members)| (*id, members.len())).collect();
    for incident in incidents {
        line(&detection_finding(incident, product_version), out)?;
        let id = group(incident);
        let Some(count) = left.get_mut(id) else { continue };
        *count -= 1;
        if *count == 0
            && let Some(members) = groups.get(id)
        {
            line(&incident_finding(id, members, product_version), out)?;
        }
    }
    Ok(())
}

fn group(incident: &Incident) -> &str {
    incident.campaign.as_deref().unwrap_or(&incident.id)
}

/// One incident as a Detection Finding.
#[must_use]
pub fn detection_finding(incident: &Incident, product_version: &str) -> Value {
    let (confidence_id, confidence) = confidence(incident.evidence_bits);
    let (risk_level_id, risk_level) = risk_level(incident.stage);
    let mut finding = json!({
        "activity_id": 1,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": 2004,
        "class_name": "Detection Finding",
        "type_uid": 200_401,
        "type_name": "Detection Finding: Create",
        "time": incident.detected_at.as_millis(),
        "start_time": incident.started_at.as_millis(),
        "end_time": incident.last_at.as_millis(),
        "severity_id": incident.severity.id,
        "severity": incident.severity.name,
        "status_id": 1,
        "status": "New",
        "is_alert": true,
        "confidence_id": confidence_id,
        "confidence": confidence,
        "risk_level_id": risk_level_id,
        "risk_level": risk_level,
        "risk_score": risk_score(incident),
        "message": title(incident),
        "metadata": metadata(&incident.id, incident.campaign.as_deref(), product_version),
        "finding_info": finding_info(incident),
        "evidences": evidences(incident),
        "observables": observables(incident),
        "resources": [{
            "type": "User",
            "name": incident.subject.name,
            "uid": subject_uid(incident),
        }],
        "unmapped": {
            "stage": incident.stage.name(),
            "evidence_bits": round(incident.evidence_bits),
            "prompts": incident.prompts,
            "approved_at": incident.approved_at,
            "after_approval": incident.after_approval,
        },
    });
    if !incident.next_steps.is_empty()
        && let Value::Object(fields) = &mut finding
    {
        fields.insert("remediation".to_owned(), json!({ "desc": numbered(&incident.next_steps) }));
    }
    finding
}

/// The incidents of one campaign, or one alone, as an Incident Finding.
#[must_use]
pub fn incident_finding(id: &str, members: &[&Incident], product_version: &str) -> Value {
    let worst = members
        .iter()
        .max_by(|a, b| a.stage.cmp(&b.stage).then(a.evidence_bits.total_cmp(&b.evidence_bits)));
    let stage = worst.map_or(Stage::Exposed, |worst| worst.stage);
    let bits = worst.map_or(0.0, |worst| worst.evidence_bits);
    let people: BTreeSet<&str> = members.iter().map(|i| i.subject.name.as_str()).collect();
    let techniques: BTreeSet<&str> =
        members.iter().flat_map(|i| i.attack.iter().map(String::as_str)).collect();
    let (confidence_id, confidence) = confidence(bits);
    let (priority_id, priority) = priority(stage);
    let desc = match (worst, people.len()) {
        (Some(worst), 0 | 1) => title(worst),
        (Some(worst), n) => format!("{} people asked by one attacker; worst: {}", n, title(worst)),
        (None, _) => String::new(),
    };
    let millis =
        |at: Option<pushback_model::Timestamp>| at.map(pushback_model::Timestamp::as_millis);
    json!({
        "activity_id": 1,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": 2005,
        "class_name": "Incident Finding",
        "type_uid": 200_501,
        "type_name": "Incident Finding: Create",
        "time": millis(members.iter().map(|i| i.detected_at).min()),
        "start_time": millis(members.iter().map(|i| i.started_at).min()),
        "end_time": millis(members.iter().map(|i| i.last_at).max()),
        "severity_id": stage.severity().id,
        "severity": stage.severity().name,
        "status_id": 1,
        "status": "New",
        "priority_id": priority_id,
        "priority": priority,
        "confidence_id": confidence_id,
        "confidence": confidence,
        "is_suspected_breach": stage >= Stage::Approved,
        // The class demands an assignee; nobody has been assigned yet, and that is what this says.
        "assignee_group": { "name": "unassigned" },
        "desc": desc,
        "message": desc,
        "attacks": attack::attacks(techniques),
        "finding_info_list": members.iter().map(|i| finding_info(i)).collect::<Vec<_>>(),
        "metadata": metadata(&format!("{id}:incident"), Some(id), product_version),
    })
}

fn title(incident: &Incident) -> String {
    format!("{}: {} {}", incident.stage.name(), incident.subject.name, words::headline(incident))
}

fn metadata(uid: &str, correlation: Option<&str>, product_version: &str) -> Value {
    let mut metadata = json!({
        "version": VERSION,
        "uid": uid,
        "product": { "name": "Pushback", "vendor_name": "Pushback", "version": product_version },
    });
    if let (Some(correlation), Value::Object(fields)) = (correlation, &mut metadata) {
        fields.insert("correlation_uid".to_owned(), json!(correlation));
    }
    metadata
}

fn finding_info(incident: &Incident) -> Value {
    let events: BTreeSet<&str> = incident
        .evidence
        .iter()
        .flat_map(|term| term.events.iter())
        .chain(incident.after_approval.iter().map(|after| &after.event))
        .map(String::as_str)
        .filter(|id| !id.is_empty())
        .collect();
    let sources: BTreeSet<&str> = incident.subject.ids.iter().map(|id| id.source.title()).collect();
    let types: BTreeSet<String> = incident.evidence.iter().map(|term| term.kind.clone()).collect();
    json!({
        "uid": incident.id,
        "title": title(incident),
        "desc": words::meaning(incident.stage),
        "types": types,
        "created_time": incident.detected_at.as_millis(),
        "first_seen_time": incident.started_at.as_millis(),
        "last_seen_time": incident.last_at.as_millis(),
        "data_sources": sources,
        "analytic": {
            "uid": "pushback.evidence",
            "name": "Pushback weight of evidence",
            "type_id": 2,
            "type": "Behavioral",
        },
        "attacks": attack::attacks(incident.attack.iter().map(String::as_str)),
        "related_events": events.iter().map(|uid| json!({ "uid": uid })).collect::<Vec<_>>(),
        "related_events_count": events.len(),
    })
}

fn evidences(incident: &Incident) -> Vec<Value> {
    let terms = words::terms_by_size(incident).into_iter().map(|term| {
        let (verdict_id, verdict) = if term.bits > 0.0 { (4, "Suspicious") } else { (5, "Benign") };
        json!({
            "name": term.kind,
            "verdict_id": verdict_id,
            "verdict": verdict,
            "user": user(incident),
            "data": {
                "bits": round(term.bits),
                "why": term.why,
                "at": term.at,
                "events": term.events,
            },
        })
    });
    let origins = incident.origins.iter().map(|origin| {
        json!({
            "name": "origin",
            "user": user(incident),
            "src_endpoint": endpoint(origin),
            "data": {
                "prompts": origin.prompts,
                "first_at": origin.first_at,
                "last_at": origin.last_at,
            },
        })
    });
    terms.chain(origins).collect()
}

fn user(incident: &Incident) -> Value {
    let mut user = Map::new();
    user.insert("name".to_owned(), json!(incident.subject.name));
    user.insert("uid".to_owned(), json!(subject_uid(incident)));
    if is_mail(&incident.subject.name) {
        user.insert("email_addr".to_owned(), json!(incident.subject.name));
    }
    Value::Object(user)
}

fn endpoint(origin: &Origin) -> Value {
    let mut endpoint = Map::new();
    if !origin.ip.is_empty() {
        endpoint.insert("ip".to_owned(), json!(origin.ip));
    }
    let mut system = Map::new();
    if let Some(asn) = origin.asn {
        system.insert("number".to_owned(), json!(asn));
    }
    if let Some(name) = &origin.as_name {
        system.insert("name".to_owned(), json!(name));
    }
    if !system.is_empty() {
        endpoint.insert("autonomous_system".to_owned(), Value::Object(system));
    }
    let mut location = Map::new();
    if let Some(country) = &origin.country {
        location.insert("country".to_owned(), json!(country));
    }
    if let Some(city) = &origin.city {
        location.insert("city".to_owned(), json!(city));
    }
    if !location.is_empty() {
        endpoint.insert("location".to_owned(), Value::Object(location));
    }
    if endpoint.is_empty() {
        // `src_endpoint` needs a field; an origin of which nothing is known says so.
        endpoint.insert("name".to_owned(), json!("unknown"));
    }
    Value::Object(endpoint)
}

fn observables(incident: &Incident) -> Vec<Value> {
    let name = &incident.subject.name;
    let (type_id, caption) = if is_mail(name) { (5, "Email Address") } else { (4, "User Name") };
    let person = json!({
        "name": "resources[].name", "type_id": type_id, "type": caption, "value": name,
    });
    let addresses: BTreeSet<&str> =
        incident.origins.iter().map(|o| o.ip.as_str()).filter(|ip| !ip.is_empty()).collect();
    let addresses = addresses.into_iter().map(|ip| {
        json!({
            "name": "evidences[].src_endpoint.ip", "type_id": 2, "type": "IP Address", "value": ip,
        })
    });
    std::iter::once(person).chain(addresses).collect()
}

fn subject_uid(incident: &Incident) -> &str {
    incident.subject.ids.first().map_or(&incident.subject.name, |id| &id.id)
}

fn is_mail(name: &str) -> bool {
    name.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.'))
}

fn numbered(steps: &[String]) -> String {
    let lines: Vec<String> =
        steps.iter().enumerate().map(|(i, step)| format!("{}. {step}", i + 1)).collect();
    lines.join("\n")
}

fn risk_score(incident: &Incident) -> u64 {
    // A negative sum becomes 0: a float to integer conversion saturates.
    incident.evidence_bits.round() as u64
}

fn round(bits: f64) -> f64 {
    (bits * 100.0).round() / 100.0
}

/// OCSF confidence from bits. Ten bits outweigh prior odds of one attack in a thousand unusual
/// sign-ins, fifteen outweigh one in thirty thousand.
fn confidence(bits: f64) -> (u8, &'static str) {
    if bits >= 15.0 {
        (3, "High")
    } else if bits >= 10.0 {
        (2, "Medium")
    } else {
        (1, "Low")
    }
}

const fn risk_level(stage: Stage) -> (u8, &'static str) {
    match stage {
        Stage::Exposed => (2, "Medium"),
        Stage::Bombing => (3, "High"),
        Stage::Approved | Stage::Foothold => (4, "Critical"),
    }
}

const fn priority(stage: Stage) -> (u8, &'static str) {
    match stage {
        Stage::Exposed => (2, "Medium"),
        Stage::Bombing => (3, "High"),
        Stage::Approved | Stage::Foothold => (4, "Critical"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    fn written(sample: &samples::Sample) -> Vec<Value> {
        let mut out = Vec::new();
        write(&sample.report(), "0.1.0", &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn every_finding_has_what_the_schema_requires() {
        for value in written(&samples::sample()) {
            let class = value["class_uid"].as_u64().unwrap();
            let activity = value["activity_id"].as_u64().unwrap();
            assert_eq!(value["type_uid"], class * 100 + activity);
            assert_eq!(value["category_uid"], class / 1_000);
            assert_eq!(value["metadata"]["version"], VERSION);
            assert!(value["metadata"]["product"]["vendor_name"].is_string());
            assert!(value["time"].is_i64());
            assert!(value["severity_id"].is_u64());
            match class {
                2004 => assert!(value["finding_info"]["uid"].is_string()),
                2005 => {
                    assert!(value["assignee_group"].is_object());
                    assert!(!value["finding_info_list"].as_array().unwrap().is_empty());
                }
                other => panic!("class {other}"),
            }
        }
    }

    #[test]
    fn a_campaign_is_one_incident_finding_and_a_lone_incident_its_own() {
        let values = written(&samples::sample());
        let findings = values.iter().filter(|v| v["class_uid"] == 2004).count();
        let sizes: Vec<usize> = values
            .iter()
            .filter(|v| v["class_uid"] == 2005)
            .map(|v| v["finding_info_list"].as_array().unwrap().len())
            .collect();
        assert_eq!(findings, 5);
        assert_eq!(sizes, [1, 1, 3]);
    }

    #[test]
    fn a_sub_technique_names_its_parent_too() {
        let finding = detection_finding(&samples::foothold(), "0.1.0");
        let attack = &finding["finding_info"]["attacks"][1];
        assert_eq!(attack["technique"]["uid"], "T1098");
        assert_eq!(attack["sub_technique"]["uid"], "T1098.005");
        assert_eq!(attack["sub_technique"]["name"], "Device Registration");
    }

    #[test]
    fn a_negative_term_is_benign_and_a_negative_sum_scores_nothing() {
        let mut incident = samples::approved();
        incident.evidence_bits = -3.0;
        let finding = detection_finding(&incident, "0.1.0");
        assert_eq!(finding["risk_score"], 0);
        assert_eq!(finding["evidences"][2]["verdict_id"], 5);
    }
}
