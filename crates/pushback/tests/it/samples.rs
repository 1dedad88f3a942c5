//! Real logs, where the folder of samples stands beside the repository.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::run::{pushback, scan_json};

/// The folder, if it is here; a machine without it passes by knowing nothing.
fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/samples");
    folder.join("MANIFEST.tsv").is_file().then_some(folder)
}

/// File, expectation and lines of each sample.
fn manifest(folder: &Path) -> Vec<(PathBuf, String, u64)> {
    let text = std::fs::read_to_string(folder.join("MANIFEST.tsv")).unwrap();
    let mut rows = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let head = rows.next().unwrap();
    let column = |name| head.iter().position(|column| *column == name).unwrap();
    let (file, expected, lines) = (column("file"), column("expected"), column("lines"));
    rows.map(|row| (folder.join(row[file]), row[expected].to_owned(), row[lines].parse().unwrap()))
        .collect()
}

/// Samples whose records are understood, and none is an event: service principals that sign in, and what
/// a sign-on policy came to.
const WITHOUT_EVENTS: [&str; 2] =
    ["entra/signin-failed-success.jsonl", "okta/new-behaviour-admin-console.jsonl"];

fn is_without_events(path: &Path) -> bool {
    WITHOUT_EVENTS.iter().any(|name| path.ends_with(name))
}

/// Whether a line of standard error is about one of the records that were cut down to what a rule
/// needs, and lost their time.
fn is_about_a_lost_time(line: &str) -> bool {
    line.ends_with(": timestamp is missing or malformed")
        || line.ends_with(": published is missing or malformed")
}

#[test]
fn every_sample_is_read_except_records_without_a_time() {
    let Some(folder) = folder() else { return };
    for (path, _, lines) in manifest(&folder) {
        let ran = pushback(["scan", path.to_str().unwrap(), "--strict", "--format", "json"]);
        let (lost, other): (Vec<&str>, Vec<&str>) =
            ran.err.lines().partition(|line| is_about_a_lost_time(line));
        assert!(lost.len() as u64 <= lines);
        let expected = match lost.len() {
            0 if is_without_events(&path) => Some("no identity event was read"),
            0 => None,
            _ => Some("--strict was given"),
        };
        assert_eq!(other.len(), usize::from(expected.is_some()), "{}: {}", path.display(), ran.err);
        assert!(other.iter().all(|line| line.contains(expected.unwrap())), "{}", ran.err);
        assert_eq!(ran.code, if expected.is_some() { 3 } else { 0 }, "{}", path.display());
    }
}

#[test]
fn nobody_is_called_bombed_in_a_benign_sample() {
    let Some(folder) = folder() else { return };
    let benign = manifest(&folder).into_iter().filter(|(_, expected, _)| expected != "attack");
    let mut judged = 0;
    for (path, ..) in benign {
        let ran = pushback(["scan", path.to_str().unwrap(), "--format", "json"]);
        if ran.code == 3 {
            // Without a readable event there is no verdict, and that is said.
            assert!(ran.err.contains("no identity event was read"), "{}", ran.err);
            continue;
        }
        let incidents = ran.json();
        let loud = incidents.iter().find(|incident| incident["stage"] != "exposed");
        assert_eq!(loud, None, "{}", path.display());
        judged += 1;
    }
    assert!(judged > 20, "{judged} samples were judged");
}

#[test]
fn nineteen_silent_prompts_and_a_yes_are_an_approval_and_a_foothold() {
    let Some(folder) = folder() else { return };
    let incidents = scan_json(&folder.join("pingid/pair-then-storm-then-approve.jsonl")).json();
    let with_approval = |incident: &&Value| !incident["approved_at"].is_null();
    let incident = incidents.iter().find(with_approval).expect("an approval");
    let at = incident["approved_at"].as_str().unwrap();
    assert!(at.contains("T15:02:03"), "{at}");
    assert!(["approved", "foothold"].contains(&incident["stage"].as_str().unwrap()));
    assert_eq!(incident["prompts"]["unanswered"], 19);
    assert_eq!(incident["prompts"]["denied"], 0);
}
