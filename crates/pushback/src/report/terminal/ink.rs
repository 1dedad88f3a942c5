//! Lines made of inked pieces: measured in columns first, coloured last.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use pushback_model::Stage;

use crate::report::marks::Mark;
use crate::report::text::{self, sanitise};

/// How a piece of text is inked. The words and shapes alone tell everything; ink only helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// As the terminal writes.
    Plain,
    /// What the eye should find first.
    Strong,
    /// What may be skipped.
    Dim,
    /// A stage.
    Stage(Stage),
    /// A mark of a time line.
    Mark(Mark),
}

impl Ink {
    fn style(self) -> Style {
        let style = Style::new();
        match self {
            Self::Plain => style,
            Self::Strong => style.bold(),
            Self::Dim => style.dimmed(),
            Self::Stage(Stage::Foothold) => style.bold().fg_color(Some(AnsiColor::Magenta.into())),
            Self::Stage(Stage::Approved) => style.bold().fg_color(Some(AnsiColor::Red.into())),
            Self::Stage(Stage::Bombing) => style.bold().fg_color(Some(AnsiColor::Yellow.into())),
            Self::Stage(Stage::Exposed) => style.bold().fg_color(Some(AnsiColor::Blue.into())),
            Self::Mark(mark) => match mark {
                Mark::Unanswered => style.fg_color(Some(AnsiColor::Cyan.into())),
                Mark::Denied | Mark::Reported => style.fg_color(Some(AnsiColor::Green.into())),
                Mark::Mismatched => style.fg_color(Some(AnsiColor::Yellow.into())),
                Mark::Approved => style.bold().fg_color(Some(AnsiColor::Red.into())),
                Mark::Session | Mark::Change => {
                    style.bold().fg_color(Some(AnsiColor::Magenta.into()))
                }
                Mark::Own | Mark::Other => style.dimmed(),
            },
        }
    }
}

/// One line, built from left to right.
#[derive(Clone, Debug, Default)]
pub struct Line {
    pieces: Vec<(Ink, String)>,
    columns: usize,
}

impl Line {
    /// A line that starts with `columns` blanks.
    #[must_use]
    pub fn indented(columns: usize) -> Self {
        Self::default().put(Ink::Plain, " ".repeat(columns))
    }

    /// Adds a text, sanitised.
    #[must_use]
    pub fn put(mut self, ink: Ink, text: impl AsRef<str>) -> Self {
        let text = sanitise(text.as_ref()).into_owned();
        self.columns += text::width(&text);
        if !text.is_empty() {
            self.pieces.push((ink, text));
        }
        self
    }

    /// Adds several pieces.
    #[must_use]
    pub fn put_all(mut self, pieces: impl IntoIterator<Item = (Ink, String)>) -> Self {
        for (ink, text) in pieces {
            self = self.put(ink, text);
        }
        self
    }

    /// Adds blanks until the line is `columns` wide.
    #[must_use]
    pub fn pad_to(self, columns: usize) -> Self {
        let missing = columns.saturating_sub(self.columns);
        self.put(Ink::Plain, " ".repeat(missing))
    }

    /// Columns taken so far.
    #[must_use]
    pub const fn columns(&self) -> usize {
        self.columns
    }

    /// Writes the line and its end; blanks at the end are left away.
    ///
    /// # Errors
    /// If the writer fails.
    pub fn write(mut self, out: &mut dyn Write, colour: bool) -> io::Result<()> {
        while let Some((_, last)) = self.pieces.last_mut() {
            last.truncate(last.trim_end().len());
            if !last.is_empty() {
                break;
            }
            self.pieces.pop();
        }
        for (ink, text) in &self.pieces {
            let style = ink.style();
            if colour && style != Style::new() {
                write!(out, "{style}{text}{style:#}")?;
            } else {
                out.write_all(text.as_bytes())?;
            }
        }
        out.write_all(b"\n")
    }
}
