//! Relying parties: the applications that trust our answer.

use std::sync::Arc;

use pushback_store::{AuditEntry, Change, Commit, Key, Seen, Version};
use pushback_verify::{Actor, OperatorId, Text};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::documents::Kind;
use crate::encoding::{from_base64url, new_id, sha256, to_base64url};
use crate::lookalikes::skeleton;
use crate::{App, AppError};

/// A relying party that proved its secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RelyingParty {
    /// Its id.
    pub id: String,
    /// Its name, as the phone shows it.
    pub name: String,
    /// The digest of its secret, base64url; the secret itself is nowhere. The secret has 256 random
    /// bits, so that a plain digest is enough.
    secret: String,
}

impl RelyingParty {
    /// Whether this one, which proved its secret some time ago, could prove it now.
    // SECURITY: a stream and a request that waits outlive the look at the secret that opened them, and would
    // bring tokens to whoever had a secret that leaked. Guarded by
    // `whoever_waits_with_a_secret_that_was_renewed_is_told_nothing_more`.
    pub(crate) fn is_still(&self, as_it_is: Option<&Self>) -> Result<(), AppError> {
        match as_it_is {
            Some(as_it_is) if as_it_is.secret == self.secret => Ok(()),
            Some(_) | None => Err(AppError::Unauthenticated),
        }
    }
}

impl Kind for RelyingParty {
    const NAME: &'static str = "relying-party";
}

/// Who has a name, by what people see of it: two commands at once give it to one.
#[derive(Serialize, Deserialize)]
struct NameRecord {
    relying_party: String,
}

impl Kind for NameRecord {
    const NAME: &'static str = "relying-party-name";
}

impl NameRecord {
    fn id(name: &str) -> String {
        to_base64url(&sha256(skeleton(name).as_bytes()))
    }
}

/// A relying party with the secret that is told once.
pub struct NewRelyingParty {
    /// Its id.
    pub id: String,
    /// Its secret: 256 random bits in base64url.
    pub secret: String,
}

impl App {
    /// Takes in a relying party.
    ///
    /// # Errors
    /// [`AppError::Invalid`] for a name that cannot be shown, or that looks like another party's.
    pub async fn create_relying_party(
        &self,
        by: &OperatorId,
        name: &str,
    ) -> Result<NewRelyingParty, AppError> {
        let name = Text::new(name);
        if skeleton(name.as_str()).is_empty() {
            let what = "a relying party needs a name that people recognise on their phone";
            return Err(AppError::Invalid(what.to_owned()));
        }
        // Looked up before all who are there: it is theirs, or else left over and nobody's.
        let name_id = NameRecord::id(name.as_str());
        let left_over = NameRecord::load(&self.inner.store, &name_id).await?;
        let left_over = left_over.map(|(_, version)| version);
        let twin = self.relying_parties().await?;
        let twin = twin.iter().find(|party| skeleton(&party.name) == skeleton(name.as_str()));
        if let Some(RelyingParty { id, name, .. }) = twin {
            let what = format!(
                "{id} is called {name:?}, which people cannot tell from this on their phone; choose another name"
            );
            return Err(AppError::Invalid(what));
        }
        let id = new_id("rp", &*self.inner.entropy);
        let (secret, digest) = self.secret();
        let named = NameRecord { relying_party: id.clone() }.bytes()?;
        let party = RelyingParty { id: id.clone(), name: name.to_string(), secret: digest };
        let change = Change::at(self.now())
            .create(RelyingParty::key(&id)?, party.bytes()?)
            .put(NameRecord::key(&name_id)?, left_over, named)
            .audit(self.chore(by, "relying_party_created", &id, json!({ "name": party.name }))?);
        self.write(change).await?;
        Ok(NewRelyingParty { id, secret })
    }

