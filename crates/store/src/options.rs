//! How a store is opened.

use std::time::Duration;

use crate::Keyring;

/// Settings of a store; [`Options::new`] has the defaults.
#[derive(Debug)]
#[non_exhaustive]
pub struct Options {
    /// The keys that seal bodies.
    pub keys: Keyring,
    /// The chain that this node's audit entries go to, 1 to 64 bytes. Nodes that share a chain take
    /// turns committing, nodes with a chain each do not wait for each other; both are exact.
    /// Default `main`.
    pub chain: String,
    /// Changes that may wait to be written, of 64 MiB together; more are refused. Default 8,192.
    pub queue_max: usize,
    /// Changes that share a transaction at most. Default 1,024.
    pub batch_max: usize,
    /// Effects that may wait to leave; a change that would add more is refused, and one that
    /// [yields](crate::Change::yielding) when nine tenths are taken. Several nodes may
    /// pass it by what they add between two counts, at most 256 transactions each. Default 100,000.
    pub outbox_max: usize,
    /// How often an effect is handed out before it is given up. Default 12, about three hours of
    /// [`crate::backoff`].
    pub claims_max: u32,
    /// Connections that read by key, and on SQLite as many for what is not found by a key. Default 2.
    pub readers: usize,
    /// How long a lost wake-up can delay who waits for a change. Default 5 s.
    pub poll_every: Duration,
    /// Lets a PostgreSQL server on another machine be reached without TLS. Whoever sees that network
    /// then sees the database's password and every name in it. Default `false`.
    pub danger_plain_postgres: bool,
}

impl Options {
    /// The defaults, with these keys.
    #[must_use]
    pub fn new(keys: Keyring) -> Self {
        Self {
            keys,
            chain: "main".to_owned(),
            queue_max: 8_192,
            batch_max: 1_024,
            outbox_max: 100_000,
            claims_max: 12,
            readers: 2,
            poll_every: Duration::from_secs(5),
            danger_plain_postgres: false,
        }
    }
}
