//! Prompt bombing played against four second factors, with the same attackers and the same people.
//!
//! [`play`] runs campaigns of one pattern against one factor. Three factors are modelled by what a
//! phone shows (a bare approval, a choice of three numbers, a number of two digits to type); the
//! fourth is Pushback itself: the real rules decide, and the model only plays the people.
//!
//! How people react comes from published rates where there are any and from labelled assumptions
//! where there are none; both stand in [`Humans`]. The seed draws attackers and people before the
//! factor is known, so that every factor meets the same ones.

mod attackers;
mod humans;
mod pushback;
#[cfg(test)]
mod tests;
mod victim;

pub use self::attackers::Attack;
pub use self::humans::Humans;

use self::victim::Victim;
use crate::rng::mix;

/// What a phone asks of its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Factor {
    /// "Approve" or "Deny".
    Plain,
    /// Tap the one of three numbers that the sign-in screen shows.
    PickOne,
    /// Type the two digits that the sign-in screen shows.
    TwoDigits,
    /// Six digits typed, a budget, known devices, evidence: the real rules.
    Pushback,
}

impl Factor {
    /// Every factor, in the order of the columns.
    pub const ALL: [Self; 4] = [Self::Plain, Self::PickOne, Self::TwoDigits, Self::Pushback];

    /// The name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain push",
            Self::PickOne => "1 of 3",
            Self::TwoDigits => "2 digits",
            Self::Pushback => "Pushback",
        }
    }
}

/// What campaigns came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Played {
    /// Campaigns.
    pub campaigns: u64,
    /// Campaigns in which somebody was let in who is not the owner.
    pub broken_into: u64,
    /// Days of victims, summed.
    pub victim_days: u64,
    /// Rings that attackers caused.
    pub rings: u64,
    /// The most rings that one victim had on one day.
    pub rings_max: u64,
    /// Sign-ins that owners began.
    pub own: u64,
    /// Of those, the ones that came to nothing.
    pub own_lost: u64,
}

impl Played {
    /// Rings for a victim and day; zero if there were no days.
    #[must_use]
    pub fn rings_a_day(&self) -> f64 {
        self.rings as f64 / (self.victim_days.max(1)) as f64
    }
}

/// Plays campaigns of one pattern against one factor.
#[must_use]
pub fn play(attack: Attack, factor: Factor, humans: &Humans, seed: u64, campaigns: u32) -> Played {
    let mut played = Played::default();
    for number in 0..u64::from(campaigns) {
        let campaign = mix(&[seed, attack as u64, number]);
        played.campaigns += 1;
        let mut is_broken_into = false;
        for account in 0..attack.accounts() {
            let mut victim = Victim::new(mix(&[campaign, account]), humans, factor);
            let plan = attackers::plan(attack, campaign, account);
            victim.live(&plan);
            is_broken_into |= victim.is_broken_into;
            played.victim_days += plan.days;
            played.own += victim.own;
            played.own_lost += victim.own_lost;
            played.rings += victim.rings.iter().sum::<u64>();
            let most = victim.rings.iter().copied().max().unwrap_or(0);
            played.rings_max = played.rings_max.max(most);
        }
        played.broken_into += u64::from(is_broken_into);
    }
    played
}
