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

#[test]
fn every_sample_is_read_except_records_without_a_time() {
    let Some(folder) = folder() else { return };
    for (path, _, lines) in manifest(&folder) {
        let ran = pushback(["scan", path.to_str().unwrap(), "--strict", "--format", "json"]);
        let complaints: Vec<&str> =
            ran.err.lines().filter(|line| !line.contains("--strict was given")).collect();
        // Some were cut down to what a rule needs, and lost their time.
        let is_timeless = |line: &&str| {
            line.ends_with(": timestamp is missing or malformed")
                || line.ends_with(": published is missing or malformed")
        };
        assert!(complaints.iter().all(is_timeless), "{complaints:?}");
        assert!(complaints.len() as u64 <= lines);
        assert_eq!(ran.code, if complaints.is_empty() { 0 } else { 3 });
    }
}

#[test]
fn nobody_is_called_bombed_in_a_benign_sample() {
    let Some(folder) = folder() else { return };
    for (path, expected, _) in manifest(&folder) {
        let incidents = scan_json(&path).json();
        let loud = incidents.iter().find(|incident| incident["stage"] != "exposed");
        if expected != "attack" {
            assert_eq!(loud, None, "{}", path.display());
        }
    }
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
