//! The one task that writes: it drains a bounded queue and commits what it finds at once.
//!
//! While one transaction syncs the disk, the next changes gather in the queue; they share the next
//! sync. Nobody waits for a batch to fill. On SQLite a change that comes while nothing is written is
//! committed by its caller, with the same writer.

mod upkeep;

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::error::SqlState;

use crate::batch::single;
use crate::batch::{self, Head, Room as Added, Trouble};
use crate::change::{Change, Effect};
use crate::db::Conn;
use crate::db::postgres::{Postgres, Server};
use crate::db::sqlite::Sqlite;
use crate::hand_over::HandOver;
use crate::outbox::{self, ClaimArgs, Claimed, Settle};
use crate::watch::{Hash, Hub, document_hash, topic_hash};
use crate::{Commit, Refusal, StoreError, Swept, migrate};

pub(crate) use upkeep::{CheckpointRow, Resealed, SweepArgs};

/// How often one batch is tried when other nodes are in the way.
const TRIES: u32 = 8;
/// How long one try may take on PostgreSQL, the commit included.
const TRY_WAIT: Duration = Duration::from_secs(20);
/// Batches between two exact counts of the outbox; see [`Writer::count_if_due`].
const COUNT_EVERY: u32 = 256;
/// While the outbox seems full it is counted more often, to notice room soon.
const COUNT_EVERY_FULL: u32 = 8;
/// Batches that go the long way after the short one failed: whoever was in the way may stay there for
/// a while, and each failure costs a way.
const LONG_FOR: u32 = 16;
/// Bytes of changes that may wait to be written; more are refused.
const QUEUE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// One request to the writer, its outcome so far, and who waits for it.
pub(crate) struct Task<A, T> {
    pub(crate) args: A,
    outcome: Cell<Option<T>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
    /// Room in the queue, given back when the task ends.
    _room: Option<Room>,
}

impl<A, T> Task<A, T> {
    fn new(args: A, room: Option<Room>) -> (Self, oneshot::Receiver<Result<T, StoreError>>) {
        let (reply, answer) = oneshot::channel();
        (Self { args, outcome: Cell::new(None), reply, _room: room }, answer)
    }

    fn end(self, ended: &Result<(), StoreError>) {
        let outcome = match ended {
            // Every task of a batch that committed has its outcome.
            Ok(()) => self.outcome.into_inner().ok_or(StoreError::Closed),
            Err(error) => Err(error.clone()),
        };
        // Nobody waits any more: that is the caller's right.
        let _ = self.reply.send(outcome);
    }
}

/// What the writer can be asked.
pub(crate) enum Job {
    Commit(Task<Change, Commit>),
    Claim(Task<ClaimArgs, Vec<Claimed>>),
    Done(Task<Vec<String>, usize>),
    Settle(Task<Settle, bool>),
    Sweep(Task<SweepArgs, Swept>),
    Reseal(Task<Vec<Resealed>, u64>),
    Checkpoint(Task<Vec<CheckpointRow>, ()>),
}

/// Where the database is.
#[expect(clippy::large_enum_variant, reason = "there is one a store")]
#[derive(Clone)]
pub(crate) enum Target {
    Sqlite(PathBuf),
    Postgres(Server),
}

/// What the writer is told when it starts.
pub(crate) struct Settings {
    pub(crate) target: Target,
    pub(crate) chain: String,
    pub(crate) batch_max: usize,
    pub(crate) outbox_max: usize,
    pub(crate) hub: Arc<Hub>,
    pub(crate) hand_over: Arc<HandOver>,
    pub(crate) notices: Option<mpsc::Sender<Vec<Hash>>>,
}

pub(crate) struct Writer {
    settings: Settings,
    /// `None` after a PostgreSQL connection was lost.
    conn: Option<Conn>,
    /// The head of the audit chain after this node's last commit; another node may have moved it.
    head: Option<Head>,
    /// Batches that go the long way before the short one is tried again.
    long_for: u32,
    /// Effects waiting at the last count, with what this node added and took out since.
    outbox_count: usize,
    batches_since_count: u32,
}

