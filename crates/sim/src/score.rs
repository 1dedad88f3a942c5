//! How well a scan did against the truth.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use pushback_model::{Incident, Span, Stage};
use serde::Serialize;

use crate::truth::{AfterTruth, LookAlikeKind, Pattern, Target, Truth};

/// An incident belongs to an attack if it overlaps it, give or take this long before. Own prompts
/// of the owner just before may be part of the episode.
const BEFORE: Span = Span::hours(12);
/// And this long after: late evidence and the clean-up belong to it.
const AFTER: Span = Span::hours(60);

/// Where no look-alike explains what was raised.
pub const ORDINARY_LIFE: &str = "ordinary life";

/// Part of a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    /// How many were found.
    pub found: u32,
    /// How many there were.
    pub of: u32,
}

impl Share {
    fn count(&mut self, is_found: bool) {
        self.of += 1;
        self.found += u32::from(is_found);
    }

    /// Adds another sample.
    pub const fn add(&mut self, other: Self) {
        self.found += other.found;
        self.of += other.of;
    }

    /// Found over all, as a percentage; 100 when there was nothing to find.
    #[must_use]
    pub fn percent(self) -> f64 {
        if self.of == 0 { 100.0 } else { 100.0 * f64::from(self.found) / f64::from(self.of) }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.of == 0 {
            return f.pad("-");
        }
        f.pad(&format!("{}/{} {:.0}%", self.found, self.of, self.percent()))
    }
}

/// The figures of one pattern.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// Campaigns with an incident for at least one target.
    pub campaigns: Share,
    /// Targets with an incident.
    pub targets: Share,
    /// Approvals whose target has an incident called `approved` or `foothold`.
    pub approvals: Share,
    /// Takeovers without an approval (reset, dormant account) called `foothold`.
    pub footholds: Share,
    /// Later actions that stand in `after_approval`.
    pub after: Share,
    /// Approvals with unanswered prompts before them whose incident was there when the log ended
    /// just before the approval. Filled by [`Score::count_in_time`].
    pub in_time: Share,
}

impl Figures {
    fn add(&mut self, other: Self) {
        self.campaigns.add(other.campaigns);
        self.targets.add(other.targets);
        self.approvals.add(other.approvals);
        self.footholds.add(other.footholds);
        self.after.add(other.after);
        self.in_time.add(other.in_time);
    }
}

/// What was raised without cause about look-alikes of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Innocent {
    /// How many there were; 0 for ordinary life, which has no number.
    pub of: u32,
    /// Incidents at `bombing` or above.
    pub false_alarms: u32,
    /// Incidents at `exposed`.
    pub false_exposed: u32,
}

/// The result of [`score()`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Score {
    /// By pattern.
    pub patterns: BTreeMap<Pattern, Figures>,
    /// People times days judged.
    pub person_days: f64,
    /// Incidents at `bombing` or above that belong to no attack.
    pub false_alarms: u32,
    /// Incidents at `exposed` that belong to no attack.
    pub false_exposed: u32,
    /// What was raised without cause, by the kind of look-alike or [`ORDINARY_LIFE`].
    pub innocent: BTreeMap<&'static str, Innocent>,
    /// What was missed, one sentence each.
    pub misses: Vec<String>,
    /// What was raised without cause, one sentence each.
    pub alarms: Vec<String>,
}

/// Compares incidents with the truth.
#[must_use]
pub fn score(truth: &Truth, incidents: &[Incident]) -> Score {
    let named: Vec<(BTreeSet<String>, &Incident)> =
        incidents.iter().map(|i| (names_of(i), i)).collect();
    let mut owned = vec![false; incidents.len()];
    let mut score = Score { person_days: truth.person_days, ..Score::default() };
    for campaign in &truth.campaigns {
        let pattern = campaign.pattern.name();
        let mut figures = Figures::default();
        let mut any = false;
        for target in &campaign.targets {
            let mut mine: Vec<&Incident> = Vec::new();
            for ((names, incident), owned) in named.iter().zip(&mut owned) {
                if belongs(target, names, incident) {
                    *owned = true;
                    mine.push(incident);
                }
            }
            any |= !mine.is_empty();
            figures.targets.count(!mine.is_empty());
            let worst = mine.iter().map(|incident| incident.stage).max();
            if let Some(at) = target.approved_at {
                let is_found = worst >= Some(Stage::Approved);
                figures.approvals.count(is_found);
                if !is_found {
                    score.misses.push(format!(
                        "{pattern}: {} approved at {at} ({} before), called {}",
                        target.name,
                        target.prompts,
                        stage(worst)
                    ));
                }
            } else if !target.after.is_empty() {
                let is_found = worst == Some(Stage::Foothold);
                figures.footholds.count(is_found);
                if !is_found {
                    score.misses.push(format!(
                        "{pattern}: {} taken over from {}, called {}",
                        target.name,
                        target.started_at,
                        stage(worst)
                    ));
                }
            }
            for after in &target.after {
                let is_listed = mine.iter().any(|incident| lists(incident, after));
                figures.after.count(is_listed);
                if !is_listed {
                    score.misses.push(format!(
                        "{pattern}: {} after the approval, {} at {} not listed",
                        target.name,
                        after.kind.name(),
                        after.at
                    ));
                }
            }
        }
        figures.campaigns.count(any);
        if !any {
            let names: Vec<&str> =
                campaign.targets.iter().take(3).map(|t| t.name.as_str()).collect();
            score.misses.push(format!(
                "{pattern}: campaign {} on {} from {} has no incident",
                campaign.id,
                names.join(", "),
                campaign.started_at
            ));
        }
        score.patterns.entry(campaign.pattern).or_default().add(figures);
    }
    for like in &truth.lookalikes {
        score.innocent.entry(like.kind.name()).or_default().of += 1;
    }
    for ((names, incident), owned) in named.iter().zip(owned) {
        if owned {
            continue;
        }
        let mut likes: Vec<LookAlikeKind> = truth
            .lookalikes
            .iter()
            .filter(|like| {
                like.people.iter().any(|name| names.contains(name))
                    && incident.started_at <= like.last_at + Span::hours(6)
                    && incident.last_at >= like.started_at - Span::hours(6)
            })
            .map(|like| like.kind)
            .collect();
        // What concerned one person alone explains more than what concerned everyone.
        likes.sort_by_key(|kind| (kind.is_of_many(), *kind));
        let innocent = score
            .innocent
            .entry(likes.first().map_or(ORDINARY_LIFE, |kind| kind.name()))
            .or_default();
        if incident.stage >= Stage::Bombing {
            score.false_alarms += 1;
            innocent.false_alarms += 1;
        } else {
            score.false_exposed += 1;
            innocent.false_exposed += 1;
        }
        let like: Vec<&str> = likes.iter().map(|kind| kind.name()).collect();
        let like = if like.is_empty() { ORDINARY_LIFE.to_owned() } else { like.join(", ") };
        score.alarms.push(format!(
            "{} {} for {} at {} ({:.1} bits, {} prompts): {like}",
            incident.id,
            incident.stage.name(),
            incident.subject.name,
            incident.started_at,
            incident.evidence_bits,
            incident.prompts.sent
        ));
    }
    score
}

