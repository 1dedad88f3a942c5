//! The incident record: what `scan --format json` prints, one object a line. A stable contract.

use serde::{Deserialize, Serialize, Serializer};

use crate::{EventKind, Source, Timestamp};

/// One episode of one subscriber that a person should look at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Stable across replays of the same records.
    pub id: String,
    /// How far it went.
    pub stage: Stage,
    /// How bad it is (OCSF severity).
    pub severity: Severity,
    /// Whose account it is.
    pub subject: Subject,
    /// Shared by the incidents of one campaign.
    pub campaign: Option<String>,
    /// Event time of the first evidence.
    pub started_at: Timestamp,
    /// Event time of the last evidence.
    pub last_at: Timestamp,
    /// Event time at which the records up to then first showed an incident (`exposed` or above).
    pub detected_at: Timestamp,
    /// When the approval that is judged foreign happened.
    pub approved_at: Option<Timestamp>,
    /// The prompts of the episode, by outcome.
    pub prompts: PromptCounts,
    /// The sum of `evidence[].bits`, to two decimals.
    pub evidence_bits: f64,
    /// Every term of that sum.
    pub evidence: Vec<Evidence>,
    /// Where the prompts and the sessions came from.
    pub origins: Vec<Origin>,
    /// What was done after the approval, the reset or the enrolment.
    pub after_approval: Vec<After>,
    /// ATT&CK technique ids.
    pub attack: Vec<String>,
    /// What to do, in order, for this vendor.
    pub next_steps: Vec<String>,
}

/// How far an incident went; later is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// An unexpected prompt: somebody else holds the password.
    Exposed,
    /// Repeated or concerted unexpected prompts.
    Bombing,
    /// An unexpected prompt was approved, or an approval does not fit its owner.
    Approved,
    /// Something was changed that outlives the session.
    Foothold,
}

impl Stage {
    /// The name in machine output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exposed => "exposed",
            Self::Bombing => "bombing",
            Self::Approved => "approved",
            Self::Foothold => "foothold",
        }
    }

    /// The severity that goes with the stage.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::Exposed => Severity { id: 3, name: "Medium" },
            Self::Bombing => Severity { id: 4, name: "High" },
            Self::Approved => Severity { id: 5, name: "Critical" },
            Self::Foothold => Severity { id: 5, name: "Critical" },
        }
    }
}

/// OCSF 1.8.0 `severity_id` and its caption.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Severity {
    /// 1 Informational, 2 Low, 3 Medium, 4 High, 5 Critical.
    pub id: u8,
    /// The caption.
    pub name: &'static str,
}

impl<'de> Deserialize<'de> for Severity {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Raw {
            id: u8,
        }
        let raw = Raw::deserialize(deserializer)?;
        let name = match raw.id {
            1 => "Informational",
            2 => "Low",
            3 => "Medium",
            4 => "High",
            5 => "Critical",
            _ => "Unknown",
        };
        Ok(Self { id: raw.id, name })
    }
}

/// The subscriber an incident is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// As the vendor logged it, lower-cased.
    pub name: String,
    /// Every name and id under which the records know this person.
    pub ids: Vec<SubjectId>,
}

/// One name of a subscriber.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SubjectId {
    /// Who calls them so.
    pub source: Source,
    /// The name or id.
    pub id: String,
}

/// How many prompts ended in which way. `sent` counts all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptCounts {
    /// Prompts in the episode.
    pub sent: u32,
    /// Said yes.
    pub approved: u32,
    /// Said no.
    pub denied: u32,
    /// Said "not me".
    pub reported: u32,
    /// Nobody answered.
    pub unanswered: u32,
    /// Yes, with the wrong number.
    pub mismatched: u32,
}

/// One term of the evidence: how many bits it adds or takes away, and why.
///
/// A bit doubles the odds that this is an attack: bits = log2(P(seen | attack) / P(seen | ordinary)).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The name of the weight in the policy (`unanswered`, `unfamiliar_network`, ...).
    pub kind: String,
    /// What it adds; negative when it speaks for the owner.
    #[serde(serialize_with = "two_decimals")]
    pub bits: f64,
    /// When it was seen.
    pub at: Timestamp,
    /// A sentence for the reader.
    pub why: String,
    /// Vendor ids of the events behind it.
    pub events: Vec<String>,
}

/// A place that prompts or sessions came from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// The address; empty if the vendor logs none.
    pub ip: String,
    /// The autonomous system, if logged.
    pub asn: Option<u32>,
    /// Its name.
    pub as_name: Option<String>,
    /// ISO 3166-1 alpha-2 where known, else as logged.
    pub country: Option<String>,
    /// The city.
    pub city: Option<String>,
    /// First seen in this incident.
    pub first_at: Timestamp,
    /// Last seen in this incident.
    pub last_at: Timestamp,
    /// Prompts asked for from here.
    pub prompts: u32,
}

/// Something done after the approval, the reset or the enrolment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct After {
    /// What kind of thing.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// The vendor's id of the event.
    pub event: String,
    /// In words.
    pub what: String,
}

/// Something that is set up badly and looks like an attack, or makes one easier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfigurationFinding {
    /// Stable across replays.
    pub id: String,
    /// What kind: `cached_password`, `push_outage`, ...
    pub kind: String,
    /// One sentence for people.
    pub title: String,
    /// Who is affected, at most 20 names; `subjects_total` counts all.
    pub subjects: Vec<String>,
    /// How many are affected.
    pub subjects_total: u32,
    /// First seen.
    pub started_at: Timestamp,
    /// Last seen.
    pub last_at: Timestamp,
    /// Prompts that it caused.
    pub prompts: u32,
    /// What to change.
    pub next_steps: Vec<String>,
}

fn two_decimals<S: Serializer>(bits: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((bits * 100.0).round() / 100.0)
}
