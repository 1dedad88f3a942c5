//! JSON lines: one incident a line, as the contract in `pushback_model::Incident` says.

use std::io::{self, Write};

use serde::Serialize;

use super::text::is_hostile;
use super::view::Report;

/// Writes one line an incident, worst first.
///
/// # Errors
/// If the writer fails.
pub fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    for incident in report.worst_first() {
        line(incident, out)?;
    }
    Ok(())
}

/// Writes any value as one line of JSON.
///
/// Values are untouched, but characters that could steer a terminal or reorder text are spelled
/// `\u009b`, so that looking at the output is as safe as parsing it.
///
/// # Errors
/// If the writer fails, or the value has no JSON form.
pub fn line<T: Serialize>(value: &T, out: &mut dyn Write) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, Visible);
    value.serialize(&mut serializer)?;
    out.write_all(b"\n")
}

/// Compact JSON in which every character that [`is_hostile`] is escaped.
struct Visible;

impl serde_json::ser::Formatter for Visible {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        text: &str,
    ) -> io::Result<()> {
        let mut rest = text;
        while let Some((at, c)) = rest.char_indices().find(|&(_, c)| is_hostile(c)) {
            let (clean, tail) = rest.split_at(at);
            out.write_all(clean.as_bytes())?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = tail.get(c.len_utf8()..).unwrap_or_default();
        }
        out.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pushback_model::Incident;

    use super::*;
    use crate::report::samples;

    #[test]
    fn each_line_reads_back_as_the_incident_it_was() {
        let sample = samples::sample();
        let mut out = Vec::new();
        write(&sample.report(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let read: Vec<Incident> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let written: Vec<Incident> = sample.report().worst_first().into_iter().cloned().collect();
        assert_eq!(read, written);
    }

    #[test]
    fn a_record_cannot_break_a_line_or_steer_the_terminal_that_shows_it() {
        let sample = samples::under_attack();
        let mut out = Vec::new();
        write(&sample.report(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), sample.incidents.len());
        assert!(!text.replace('\n', "").chars().any(is_hostile));
    }

    proptest! {
        #[test]
        fn escaping_keeps_every_value(text in any::<String>()) {
            let mut out = Vec::new();
            line(&text, &mut out).unwrap();
            let back: String = serde_json::from_slice(&out).unwrap();
            prop_assert_eq!(back, text);
        }
    }
}
