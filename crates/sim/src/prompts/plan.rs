//! Who will do what and when, before anything reacts to it. One seed, one plan.

use pushback_model::{Span, Timestamp};
use pushback_verify::Purpose;

use super::LawSettings;
use super::fault::ActNo;
use super::people::{Browser, START};
use crate::rng::Rng;

/// One thing that somebody sets out to do.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub at: Timestamp,
    pub no: ActNo,
    pub deed: Deed,
}

/// A cookie that a stranger sends along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cookie {
    None,
    /// The one that an earlier success gave them, if any.
    Stolen,
    /// A right one of another subscriber.
    OfAnother,
}

/// What somebody sets out to do.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    SignIn {
        who: usize,
        browser: Browser,
        rp: u8,
        is_abroad: bool,
    },
    NewPhone {
        who: usize,
    },
    OwnPasskey {
        who: usize,
    },
    OwnTotp {
        who: usize,
    },
    Machine {
        who: usize,
    },
    Ask(StrangerAsk),
    StrangerTotp {
        who: usize,
        is_phished: bool,
    },
    StrangerPasskey {
        who: usize,
    },
    Recover {
        who: usize,
        is_right: bool,
    },
    GuessBinding {
        who: usize,
    },
    /// An answer that is signed by another subscriber's phone, or with a context of its own.
    ForgeAnswer {
        who: usize,
        by_another: bool,
    },
    Report {
        who: usize,
        by_phone: bool,
    },
    PasswordChanged {
        who: usize,
    },
    Reset {
        who: usize,
        is_wanted: bool,
    },
    CallerCheck {
        who: usize,
        is_real: bool,
    },
    /// The help desk deals with what is open: incident, suspension, a document ahead of time.
    CleanUp {
        who: usize,
    },
    ClockJump {
        node: usize,
        by: Span,
    },
}

/// A stranger who knows the password asks for a prompt.
#[derive(Clone, Debug)]
pub(crate) struct StrangerAsk {
    pub who: usize,
    /// The same number is the same source.
    pub source: u64,
    /// How many countries away from the owner's home.
    pub countries_away: usize,
    pub is_hosting: bool,
    pub rp: u8,
    pub others_asked: u16,
    pub purpose: Purpose,
    /// The owner is on the phone with them.
    pub calls: bool,
    pub cancels_after_ms: Option<i64>,
    pub cookie: Cookie,
}

/// How harsh the world is: the share of steps at which something goes wrong, of 10,000.
pub(crate) fn weather(seed: u64) -> u64 {
    [0, 30, 150, 600].get((seed % 4) as usize).copied().unwrap_or_default()
}

/// Whether the nodes' clocks stay right in this world.
pub(crate) const fn is_steady(seed: u64) -> bool {
    !(seed / 4).is_multiple_of(3)
}

struct Draft {
    acts: Vec<(Timestamp, Deed)>,
    rng: Rng,
}

/// The plan of a whole world.
pub(crate) fn plan(seed: u64, settings: &LawSettings) -> Vec<Planned> {
    let mut draft = Draft { acts: Vec::new(), rng: Rng::new(seed, 0x1a75) };
    let people = settings.people as usize;
    for day in 0..settings.days {
        let midnight = START + Span::days(i64::from(day));
        for who in 0..people {
            draft.own_day(midnight, who);
            draft.desk(midnight, who);
            if draft.rng.chance(0.25) {
                draft.campaign(midnight, who);
            }
        }
        if draft.rng.chance(0.15) {
            draft.spray(midnight, people);
        }
        if !is_steady(seed) && draft.rng.chance(0.3) {
            draft.jump(midnight, settings.nodes as usize);
        }
    }
    let mut acts = draft.acts;
    acts.sort_by_key(|(at, _)| *at);
    acts.into_iter()
        // Number 0 is what belongs to no act.
        .zip(1..)
        .map(|((at, deed), no)| Planned { at, no, deed })
        .collect()
}

impl Draft {
    fn add(&mut self, at: Timestamp, deed: Deed) {
        self.acts.push((at, deed));
    }

    fn within(&mut self, from: Timestamp, span: Span) -> Timestamp {
        from + Span::millis(self.rng.int(0, span.as_millis()))
    }

    fn own_day(&mut self, midnight: Timestamp, who: usize) {
        let is_abroad = self.rng.chance(0.04);
        for _ in 0..self.rng.int(1, 6) {
            let at = self.within(midnight + Span::hours(7), Span::hours(11));
            let browser = if self.rng.chance(0.85) { Browser::Usual } else { Browser::Borrowed };
            let rp = self.rng.int(0, 4) as u8;
            self.add(at, Deed::SignIn { who, browser, rp, is_abroad });
            if self.rng.chance(0.03) {
                let second = self.within(at, Span::seconds(3));
                let deed = Deed::SignIn { who, browser, rp: rp + 1, is_abroad };
                self.add(second, deed);
            }
            if self.rng.chance(0.04) {
                // A race: the stranger asks around the very moment.
                let source = self.rng.bits();
                for _ in 0..3 {
                    let at = self.within(at - Span::seconds(4), Span::seconds(8));
                    self.ask(at, StrangerAsk { source, ..ordinary(who) });
                }
            }
        }
        let rare: [(f64, Deed); 5] = [
            (0.04, Deed::OwnPasskey { who }),
            (0.06, Deed::OwnTotp { who }),
            (0.3, Deed::Machine { who }),
            (0.01, Deed::NewPhone { who }),
            (0.004, Deed::Recover { who, is_right: true }),
        ];
        for (p, deed) in rare {
            if self.rng.chance(p) {
                let at = self.within(midnight + Span::hours(6), Span::hours(14));
                self.add(at, deed);
            }
        }
    }

