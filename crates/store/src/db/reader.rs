//! Reading beside the writer.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio_postgres::{Client, Statement};

use super::postgres::{Server, query};
use super::sqlite::Sqlite;
use super::{Param, Row, Value};
use crate::StoreError;

/// How long one question to PostgreSQL may take.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// Connections that only read, shared by all callers in turn.
#[expect(clippy::large_enum_variant, reason = "there is one a store")]
pub(crate) enum Reader {
    Sqlite { conns: Vec<Mutex<Sqlite>>, next: AtomicUsize },
    Postgres { server: Server, slots: Vec<Slot>, next: AtomicUsize },
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
        let conns = (0..readers.max(1)).map(|_| Sqlite::open_reader(path).map(Mutex::new));
        Ok(Self::Sqlite { conns: conns.collect::<Result<_, _>>()?, next: AtomicUsize::new(0) })
    }

    pub(crate) fn postgres(server: Server, readers: usize) -> Self {
        let slots = (0..readers.max(1)).map(|_| Slot::default()).collect();
        Self::Postgres { server, slots, next: AtomicUsize::new(0) }
    }

    /// How many questions were asked since the start.
    pub(crate) fn asked(&self) -> usize {
        match self {
            Self::Sqlite { next, .. } | Self::Postgres { next, .. } => next.load(Ordering::Relaxed),
        }
    }

    pub(crate) async fn query(
        &self,
        sql: &str,
        params: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        match self {
            // On the caller's own thread. A question costs a few pages, which are nearly always in
            // memory: less than the two times that threads would have to wake each other.
            Self::Sqlite { conns, next } => {
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
            Self::Postgres { server, slots, next } => {
                let turn = next.fetch_add(1, Ordering::Relaxed) % slots.len().max(1);
                let slot = slots.get(turn).ok_or(StoreError::Closed)?;
                let params: Vec<Param<'_>> = params.iter().map(Value::as_param).collect();
                let asking = async {
                    let shared = slot.connected(server).await?;
                    match shared.query(sql, &params).await {
                        // Lost while nobody used it, which only the first use notices. Asking twice
                        // does no harm.
                        Err(StoreError::Postgres(_)) if shared.client.is_closed() => {
                            slot.connected(server).await?.query(sql, &params).await
                        }
                        answer => answer,
                    }
                };
                let late = StoreError::Timeout { seconds: ANSWER_WAIT.as_secs() };
                tokio::time::timeout(ANSWER_WAIT, asking).await.map_err(|_| late)?
            }
        }
    }
}

impl Slot {
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
