//! CSV (RFC 4180): one row an incident, worst first, for a spreadsheet.
//!
//! | column | meaning |
//! |---|---|
//! | `id` | of the incident |
//! | `stage` | `exposed`, `bombing`, `approved`, `foothold` |
//! | `severity` | OCSF caption |
//! | `subject` | name as logged, lower-cased |
//! | `sources` | products in whose logs the person is known, `;` between them |
//! | `campaign` | id, or empty |
//! | `started_at`, `last_at`, `detected_at`, `approved_at` | RFC 3339 UTC; the last may be empty |
//! | `prompts_sent`, `prompts_approved`, `prompts_denied`, `prompts_reported`, `prompts_unanswered`, `prompts_mismatched` | counts |
//! | `evidence_bits` | the sum, two decimals |
//! | `evidence` | `kind=bits`, largest first, `;` between them |
//! | `origins` | addresses, `;` between them |
//! | `countries` | of the origins, each once |
//! | `after_approval` | `kind@time`, `;` between them |
//! | `attack` | ATT&CK technique ids |
//! | `headline` | what happened, in words |
//! | `next_step` | the first one |

use std::collections::BTreeSet;
use std::io::{self, Write};

use pushback_model::Incident;

use super::text::sanitise;
use super::view::Report;
use super::words;

/// The names in the first row, in order.
pub const COLUMNS: [&str; 24] = [
    "id",
    "stage",
    "severity",
    "subject",
    "sources",
    "campaign",
    "started_at",
    "last_at",
    "detected_at",
    "approved_at",
    "prompts_sent",
    "prompts_approved",
    "prompts_denied",
    "prompts_reported",
    "prompts_unanswered",
    "prompts_mismatched",
    "evidence_bits",
    "evidence",
    "origins",
    "countries",
    "after_approval",
    "attack",
    "headline",
    "next_step",
];

/// Writes the names and then the rows; lines end with CR LF.
///
/// # Errors
/// If the writer fails.
pub fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{}\r\n", COLUMNS.join(","))?;
    for incident in report.worst_first() {
        write!(out, "{}\r\n", row(incident).join(","))?;
    }
    Ok(())
}

fn row(i: &Incident) -> [String; 24] {
    let sources: BTreeSet<&str> = i.subject.ids.iter().map(|id| id.source.name()).collect();
    let countries: BTreeSet<&str> = i.origins.iter().filter_map(|o| o.country.as_deref()).collect();
    let evidence = words::terms_by_size(i);
    [
        cell(&i.id),
        cell(i.stage.name()),
        cell(i.severity.name),
        cell(&i.subject.name),
        list(sources),
        cell(i.campaign.as_deref().unwrap_or_default()),
        i.started_at.to_string(),
        i.last_at.to_string(),
        i.detected_at.to_string(),
        i.approved_at.map(|at| at.to_string()).unwrap_or_default(),
        i.prompts.sent.to_string(),
        i.prompts.approved.to_string(),
        i.prompts.denied.to_string(),
        i.prompts.reported.to_string(),
        i.prompts.unanswered.to_string(),
        i.prompts.mismatched.to_string(),
        format!("{:.2}", i.evidence_bits),
        list(evidence.iter().map(|term| format!("{}={:.2}", term.kind, term.bits))),
        list(i.origins.iter().map(|origin| origin.ip.as_str())),
        list(countries),
        list(i.after_approval.iter().map(|after| format!("{}@{}", after.kind.name(), after.at))),
        list(&i.attack),
        cell(&words::headline(i)),
        cell(i.next_steps.first().map(String::as_str).unwrap_or_default()),
    ]
}

fn list<T: AsRef<str>>(parts: impl IntoIterator<Item = T>) -> String {
    let parts: Vec<String> = parts.into_iter().map(|part| part.as_ref().to_owned()).collect();
    cell(&parts.join(";"))
}

/// A text as one quoted field that no spreadsheet takes for a formula.
///
/// SECURITY: a cell that starts with `=`, `+`, `-`, `@` (or their full-width forms) is a formula to a
/// spreadsheet; an apostrophe before it makes it text (OWASP, "CSV Injection"). Always quoted, so no
/// separator of any locale can open a new cell. Guarded by `no_cell_starts_a_formula`.
fn cell(text: &str) -> String {
    let clean = sanitise(text);
    let starts_formula = clean.trim_start().starts_with([
        '=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}', '|', '%',
    ]);
    let guard = if starts_formula { "'" } else { "" };
    format!("\"{guard}{}\"", clean.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::samples;

    #[test]
    fn no_cell_starts_a_formula() {
        assert_eq!(cell("=1+1"), "\"'=1+1\"");
        assert_eq!(cell(" @SUM(A1)"), "\"' @SUM(A1)\"");
        assert_eq!(cell("a \"b\", c"), "\"a \"\"b\"\", c\"");
        assert_eq!(cell("alice@example.org"), "\"alice@example.org\"");
    }

    #[test]
    fn every_row_has_a_cell_for_every_column() {
        for sample in [samples::sample(), samples::under_attack()] {
            let mut out = Vec::new();
            write(&sample.report(), &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            assert_eq!(text.split("\r\n").count(), sample.incidents.len() + 2);
            for line in text.split("\r\n").filter(|line| !line.is_empty()) {
                assert_eq!(cells(line).len(), COLUMNS.len(), "{line}");
            }
        }
    }

    #[test]
    fn a_row_reads_well() {
        let sample = samples::sample();
        let mut out = Vec::new();
        write(&sample.report(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let row = cells(text.split("\r\n").nth(1).unwrap());
        assert_eq!(row[0], "inc_5f0c2a91");
        assert_eq!(row[4], "m365;okta");
        assert_eq!(row[9], "2026-03-14T03:12:40Z");
        assert_eq!(row[16], "29.95");
        assert_eq!(row[19], "RO;US");
    }

    /// A small independent reader of RFC 4180.
    fn cells(line: &str) -> Vec<String> {
        let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
        let mut chars = line.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '"' if quoted && chars.peek() == Some(&'"') => {
                    chars.next();
                    cell.push('"');
                }
                '"' => quoted = !quoted,
                ',' if !quoted => cells.push(std::mem::take(&mut cell)),
                c => cell.push(c),
            }
        }
        cells.push(cell);
        cells
    }

    proptest! {
        #[test]
        fn any_text_is_one_harmless_cell(text in any::<String>()) {
            let quoted = cell(&text);
            let read = cells(&quoted);
            prop_assert_eq!(read.len(), 1);
            prop_assert!(!read[0].trim_start().starts_with(['=', '+', '-', '@']));
            prop_assert!(!quoted.chars().any(char::is_control));
        }
    }
}
