//! The page `docs/reference/bombing.md`.

use std::fmt::Write as _;

use pushback_sim::prompts::bombing::{Factor, Humans, Played};

use super::{Args, Row, Variant};

const METHOD: &str = "\
Attackers plan before they know the factor, and the same people sit behind every column: what differs is \
what a phone asks of its owner. The first three factors are models of what is widely used; the fourth is \
the real decision function of the prompt service with its default policy, which sees every attempt, code \
and answer. Each victim has two ordinary weeks behind them, signs in two to five times a day, nine times \
of ten from a known browser, and tries three times before a sign-in counts as lost. Half of them have a \
passkey beside the phone, which is asked for in strange places and is not always at hand.

A third of the attackers sit on a home network in the victim's own country, a third on one abroad, a \
third with a hosting provider, half of those in the victim's country; half of them imitate the victim's \
browser. A relay page (C8) sits with a hosting provider in seven of ten cases. The table of places knows \
countries and networks, not cities.

The first three factors are treated kindly: they have no limit that could lock anybody out, no owner \
denies the own prompt in the middle of a storm, and their reports are followed up as fast as Pushback's.
";

const HONEST: &str = "
## What Pushback does not stop

- **A helper beside the attacker, in the victim's country (C12).** Whoever wants to let somebody in types \
the code that they are told. What is left is the evidence: a phone and a browser far apart step up to a \
passkey, and that is all that happens here.
- **A caller who reads the code out (C5).** Six digits are as easy to read out as two. The prompt says \
where the sign-in comes from and that nobody ever calls for the code; the table gives that line no credit \
(the sensitivity below gives it some). What helps without anybody's judgement is the distance between \
phone and browser, the hosting network, and that the budget and the mute after a denial leave a caller \
fewer prompts to talk about. A caller on a home line in the victim's country gets through as with every \
other factor. A passkey cannot be read out.
- **A relay page (C8).** The victim believes the page and types the code. A relay abroad is held or asked \
for a passkey. One in the victim's own country is not, even with a hosting provider, as long as the victim \
has no passkey: a new network and a hosting network together stay below the line at which only a passkey \
gets in, since a colleague behind a new VPN looks the same. Whoever has one is asked for it on any network \
that they never used, so that no code is shown that could be passed on. Only what binds the answer to the \
site's name stops a relay: a passkey. The sensitivity below tells what it does when everybody has one.
- **C10 and C11** (a help-desk reset, a dormant account) ring no phone and are not in this table. \
`cargo xtask bench laws` plays resets, wanted and unwanted; dormant accounts it does not play.

The price is in the third table. An owner who reports and has no passkey waits until the help desk has \
restored push, and a new browser waits while a stranger's prompt is open. A known device takes the \
stranger's place at once. Whoever has a passkey and left it on another machine does not get in with a new \
browser on a new network.

In C9 an approval lets nobody in by itself: Pushback asks for two proofs of a recovery. It is counted all \
the same.
";

/// The whole page.
pub fn render(args: &Args, rows: &[Row], variants: &[Variant]) -> String {
    let mut text = String::from(
        "# Prompt bombing, played\n\n\
         How often phones ring, how often an attacker is let in, and how many of the owner's own \
         sign-ins come to nothing: twelve kinds of campaign against four second factors. Everything \
         here is simulated. Read it as \u{201c}under these assumptions\u{201d}.\n\n\
         ## How it is measured\n\n",
    );
    // Writing to a String cannot fail, so the results of `write!` carry nothing.
    let _ = writeln!(
        text,
        "```sh\ncargo xtask bench bombing --campaigns {} --seed {}\n```\n",
        args.campaigns, args.seed
    );
    text.push_str(METHOD);
    table(&mut text, "Attackers let in", LET_IN, rows, &|played| {
        share(played.broken_into, played.campaigns)
    });
    table(&mut text, "Rings for a victim and day", RINGS, rows, &|played| {
        format!("{:.2} (at most {})", played.rings_a_day(), played.rings_max)
    });
    table(&mut text, "The owner's own sign-ins lost", LOST, rows, &|played| {
        share(played.own_lost, played.own)
    });
    text.push_str(HONEST);
    humans(&mut text);
    sensitivity(&mut text, variants);
    text
}

const LET_IN: &str = "Campaigns in which at least one foreign attempt succeeded, with the 95 % interval \
                      of Wilson.";
const RINGS: &str = "Rings that attackers caused, on average, and the most that any victim had on one day. \
                     One campaign lasts a day, C4 ten. The budget of Pushback is 3 in 10 minutes, 5 an \
                     hour, 10 a day.";
const LOST: &str = "Of all own sign-ins on the days of the campaign, those that failed three times, with the \
                    95 % interval of Wilson. The first row is what is lost without any attack.";

