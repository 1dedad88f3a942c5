//! A time line in one row of characters.
//!
//! Marks stand in the order of time. A pause of two minutes or more is a blank, one of half an hour
//! or more is drawn and named. What does not fit is told more briefly, never left out: first runs of
//! equal marks become counts, then the pauses lose their names, then every kind of mark is a count.

use pushback_model::Span;

use super::ink::Ink;
use crate::report::marks::{Mark, Placed};
use crate::report::text;
use crate::report::words;

/// From this pause on there is a blank between two marks.
const PAUSE: Span = Span::minutes(2);
/// From this pause on it is drawn with its length.
const LONG_PAUSE: Span = Span::minutes(30);
/// Equal marks in a row that a count replaces when the row is short of room.
const RUN_MIN: usize = 4;

type Piece = (Ink, String);

/// The row, at most `columns` wide.
#[must_use]
pub fn strip(marks: &[Placed<'_>], columns: usize, ascii: bool) -> Vec<Piece> {
    let full = row(marks, ascii, usize::MAX, true);
    if fits(&full, columns) {
        return full;
    }
    for (run_min, named) in [(RUN_MIN, true), (2, false)] {
        let row = row(marks, ascii, run_min, named);
        if fits(&row, columns) {
            return row;
        }
    }
    totals(marks, columns, ascii)
}

fn fits(row: &[Piece], columns: usize) -> bool {
    row.iter().map(|(_, text)| text::width(text)).sum::<usize>() <= columns
}

fn row(marks: &[Placed<'_>], ascii: bool, run_min: usize, named: bool) -> Vec<Piece> {
    let mut row = Vec::new();
    let mut previous: Option<Placed<'_>> = None;
    let mut run: Option<(Mark, usize)> = None;
    for placed in marks {
        let pause = previous.map_or(Span::ZERO, |p| placed.at - p.at);
        match run {
            Some((mark, count)) if mark == placed.mark && pause < PAUSE => {
                run = Some((mark, count + 1));
            }
            _ => {
                push_run(&mut row, run, ascii, run_min);
                push_pause(&mut row, pause, ascii, named);
                run = Some((placed.mark, 1));
            }
        }
        previous = Some(*placed);
    }
    push_run(&mut row, run, ascii, run_min);
    row
}

fn push_run(row: &mut Vec<Piece>, run: Option<(Mark, usize)>, ascii: bool, run_min: usize) {
    let Some((mark, count)) = run else { return };
    let glyph = mark.glyph(ascii);
    let text = if count >= run_min { counted(glyph, count, ascii) } else { glyph.repeat(count) };
    row.push((Ink::Mark(mark), text));
}

fn push_pause(row: &mut Vec<Piece>, pause: Span, ascii: bool, named: bool) {
    let dash = if ascii { "-" } else { "─" };
    if pause >= LONG_PAUSE {
        let text = if named {
            format!(" {dash} {} {dash} ", words::about(pause))
        } else {
            format!(" {dash} ")
        };
        row.push((Ink::Dim, text));
    } else if pause >= PAUSE {
        row.push((Ink::Plain, " ".to_owned()));
    }
}

fn counted(glyph: &str, count: usize, ascii: bool) -> String {
    if ascii { format!("{glyph}*{count} ") } else { format!("{glyph}×{count} ") }
}

fn totals(marks: &[Placed<'_>], columns: usize, ascii: bool) -> Vec<Piece> {
    let mut left = columns;
    let mut row = Vec::new();
    for mark in Mark::ALL {
        let count = marks.iter().filter(|placed| placed.mark == mark).count();
        if count == 0 || left == 0 {
            continue;
        }
        let text = counted(mark.glyph(ascii), count, ascii);
        let text = text::shorten(&text, left, ascii).into_owned();
        left -= text::width(&text).min(left);
        row.push((Ink::Mark(mark), text));
    }
    row
}

#[cfg(test)]
mod tests {
    use pushback_model::EventKind;

    use super::*;
    use crate::report::marks;
    use crate::report::samples::item;

    fn drawn(count: i64, step: Span, columns: usize, ascii: bool) -> String {
        let story: Vec<_> = (0..count)
            .map(|n| {
                let mut item = item("2026-03-14T03:00:00Z", EventKind::PromptDenied);
                item.at = item.at + Span::millis(step.as_millis() * n);
                item
            })
            .collect();
        let marks = marks::place(&story.iter().collect::<Vec<_>>());
        strip(&marks, columns, ascii).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn prompts_a_minute_apart_stand_side_by_side() {
        assert_eq!(drawn(5, Span::minutes(1), 40, false), "✕✕✕✕✕");
        assert_eq!(drawn(5, Span::minutes(1), 40, true), "xxxxx");
    }

    #[test]
    fn a_long_pause_is_named_while_there_is_room() {
        assert_eq!(drawn(3, Span::hours(25), 40, false), "✕ ─ 1d ─ ✕ ─ 1d ─ ✕");
        assert_eq!(drawn(3, Span::hours(25), 12, false), "✕ ─ ✕ ─ ✕");
        assert_eq!(drawn(3, Span::hours(25), 8, false), "✕×3 ");
    }

    #[test]
    fn more_prompts_than_columns_become_a_count() {
        assert_eq!(drawn(200, Span::minutes(1), 40, false), "✕×200 ");
        assert_eq!(drawn(200, Span::minutes(1), 40, true), "x*200 ");
    }
}
