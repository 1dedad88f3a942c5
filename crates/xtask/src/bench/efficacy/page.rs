//! The page `docs/reference/efficacy.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use pushback_sim::{Figures as Row, ORDINARY_LIFE, Score, Vendor};

use super::{Args, Figures};

/// What the columns mean and what the worlds assume.
const METHOD: &str = "\
Calibration (`cargo xtask bench calibrate`) sees seeds 1 to 50; these are other seeds. At the defaults a \
world holds 400 people over 14 days, 80 campaigns of the fifteen patterns and 110 innocent look-alikes. \
A third of the attackers sit on home networks in the victim's own country with an ordinary browser; \
owners travel, change phones, miss their own prompts and sign in from cafés. All rates are assumptions, \
listed with their sources in [simulator.md](simulator.md). The built program scans the logs as a user \
would; nothing but the files reaches it.

- *Campaigns*: at least one incident for one target, overlapping the attack.
- *Approvals*: the approval's target has an incident called `approved` or `foothold`. Approvals are drawn \
far oftener than in life, so that there are enough to judge.
- *Footholds*: takeovers without an approval (help-desk reset, dormant account) called `foothold`.
- *After*: the attacker's later actions, one by one, that stand in `after_approval`.
- *In time*: for every approval with an unanswered prompt before it, the log is cut one millisecond \
before the approval and scanned anew. Only what is found in the cut log counts; hindsight does not.
- *False*: incidents that belong to no attack, for 1,000 person-days; *alarms* are `bombing` and above.
";

/// Read together with the figures, which are drawn anew each time.
const WEAKEST: &str = "
## What is weakest, and why

- **A relay page (C8), above all where no network is named (PingID).** One prompt, approved by its \
owner, with the owner's browser passed on. PingID logs an address and nothing about it, so a relay \
looks like a home line with a new lease. Okta and Duo log where the phone was, which tells it from \
the relay, unless the relay sits in the owner's own city.
- **One prompt approved at once (C1, C7, C12) from near the owner.** A new network and a new browser \
together are also what a new laptop in a café looks like. Without a second sign (the phone far away, \
the owner active elsewhere, a lasting change) it stays below `approved`, on purpose.
- **The first days of a log.** Who has no habits yet has nothing to be strange against: give a scan \
as much history as there is.
- **The owner's city, provider and browser (Duo above all).** Duo names no provider and no version of \
the system: a stranger around the corner with the same browser shows only by what is changed after.
- **False alarms come in kinds**, see the table of innocents: a client with an old password is told \
from a patient attacker by its clock and its past alone, a newcomer's first enrolment from a \
stranger's on a dormant account by the network alone, and an owner who sets up a new laptop in a \
place of which nothing is known looks like a stranger who makes sure.

The rates of reaction (who approves, who reports) are the assumption with the least behind it. \
Patterns that the simulator does not know are not measured at all, and neither is what it takes for \
granted about a vendor's records: logs of an organisation that is set up otherwise are found out less \
well at first ([decision 0007](../design/decisions/0007-calibration.md)).
";

/// Seeds whose misses were read while the rules were made. Whoever reads those of others adds them.
const READ: [std::ops::RangeInclusive<u64>; 6] =
    [101..=104, 201..=204, 301..=303, 501..=504, 1101..=1102, 1301..=1302];

/// Whether the figures are of worlds that the rules were made on.
fn honesty(seeds: &[u64]) -> String {
    let is_read = |seed: &u64| READ.iter().any(|range| range.contains(seed));
    let read = READ.map(|range| format!("{} to {}", range.start(), range.end())).join(", ");
    if seeds.iter().any(is_read) {
        format!(
            "Misses on some of these seeds were read while the rules were made ({read}): expect a \
             little less of others."
        )
    } else {
        format!(
            "These seeds were measured once the rules were made, and nobody has read what was missed \
             on them; the rules were made on seeds {read}."
        )
    }
}

/// Renders the tables as Markdown.
pub fn render(
    args: &Args,
    results: &BTreeMap<Vendor, Figures>,
    variants: &[(&'static str, Score)],
) -> String {
    let mut text = String::from(
        "# Efficacy\n\n\
         What a scan finds of simulated attacks, and what published rules find on the same logs. Nobody \
         publishes real logs of prompt bombing with the truth beside them, so the figures are as good as \
         the simulator: read them as \"under these assumptions\", and see [sensitivity](#sensitivity) for \
         how much they lean on each.\n\n\
         ## How it is measured\n\n",
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
    text.push_str(METHOD);
    let _ = writeln!(text, "\n{}", honesty(&args.seeds));
    if !args.rules_only {
        let mut all = Score::default();
        results.values().for_each(|figures| all.merge(&figures.pushback));
        summary(&mut text, results, &all);
        text.push_str("\n## By pattern\n\nAll vendors together.\n\n");
        patterns(&mut text, &all);
        innocent(&mut text, &all);
        text.push_str(WEAKEST);
        if !variants.is_empty() {
            sensitivity(&mut text, &all, variants);
        }
    }
    text.push_str(
        "\n## Beside published rules\n\n\
         Every rule reads the same records, restated from its published text (the list with sources is \
         `crates/xtask/src/bench/efficacy/rules.rs`). Alerts of one rule on one person within an hour \
         count once. A rule that never fires on an engine's records is listed all the same: several were \
         written for records that the engine does not write.\n",
    );
    for (vendor, figures) in results {
        let _ = writeln!(text, "\n### {vendor}\n");
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

/// One row a vendor.
fn summary(text: &mut String, results: &BTreeMap<Vendor, Figures>, all: &Score) {
    let _ = writeln!(
        text,
        "\n## Result\n\n{:.0} person-days. Wanted: 98 % of campaigns, 97 % of approvals, 90 % in time, \
         95 % of later actions, at most 0.2 false alarms and 2 false `exposed`.\n",
        all.person_days
    );
    text.push_str("| vendor | campaigns | approvals | in time | after | false alarms | false exposed |\n|---|--:|--:|--:|--:|--:|--:|\n");
    for (vendor, figures) in results {
        line(text, vendor.name(), &figures.pushback);
    }
    let mut well_told = Score::default();
    results
        .iter()
        .filter(|(vendor, _)| **vendor != Vendor::PingId)
        .for_each(|(_, figures)| well_told.merge(&figures.pushback));
    line(text, "**all but pingid**", &well_told);
    line(text, "**all**", all);
    text.push_str("\nPingID logs an address and nothing about it: neither provider nor place.\n");
}

/// What was raised about innocent people.
fn innocent(text: &mut String, score: &Score) {
    text.push_str(
        "\n## Innocent look-alikes\n\nHow many there were, and what was raised without cause about the \
         people concerned around that time.\n\n\
         | look-alike | how many | false alarms | false exposed |\n|---|--:|--:|--:|\n",
    );
    for (name, row) in &score.innocent {
        let of = if *name == ORDINARY_LIFE { "-".to_owned() } else { row.of.to_string() };
        let _ = writeln!(text, "| {name} | {of} | {} | {} |", row.false_alarms, row.false_exposed);
    }
}

fn sensitivity(text: &mut String, base: &Score, variants: &[(&'static str, Score)]) {
    text.push_str(
        "\n## Sensitivity\n\nOne assumption changed at a time, first seed only, all vendors together, without the cut logs.\n\n\
         | assumption | campaigns | approvals | in time | after | false alarms | false exposed |\n|---|--:|--:|--:|--:|--:|--:|\n",
    );
    line(text, "as assumed (all seeds)", base);
    for (name, score) in variants {
        line(text, name, score);
    }
}
