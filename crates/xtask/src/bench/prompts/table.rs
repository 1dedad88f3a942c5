//! The table of the measurement.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Args, Measured, Row};

/// A limit that the project sets itself, on a ratio of two rows in the same round.
struct Limit {
    what: &'static str,
    of: (&'static str, &'static str),
    to: (&'static str, &'static str),
    goal: f64,
    /// Whether the ratio may be at most the goal, rather than at least.
    is_most: bool,
}

const CYCLES: &str = "/cycles/rate";
const DECISIONS: &str = "/decisions/rate";
const DECISION_P50: &str = "/decisions/p50_ms";

const LIMITS: &[Limit] = &[
    least("cycles, SQLite / PostgreSQL's updates", "sqlite-64", CYCLES, "updates", 0.5),
    least("cycles, PostgreSQL / PostgreSQL's updates", "postgres-64", CYCLES, "updates", 0.5),
    least("decisions of cycles, SQLite / updates", "sqlite-64", DECISIONS, "updates", 1.5),
    least("decisions of cycles, PostgreSQL / updates", "postgres-64", DECISIONS, "updates", 1.5),
    least("start and cancel, SQLite / updates", "sqlite-cancel", DECISIONS, "updates", 1.5),
    least("start and cancel, PostgreSQL / updates", "postgres-cancel", DECISIONS, "updates", 1.5),
    most("p50 of one decision, SQLite / fdatasync", "sqlite-1", "sync"),
    most("p50 of one decision, PostgreSQL / fdatasync", "postgres-1", "sync"),
    least("cycles, SQLite / privacyIDEA's", "sqlite-64", CYCLES, "peer", 500.0),
    least("cycles over HTTP, SQLite / privacyIDEA's", "http-64", CYCLES, "peer", 500.0),
];

const fn least(
    what: &'static str,
    of: &'static str,
    value: &'static str,
    to: &'static str,
    goal: f64,
) -> Limit {
    Limit { what, of: (of, value), to: (to, "/rate"), goal, is_most: false }
}

const fn most(what: &'static str, of: &'static str, to: &'static str) -> Limit {
    Limit { what, of: (of, DECISION_P50), to: (to, "/p50_ms"), goal: 3.0, is_most: true }
}

/// What no service could pass whose phones sign on the same processors, beside the limits that ask for more.
const CEILINGS: &[(&str, &str, &str)] =
    &[("the signatures of cycles alone / PostgreSQL's updates", "signatures", "updates")];

/// The measurement as Markdown.
pub fn table(measured: &Measured, args: &Args) -> String {
    let mut out = String::new();
    let Measured { machine, rows, .. } = measured;
    let _ = writeln!(
        out,
        "Medians of {} rounds of {} s each, everything in turn in each round; least to most in \
         brackets. Machine: {}, PostgreSQL {}. Load average over 1, 5 and 15 minutes: {} before the \
         first round, {} after the last.\n",
        args.rounds,
        args.seconds,
        machine.processors,
        machine.postgres,
        machine.load[0],
        machine.load[1]
    );
    out.push_str(
        "| what | a second | p50 ms | p99 ms | decisions a second | p50 ms | p99 ms | CPU ms a cycle |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for row in rows {
        let own = if row.has("/cycles") { "/cycles" } else { "" };
        let value = |path: &str, digits| row.shown(path, digits);
        let _ = writeln!(
            out,
            "| {} | {} {} | {} | {} | {} | {} | {} | {} |",
            row.what,
            value(&format!("{own}/rate"), 0),
            row.spread(&format!("{own}/rate")),
            value(&format!("{own}/p50_ms"), 3),
            value(&format!("{own}/p99_ms"), 3),
            value(DECISIONS, 0),
            value(DECISION_P50, 3),
            value("/decisions/p99_ms", 3),
            if row.median("/cpu_ms").is_some_and(|ms| ms > 0.0) {
                value("/cpu_ms", 2)
            } else {
                String::new()
            },
        );
    }
    limits(&mut out, rows);
    memory(&mut out, measured);
    if let Err(why) = &measured.peer {
        let _ = writeln!(out, "\nprivacyIDEA was not measured: {why}.");
    }
    out
}

