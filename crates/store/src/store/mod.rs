//! The handle that the rest of the program holds.

mod admin;
mod effects;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use crate::change::{Effect, Write};
use crate::db::postgres::Server;
use crate::db::{Reader, Value};
use crate::hand_over::HandOver;
use crate::key::{ID_BYTES_MAX, KIND_BYTES_MAX, name};
use crate::watch::{self, Hub, Watch};
use crate::writer::{self, Queue, Settings, Target};
use crate::{Change, Commit, Document, Key, Keyring, Options, Place, StoreError, Version};

pub use admin::{Resealing, Swept};
pub use effects::Outbox;

/// Documents in one page of a list at most.
const PAGE_MAX: usize = 1_000;

const DOCUMENTS: &str = "documents";

/// The state of the prompt service. Cheap to clone; all clones are one store.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    queue: Queue,
    reader: Reader,
    keys: Keyring,
    hub: Arc<Hub>,
    hand_over: Arc<HandOver>,
    poll_every: Duration,
    claims_max: i64,
    file: Option<PathBuf>,
    tasks: Vec<AbortHandle>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The documents with their ids, in the order of the ids' bytes.
    pub documents: Vec<(String, Document)>,
    /// What to hand in for the next page; `None` after the last one.
    pub next: Option<String>,
}

/// A document, looked at by somebody who knows a version of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It has the version that was known.
    AsKnown,
    /// It has another, or none was known.
    Other(Document),
    /// There is none.
    Absent,
}

/// A stored answer.
#[derive(Clone, PartialEq, Eq)]
pub struct FoundAnswer {
    /// The digest of the request that was answered. If the repeated request has another one, it is
    /// another request under a used key, and must be refused.
    pub request_digest: [u8; 32],
    /// The answer.
    pub body: Vec<u8>,
}

impl Store {
    /// Opens `sqlite:FILE`, or a path, or `postgres://…` (also `postgresql://…`).
    ///
    /// # Errors
    /// As [`Store::open_sqlite`] and [`Store::open_postgres`].
    pub async fn open(database: &str, options: Options) -> Result<Self, StoreError> {
        if database.starts_with("postgres://") || database.starts_with("postgresql://") {
            return Self::open_postgres(database, options).await;
        }
        let path = database.strip_prefix("sqlite:").unwrap_or(database);
        Self::open_sqlite(Path::new(path), options).await
    }

    /// Opens or creates an SQLite database on a disk of this machine, and brings its schema up to date.
    ///
    /// # Errors
    /// If the file cannot be used, is another program's, or was sealed with other keys.
    pub async fn open_sqlite(path: &Path, options: Options) -> Result<Self, StoreError> {
        Self::start(Target::Sqlite(path.to_path_buf()), options).await
    }

    /// Connects to PostgreSQL 14 or later, and brings the schema up to date. The connections live on
    /// the runtime that calls this.
    ///
    /// `sslrootcert=FILE` in the URL names the certificate authority as PEM; a server on another
    /// machine is reached with TLS or not at all.
    ///
    /// # Errors
    /// If the server cannot be reached, does not commit durably, or was used with other keys.
    pub async fn open_postgres(url: &str, options: Options) -> Result<Self, StoreError> {
        let server = Server::parse(url, options.danger_plain_postgres)?;
        Self::start(Target::Postgres(server), options).await
    }

    /// Whether `postgres://…` can be read, with the certificate authority that it names. Nothing is
    /// connected, and no error repeats the address.
    ///
    /// # Errors
    /// As [`Store::open_postgres`], as far as it can be known without the server.
    pub fn check_address(url: &str) -> Result<(), StoreError> {
        Server::parse(url, false).map(drop)
    }

    async fn start(target: Target, options: Options) -> Result<Self, StoreError> {
        name("a chain", &options.chain, KIND_BYTES_MAX)?;
        let hub = Arc::new(Hub::default());
        let mut tasks = Vec::new();
        let (mut notices, mut file) = (None, None);
        match &target {
            Target::Sqlite(path) => file = Some(path.clone()),
            Target::Postgres(server) => {
                let (sender, receiver) = mpsc::channel(watch::NOTICES_MAX);
                notices = Some(sender);
                let node = node_name()?;
                let (to, from) = (server.clone(), server.clone());
                let hear = watch::listen(from, node.clone(), Arc::clone(&hub));
                tasks.push(tokio::spawn(hear).abort_handle());
                let tell = watch::notify(to, node, Arc::clone(&hub), receiver);
                tasks.push(tokio::spawn(tell).abort_handle());
            }
        }
        let hand_over = Arc::new(HandOver::default());
        let settings = Settings {
            target: target.clone(),
            chain: options.chain,
            batch_max: options.batch_max.max(1),
            outbox_max: options.outbox_max,
            hub: Arc::clone(&hub),
            hand_over: Arc::clone(&hand_over),
            notices,
        };
        let (jobs, queue) = mpsc::channel(options.queue_max.max(1));
        let (ready, opened) = oneshot::channel();
        let thread = writer::start(settings, queue, ready)?;
        let shared = opened.await.map_err(|_| StoreError::Closed)??;
        let reader = match target {
            Target::Sqlite(path) => Reader::sqlite(&path, options.readers)?,
            Target::Postgres(server) => Reader::postgres(server, options.readers),
        };
        let inner = Inner {
            queue: Queue::new(jobs, shared),
            reader,
            keys: options.keys,
            hub,
            hand_over,
            poll_every: options.poll_every,
            claims_max: i64::from(options.claims_max.max(1)),
            file,
            tasks,
            thread: Mutex::new(Some(thread)),
        };
        let store = Self { inner: Arc::new(inner) };
        store.check_keys().await?;
        Ok(store)
    }

