//! Attackers: who they are, where they sit, and how a campaign is told.
//!
//! The prompt-sending families are in `prompting`, those that need few prompts or none in `quiet`,
//! and what follows a success in `after`.

mod after;
mod prompting;
mod quiet;

use std::collections::BTreeSet;

use pushback_model::{Factor, Timestamp};

use crate::act::{Answer, Attempt, Build, Origin, PROMPT_LAG, SECOND, Step, What};
use crate::places::{Browser, CITIES, Net, NetKind, city_at};
use crate::rng::Rng;
use crate::truth::{Campaign, Pattern, SourceClass};

/// How often each pattern is drawn. Assumption: short tries are the commonest (Talos 2024 counts
/// mostly 1 to 5 pushes an attack); the rest is spread so that every pattern has a sample.
const WEIGHTS: &[(Pattern, f64)] = &[
    (Pattern::ShortTry, 26.0),
    (Pattern::Burst, 6.0),
    (Pattern::NightCalls, 5.0),
    (Pattern::LowAndSlow, 8.0),
    (Pattern::PhoneCall, 7.0),
    (Pattern::Spray, 4.0),
    (Pattern::BesideOwn, 5.0),
    (Pattern::Relay, 5.0),
    (Pattern::ResetFlow, 4.0),
    (Pattern::HelpDesk, 4.0),
    (Pattern::Dormant, 4.0),
    (Pattern::Insider, 4.0),
    (Pattern::Downgrade, 5.0),
    (Pattern::Lockout, 4.0),
    (Pattern::Return, 4.0),
];

/// Lets every campaign happen.
pub(crate) fn campaigns(build: &mut Build) {
    let mut taken = BTreeSet::new();
    let weights: Vec<f64> = WEIGHTS.iter().map(|(_, weight)| *weight).collect();
    let mut choice = build.rng(4);
    for n in 0..build.settings.campaign_count() {
        let mut rng = build.rng(100_000 + u64::from(n));
        let drawn = choice.weighted(&weights);
        // The first round holds each pattern once, so that small worlds have all of them.
        let at = if (n as usize) < WEIGHTS.len() { n as usize } else { drawn };
        let pattern = WEIGHTS.get(at).map_or(Pattern::ShortTry, |(pattern, _)| *pattern);
        let source = Source::draw(build, &mut rng);
        let id = build.open_campaign(Campaign {
            id: 0,
            pattern,
            source: source.class,
            started_at: Timestamp::MAX,
            last_at: Timestamp::MIN,
            targets: Vec::new(),
        });
        let mut raid = Raid { build, rng, taken: &mut taken, source, id };
        match pattern {
            Pattern::ShortTry => prompting::short_try(&mut raid),
            Pattern::Burst => prompting::burst(&mut raid),
            Pattern::NightCalls => prompting::night_calls(&mut raid),
            Pattern::LowAndSlow => prompting::low_and_slow(&mut raid),
            Pattern::PhoneCall => prompting::phone_call(&mut raid),
            Pattern::Spray => prompting::spray(&mut raid),
            Pattern::Downgrade => prompting::downgrade(&mut raid),
            Pattern::Return => prompting::return_after_clean_up(&mut raid),
            Pattern::BesideOwn => quiet::beside_own(&mut raid),
            Pattern::Relay => quiet::relay(&mut raid),
            Pattern::ResetFlow => quiet::reset_flow(&mut raid),
            Pattern::HelpDesk => quiet::help_desk(&mut raid),
            Pattern::Dormant => quiet::dormant(&mut raid),
            Pattern::Insider => quiet::insider(&mut raid),
            Pattern::Lockout => quiet::lockout(&mut raid),
        }
    }
}

/// Where an attacker acts from.
#[derive(Clone, Copy, Debug)]
struct Source {
    class: SourceClass,
    browser: Browser,
    device: u64,
    city: u8,
}

