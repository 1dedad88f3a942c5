//! Where the report goes, and what it leaves out.

use std::fs;
use std::path::Path;

use crate::run::{Ran, command, file, folder, lines, logs, pushback, scan_json};

fn scan(path: &Path, more: &[&str]) -> Ran {
    pushback(["scan", path.to_str().unwrap()].into_iter().chain(more.iter().copied()))
}

/// One refused prompt: an incident below `foothold`.
fn refused() -> String {
    let incidents = scan_json(&logs("okta_oie")).json();
    let stage = |stage: &str| incidents.iter().filter(|i| i["stage"] == stage).count();
    assert!(stage("exposed") + stage("bombing") > 0, "the world has some");
    let weak = incidents.iter().find(|i| i["stage"] == "bombing" || i["stage"] == "exposed");
    let name = weak.unwrap()["subject"]["name"].as_str().unwrap().to_owned();
    let own = |line: &&String| line.to_lowercase().contains(&name);
    let own: Vec<String> = lines(&logs("okta_oie")).iter().filter(own).cloned().collect();
    own.join("\n")
}

#[test]
fn a_filter_by_stage_changes_neither_the_verdict_nor_the_exit_code() {
    let path = file("output-stage", refused());
    let all = scan(&path, &["--format", "json"]).json();
    let weak = all.iter().filter(|i| i["stage"] != "foothold").count();
    assert!(weak > 0, "{all:?}");
    let ran = scan(&path, &["--min-stage", "foothold", "--fail-on", "exposed"]);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(!ran.says("Nobody was push-bombed"), "{}", ran.out);
    assert!(ran.says("below foothold"), "{}", ran.out);
    let json = scan(&path, &["--min-stage", "foothold", "--format", "json"]);
    assert_eq!(json.out.lines().count(), all.len() - weak);
    assert!(json.err.contains("below foothold"), "{}", json.err);
    let page = folder("output-stage-page").join("page.html");
    let page = page.to_str().unwrap();
    scan(&path, &["--min-stage", "foothold", "--format", "html", "--out", page]);
    let html = fs::read_to_string(page).unwrap();
    assert!(html.contains("below foothold") && !html.contains("Nobody was push-bombed"));
}

#[test]
fn a_report_never_replaces_what_it_was_made_from() {
    let path = file("output-self", refused());
    let before = fs::read(&path).unwrap();
    let other = path.with_file_name("linked.jsonl");
    let _ = fs::remove_file(&other);
    fs::hard_link(&path, &other).unwrap();
    for out in [&path, &other] {
        let ran = scan(&path, &["--format", "json", "--out", out.to_str().unwrap()]);
        assert_eq!(ran.code, 2);
        assert!(ran.err.contains("is one of the inputs"), "{}", ran.err);
    }
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_report_that_the_next_scan_would_read_is_refused() {
    let path = file("output-next", refused());
    let folder = path.parent().unwrap();
    let pattern = folder.join("*.json");
    for (input, name) in [(folder, "report.json"), (folder, "report.txt")] {
        let out = folder.join(name);
        let ran = scan(input, &["--format", "json", "--out", out.to_str().unwrap()]);
        assert_eq!(ran.code, 2, "{name}");
        assert!(ran.err.contains("would be read by the next scan of"), "{}", ran.err);
        assert!(!out.exists());
    }
    fs::write(folder.join("one.json"), "[]").unwrap();
    let out = folder.join("two.json");
    assert_eq!(scan(&pattern, &["--out", out.to_str().unwrap()]).code, 2);
    let page = folder.join("report.html");
    assert_eq!(scan(folder, &["--format", "html", "--out", page.to_str().unwrap()]).code, 0);
}

#[test]
fn a_dash_is_standard_output_and_a_missing_folder_is_not_made() {
    let path = file("output-dash", refused());
    let ran = scan(&path, &["--format", "html", "--out", "-"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.starts_with("<!doctype html>"));
    let missing = path.with_file_name("missing");
    let out = missing.join("x.html");
    let ran = scan(&path, &["--format", "html", "--out", out.to_str().unwrap()]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("there is no folder"), "{}", ran.err);
    assert!(!missing.exists());
}

#[test]
fn quiet_networks_leave_a_trace() {
    let policy = file("output-quiet", "[detection.networks]\nquiet = [\"0.0.0.0/0\", \"::/0\"]\n");
    let policy = policy.to_str().unwrap();
    let ran = scan(&logs("okta_oie"), &["--policy", policy]);
    assert!(ran.says("from quiet networks were left out"), "{}", ran.out);
}

#[test]
fn a_narrow_report_breaks_no_word_and_no_line() {
    let logs = logs("okta_oie");
    for width in ["40", "52"] {
        let ran = scan(&logs, &["--width", width]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        let columns: usize = width.parse().unwrap();
        for line in ran.out.lines() {
            assert!(line.chars().count() <= columns, "{columns}: {line}");
        }
    }
}

#[test]
fn an_empty_variable_names_no_policy() {
    let ran: Ran = command()
        .env("PUSHBACK_CONFIG", "")
        .args(["scan", logs("duo").to_str().unwrap()])
        .output()
        .unwrap()
        .into();
    assert_eq!(ran.code, 0, "{}", ran.err);
}

#[test]
fn every_incident_that_a_limit_hides_is_counted() {
    let all = scan_json(&logs("okta_oie")).json().len();
    let ran = scan(&logs("okta_oie"), &["--limit", "0"]);
    let words = format!("{all} further incidents not shown");
    assert!(ran.says(&words), "{words}: {}", ran.out);
}