    /// Commits a change.
    ///
    /// # Errors
    /// If the change breaks a bound, or the database fails: nothing of it was kept then, except that
    /// after [`StoreError::Unknown`] nobody knows.
    pub async fn commit(&self, mut change: Change) -> Result<Commit, StoreError> {
        change.check()?;
        self.inner.hand_over.plan(&mut change);
        self.seal(&mut change)?;
        self.inner.queue.commit(change).await
    }

    /// Loads a document; `None` if there is none.
    ///
    /// # Errors
    /// If the database fails, or the document does not open with these keys.
    pub async fn load(&self, key: &Key) -> Result<Option<Document>, StoreError> {
        let sql = "SELECT version, body FROM documents \
                   WHERE kind = $1 AND id = $2 AND deleted_at IS NULL";
        let params = vec![Value::text(key.kind()), Value::text(key.id())];
        let Some(mut row) = self.inner.reader.query(sql, params).await?.pop() else {
            return Ok(None);
        };
        let version = Version::raw(row.int(DOCUMENTS)?);
        let body = self.unseal_document(key.kind(), key.id(), &row.blob(DOCUMENTS)?)?;
        Ok(Some(Document { version, body }))
    }

    /// Looks at documents with one question, as they are at one instant. Of a document whose version
    /// is as known, no body travels.
    ///
    /// # Errors
    /// As [`Store::load`].
    pub async fn look<const N: usize>(
        &self,
        known: [(&Key, Option<Version>); N],
    ) -> Result<[Seen; N], StoreError> {
        let mut params = Vec::with_capacity(3 * N);
        for (key, version) in known {
            // No document has the version 0.
            params.push(Value::Int(version.map_or(0, Version::get)));
            params.extend([Value::text(key.kind()), Value::text(key.id())]);
        }
        let mut seen = [const { Seen::Absent }; N];
        for mut row in self.inner.reader.query(&look_sql(N), params).await? {
            let at = usize::try_from(row.int(DOCUMENTS)?).unwrap_or(N);
            let version = Version::raw(row.int(DOCUMENTS)?);
            let (Some(place), Some((key, _))) = (seen.get_mut(at), known.get(at)) else { continue };
            *place = match row.opt_blob(DOCUMENTS)? {
                Some(sealed) => {
                    let body = self.unseal_document(key.kind(), key.id(), &sealed)?;
                    Seen::Other(Document { version, body })
                }
                None => Seen::AsKnown,
            };
        }
        Ok(seen)
    }

