//! What attackers plan, before they know the factor.

use pushback_verify::Requester;

use crate::prompts::people::requester;
use crate::rng::Rng;

/// The patterns that ring a phone or get past it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attack {
    /// No attack: what owners lose anyway.
    Nothing,
    /// C1: one to five prompts within minutes.
    ShortTry,
    /// C2: dozens within 20 minutes.
    Burst,
    /// C3: one a minute between midnight and four.
    Night,
    /// C4: one or two a day for ten days, from changing home networks.
    LowAndSlow,
    /// C5: prompts, then a call that reads the code out.
    PhoneCall,
    /// C6: one or two prompts to each of 200 accounts, a new source every five accounts.
    Spray,
    /// C7: a prompt within seconds of the owner's own.
    BesideOwn,
    /// C8: a relay page passes the code on.
    RelayPage,
    /// C9: prompts of a password reset; no password is known.
    ResetFlow,
    /// C12: an insider approves for somebody else.
    Insider,
    /// C13: pushes, then voice calls where the factor has them.
    Downgrade,
}

impl Attack {
    /// Every pattern, in the order of the rows.
    pub const ALL: [Self; 12] = [
        Self::Nothing,
        Self::ShortTry,
        Self::Burst,
        Self::Night,
        Self::LowAndSlow,
        Self::PhoneCall,
        Self::Spray,
        Self::BesideOwn,
        Self::RelayPage,
        Self::ResetFlow,
        Self::Insider,
        Self::Downgrade,
    ];

    /// The name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "no attack",
            Self::ShortTry => "C1 short try",
            Self::Burst => "C2 burst",
            Self::Night => "C3 night calls",
            Self::LowAndSlow => "C4 low and slow",
            Self::PhoneCall => "C5 with a phone call",
            Self::Spray => "C6 spray of 200 accounts",
            Self::BesideOwn => "C7 beside the own sign-in",
            Self::RelayPage => "C8 relay page",
            Self::ResetFlow => "C9 reset flow",
            Self::Insider => "C12 insider",
            Self::Downgrade => "C13 downgrade to voice",
        }
    }

    /// Accounts that one campaign attacks.
    #[must_use]
    pub const fn accounts(self) -> u64 {
        match self {
            Self::Spray => 200,
            Self::Nothing
            | Self::ShortTry
            | Self::Burst
            | Self::Night
            | Self::LowAndSlow
            | Self::PhoneCall
            | Self::BesideOwn
            | Self::RelayPage
            | Self::ResetFlow
            | Self::Insider
            | Self::Downgrade => 1,
        }
    }
}

/// How an attacker asks, beyond knowing the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trick {
    /// Hopes for a tired "yes".
    Blind,
    /// Has the owner on the phone.
    Call,
    /// The owner is on the attacker's page and believes it.
    Relay,
    /// The owner helps.
    Insider,
    /// Within seconds of the owner's own prompt.
    BesideOwn,
    /// A reset of the password.
    Reset,
    /// A voice call that asks to press a key.
    Voice,
}

/// One prompt that an attacker asks for.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    /// Milliseconds since the first midnight.
    pub at: i64,
    pub trick: Trick,
    pub from: Requester,
    pub others_asked: u16,
}

/// Everything that is planned for one victim.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub days: u64,
    pub asks: Vec<Ask>,
    /// Own sign-ins, in milliseconds since the first midnight.
    pub own: Vec<i64>,
}

pub(super) const MINUTE: i64 = 60_000;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

/// A source: a third home networks of the owner's own country, a third those of another, a third
/// hosting providers, half of them in the owner's country.
fn source(rng: &mut Rng) -> Requester {
    let kind = rng.weighted(&[2.0, 2.0, 1.0, 1.0]);
    let country = usize::from(kind == 1 || kind == 3) * 3;
    let browser = if rng.chance(0.5) { "Firefox" } else { "Edge" };
    requester(country, rng.bits(), browser, kind >= 2)
}

