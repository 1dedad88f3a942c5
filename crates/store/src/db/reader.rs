//! Reading beside the writer.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tokio_postgres::{Client, Statement};

use super::postgres::{Server, query};
use super::sqlite::Sqlite;
use super::{Param, Row, Value};
use crate::StoreError;

/// How long one question to PostgreSQL may take.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// Connections that only read, shared by all callers in turn. Questions that read more than a few rows
/// have connections of their own: a question by key never waits for one of them.
#[expect(clippy::large_enum_variant, reason = "there is one a store")]
pub(crate) enum Reader {
    Sqlite { conns: Vec<Mutex<Sqlite>>, aside: Arc<Aside>, next: AtomicUsize },
    Postgres { server: Server, slots: Vec<Slot>, aside: Slot, next: AtomicUsize },
}

/// Connections to SQLite that are used on threads made for waiting.
pub(crate) struct Aside {
    free: Mutex<Vec<Sqlite>>,
    /// As many as there are connections.
    places: Arc<Semaphore>,
}

impl Aside {
    fn new(conns: Vec<Sqlite>) -> Self {
        Self { places: Arc::new(Semaphore::new(conns.len())), free: Mutex::new(conns) }
    }

    fn free(&self) -> MutexGuard<'_, Vec<Sqlite>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was begun is ended on its thread, also when nobody waits for it any more.
    async fn query(
        self: &Arc<Self>,
        sql: &str,
        params: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|_| StoreError::Closed)?;
        let (aside, sql) = (Arc::clone(self), sql.to_owned());
        let asking = tokio::task::spawn_blocking(move || {
            let mut conn = aside.free().pop().ok_or(StoreError::Closed)?;
            let params: Vec<Param<'_>> = params.iter().map(Value::as_param).collect();
            let rows = conn.query(&sql, &params);
            aside.free().push(conn);
            drop(place);
            rows
        });
        asking.await.map_err(|_| StoreError::Closed)?
    }
}

/// Holds a connection, or none after it was lost.
#[derive(Default)]
pub(crate) struct Slot(tokio::sync::Mutex<Option<Arc<Shared>>>);

struct Shared {
    client: Client,
    statements: Mutex<BTreeMap<String, Statement>>,
    driver: AbortHandle,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Reader {
    pub(crate) fn sqlite(path: &Path, readers: usize) -> Result<Self, StoreError> {
        let open = || {
            let conns = (0..readers.max(1)).map(|_| Sqlite::open_reader(path));
            conns.collect::<Result<Vec<_>, _>>()
        };
        let conns = open()?.into_iter().map(Mutex::new).collect();
        let aside = Arc::new(Aside::new(open()?));
        Ok(Self::Sqlite { conns, aside, next: AtomicUsize::new(0) })
    }

    pub(crate) fn postgres(server: Server, readers: usize) -> Self {
        let slots = (0..readers.max(1)).map(|_| Slot::default()).collect();
        Self::Postgres { server, slots, aside: Slot::default(), next: AtomicUsize::new(0) }
    }

    /// How many questions were asked since the start.
    pub(crate) fn asked(&self) -> usize {
        match self {
            Self::Sqlite { next, .. } | Self::Postgres { next, .. } => next.load(Ordering::Relaxed),
        }
    }

    /// Asks for a few rows by their key.
    pub(crate) async fn query(
        &self,
        sql: &str,
        params: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        match self {
            // On the caller's own thread. A question costs a few pages, which are nearly always in
            // memory: less than the two times that threads would have to wake each other.
            Self::Sqlite { conns, next, .. } => {
                let turn = next.fetch_add(1, Ordering::Relaxed) % conns.len().max(1);
                let (before, from) = conns.split_at_checked(turn).ok_or(StoreError::Closed)?;
                let free = from.iter().chain(before).find_map(|conn| conn.try_lock().ok());
                let first = || from.first().map(|conn| conn.lock());
                let mut conn = match free {
                    Some(conn) => conn,
                    None => {
                        first().ok_or(StoreError::Closed)?.unwrap_or_else(PoisonError::into_inner)
                    }
                };
                let params: Vec<Param<'_>> = params.iter().map(Value::as_param).collect();
                conn.query(sql, &params)
            }
            Self::Postgres { server, slots, next, .. } => {
                let turn = next.fetch_add(1, Ordering::Relaxed) % slots.len().max(1);
                let slot = slots.get(turn).ok_or(StoreError::Closed)?;
                slot.query(server, sql, &params).await
            }
        }
    }

    /// Asks for what is not found by a key: a page of a list, a count, a part of the audit trail.
    // SECURITY: how long that takes grows with what was written, and anybody may ask for some of it; it
    // must hold up neither a thread on which others are answered nor a question by key. Guarded by
    // `a_long_question_holds_nobody_up`.
    pub(crate) async fn query_aside(
        &self,
        sql: &str,
        params: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Sqlite { aside, next, .. } => {
                next.fetch_add(1, Ordering::Relaxed);
                aside.query(sql, params).await
            }
            Self::Postgres { server, aside, next, .. } => {
                next.fetch_add(1, Ordering::Relaxed);
                aside.query(server, sql, &params).await
            }
        }
    }
}

