//! Wake-ups: who waits for a document hears of its change, here and on the other nodes.
//!
//! A wake-up is a hint, never a fact: it says "look again". Losing one costs the time until the next
//! look ([`crate::Options::poll_every`]), nothing else. On PostgreSQL hints travel by LISTEN and
//! NOTIFY, sent after the commit on a connection of their own: inside a transaction NOTIFY takes a
//! lock of the whole server until the commit is on disk, and the nodes would commit one at a time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use tokio::sync::{mpsc, watch};

use crate::Key;
use crate::db::postgres::Server;

/// Keys that can be waited for at once on one node; who comes later polls only.
const WATCHED_MAX: usize = 100_000;
/// The channel that the nodes share.
const CHANNEL: &str = "pushback";
/// Hashes in one notification: 16 digits each stay below the 8,000 bytes that PostgreSQL takes.
const HASHES_MAX: usize = 450;
/// Batches of hashes that may wait to be sent; more are dropped and counted.
pub(crate) const NOTICES_MAX: usize = 1_024;
/// A notification is a transaction that writes to the log, and would wait for the disk like the commits
/// that it tells of, in their way. A hint that a crash takes with it is no loss: whoever waited has to
/// connect again, and looks.
const HINTS: &str = "SET synchronous_commit = off; SET statement_timeout = '30s'";
/// How long to wait before connecting again.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// What is told between nodes instead of a name: short, and nobody learns a name from it. Two names
/// that share a hash wake each other, which costs one look.
pub(crate) type Hash = u64;

pub(crate) fn document_hash(key: &Key) -> Hash {
    hash(&[b"d", key.kind().as_bytes(), b"\0", key.id().as_bytes()])
}

pub(crate) fn topic_hash(topic: &str) -> Hash {
    hash(&[b"o", topic.as_bytes()])
}

fn hash(parts: &[&[u8]]) -> Hash {
    let sum = digest(&SHA256, &parts.concat());
    let first = sum.as_ref().first_chunk().copied().unwrap_or_default();
    u64::from_be_bytes(first)
}

struct Slot {
    sender: watch::Sender<()>,
    watchers: usize,
}

/// The watchers of one node.
#[derive(Default)]
pub(crate) struct Hub {
    slots: Mutex<BTreeMap<Hash, Slot>>,
    /// Watchers that only poll, because there were too many, and notices that were dropped.
    lost: AtomicU64,
}

impl Hub {
    pub(crate) fn watch(self: &Arc<Self>, hash: Hash, poll_every: Duration) -> Watch {
        let mut slots = self.slots();
        if slots.len() >= WATCHED_MAX && !slots.contains_key(&hash) {
            self.count_lost();
            return Watch { poll_every, slot: None };
        }
        let slot = slots
            .entry(hash)
            .or_insert_with(|| Slot { sender: watch::Sender::new(()), watchers: 0 });
        slot.watchers += 1;
        let receiver = slot.sender.subscribe();
        Watch { poll_every, slot: Some(Watched { hub: Arc::clone(self), hash, receiver }) }
    }

    pub(crate) fn wake(&self, hashes: impl IntoIterator<Item = Hash>) {
        let slots = self.slots();
        if slots.is_empty() {
            return;
        }
        for hash in hashes {
            if let Some(slot) = slots.get(&hash) {
                slot.sender.send_replace(());
            }
        }
    }

    /// Everybody looks again: hints may have been lost.
    fn wake_all(&self) {
        for slot in self.slots().values() {
            slot.sender.send_replace(());
        }
    }

    pub(crate) fn count_lost(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    fn slots(&self) -> MutexGuard<'_, BTreeMap<Hash, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    fn watched(&self) -> usize {
        self.slots().len()
    }
}

/// Waits for changes of one document, or for effects of one topic.
///
/// Begin to watch before reading: a change after the reading is then never missed.
pub struct Watch {
    poll_every: Duration,
    slot: Option<Watched>,
}

struct Watched {
    hub: Arc<Hub>,
    hash: Hash,
    receiver: watch::Receiver<()>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        let mut slots = self.hub.slots();
        if let Some(slot) = slots.get_mut(&self.hash) {
            slot.watchers = slot.watchers.saturating_sub(1);
            if slot.watchers == 0 {
                slots.remove(&self.hash);
            }
        }
    }
}

impl Watch {
    /// Returns when it is worth to look again: there was a wake-up since the last call, or the time
    /// between two polls has passed.
    pub async fn changed(&mut self) {
        match &mut self.slot {
            Some(watched) => {
                // The sender lives as long as this watch does, and late is as good as woken.
                let _ = tokio::time::timeout(self.poll_every, watched.receiver.changed()).await;
            }
            None => tokio::time::sleep(self.poll_every).await,
        }
    }
}

