//! Rules for Rust source.

use std::collections::BTreeSet;

use super::Fault;
use super::crates::PURE;

/// Names through which a crate would ask the world instead of being told.
const WORLDLY: [&str; 15] = [
    "SystemTime",
    "Instant",
    "Zoned::now",
    "Timestamp::now",
    "RandomState",
    "HashMap::new",
    "HashSet::new",
    "thread_rng",
    "getrandom",
    "std::fs",
    "std::env",
    "std::thread",
    "std::process",
    "TcpStream",
    "UdpSocket",
];

/// The files that exist for tests only because a module says so: `#[cfg(test)] mod samples;`.
/// Without their ending: `src/samples`.
pub fn test_modules(path: &str, text: &str) -> Vec<String> {
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    let (folder, name) = stem.rsplit_once('/').unwrap_or(("", stem));
    let folder = if matches!(name, "lib" | "main" | "mod") { folder } else { stem };
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines
        .windows(2)
        .filter_map(|pair| match pair {
            ["#[cfg(test)]", declaration] => {
                let module = declaration.strip_prefix("pub(crate) ").unwrap_or(declaration);
                let module = module.strip_prefix("mod ")?.strip_suffix(';')?;
                Some(format!("{folder}/{module}"))
            }
            _ => None,
        })
        .collect()
}

/// What breaks a rule in one Rust file. `test_modules` are those of the whole workspace.
pub fn check(path: &str, text: &str, test_modules: &BTreeSet<String>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let is_test_file = path.contains("/tests/")
        || path.starts_with("fuzz/")
        || path.ends_with("_tests.rs")
        || path.strip_suffix(".rs").is_some_and(|stem| {
            let mut parents = stem.match_indices('/').filter_map(|(at, _)| stem.get(..at));
            test_modules.contains(stem) || parents.any(|parent| test_modules.contains(parent))
        });
    let is_pure = PURE.iter().any(|name| path.starts_with(&format!("crates/{name}/src/")));
    let code = code_only(text);
    let tests = test_lines(&code);
    let lines: Vec<&str> = text.lines().collect();
    for (number, line) in (1..).zip(code.lines()) {
        for macro_name in ["todo!", "unimplemented!"] {
            if has_word(line, macro_name) {
                let message = format!("`{macro_name}` is a stub: write it or leave it out");
                faults.push(Fault::new(path, number, message));
            }
        }
        let is_test = is_test_file || tests.contains(&number);
        if is_test {
            continue;
        }
        if panics(line) && !has_reason(&lines, number) {
            let message = "the line above an unwrap or expect says why it cannot fail";
            faults.push(Fault::new(path, number, message));
        }
        if !is_pure {
            continue;
        }
        for name in WORLDLY {
            if has_word(line, name) {
                let message = format!("`{name}` in a pure crate: take it as an argument");
                faults.push(Fault::new(path, number, message));
            }
        }
    }
    faults
}

/// `.unwrap()`, or `.expect(` with a text: a parser's own `expect(b'{')` is another thing.
fn panics(code: &str) -> bool {
    code.contains(".unwrap()") || code.contains(".expect(\"")
}

/// Whether a comment or a reasoned lint exception stands above the statement.
fn has_reason(lines: &[&str], number: usize) -> bool {
    let above = |n: usize| lines.get(n.wrapping_sub(1)).map_or("", |line| line.trim_start());
    let mut start = number;
    // A chain of calls belongs to the line that it starts on.
    while start > 1 && above(start).starts_with(['.', ')', '}', '|']) {
        start -= 1;
    }
    let is_reason = |n: usize| above(n).starts_with("//") || above(n).starts_with("reason =");
    (start.saturating_sub(1)..number).any(|n| n > 0 && is_reason(n))
        || (number.saturating_sub(12)..number).any(|n| {
            n > 0
                && (above(n).contains("clippy::unwrap_used")
                    || above(n).contains("clippy::expect_used"))
        })
}

/// The numbers of the lines inside `#[cfg(test)]` items.
fn test_lines(code: &str) -> BTreeSet<usize> {
    let mut inside = BTreeSet::new();
    let mut depth = 0_usize;
    let mut opened = false;
    let mut pending = false;
    for (number, line) in (1..).zip(code.lines()) {
        if !pending && line.trim_start().starts_with("#[cfg(test)]") {
            (pending, opened, depth) = (true, false, 0);
        }
        if !pending {
            continue;
        }
        inside.insert(number);
        for byte in line.bytes() {
            match byte {
                b'{' => (opened, depth) = (true, depth + 1),
                b'}' => depth = depth.saturating_sub(1),
                b';' if !opened => pending = false,
                _ => {}
            }
        }
        if opened && depth == 0 {
            pending = false;
        }
    }
    inside
}

