//! The page `docs/reference/efficacy.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use pushback_sim::{Figures as Row, Score, Vendor};

use super::{Args, Figures};

/// Renders the tables as Markdown.
pub fn render(
    args: &Args,
    results: &BTreeMap<Vendor, Figures>,
    variants: &[(&'static str, Score)],
) -> String {
    let mut text = String::from(
        "# Efficacy\n\n\
         What a scan finds of simulated attacks, and what published rules find on the same logs. Made by:\n\n",
    );
    let seeds: Vec<String> = args.seeds.iter().map(u64::to_string).collect();
    let vendors: Vec<&str> = args.vendors.iter().map(|vendor| vendor.name()).collect();
    // Writing to a String cannot fail, so the results of `write!` carry nothing.
    let _ = writeln!(
        text,
        "```sh\ncargo xtask bench efficacy --seeds {} --vendors {} --people {} --days {}{}{}\n```\n",
        seeds.join(","),
        vendors.join(","),
        args.people,
        args.days,
        if args.no_cuts { " --no-cuts" } else { "" },
        if args.sensitivity { " --sensitivity" } else { "" }
    );
    text.push_str(
        "The worlds are described in [simulator.md](simulator.md); all rates in them are assumptions. \
         Weights are calibrated on seeds 1 to 50, these are other seeds. *Campaigns*: at least one \
         incident for one target. *Approvals*: called `approved` or `foothold`. *Footholds*: takeovers \
         without an approval (help-desk reset, dormant account) called `foothold`. *After*: later actions \
         of the attacker listed in `after_approval`. *In time*: approvals with unanswered prompts before \
         them whose incident was already there when the log ended one millisecond before the approval. \
         *False*: incidents that belong to no attack, for 1,000 person-days; alerts of a rule on one \
         person within an hour count once.\n",
    );
    for (vendor, figures) in results {
        let _ = writeln!(text, "\n## {vendor}\n");
        text.push_str("| who | campaigns | approvals | in time | after | false alarms | false exposed |\n|---|--:|--:|--:|--:|--:|--:|\n");
        if !args.rules_only {
            line(&mut text, "**Pushback**", &figures.pushback);
        }
        for (title, score) in &figures.rules {
            line(&mut text, title, score);
        }
        line(&mut text, "all these rules together", &figures.union);
        if !args.rules_only {
            text.push_str("\nPushback by pattern:\n\n");
            patterns(&mut text, &figures.pushback);
        }
    }
    if !args.rules_only {
        let mut all = Score::default();
        for figures in results.values() {
            all.merge(&figures.pushback);
        }
        text.push_str("\n## All together\n\n");
        patterns(&mut text, &all);
        let _ = writeln!(
            text,
            "\nFalse alarms {:.2} and false `exposed` {:.2} for 1,000 person-days ({:.0} person-days).",
            all.false_alarm_rate(),
            all.false_exposed_rate(),
            all.person_days
        );
        if !variants.is_empty() {
            sensitivity(&mut text, &all, variants);
        }
    }
    text
}

fn line(text: &mut String, who: &str, score: &Score) {
    let total = score.total();
    let _ = writeln!(
        text,
        "| {who} | {} | {} | {} | {} | {:.2} | {:.2} |",
        total.campaigns,
        total.approvals,
        total.in_time,
        total.after,
        score.false_alarm_rate(),
        score.false_exposed_rate()
    );
}

fn patterns(text: &mut String, score: &Score) {
    text.push_str("| pattern | campaigns | targets | approvals | footholds | in time | after |\n|---|--:|--:|--:|--:|--:|--:|\n");
    let total = score.total();
    let rows = score.patterns.iter().map(|(pattern, row)| (pattern.name(), *row));
    for (name, row) in rows.chain([("**all**", total)]) {
        let Row { campaigns, targets, approvals, footholds, after, in_time } = row;
        let _ = writeln!(
            text,
            "| {name} | {campaigns} | {targets} | {approvals} | {footholds} | {in_time} | {after} |"
        );
    }
}

fn sensitivity(text: &mut String, base: &Score, variants: &[(&'static str, Score)]) {
    text.push_str(
        "\n## Sensitivity\n\nOne assumption changed at a time, first seed only, all vendors together.\n\n\
         | assumption | campaigns | approvals | in time | after | false alarms | false exposed |\n|---|--:|--:|--:|--:|--:|--:|\n",
    );
    line(text, "as assumed (all seeds)", base);
    for (name, score) in variants {
        line(text, name, score);
    }
}
