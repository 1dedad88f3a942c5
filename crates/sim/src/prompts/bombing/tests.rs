//! The figures on the page rest on these.

use super::*;

#[test]
fn every_factor_meets_the_same_campaigns() {
    let humans = Humans::default();
    for attack in Attack::ALL.into_iter().filter(|a| *a != Attack::Spray) {
        let played = Factor::ALL.map(|factor| play(attack, factor, &humans, 7, 40));
        for one in &played {
            assert_eq!((one.own, one.victim_days), (played[0].own, played[0].victim_days));
        }
    }
}

#[test]
fn no_victim_of_a_burst_hears_more_than_the_budget_from_pushback() {
    let humans = Humans::default();
    let budgeted = play(Attack::Burst, Factor::Pushback, &humans, 3, 200);
    let plain = play(Attack::Burst, Factor::Plain, &humans, 3, 200);
    assert!(budgeted.rings_max <= 10, "{budgeted:?}");
    assert!(plain.rings_max > 20, "{plain:?}");
}

#[test]
fn blind_approval_gets_through_a_bare_prompt_and_not_through_a_code() {
    let humans = Humans::default();
    let [plain, _, _, pushback] =
        Factor::ALL.map(|factor| play(Attack::Burst, factor, &humans, 3, 200));
    assert!(plain.broken_into > 20, "{plain:?}");
    assert_eq!(pushback.broken_into, 0, "{pushback:?}");
}

#[test]
fn talos_five_percent_of_short_tries_are_approved_on_a_bare_prompt() {
    let played = play(Attack::ShortTry, Factor::Plain, &Humans::default(), 11, 4_000);
    let share = played.broken_into as f64 / played.campaigns as f64;
    assert!((0.035..0.065).contains(&share), "{share}");
}

#[test]
fn whoever_relays_the_code_from_a_near_home_line_gets_in_everywhere() {
    let humans = Humans::default();
    for attack in [Attack::RelayPage, Attack::Insider, Attack::PhoneCall] {
        for factor in Factor::ALL {
            let played = play(attack, factor, &humans, 5, 300);
            assert!(played.broken_into > 0, "{attack:?} {factor:?}");
        }
    }
}

#[test]
fn the_same_seed_plays_the_same() {
    let humans = Humans::default();
    let play = || play(Attack::LowAndSlow, Factor::Pushback, &humans, 5, 20);
    assert_eq!(play(), play());
}