/// The text with comments and the insides of literals blanked; line breaks stay.
fn code_only(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut previous = ' ';
    while let Some(c) = chars.next() {
        match c {
            '/' if chars.peek() == Some(&'/') => {
                while chars.peek().is_some_and(|&c| c != '\n') {
                    chars.next();
                }
            }
            '/' if chars.peek() == Some(&'*') => {
                let mut last = ' ';
                for c in chars.by_ref() {
                    if c == '\n' {
                        out.push(c);
                    }
                    if last == '*' && c == '/' {
                        break;
                    }
                    last = c;
                }
            }
            '"' => {
                out.push('"');
                let mut escaped = false;
                for c in chars.by_ref() {
                    if c == '\n' {
                        out.push(c);
                    }
                    if c == '"' && !escaped {
                        out.push('"');
                        break;
                    }
                    escaped = c == '\\' && !escaped;
                }
            }
            'r' if !is_name(previous) || previous == 'b' => {
                raw_string(&mut chars, &mut out);
            }
            '\'' => {
                let mut ahead = chars.clone();
                match (ahead.next(), ahead.next()) {
                    // A lifetime, not a character.
                    (Some(first), second) if first != '\\' && second != Some('\'') => out.push(c),
                    (Some('\\'), _) => {
                        chars.next();
                        chars.next();
                        for c in chars.by_ref() {
                            if c == '\'' {
                                break;
                            }
                        }
                        out.push_str("' '");
                    }
                    _ => {
                        chars.next();
                        chars.next();
                        out.push_str("' '");
                    }
                }
            }
            c => out.push(c),
        }
        previous = c;
    }
    out
}

/// After an `r`: a raw string is blanked; anything else is left to the caller's loop.
fn raw_string(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) {
    out.push('r');
    let mut ahead = chars.clone();
    let mut hashes = 0;
    while ahead.peek() == Some(&'#') {
        ahead.next();
        hashes += 1;
    }
    if ahead.next() != Some('"') {
        return;
    }
    *chars = ahead;
    out.push('"');
    let mut closing: Option<usize> = None;
    for c in chars.by_ref() {
        if c == '\n' {
            out.push(c);
        }
        closing = match (c, closing) {
            ('"', _) => Some(0),
            ('#', Some(n)) => Some(n + 1),
            _ => None,
        };
        if closing == Some(hashes) {
            break;
        }
    }
    out.push('"');
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        let after = line.get(at + word.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(is_name) && !after.is_some_and(is_name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let modules = BTreeSet::from(["crates/detect/src/tests".to_owned()]);
        check(path, text, &modules).iter().map(|fault| fault.line).collect()
    }

    #[test]
    fn an_unwrap_needs_a_reason_on_the_line_above_its_statement() {
        let path = "crates/pushback/src/main.rs";
        assert_eq!(lines(path, "fn f() {\n    g().unwrap();\n}\n"), [2]);
        assert_eq!(
            lines(path, "fn f() {\n    // Checked in g.\n    g().unwrap();\n}\n"),
            [0_usize; 0]
        );
        let chain =
            "fn f() {\n    // Checked in g.\n    g()\n        .h()\n        .unwrap();\n}\n";
        assert_eq!(lines(path, chain), [0_usize; 0]);
        assert_eq!(lines(path, "fn f() {\n    g().expect(\"text\");\n}\n"), [2]);
    }

    #[test]
    fn a_parser_may_have_its_own_expect() {
        assert_eq!(
            lines("crates/normalize/src/a.rs", "fn f() { self.expect(b'{')?; }\n"),
            [0_usize; 0]
        );
    }

    #[test]
    fn tests_may_unwrap_and_code_after_them_may_not() {
        let text = "#[cfg(test)]\nmod tests {\n    fn f() { g().unwrap(); }\n}\nfn h() { g().unwrap(); }\n";
        assert_eq!(lines("crates/detect/src/a.rs", text), [5]);
        assert_eq!(lines("crates/detect/src/tests.rs", "fn f() { g().unwrap(); }\n"), [0_usize; 0]);
        let declared = "#[cfg(test)]\nmod tests;\nfn h() { g().unwrap(); }\n";
        assert_eq!(lines("crates/detect/src/a.rs", declared), [3]);
    }

    #[test]
    fn a_file_that_only_a_test_build_has_is_a_test() {
        let text = "mod a;\n#[cfg(test)]\nmod samples;\n#[cfg(test)]\nmod tests {\n}\n";
        assert_eq!(
            test_modules("crates/x/src/report/mod.rs", text),
            ["crates/x/src/report/samples"]
        );
        assert_eq!(test_modules("crates/x/src/duo.rs", text), ["crates/x/src/duo/samples"]);
        assert_eq!(
            lines("crates/detect/src/tests/log.rs", "fn f() { g().unwrap(); }\n"),
            [0_usize; 0]
        );
    }

    #[test]
    fn a_pure_crate_never_names_the_clock_but_may_talk_about_it() {
        let clock = "fn f() { SystemTime::now(); }\n";
        assert_eq!(lines("crates/detect/src/a.rs", clock), [1]);
        assert_eq!(lines("crates/pushback/src/a.rs", clock), [0_usize; 0]);
        let talk = "// No SystemTime here.\nfn f() { g(\"Instant\", r#\"std::fs \"x\" \"#, '\"', '\\''); }\n";
        assert_eq!(lines("crates/detect/src/a.rs", talk), [0_usize; 0]);
        assert_eq!(lines("crates/detect/src/a.rs", "struct InstantNoodle;\n"), [0_usize; 0]);
    }

    #[test]
    fn a_stub_is_refused_even_in_tests() {
        let stub = format!("#[test]\nfn t() {{ {}!() }}\n", "todo");
        assert_eq!(lines("crates/detect/src/tests.rs", &stub), [2]);
    }

    #[test]
    fn literals_and_comments_are_blanked_and_lines_kept() {
        let text = "a // b\nc \"d\\\"e\" f<'x>('y', b'\\n') r\"z\" /* g\nh */ i";
        assert_eq!(code_only(text), "a \nc \"\" f<'x>(' ', b' ') r\"\" \n i");
    }
}
