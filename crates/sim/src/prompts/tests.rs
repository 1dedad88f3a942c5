//! The laws in a few seconds; `cargo xtask bench laws` asks a million person-days.

use super::*;

fn live_well(seed: u64, settings: &LawSettings) -> Tally {
    match check_world(seed, settings) {
        Ok(tally) => tally,
        Err(broken) => {
            let broken = shrink(&broken);
            panic!(
                "seed {seed}: {} at {}: {}\n{}",
                broken.law.name(),
                broken.at,
                broken.what,
                broken.replay.join("\n")
            )
        }
    }
}

#[test]
fn every_law_holds_in_every_weather() {
    let settings = LawSettings { days: 8, ..LawSettings::default() };
    let mut total = Tally::default();
    for seed in 0..24 {
        total.merge(&live_well(seed, &settings));
    }
    println!("{total:#?}");
}

#[test]
fn the_same_seed_lives_the_same_world() {
    let settings = LawSettings { days: 3, ..LawSettings::default() };
    assert_eq!(live_well(7, &settings), live_well(7, &settings));
}

#[test]
fn every_law_holds_with_any_one_fault_at_any_step() {
    match check_every_fault(97, BudgetRule::default()) {
        Ok(tally) => println!("{tally:#?}"),
        Err(broken) => {
            panic!("{}: {}\n{}", broken.law.name(), broken.what, broken.replay.join("\n"))
        }
    }
}
