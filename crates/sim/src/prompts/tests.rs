//! The laws in a few seconds; `cargo xtask bench laws` asks a million person-days.

use super::world::Sabotage;
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
    // Nothing was proven if nothing happened.
    assert!(total.prompts > 3_000 && total.rings_heard > 1_000 && total.conflicts > 0);
    assert!(total.foreign_successes > 0 && total.reports > 5 && total.resets > 0);
    assert!(total.known_device_starts > 1_000 && total.clock_jumps > 0);
    assert_eq!(total.faults.len(), 11, "{:?}", total.faults);
}

/// Worlds in which a law, or the words of one, once broke: a ring that a clock left behind, a
/// recovery code that was typed and not taken, rings that were dated anew.
#[test]
fn what_once_broke_a_law_does_so_no_more() {
    for seed in [1_010, 20_004, 20_113, 20_569, 21_637, 1_002_456] {
        live_well(seed, &LawSettings::default());
    }
}

/// A stranger every four hours, each time reported while the wake-up may still be waiting.
fn reports() -> Vec<Planned> {
    use super::plan::Deed;
    let ask = plan::plan(4, &LawSettings::default())
        .into_iter()
        .find_map(|act| match act.deed {
            Deed::Ask(ask) => Some(ask),
            _ => None,
        })
        .unwrap();
    let ask = plan::StrangerAsk { who: 0, countries_away: 0, is_hosting: false, ..ask };
    let deeds = (0..40).flat_map(|n| {
        let at = START + Span::hours(4 * n);
        [
            (at, Deed::Ask(ask.clone())),
            (at + Span::millis(700), Deed::Report { who: 0, by_phone: false }),
            (at + Span::hours(1), Deed::CleanUp { who: 0 }),
            (at + Span::hours(2), Deed::CleanUp { who: 0 }),
        ]
    });
    deeds.zip(1..).map(|((at, deed), no)| Planned { at, no, deed }).collect()
}

/// What breaks in one of the first worlds.
fn noticed(sabotage: Sabotage) -> Option<Box<Broken>> {
    let settings = LawSettings { days: 8, ..LawSettings::default() };
    (0..40).find_map(|seed| {
        let (acts, of_ten_thousand) = match sabotage {
            Sabotage::RingsBlindly => (reports(), 2_000),
            _ => (plan::plan(seed, &settings), plan::weather(seed)),
        };
        let faults = FaultPlan::Weather { seed, of_ten_thousand };
        live(seed, &settings, acts, faults, Some(sabotage)).err()
    })
}

#[test]
fn a_law_notices_what_is_broken_on_purpose() {
    for (sabotage, law) in [
        (Sabotage::LooseBudget, Law::Budget),
        (Sabotage::NoAudit, Law::Audited),
        (Sabotage::SendsFirst, Law::SentAfterCommit),
        (Sabotage::NoCompare, Law::Audited),
        (Sabotage::BelievesAnyCode, Law::Proof),
        (Sabotage::LosesCookie, Law::OwnerGetsIn),
        (Sabotage::RingsBlindly, Law::ReportStops),
    ] {
        assert_eq!(noticed(sabotage).map(|broken| broken.law), Some(law), "{sabotage:?}");
    }
}

/// Shrinking is tried on a law that every rule breaks: a policy that allows more than the law.
#[test]
fn what_breaks_a_law_is_told_in_a_few_lines() {
    let broken = noticed(Sabotage::LooseBudget).unwrap();
    let small = shrink(&broken);
    assert_eq!(small.law, Law::Budget);
    assert!(small.acts.len() <= 8, "{:#?}", small.replay);
}

#[test]
fn the_same_seed_lives_the_same_world() {
    let settings = LawSettings { days: 3, ..LawSettings::default() };
    assert_eq!(live_well(7, &settings), live_well(7, &settings));
}

#[test]
fn every_law_holds_with_any_one_fault_at_any_step() {
    match check_every_fault(97, BudgetRule::default()) {
        Ok(tally) => assert!(tally.worlds > 1_000, "{tally:?}"),
        Err(broken) => {
            panic!("{}: {}\n{}", broken.law.name(), broken.what, broken.replay.join("\n"))
        }
    }
}
