//! An attempt's own record, as it is loaded.

use std::sync::Arc;

use pushback_store::{Seen, Version};
use pushback_verify::{
    Attempt, AuthenticatorId, DeviceId, Purpose, RelyingPartyId, SubscriberId, Text,
};

use super::{attempt_id, own};
use crate::capability::Link;
use crate::documents::{AttemptRecord, Kind as _};
use crate::subscriber::Whom;
use crate::{App, AppError, RelyingParty};

/// An attempt with its record and the version of that.
pub(crate) struct Loaded {
    pub id: String,
    pub record: Arc<AttemptRecord>,
    pub version: Version,
    asked_by: AskedBy,
}

/// Who asked for an attempt, as they are now.
enum AskedBy {
    Party(Arc<RelyingParty>),
    /// A relying party that was taken out.
    Nobody,
    /// A page or an app of this service.
    Ourselves,
}

impl Loaded {
    /// Whether the application that asked was taken out: nothing is proven for it any more.
    pub(crate) const fn is_of_nobody(&self) -> bool {
        matches!(self.asked_by, AskedBy::Nobody)
    }

    pub(crate) fn whom(&self) -> Result<Whom, AppError> {
        let id = SubscriberId::parse(&self.record.document).map_err(|_| AppError::NotFound)?;
        Ok(Whom { id, is_decoy: self.record.is_decoy })
    }

    /// The attempt as the rules know it.
    pub(crate) fn attempt(&self) -> Result<Attempt, AppError> {
        let whom = self.whom()?;
        Ok(Attempt {
            id: attempt_id(&self.id)?,
            purpose: self.record.purpose,
            relying_party: RelyingPartyId::parse(&self.record.relying_party)
                .map_err(|_| AppError::NotFound)?,
            relying_party_name: Text::new(&self.record.relying_party_name),
            requester: self.record.requester.clone(),
            // Both were checked when the attempt began, and the record is ours.
            device: own(
                &whom.id,
                self.record.phone.map(AuthenticatorId),
                self.record.device.map(DeviceId),
            ),
            accepts: self.record.accepts(),
            others_asked: self.record.others_asked,
        })
    }
}

impl App {
    /// The attempt as it is, and who asked for it as they are.
    pub(crate) async fn load(&self, id: &str) -> Result<Loaded, AppError> {
        let key = AttemptRecord::key(id).map_err(|_| AppError::NotFound)?;
        let known = self.inner.attempts.get(&key, self.now());
        // A success stays: nobody can have changed it meanwhile.
        if let Some((record, version)) = known.clone().filter(|(known, _)| known.success.is_some())
        {
            return self.loaded(id, record, version).await;
        }
        let version = known.as_ref().map(|(_, version)| *version);
        let [seen] = self.inner.store.look([(&key, version)]).await?;
        match (seen, known) {
            (Seen::AsKnown, Some((record, version))) => self.loaded(id, record, version).await,
            (Seen::Other(document), _) => {
                let (record, version) = AttemptRecord::read(&document)?;
                let record = Arc::new(record);
                self.inner.attempts.put(key, Arc::clone(&record), version, self.now());
                self.loaded(id, record, version).await
            }
            (Seen::Absent | Seen::AsKnown, _) => {
                self.inner.attempts.forget(&key);
                Err(AppError::NotFound)
            }
        }
    }

    /// The attempt as this node last saw it, or else as it is: for a decision, whose commit fails if
    /// it is another by now. Who asked for it is as they are.
    pub(crate) async fn load_as_last_seen(&self, id: &str) -> Result<Loaded, AppError> {
        let key = AttemptRecord::key(id).map_err(|_| AppError::NotFound)?;
        match self.inner.attempts.get(&key, self.now()) {
            Some((record, version)) => self.loaded(id, record, version).await,
            None => self.load(id).await,
        }
    }

    /// Looked at after the attempt, so that whoever is gone by then gets no token of it.
    async fn loaded(
        &self,
        id: &str,
        record: Arc<AttemptRecord>,
        version: Version,
    ) -> Result<Loaded, AppError> {
        let asked_by = match record.purpose {
            Purpose::SignIn => match self.relying_party(&record.relying_party).await? {
                Some(party) => AskedBy::Party(party),
                None => AskedBy::Nobody,
            },
            Purpose::ManageAuthenticators | Purpose::Recovery => AskedBy::Ourselves,
        };
        Ok(Loaded { id: id.to_owned(), record, version, asked_by })
    }

    /// An attempt of this relying party, or `NotFound` for another party's too.
    pub(crate) async fn load_of(&self, party: &RelyingParty, id: &str) -> Result<Loaded, AppError> {
        let loaded = self.load(id).await?;
        if loaded.record.relying_party != party.id {
            return Err(AppError::NotFound);
        }
        match &loaded.asked_by {
            AskedBy::Party(as_it_is) => party.is_still(Some(as_it_is))?,
            AskedBy::Nobody | AskedBy::Ourselves => party.is_still(None)?,
        }
        Ok(loaded)
    }

    /// The id of the attempt that a page's secret opens.
    pub(crate) async fn load_page(&self, secret: &str) -> Result<Loaded, AppError> {
        let id = self.inner.keys.open_link(Link::SignIn, secret, self.now());
        self.load(id.ok_or(AppError::NotFound)?).await
    }
}