/// The writer of an SQLite file, which its callers may use too while its thread has nothing to do.
pub(crate) type Shared = Arc<Mutex<Writer>>;

/// Starts the writer's thread; the first answer says whether the database could be opened.
pub(crate) fn start(
    settings: Settings,
    mut jobs: mpsc::Receiver<Job>,
    ready: oneshot::Sender<Result<Option<Shared>, StoreError>>,
) -> Result<std::thread::JoinHandle<()>, StoreError> {
    let cannot = |error: std::io::Error| StoreError::Setup(format!("no thread: {error}"));
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(cannot)?;
    let run = move || {
        let is_shared = matches!(settings.target, Target::Sqlite(_));
        // Nobody may wait any more when it is ready: the queue is then closed too.
        match runtime.block_on(Writer::open(settings)) {
            Ok(writer) if is_shared => {
                let writer = Arc::new(Mutex::new(writer));
                let _ = ready.send(Ok(Some(Arc::clone(&writer))));
                run_shared(&writer, &mut jobs);
            }
            Ok(mut writer) => {
                let _ = ready.send(Ok(None));
                runtime.block_on(writer.run(&mut jobs));
            }
            Err(error) => {
                let _ = ready.send(Err(error));
            }
        }
    };
    std::thread::Builder::new().name("store-write".to_owned()).spawn(run).map_err(cannot)
}

/// Works until the queue is closed and empty, beside callers that write by themselves.
fn run_shared(writer: &Mutex<Writer>, jobs: &mut mpsc::Receiver<Job>) {
    let batch_max = lock(writer).settings.batch_max;
    let mut batch = Vec::new();
    while jobs.blocking_recv_many(&mut batch, batch_max) > 0 {
        lock(writer).write_now(std::mem::take(&mut batch));
    }
}

