//! Which models of authenticators may be bound as passkeys.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use webauthn_rs::Webauthn;
use webauthn_rs::prelude::{
    AttestationCaList, AttestationCaListBuilder, AttestedPasskeyRegistration,
    CreationChallengeResponse, CredentialID, Passkey, PasskeyRegistration,
    RegisterPublicKeyCredential, Uuid, WebauthnError,
};
use x509_cert::Certificate;
use x509_cert::der::Encode as _;

use crate::AppError;
use crate::ceremonies::is_embedded;

/// A model of authenticators, as its maker numbers it (WebAuthn level 3, 6.5.1, "aaguid").
pub type Aaguid = Uuid;

/// Why a model cannot be on the list.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// Zero is what authenticators say that name no model.
    #[error("the AAGUID of zeros is no model: it stands for authenticators that name none")]
    Nameless,
    /// The roots are no certificates.
    #[error("no PEM certificates")]
    Roots,
}

/// The models that may be bound as passkeys; empty for any. Each is proven by an attestation that leads
/// to a root of its maker (WebAuthn level 3, 6.5.2 and 7.1), so no passkey that attests nothing, that
/// attests itself or that may leave its device counts as one.
#[derive(Clone, Debug, Default)]
pub struct PasskeyModels {
    names: BTreeMap<Aaguid, String>,
    roots: AttestationCaList,
}

impl PasskeyModels {
    /// The list with one more: its name for people, and its maker's roots as PEM.
    ///
    /// # Errors
    /// [`ModelError`] if it is none.
    pub fn with(mut self, aaguid: Aaguid, name: &str, roots: &[u8]) -> Result<Self, ModelError> {
        if aaguid.is_nil() {
            return Err(ModelError::Nameless);
        }
        let chain = Certificate::load_pem_chain(roots).map_err(|_| ModelError::Roots)?;
        if chain.is_empty() {
            return Err(ModelError::Roots);
        }
        let mut more = AttestationCaListBuilder::new();
        for root in chain {
            let der = root.to_der().map_err(|_| ModelError::Roots)?;
            more.insert_device_der(&der, aaguid, name.to_owned(), BTreeMap::new())
                .map_err(|_| ModelError::Roots)?;
        }
        self.roots.union(&more.build());
        self.names.insert(aaguid, name.to_owned());
        Ok(self)
    }

    /// Whether any authenticator may be bound.
    pub fn is_any(&self) -> bool {
        self.names.is_empty()
    }

    /// The models, in words.
    fn words(&self) -> String {
        let names: Vec<&str> = self.names.values().map(String::as_str).collect();
        names.join(", ")
    }

    /// Begins to bind a passkey: the options for the browser, and what ends it.
    pub(crate) fn begin(
        &self,
        webauthn: &Webauthn,
        (user, name): (Uuid, &str),
        exclude: Option<Vec<CredentialID>>,
    ) -> Result<(CreationChallengeResponse, Binding), AppError> {
        let begun = if self.is_any() {
            let begun = webauthn.start_passkey_registration(user, name, name, exclude);
            begun.map(|(options, state)| (options, Binding::Any(state)))
        } else {
            let roots = self.roots.clone();
            let begun = webauthn
                .start_attested_passkey_registration(user, name, name, exclude, roots, None);
            begun.map(|(mut options, state)| {
                // Browsers refuse authenticators that know less than an enforced extension; the ceremony
                // asks for a verified user anyway.
                options.public_key.extensions = None;
                (options, Binding::Attested(state))
            })
        };
        begun.map_err(|_| AppError::Passkey)
    }

    /// Ends it.
    pub(crate) fn finish(
        &self,
        webauthn: &Webauthn,
        credential: &RegisterPublicKeyCredential,
        binding: &Binding,
    ) -> Result<Passkey, AppError> {
        if is_embedded(credential.response.client_data_json.as_ref()) {
            return Err(AppError::Passkey);
        }
        match binding {
            Binding::Attested(state) => webauthn
                .finish_attested_passkey_registration(credential, state)
                .map(Passkey::from)
                .map_err(
                    |error| if is_of_model(&error) { self.refused() } else { AppError::Passkey },
                ),
            // SECURITY: what began before there was a list is not on it. Guarded by
            // `what_began_before_there_was_a_list_is_not_bound`.
            Binding::Any(_) if !self.is_any() => Err(self.refused()),
            Binding::Any(state) => webauthn
                .finish_passkey_registration(credential, state)
                .map_err(|_| AppError::Passkey),
        }
    }

    fn refused(&self) -> AppError {
        AppError::PasskeyModel(self.words())
    }
}

/// A registration that has begun: of any authenticator, or of one that shows its model.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Binding {
    // First, since the other would read it too and forget the roots.
    Attested(AttestedPasskeyRegistration),
    Any(PasskeyRegistration),
}

/// Whether the ceremony was right but for the model, so that its owner may be told which do.
fn is_of_model(error: &WebauthnError) -> bool {
    matches!(
        error,
        WebauthnError::AttestationNotVerifiable
            | WebauthnError::AttestationChainNotTrusted(_)
            | WebauthnError::AttestationUntrustedAaguid
            | WebauthnError::AttestationFormatMissingAaguid
            | WebauthnError::AttestationNotSupported
            | WebauthnError::CredentialMayNotBeHardwareBound
    )
}
