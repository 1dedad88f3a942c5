//! From identity events to incidents.
//!
//! Pure: everything here is a function of the records it is handed and the policy. No clock, no
//! files, no randomness; the same set of records gives the same incidents in any order.

mod after;
mod assemble;
mod attempt;
mod campaign;
mod circumstance;
mod client;
mod engine;
mod entry;
mod episode;
mod habits;
mod handed_on;
mod history;
mod identity;
mod intake;
mod judge;
mod memory;
mod naming;
mod one_change;
mod opening;
mod organisation;
mod origin;
mod own;
mod policy;
mod prompt;
mod providers;
mod record;
mod steps;
mod unfinished;
mod weigh;

pub use assemble::{Step, Texts, Told};
pub use engine::{Detection, Found, detect, detect_between};
pub use episode::Episode;
pub use history::{Origin, RECORDS_MAX};
pub use identity::{Alias, Claims, Resolver};
pub use intake::Intake;
pub use judge::Train;
pub use policy::{Networks, Novelty, Policy, Problem, Thresholds, Weights, Windows};
pub use prompt::{Outcome, Prompt};
pub use record::{Place, Position, Record, flag};
pub use weigh::Term;