/// Sends hints to the other nodes until the writer is gone.
pub(crate) async fn notify(
    server: Server,
    node: String,
    hub: Arc<Hub>,
    mut notices: mpsc::Receiver<Vec<Hash>>,
) {
    let mut hashes: Vec<Hash> = Vec::new();
    'connection: loop {
        let Ok((client, wire)) = server.connect().await else {
            tokio::time::sleep(AGAIN_AFTER).await;
            // What waited for longer than a connection takes is for the pollers.
            while notices.try_recv().is_ok() {
                hub.count_lost();
            }
            if notices.is_closed() && notices.is_empty() {
                return;
            }
            continue;
        };
        let driver = tokio::spawn(wire.drive());
        if client.batch_execute(HINTS).await.is_err() {
            driver.abort();
            tokio::time::sleep(AGAIN_AFTER).await;
            continue;
        }
        loop {
            let Some(first) = notices.recv().await else {
                driver.abort();
                return;
            };
            hashes.extend(first);
            while let Ok(more) = notices.try_recv() {
                hashes.extend(more);
            }
            hashes.sort_unstable();
            hashes.dedup();
            for part in hashes.chunks(HASHES_MAX) {
                let payload = encode(&node, part);
                let told = client
                    .execute("SELECT pg_notify($1, $2)", &[&CHANNEL, &payload.as_str()])
                    .await;
                if told.is_err() {
                    hub.count_lost();
                    hashes.clear();
                    driver.abort();
                    continue 'connection;
                }
            }
            hashes.clear();
        }
    }
}

/// Hears the hints of the other nodes for as long as the store lives.
pub(crate) async fn listen(server: Server, node: String, hub: Arc<Hub>) {
    loop {
        if let Ok((client, mut wire)) = server.connect().await {
            // The answer to LISTEN is read by whoever drives the connection, which is the loop below.
            let listen = tokio::spawn(async move {
                client.batch_execute(&format!("LISTEN {CHANNEL}")).await.ok()?;
                Some(client)
            });
            hub.wake_all();
            while let Some(told) = wire.notification().await {
                hub.wake(decode(&node, told.payload()));
            }
            listen.abort();
        }
        tokio::time::sleep(AGAIN_AFTER).await;
        hub.wake_all();
    }
}

/// `node hash hash …`, hashes as 16 hexadecimal digits without blanks between them.
fn encode(node: &str, hashes: &[Hash]) -> String {
    let mut payload = format!("{node} ");
    for hash in hashes {
        payload.push_str(&format!("{hash:016x}"));
    }
    payload
}

/// The hashes that another node told of; nothing for our own, or for what is no such message.
fn decode(node: &str, payload: &str) -> Vec<Hash> {
    let Some((from, digits)) = payload.split_once(' ') else { return Vec::new() };
    if from == node {
        return Vec::new();
    }
    digits
        .as_bytes()
        .as_chunks::<16>()
        .0
        .iter()
        .filter_map(|digits| Hash::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: Duration = Duration::from_secs(3_600);

    #[tokio::test(start_paused = true)]
    async fn a_wake_up_between_looking_and_waiting_is_not_missed() {
        let hub = Arc::new(Hub::default());
        let mut watch = hub.watch(7, NEVER);
        hub.wake([7]);
        let started = tokio::time::Instant::now();
        watch.changed().await;
        assert_eq!(started.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_wake_up_the_poll_comes() {
        let hub = Arc::new(Hub::default());
        let mut watch = hub.watch(7, Duration::from_secs(3));
        hub.wake([8]);
        let started = tokio::time::Instant::now();
        watch.changed().await;
        assert_eq!(started.elapsed(), Duration::from_secs(3));
    }

    #[test]
    fn the_last_watcher_leaves_nothing_behind() {
        let hub = Arc::new(Hub::default());
        let (one, two) = (hub.watch(7, NEVER), hub.watch(7, NEVER));
        drop(one);
        assert_eq!(hub.watched(), 1);
        drop(two);
        assert_eq!(hub.watched(), 0);
    }

    #[test]
    fn a_node_does_not_wake_itself_twice_and_bad_payloads_wake_nobody() {
        let payload = encode("a", &[1, u64::MAX]);
        assert_eq!(decode("b", &payload), [1, u64::MAX]);
        assert_eq!(decode("a", &payload), [0_u64; 0]);
        for bad in ["", "x", "x 12", "x zzzzzzzzzzzzzzzz"] {
            assert_eq!(decode("b", bad), [0_u64; 0], "{bad}");
        }
        assert!(encode(&"n".repeat(16), &[0; HASHES_MAX]).len() < 8_000);
    }

    #[test]
    fn names_are_told_apart() {
        let key = |kind, id| document_hash(&Key::new(kind, id).unwrap());
        assert_ne!(key("ab", "c"), key("a", "bc"));
        assert_ne!(key("a", "b"), topic_hash("a"));
    }
}
