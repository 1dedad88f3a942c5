//! Whoever signs in chooses names and user agents. None of them may steer what a person looks at.

use crate::run::{Ran, file, lines, logs, pushback, scan_json};

/// A log in which the worst victim's name and every browser are hostile, and that victim.
fn log() -> String {
    let worst = scan_json(&logs("duo")).json().remove(0);
    let name = worst["subject"]["name"].as_str().unwrap().to_owned();
    lines(&logs("duo"))
        .join("\n")
        .replace(&name, &format!("{name}{HOSTILE}"))
        .replace("\"browser\":\"", &format!("\"browser\":\"{HOSTILE}"))
        .replace("\"city\":\"", &format!("\"city\":\"{HOSTILE}"))
}

/// As it stands in JSON: terminal, markup, spreadsheet, direction, a line's end.
const HOSTILE: &str = r"=1+1\u001b]0;owned\u0007\u001b[2J<script>alert(1)</script><img src=x onerror=alert(1)>\u202e\r\n";

fn assert_tame(ran: &Ran) {
    assert!(!ran.out.is_empty());
    for text in [&ran.out, &ran.err] {
        let wild = text.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
        assert_eq!(wild, None);
    }
}

#[test]
fn a_hostile_name_cannot_reach_a_terminal() {
    let path = file("hostile-terminal", log());
    let path = path.to_str().unwrap();
    for args in [["scan", path, "--ascii", "--quiet"], ["normalize", path, "--quiet", "--strict"]] {
        assert_tame(&pushback(args));
    }
    for format in ["json", "ocsf"] {
        assert_tame(&pushback(["scan", path, "--format", format]));
    }
    let worst = scan_json(path.as_ref()).json().remove(0);
    let id = worst["id"].as_str().unwrap();
    assert_tame(&pushback(["explain", id, path]));
    assert_tame(&pushback(["explain", id, path, "--raw"]));
}

#[test]
fn a_hostile_name_cannot_run_in_the_page() {
    let path = file("hostile-page", log());
    let page = path.with_extension("html");
    let args = ["scan", path.to_str().unwrap(), "--format", "html", "--out"];
    let ran = pushback(args.into_iter().chain([page.to_str().unwrap()]));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let html = std::fs::read_to_string(page).unwrap();
    assert!(html.contains("&lt;script&gt;") || html.contains("&#60;script&#62;"));
    assert!(!html.contains("<script") && !html.contains("<img src=x"));
    assert!(!html.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'));
}

#[test]
fn a_hostile_name_cannot_start_a_formula() {
    let hostile = lines(&logs("duo")).join("\n").replace("\"name\":\"", "\"name\":\"=1+1|");
    let path = file("hostile-csv", hostile);
    let ran = pushback(["scan", path.to_str().unwrap(), "--format", "csv"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(!ran.out.contains(",=1+1") && !ran.out.contains(",\"=1+1"), "{}", ran.out);
}
