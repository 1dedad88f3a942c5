//! One victim: what rings, what they do about it, and who gets in.

use std::collections::BTreeMap;

use super::attackers::{Ask, DAY, HOUR, MINUTE, Plan, Trick};
use super::pushback::{Answered, Service, Started, Whence};
use super::{Factor, Humans};
use crate::rng::Rng;

/// What happens to a victim next.
#[derive(Clone, Debug)]
enum Next {
    /// The attacker asks.
    Ask(usize),
    /// The owner signs in; with this many tries before.
    Own { tries: u8 },
    /// The owner answers the attacker's prompt.
    React { ask: usize, number: u64 },
    /// The owner types the code of their own sign-in.
    TypeOwn { tries: u8 },
    /// The reviewer has dealt with a report: the password is changed.
    CleanedUp,
}

/// What one person goes through.
pub(super) struct Victim<'h> {
    humans: &'h Humans,
    factor: Factor,
    rng: Rng,
    service: Option<Service>,
    queue: BTreeMap<(i64, u64), Next>,
    seq: u64,
    /// Attackers' rings so far.
    heard: u64,
    is_firm: bool,
    is_over: bool,
    /// The attacker's attempt whose prompt is open, by the number of the ask.
    is_convinced: bool,
    /// Whether a stranger was let in.
    pub is_broken_into: bool,
    /// Attackers' rings, by day.
    pub rings: Vec<u64>,
    /// Own sign-ins begun.
    pub own: u64,
    /// Own sign-ins that came to nothing.
    pub own_lost: u64,
}

impl<'h> Victim<'h> {
    pub fn new(seed: u64, humans: &'h Humans, factor: Factor) -> Self {
        let mut rng = Rng::new(seed, 9);
        let has_passkey = rng.chance(humans.has_passkey);
        let service = match factor {
            Factor::Pushback => Service::settled(seed, has_passkey),
            Factor::Plain | Factor::PickOne | Factor::TwoDigits => None,
        };
        let convinces = humans.caller_convinces;
        Self {
            is_convinced: rng.chance(convinces),
            humans,
            factor,
            rng,
            service,
            queue: BTreeMap::new(),
            seq: 0,
            heard: 0,
            is_firm: false,
            is_over: false,
            is_broken_into: false,
            rings: Vec::new(),
            own: 0,
            own_lost: 0,
        }
    }

    fn at(&mut self, at: i64, next: Next) {
        self.seq += 1;
        self.queue.insert((at, self.seq), next);
    }

    pub fn live(&mut self, plan: &Plan) {
        self.rings = vec![0; plan.days as usize + 1];
        for (number, ask) in plan.asks.iter().enumerate() {
            self.at(ask.at, Next::Ask(number));
        }
        for at in &plan.own {
            self.own += 1;
            self.at(*at, Next::Own { tries: 0 });
        }
        while let Some(((at, _), next)) = self.queue.pop_first() {
            match next {
                Next::Ask(number) => {
                    if let Some(ask) = plan.asks.get(number) {
                        self.asked(at, number, ask);
                    }
                }
                Next::Own { tries } => self.own_begins(at, tries),
                Next::React { ask: number, number: heard } => {
                    if let Some(ask) = plan.asks.get(number) {
                        self.reacts(at, number, heard, ask.trick);
                    }
                }
                Next::TypeOwn { tries } => self.types_own(at, tries),
                Next::CleanedUp => {
                    self.is_over = true;
                    if let Some(service) = &mut self.service {
                        service.clean_up(at);
                    }
                }
            }
        }
    }

    fn rang(&mut self, at: i64) -> u64 {
        self.heard += 1;
        if let Some(day) = self.rings.get_mut((at.max(0) / DAY) as usize) {
            *day += 1;
        }
        self.heard
    }

    /// The attacker asks for a prompt.
    fn asked(&mut self, at: i64, number: usize, ask: &Ask) {
        if self.is_over || self.is_broken_into {
            return;
        }
        let rings = match &mut self.service {
            // The voice call is a way that Pushback does not have; a code is guessed instead.
            Some(service) if ask.trick == Trick::Voice => {
                self.is_broken_into |= service.guess(at, &ask.from);
                return;
            }
            Some(service) => match service.start(at, number, ask) {
                Started::Rang => true,
                // A quiet prompt waits in the app for whoever is talked into opening it.
                Started::Quiet => false,
                Started::Held => return,
            },
            None => true,
        };
        let heard = if rings { self.rang(at) } else { 0 };
        let hears = rings || matches!(ask.trick, Trick::Call | Trick::Relay | Trick::Insider);
        let is_asleep = at.rem_euclid(DAY) < 6 * HOUR && !self.rng.chance(self.humans.wakes_up);
        if hears && !is_asleep {
            let pause = self.rng.int(5_000, 60_000);
            self.at(at + pause, Next::React { ask: number, number: heard });
        }
    }