impl Source {
    fn draw(build: &Build, rng: &mut Rng) -> Self {
        // Assumption: a third sits on homes of the victim's own country.
        let own = (0.333 * build.settings.assumptions.residential).clamp(0.0, 1.0);
        let rest = 1.0 - own;
        let class = match rng.weighted(&[own, rest * 0.36, rest * 0.34, rest * 0.3]) {
            0 => SourceClass::OwnCountry,
            1 => SourceClass::ForeignHome,
            2 => SourceClass::Hosting,
            _ => SourceClass::Vpn,
        };
        let is_tool = class != SourceClass::OwnCountry && rng.chance(0.12);
        let browser = if is_tool { Browser::script(rng) } else { Browser::desktop(rng) };
        Self { class, browser, device: rng.bits(), city: rng.int(11, CITIES.len() as i64) as u8 }
    }

    /// A fresh network of this kind, fit for a victim.
    fn origin(&self, rng: &mut Rng, victim_city: u8) -> Origin {
        let (kind, city) = match self.class {
            SourceClass::OwnCountry => {
                let code = city_at(victim_city).code;
                let same: Vec<u8> =
                    (0..CITIES.len() as u8).filter(|c| city_at(*c).code == code).collect();
                (NetKind::Home, if same.is_empty() { victim_city } else { *rng.pick(&same) })
            }
            SourceClass::ForeignHome => (NetKind::Home, self.city),
            SourceClass::Hosting => (NetKind::Hosting, self.city),
            // VPN exits are chosen near the victim half of the time.
            SourceClass::Vpn => {
                (NetKind::Vpn, if rng.chance(0.5) { victim_city } else { self.city })
            }
        };
        Origin {
            net: Net::new(rng, kind, city),
            browser: self.browser,
            device: self.device,
            is_managed: false,
        }
    }
}

/// One campaign while it happens.
struct Raid<'a> {
    build: &'a mut Build,
    rng: Rng,
    taken: &'a mut BTreeSet<u32>,
    source: Source,
    id: u32,
}

/// The victim of the moment.
#[derive(Clone, Copy, Debug)]
struct Victim {
    who: u32,
    tag: (u32, u32),
    city: u8,
}

