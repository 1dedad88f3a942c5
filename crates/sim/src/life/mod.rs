//! What honest people do: ordinary days, and the days that look like an attack.

mod errands;
mod lookalikes;
mod ordinary;
mod own;

pub(crate) use errands::errands;
pub(crate) use lookalikes::look_alikes;
pub(crate) use ordinary::ordinary;
pub(crate) use own::{OwnSignIn, answer_delay, own_sign_in};