    fn desk(&mut self, midnight: Timestamp, who: usize) {
        let rare: [(f64, Deed); 8] = [
            (0.006, Deed::Reset { who, is_wanted: true }),
            (0.004, Deed::Reset { who, is_wanted: false }),
            (0.012, Deed::CallerCheck { who, is_real: true }),
            (0.006, Deed::CallerCheck { who, is_real: false }),
            (0.004, Deed::Report { who, by_phone: true }),
            (0.004, Deed::Report { who, by_phone: false }),
            (0.01, Deed::PasswordChanged { who }),
            (0.5, Deed::CleanUp { who }),
        ];
        for (p, deed) in rare {
            if self.rng.chance(p) {
                let at = self.within(midnight + Span::hours(8), Span::hours(10));
                self.add(at, deed);
            }
        }
    }

    fn ask(&mut self, at: Timestamp, mut ask: StrangerAsk) {
        ask.countries_away = self.rng.weighted(&[0.5, 0.3, 0.2]);
        ask.is_hosting = self.rng.chance(0.3);
        ask.rp = self.rng.int(0, 4) as u8;
        self.add(at, Deed::Ask(ask));
    }

    fn campaign(&mut self, midnight: Timestamp, who: usize) {
        let from = self.within(midnight, Span::days(1));
        let night = self.within(midnight, Span::hours(4));
        let base = StrangerAsk { source: self.rng.bits(), ..ordinary(who) };
        match self.rng.weighted(&[0.3, 0.08, 0.06, 0.18, 0.12, 0.08, 0.04, 0.04, 0.05, 0.05]) {
            0 => self.asks(from, 1, 6, Span::minutes(2), &base),
            1 => {
                // From many sources at once, each given up when the next one starts.
                let many = StrangerAsk { cancels_after_ms: Some(700), ..base };
                let size = self.rng.int(20, 200);
                for _ in 0..size {
                    let source = self.rng.bits();
                    let at = self.within(from, Span::minutes(20));
                    self.ask(at, StrangerAsk { source, ..many.clone() });
                }
            }
            2 => self.asks(night, 20, 60, Span::minutes(1), &base),
            3 => self.asks(from, 1, 3, Span::hours(9), &base),
            4 => self.asks(from, 1, 4, Span::minutes(2), &StrangerAsk { calls: true, ..base }),
            5 => {
                for _ in 0..self.rng.int(1, 20) {
                    let is_phished = self.rng.chance(0.1);
                    let at = self.within(from, Span::hours(3));
                    self.add(at, Deed::StrangerTotp { who, is_phished });
                }
            }
            6 => {
                for _ in 0..self.rng.int(1, 8) {
                    let at = self.within(from, Span::hours(1));
                    self.add(at, Deed::Recover { who, is_right: false });
                }
            }
            7 => {
                for _ in 0..self.rng.int(1, 6) {
                    let at = self.within(from, Span::minutes(10));
                    self.add(at, Deed::GuessBinding { who });
                    let by_another = self.rng.chance(0.5);
                    self.add(at, Deed::ForgeAnswer { who, by_another });
                }
                self.add(from, Deed::StrangerPasskey { who });
            }
            8 => {
                let cookie = if self.rng.chance(0.7) { Cookie::Stolen } else { Cookie::OfAnother };
                self.asks(from, 1, 12, Span::minutes(1), &StrangerAsk { cookie, ..base });
            }
            _ => {
                let reset = StrangerAsk { purpose: Purpose::Recovery, ..base };
                self.asks(from, 1, 6, Span::minutes(3), &reset);
            }
        }
    }

    fn asks(&mut self, from: Timestamp, low: i64, high: i64, every: Span, ask: &StrangerAsk) {
        let mut at = from;
        for _ in 0..self.rng.int(low, high) {
            let cancels_after_ms =
                self.rng.chance(0.3).then(|| self.rng.int(500, 95_000)).or(ask.cancels_after_ms);
            self.ask(at, StrangerAsk { cancels_after_ms, ..ask.clone() });
            at = self.within(at, Span::millis(every.as_millis() * 2));
        }
    }

    fn spray(&mut self, midnight: Timestamp, people: usize) {
        let mut at = self.within(midnight, Span::hours(20));
        let source = self.rng.bits();
        for who in 0..people {
            let others_asked = u16::try_from(who).unwrap_or_default() * 2;
            self.ask(at, StrangerAsk { source, others_asked, ..ordinary(who) });
            at = self.within(at, Span::minutes(2));
        }
    }

    /// A node's clock jumps, and somebody notices after a while.
    fn jump(&mut self, midnight: Timestamp, nodes: usize) {
        let by = [6_i64, 60, 600, 10_800, 259_200];
        let by = Span::seconds(*self.rng.pick(&by));
        let by = if self.rng.chance(0.4) { Span::millis(-by.as_millis()) } else { by };
        let node = self.rng.int(0, nodes.max(1) as i64) as usize;
        let at = self.within(midnight, Span::hours(20));
        let back_at = self.within(at, Span::hours(8));
        self.add(at, Deed::ClockJump { node, by });
        self.add(back_at, Deed::ClockJump { node, by: Span::millis(-by.as_millis()) });
    }
}

const fn ordinary(who: usize) -> StrangerAsk {
    StrangerAsk {
        who,
        source: 0,
        countries_away: 0,
        is_hosting: false,
        rp: 0,
        others_asked: 0,
        purpose: Purpose::SignIn,
        calls: false,
        cancels_after_ms: None,
        cookie: Cookie::None,
    }
}
