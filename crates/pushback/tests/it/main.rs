//! The real program, run the way a person or a script runs it.

mod commands;
mod contract;
mod hostile;
mod order;
mod run;
mod samples;
