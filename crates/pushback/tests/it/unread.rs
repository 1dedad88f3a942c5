//! What cannot be judged is said: exit code 3 and a line that names the file.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::run::{Ran, file, folder, lines, logs, pushback, pushback_fed};

fn scan(path: &Path, more: &[&str]) -> Ran {
    pushback(["scan", path.to_str().unwrap()].into_iter().chain(more.iter().copied()))
}

/// A few records of Duo, with prompts in them.
fn records() -> Vec<String> {
    lines(&logs("duo")).into_iter().take(40).collect()
}

#[test]
fn an_export_without_any_event_ends_with_code_3_even_when_quiet() {
    for (name, content) in [
        ("token", r#"{"error":"invalid_token"}"#),
        ("okta-error", r#"{"errorCode":"E0000011","errorSummary":"Invalid token provided"}"#),
        ("page", "<!DOCTYPE html>\n<html><body>Sign in</body></html>\n"),
        ("no-records", "[]"),
        ("nothing", ""),
        ("table", "timestamp,uuid,event_type,display_message,actor.alternate_id\n1,2,3,4,5\n"),
    ] {
        let path = file(&format!("unread-{name}"), content);
        let ran = scan(&path, &["-q"]);
        assert_eq!(ran.code, 3, "{name}: {}", ran.out);
        assert_eq!(ran.err.lines().count(), 1, "{name}: {}", ran.err);
    }
    assert_eq!(pushback_fed(&["scan", "-", "-q"], b"").code, 3);
    let ran = pushback(["scan", "/dev/null"]);
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("no identity event was read: 1 input held no record"), "{}", ran.err);
}

#[test]
fn an_empty_hour_beside_others_is_no_failure() {
    let folder = folder("unread-hours");
    fs::write(folder.join("01.json"), "[]").unwrap();
    fs::write(folder.join("02.json"), "").unwrap();
    fs::write(folder.join("03.json"), records().join("\n")).unwrap();
    let ran = scan(&folder, &["--strict"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
}

#[test]
fn a_portals_csv_is_told_with_the_page_that_says_how_to_export() {
    let folder = folder("unread-csv");
    let path = folder.join("signins.csv");
    fs::write(&path, "Date (UTC),Request ID,User agent,Correlation ID,User ID,User\n1,2,3,4,5,6\n")
        .unwrap();
    let ran = scan(&path, &[]);
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("looks like a CSV export, which is not read"), "{}", ran.err);
    assert!(ran.err.contains("docs/operate/entra.md"), "{}", ran.err);
}

#[test]
fn a_broken_line_is_placed_by_one_number() {
    let path = file("unread-line", format!("{}\n{{\"a\": }}\n", records().join("\n")));
    let ran = scan(&path, &[]);
    assert!(ran.says("line 41: not JSON"), "{}", ran.out);
    assert!(!ran.says("at line 1"), "{}", ran.out);
}

#[test]
fn an_array_that_is_not_closed_is_told_with_its_line() {
    let array = format!("[\n{},\n", records().join(",\n"));
    let path = file("unread-cut", &array);
    let ran = scan(&path, &["--strict"]);
    assert_eq!(ran.code, 3, "{}", ran.out);
    assert!(ran.says("line 41: array not closed: the file may be cut"), "{}", ran.out);
    let whole = file("unread-whole", format!("{}\n]\n", array.trim_end_matches(",\n")));
    let ran = scan(&whole, &["--strict"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}

#[test]
fn files_that_were_passed_over_are_named_in_the_report_and_fail_a_strict_scan() {
    let folder = folder("unread-passed");
    fs::write(folder.join("log.jsonl"), records().join("\n")).unwrap();
    fs::write(folder.join("picture.png"), "").unwrap();
    assert_eq!(scan(&folder, &["--strict"]).code, 0, "a picture is no gap");
    fs::write(folder.join("old.zip"), "PK\x03\x04").unwrap();
    fs::write(folder.join("older.jsonl"), b"\xFD7zXZ\0").unwrap();
    let ran = scan(&folder, &["-q"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    for part in [
        "old.zip: is a zip archive; unpack it first",
        "older.jsonl: is compressed with xz; use gzip or zstd",
        "picture.png: is no log by its name",
    ] {
        let flat = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(part), "{part}: {}", ran.out);
    }
    let strict = scan(&folder, &["--strict", "--format", "json"]);
    assert_eq!(strict.code, 3);
    assert!(strict.err.contains("2 files that may hold logs could not be read"), "{}", strict.err);
    assert!(strict.err.contains("old.zip: is a zip archive"), "{}", strict.err);
}

#[test]
fn what_powershell_redirects_is_read() {
    let text = format!("\u{feff}{}\r\n", records().join("\r\n"));
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let wide = scan(&file("unread-utf16", bytes), &["--format", "json"]);
    assert_eq!(wide.code, 0, "{}", wide.err);
    let plain = scan(&file("unread-utf8", &text), &["--format", "json"]);
    assert_eq!((wide.out, wide.err), (plain.out, plain.err));
}

/// A scan must end although a pipe without a writer lies in its folder.
#[cfg(unix)]
#[test]
fn a_pipe_in_a_folder_is_passed_over_and_a_named_one_is_read() {
    let folder = folder("unread-pipe");
    fs::write(folder.join("log.jsonl"), records().join("\n")).unwrap();
    let pipe = folder.join("pipe.jsonl");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (send, receive) = std::sync::mpsc::channel();
    let of = folder.clone();
    let scanning = std::thread::spawn(move || send.send(scan(&of, &[])).unwrap());
    let Ok(ran) = receive.recv_timeout(Duration::from_secs(60)) else {
        // Lets the scan end, and the test with it.
        fs::write(&pipe, "").unwrap();
        panic!("the scan waits for the pipe");
    };
    scanning.join().unwrap();
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.says("is a pipe, a socket or a device"), "{}", ran.out);

    let content = records().join("\n");
    let to = pipe.clone();
    let writer = std::thread::spawn(move || fs::write(to, content).unwrap());
    let named = scan(&pipe, &[]);
    writer.join().unwrap();
    assert_eq!(named.code, 0, "{}", named.err);
}
