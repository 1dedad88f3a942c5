//! What the hosted page showed or took, which one browser carries back to whoever asked: the relying party, or
//! the app in the same browser (decision 0013, `docs/design/decisions`).

use std::sync::Arc;

use pushback_store::{Change, Commit};
use pushback_verify::{Accepts, Purpose, SubscriberState};

use super::{AttemptState, AttemptView, DecisionView, Loaded, PageView, page_view};
use crate::capability::Link;
use crate::documents::{AttemptRecord, Kind as _};
use crate::encoding::{sha256, to_base64url};
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

    /// The hosted page in a browser, with what that holds of ours. The first one that opens the page while
    /// there is a code holds it: it shows the code, and carries back what comes of it. A completion of another
    /// attempt is as good as none.
    ///
    /// # Errors
    /// As [`App::page`].
    pub async fn open_page(&self, secret: &str, browser: &Browser) -> Result<PageView, AppError> {
        let mut loaded = self.load_page(secret).await?;
        let mut view = self.view(&loaded).await?;
        let is_free = loaded.record.holder.is_none() && loaded.record.return_url.is_some();
        let name = browser.name.clone().unwrap_or_else(|| self.secret().0);
        let digest = to_base64url(&sha256(name.as_bytes()));
        if is_free && has_code(&view) && !browser.only_looks {
            self.hold(&loaded, &digest).await?;
            // Whoever was first: this browser, another, or the answer of the phone.
            loaded = self.load(&loaded.id).await?;
            view = self.view(&loaded).await?;
        }
        let is_holder = loaded.record.holder.as_ref() == Some(&digest);
        let success = loaded.record.success.as_ref();
        let held = match success.is_some_and(|success| success.is_carried && success.is_the_holders)
        {
            true => is_holder.then(|| self.completion_of(&loaded.id)),
            false => browser.completion.clone(),
        };
        let held = held.filter(|completion| self.complete(&mut loaded, completion).is_ok());
        if held.is_some() {
            view = self.view(&loaded).await?;
        }
        let is_shown = is_holder || loaded.record.purpose != Purpose::SignIn;
        // SECURITY: guarded by `a_code_on_a_page_that_somebody_sent_signs_nobody_else_in`.
        if let DecisionView::Prompt { code, .. } = &mut view.decision
            && !is_shown
        {
            *code = None;
        }
        let mut page = page_view(&loaded.record, AttemptView { completion: held, ..view });
        page.is_elsewhere = !is_shown;
        page.browser = is_holder.then_some(name);
        Ok(page)
    }

    /// Gives the page to a browser, unless something else happened to the attempt meanwhile.
    async fn hold(&self, loaded: &Loaded, digest: &str) -> Result<(), AppError> {
        let record = AttemptRecord { holder: Some(digest.to_owned()), ..(*loaded.record).clone() };
        let key = AttemptRecord::key(&loaded.id)?;
        let change = Change::at(self.now()).update(key, loaded.version, record.bytes()?);
        match self.inner.store.commit(change).await? {
            Commit::Committed(_) | Commit::Conflict(_) => Ok(()),
            Commit::Refused(_) => Err(AppError::Busy),
        }
    }
}

const fn has_code(view: &AttemptView) -> bool {
    matches!(
        (view.state, &view.decision),
        (AttemptState::Pending, DecisionView::Prompt { code: Some(_), .. })
    )
}

/// What a browser holds when it opens a hosted page.
#[derive(Clone, Debug, Default)]
pub struct Browser {
    /// What it was given when it first held one.
    pub name: Option<String>,
    /// The completion of what it proved last.
    pub completion: Option<String>,
    /// Nobody reads the answer: it holds nothing by that.
    pub only_looks: bool,
}
