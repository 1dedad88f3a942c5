//! What has run out is taken out.

use futures_util::future::join_all;
use pushback_store::{Change, Commit};

use crate::documents::{AttemptRecord, Kind, Registration};
use crate::{App, AppError};

/// Documents that are looked at, and taken out, in one step of a sweep.
const SWEPT_AT_ONCE: usize = 200;
/// How long an attempt can be asked about.
const ATTEMPT_LIFE: pushback_model::Span = pushback_model::Span::hours(24);

impl App {
    /// Takes out what has run out, all of it; for every few minutes.
    ///
    /// # Errors
    /// The first [`AppError`], if the database fails or a document cannot be read; the rest is swept all
    /// the same.
    pub async fn sweep(&self) -> Result<(), AppError> {
        let now = self.now();
        let swept = [
            self.sweep_codes().await,
            self.sweep_sessions().await,
            self.sweep_all(|attempt: &AttemptRecord| now >= attempt.started_at + ATTEMPT_LIFE)
                .await,
            self.sweep_all(|begun: &Registration| now >= begun.expires_at).await,
            self.sweep_totps().await,
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

    /// Takes out all documents of a kind that are over. Anybody can begin an attempt or a ceremony, so
    /// there may be many.
    // SECURITY: one that cannot be read stays, and is told of; it must not keep the rest. Guarded by
    // `what_cannot_be_read_keeps_nothing_else_from_being_swept`.
    pub(crate) async fn sweep_all<K: Kind + Send + Sync>(
        &self,
        is_over: impl Fn(&K) -> bool + Send + Sync,
    ) -> Result<(), AppError> {
        let (store, mut after, mut failed) = (&self.inner.store, None, None);
        loop {
            let page = store.list(K::NAME, after.as_deref(), SWEPT_AT_ONCE).await?;
            let mut changes = Vec::new();
            for (id, document) in &page.documents {
                match K::read(document) {
                    Ok((record, version)) if is_over(&record) => {
                        changes.push(Change::at(self.now()).delete(K::key(id)?, version));
                    }
                    Ok(_) => {}
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
            // Together, so that they share a sync of the disk; what somebody else took out is as good.
            let ended = join_all(changes.into_iter().map(|change| store.commit(change))).await;
            for commit in ended {
                let _: Commit = commit?;
            }
            after = page.next;
            if after.is_none() {
                return failed.map_or(Ok(()), Err);
            }
        }
    }
}
