//! Prompt bombing against four second factors, side by side.

mod page;

use std::fs;

use anyhow::{Context as _, ensure};
use pushback_sim::prompts::bombing::{Attack, Factor, Humans, Played, play};

use crate::run as programs;

/// Options of the measurement.
#[derive(clap::Args)]
pub struct Args {
    /// Campaigns of each pattern; a spray of 200 accounts counts as ten
    #[arg(long, default_value_t = 2_000)]
    campaigns: u32,
    /// The seed of attackers and people
    #[arg(long, default_value_t = 301)]
    seed: u64,
    /// Print the tables but leave docs/reference/bombing.md alone
    #[arg(long)]
    no_page: bool,
}

/// One pattern against every factor, in the order of [`Factor::ALL`].
struct Row {
    attack: Attack,
    played: [Played; 4],
}

/// One way to vary the people, and what it comes to.
struct Variant {
    name: &'static str,
    rows: Vec<Row>,
}

/// Plays the campaigns, prints the tables and writes the page.
///
/// # Errors
/// If no campaigns are wanted or the page cannot be written.
pub fn run(args: &Args) -> anyhow::Result<()> {
    ensure!(args.campaigns > 0, "no campaigns to play");
    let base = Humans::default();
    let rows = rows(args, &base, &Attack::ALL);
    // Those where people are the door: blind approvals, a caller, a relay.
    let some = [Attack::ShortTry, Attack::Burst, Attack::PhoneCall, Attack::RelayPage];
    let people = [
        ("everybody is fooled half as easily", base.more_easily_fooled(0.5)),
        ("everybody is fooled twice as easily", base.more_easily_fooled(2.0)),
        (
            "the line \u{201c}we never call\u{201d} stops every second caller",
            Humans { caller_survives_the_line: 0.5, ..base.clone() },
        ),
        ("nobody reports", Humans { report: 0.0, ..base.clone() }),
        ("owners report five times as often", Humans { report: 0.15, ..base.clone() }),
        ("nobody has a passkey", Humans { has_passkey: 0.0, ..base.clone() }),
        ("everybody has a passkey", Humans { has_passkey: 1.0, ..base }),
    ];
    let variants: Vec<Variant> = people
        .into_iter()
        .map(|(name, humans)| Variant { name, rows: self::rows(args, &humans, &some) })
        .collect();
    let text = page::render(args, &rows, &variants);
    println!("{text}");
    if !args.no_page {
        let path = programs::root().join("docs/reference/bombing.md");
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn rows(args: &Args, humans: &Humans, attacks: &[Attack]) -> Vec<Row> {
    attacks
        .iter()
        .map(|attack| {
            eprintln!("{}", attack.name());
            let campaigns = match attack {
                Attack::Spray => args.campaigns.div_ceil(10),
                _ => args.campaigns,
            };
            let against = |factor| play(*attack, factor, humans, args.seed, campaigns);
            Row { attack: *attack, played: Factor::ALL.map(against) }
        })
        .collect()
}
