//! Rules for any text file.

use super::Fault;

/// Lines of a source file past which a second idea hides in it.
const LINES_MAX: usize = 600;

const SOURCE_ENDINGS: [&str; 6] = [".rs", ".py", ".sh", ".html", ".css", ".js"];

/// Starts of paths that exist on one machine only. Split, so that this file passes its own check.
const LOCAL_PATHS: [&str; 5] = [
    concat!("/wo", "rk/"),
    concat!("/ho", "me/"),
    concat!("/tm", "p/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
];

/// Hosts of package registries: which mirror a machine uses is that machine's business.
const REGISTRIES: [&str; 9] = [
    concat!("index.crates", ".io"),
    concat!("static.crates", ".io"),
    concat!("pypi", ".org"),
    concat!("files.python", "hosted.org"),
    concat!("registry.npm", "js.org"),
    concat!("deb.debian", ".org"),
    concat!("proxy.golang", ".org"),
    concat!("repo1.maven", ".org"),
    concat!("repo.maven.apache", ".org"),
];

/// Reminders that get lost unless an issue holds them.
const REMINDERS: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];

/// What breaks a rule in one file.
pub fn check(path: &str, text: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    // Written by cargo, and the licence's words are not ours.
    if path.ends_with("Cargo.lock") || path == "LICENSE" {
        return faults;
    }
    let lines = text.lines().count();
    if lines > LINES_MAX && SOURCE_ENDINGS.iter().any(|ending| path.ends_with(ending)) {
        let message = format!("{lines} lines, at most {LINES_MAX}: look for the second idea in it");
        faults.push(Fault::new(path, 0, message));
    }
    for (number, line) in (1..).zip(text.lines()) {
        for local in LOCAL_PATHS {
            if names_a_path(line, local) {
                let message = format!("`{local}` exists on one machine only: use a relative path");
                faults.push(Fault::new(path, number, message));
            }
        }
        for host in REGISTRIES {
            if line.contains(host) {
                let message = format!("names the registry host {host}: name the package instead");
                faults.push(Fault::new(path, number, message));
            }
        }
        for reminder in REMINDERS {
            if has_loose_reminder(line, reminder) {
                let message = format!("a {reminder} carries its issue: `{reminder}(#12): ...`");
                faults.push(Fault::new(path, number, message));
            }
        }
    }
    faults
}

/// Whether the line holds this start of a path, and not as the middle of a longer one or of a URL.
fn names_a_path(line: &str, start: &str) -> bool {
    line.match_indices(start).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || "._-/}~>*)".contains(c))
    })
}

fn has_loose_reminder(line: &str, reminder: &str) -> bool {
    line.match_indices(reminder).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        let after = line.get(at + reminder.len()..).unwrap_or_default();
        if before.is_some_and(is_word) || after.chars().next().is_some_and(is_word) {
            return false;
        }
        let issue = after.strip_prefix("(#").and_then(|rest| rest.split_once(')'));
        !issue.is_some_and(|(number, _)| {
            !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
        })
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(path: &str, text: &str) -> Vec<String> {
        check(path, text).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_path_of_one_machine_is_refused_where_it_starts() {
        let text = format!("fine\nopen(\"{}me/x\")", LOCAL_PATHS[1]);
        assert_eq!(messages("a.rs", &text).len(), 1);
        assert!(messages("a.rs", &text)[0].starts_with("a.rs:2: "));
    }

    #[test]
    fn the_same_letters_inside_a_longer_path_are_fine() {
        let inside =
            format!("see https://example.org{}x and target{}y", LOCAL_PATHS[0], LOCAL_PATHS[2]);
        assert_eq!(messages("a.md", &inside), [""; 0]);
    }

    #[test]
    fn a_registry_host_is_refused_but_not_in_the_lock_file() {
        let text = format!("url = \"https://{}/x\"", REGISTRIES[2]);
        assert_eq!(messages("x.toml", &text).len(), 1);
        assert_eq!(messages("Cargo.lock", &text).len(), 0);
    }

    #[test]
    fn a_reminder_needs_an_issue_number() {
        let [todo, _] = REMINDERS;
        assert_eq!(messages("a.rs", &format!("// {todo}: later")).len(), 1);
        assert_eq!(messages("a.rs", &format!("// {todo}(#x): later")).len(), 1);
        assert_eq!(messages("a.rs", &format!("// {todo}(#12): later")).len(), 0);
        assert_eq!(messages("a.rs", &format!("const {todo}_LIST: u8 = 1;")).len(), 0);
    }

    #[test]
    fn a_source_file_may_have_600_lines_and_a_fixture_more() {
        assert_eq!(messages("a.rs", &"x\n".repeat(600)).len(), 0);
        assert_eq!(messages("a.rs", &"x\n".repeat(601)).len(), 1);
        assert_eq!(messages("a.json", &"x\n".repeat(601)).len(), 0);
    }
}