/// Also after a caller panicked while it wrote: the connection that it had taken out is closed then,
/// which keeps nothing of its transaction, and the next batch opens another.
fn lock(writer: &Mutex<Writer>) -> std::sync::MutexGuard<'_, Writer> {
    writer.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Writer {
    async fn open(settings: Settings) -> Result<Self, StoreError> {
        let mut conn = connect(&settings.target).await?;
        migrate::run(&mut conn).await?;
        let outbox_count = count_outbox(&mut conn).await?;
        Ok(Self {
            settings,
            conn: Some(conn),
            head: None,
            long_for: 0,
            outbox_count,
            batches_since_count: 0,
        })
    }

    /// Works until the queue is closed and empty.
    async fn run(&mut self, jobs: &mut mpsc::Receiver<Job>) {
        let mut batch = Vec::new();
        while jobs.recv_many(&mut batch, self.settings.batch_max).await > 0 {
            let ended = self.write(&batch).await;
            self.end(std::mem::take(&mut batch), &ended);
        }
    }

    /// The same for one batch on SQLite, where nothing waits for another task: the calls block the
    /// thread that they run on.
    fn write_now(&mut self, batch: Vec<Job>) {
        let ended = self.write(&batch).now_or_never().unwrap_or(Err(StoreError::Closed));
        self.end(batch, &ended);
    }

    /// Tells everybody how their job ended, and whoever waits for what changed.
    fn end(&self, mut batch: Vec<Job>, ended: &Result<(), StoreError>) {
        if ended.is_ok() {
            self.wake(&mut batch);
        }
        for job in batch {
            match job {
                Job::Commit(task) => task.end(ended),
                Job::Claim(task) => task.end(ended),
                Job::Done(task) => task.end(ended),
                Job::Settle(task) => task.end(ended),
                Job::Sweep(task) => task.end(ended),
                Job::Reseal(task) => task.end(ended),
                Job::Checkpoint(task) => task.end(ended),
            }
        }
    }

    async fn write(&mut self, jobs: &[Job]) -> Result<(), StoreError> {
        let (mut reconnected, mut may_lease) = (false, true);
        for _ in 0..TRIES {
            let mut conn = match self.conn.take() {
                Some(conn) if !conn.is_closed() => conn,
                Some(_) | None => connect(&self.settings.target).await?,
            };
            let outcome = match conn.is_postgres() {
                true => {
                    let attempt = self.attempt(&mut conn, jobs, may_lease);
                    match tokio::time::timeout(TRY_WAIT, attempt).await {
                        Ok(outcome) => outcome,
                        // The commit may have been on its way. The connection is dropped here.
                        Err(_) => {
                            self.head = None;
                            return Err(StoreError::Unknown);
                        }
                    }
                }
                false => self.attempt(&mut conn, jobs, may_lease).await,
            };
            let trouble = match outcome {
                Ok(()) => {
                    self.conn = Some(conn);
                    return Ok(());
                }
                Err(trouble) => trouble,
            };
            // A connection that cannot roll back is lost; a file is only as lost as its next use says.
            let is_lost = !conn.roll_back().await && conn.is_postgres();
            if !is_lost {
                self.conn = Some(conn);
            }
            match trouble {
                Trouble::Race => {}
                Trouble::Taken => may_lease = false,
                Trouble::Failed(error) if is_transient(&error) => {}
                // Lost before the commit was sent: nothing was kept, so once more on a new one.
                Trouble::Failed(StoreError::Postgres(_)) if is_lost && !reconnected => {
                    reconnected = true;
                }
                Trouble::Failed(error) => return Err(error),
            }
        }
        Err(StoreError::Contended { tries: TRIES })
    }

    async fn attempt(
        &mut self,
        conn: &mut Conn,
        jobs: &[Job],
        may_lease: bool,
    ) -> Result<(), Trouble> {
        let changes: Vec<&Change> = jobs
            .iter()
            .filter_map(|job| match job {
                Job::Commit(task) => Some(&task.args),
                Job::Claim(_)
                | Job::Done(_)
                | Job::Settle(_)
                | Job::Sweep(_)
                | Job::Reseal(_)
                | Job::Checkpoint(_) => None,
            })
            .collect();
        if let Conn::Postgres(conn) = conn
            && self.may_go_short(jobs, &changes)
            && let Some(short) =
                single::prepare(&self.settings.chain, self.head, &changes, self.room(may_lease))
        {
            match conn.alone(single::SQL, &short.sent()).await {
                Ok(()) => {}
                Err(error) if is_transient(&error) || is_beaten(&error) => {
                    self.long_for = LONG_FOR;
                    return Err(Trouble::Race);
                }
                Err(error) => {
                    // Whether the chain moved is not known.
                    self.head = None;
                    return Err(error.into());
                }
            }
            let added: usize = changes.iter().map(|change| change.outbox.len()).sum();
            self.head = short.new_head().or(self.head);
            // What was taken out may have been gone: noticed at the next count.
            let gone = short.withdrawn();
            self.outbox_count = self.outbox_count.saturating_add(added).saturating_sub(gone);
            self.batches_since_count += 1;
            let mut outcomes = short.outcomes.into_iter();
            for job in jobs {
                if let Job::Commit(task) = job {
                    task.outcome.set(outcomes.next());
                }
            }
            return Ok(());
        }
        self.long_for = self.long_for.saturating_sub(1);
        let read = batch::begin(conn, &changes).await?;
        let wanted = changes.iter().map(|change| change.outbox.len()).sum();
        self.count_if_due(conn, wanted).await?;
        let room = self.room(may_lease);
        let chain = &self.settings.chain;
        let mut written = batch::write(conn, chain, &changes, read, room).await?;
        let mut outcomes = std::mem::take(&mut written.outcomes).into_iter();
        let gone = done(conn, jobs).await?;
        let mut added = 0;
        for job in jobs {
            match job {
                Job::Commit(task) => {
                    let outcome = outcomes.next();
                    if matches!(outcome, Some(Commit::Committed(_))) {
                        added += task.args.outbox.len();
                    }
                    task.outcome.set(outcome);
                }
                Job::Claim(task) => {
                    task.outcome.set(Some(outbox::claim(conn, &task.args).await?));
                }
                Job::Done(task) => {
                    let there = |key: &&String| gone.binary_search(*key).is_ok();
                    task.outcome.set(Some(task.args.iter().filter(there).count()));
                }
                Job::Settle(task) => {
                    task.outcome.set(Some(outbox::settle(conn, &task.args).await?));
                }
                Job::Sweep(task) => task.outcome.set(Some(upkeep::sweep(conn, task.args).await?)),
                Job::Reseal(task) => {
                    task.outcome.set(Some(upkeep::reseal(conn, &task.args).await?))
                }
                Job::Checkpoint(task) => {
                    upkeep::checkpoint(conn, &task.args).await?;
                    task.outcome.set(Some(()));
                }
            }
        }
        if let Some(head) = written.commit(conn).await? {
            self.head = Some(head);
        }
        let gone = gone.len() + written.withdrawn;
        self.outbox_count = self.outbox_count.saturating_add(added).saturating_sub(gone);
        Ok(())
    }

    /// Whether a batch is only changes, nobody was in the way of late, and nothing is to be counted.
    fn may_go_short(&self, jobs: &[Job], changes: &[&Change]) -> bool {
        let is_counted = self.batches_since_count + 1 < COUNT_EVERY;
        self.long_for == 0 && is_counted && changes.len() == jobs.len()
    }

    /// What may be added to the outbox by what is known.
    const fn room(&self, may_lease: bool) -> Added {
        let outbox = self.settings.outbox_max.saturating_sub(self.outbox_count);
        Added { outbox, kept: self.kept(), may_lease }
    }

    /// How much of the outbox is not for changes that yield.
    const fn kept(&self) -> usize {
        self.settings.outbox_max / 10
    }

    /// Counts the outbox, if it is time. What other nodes add or take out is noticed then: after some
    /// batches, or before refusing if the last count is not fresh.
    async fn count_if_due(&mut self, conn: &mut Conn, wanted: usize) -> Result<(), StoreError> {
        let wanted = wanted.saturating_add(self.kept());
        let seems_full = self.outbox_count.saturating_add(wanted) > self.settings.outbox_max;
        self.batches_since_count += 1;
        if self.batches_since_count >= if seems_full { COUNT_EVERY_FULL } else { COUNT_EVERY } {
            self.outbox_count = count_outbox(conn).await?;
            self.batches_since_count = 0;
        }
        Ok(())
    }

    /// Hands over what this node works on itself, and wakes whoever waits for what changed. What is
    /// due later wakes nobody.
    fn wake(&self, jobs: &mut [Job]) {
        let (hub, hand_over) = (&self.settings.hub, &self.settings.hand_over);
        let mut hashes = Vec::new();
        for job in jobs {
            let Job::Commit(task) = job else { continue };
            let Some(Commit::Committed(committed)) = task.outcome.get_mut() else { continue };
            let is_leased = |effect: &Effect| committed.leased && effect.leased_until.is_some();
            let change = &mut task.args;
            for effect in &change.outbox {
                if effect.row.due_at > change.at {
                    continue;
                }
                let topic = topic_hash(&effect.row.topic);
                if is_leased(effect) {
                    // Only here: to other nodes it is an effect that somebody holds.
                    hand_over.put(&mut change.handed);
                    hub.wake([topic]);
                } else {
                    hand_over.note_due();
                    hashes.push(topic);
                }
            }
            hashes.extend(change.written().map(document_hash));
        }
        if hashes.is_empty() {
            return;
        }
        hub.wake(hashes.iter().copied());
        if let Some(notices) = &self.settings.notices
            && notices.try_send(hashes).is_err()
        {
            hub.count_lost();
        }
    }
}

