//! Text from outside, made fit to be shown: escaping, display width, padding, wrapping.
//!
//! SECURITY: whoever tries to sign in chooses names, user agents and reasons that end up in these
//! logs. [`sanitise`] is the one gate between them and a terminal, a page or a spreadsheet.
//! Guarded by `nothing_that_passes_the_gate_can_steer_a_terminal`.

use std::borrow::Cow;
use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Combining marks allowed in a row; more would stack over the lines above. Two cover every
/// decomposed letter of living languages that take marks (Vietnamese needs two), four are generous.
const COMBINING_MAX: usize = 4;

/// The same text with everything that steers a terminal, reorders or hides text made visible.
///
/// Control characters (C0, DEL, C1), line and paragraph separators, bidirectional overrides and
/// zero-width or otherwise invisible characters become `\x1b` or `\u{202e}`. Runs of more than four
/// combining marks are escaped from the fifth on. A backslash stays one, so `DOMAIN\name` reads as
/// logged. The result has no line break.
#[must_use]
pub fn sanitise(text: &str) -> Cow<'_, str> {
    let mut combining = 0;
    let mut must_escape = |c: char| {
        combining = if is_combining(c) { combining + 1 } else { 0 };
        combining > COMBINING_MAX || is_hostile(c)
    };
    let Some((first, _)) = text.char_indices().find(|&(_, c)| must_escape(c)) else {
        return Cow::Borrowed(text);
    };
    let (clean, rest) = text.split_at(first);
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(clean);
    let mut run = COMBINING_MAX.min(clean.chars().rev().take_while(|c| is_combining(*c)).count());
    for c in rest.chars() {
        run = if is_combining(c) { run + 1 } else { 0 };
        if is_hostile(c) || run > COMBINING_MAX {
            push_escaped(&mut out, c);
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Whether a character may steer a terminal, reorder its neighbours or hide.
#[must_use]
pub fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' // Mongolian selectors and vowel separator
            | '\u{200b}'..='\u{200f}' // zero width, direction marks
            | '\u{2028}'..='\u{202e}' // separators, bidirectional embeddings and overrides
            | '\u{2060}'..='\u{206f}' // joiners, invisible operators, bidirectional isolates
            | '\u{2800}' // blank Braille cell
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' // unassigned ignorables, interlinear annotation
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}' // tags and variation selectors
        )
}

fn is_combining(c: char) -> bool {
    !is_hostile(c) && c.width() == Some(0)
}

fn push_escaped(out: &mut String, c: char) {
    let code = u32::from(c);
    // Writing to a String cannot fail.
    let _ =
        if code < 0x100 { write!(out, "\\x{code:02x}") } else { write!(out, "\\u{{{code:x}}}") };
}

/// Columns that a text takes on a terminal.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// At most `columns` columns of a text; an ellipsis shows that something was cut.
#[must_use]
pub fn shorten(text: &str, columns: usize, ascii: bool) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let ellipsis = if ascii { "..." } else { "…" };
    let room = columns.saturating_sub(width(ellipsis));
    let mut out = take_columns(text, room).0.to_owned();
    out.push_str(ellipsis);
    Cow::Owned(out)
}

/// The text with blanks after it until it fills `columns`.
#[must_use]
pub fn pad(text: &str, columns: usize) -> String {
    let mut out = text.to_owned();
    out.extend(std::iter::repeat_n(' ', columns.saturating_sub(width(text))));
    out
}

/// The text with blanks before it until it fills `columns`.
#[must_use]
pub fn pad_left(text: &str, columns: usize) -> String {
    let mut out = " ".repeat(columns.saturating_sub(width(text)));
    out.push_str(text);
    out
}

/// Lines of at most `columns` columns, broken between words; a longer word is cut.
///
/// Always at least one line. `columns` below 8 counts as 8.
#[must_use]
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(8);
    let mut lines = Vec::new();
    let mut line = String::new();
    for mut word in text.split_whitespace() {
        let gap = usize::from(!line.is_empty());
        if width(&line) + gap + width(word) > columns && !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        while width(word) > columns {
            let (head, tail) = take_columns(word, columns);
            if head.is_empty() {
                break;
            }
            lines.push(head.to_owned());
            word = tail;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// Splits a text after the last character that fits into `columns`.
#[must_use]
pub fn take_columns(text: &str, columns: usize) -> (&str, &str) {
    let mut used = 0;
    let end = text
        .char_indices()
        .find(|(_, c)| {
            used += c.width().unwrap_or(0);
            used > columns
        })
        .map_or(text.len(), |(at, _)| at);
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_names_of_any_script_stay_as_they_are() {
        for name in
            ["alice@example.org", r"CORP\bob", "Zoë Müller", "Nguyễn Văn An", "李小龍", "O'Neil"]
        {
            assert!(matches!(sanitise(name), Cow::Borrowed(same) if same == name), "{name}");
        }
    }

    #[test]
    fn an_escape_sequence_is_shown_and_not_obeyed() {
        assert_eq!(sanitise("a\x1b[31mred\u{9b}2J"), r"a\x1b[31mred\x9b2J");
        assert_eq!(sanitise("two\r\nlines\t"), r"two\x0d\x0alines\x09");
    }

    #[test]
    fn an_override_or_a_hidden_character_is_shown() {
        assert_eq!(sanitise("exe\u{202e}gpj.\u{200b}"), r"exe\u{202e}gpj.\u{200b}");
        assert_eq!(sanitise("\u{feff}x\u{e0041}"), r"\u{feff}x\u{e0041}");
    }

    #[test]
    fn stacked_marks_are_cut_off_after_four() {
        let stacked = format!("a{}", "\u{301}".repeat(6));
        assert_eq!(sanitise(&stacked), format!("a{}\\u{{301}}\\u{{301}}", "\u{301}".repeat(4)));
    }

    #[test]
    fn wrapping_never_exceeds_the_width_even_for_one_long_word() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("abcdefghijkl", 8), ["abcdefgh", "ijkl"]);
        assert_eq!(wrap("", 8), [""]);
    }

    #[test]
    fn shortening_counts_wide_characters_twice() {
        assert_eq!(shorten("李小龍李小龍", 7, false), "李小龍…");
        assert_eq!(shorten("abcdefghij", 6, true), "abc...");
    }

    proptest! {
        #[test]
        fn nothing_that_passes_the_gate_can_steer_a_terminal(text in any::<String>()) {
            let clean = sanitise(&text);
            prop_assert!(!clean.chars().any(is_hostile));
            prop_assert!(!clean.chars().any(char::is_control));
            let longest = clean.split(|c| !is_combining(c)).map(|run| run.chars().count()).max();
            prop_assert!(longest.unwrap_or(0) <= COMBINING_MAX);
            prop_assert_eq!(sanitise(&clean), clean.clone());
        }

        #[test]
        fn wrapped_lines_fit_and_lose_no_word(text in "[a-z李 ]{0,80}", columns in 8_usize..40) {
            let lines = wrap(&text, columns);
            for line in &lines {
                prop_assert!(width(line) <= columns);
            }
            let letters = |s: &str| s.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(letters(&lines.concat()), letters(&text));
        }
    }
}