    fn reacts(&mut self, at: i64, number: usize, heard: u64, trick: Trick) {
        if self.is_over || self.is_broken_into {
            return;
        }
        match trick {
            Trick::Insider => self.helps(at, number, 1.0),
            Trick::Relay => self.helps(at, number, self.humans.relay_convinces),
            Trick::Call if self.is_convinced => {
                let survives = match self.factor {
                    Factor::Pushback => self.humans.caller_survives_the_line,
                    Factor::Plain | Factor::PickOne | Factor::TwoDigits => 1.0,
                };
                self.helps(at, number, survives);
            }
            Trick::BesideOwn => {
                if self.rng.chance(self.humans.approves_both) {
                    self.taps_blindly(at, number);
                }
            }
            Trick::Voice => {
                // A key is pressed on a voice call: there is no number to match.
                if !self.is_firm && self.rng.chance(self.humans.approval(heard)) {
                    self.is_broken_into = true;
                }
            }
            Trick::Call | Trick::Blind | Trick::Reset => self.is_bothered(at, number, heard),
        }
    }

    /// The owner does what they are told, with the right number in hand.
    fn helps(&mut self, at: i64, number: usize, p: f64) {
        if !self.rng.chance(p) {
            return;
        }
        match &mut self.service {
            Some(service) => self.is_broken_into |= service.type_code_of(at, number),
            None => self.is_broken_into = true,
        }
    }

    /// The owner wants it gone, or gives in without knowing any number.
    fn is_bothered(&mut self, at: i64, number: usize, heard: u64) {
        let draw = self.rng.unit();
        let approval = if self.is_firm { 0.0 } else { self.humans.approval(heard) };
        let (deny, report) = (self.humans.deny, self.humans.report);
        if draw < approval {
            self.taps_blindly(at, number);
        } else if draw < approval + deny {
            self.is_firm |= self.rng.chance(self.humans.firm_after_denial);
            if let Some(service) = &mut self.service {
                service.deny(at);
            }
        } else if draw < approval + deny + report {
            self.is_firm = true;
            if let Some(service) = &mut self.service {
                service.report(at);
            }
            // Somebody reads the report and has the password changed, under every factor.
            let after = (self.rng.log_normal(2.0, 0.8) * HOUR as f64) as i64;
            self.at(at + after, Next::CleanedUp);
        }
    }

    /// Approves as far as that goes without the number on the attacker's screen.
    fn taps_blindly(&mut self, at: i64, number: usize) {
        let guess = self.rng.unit();
        let is_right = match self.factor {
            Factor::Plain => true,
            Factor::PickOne => guess < 1.0 / 3.0,
            Factor::TwoDigits => guess < 0.01,
            Factor::Pushback => {
                let typed = format!("{:06}", (guess * 1_000_000.0) as u32 % 1_000_000);
                let service = self.service.as_mut();
                service.is_some_and(|service| service.type_code(at, number, &typed))
            }
        };
        self.is_broken_into |= is_right;
    }

    /// The owner signs in: nine times of ten from a known browser.
    fn own_begins(&mut self, at: i64, tries: u8) {
        let is_known = self.rng.chance(0.9);
        let is_elsewhere = self.rng.chance(self.humans.elsewhere);
        let whence = match (is_known, is_elsewhere) {
            (true, _) => Whence::Known,
            (false, true) => Whence::Elsewhere,
            (false, false) => Whence::Home,
        };
        let has_passkey_at_hand = self.rng.chance(self.humans.passkey_at_hand);
        let misses = self.rng.chance(self.humans.misses_own);
        let pause = self.rng.int(5_000, 40_000);
        let Some(service) = &mut self.service else {
            // The prompt rings whoever else has asked; missed ones are tried again.
            if misses {
                self.again(at, tries);
            }
            return;
        };
        match service.start_own(at, whence, has_passkey_at_hand) {
            Answered::Open => {
                if misses {
                    self.again(at + 2 * MINUTE, tries);
                } else {
                    self.at(at + pause, Next::TypeOwn { tries });
                }
            }
            Answered::Success => {}
            Answered::Failed => self.again(at, tries),
        }
    }

    fn types_own(&mut self, at: i64, tries: u8) {
        let answered = self.service.as_mut().map(|service| service.type_own(at));
        match answered {
            Some(Answered::Success) | None => {}
            Some(Answered::Open | Answered::Failed) => self.again(at, tries),
        }
    }

    /// Twice more, a minute and five minutes later; then the sign-in is lost.
    fn again(&mut self, at: i64, tries: u8) {
        match tries {
            0 => self.at(at + MINUTE, Next::Own { tries: 1 }),
            1 => self.at(at + 5 * MINUTE, Next::Own { tries: 2 }),
            _ => self.own_lost += 1,
        }
    }
}
