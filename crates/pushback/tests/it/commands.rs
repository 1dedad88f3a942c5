//! Each command as a person meets it: exit codes, messages, pipes.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::run::{command, file, folder, lines, logs, pushback, pushback_fed, scan_json, world};

#[test]
fn exit_codes_tell_clean_found_usage_and_input_apart() {
    let logs = logs("duo");
    let path = logs.to_str().unwrap();
    assert_eq!(pushback(["scan", path, "--quiet"]).code, 0);
    assert_eq!(pushback(["scan", path, "--fail-on", "exposed"]).code, 1);
    assert_eq!(pushback(["scan", path, "--fail-on", "exposed", "--format", "json"]).code, 1);
    assert_eq!(pushback(["scan"]).code, 2);
    assert_eq!(pushback(["scna", path]).code, 2);
    assert_eq!(pushback(["scan", path, "--policy", "no-such.toml"]).code, 2);
    assert_eq!(pushback(["scan", "no-such-file.json"]).code, 3);
    let broken = file("broken", format!("{}\n{{broken\n", lines(&logs).join("\n")));
    let broken = broken.to_str().unwrap();
    assert_eq!(pushback(["scan", broken]).code, 0);
    let strict = pushback(["scan", broken, "--strict"]);
    assert_eq!(strict.code, 3);
    assert!(strict.err.contains("could not be read, and --strict was given"), "{}", strict.err);
}

#[test]
fn every_missing_input_is_named_and_nothing_is_read() {
    let ran = pushback(["scan", "no-such-1", "no-such-2"]);
    assert_eq!((ran.code, ran.out.as_str()), (3, ""));
    assert_eq!(
        ran.err,
        "pushback: no-such-1: does not exist\npushback: no-such-2: does not exist\n"
    );
}

#[test]
fn an_empty_folder_is_no_clean_bill() {
    let ran = pushback(["scan", folder("empty").to_str().unwrap()]);
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("no logs found"), "{}", ran.err);
    let ran = pushback_fed(&["scan", "-"], b"");
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("Nothing can be said"), "{}", ran.out);
}

#[test]
fn ordinary_sign_ins_alone_say_that_nobody_was_bombed() {
    let quiet: Vec<String> = lines(&logs("duo"))
        .into_iter()
        .filter(|line| line.contains("user_approved") && line.contains("remembered_device"))
        .chain(lines(&logs("duo")).into_iter().filter(|l| l.contains("remembered_device")))
        .collect();
    let path = file("quiet", quiet.join("\n"));
    let ran = pushback(["scan", path.to_str().unwrap()]);
    assert_eq!(ran.code, 0);
    if ran.out.contains(" 0 identity events") {
        assert!(ran.out.contains("Nothing can be said"), "{}", ran.out);
    } else {
        assert!(ran.out.contains("Nobody was push-bombed"), "{}", ran.out);
    }
}

#[test]
fn a_page_without_a_file_is_refused_before_anything_is_read() {
    let ran = pushback(["scan", "no-such-file", "--format", "html"]);
    assert_eq!((ran.code, ran.err.as_str()), (2, "pushback: --format html needs --out FILE\n"));
}

