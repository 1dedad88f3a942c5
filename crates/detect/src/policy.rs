//! What an organisation can set: weights, windows, thresholds, its own networks.

use std::collections::BTreeMap;

use pushback_model::Span;
use serde::{Deserialize, Serialize};

/// The detection policy. Every value has a default; unknown keys are refused.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Bits at which a stage is reached.
    pub thresholds: Thresholds,
    /// Spans of time.
    pub windows: Windows,
    /// Bits of every kind of evidence.
    pub weights: Weights,
    /// How likely a network or a browser is new, for an attacker and for an owner.
    pub novelty: Novelty,
    /// The organisation's own networks.
    pub networks: Networks,
}

/// Sums of evidence at which an incident is opened or rises.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Thresholds {
    /// From here an unexpected prompt is shown, in bits.
    pub exposed: f64,
    /// From here repeated or concerted prompts are called bombing, in bits.
    pub bombing: f64,
    /// From here a success is called foreign, in bits.
    pub approved: f64,
    /// From here an enrolment after a reset or on a dormant account is called a foothold, in bits.
    pub foothold: f64,
}

/// Spans of time, each with its unit in the name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Windows {
    /// A prompt without an answer counts as unanswered after this many seconds.
    pub prompt_life_seconds: u32,
    /// Prompts of one attempt sent within so many seconds of each other are one (one a device).
    pub same_prompt_seconds: u32,
    /// Prompts from one place closer than this belong to one attempt.
    pub attempt_minutes: u32,
    /// An episode closes after so many hours without evidence.
    pub episode_quiet_hours: u32,
    /// How long after an approval, changes are watched.
    pub watch_hours: u32,
    /// How long after a reset by somebody else an enrolment is looked at.
    pub reset_hours: u32,
    /// An account without a sign-in for so many days is dormant.
    pub dormant_days: u32,
    /// Habits older than this many days are forgotten.
    pub habits_days: u32,
}

/// Networks that the organisation knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Networks {
    /// Addresses in CIDR form whose prompts never open an incident: a penetration test, a monitor.
    pub quiet: Vec<String>,
    /// The organisation's own egress, in CIDR form: offices, VPN, secure web gateway.
    pub egress: Vec<String>,
    /// Autonomous systems of the organisation's own egress.
    pub egress_asn: Vec<u32>,
    /// Hosting providers beside the well-known ones, in CIDR form, for products that log no provider.
    pub hosting: Vec<String>,
}

