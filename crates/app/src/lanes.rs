//! What is on its way out: so much at once, each kind in a lane of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::AppError;

/// Rings that may be on their way at once, each to all phones of one subscriber.
pub(crate) const RINGS_MAX: usize = 256;
/// Notices and mails that may be on their way at once: each may be a process of the mailer.
pub(crate) const NOTICES_MAX: usize = 16;

/// How many effects of one kind are on their way.
pub(crate) struct Lane {
    places: Arc<Semaphore>,
    places_max: usize,
    /// Whether a round found no place and left something where it was.
    was_full: AtomicBool,
}

/// One place of a lane, given back when the effect has ended.
pub(crate) type Place = OwnedSemaphorePermit;

impl Lane {
    fn new(places_max: usize) -> Self {
        let places = Arc::new(Semaphore::new(places_max));
        Self { places, places_max, was_full: AtomicBool::new(false) }
    }

    /// Places that are free, at most so many. If there is none, something may be left.
    pub(crate) fn take(&self, places_max: usize) -> Vec<Place> {
        let place = || Arc::clone(&self.places).try_acquire_owned().ok();
        let places: Vec<Place> = std::iter::from_fn(place).take(places_max).collect();
        if places.is_empty() {
            self.was_full.store(true, Ordering::Relaxed);
        }
        places
    }

    /// Whether there is a place again for what was left.
    fn has_room_again(&self) -> bool {
        !self.is_full() && self.was_full.swap(false, Ordering::Relaxed)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.places.available_permits() == 0
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.places_max.saturating_sub(self.places.available_permits())
    }

    /// Waits until nothing is on its way.
    async fn emptied(&self) {
        let all = u32::try_from(self.places_max).unwrap_or(u32::MAX);
        // Nobody closes a lane.
        drop(self.places.acquire_many(all).await);
    }
}

/// The lanes of a node.
// SECURITY: a mailer that hangs must not keep phones from ringing. Guarded by
// `mails_that_hang_leave_the_places_of_rings`.
pub(crate) struct Lanes {
    pub(crate) rings: Lane,
    pub(crate) notices: Lane,
    ended: Notify,
    failed: Mutex<Option<AppError>>,
}

impl Default for Lanes {
    fn default() -> Self {
        Self {
            rings: Lane::new(RINGS_MAX),
            notices: Lane::new(NOTICES_MAX),
            ended: Notify::new(),
            failed: Mutex::default(),
        }
    }
}

impl Lanes {
    /// Whether something that a full lane left can be taken; says so once.
    pub(crate) fn has_room_again(&self) -> bool {
        self.rings.has_room_again() | self.notices.has_room_again()
    }

    /// Says that an effect has ended and its place is free.
    pub(crate) fn note_ended(&self, ended: Result<(), AppError>) {
        if let Err(error) = ended {
            *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
        self.ended.notify_one();
    }

    /// Waits until an effect has ended, or gives the end that nobody has waited for.
    pub(crate) async fn ended(&self) {
        self.ended.notified().await;
    }

    /// What last went wrong, since it was last asked.
    pub(crate) fn take_failed(&self) -> Option<AppError> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Waits until nothing is on its way.
    pub(crate) async fn emptied(&self) {
        join(self.rings.emptied(), self.notices.emptied()).await;
    }
}
