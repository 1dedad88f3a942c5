//! Microsoft Entra ID: sign-in logs, audit logs, risk detections.

mod audit;
mod changes;
mod columns;
mod outcome;
mod rows;
mod sign_in;
#[cfg(test)]
mod tests;

pub(crate) use audit::{read, recognises};
pub(crate) use sign_in::read_sign_in;
