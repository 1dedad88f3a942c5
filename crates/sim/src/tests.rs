use std::collections::BTreeMap;

use pushback_model::{Incident, PromptCounts, Stage, Subject, Timestamp};
use serde_json::Value;

use super::*;

fn small(vendor: Vendor, seed: u64) -> World {
    World::new(&Settings { people: 80, days: 8, seed, vendor, ..Settings::default() })
}

fn lines(world: &World) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    world.write(&mut |file, line| all.push((file.to_owned(), line.to_vec())));
    all
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_the_same_truth() {
    for vendor in Vendor::ALL {
        let (a, b) = (small(vendor, 9), small(vendor, 9));
        assert_eq!(a.truth, b.truth, "{vendor}");
        assert!(lines(&a) == lines(&b), "{vendor}");
        assert!(lines(&a) != lines(&small(vendor, 10)), "{vendor}");
    }
}

#[test]
fn every_record_is_an_object_with_what_its_format_requires() {
    for vendor in Vendor::ALL {
        for (file, line) in lines(&small(vendor, 4)) {
            let value: Value = serde_json::from_slice(&line).expect("a JSON record");
            let required: &[&str] = match file.as_str() {
                "okta.jsonl" => &[
                    "/uuid",
                    "/published",
                    "/eventType",
                    "/outcome/result",
                    "/actor/id",
                    "/debugContext/debugData/requestId",
                ],
                "entra_signins.jsonl" => &[
                    "/category",
                    "/properties/id",
                    "/properties/createdDateTime",
                    "/properties/userId",
                    "/properties/ipAddress",
                    "/properties/status/errorCode",
                    "/properties/correlationId",
                ],
                "graph_signins_beta.jsonl" => &[
                    "/id",
                    "/createdDateTime",
                    "/userPrincipalName",
                    "/authenticationDetails",
                    "/status/errorCode",
                ],
                "entra_audit.jsonl" => &[
                    "/operationName",
                    "/properties/id",
                    "/properties/activityDisplayName",
                    "/properties/initiatedBy/user/id",
                    "/properties/targetResources/0/id",
                ],
                "m365_ual.jsonl" => {
                    &["/CreationTime", "/Id", "/Operation", "/RecordType", "/Workload", "/UserId"]
                }
                "duo_authentication.jsonl" => &[
                    "/txid",
                    "/timestamp",
                    "/isotimestamp",
                    "/user/key",
                    "/user/name",
                    "/access_device/ip",
                    "/event_type",
                    "/factor",
                    "/result",
                ],
                "duo_administrator.jsonl" => {
                    &["/action", "/timestamp", "/username", "/description"]
                }
                "duo_activity.jsonl" => {
                    &["/activity_id", "/ts", "/action/name", "/actor/key", "/target"]
                }
                "duo_telephony.jsonl" => &["/telephony_id", "/ts", "/type", "/context", "/txid"],
                "pingid.jsonl" => {
                    &["/id", "/recorded", "/source", "/actors/0/name", "/result/status"]
                }
                other => panic!("unexpected file {other}"),
            };
            for pointer in required {
                assert!(value.pointer(pointer).is_some(), "{file} lacks {pointer}: {value}");
            }
        }
    }
}

#[test]
fn every_pattern_and_every_look_alike_occurs() {
    let world = World::new(&Settings { people: 120, seed: 2, ..Settings::default() });
    for pattern in Pattern::ALL {
        assert!(world.truth.campaigns.iter().any(|c| c.pattern == *pattern), "{}", pattern.name());
    }
    for kind in LookAlikeKind::ALL {
        assert!(world.truth.lookalikes.iter().any(|l| l.kind == *kind), "{}", kind.name());
    }
}

#[test]
fn computers_that_ask_at_log_on_name_neither_a_browser_nor_an_address() {
    let log_ons = |seed: u64| {
        let all = lines(&small(Vendor::Duo, seed));
        let records = all.iter().map(|(_, line)| serde_json::from_slice::<Value>(line).unwrap());
        records.filter(|r| r["application"]["name"] == "Microsoft RDP").collect::<Vec<_>>()
    };
    let by_seed: Vec<_> = (1..9).map(log_ons).collect();
    assert!(by_seed.iter().any(Vec::is_empty), "not every organisation guards its computers");
    let all: Vec<&Value> = by_seed.iter().flatten().collect();
    assert!(all.len() > 50, "{}", all.len());
    for record in all {
        let computer = &record["access_device"];
        assert_eq!((&computer["browser"], &computer["ip"]), (&Value::Null, &"0.0.0.0".into()));
        assert!(computer["hostname"].is_string());
    }
}

#[test]
fn files_are_opened_by_owners_and_carried_away_by_strangers() {
    let world = small(Vendor::EntraM365, 3);
    let mut opened: BTreeMap<String, usize> = BTreeMap::new();
    for (_, line) in lines(&world) {
        let record: Value = serde_json::from_slice(&line).expect("a JSON record");
        if record["Operation"] == "FileAccessed" {
            let session = record["AppAccessContext"]["AADSessionId"].to_string();
            *opened.entry(session).or_default() += 1;
        }
    }
    assert!(opened.values().filter(|count| **count < 20).count() > 20, "owners");
    assert!(opened.values().any(|count| *count >= 20), "strangers");
}