fn home(rng: &mut Rng) -> Requester {
    let country = usize::from(rng.chance(0.5)) * 3;
    requester(country, rng.bits(), "Firefox", false)
}

pub(super) fn plan(attack: Attack, campaign: u64, account: u64) -> Plan {
    let mut rng = Rng::new(campaign, account + 1);
    // The source is the campaign's, for a spray that of five accounts.
    let mut shared = Rng::new(campaign, 0x50_0000 + account / 5);
    let from = source(&mut shared);
    let mut asks = Vec::new();
    let mut ask = |at: i64, trick, from: &Requester, others_asked| {
        asks.push(Ask { at, trick, from: from.clone(), others_asked });
    };
    let start = rng.int(8 * HOUR, 18 * HOUR);
    let days = if attack == Attack::LowAndSlow { 10 } else { 1 };
    let mut own: Vec<i64> = Vec::new();
    for day in 0..days {
        let count = rng.int(2, 6);
        own.extend((0..count).map(|_| day * DAY + rng.int(8 * HOUR, 18 * HOUR)));
    }
    own.sort_unstable();
    match attack {
        Attack::Nothing => {}
        Attack::ShortTry | Attack::ResetFlow => {
            let trick = if attack == Attack::ResetFlow { Trick::Reset } else { Trick::Blind };
            let mut at = start;
            for _ in 0..rng.int(1, 6) {
                ask(at, trick, &from, 0);
                at += rng.int(20_000, 3 * MINUTE);
            }
        }
        Attack::Burst => {
            for _ in 0..rng.int(24, 80) {
                ask(start + rng.int(0, 20 * MINUTE), Trick::Blind, &from, 0);
            }
        }
        Attack::Night => {
            let begin = rng.int(0, 2 * HOUR);
            for minute in 0..rng.int(60, 120) {
                ask(begin + minute * MINUTE, Trick::Blind, &from, 0);
            }
        }
        Attack::LowAndSlow => {
            for day in 0..days {
                for _ in 0..rng.int(1, 3) {
                    let from = home(&mut rng);
                    ask(day * DAY + rng.int(8 * HOUR, 22 * HOUR), Trick::Blind, &from, 0);
                }
            }
        }
        Attack::PhoneCall => {
            let mut at = start;
            for _ in 0..rng.int(1, 5) {
                ask(at, Trick::Blind, &from, 0);
                at += rng.int(MINUTE, 3 * MINUTE);
            }
            // On the phone, up to three tries.
            (0..3).for_each(|n| ask(at + 5 * MINUTE + n * 2 * MINUTE, Trick::Call, &from, 0));
        }
        Attack::Spray => {
            let others = u16::try_from(account % 5).unwrap_or(0);
            for n in 0..rng.int(1, 3) {
                ask(start + n * 5 * MINUTE, Trick::Blind, &from, others);
            }
        }
        Attack::BesideOwn => {
            if let Some(at) = own.first() {
                ask(at + rng.int(-3_000, 8_000), Trick::BesideOwn, &from, 0);
            }
        }
        Attack::RelayPage => {
            // Relays sit with hosting providers mostly; better ones rent a home line.
            let country = usize::from(rng.chance(0.5)) * 3;
            let is_hosting = rng.chance(0.7);
            let relay = requester(country, rng.bits(), "Firefox", is_hosting);
            ask(start, Trick::Relay, &relay, 0);
        }
        Attack::Insider => ask(start, Trick::Insider, &from, 0),
        Attack::Downgrade => {
            let mut at = start;
            for trick in [Trick::Blind, Trick::Blind, Trick::Voice, Trick::Voice, Trick::Voice] {
                ask(at, trick, &from, 0);
                at += rng.int(MINUTE, 4 * MINUTE);
            }
        }
    }
    asks.sort_by_key(|ask| ask.at);
    Plan { days: days as u64, asks, own }
}