fn stage(stage: Option<Stage>) -> &'static str {
    stage.map_or("nothing", Stage::name)
}

fn names_of(incident: &Incident) -> BTreeSet<String> {
    let mut names: BTreeSet<String> =
        incident.subject.ids.iter().map(|id| id.id.to_lowercase()).collect();
    names.insert(incident.subject.name.to_lowercase());
    names
}

fn belongs(target: &Target, names: &BTreeSet<String>, incident: &Incident) -> bool {
    (names.contains(&target.name)
        || target
            .aliases
            .iter()
            .any(|alias| !alias.is_empty() && names.contains(&alias.to_lowercase())))
        && incident.started_at <= target.last_at + AFTER
        && incident.last_at >= target.started_at - BEFORE
}

fn lists(incident: &Incident, after: &AfterTruth) -> bool {
    incident.after_approval.iter().any(|listed| {
        after.events.contains(&listed.event)
            || (listed.kind == after.kind && (listed.at - after.at).abs() <= Span::seconds(2))
    })
}

impl Score {
    /// Records whether an approval was seen coming: `incidents` come from the log cut just before.
    pub fn count_in_time(&mut self, truth: &Truth, cut: &crate::Cut, incidents: &[Incident]) {
        let Some(campaign) = truth.campaigns.iter().find(|c| c.id == cut.campaign) else {
            return;
        };
        let Some(target) = campaign.targets.iter().find(|target| target.name == cut.name) else {
            return;
        };
        let is_found =
            incidents.iter().any(|incident| belongs(target, &names_of(incident), incident));
        if !is_found {
            self.misses.push(format!(
                "{}: {} not seen before the approval at {} ({} unanswered)",
                campaign.pattern.name(),
                target.name,
                cut.at,
                target.unanswered_before_approval
            ));
        }
        self.patterns.entry(campaign.pattern).or_default().in_time.count(is_found);
    }

    /// All patterns together.
    #[must_use]
    pub fn total(&self) -> Figures {
        let mut total = Figures::default();
        for figures in self.patterns.values() {
            total.add(*figures);
        }
        total
    }

    /// False alarms (`bombing` and above) for 1,000 person-days.
    #[must_use]
    pub fn false_alarm_rate(&self) -> f64 {
        1_000.0 * f64::from(self.false_alarms) / self.person_days.max(1.0)
    }

    /// False `exposed` for 1,000 person-days.
    #[must_use]
    pub fn false_exposed_rate(&self) -> f64 {
        1_000.0 * f64::from(self.false_exposed) / self.person_days.max(1.0)
    }

    /// Adds the score of another world.
    pub fn merge(&mut self, other: &Self) {
        for (pattern, figures) in &other.patterns {
            self.patterns.entry(*pattern).or_default().add(*figures);
        }
        for (kind, more) in &other.innocent {
            let innocent = self.innocent.entry(*kind).or_default();
            innocent.of += more.of;
            innocent.false_alarms += more.false_alarms;
            innocent.false_exposed += more.false_exposed;
        }
        self.person_days += other.person_days;
        self.false_alarms += other.false_alarms;
        self.false_exposed += other.false_exposed;
        self.misses.extend(other.misses.iter().cloned());
        self.alarms.extend(other.alarms.iter().cloned());
    }
}

impl fmt::Display for Score {
    /// A table, a line for each pattern, the total and the false alarms below.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<22} {:>13} {:>13} {:>13} {:>13} {:>13}",
            "pattern", "campaigns", "approvals", "footholds", "after", "in time"
        )?;
        let total = self.total();
        let rows = self.patterns.iter().map(|(pattern, figures)| (pattern.name(), *figures));
        for (name, row) in rows.chain([("all", total)]) {
            writeln!(
                f,
                "{name:<22} {:>13} {:>13} {:>13} {:>13} {:>13}",
                row.campaigns, row.approvals, row.footholds, row.after, row.in_time
            )?;
        }
        write!(
            f,
            "false alarms {} ({:.2} per 1,000 person-days), false exposed {} ({:.2})",
            self.false_alarms,
            self.false_alarm_rate(),
            self.false_exposed,
            self.false_exposed_rate()
        )
    }
}
