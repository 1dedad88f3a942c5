//! From identity events to incidents.
//!
//! Pure: everything here is a function of the records it is handed and the policy. No clock, no
//! files, no randomness; the same set of records gives the same incidents in any order.

mod identity;
mod intake;
mod record;

pub use identity::{Alias, Claims, Resolver};
pub use intake::Intake;
pub use record::{Place, Position, Record, flag};
