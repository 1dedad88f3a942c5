//! A seeded world: people who sign in, attackers who push, the logs that vendors would write, and
//! the truth beside them.
//!
//! The crate promises that one seed gives the same bytes on every run: it reads no clock, no file
//! and no system randomness. Every timing and every reaction is drawn from a distribution; those
//! distributions are *assumptions*, listed in [`Assumptions`] and in `docs/reference/simulator.md`,
//! and can be varied to see how much a result depends on them. It never decides what is an attack:
//! the truth is what the generator did, not what a detection thinks.

mod act;
mod attack;
mod life;
mod people;
mod places;
pub mod prompts;
mod rng;
mod score;
mod settings;
mod truth;
mod write;

pub use score::{Figures, Innocent, ORDINARY_LIFE, Score, Share, score};
pub use settings::{Assumptions, Settings, Vendor};
pub use truth::{
    AfterTruth, Campaign, LookAlike, LookAlikeKind, Pattern, SourceClass, Target, Truth,
};

use pushback_model::Timestamp;

use act::Act;
use people::Organisation;

/// A generated world: what happened in it, and the truth about it.
#[derive(Debug)]
pub struct World {
    /// What the generator did.
    pub truth: Truth,
    settings: Settings,
    /// The settings with the seed that the draws are made from.
    drawn: Settings,
    org: Organisation,
    acts: Vec<Act>,
}

impl World {
    /// Builds a world. The same settings give the same world.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let mut build = act::Build::new(settings);
        // Look-alikes come first: they change what people do on ordinary days.
        life::look_alikes(&mut build);
        life::ordinary(&mut build);
        attack::campaigns(&mut build);
        life::errands(&mut build);
        let act::Build { settings: drawn, org, mut acts, mut truth, .. } = build;
        let end = drawn.end_ms();
        acts.retain(|act| act.at >= drawn.start.as_millis() && act.at < end);
        acts.sort_by_key(|act| (act.at, act.no));
        write::name_after_actions(&drawn, &org, &acts, &mut truth);
        truth.finish();
        Self { truth, settings: settings.clone(), drawn, org, acts }
    }

    /// Writes every log record in the order in which the vendor would have delivered it.
    ///
    /// The sink gets the name of the file and one record without its line end. Records are made on
    /// the way, so a large world streams; what waits for a late delivery is held back.
    pub fn write(&self, sink: &mut dyn FnMut(&str, &[u8])) {
        write::records(&self.drawn, &self.org, &self.acts, Timestamp::MAX, sink);
    }

    /// Writes what was knowable before an instant: every record whose content was complete by then.
    /// A record that a vendor updates later appears in its earlier form.
    pub fn write_until(&self, cut: Timestamp, sink: &mut dyn FnMut(&str, &[u8])) {
        write::records(&self.drawn, &self.org, &self.acts, cut, sink);
    }

    /// The instants at which to cut the log to ask "was it seen in time?": one millisecond before
    /// each approval that had an unanswered prompt before it, with the campaign and the target.
    #[must_use]
    pub fn cuts(&self) -> Vec<Cut> {
        let mut cuts = Vec::new();
        for campaign in &self.truth.campaigns {
            for target in &campaign.targets {
                if let Some(at) = target.approved_at
                    && target.unanswered_before_approval > 0
                {
                    let at = Timestamp::from_millis(at.as_millis() - 1);
                    cuts.push(Cut { at, campaign: campaign.id, name: target.name.clone() });
                }
            }
        }
        cuts
    }

    /// The settings that the world was built from.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }
}

/// Where to end a log just before an approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Records knowable before this instant belong to the cut log.
    pub at: Timestamp,
    /// The campaign, [`Campaign::id`].
    pub campaign: u32,
    /// The target, [`Target::name`].
    pub name: String,
}

#[cfg(test)]
mod tests;
