//! One after the other: decisions about the same subscriber, on this node.
//!
//! Every decision rewrites the subscriber's document and counts only if nobody else was faster. Of a
//! hundred at once one would be kept and ninety-nine made again, round after round, and the owner's
//! answer would be any of them. So each waits for its turn here and then finds the document as it is;
//! what the owner does goes before what strangers want. Only other nodes can be faster still, and of
//! those there are few.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pushback_store::Key;
use pushback_verify::{Command, Own, SubscriberState};
use tokio::sync::oneshot;

use crate::AppError;

/// Decisions of one rank that wait for one subscriber at most. With a commit in a few milliseconds the
/// last of them waits for less than a second.
const WAITING_MAX: usize = 64;

/// Who goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rank {
    /// What was signed, or comes from an administrator or from time itself.
    First,
    /// What a known device or phone of the owner's begins: as the first, but one at a time.
    Own(Own),
    /// What anybody can bring about.
    Anybody,
}

impl Rank {
    /// Without a document nothing is known that could be the owner's own.
    // SECURITY: a cookie is authentic for as long as it counts, whatever became of the device: those of
    // another relying party, and of devices that were forgotten, are strangers' here as they are to the
    // rules. Guarded by `a_cookie_that_makes_nobody_known_waits_with_the_strangers`.
    pub(crate) fn of(command: &Command, state: Option<&SubscriberState>) -> Self {
        match command {
            Command::StartAttempt(attempt) => {
                state.and_then(|state| state.own(attempt)).map_or(Self::Anybody, Self::Own)
            }
            Command::CancelAttempt(_)
            | Command::ProveTotp(..)
            | Command::ProveCertificate(..)
            | Command::IssueAddressCode { .. }
            | Command::Recover { .. } => Self::Anybody,
            _ => Self::First,
        }
    }
}

/// The lines before the documents. A document that is being decided about has one, empty or not.
#[derive(Default)]
pub(crate) struct Turns {
    lines: Mutex<BTreeMap<Key, Line>>,
    refused: AtomicU64,
}

#[derive(Default)]
struct Line {
    first: VecDeque<Waiting>,
    anybody: VecDeque<Waiting>,
}

struct Waiting {
    call: oneshot::Sender<Turn>,
    /// What of the owner's own waits, if it is that.
    own: Option<Own>,
}

impl Line {
    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        let next = self.first.pop_front().or_else(|| self.anybody.pop_front());
        next.map(|waiting| waiting.call)
    }

    /// Where somebody of this rank waits.
    // SECURITY: whoever has one cookie of the owner's could fill the owner's line with it. What waits
    // there already has its place; what else it begins waits with everybody. Guarded by
    // `a_known_device_has_one_place_in_the_owners_line`.
    fn place(&mut self, rank: Rank) -> &mut VecDeque<Waiting> {
        let waits = |own: Own| {
            let mut first = self.first.iter();
            first.any(|waiting| waiting.own == Some(own) && !waiting.call.is_closed())
        };
        match rank {
            Rank::First => &mut self.first,
            Rank::Own(own) if !waits(own) => &mut self.first,
            Rank::Own(_) | Rank::Anybody => &mut self.anybody,
        }
    }
}

impl Turns {
    /// Waits for one's turn at this document, and says whether that took waiting.
    ///
    /// # Errors
    /// [`AppError::Busy`] at once, where too many of that rank wait already.
    // SECURITY: strangers who keep many attempts in flight must not keep the owner from saying no.
    // Guarded by `an_owner_says_no_before_the_strangers_who_wait`.
    pub(crate) async fn take(
        self: &Arc<Self>,
        key: &Key,
        rank: Rank,
    ) -> Result<(Turn, bool), AppError> {
        let called = match self.lines().entry(key.clone()) {
            Entry::Vacant(free) => {
                free.insert(Line::default());
                return Ok((self.turn(key.clone()), false));
            }
            Entry::Occupied(mut line) => {
                let line = line.get_mut().place(rank);
                // Who went away while waiting takes no place.
                if line.len() >= WAITING_MAX {
                    line.retain(|waiting| !waiting.call.is_closed());
                }
                if line.len() >= WAITING_MAX {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                    return Err(AppError::Busy);
                }
                let (call, called) = oneshot::channel();
                let own = match rank {
                    Rank::Own(own) => Some(own),
                    Rank::First | Rank::Anybody => None,
                };
                line.push_back(Waiting { call, own });
                called
            }
        };
        // A turn is always handed on; none coming would mean that it was lost, and then nothing is
        // decided.
        let turn = called.await.map_err(|_| AppError::Busy)?;
        Ok((turn, true))
    }

    /// How many decisions were refused since the start, because too many waited.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// How many wait for a document.
    #[cfg(test)]
    pub(crate) fn waiting(&self, key: &Key) -> usize {
        self.lines().get(key).map_or(0, |line| line.first.len() + line.anybody.len())
    }