#[test]
fn a_compressed_input_that_is_cut_is_judged_and_ends_with_code_3() {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gz, lines(&logs("duo")).join("\n").as_bytes()).unwrap();
    let whole = gz.finish().unwrap();
    let path = folder("cut").join("duo.json.gz");
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let ran = pushback(["scan", path.to_str().unwrap()]);
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("duo.json.gz: ends too early"), "{}", ran.err);
    assert!(ran.out.contains("WHAT WAS READ"));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    for args in [vec!["scan"], vec!["normalize"], vec!["scan", "--format", "json"]] {
        let mut child = command()
            .args(args)
            .arg(logs("okta_oie"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::with_capacity(16, child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(!line.is_empty());
        let ended = child.wait_with_output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    }
}

#[test]
fn colour_needs_a_terminal_or_a_wish() {
    let logs = logs("duo");
    let path = logs.to_str().unwrap();
    assert!(!pushback(["scan", path]).out.contains('\u{1b}'));
    assert!(pushback(["scan", path, "--color", "always"]).out.contains('\u{1b}'));
    assert!(pushback(["scan", path, "--ascii", "--limit", "1"]).out.is_ascii());
    let narrow = pushback(["scan", path, "--width", "72"]).out;
    assert!(narrow.lines().all(|line| line.chars().count() <= 72));
}

#[test]
fn a_limit_says_how_many_are_not_shown() {
    let ran = pushback(["scan", logs("duo").to_str().unwrap(), "--limit", "1"]);
    assert!(ran.out.contains("not shown (see --limit)"), "{}", ran.out);
}

#[test]
fn an_explanation_names_every_record_behind_the_incident() {
    for vendor in ["okta_oie", "entra_m365", "duo"] {
        let logs = logs(vendor);
        let worst = scan_json(&logs).json().remove(0);
        let id = worst["id"].as_str().unwrap();
        let ran = pushback(["explain", id, logs.to_str().unwrap()]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        let evidence = worst["evidence"].as_array().unwrap().iter();
        let ids = evidence.flat_map(|term| term["events"].as_array().unwrap());
        let after = worst["after_approval"].as_array().unwrap().iter().map(|a| &a["event"]);
        let flat: String = ran.out.chars().filter(|c| !c.is_whitespace()).collect();
        for event in ids.chain(after) {
            let event = event.as_str().unwrap();
            assert!(flat.contains(event), "{vendor}: {event} is not shown");
        }
    }
}

#[test]
fn an_incident_is_found_by_its_beginning_and_by_name() {
    let logs = logs("okta_oie");
    let path = logs.to_str().unwrap();
    let worst = scan_json(&logs).json().remove(0);
    let id = worst["id"].as_str().unwrap();
    let name = worst["subject"]["name"].as_str().unwrap();
    for typed in [&id[..12], name, name.split('@').next().unwrap(), &name.to_uppercase()] {
        let ran = pushback(["explain", typed, path]);
        assert_eq!(ran.code, 0, "{typed}: {}", ran.err);
        assert!(ran.out.contains(id), "{typed}");
    }
    let part = &name[1..5];
    let ran = pushback(["explain", part, path]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("did you mean") && ran.err.contains(name), "{}", ran.err);
    for typed in ["", "inc_", "i", "nobody"] {
        let ran = pushback(["explain", typed, path]);
        assert_eq!(ran.code, 2, "`{typed}`");
        assert!(ran.err.contains(id), "the hint names the worst: {}", ran.err);
    }
}

#[test]
fn a_replay_shows_what_another_policy_changes() {
    let logs = logs("duo");
    let path = logs.to_str().unwrap();
    let same = file("replay-same", "");
    let same = pushback(["replay", "--policy", same.to_str().unwrap(), path]);
    assert!(same.out.contains("no incident differs"), "{}{}", same.out, same.err);
    let deaf = "[detection.thresholds]\nexposed = 60.0\nbombing = 60.0\napproved = 60.0\nfoothold = 60.0\n";
    let deaf = file("replay-deaf", deaf);
    let deaf = deaf.to_str().unwrap();
    let table = pushback(["replay", "--policy", deaf, path]);
    assert!(table.out.contains("disappears"), "{}{}", table.out, table.err);
    let json = pushback(["replay", "--json", "--policy", deaf, path]).json();
    assert!(json.iter().all(|row| row["change"] == "disappears" && row["after"].is_null()));
    assert_eq!(json.len(), scan_json(&logs).json().len());
}

#[test]
fn a_wrong_configuration_is_reported_with_line_and_column() {
    let bad = file("config", "[detection.windows]\n  watch_hourz = 3\n");
    let ran = pushback(["config", "check", bad.to_str().unwrap()]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("log.jsonl:2:3: unknown field `watch_hourz`"), "{}", ran.err);
    let example = file("config-example", pushback(["config", "example"]).out);
    assert_eq!(pushback(["config", "check", example.to_str().unwrap()]).code, 0);
}

#[test]
fn completions_and_the_manual_are_printed() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = pushback(["completions", shell]);
        assert_eq!(ran.code, 0);
        assert!(ran.out.contains("fail-on"), "{shell}");
    }
    let man = pushback(["man"]).out;
    assert!(man.contains(".TH pushback") && man.contains("\\-\\-fail\\-on"));
    for part in
        ["\\fBpushback scan\\fR", "\\fBpushback config check\\fR", "PUSHBACK OPERATOR INVITE"]
    {
        assert!(man.contains(part), "{part} is missing");
    }
    assert!(!man.contains("\\-scan(1)") && !man.contains("-scan(1)"), "there is one page only");
    assert!(man.contains(".SH \"EXIT CODES\"") && man.contains("could not be read or written"));
}

#[test]
fn a_simulation_is_repeatable_and_overwrites_only_when_told() {
    let out = folder("simulate");
    let path = out.to_str().unwrap();
    let args = ["simulate", "--vendor", "duo", "--people", "20", "--days", "3", "--out", path];
    let first = pushback(args);
    assert_eq!(first.code, 0, "{}", first.err);
    assert!(first.out.contains("next: ") && first.out.contains("truth.json"), "{}", first.out);
    let log = out.join("logs/duo_authentication.jsonl");
    let bytes = std::fs::read(&log).unwrap();
    std::fs::write(out.join("logs/mine.txt"), "mine").unwrap();
    assert_eq!(pushback(args).code, 2);
    assert_eq!(pushback(args.into_iter().chain(["--force"])).code, 0);
    assert_eq!(std::fs::read(&log).unwrap(), bytes);
    assert!(out.join("logs/mine.txt").is_file(), "what is not ours stays");
}

#[test]
fn simulated_truth_lies_outside_of_what_is_scanned() {
    assert!(world().join("truth-duo.json").is_file());
    let ran = pushback(["scan", "--strict", "--quiet", world().join("logs").to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.err);
}

#[test]
fn the_demo_writes_its_page_and_says_how_it_did() {
    let out = folder("demo");
    let ran = pushback(["demo", "--out", out.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for part in ["PUSHBACK DEMO", "FOOTHOLD", "HOW IT DID", "NEXT", "report.html", "explain inc_"] {
        assert!(ran.out.contains(part), "{part} is missing in {}", ran.out);
    }
    let html = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(html.starts_with("<!"));
    let strange = folder("demo-strange");
    std::fs::write(strange.join("thesis.tex"), "").unwrap();
    assert_eq!(pushback(["demo", "--out", strange.to_str().unwrap()]).code, 2);
}
