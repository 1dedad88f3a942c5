//! What has run out is taken out.

use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::future::join_all;
use pushback_store::{Change, Commit};

use crate::attempts::ATTEMPT;
use crate::documents::{AttemptRecord, Kind, Registration};
use crate::encoding::first_id;
use crate::{App, AppError};

/// Documents that are looked at, and taken out, in one step of a sweep.
const SWEPT_AT_ONCE: usize = 200;
/// Attempts beside those that are due which one sweep looks at.
const WALKED_MAX: usize = 1_000;
/// How long an attempt can be asked about.
const ATTEMPT_LIFE: pushback_model::Span = pushback_model::Span::hours(24);

/// How far this node has got with sweeping attempts.
#[derive(Default)]
pub(crate) struct SweptAttempts(Mutex<Places>);

#[derive(Clone, Default)]
struct Places {
    /// What began before this id's second was due, and is taken out.
    due: Option<String>,
    /// The last one that was looked at beside those; none at the end, to begin anew.
    walked: Option<String>,
}

impl SweptAttempts {
    fn places(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The documents of a kind that a sweep looks at, in the order of their ids.
struct Stretch<'s> {
    after: Option<String>,
    /// Not included.
    before: Option<&'s str>,
    documents_max: usize,
}

/// What came of it.
#[derive(Default)]
struct SweptStretch {
    taken_out: usize,
    /// The last id that was looked at, if there are more.
    next: Option<String>,
    /// Why the first one could not be read that cannot be.
    failed: Option<AppError>,
}

impl App {
    /// Takes out what has run out, all of it; for every few minutes. Nothing while this node's clock is not
    /// believed.
    ///
    /// # Errors
    /// The first [`AppError`], if the database fails or a document cannot be read; the rest is swept all
    /// the same.
    pub async fn sweep(&self) -> Result<(), AppError> {
        if self.clock_doubt().is_some() {
            return Ok(());
        }
        let now = self.now();
        let swept = [
            self.sweep_codes().await,
            self.sweep_sessions().await,
            self.sweep_attempts().await,
            self.sweep_all(|begun: &Registration| now >= begun.expires_at).await,
            self.sweep_totps().await,
            self.write_refused_sign_ins().await,
            self.sweep_store().await,
        ];
        swept.into_iter().collect()
    }

    /// In bounded steps, between which the changes of others are written.
    // SECURITY: what is swept more slowly than strangers can make it grows until the disk is full.
    // Guarded by `a_sweep_goes_on_until_nothing_is_left`.
    async fn sweep_store(&self) -> Result<(), AppError> {
        let now = self.now();
        while !self.inner.store.sweep(now).await?.is_complete {}
        Ok(())
    }

    /// Takes out all documents of a kind that are over. Anybody can begin a ceremony, so there may be many.
    pub(crate) async fn sweep_all<K: Kind + Send + Sync>(
        &self,
        is_over: impl Fn(&K) -> bool + Send + Sync,
    ) -> Result<(), AppError> {
        let all = Stretch { after: None, before: None, documents_max: usize::MAX };
        let swept = self.sweep_stretch(all, is_over).await?;
        swept.failed.map_or(Ok(()), Err)
    }

    /// Takes out all documents of a kind, whether over or not; gives how many.
    pub(crate) async fn take_out_all<K: Kind + Send + Sync>(&self) -> Result<usize, AppError> {
        let all = Stretch { after: None, before: None, documents_max: usize::MAX };
        let swept = self.sweep_stretch(all, |_: &K| true).await?;
        swept.failed.map_or(Ok(swept.taken_out), Err)
    }

    /// Takes out attempts that are over without reading a day of others: their ids begin with the second
    /// in which they began, so those that are due are the next after those of the last sweep.
    ///
    /// Beside those, each sweep looks at a bounded stretch of all, and goes on there the next time: ids of
    /// before, and of a clock that ran ahead, say nothing.
    // SECURITY: anybody can begin an attempt, so what is due is taken out however much it is. Guarded by
    // `a_sweep_of_attempts_reads_what_is_due_and_little_else`.
    async fn sweep_attempts(&self) -> Result<(), AppError> {
        let now = self.now();
        let is_over = |attempt: &AttemptRecord| now >= attempt.started_at + ATTEMPT_LIFE;
        let Places { due, walked } = self.inner.swept.places().clone();
        let before = first_id(ATTEMPT, now - ATTEMPT_LIFE);
        // A clock that went back begins anew.
        let after = due.filter(|due| *due < before);
        let documents_max = usize::MAX;
        let stretch = Stretch { after, before: Some(&before), documents_max };
        let due = self.sweep_stretch(stretch, is_over).await?;
        self.inner.swept.places().due = Some(before);
        let stretch = Stretch { after: walked, before: None, documents_max: WALKED_MAX };
        let others = self.sweep_stretch(stretch, is_over).await?;
        self.inner.swept.places().walked = others.next;
        due.failed.or(others.failed).map_or(Ok(()), Err)
    }

    // SECURITY: one that cannot be read stays, and is told of; it must not keep the rest. Guarded by
    // `what_cannot_be_read_keeps_nothing_else_from_being_swept`.
    async fn sweep_stretch<K: Kind + Send + Sync>(
        &self,
        stretch: Stretch<'_>,
        is_over: impl Fn(&K) -> bool + Send + Sync,
    ) -> Result<SweptStretch, AppError> {
        let Stretch { mut after, before, mut documents_max } = stretch;
        let (store, mut swept) = (&self.inner.store, SweptStretch::default());
        loop {
            let limit = documents_max.min(SWEPT_AT_ONCE);
            let page = store.list(K::NAME, after.as_deref(), limit).await?;
            documents_max -= limit;
            let is_within = |id: &str| before.is_none_or(|before| id < before);
            let mut changes = Vec::new();
            for (id, document) in page.documents.iter().filter(|(id, _)| is_within(id)) {
                match K::read(document) {
                    Ok((record, version)) if is_over(&record) => {
                        changes.push(Change::at(self.now()).delete(K::key(id)?, version));
                    }
                    Ok(_) => {}
                    Err(error) => swept.failed = swept.failed.or(Some(error)),
                }
            }
            // Together, so that they share a sync of the disk; what somebody else took out is as good.
            let ended = join_all(changes.into_iter().map(|change| store.commit(change))).await;
            for commit in ended {
                swept.taken_out += usize::from(matches!(commit?, Commit::Committed(_)));
            }
            swept.next.clone_from(&page.next);
            after = page.next;
            let goes_on = after.as_deref().is_some_and(is_within) && documents_max > 0;
            if !goes_on {
                return Ok(swept);
            }
        }
    }
}