/// Declares the table of weights once: the field, its default in bits, and what it means.
macro_rules! weights {
    ($($(#[doc = $doc:literal])+ $name:ident = $bits:literal;)+) => {
        /// Bits that each kind of evidence adds (or takes away).
        ///
        /// The defaults are calibrated on simulated worlds by `cargo xtask bench calibrate`.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Weights {
            $($(#[doc = $doc])+ pub $name: f64,)+
        }

        impl Default for Weights {
            fn default() -> Self {
                Self { $($name: $bits,)+ }
            }
        }

        impl Weights {
            /// Every weight by name, with its meaning.
            #[must_use]
            pub fn table(&self) -> BTreeMap<&'static str, (f64, &'static str)> {
                BTreeMap::from([$((stringify!($name), (self.$name, concat!($($doc),+))),)+])
            }
        }
    };
}

weights! {
    /// Nobody answered a prompt.
    unanswered = 3.0;
    /// The subscriber said no.
    denied = 3.5;
    /// The subscriber said "this was not me".
    reported = 8.0;
    /// The subscriber said yes but gave the wrong number.
    mismatched = 3.0;
    /// The vendor itself calls the prompts harassment.
    vendor_verdict = 5.0;
    /// The vendor calls the sign-in risky.
    vendor_risk = 1.0;
    /// None of an attempt's prompts led to a sign-in from that place.
    given_up = 1.0;
    /// The attempt then succeeded, and the success does not look foreign.
    answered = -2.5;
    /// The network is a hosting provider's or a proxy's.
    hosting_network = 2.0;
    /// The network is where a commercial VPN comes out, which owners buy too.
    vpn_network = 2.0;
    /// The browser's device is one the subscriber succeeded from before.
    known_device = -5.0;
    /// The subscriber's own device was in the same city within days.
    own_device_there = -4.0;
    /// The device is managed by the organisation.
    managed_device = -4.0;
    /// A library or a browser without a window, which the subscriber never used: relays are built so.
    scripted_client = 1.5;
    /// A new browser on a phone or tablet: owners have those, attackers mostly sit at desks.
    mobile_browser = -1.5;
    /// At least three colleagues succeed from that network.
    colleagues_network = -4.0;
    /// The subscriber's phone says yes there day after day, refuses nothing, and nothing is changed from there.
    daily_place = -8.0;
    /// An hour at which the subscriber has never signed in.
    foreign_hour = 1.0;
    /// A known client asks at a constant interval: an old password, not an attacker.
    constant_interval = -8.0;
    /// Prompts come at the regular pace of a machine.
    machine_cadence = 1.5;
    /// The subscriber is active from a known place at the same time.
    active_elsewhere = 2.0;
    /// The subscriber's own prompt rings within seconds of the stranger's.
    beside_own_prompt = 2.5;
    /// The phone that answered is in another country than the browser, or over 500 km away.
    phone_far = 4.0;
    /// The phone that answered is behind the same address as the browser.
    phone_same_network = -7.0;
    /// The phone that answered is in the same city as the browser.
    phone_near = -1.0;
    /// The phone that answered is at an address of the subscriber's, and a new device is not.
    phone_at_home = 1.5;
    /// The same source asked other people who did not expect it.
    many_asked = 3.0;
    /// Many people's prompts went unanswered at that time from their usual places.
    outage = -5.0;
    /// Unexpected prompts came from several networks.
    rotating_sources = 1.5;
    /// A sign-in follows unexpected prompts that failed.
    after_failures = 2.5;
    /// An earlier episode of the same person ended less than two weeks before.
    returned = 2.0;
    /// After refused pushes, a weaker factor was used.
    downgrade = 2.0;
    /// A prompt or a code got in from a new place, where the subscriber's own factor is a passkey or the like.
    weaker_factor = 2.0;
    /// Many files and mails were opened one after the other within minutes, soon after the way in.
    taken_at_once = 1.5;
    /// The session that began was used from another source with another browser.
    session_elsewhere = 3.0;
    /// The password was right, a second factor was demanded, and nothing followed.
    demand_unmet = 1.5;
    /// The account was locked by a stranger's failures.
    lockout = 3.0;
    /// Nobody could have travelled that fast. Never enough alone.
    impossible_travel = 1.0;
    /// Somebody else reset the authenticators shortly before.
    helpdesk_reset = 3.0;
    /// The first authenticator of an account without a sign-in for a long time.
    dormant_account = 4.0;
    /// An authenticator was bound from the stranger's place.
    after_factor = 5.0;
    /// A mail rule that forwards or hides was made.
    after_mailbox_rule = 4.0;
    /// Any other lasting change from the stranger's place.
    after_change = 2.5;
    /// An authenticator that was not replaced before was removed within the hour after the way in.
    after_removal = 4.5;
    /// The machine that made a lasting change at once is one the subscriber never used.
    new_machine = 1.5;
    /// A lasting change from yet another strange place: at most this, and as strange as the place.
    after_elsewhere = 3.0;
}

/// Probabilities that a network or a browser is new, by how new it is.
///
/// bits = log2(attacker / owner). The owner's share is mixed with what the subscriber's own history
/// shows: `(seen + strength * prior) / (sign-ins + strength)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Novelty {
    /// How many sign-ins the prior weighs as much as.
    pub strength: f64,
    /// Share of attackers at: a known address, network, provider and city, provider or city,
    /// country, none of these.
    pub network_attacker: [f64; 6],
    /// Share of owners' sign-ins at the same levels.
    pub network_owner: [f64; 6],
    /// Share of attackers whose device id is new.
    pub device_attacker: f64,
    /// Share of owners' sign-ins whose device id is new.
    pub device_owner: f64,
    /// Share of attackers with: the exact browser, the same family, another family.
    pub browser_attacker: [f64; 3],
    /// Share of owners' sign-ins at the same levels.
    pub browser_owner: [f64; 3],
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { exposed: 4.0, bombing: 8.0, approved: 5.0, foothold: 4.5 }
    }
}

impl Default for Windows {
    fn default() -> Self {
        Self {
            prompt_life_seconds: 300,
            same_prompt_seconds: 2,
            attempt_minutes: 30,
            episode_quiet_hours: 72,
            watch_hours: 168,
            reset_hours: 72,
            dormant_days: 7,
            habits_days: 180,
        }
    }
}

