//! What programs rely on: the JSON of incidents, the OCSF of events, every format of every vendor.

use serde_json::Value;

use crate::run::{VENDORS, logs, pushback, scan_json};

fn is_time(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.ends_with('Z') && text.contains('T'))
}

fn is_texts(value: &Value) -> bool {
    value.as_array().is_some_and(|list| list.iter().all(Value::is_string))
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

/// Holds one incident to the contract.
fn check(incident: &Value) {
    let mut keys: Vec<&str> = incident.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    let expected = [
        "after_approval",
        "approved_at",
        "attack",
        "campaign",
        "detected_at",
        "evidence",
        "evidence_bits",
        "id",
        "last_at",
        "next_steps",
        "origins",
        "prompts",
        "severity",
        "stage",
        "started_at",
        "subject",
    ];
    assert_eq!(keys, expected);
    assert!(incident["id"].as_str().unwrap().starts_with("inc_"));
    let stage = incident["stage"].as_str().unwrap();
    assert!(["exposed", "bombing", "approved", "foothold"].contains(&stage), "{stage}");
    assert!(incident["severity"]["id"].is_u64() && incident["severity"]["name"].is_string());
    let name = incident["subject"]["name"].as_str().unwrap();
    assert_eq!(name, name.to_lowercase());
    for id in incident["subject"]["ids"].as_array().unwrap() {
        assert!(id["source"].is_string() && id["id"].is_string());
    }
    assert!(incident["campaign"].is_null() || incident["campaign"].is_string());
    for key in ["started_at", "last_at", "detected_at"] {
        assert!(is_time(&incident[key]), "{key}: {incident}");
    }
    assert!(incident["approved_at"].is_null() || is_time(&incident["approved_at"]));
    let prompts = incident["prompts"].as_object().unwrap();
    for key in ["sent", "approved", "denied", "reported", "unanswered", "mismatched"] {
        assert!(prompts[key].is_u64(), "{key}");
    }
    let mut sum = 0.0;
    for term in incident["evidence"].as_array().unwrap() {
        assert!(term["kind"].is_string() && term["why"].is_string() && is_time(&term["at"]));
        assert!(is_texts(&term["events"]));
        sum += term["bits"].as_f64().unwrap();
    }
    let bits = incident["evidence_bits"].as_f64().unwrap();
    assert!((sum - bits).abs() < 0.05, "the terms give {sum}, not {bits}");
    for origin in incident["origins"].as_array().unwrap() {
        assert!(origin["ip"].is_string() && origin["prompts"].is_u64());
        assert!(origin["asn"].is_null() || origin["asn"].is_u64());
        for key in ["as_name", "country", "city"] {
            assert!(origin[key].is_null() || origin[key].is_string());
        }
        assert!(is_time(&origin["first_at"]) && is_time(&origin["last_at"]));
    }
    for after in incident["after_approval"].as_array().unwrap() {
        assert!(after["kind"].is_string() && after["event"].is_string());
        assert!(after["what"].is_string() && is_time(&after["at"]));
    }
    assert!(texts(&incident["attack"]).iter().all(|id| id.starts_with('T')));
    assert!(!texts(&incident["next_steps"]).is_empty());
}

#[test]
fn an_incident_of_any_vendor_keeps_the_contract() {
    for vendor in VENDORS {
        let incidents = scan_json(&logs(vendor)).json();
        assert!(!incidents.is_empty(), "{vendor} has attacks");
        incidents.iter().for_each(check);
    }
}

#[test]
fn every_format_tells_of_the_same_incidents() {
    for vendor in VENDORS {
        let logs = logs(vendor);
        let path = logs.to_str().unwrap();
        let ids: Vec<String> = scan_json(&logs)
            .json()
            .iter()
            .map(|incident| incident["id"].as_str().unwrap().to_owned())
            .collect();
        for format in ["ocsf", "csv"] {
            let ran = pushback(["scan", path, "--format", format]);
            assert_eq!(ran.code, 0, "{}", ran.err);
            for id in &ids {
                assert!(ran.out.contains(id), "{format} of {vendor} lacks {id}");
            }
        }
        let page = logs.parent().unwrap().parent().unwrap().join(format!("{vendor}.html"));
        let page = page.to_str().unwrap();
        let ran = pushback(["scan", path, "--format", "html", "--out", page]);
        assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
        let html = std::fs::read_to_string(page).unwrap();
        for id in &ids {
            assert!(html.contains(id), "the page of {vendor} lacks {id}");
        }
        assert!(pushback(["scan", path]).out.contains(&ids[0]));
    }
}

#[test]
fn a_finding_in_ocsf_names_its_class() {
    for line in pushback(["scan", logs("duo").to_str().unwrap(), "--format", "ocsf"]).json() {
        let class = line["class_uid"].as_u64().unwrap();
        assert!([2004, 2005].contains(&class), "{class}");
        assert_eq!(line["type_uid"].as_u64().unwrap() / 100, class);
        assert_eq!(line["metadata"]["version"], "1.8.0");
    }
}

#[test]
fn normalised_events_are_ocsf_of_identity_classes() {
    for vendor in VENDORS {
        let ran = pushback(["normalize", "--quiet", logs(vendor).to_str().unwrap()]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        let events = ran.json();
        assert!(events.len() > 100, "{vendor} gives {} events", events.len());
        for event in events {
            let class = event["class_uid"].as_u64().unwrap();
            let activity = event["activity_id"].as_u64().unwrap();
            assert_eq!(event["type_uid"], class * 100 + activity, "{event}");
            assert_eq!(event["category_uid"], class / 1000, "{event}");
            assert!(event["time"].is_i64() && event["severity_id"].is_u64(), "{event}");
            assert_eq!(event["metadata"]["version"], "1.8.0");
            assert!(event["metadata"]["product"].is_object());
        }
    }
}
