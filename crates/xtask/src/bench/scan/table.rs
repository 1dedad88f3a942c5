//! The table of the measurement, and its page.

use std::fmt::Write as _;

use super::measure::Measured;
use super::peers::Peers;
use super::{Args, cpu_of};

/// A limit that the project sets itself.
struct Limit {
    what: &'static str,
    of: &'static str,
    by: &'static str,
    goal: f64,
    /// Whether the ratio may be at most the goal, rather than at least.
    is_most: bool,
}

const LIMITS: &[Limit] = &[
    Limit { what: "Okta scan / `wc -l`", of: "okta-1", by: "wc", goal: 3.0, is_most: true },
    Limit { what: "DuckDB / Okta scan", of: "duckdb", by: "okta-1", goal: 4.0, is_most: false },
    Limit {
        what: "simdjson / Okta scan",
        of: "simdjson-okta",
        by: "okta-1",
        goal: 0.7,
        is_most: false,
    },
    Limit { what: "simdjson / Duo scan", of: "simdjson", by: "duo-1", goal: 0.7, is_most: false },
    Limit {
        what: "`.gz` scan / decompression",
        of: "gz-1",
        by: "gunzip",
        goal: 1.4,
        is_most: true,
    },
    Limit {
        what: "`.gz` scan, 2 threads / decompression",
        of: "gz-2",
        by: "gunzip",
        goal: 1.4,
        is_most: true,
    },
    Limit { what: "2 threads / 1 thread", of: "okta-2", by: "okta-1", goal: 1.1, is_most: true },
];

/// What the fastest parser we know comes to, which takes the members and does nothing with them: the
/// CPU time of all of the first together by that of the second.
struct Ceiling {
    what: &'static str,
    of: &'static [&'static str],
    by: &'static str,
}

const CEILINGS: &[Ceiling] = &[
    Ceiling { what: "simdjson, Okta / `wc -l`", of: &["simdjson-okta"], by: "wc" },
    Ceiling { what: "DuckDB / simdjson, Okta", of: &["duckdb"], by: "simdjson-okta" },
    Ceiling {
        what: "decompression and simdjson, Okta / decompression",
        of: &["gunzip", "simdjson-okta"],
        by: "gunzip",
    },
];

/// The measurement as Markdown.
pub fn table(measured: &[Measured], peers: &Peers, logs: &str, args: &Args) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "Medians of {} rounds, everything in turn in each round. Logs: {logs}. CPU is user and \
         system time.\n",
        args.rounds
    );
    out.push_str(
        "| program | CPU s | least to most | wall s | memory MB |\n|---|--:|--:|--:|--:|\n",
    );
    for m in measured {
        let (least, most) = m.cpu_spread();
        let _ = writeln!(
            out,
            "| {} | {:.2} | {least:.2} to {most:.2} | {:.2} | {:.0} |",
            m.what,
            m.cpu_median(),
            m.wall_median(),
            m.memory as f64 / 1e6
        );
    }
    out.push_str("\n| ratio of CPU | measured | limit | |\n|---|--:|--:|---|\n");
    for limit in LIMITS {
        let word = if limit.is_most { "at most" } else { "at least" };
        let ratio = cpu_of(measured, limit.of).zip(cpu_of(measured, limit.by));
        let (ratio, verdict) = match ratio {
            Some((of, by)) => {
                let ratio = of / by.max(f64::MIN_POSITIVE);
                let holds = if limit.is_most { ratio <= limit.goal } else { ratio >= limit.goal };
                (format!("{ratio:.2}"), if holds { "holds" } else { "missed" })
            }
            None => ("-".into(), "not measured"),
        };
        let _ = writeln!(out, "| {} | {ratio} | {word} {} | {verdict} |", limit.what, limit.goal);
    }
    for Ceiling { what, of, by } in CEILINGS {
        let of: Option<Vec<f64>> = of.iter().map(|id| cpu_of(measured, id)).collect();
        if let Some((of, by)) = of.zip(cpu_of(measured, by)) {
            let ratio = of.iter().sum::<f64>() / by.max(f64::MIN_POSITIVE);
            let _ = writeln!(out, "| {what} | {ratio:.2} | | a ceiling |");
        }
    }
    for (name, error) in
        [("DuckDB", peers.duckdb.as_ref().err()), ("simdjson", peers.simdjson.as_ref().err())]
    {
        if let Some(error) = error {
            let _ = writeln!(out, "\n{name} could not be installed: {error:#}.");
        }
    }
    out
}
