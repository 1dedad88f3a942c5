//! Detection from the outside: events in, incidents out.

mod laws;
mod log;
mod lookalikes;
mod patterns;
mod threats;