impl Default for Novelty {
    fn default() -> Self {
        Self {
            strength: 8.0,
            network_attacker: [0.004, 0.006, 0.05, 0.12, 0.28, 0.54],
            network_owner: [0.80, 0.04, 0.05, 0.05, 0.05, 0.01],
            device_attacker: 0.97,
            device_owner: 0.04,
            browser_attacker: [0.30, 0.30, 0.40],
            browser_owner: [0.75, 0.15, 0.10],
        }
    }
}

/// Something wrong with a policy's values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The value, by its path: `windows.watch_hours`.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Policy {
    /// Everything that is wrong with the values, in the order of the file.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut problem = |path: &str, message: String| {
            problems.push(Problem { path: path.to_owned(), message });
        };
        let t = &self.thresholds;
        let bits = [
            ("thresholds.exposed", t.exposed),
            ("thresholds.bombing", t.bombing),
            ("thresholds.approved", t.approved),
            ("thresholds.foothold", t.foothold),
        ];
        for (path, value) in bits {
            if !(0.5..=64.0).contains(&value) {
                problem(path, format!("{path} is {value:?} but must be between 0.5 and 64 bits"));
            }
        }
        if t.bombing < t.exposed {
            problem(
                "thresholds.bombing",
                format!(
                    "thresholds.bombing is {} but must not be below thresholds.exposed ({})",
                    t.bombing, t.exposed
                ),
            );
        }
        let w = &self.windows;
        let spans = [
            ("windows.prompt_life_seconds", w.prompt_life_seconds, 30, 3_600),
            ("windows.same_prompt_seconds", w.same_prompt_seconds, 0, 30),
            ("windows.attempt_minutes", w.attempt_minutes, 1, 240),
            ("windows.episode_quiet_hours", w.episode_quiet_hours, 1, 720),
            ("windows.watch_hours", w.watch_hours, 1, 2_160),
            ("windows.reset_hours", w.reset_hours, 1, 720),
            ("windows.dormant_days", w.dormant_days, 2, 365),
            ("windows.habits_days", w.habits_days, 7, 180),
        ];
        for (path, value, low, high) in spans {
            if !(low..=high).contains(&value) {
                problem(path, format!("{path} is {value} but must be between {low} and {high}"));
            }
        }
        for (name, (value, _)) in self.weights.table() {
            if !value.is_finite() || value.abs() > 64.0 {
                let path = format!("weights.{name}");
                problem(&path, format!("{path} is {value:?} but must be between -64 and 64 bits"));
            }
        }
        let n = &self.novelty;
        let shares: [(&str, &[f64]); 4] = [
            ("novelty.network_attacker", &n.network_attacker),
            ("novelty.network_owner", &n.network_owner),
            ("novelty.browser_attacker", &n.browser_attacker),
            ("novelty.browser_owner", &n.browser_owner),
        ];
        for (path, values) in shares {
            let sum: f64 = values.iter().sum();
            if values.iter().any(|v| !(*v > 0.0 && *v <= 1.0)) || (sum - 1.0).abs() > 0.05 {
                problem(
                    path,
                    format!(
                        "{path} must hold shares above 0 that add up to 1 (they add up to {sum:.2})"
                    ),
                );
            }
        }
        let lists = [
            ("networks.quiet", &self.networks.quiet),
            ("networks.egress", &self.networks.egress),
            ("networks.hosting", &self.networks.hosting),
        ];
        for (path, list) in lists {
            for text in list.iter().filter(|text| crate::intake::network(text).is_none()) {
                problem(
                    path,
                    format!("{path} holds `{text}`, which is not a network such as 203.0.113.0/24"),
                );
            }
        }
        problems
    }
}

impl Windows {
    pub(crate) const fn prompt_life(&self) -> Span {
        Span::seconds(self.prompt_life_seconds as i64)
    }

    pub(crate) const fn same_prompt(&self) -> Span {
        Span::seconds(self.same_prompt_seconds as i64)
    }

    pub(crate) const fn attempt(&self) -> Span {
        Span::minutes(self.attempt_minutes as i64)
    }

    pub(crate) const fn episode_quiet(&self) -> Span {
        Span::hours(self.episode_quiet_hours as i64)
    }

    pub(crate) const fn watch(&self) -> Span {
        Span::hours(self.watch_hours as i64)
    }

    pub(crate) const fn reset(&self) -> Span {
        Span::hours(self.reset_hours as i64)
    }

    pub(crate) const fn dormant(&self) -> Span {
        Span::days(self.dormant_days as i64)
    }

    pub(crate) const fn habits(&self) -> Span {
        Span::days(self.habits_days as i64)
    }
}
