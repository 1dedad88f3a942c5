//! A record spread over lines, without changing a byte of what it says.

/// Levels that get an indent; deeper ones stay at that of the last.
const DEPTH_MAX: usize = 12;

/// The lines of a record: JSON is broken at its brackets and commas, anything else stays one line.
///
/// Only blanks between values are added or taken away. Numbers, order, repeated names and escapes
/// stay as logged, which is why this is not a JSON parser: a broken record is shown as far as it goes.
#[must_use]
pub fn lines(record: &str) -> Vec<String> {
    let record = record.trim();
    if !record.starts_with(['{', '[']) {
        return record.lines().map(str::to_owned).collect();
    }
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut depth = 0_usize;
    let mut chars = record.chars().peekable();
    let mut in_string = false;
    while let Some(c) = chars.next() {
        if in_string {
            line.push(c);
            match c {
                '\\' => line.extend(chars.next()),
                '"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match c {
            '"' => {
                in_string = true;
                line.push(c);
            }
            '{' | '[' => {
                line.push(c);
                while chars.next_if(|next| next.is_ascii_whitespace()).is_some() {}
                let close = if c == '{' { '}' } else { ']' };
                if let Some(close) = chars.next_if_eq(&close) {
                    line.push(close);
                } else {
                    depth += 1;
                    turn(&mut lines, &mut line, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                turn(&mut lines, &mut line, depth);
                line.push(c);
            }
            ',' => {
                line.push(c);
                turn(&mut lines, &mut line, depth);
            }
            ':' => line.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => line.push(c),
        }
    }
    if !line.trim().is_empty() {
        lines.push(line);
    }
    lines
}

/// Which of the lines to show when not all can be: those that hold one of the texts, the first texts
/// before the others, with the brackets that they stand in; then the first of the rest. In order, at
/// most `max`.
#[must_use]
pub fn telling(lines: &[String], texts: &[String], max: usize) -> Vec<usize> {
    let mut chosen = std::collections::BTreeSet::new();
    let value = |line: &str| line.split_once("\": ").map_or(line, |(_, value)| value).to_owned();
    let values: Vec<String> = lines.iter().map(|line| value(line)).collect();
    // What stands twice in a record is shown once.
    let holding = |text: &String| values.iter().position(|value| value.contains(text.as_str()));
    for i in texts.iter().filter_map(holding) {
        let Some(line) = lines.get(i) else { continue };
        let mut needed = vec![i];
        let mut level = indent(line);
        for (j, above) in lines.iter().enumerate().take(i).rev() {
            if indent(above) < level {
                level = indent(above);
                needed.push(j);
            }
        }
        needed.retain(|i| !chosen.contains(i));
        if chosen.len() + needed.len() <= max {
            chosen.extend(needed);
        }
    }
    for i in 0..lines.len() {
        if chosen.len() >= max {
            break;
        }
        chosen.insert(i);
    }
    chosen.into_iter().collect()
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn turn(lines: &mut Vec<String>, line: &mut String, depth: usize) {
    let full = std::mem::replace(line, "  ".repeat(depth.min(DEPTH_MAX)));
    if !full.trim().is_empty() {
        lines.push(full);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn json_is_broken_at_its_structure_and_nowhere_else() {
        assert_eq!(
            lines(r#"{"b":"x, {y}","a":[1, 2.50],"e":{ },"b":null}"#),
            [
                "{",
                r#"  "b": "x, {y}","#,
                r#"  "a": ["#,
                "    1,",
                "    2.50",
                "  ],",
                r#"  "e": {},"#,
                r#"  "b": null"#,
                "}",
            ]
        );
    }

    #[test]
    fn members_that_were_used_are_shown_first_and_in_their_brackets() {
        let record = r#"{"a":1,"b":2,"c":{"d":3,"ip":"203.0.113.7"},"e":5}"#;
        let lines = lines(record);
        let shown: Vec<&str> = telling(&lines, &["203.0.113.7".to_owned()], 4)
            .into_iter()
            .map(|i| lines[i].trim())
            .collect();
        assert_eq!(shown, ["{", "\"a\": 1,", "\"c\": {", "\"ip\": \"203.0.113.7\""]);
    }

    #[test]
    fn a_log_line_stays_one_line() {
        assert_eq!(lines("WARN type=LOGIN_ERROR, user=bob\n"), ["WARN type=LOGIN_ERROR, user=bob"]);
    }

    #[test]
    fn deep_nesting_costs_no_stack_and_little_indent() {
        let deep = "[".repeat(10_000);
        assert!(lines(&deep).iter().all(|line| line.len() <= 2 * DEPTH_MAX + 1));
    }

    proptest! {
        #[test]
        fn nothing_but_blanks_is_added_or_lost(record in r#"[{\[][ -~]{0,80}"#) {
            let black = |s: &str| s.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(black(&lines(&record).concat()), black(&record));
        }
    }
}