fn table(
    text: &mut String,
    title: &str,
    about: &str,
    rows: &[Row],
    cell: &dyn Fn(&Played) -> String,
) {
    let _ = writeln!(text, "\n## {title}\n\n{about}\n");
    header(text, "pattern");
    for row in rows {
        let cells: Vec<String> = row.played.iter().map(cell).collect();
        let _ = writeln!(text, "| {} | {} |", row.attack.name(), cells.join(" | "));
    }
}

fn header(text: &mut String, first: &str) {
    let names = Factor::ALL.map(Factor::name);
    let _ = writeln!(text, "| {first} | {} |\n|---|--:|--:|--:|--:|", names.join(" | "));
}

/// A share in percent with its interval.
fn share(hits: u64, of: u64) -> String {
    if of == 0 {
        return "-".to_owned();
    }
    let (low, high) = wilson(hits, of);
    let percent = hits as f64 * 100.0 / of as f64;
    format!("{percent:.1} % ({:.1}–{:.1})", low * 100.0, high * 100.0)
}

/// The 95 % interval of a share (Wilson, 1927).
fn wilson(hits: u64, of: u64) -> (f64, f64) {
    // The 97.5 % point of the normal distribution.
    let z = 1.959_964;
    let (n, p) = (of as f64, hits as f64 / of as f64);
    let middle = p + z * z / (2.0 * n);
    let half = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z * z / n;
    (((middle - half) / scale).max(0.0), ((middle + half) / scale).min(1.0))
}

fn humans(text: &mut String) {
    let h = Humans::default();
    let rows: [(&str, f64, &str); 15] = [
        (
            "approves the first unexpected prompt",
            h.first_approval,
            "about 1 %: Microsoft, \u{201c}Defend your users from MFA fatigue attacks\u{201d}, September 2022",
        ),
        (
            "each further prompt adds, as a share of the first",
            h.growth,
            "fitted to Talos, June 2024: of 15,000 push attacks, mostly of 1 to 5 pushes, 5 % were accepted",
        ),
        ("one prompt is approved at most with", h.approval_max, "assumption"),
        ("denies", h.deny, "assumption; most people ignore"),
        ("denies and reports", h.report, "assumption"),
        ("approves nothing blindly after a denial", h.firm_after_denial, "assumption"),
        (
            "picks up and does what a caller says",
            h.caller_convinces,
            "assumption; nobody publishes a rate",
        ),
        (
            "of those, is not stopped by the line \u{201c}we never call\u{201d}",
            h.caller_survives_the_line,
            "assumption: no credit",
        ),
        ("goes on with the second factor on a relay page", h.relay_convinces, "assumption"),
        (
            "answers an extra prompt beside an own one",
            h.approves_both,
            "assumption; \u{201c}with high likelihood\u{201d} (Prakash and others, EuroS&P 2021)",
        ),
        ("wakes up at night", h.wakes_up, "assumption"),
        ("misses an own prompt once", h.misses_own, "assumption"),
        ("has a passkey too", h.has_passkey, "assumption"),
        (
            "of own sign-ins with a browser that is not known: from a network never used",
            h.elsewhere,
            "assumption",
        ),
        ("has the passkey at hand where it is asked for", h.passkey_at_hand, "assumption"),
    ];
    text.push_str("\n## The people\n\n| what | rate | source |\n|---|--:|---|\n");
    for (what, rate, source) in rows {
        let _ = writeln!(text, "| {what} | {rate:.2} | {source} |");
    }
    text.push_str(
        "\nA blind \u{201c}yes\u{201d} succeeds always on a bare prompt, one time in three on a choice of three, one \
         time in 100 with two digits typed at random, and one time in a million with six. A voice call (C13) asks to press a key, \
         whatever number matching the app has; Pushback has no such way in.\n",
    );
}

fn sensitivity(text: &mut String, variants: &[Variant]) {
    text.push_str(
        "\n## Sensitivity\n\nAttackers let in when the people are others. Rates of being fooled (approving, \
         believing a caller or a page, answering both prompts) are halved and doubled together.\n",
    );
    for variant in variants {
        let _ = writeln!(text, "\n### If {}\n", variant.name);
        header(text, "pattern");
        for row in &variant.rows {
            let cells: Vec<String> = row
                .played
                .iter()
                .map(|played| share(played.broken_into, played.campaigns))
                .collect();
            let _ = writeln!(text, "| {} | {} |", row.attack.name(), cells.join(" | "));
        }
    }
    text.push_str(
        "\nThe order of the factors does not depend on the rates: a code that only the right screen shows turns \
         blind approval into chance, and nothing that is typed stops a helper or a believer. How much the \
         budget spares a phone depends on no rate at all.\n",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_holds_its_share_and_stays_between_none_and_all() {
        assert_eq!(wilson(0, 10).0, 0.0);
        assert!(wilson(0, 10).1 > 0.2);
        assert!((wilson(10, 10).1 - 1.0).abs() < 1e-12);
        // Textbook: 10 of 100 gives 5.5 to 17.4 %.
        let (low, high) = wilson(10, 100);
        assert!((low - 0.0552).abs() < 0.0005 && (high - 0.1744).abs() < 0.0005);
    }
}
