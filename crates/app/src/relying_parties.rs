//! Applications that trust our answer.

use pushback_store::{AuditEntry, Change, Commit};
use serde::{Deserialize, Serialize};

use crate::documents::Kind;
use crate::encoding::{from_base64url, new_id, sha256, to_base64url};
use crate::{App, AppError};

/// A relying party.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RelyingParty {
    /// Its id, which is its name towards us.
    pub id: String,
    /// Its name, as the phone shows it.
    pub name: String,
    /// The digest of its secret, base64url; the secret itself is nowhere.
    secret: String,
}

impl Kind for RelyingParty {
    const NAME: &'static str = "relying-party";
}

/// A new relying party, with the secret that is told once.
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
    /// [`AppError`] if it could not be kept.
    pub async fn create_relying_party(&self, name: &str) -> Result<NewRelyingParty, AppError> {
        let name = pushback_verify::Text::new(name);
        if name.is_empty() {
            return Err(AppError::Name("the relying party's name"));
        }
        let id = new_id("rp", &*self.inner.entropy);
        let mut secret = [0; 32];
        self.inner.entropy.fill(&mut secret);
        let secret = to_base64url(&secret);
        let digest = to_base64url(&sha256(secret.as_bytes()));
        let party = RelyingParty { id: id.clone(), name: name.to_string(), secret: digest };
        let change = Change::at(self.now())
            .create(RelyingParty::key(&id)?, party.bytes()?)
            .audit(AuditEntry {
                at: self.now(),
                kind: "relying-party.created".to_owned(),
                subject: id.clone(),
                body: serde_json::to_vec(&serde_json::json!({ "name": party.name }))?,
            });
        match self.inner.store.commit(change).await? {
            Commit::Committed(_) => Ok(NewRelyingParty { id, secret }),
            Commit::Conflict(_) => Err(AppError::Contended),
            Commit::Refused(_) => Err(AppError::Busy),
        }
    }

    /// Who asks, by id and secret.
    ///
    /// # Errors
    /// [`AppError::Unauthenticated`] for an unknown id and for a wrong secret alike.
    pub async fn authenticate(&self, id: &str, secret: &str) -> Result<RelyingParty, AppError> {
        // Computed before it is known whether there is such a party, so that both take as long.
        let given = sha256(secret.as_bytes());
        let found = match RelyingParty::key(id) {
            Ok(_) => RelyingParty::load(&self.inner.store, id).await?,
            Err(_) => None,
        };
        let (party, _) = found.ok_or(AppError::Unauthenticated)?;
        let right = from_base64url(&party.secret).unwrap_or_default();
        aws_lc_rs::constant_time::verify_slices_are_equal(&right, &given)
            .map_err(|_| AppError::Unauthenticated)?;
        Ok(party)
    }
}
