//! Proofs on the hosted page, which the browser that made them carries back to whoever asked: the relying
//! party, or the app in the same browser (decision 0013, `docs/design/decisions`).

use std::sync::Arc;

use pushback_verify::{Accepts, SubscriberState};

use super::{AttemptState, AttemptView, Loaded, PageView, page_view};
use crate::capability::Link;
use crate::documents::AttemptRecord;
use crate::{App, AppError, RelyingParty};

impl AttemptRecord {
    /// Whether the owner may prove themselves on the hosted page.
    pub(crate) const fn takes_page_proofs(&self, state: AttemptState) -> bool {
        state.is_live() && !matches!(self.accepts(), Accepts::PhoneOnly)
    }
}

impl App {
    /// An attempt of this relying party to which the browser came back with a completion.
    ///
    /// # Errors
    /// As [`App::attempt`], and [`AppError::Invalid`] if the completion is not this attempt's.
    pub async fn completed_attempt(
        &self,
        party: &RelyingParty,
        id: &str,
        completion: &str,
    ) -> Result<AttemptView, AppError> {
        let mut loaded = self.load_of(party, id).await?;
        self.complete(&mut loaded, completion)?;
        self.view(&loaded).await
    }

    /// Lets a success count whose completion came back.
    fn complete(&self, loaded: &mut Loaded, completion: &str) -> Result<(), AppError> {
        if self.inner.keys.open_link(Link::Completion, completion, self.now()) != Some(&loaded.id) {
            return Err(AppError::Invalid("the completion is of another attempt".to_owned()));
        }
        if let Some(success) = &mut Arc::make_mut(&mut loaded.record).success {
            success.is_carried = false;
        }
        self.got_in(&loaded.record);
        Ok(())
    }

    /// Takes back that the source of a success asked for this subscriber: it was no spray.
    pub(crate) fn got_in(&self, record: &AttemptRecord) {
        let AttemptRecord { relying_party, requester, subscriber, success, .. } = record;
        if let Some(success) = success {
            self.inner.sources.succeeded(relying_party, requester.ip, subscriber, success.at);
        }
    }

    /// What the browser that has just proven an attempt on its page is told.
    pub(crate) async fn proven(
        &self,
        id: &str,
        subscriber: &SubscriberState,
    ) -> Result<AttemptView, AppError> {
        let view = self.view_in(&self.load(id).await?, subscriber)?;
        let completion = (view.state == AttemptState::Proven).then(|| self.completion_of(id));
        Ok(AttemptView { completion, ..view })
    }

    pub(crate) fn completion_of(&self, id: &str) -> String {
        self.inner.keys.link(Link::Completion, id, self.now())
    }

    /// The hosted page in a browser that holds a completion. One of another attempt is as good as none.
    ///
    /// # Errors
    /// As [`App::page`].
    pub async fn completed_page(
        &self,
        secret: &str,
        completion: &str,
    ) -> Result<PageView, AppError> {
        let mut loaded = self.load_page(secret).await?;
        let held = self.complete(&mut loaded, completion).is_ok().then(|| completion.to_owned());
        let attempt = AttemptView { completion: held, ..self.view(&loaded).await? };
        Ok(page_view(&loaded.record, attempt))
    }
}
