//! SQLite, embedded: one file, one writer.

use std::path::Path;
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql, params_from_iter};

use super::{Answer, Edge, Param, Row, Step, Value};
use crate::StoreError;

/// How long a statement waits for another process that writes (a command line beside the service).
const BUSY_WAIT: Duration = Duration::from_secs(5);
/// Prepared statements kept: five sizes of each of the statements in `batch`.
const STATEMENTS: usize = 128;

/// `pbs1`: tells this file from other SQLite databases (`PRAGMA application_id`).
const APPLICATION_ID: i64 = 0x7062_7331;

pub(crate) struct Sqlite(Connection);

impl Sqlite {
    /// Opens the file for writing, creating it for its owner alone.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        create(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags)?;
        conn.busy_timeout(BUSY_WAIT)?;
        let id: i64 = conn.query_row("PRAGMA application_id", [], |row| row.get(0))?;
        let tables: i64 =
            conn.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
        if id != APPLICATION_ID && tables > 0 {
            let path = path.display();
            return Err(StoreError::Setup(format!("{path} is a database of another program")));
        }
        // WAL with FULL: a commit is one append and one sync, and returns only when that is on disk
        // (fullfsync: also on a Mac, where an ordinary sync stops at the drive's cache).
        // Every 64 MiB (16,384 pages) the log is carried over into the file, in the way of one commit;
        // every 4 MiB, the default, costs a fifth of the rate (measured with examples/commits.rs).
        // A commit that moved pages of an index about looks through the whole cache afterwards: with
        // 64 MiB that was a fifteenth of the time of a prompt cycle, and the system caches the file too.
        conn.execute_batch(&format!(
            "PRAGMA application_id = {APPLICATION_ID};
             PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA fullfsync = ON;
             PRAGMA checkpoint_fullfsync = ON;
             PRAGMA journal_size_limit = 134217728;
             PRAGMA wal_autocheckpoint = 16384;
             PRAGMA cache_size = -16384;
             PRAGMA temp_store = MEMORY;"
        ))?;
        Self::checked(conn)
    }

    /// Opens the file for reading only.
    pub(crate) fn open_reader(path: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags)?;
        conn.busy_timeout(BUSY_WAIT)?;
        conn.execute_batch("PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY;")?;
        Ok(Self::cached(conn))
    }

    fn checked(conn: Connection) -> Result<Self, StoreError> {
        let mode: String = conn.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
        let sync: i64 = conn.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
        // SECURITY: a commit that a power cut can take back would let a spent prompt ring again.
        // Guarded by `sqlite_syncs_every_commit`.
        if mode != "wal" || sync != 2 {
            return Err(StoreError::Setup(format!(
                "SQLite runs with journal_mode {mode} and synchronous {sync}, \
                 but needs wal and 2; is the file on a network file system?"
            )));
        }
        Ok(Self::cached(conn))
    }

    fn cached(conn: Connection) -> Self {
        conn.set_prepared_statement_cache_capacity(STATEMENTS);
        Self(conn)
    }

    pub(crate) fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64, StoreError> {
        let count = self.0.prepare_cached(sql)?.execute(params_from_iter(params))?;
        Ok(count as u64)
    }

    pub(crate) fn query(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        let mut statement = self.0.prepare_cached(sql)?;
        let columns = statement.column_count();
        let mut rows = statement.query(params_from_iter(params))?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            let values = (0..columns).map(|column| row.get_ref(column).map(value));
            all.push(Row::new(values.collect::<Result<_, _>>()?));
        }
        Ok(all)
    }

    pub(crate) fn run(
        &mut self,
        edge: Edge,
        steps: &[Step<'_>],
    ) -> Result<Vec<Answer>, StoreError> {
        if edge == Edge::Begin {
            self.execute("BEGIN IMMEDIATE", &[])?;
        }
        let answers = steps
            .iter()
            .map(|step| {
                let gives_rows = self.0.prepare_cached(&step.sql)?.column_count() > 0;
                Ok(match gives_rows {
                    true => Answer { rows: self.query(&step.sql, &step.params)?, count: 0 },
                    false => {
                        Answer { rows: Vec::new(), count: self.execute(&step.sql, &step.params)? }
                    }
                })
            })
            .collect::<Result<_, StoreError>>()?;
        if edge == Edge::Commit {
            self.execute("COMMIT", &[]).map_err(ending)?;
        }
        Ok(answers)
    }

    pub(crate) fn script(&mut self, sql: &str) -> Result<(), StoreError> {
        Ok(self.0.execute_batch(sql)?)
    }
}

/// What an error of a commit means: a busy database kept nothing; when writing or syncing the log
/// failed, the next start may find the commit in it.
fn ending(error: StoreError) -> StoreError {
    match &error {
        StoreError::Sqlite(cause) if cause.sqlite_error_code() != Some(ErrorCode::DatabaseBusy) => {
            StoreError::Unknown
        }
        _ => error,
    }
}

/// Creates the file first, so that it is private from its first byte; SQLite gives the write-ahead
/// log the same mode.
fn create(path: &Path) -> Result<(), StoreError> {
    match crate::private_file::options().create_new(true).write(true).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(StoreError::file(path, error)),
    }
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        // No column here holds one; it fails where a number or a text is wanted.
        ValueRef::Real(_) => Value::Null,
        // Text that is not UTF-8 fails where text is wanted.
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => Value::Blob(text.to_vec()),
        },
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}

impl ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_syncs_every_commit() {
        let folder = tempfile::tempdir().unwrap();
        let conn = Sqlite::open(&folder.path().join("a.db")).unwrap();
        assert!(Sqlite::checked(conn.0).is_ok());
        let lax = Connection::open(folder.path().join("b.db")).unwrap();
        lax.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;").unwrap();
        assert!(matches!(Sqlite::checked(lax), Err(StoreError::Setup(_))));
    }

    #[test]
    fn a_commit_that_failed_otherwise_than_by_a_busy_database_is_unknown() {
        let failed = |code| {
            let cause = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
            ending(cause.into())
        };
        assert!(matches!(failed(rusqlite::ffi::SQLITE_BUSY), StoreError::Sqlite(_)));
        for code in [rusqlite::ffi::SQLITE_IOERR_FSYNC, rusqlite::ffi::SQLITE_FULL] {
            assert!(matches!(failed(code), StoreError::Unknown));
        }
    }

    #[test]
    fn the_database_of_another_program_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.db");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
        assert!(matches!(Sqlite::open(&path), Err(StoreError::Setup(_))));
    }

    #[cfg(unix)]
    #[test]
    fn the_database_file_is_made_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        Sqlite::open(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