impl Raid<'_> {
    /// Somebody nobody else attacks, as long as there is anybody left.
    fn victim(&mut self, dormant: bool, at: i64) -> Victim {
        let people = i64::from(self.build.settings.people);
        let mut who = 0;
        for attempt in 0..400 {
            who = self.rng.int(0, people) as u32;
            let person = self.build.org.person(who);
            if person.is_dormant == dormant
                && person.joins_on == i64::MIN
                && (attempt > 300 || !self.taken.contains(&who))
            {
                break;
            }
        }
        self.taken.insert(who);
        let tag = self.build.add_target(self.id, who, at);
        if let Some(target) = self.build.target(tag) {
            target.started_at = Timestamp::MAX;
            target.last_at = Timestamp::MIN;
        }
        Victim { who, tag, city: self.build.org.person(who).city }
    }

    fn origin(&mut self, victim: Victim) -> Origin {
        self.source.origin(&mut self.rng, victim.city)
    }

    /// A moment of the world, `hours` before its end at the latest, mostly at the victim's day.
    fn moment(&mut self, city: u8, hours_left: i64) -> i64 {
        let days = i64::from(self.build.settings.days);
        let last = (days - 1 - hours_left / 24).max(1);
        let day = self.rng.int(0, last + 1);
        let hour = match self.rng.weighted(&[0.6, 0.25, 0.15]) {
            0 => self.rng.between(8.0, 17.5),
            1 => self.rng.between(17.5, 23.5),
            _ => self.rng.between(0.0, 7.0),
        };
        let first = self.build.settings.start.as_millis() + 3_600 * SECOND;
        self.build.local(city, day, hour).max(first + self.rng.int(0, 7_200) * SECOND)
    }

    fn note(&mut self, victim: Victim, at: i64) {
        let at = Timestamp::from_millis(at);
        if let Some(target) = self.build.target(victim.tag) {
            target.started_at = target.started_at.min(at);
            target.last_at = target.last_at.max(at);
        }
    }

    fn within(&self, at: i64) -> bool {
        at + 120 * SECOND < self.build.settings.end_ms()
    }

    /// The attacker tries; the phone rings; it ends as told. Returns the session and the time of
    /// the answer if it was a yes.
    fn ask(
        &mut self,
        victim: Victim,
        at: i64,
        from: Origin,
        factor: Factor,
        answer: Answer,
        is_recovery: bool,
    ) -> Option<(u64, i64)> {
        if !self.within(at) {
            return None;
        }
        let person = self.build.org.person(victim.who).clone();
        let phone = if factor == Factor::Sms && answer == Answer::Approved {
            from // after a SIM swap, or read out over the phone: the code is typed by the attacker
        } else {
            let net = if self.rng.chance(0.45) { person.home } else { person.mobile };
            Origin { net, ..person.phone }
        };
        let after_ms = match answer {
            Answer::Silent => 60 * SECOND,
            Answer::Approved | Answer::Denied | Answer::Reported | Answer::Mismatched => {
                crate::life::answer_delay(&mut self.rng, person.answer_s * 1.4)
            }
        };
        let session = self.build.new_session();
        let app = self.rng.int(0, 8) as u8;
        let step = Step::Prompt { factor, answer, after_ms, phone };
        self.build.push(
            at,
            victim.who,
            What::Attempt(Attempt { from, app, step, session, is_recovery }),
            Some(victim.tag),
        );
        let answered = at + PROMPT_LAG + after_ms;
        self.note(victim, at);
        self.note(victim, answered);
        let target = self.build.target(victim.tag)?;
        target.prompts += 1;
        match answer {
            Answer::Silent if target.approved_at.is_none() => {
                target.unanswered_before_approval += 1
            }
            Answer::Denied | Answer::Reported => target.denied += 1,
            Answer::Approved => {
                target.approved_at.get_or_insert(Timestamp::from_millis(answered));
                return Some((session, answered));
            }
            Answer::Silent | Answer::Mismatched => {}
        }
        None
    }

    /// The first factor was right, but the attacker got the password wrong before.
    fn wrong_password(&mut self, victim: Victim, at: i64, from: Origin) {
        if !self.within(at) {
            return;
        }
        let session = self.build.new_session();
        let attempt =
            Attempt { from, app: 0, step: Step::WrongPassword, session, is_recovery: false };
        self.build.push(at, victim.who, What::Attempt(attempt), Some(victim.tag));
        self.note(victim, at);
    }

    /// What an owner does with an unexpected prompt that is not to be approved. Assumption: 70 %
    /// ignore it, 20 % deny, 6 % deny and report; asleep, nearly all is silence.
    fn refusal(&mut self, victim: Victim, at: i64) -> Answer {
        let hour = self.build.local_hour(victim.city, at);
        let night = self.build.org.person(victim.who).shift == crate::people::Shift::Night;
        let asleep = !(6.5..23.3).contains(&hour) && !night;
        if asleep && self.rng.chance(0.85) {
            return Answer::Silent;
        }
        let assumptions = &self.build.settings.assumptions;
        let deny = 0.2 * assumptions.deny;
        let report = 0.06 * assumptions.report;
        let mismatch = if self.build.org.number_match { 0.04 } else { 0.0 };
        match self.rng.weighted(&[0.7, deny, report, mismatch]) {
            0 => Answer::Silent,
            1 => Answer::Denied,
            2 => Answer::Reported,
            _ => Answer::Mismatched,
        }
    }

    /// Whether this owner gives in at all.
    fn gives_in(&mut self, base: f64) -> bool {
        let p = (base * self.build.settings.assumptions.approve).clamp(0.0, 1.0);
        self.rng.chance(p)
    }

    fn pace(&self, span: f64) -> i64 {
        (span / self.build.settings.assumptions.pace.max(0.01) * SECOND as f64) as i64
    }
}
