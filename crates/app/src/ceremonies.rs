//! What `webauthn-rs` leaves to whoever calls it: where the page was, and whether a passkey still says
//! what it said when it was bound. And what a browser may be told about the passkeys that count.

use serde::Deserialize;
use serde_json::Value;
use webauthn_rs::prelude::{AuthenticationResult, Credential, Passkey};

use crate::encoding::to_base64url;
use crate::phone::Phone;
use crate::{App, AppError, OperatorSession};

/// What the browser says about the page that asked. The rest is checked by `webauthn-rs`.
#[derive(Deserialize)]
struct ClientData {
    #[serde(default, rename = "crossOrigin")]
    is_cross_origin: Option<bool>,
    #[serde(default, rename = "topOrigin")]
    top_origin: Option<Value>,
}

/// Whether another site had our page in a frame, as far as the browser says (WebAuthn level 3, 7.1 and
/// 7.2). Our pages refuse frames; a browser that shows one all the same has been deceived.
// SECURITY: the frame of an attacker's site decides what its owner sees around the button. Guarded by
// `a_passkey_that_signed_anything_else_signs_nobody_in`.
pub(crate) fn is_embedded(client_data: &[u8]) -> bool {
    serde_json::from_slice(client_data).map_or(true, |said: ClientData| {
        said.is_cross_origin == Some(true) || said.top_origin.is_some()
    })
}

/// Whether a passkey says otherwise than when it was bound whether it may leave its device. It never
/// changes (WebAuthn level 3, 6.1.3), and what is told of its assurance hangs on it.
// SECURITY: one that was bound as staying on its device and is synced later must not be told as AAL3.
// Guarded by `a_passkey_cannot_become_one_that_is_backed_up_nor_the_other_way`.
pub(crate) fn has_changed(bound: &Passkey, used: &AuthenticationResult) -> bool {
    Credential::from(bound.clone()).backup_eligible != used.backup_eligible()
}

/// The passkeys that count for one person, as a browser's own list can be compared with (WebAuthn level
/// 3, 5.1.10.3: `signalAllAcceptedCredentials`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedPasskeys {
    /// The name that passkeys belong to.
    pub rp_id: String,
    /// The handle under which authenticators know the person, base64url.
    pub user_id: String,
    /// The ids of the passkeys, base64url.
    pub credential_ids: Vec<String>,
}

impl App {
    /// The owner's passkeys that are bound: also those that are disabled or disputed, since they may
    /// answer again, and what a browser has forgotten does not come back.
    ///
    /// # Errors
    /// [`AppError`] if they cannot be read; a browser must not be told of half a list.
    pub async fn accepted_passkeys(&self, phone: &Phone) -> Result<AcceptedPasskeys, AppError> {
        let (state, _) = self.state(&phone.whom()).await?;
        let (keys, _) = self.keys_of(phone.who.as_str()).await?;
        // A key is erased only after the commit that unties it.
        let bound = keys.passkeys.iter().filter(|(serial, _)| {
            state.authenticators().iter().any(|bound| bound.id().0 == **serial)
        });
        Ok(self.accepted("subscriber", phone.who.as_str(), bound.map(|(_, key)| key)))
    }

    /// The passkeys of an administrator who is signed in.
    ///
    /// # Errors
    /// As [`App::accepted_passkeys`].
    pub async fn accepted_passkeys_of_operator(
        &self,
        session: &OperatorSession,
    ) -> Result<AcceptedPasskeys, AppError> {
        let name = session.operator.as_str();
        let keys = self.operator_passkeys(name).await?;
        Ok(self.accepted("operator", name, keys.iter()))
    }

    fn accepted<'k>(
        &self,
        what: &str,
        name: &str,
        keys: impl Iterator<Item = &'k Passkey>,
    ) -> AcceptedPasskeys {
        AcceptedPasskeys {
            rp_id: self.origin().domain().unwrap_or_default().to_owned(),
            user_id: to_base64url(&self.inner.keys.handle(what, name)),
            credential_ids: keys.map(|key| to_base64url(key.cred_id().as_ref())).collect(),
        }
    }
}