    /// Gives a relying party a new secret; the old one ends at once.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub async fn renew_relying_party(
        &self,
        by: &OperatorId,
        id: &str,
    ) -> Result<NewRelyingParty, AppError> {
        let found = RelyingParty::load(&self.inner.store, id).await?;
        let (mut party, version) = found.ok_or(AppError::NotFound)?;
        let (secret, digest) = self.secret();
        party.secret = digest;
        let change = Change::at(self.now())
            .update(RelyingParty::key(id)?, version, party.bytes()?)
            .audit(self.chore(by, "relying_party_renewed", id, json!({}))?);
        self.write(change).await?;
        Ok(NewRelyingParty { id: id.to_owned(), secret })
    }

    /// Takes a relying party out: its attempts end with it, whoever waits for them.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub async fn delete_relying_party(&self, by: &OperatorId, id: &str) -> Result<(), AppError> {
        let found = RelyingParty::load(&self.inner.store, id).await?;
        let (party, version) = found.ok_or(AppError::NotFound)?;
        let mut change = Change::at(self.now())
            .delete(RelyingParty::key(id)?, version)
            .audit(self.chore(by, "relying_party_deleted", id, json!({}))?);
        let name_id = NameRecord::id(&party.name);
        let named = NameRecord::load(&self.inner.store, &name_id).await?;
        if let Some((_, version)) = named.filter(|(named, _)| named.relying_party == id) {
            change = change.delete(NameRecord::key(&name_id)?, version);
        }
        self.write(change).await
    }

    /// All relying parties, by id.
    ///
    /// # Errors
    /// [`AppError`] if they cannot be read.
    pub async fn relying_parties(&self) -> Result<Vec<RelyingParty>, AppError> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = self.inner.store.list(RelyingParty::NAME, after.as_deref(), 500).await?;
            for (_, document) in &page.documents {
                all.push(RelyingParty::read(document)?.0);
            }
            after = page.next;
            if after.is_none() {
                return Ok(all);
            }
        }
    }

    /// Who asks, by id and secret.
    ///
    /// # Errors
    /// [`AppError::Unauthenticated`] for an unknown id and for a wrong secret alike.
    pub async fn authenticate(&self, id: &str, secret: &str) -> Result<RelyingParty, AppError> {
        // Computed before it is known whether there is such a party, so that both take as long.
        let given = sha256(secret.as_bytes());
        let party = self.relying_party(id).await?.ok_or(AppError::Unauthenticated)?;
        let right = from_base64url(&party.secret).unwrap_or_default();
        aws_lc_rs::constant_time::verify_slices_are_equal(&right, &given)
            .map_err(|_| AppError::Unauthenticated)?;
        Ok((*party).clone())
    }

    /// A relying party as it is now; `None` if it is none or one no longer.
    pub(crate) async fn relying_party(
        &self,
        id: &str,
    ) -> Result<Option<Arc<RelyingParty>>, AppError> {
        // What can be no id is nobody's.
        let Ok(key) = RelyingParty::key(id) else { return Ok(None) };
        let known = self.inner.parties.get(&key, self.now());
        let version = known.as_ref().map(|(_, version)| *version);
        let [seen] = self.inner.store.look([(&key, version)]).await?;
        self.read_party(key, known, seen)
    }

    /// The relying party from what was known of it and what was seen.
    pub(crate) fn read_party(
        &self,
        key: Key,
        known: Option<(Arc<RelyingParty>, Version)>,
        seen: Seen,
    ) -> Result<Option<Arc<RelyingParty>>, AppError> {
        match (seen, known) {
            (Seen::AsKnown, Some((party, _))) => Ok(Some(party)),
            (Seen::Other(document), _) => {
                let (party, version) = RelyingParty::read(&document)?;
                let party = Arc::new(party);
                self.inner.parties.put(key, Arc::clone(&party), version, self.now());
                Ok(Some(party))
            }
            (Seen::Absent | Seen::AsKnown, _) => {
                self.inner.parties.forget(&key);
                Ok(None)
            }
        }
    }

    /// Whether a party that proved its secret some time ago could prove it now.
    ///
    /// # Errors
    /// [`AppError::Unauthenticated`] if it was taken out, or has another secret.
    pub(crate) async fn still_counts(&self, party: &RelyingParty) -> Result<(), AppError> {
        let as_it_is = self.relying_party(&party.id).await?;
        party.is_still(as_it_is.as_deref())
    }

    /// A secret and what is kept of it.
    pub(crate) fn secret(&self) -> (String, String) {
        let mut secret = [0; 32];
        self.inner.entropy.fill(&mut secret);
        let secret = to_base64url(&secret);
        let digest = to_base64url(&sha256(secret.as_bytes()));
        (secret, digest)
    }

    /// A line of the audit trail about something that the rules do not decide.
    pub(crate) fn chore(
        &self,
        by: &OperatorId,
        kind: &str,
        subject: &str,
        details: serde_json::Value,
    ) -> Result<AuditEntry, AppError> {
        self.noted(&Actor::Operator(by.clone()), kind, subject, details)
    }

    /// The same, whoever brought it about.
    pub(crate) fn noted(
        &self,
        by: &Actor,
        kind: &str,
        subject: &str,
        details: serde_json::Value,
    ) -> Result<AuditEntry, AppError> {
        let at = self.now();
        let body = json!({
            "format": crate::EVENT_FORMAT,
            "at": at.to_string(),
            "by": by,
            "details": details,
        });
        let body = serde_json::to_vec(&body)?;
        Ok(AuditEntry { at, kind: kind.to_owned(), subject: subject.to_owned(), body })
    }

    /// Commits what no rule decides.
    pub(crate) async fn write(&self, change: Change) -> Result<(), AppError> {
        self.believed_now()?;
        match self.inner.store.commit(change).await? {
            Commit::Committed(_) => Ok(()),
            Commit::Conflict(_) => Err(AppError::Contended),
            Commit::Refused(_) => Err(AppError::Busy),
        }
    }
}