    fn turn(self: &Arc<Self>, key: Key) -> Turn {
        Turn(Some((Arc::clone(self), key)))
    }

    fn lines(&self) -> MutexGuard<'_, BTreeMap<Key, Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to decide about one document; goes to the next in line when it is dropped.
pub(crate) struct Turn(Option<(Arc<Turns>, Key)>);

impl Drop for Turn {
    fn drop(&mut self) {
        let Some((turns, key)) = self.0.take() else { return };
        loop {
            let mut lines = turns.lines();
            let Some(next) = lines.get_mut(&key).and_then(Line::next) else {
                lines.remove(&key);
                return;
            };
            drop(lines);
            match next.send(turns.turn(key.clone())) {
                Ok(()) => return,
                // Who went away meanwhile hands it back; it must not go on by itself.
                Err(mut turn) => turn.0 = None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use pushback_verify::DeviceId;

    use super::*;

    fn key() -> Key {
        Key::new("thing", "one").unwrap()
    }

    /// Somebody who waits, and whether they came through.
    fn waiting(
        turns: &Arc<Turns>,
        rank: Rank,
        name: &'static str,
        order: &Arc<Mutex<Vec<&'static str>>>,
    ) -> tokio::task::JoinHandle<()> {
        let (turns, order) = (Arc::clone(turns), Arc::clone(order));
        tokio::spawn(async move {
            let (_turn, waited) = turns.take(&key(), rank).await.unwrap();
            assert!(waited);
            order.lock().unwrap().push(name);
        })
    }

    /// Lets those who were started come as far as they can: until so many wait.
    async fn until_so_many_wait(turns: &Turns, count: usize) {
        while turns.waiting(&key()) < count {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn owners_go_first_and_who_went_away_holds_nobody_up() {
        let (turns, order) = (Arc::new(Turns::default()), Arc::default());
        let (held, waited) = turns.take(&key(), Rank::Anybody).await.unwrap();
        assert!(!waited);
        let stranger = waiting(&turns, Rank::Anybody, "stranger", &order);
        let gone = waiting(&turns, Rank::Anybody, "gone", &order);
        let owner = waiting(&turns, Rank::First, "owner", &order);
        until_so_many_wait(&turns, 3).await;
        gone.abort();
        assert!(gone.await.is_err());
        drop(held);
        owner.await.unwrap();
        stranger.await.unwrap();
        assert_eq!(*order.lock().unwrap(), ["owner", "stranger"]);
        assert!(turns.lines().is_empty(), "nothing is left behind");
    }

    #[tokio::test]
    async fn a_known_device_has_one_place_in_the_owners_line() {
        let (turns, order) = (Arc::new(Turns::default()), Arc::default());
        let (held, _) = turns.take(&key(), Rank::Anybody).await.unwrap();
        let device = |n| Rank::Own(Own::Device(DeviceId(n)));
        let mut all = vec![waiting(&turns, Rank::Anybody, "stranger", &order)];
        for (count, (rank, name)) in [
            (device(1), "device"),
            (device(1), "device again"),
            (device(2), "other device"),
            (Rank::First, "signed"),
        ]
        .into_iter()
        .enumerate()
        {
            until_so_many_wait(&turns, count + 1).await;
            all.push(waiting(&turns, rank, name, &order));
        }
        until_so_many_wait(&turns, 5).await;
        drop(held);
        for one in all {
            one.await.unwrap();
        }
        let expected = ["device", "other device", "signed", "stranger", "device again"];
        assert_eq!(*order.lock().unwrap(), expected);
    }

    #[tokio::test]
    async fn a_line_is_bounded_and_strangers_do_not_fill_the_owners() {
        let (turns, order) = (Arc::new(Turns::default()), Arc::default());
        let (held, _) = turns.take(&key(), Rank::First).await.unwrap();
        let all: Vec<_> =
            (0..WAITING_MAX).map(|_| waiting(&turns, Rank::Anybody, "", &order)).collect();
        until_so_many_wait(&turns, WAITING_MAX).await;
        assert!(matches!(turns.take(&key(), Rank::Anybody).await, Err(AppError::Busy)));
        assert_eq!(turns.refused(), 1);
        let owner = waiting(&turns, Rank::First, "owner", &order);
        let other = Key::new("thing", "two").unwrap();
        assert!(!turns.take(&other, Rank::Anybody).await.unwrap().1, "others wait for nobody");
        until_so_many_wait(&turns, WAITING_MAX + 1).await;
        drop(held);
        owner.await.unwrap();
        for one in all {
            one.await.unwrap();
        }
        assert_eq!(order.lock().unwrap().first(), Some(&"owner"));
        assert!(turns.lines().is_empty());
    }
}