async fn connect(target: &Target) -> Result<Conn, StoreError> {
    Ok(match target {
        Target::Sqlite(path) => Conn::Sqlite(Sqlite::open(path)?),
        Target::Postgres(server) => Conn::Postgres(Postgres::open(server).await?),
    })
}

/// Whether other writers were in the way and the same transaction may work next time.
fn is_transient(error: &StoreError) -> bool {
    let StoreError::Postgres(error) = error else { return false };
    [
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::UNIQUE_VIOLATION,
    ]
    .iter()
    .any(|state| error.code() == Some(state))
}

/// Whether the short way found something not to be as assumed; see [`single::SQL`].
fn is_beaten(error: &StoreError) -> bool {
    let StoreError::Postgres(error) = error else { return false };
    error.code() == Some(&SqlState::DIVISION_BY_ZERO)
}

async fn count_outbox(conn: &mut Conn) -> Result<usize, StoreError> {
    let rows = conn.query("SELECT count(*) FROM outbox WHERE dead_at IS NULL", &[]).await?;
    let count = rows.into_iter().next().map(|mut row| row.int("outbox")).transpose()?;
    Ok(count.and_then(|count| usize::try_from(count).ok()).unwrap_or_default())
}

/// Takes out what any of these jobs says is done, in few statements; sorted.
async fn done(conn: &mut Conn, jobs: &[Job]) -> Result<Vec<String>, StoreError> {
    let mut keys = Vec::new();
    for job in jobs {
        if let Job::Done(task) = job {
            keys.extend(task.args.iter().map(String::as_str));
        }
    }
    keys.sort_unstable();
    keys.dedup();
    let mut gone = outbox::done(conn, &keys).await?;
    gone.sort_unstable();
    Ok(gone)
}

