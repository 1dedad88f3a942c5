//! The real program, run the way a person or a script runs it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that fails says where"
)]

mod commands;
mod contract;
mod hostile;
mod order;
mod output;
mod run;
mod running;
mod samples;
mod service;
mod settings;
mod unread;