impl Slot {
    async fn query(
        &self,
        server: &Server,
        sql: &str,
        params: &[Value],
    ) -> Result<Vec<Row>, StoreError> {
        let params: Vec<Param<'_>> = params.iter().map(Value::as_param).collect();
        let asking = async {
            let shared = self.connected(server).await?;
            match shared.query(sql, &params).await {
                // Lost while nobody used it, which only the first use notices. Asking twice does no
                // harm.
                Err(StoreError::Postgres(_)) if shared.client.is_closed() => {
                    self.connected(server).await?.query(sql, &params).await
                }
                answer => answer,
            }
        };
        let late = StoreError::Timeout { seconds: ANSWER_WAIT.as_secs() };
        tokio::time::timeout(ANSWER_WAIT, asking).await.map_err(|_| late)?
    }

    async fn connected(&self, server: &Server) -> Result<Arc<Shared>, StoreError> {
        let mut slot = self.0.lock().await;
        if let Some(shared) = slot.as_ref().filter(|shared| !shared.client.is_closed()) {
            return Ok(Arc::clone(shared));
        }
        let shared = Arc::new(Shared::open(server).await?);
        *slot = Some(Arc::clone(&shared));
        Ok(shared)
    }
}

impl Shared {
    async fn open(server: &Server) -> Result<Self, StoreError> {
        let (client, wire) = server.connect().await?;
        let driver = tokio::spawn(wire.drive()).abort_handle();
        let shared = Self { client, statements: Mutex::default(), driver };
        shared.client.batch_execute(super::postgres::SETTINGS).await?;
        Ok(shared)
    }

    async fn query(&self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError> {
        let statement = self.statement(sql).await?;
        query(&self.client, &statement, params).await
    }

    async fn statement(&self, sql: &str) -> Result<Statement, StoreError> {
        let known =
            self.statements.lock().unwrap_or_else(PoisonError::into_inner).get(sql).cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let statement = self.client.prepare(sql).await?;
        let mut statements = self.statements.lock().unwrap_or_else(PoisonError::into_inner);
        statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds of counting.
    const LONG: &str = "WITH RECURSIVE counted (n) AS \
        (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 5000000) SELECT max(n) FROM counted";

    #[tokio::test]
    async fn a_long_question_holds_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        Sqlite::open(&path).unwrap();
        let reader = Arc::new(Reader::sqlite(&path, 1).unwrap());
        let asked = Arc::clone(&reader);
        let long = tokio::spawn(async move { asked.query_aside(LONG, Vec::new()).await });
        while reader.asked() == 0 {
            tokio::task::yield_now().await;
        }
        let mut rows = reader.query("SELECT 7", Vec::new()).await.unwrap();
        assert_eq!(rows.remove(0).int("none").unwrap(), 7);
        assert!(!long.is_finished(), "it is still being answered");
        let mut rows = long.await.unwrap().unwrap();
        assert_eq!(rows.remove(0).int("none").unwrap(), 5_000_000);
    }
}