fn limits(out: &mut String, rows: &[Row]) {
    out.push_str("\n| ratio, median of the rounds | measured | limit | |\n|---|--:|--:|---|\n");
    for Limit { what, of, to, goal, is_most } in LIMITS {
        let word = if *is_most { "at most" } else { "at least" };
        let find = |id: &str| rows.iter().find(|row| row.id == id);
        let ratio = find(of.0).zip(find(to.0)).and_then(|(a, b)| ratio(a, of.1, b, to.1));
        let (ratio, verdict) = match ratio {
            Some(ratio) => {
                let holds = if *is_most { ratio <= *goal } else { ratio >= *goal };
                (format!("{ratio:.2}"), if holds { "holds" } else { "missed" })
            }
            None => ("-".into(), "not measured"),
        };
        let _ = writeln!(out, "| {what} | {ratio} | {word} {goal} | {verdict} |");
    }
    for (what, of, to) in CEILINGS {
        let find = |id: &str| rows.iter().find(|row| row.id == id);
        if let Some(ratio) = find(of).zip(find(to)).and_then(|(a, b)| ratio(a, "/rate", b, "/rate"))
        {
            let _ = writeln!(out, "| {what} | {ratio:.2} | | a ceiling |");
        }
    }
}

fn memory(out: &mut String, measured: &Measured) {
    let mb = |bytes: f64| format!("{:.0} MB", bytes / 1e6);
    if let Some(bytes) = measured.serve_memory {
        let _ = writeln!(
            out,
            "\n`pushback serve` held {} after the last round (100,000 subscribers in SQLite).",
            mb(bytes as f64)
        );
    }
    let most = measured.rows.iter().filter_map(|row| row.median("/rss_bytes"));
    if let Some(bytes) = most.max_by(f64::total_cmp) {
        let _ = writeln!(
            out,
            "The measuring process, with every service of the table and all phones in it, held {}.",
            mb(bytes)
        );
    }
    let filled: Vec<String> =
        measured.filled.iter().map(|(name, s)| format!("{name} {s:.0} s")).collect();
    let _ = writeln!(out, "Filling took: {}.", filled.join(", "));
}

/// The median of the quotients, each of two things in the same round.
fn ratio(of: &Row, of_value: &str, to: &Row, to_value: &str) -> Option<f64> {
    let pairs = of.values(of_value).into_iter().zip(to.values(to_value));
    middle(pairs.map(|(of, to)| of / to.max(f64::MIN_POSITIVE)).collect())
}

impl Row {
    fn values(&self, path: &str) -> Vec<f64> {
        self.rounds.iter().filter_map(|seen| seen.pointer(path).and_then(Value::as_f64)).collect()
    }

    fn has(&self, path: &str) -> bool {
        self.rounds.first().is_some_and(|seen| seen.pointer(path).is_some())
    }

    fn median(&self, path: &str) -> Option<f64> {
        middle(self.values(path))
    }

    fn shown(&self, path: &str, digits: usize) -> String {
        self.median(path).map_or_else(String::new, |value| number(value, digits))
    }

    fn spread(&self, path: &str) -> String {
        let values = self.values(path);
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(0.0, f64::max);
        format!("({} to {})", number(least, 0), number(most, 0))
    }
}

/// Few things a second need digits behind the point.
fn number(value: f64, digits: usize) -> String {
    let digits = if value < 10.0 { digits.max(2) } else { digits };
    format!("{value:.digits$}")
}

fn middle(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// One measurement in a few words, for who watches.
pub fn short(seen: &Value) -> String {
    let value = |path: &str| seen.pointer(path).and_then(Value::as_f64);
    let rate = value(CYCLES).or_else(|| value("/rate")).unwrap_or_default();
    let p50 = value("/cycles/p50_ms").or_else(|| value("/p50_ms")).unwrap_or_default();
    format!("{rate:>9.1} a second, p50 {p50:.3} ms")
}