/// The queue to the writer; full is a refusal, never a wait.
pub(crate) struct Queue {
    jobs: mpsc::Sender<Job>,
    bytes: Arc<AtomicUsize>,
    writer: Option<Shared>,
}

/// Bytes that a waiting change takes up.
struct Room {
    bytes: Arc<AtomicUsize>,
    taken: usize,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.bytes.fetch_sub(self.taken, Ordering::Relaxed);
    }
}

impl Queue {
    pub(crate) fn new(jobs: mpsc::Sender<Job>, writer: Option<Shared>) -> Self {
        Self { jobs, bytes: Arc::default(), writer }
    }

    pub(crate) async fn commit(&self, change: Change) -> Result<Commit, StoreError> {
        let taken = change.bytes();
        let room = Room { bytes: Arc::clone(&self.bytes), taken };
        if self.bytes.fetch_add(taken, Ordering::Relaxed).saturating_add(taken) > QUEUE_BYTES_MAX {
            return Ok(Commit::Refused(Refusal::QueueFull));
        }
        let (task, answer) = Task::new(change, Some(room));
        let Some(job) = self.write_alone(Job::Commit(task)) else {
            return answer.await.map_err(|_| StoreError::Closed)?;
        };
        match self.jobs.try_send(job) {
            Ok(()) => answer.await.map_err(|_| StoreError::Closed)?,
            Err(mpsc::error::TrySendError::Full(_)) => Ok(Commit::Refused(Refusal::QueueFull)),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(StoreError::Closed),
        }
    }

    /// Writes a job on the caller's own thread if the writer is shared and nobody uses it or waits
    /// for it; else gives it back. To wake the writer's thread and to be woken by it would take
    /// longer than to write.
    fn write_alone(&self, job: Job) -> Option<Job> {
        let is_free = self.jobs.capacity() == self.jobs.max_capacity() && !self.jobs.is_closed();
        let writer = self.writer.as_ref().filter(|_| is_free);
        let Some(mut writer) = writer.and_then(|writer| writer.try_lock().ok()) else {
            return Some(job);
        };
        writer.write_now(vec![job]);
        None
    }

    /// For workers, of which there are few: they wait for room.
    pub(crate) async fn ask<A, T>(
        &self,
        args: A,
        job: impl FnOnce(Task<A, T>) -> Job,
    ) -> Result<T, StoreError> {
        let (task, answer) = Task::new(args, None);
        self.jobs.send(job(task)).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

#[cfg(test)]
mod tests;