    /// Lists documents of a kind after an id (`None`: from the first), at most 1,000 a page.
    ///
    /// # Errors
    /// If the database fails, or a document does not open with these keys.
    pub async fn list(
        &self,
        kind: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Listed, StoreError> {
        name("a kind", kind, KIND_BYTES_MAX)?;
        if let Some(after) = after {
            name("an id", after, ID_BYTES_MAX)?;
        }
        let limit = limit.clamp(1, PAGE_MAX);
        let sql = "SELECT id, version, body FROM documents \
                   WHERE kind = $1 AND id > $2 AND deleted_at IS NULL ORDER BY id LIMIT $3";
        let params = vec![
            Value::text(kind),
            Value::text(after.unwrap_or_default()),
            Value::Int(i64::try_from(limit).unwrap_or(i64::MAX)),
        ];
        let mut documents = Vec::new();
        for mut row in self.inner.reader.query_aside(sql, params).await? {
            let (id, version) = (row.text(DOCUMENTS)?, Version::raw(row.int(DOCUMENTS)?));
            let body = self.unseal_document(kind, &id, &row.blob(DOCUMENTS)?)?;
            documents.push((id, Document { version, body }));
        }
        let is_full = documents.len() == limit;
        let next = documents.last().filter(|_| is_full).map(|(id, _)| id.clone());
        Ok(Listed { documents, next })
    }

    /// Finds the answer to a request that was answered before, if it has not expired at `now`.
    ///
    /// # Errors
    /// If the database fails, or the answer does not open with these keys.
    pub async fn find_answer(
        &self,
        request_key: &str,
        now: pushback_model::Timestamp,
    ) -> Result<Option<FoundAnswer>, StoreError> {
        const TABLE: &str = "answers";
        name("a request key", request_key, ID_BYTES_MAX)?;
        let sql = "SELECT request_digest, body FROM answers \
                   WHERE request_key = $1 AND expires_at > $2";
        let params = vec![Value::text(request_key), Value::Int(now.as_millis())];
        let Some(mut row) = self.inner.reader.query(sql, params).await?.pop() else {
            return Ok(None);
        };
        let request_digest = row.bytes_32(TABLE)?;
        let body = self.inner.keys.unseal(answer_place(&[request_key]), &row.blob(TABLE)?)?;
        Ok(Some(FoundAnswer { request_digest, body }))
    }

    /// Watches a document, on this node and on the others. Begin before reading.
    #[must_use]
    pub fn watch(&self, key: &Key) -> Watch {
        self.inner.hub.watch(watch::document_hash(key), self.inner.poll_every)
    }

    /// Wake-ups that were not sent or not waited for because of a bound or a lost connection, since
    /// the start; each cost somebody one poll.
    #[must_use]
    pub fn lost_wake_ups(&self) -> u64 {
        self.inner.hub.lost()
    }

    /// How many questions the database was asked since the start, commits and claims aside.
    #[must_use]
    pub fn questions(&self) -> usize {
        self.inner.reader.asked()
    }

    /// Writes what is queued, then stops. Waits for other clones of this store to be dropped; what is
    /// acknowledged is on disk without this too.
    pub async fn close(self) {
        let thread = self.inner.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(self);
        if let Some(thread) = thread {
            // A writer that panicked has already failed those who waited for it.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }

    fn seal(&self, change: &mut Change) -> Result<(), StoreError> {
        let keys = &self.inner.keys;
        for (key, _, write) in &mut change.documents {
            if let Write::Put(body) = write {
                *body = keys.seal(document_place(&[key.kind(), key.id()]), body)?;
            }
        }
        for Effect { row, .. } in &mut change.outbox {
            row.payload = keys.seal(effects::place(&[&row.key]), &row.payload)?;
        }
        if let Some(answer) = &mut change.answer {
            answer.body = keys.seal(answer_place(&[&answer.request_key]), &answer.body)?;
        }
        Ok(())
    }

    fn unseal_document(&self, kind: &str, id: &str, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        Ok(self.inner.keys.unseal(document_place(&[kind, id]), sealed)?)
    }

    /// Refuses at the start, rather than at the first subscriber, when the key file is another one.
    // SECURITY: a node with other keys would seal what no node can open. Guarded by
    // `a_database_does_not_open_with_another_key_file`.
    async fn check_keys(&self) -> Result<(), StoreError> {
        let key = Key::new("pushback.store", "key-check")?;
        let wrong = |error: &dyn std::fmt::Display| {
            StoreError::Setup(format!("the key file does not fit this database: {error}"))
        };
        loop {
            match self.load(&key).await {
                Ok(Some(_)) => return Ok(()),
                Err(StoreError::Seal(error)) => return Err(wrong(&error)),
                Err(error) => return Err(error),
                Ok(None) => {}
            }
            let change = Change::default().create(key.clone(), b"these are the keys".to_vec());
            match self.commit(change).await? {
                Commit::Committed(_) => return Ok(()),
                // Another node was first: its keys are the ones to have.
                Commit::Conflict(_) | Commit::Refused(_) => tokio::task::yield_now().await,
            }
        }
    }
}

/// Questions for so many documents; few numbers are ever used.
fn look_sql(count: usize) -> String {
    let one = |at: usize| {
        let first = 3 * at + 1;
        format!(
            "SELECT CAST({at} AS BIGINT), version, \
             CASE WHEN version = ${first} THEN NULL ELSE body END FROM documents \
             WHERE kind = ${} AND id = ${} AND deleted_at IS NULL",
            first + 1,
            first + 2
        )
    };
    (0..count).map(one).collect::<Vec<_>>().join(" UNION ALL ")
}

const fn document_place<'a>(row: &'a [&'a str]) -> Place<'a> {
    Place { table: DOCUMENTS, column: "body", row }
}

const fn answer_place<'a>(row: &'a [&'a str]) -> Place<'a> {
    Place { table: "answers", column: "body", row }
}

/// Tells this process from the others that share the notifications.
fn node_name() -> Result<String, StoreError> {
    let mut bytes = [0; 8];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| crate::SealError::Random)?;
    Ok(format!("{:016x}", u64::from_be_bytes(bytes)))
}
