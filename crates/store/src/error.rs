//! What can fail, told apart by what the caller can do about it.

use std::path::PathBuf;
use std::sync::Arc;

/// A failure of the store. Refusals (a conflict, a full queue) are values, see [`crate::Commit`].
///
/// It can be cloned because one failed transaction fails every change that was batched into it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite failed; nothing of the transaction was kept.
    #[error("the SQLite database failed")]
    Sqlite(#[source] Arc<rusqlite::Error>),
    /// PostgreSQL failed; nothing of the transaction was kept.
    #[error("the PostgreSQL database failed")]
    Postgres(#[source] Arc<tokio_postgres::Error>),
    /// PostgreSQL could not be reached in time.
    #[error("the PostgreSQL database did not answer within {seconds} s")]
    Timeout {
        /// How long was waited.
        seconds: u64,
    },
    /// The connection was lost, or the disk failed, while committing: the change may or may not have
    /// been kept.
    ///
    /// Whoever gets this reads again before doing anything; a repeated change is caught by its
    /// expected versions.
    #[error("the connection or the disk failed during a commit; whether it was kept is not known")]
    Unknown,
    /// Other writers were in the way every time; nothing was kept and the change may be tried again.
    #[error("other writers were in the way {tries} times")]
    Contended {
        /// How often the transaction was tried.
        tries: u32,
    },
    /// The store was closed, or its thread ended; nothing was kept.
    #[error("the store is closed")]
    Closed,
    /// A row holds something that this program never writes.
    #[error("the table {table} holds a row that cannot be read: {what}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// What is wrong with the row.
        what: String,
    },
    /// A value is longer than the store takes, or a name is not one.
    #[error("{what} has {bytes} bytes but must have between {min} and {max}")]
    Size {
        /// Which value.
        what: &'static str,
        /// Its length.
        bytes: usize,
        /// The least length.
        min: usize,
        /// The greatest length.
        max: usize,
    },
    /// A change has more parts than the store takes at once.
    #[error("a change has {parts} parts but may have {max}")]
    TooManyParts {
        /// How many.
        parts: usize,
        /// How many there may be.
        max: usize,
    },
    /// A change names one thing twice.
    #[error("a change names {what} twice")]
    Twice {
        /// What is named twice.
        what: &'static str,
    },
    /// Something sealed cannot be opened.
    #[error(transparent)]
    Seal(#[from] crate::SealError),
    /// The database cannot be used as it is set up.
    #[error("{0}")]
    Setup(String),
    /// The schema does not fit this program.
    #[error(transparent)]
    Schema(#[from] crate::SchemaError),
    /// A file could not be used.
    #[error("{} {}", path.display(), why(source))]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: Arc<std::io::Error>,
    },
}

/// Why a file cannot be used, where the system's words say less than there is to know.
fn why(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::AlreadyExists => "exists already".to_owned(),
        std::io::ErrorKind::NotFound => {
            "cannot be used: it or its folder does not exist".to_owned()
        }
        _ => format!("cannot be used: {error}"),
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(Arc::new(error))
    }
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(Arc::new(error))
    }
}

impl StoreError {
    pub(crate) fn file(path: &std::path::Path, source: std::io::Error) -> Self {
        Self::File { path: path.to_path_buf(), source: Arc::new(source) }
    }

    pub(crate) fn corrupt(table: &'static str, what: impl Into<String>) -> Self {
        Self::Corrupt { table, what: what.into() }
    }
}
