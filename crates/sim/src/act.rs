//! What happens in a world, before any vendor writes it down.

use pushback_model::{EventKind, Factor, Timestamp};

use crate::people::Organisation;
use crate::places::{Browser, Net};
use crate::rng::{Rng, mix};
use crate::settings::Settings;
use crate::truth::{Campaign, LookAlike, LookAlikeKind, Target, Truth};

pub(crate) const SECOND: i64 = 1_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// From the click on "sign in" to the ringing of the phone.
pub(crate) const PROMPT_LAG: i64 = 1_500;

/// Where and with what somebody acts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) net: Net,
    pub(crate) browser: Browser,
    /// Tells this machine from all others.
    pub(crate) device: u64,
    /// The organisation manages it, so vendors log an id for it.
    pub(crate) is_managed: bool,
}

/// How a prompt ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Approved,
    Denied,
    Reported,
    Silent,
    Mismatched,
}

/// The second step of a sign-in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// None was asked for: a known session or a remembered browser.
    Remembered,
    /// A typed code.
    Code { is_right: bool },
    /// A key bound to the managed device.
    DeviceKey,
    /// A prompt.
    Prompt { factor: Factor, answer: Answer, after_ms: i64, phone: Origin },
    /// The password was wrong; it ended there.
    WrongPassword,
}

/// One sign-in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    pub(crate) from: Origin,
    pub(crate) app: u8,
    pub(crate) step: Step,
    pub(crate) session: u64,
    /// Through self-service password reset.
    pub(crate) is_recovery: bool,
}

/// Who makes a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The session of the subscriber, whoever holds it.
    Subscriber,
    /// An administrator or the help desk: index of the person.
    Admin(u32),
}

/// What happened.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    Attempt(Attempt),
    /// A session is used for an application.
    Use {
        from: Origin,
        app: u8,
        session: u64,
    },
    /// Somebody signs in at a computer itself; only products that guard computers tell.
    LogOn {
        at: Origin,
        step: Step,
    },
    /// A file is opened in a session, or copied by a client that keeps a folder up to date.
    File {
        from: Origin,
        session: u64,
        is_copied: bool,
    },
    /// Something that outlives the session.
    Change {
        kind: EventKind,
        by: By,
        from: Origin,
        session: u64,
        detail: u8,
    },
    /// The account was locked.
    Locked {
        from: Origin,
    },
    /// A record about nobody's sign-in.
    Housekeeping {
        topic: u8,
    },
}

/// One happening. `tag` ties it to the target of a campaign.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Act {
    pub(crate) no: u64,
    pub(crate) at: i64,
    pub(crate) who: u32,
    pub(crate) what: What,
    pub(crate) tag: Option<(u32, u32)>,
}

/// A world under construction.
pub(crate) struct Build {
    pub(crate) settings: Settings,
    pub(crate) org: Organisation,
    pub(crate) acts: Vec<Act>,
    pub(crate) truth: Truth,
    next: u64,
}

impl Build {
    pub(crate) fn new(settings: &Settings) -> Self {
        let seed = settings.seed;
        let mut settings = settings.clone();
        // The worlds of two vendors are two samples, not one sample told twice.
        settings.seed = mix(&[seed, settings.vendor as u64]);
        settings.people = settings.people.max(10);
        settings.days = settings.days.max(2);
        let org = Organisation::new(&settings);
        let truth = Truth {
            seed,
            vendor: settings.vendor,
            person_days: f64::from(settings.people) * f64::from(settings.days),
            campaigns: Vec::new(),
            lookalikes: Vec::new(),
        };
        Self { settings, org, acts: Vec::new(), truth, next: 0 }
    }

    pub(crate) fn rng(&self, part: u64) -> Rng {
        Rng::new(self.settings.seed, part)
    }

    /// The instant of a local clock hour on a day of the world, in a city.
    pub(crate) fn local(&self, city: u8, day: i64, hour: f64) -> i64 {
        let midnight = self.settings.start.as_millis() + day * DAY;
        midnight + (hour * HOUR as f64) as i64 - self.org.offset_ms(city, midnight)
    }

    /// The local hour of an instant in a city, `0.0 <= hour < 24.0`.
    pub(crate) fn local_hour(&self, city: u8, at: i64) -> f64 {
        (at + self.org.offset_ms(city, at)).rem_euclid(DAY) as f64 / HOUR as f64
    }

    pub(crate) fn push(&mut self, at: i64, who: u32, what: What, tag: Option<(u32, u32)>) {
        self.next += 1;
        self.acts.push(Act { no: self.next, at, who, what, tag });
    }

    /// A session id that no other sign-in has.
    pub(crate) fn new_session(&mut self) -> u64 {
        self.next += 1;
        mix(&[self.settings.seed, self.next, 0x5e55])
    }

    pub(crate) fn open_campaign(&mut self, campaign: Campaign) -> u32 {
        let id = self.truth.campaigns.len() as u32;
        self.truth.campaigns.push(Campaign { id, ..campaign });
        id
    }

    /// Adds a person to a campaign and returns the tag for the acts against them.
    pub(crate) fn add_target(&mut self, campaign: u32, who: u32, at: i64) -> (u32, u32) {
        let person = self.org.person(who);
        let at = Timestamp::from_millis(at);
        let target = Target {
            name: person.mail.clone(),
            aliases: vec![person.login.to_lowercase(), person.id.clone()],
            started_at: at,
            last_at: at,
            prompts: 0,
            denied: 0,
            unanswered_before_approval: 0,
            approved_at: None,
            after: Vec::new(),
        };
        let Some(open) = self.truth.campaigns.get_mut(campaign as usize) else {
            return (campaign, 0);
        };
        open.targets.push(target);
        (campaign, open.targets.len() as u32 - 1)
    }

    pub(crate) fn target(&mut self, tag: (u32, u32)) -> Option<&mut Target> {
        self.truth.campaigns.get_mut(tag.0 as usize)?.targets.get_mut(tag.1 as usize)
    }

    pub(crate) fn look_alike(&mut self, kind: LookAlikeKind, people: &[u32], from: i64, to: i64) {
        let people = people.iter().map(|who| self.org.person(*who).mail.clone()).collect();
        self.truth.lookalikes.push(LookAlike {
            kind,
            people,
            started_at: Timestamp::from_millis(from),
            last_at: Timestamp::from_millis(to),
        });
    }
}