#[test]
fn every_later_action_of_the_truth_stands_in_the_log() {
    for vendor in Vendor::ALL {
        let world = small(vendor, 6);
        let text: String = lines(&world)
            .iter()
            .map(|(_, line)| String::from_utf8_lossy(line).into_owned())
            .collect();
        let mut count = 0;
        for target in world.truth.campaigns.iter().flat_map(|c| &c.targets) {
            for after in &target.after {
                count += 1;
                for event in &after.events {
                    assert!(
                        text.contains(event.as_str()),
                        "{vendor}: {} {event}",
                        after.kind.name()
                    );
                }
            }
        }
        assert!(count > 10, "{vendor}: only {count}");
    }
}

#[test]
fn a_cut_log_never_holds_the_approval_it_was_cut_for() {
    for vendor in Vendor::ALL {
        let world = small(vendor, 8);
        let whole = lines(&world).len();
        for cut in world.cuts().iter().take(3) {
            let mut count = 0;
            world.write_until(cut.at, &mut |_, line| {
                count += 1;
                let value: Value = serde_json::from_slice(line).expect("a JSON record");
                let published = value
                    .get("published")
                    .or_else(|| value.get("recorded"))
                    .or_else(|| value.get("isotimestamp"));
                if let Some(at) = published.and_then(Value::as_str) {
                    assert!(Timestamp::parse(at).expect("a time") <= cut.at, "{vendor}: {value}");
                }
            });
            assert!(count < whole);
        }
    }
}

#[test]
fn okta_says_nothing_about_silence_and_classic_has_its_own_word_for_a_refusal() {
    let count = |vendor| {
        let mut events: BTreeMap<String, u32> = BTreeMap::new();
        for (_, line) in lines(&small(vendor, 3)) {
            let value: Value = serde_json::from_slice(&line).expect("a JSON record");
            *events
                .entry(value["eventType"].as_str().unwrap_or_default().to_owned())
                .or_default() += 1;
        }
        events
    };
    let (oie, classic) = (count(Vendor::OktaOie), count(Vendor::OktaClassic));
    assert!(!oie.contains_key("user.mfa.okta_verify.deny_push"));
    assert!(classic["user.mfa.okta_verify.deny_push"] > 5);
    assert!(oie["system.push.send_factor_verify_push"] > 100);
}

fn incident(name: &str, stage: Stage, at: Timestamp) -> Incident {
    Incident {
        id: "inc_1".into(),
        stage,
        severity: stage.severity(),
        subject: Subject { name: name.into(), ids: Vec::new() },
        campaign: None,
        started_at: at,
        last_at: at,
        detected_at: at,
        approved_at: None,
        prompts: PromptCounts::default(),
        evidence_bits: 0.0,
        evidence: Vec::new(),
        origins: Vec::new(),
        after_approval: Vec::new(),
        attack: Vec::new(),
        next_steps: Vec::new(),
    }
}

#[test]
fn a_perfect_scan_scores_full_marks_and_silence_scores_none() {
    let truth = small(Vendor::OktaOie, 5).truth;
    let mut perfect = Vec::new();
    for target in truth.campaigns.iter().flat_map(|c| &c.targets) {
        let mut one = incident(&target.name, Stage::Foothold, target.started_at);
        one.last_at = target.last_at;
        one.after_approval = target
            .after
            .iter()
            .map(|a| pushback_model::After {
                kind: a.kind,
                at: a.at,
                event: String::new(),
                what: String::new(),
            })
            .collect();
        perfect.push(one);
    }
    let best = score(&truth, &perfect);
    assert_eq!((best.misses.len(), best.false_alarms), (0, 0), "{:?}", best.misses);
    assert!((best.total().campaigns.percent() - 100.0).abs() < f64::EPSILON);
    let worst = score(&truth, &[]);
    assert_eq!(worst.total().campaigns.found, 0);
    assert!(worst.total().campaigns.of > 10);
}

#[test]
fn an_incident_about_nobody_attacked_is_a_false_alarm() {
    let truth = small(Vendor::Duo, 5).truth;
    let at = truth.campaigns[0].started_at;
    let result = score(
        &truth,
        &[
            incident("nobody@example.org", Stage::Bombing, at),
            incident("none@example.org", Stage::Exposed, at),
        ],
    );
    assert_eq!((result.false_alarms, result.false_exposed), (1, 1));
    assert!(result.false_alarm_rate() > 1.0);
}

#[test]
fn assumptions_move_what_they_name() {
    let with = |assumptions: Assumptions| {
        World::new(&Settings { people: 200, seed: 3, assumptions, ..Settings::default() }).truth
    };
    let own = |truth: &Truth| {
        truth.campaigns.iter().filter(|c| c.source == SourceClass::OwnCountry).count()
    };
    let none = with(Assumptions { residential: 0.0, ..Assumptions::default() });
    let all = with(Assumptions { residential: 3.1, ..Assumptions::default() });
    assert_eq!(own(&none), 0);
    assert_eq!(own(&all), all.campaigns.len());
}
