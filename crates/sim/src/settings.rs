//! What a world is made of, and the assumptions behind it.

use std::fmt;
use std::str::FromStr;

use pushback_model::Timestamp;
use serde::{Deserialize, Serialize};

/// Whose logs a world is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vendor {
    /// Okta System Log, Identity Engine.
    OktaOie,
    /// Okta System Log, Classic Engine.
    OktaClassic,
    /// Entra ID sign-in and audit logs with the Microsoft 365 unified audit log.
    EntraM365,
    /// Duo authentication, administrator, activity and telephony logs.
    Duo,
    /// PingID.
    #[serde(rename = "pingid")]
    PingId,
}

impl Vendor {
    /// Every vendor.
    pub const ALL: [Self; 5] =
        [Self::OktaOie, Self::OktaClassic, Self::EntraM365, Self::Duo, Self::PingId];

    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OktaOie => "okta_oie",
            Self::OktaClassic => "okta_classic",
            Self::EntraM365 => "entra_m365",
            Self::Duo => "duo",
            Self::PingId => "pingid",
        }
    }
}

impl fmt::Display for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Vendor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|vendor| vendor.name() == text).ok_or_else(|| {
            format!(
                "unknown vendor `{text}`, expected one of {}",
                Self::ALL.map(Self::name).join(", ")
            )
        })
    }
}

/// The size, the seed and the assumptions of a world.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How many people; at least 10 (fewer are raised to 10).
    pub people: u32,
    /// How many days of 24 hours; at least 2.
    pub days: u32,
    /// The seed; with another vendor it gives another world. Calibrate on 1 to 50, evaluate on 100 and up, so that the two never mix.
    pub seed: u64,
    /// Whose logs.
    pub vendor: Vendor,
    /// How many campaigns; `None` is one for five people.
    pub campaigns: Option<u32>,
    /// How many look-alikes; `None` is 27.5 for a hundred people.
    pub lookalikes: Option<u32>,
    /// Midnight UTC at which the world begins.
    pub start: Timestamp,
    /// The mail domain of the organisation.
    pub domain: String,
    /// The assumed distributions, as multipliers.
    pub assumptions: Assumptions,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            people: 400,
            days: 14,
            seed: 1,
            vendor: Vendor::OktaOie,
            campaigns: None,
            lookalikes: None,
            // Monday 2026-03-02.
            start: Timestamp::from_seconds(1_772_409_600),
            domain: "example.org".into(),
            assumptions: Assumptions::default(),
        }
    }
}

impl Settings {
    pub(crate) fn end_ms(&self) -> i64 {
        self.start.as_millis() + i64::from(self.days.max(2)) * 86_400_000
    }

    pub(crate) fn campaign_count(&self) -> u32 {
        self.campaigns.unwrap_or(self.people / 5)
    }

    pub(crate) fn lookalike_count(&self) -> u32 {
        self.lookalikes.unwrap_or(self.people * 11 / 40)
    }
}

/// Multipliers on the assumed rates; 1.0 is the default assumption (`docs/reference/simulator.md`
/// gives each value and where it comes from).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Assumptions {
    /// How often owners deny an unexpected prompt (instead of ignoring it).
    pub deny: f64,
    /// How often owners report one.
    pub report: f64,
    /// How often owners approve one.
    pub approve: f64,
    /// The share of attackers on residential networks of the victim's own country.
    pub residential: f64,
    /// How often owners miss their own prompts.
    pub miss: f64,
    /// How often owners appear at an address never seen before.
    pub new_address: f64,
    /// How often owners appear with a browser never seen before.
    pub new_browser: f64,
    /// How fast attackers repeat (the intervals are divided by it).
    pub pace: f64,
}

impl Default for Assumptions {
    fn default() -> Self {
        Self {
            deny: 1.0,
            report: 1.0,
            approve: 1.0,
            residential: 1.0,
            miss: 1.0,
            new_address: 1.0,
            new_browser: 1.0,
            pace: 1.0,
        }
    }
}
