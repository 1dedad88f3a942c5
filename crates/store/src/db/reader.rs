//! Reading beside the writer.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio_postgres::{Client, Statement};

use super::postgres::{Server, query};
use super::sqlite::Sqlite;
use super::{Param, Row, Value};
use crate::StoreError;

/// Questions that may wait for one reader of SQLite; more wait in their callers.
const WAITING_MAX: usize = 256;
/// How long one question to PostgreSQL may take.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// Connections that only read, shared by all callers in turn.
#[expect(clippy::large_enum_variant, reason = "there is one a store")]
pub(crate) enum Reader {
    Sqlite { threads: Vec<mpsc::Sender<Question>>, next: AtomicUsize },
    Postgres { server: Server, slots: Vec<Slot>, next: AtomicUsize },
}

pub(crate) struct Question {
    sql: String,
    params: Vec<Value>,
    reply: oneshot::Sender<Result<Vec<Row>, StoreError>>,
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
        let mut threads = Vec::new();
        for number in 0..readers.max(1) {
            let (sender, mut questions) = mpsc::channel::<Question>(WAITING_MAX);
            let mut conn = Sqlite::open_reader(path)?;
            std::thread::Builder::new()
                .name(format!("store-read-{number}"))
                .spawn(move || {
                    while let Some(question) = questions.blocking_recv() {
                        let params: Vec<Param<'_>> =
                            question.params.iter().map(Value::as_param).collect();
                        // Nobody waits any more: that is the caller's right.
                        let _ = question.reply.send(conn.query(&question.sql, &params));
                    }
                })
                .map_err(|error| StoreError::Setup(format!("no thread for reading: {error}")))?;
            threads.push(sender);
        }
        Ok(Self::Sqlite { threads, next: AtomicUsize::new(0) })
    }

    pub(crate) fn postgres(server: Server, readers: usize) -> Self {
        let slots = (0..readers.max(1)).map(|_| Slot::default()).collect();
        Self::Postgres { server, slots, next: AtomicUsize::new(0) }
    }

    pub(crate) async fn query(
        &self,
        sql: &str,
        params: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Sqlite { threads, next } => {
                let turn = next.fetch_add(1, Ordering::Relaxed) % threads.len().max(1);
                let thread = threads.get(turn).ok_or(StoreError::Closed)?;
                let (reply, answer) = oneshot::channel();
                let question = Question { sql: sql.to_owned(), params, reply };
                thread.send(question).await.map_err(|_| StoreError::Closed)?;
                answer.await.map_err(|_| StoreError::Closed)?
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
