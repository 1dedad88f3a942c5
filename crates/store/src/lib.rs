//! State of the prompt service, on SQLite (embedded) or PostgreSQL.
//!
//! The store promises:
//!
//! - **A commit is all or nothing, and on disk when it is acknowledged**: documents, audit entries,
//!   outbox rows and the answer to the request ([`Change`]).
//! - **Nobody overwrites what they did not see**: every write names the version it expects; on
//!   PostgreSQL any node may serve any subscriber.
//! - **Nothing leaves before its commit**: effects are rows of the [outbox](Store::claim), handed out
//!   at least once.
//! - **The audit trail cannot be changed unseen**: see [`audit`].
//! - **Bodies are sealed at rest**: documents, effects and answers, see [`Keyring`].
//!   Names and the audit trail are not, so they never hold secrets.
//! - **It says no rather than growing**: a full queue and a full outbox refuse.
//!
//! It never looks into a body, never asks the clock (instants are arguments; only the pauses between
//! polls and the time-outs of connections are its own, and it tells what PostgreSQL's clock says) and
//! never decides anything.
//!
//! ```
//! use pushback_model::Timestamp;
//! use pushback_store::{Change, Commit, Key, Keyring, Options, Store};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let options = Options::new(Keyring::generate()?);
//! let store = Store::open_sqlite(&folder.path().join("pushback.db"), options).await?;
//! let key = Key::new("subscriber", "alice@example.org")?;
//! let now = Timestamp::from_millis(1_772_400_000_000);
//! let change = Change::at(now).create(key.clone(), b"{}".to_vec());
//! assert!(matches!(store.commit(change).await?, Commit::Committed(_)));
//! assert!(store.load(&key).await?.is_some());
//! # Ok(())
//! # }
//! ```

pub mod audit;
mod batch;
mod change;
mod db;
mod error;
mod hand_over;
mod key;
mod migrate;
mod options;
mod outbox;
mod private_file;
mod receipt;
mod seal;
mod store;
mod watch;
mod writer;

pub use audit::{Broken, Fault, Recorded, Verified, VerifyError, Within};
pub use change::{
    Answer, AuditEntry, AuditPlace, BODY_BYTES_MAX, Change, Commit, Committed, Conflict, Document,
    OutboxRow, PARTS_MAX, Refusal,
};
pub use error::StoreError;
pub use key::{ID_BYTES_MAX, KIND_BYTES_MAX, Key, Version};
pub use migrate::SchemaError;
pub use options::Options;
pub use outbox::{CLAIM_MAX, Claimed, Dead, backoff};
pub use private_file::PrivateFileError;
pub use receipt::{Checkpoint, PublicKey, Receipt, ReceiptError, Signer};
pub use seal::{Keyring, Place, SealError};
pub use store::{FoundAnswer, Listed, Outbox, Resealing, Seen, Store, Swept};
pub use watch::Watch;
