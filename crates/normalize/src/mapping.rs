//! What may be told to the readers: names that vendors' documents leave open.

use std::collections::BTreeMap;

use pushback_model::{EventKind, Source};
use serde::Deserialize;

/// The part of the readers that a policy can change. The default is what is known without one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mapping {
    /// Okta.
    pub okta: OktaMapping,
    /// OneLogin.
    pub onelogin: OneLoginMapping,
    /// Keycloak.
    pub keycloak: KeycloakMapping,
    /// Every other vendor: its own name of an event, and what that means. Wins over what is built
    /// in. Names are compared exactly, as the events' `native` shows them.
    pub events: BTreeMap<Source, BTreeMap<String, EventKind>>,
}

impl Mapping {
    /// What the policy says of a vendor's event.
    #[must_use]
    pub(crate) fn kind(&self, source: Source, native: &str) -> Option<EventKind> {
        self.events.get(&source)?.get(native).copied()
    }
}

/// What may be told to the reader of Okta logs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OktaMapping {
    /// Event types to read beyond the built-in ones, or with another meaning.
    pub events: BTreeMap<String, EventKind>,
}

/// What may be told to the reader of OneLogin events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OneLoginMapping {
    /// Numbers of event types to read beyond the built-in ones, or with another meaning. OneLogin
    /// publishes names without numbers for its push events, so their numbers differ by account age:
    /// look them up at `/api/1/events/types`.
    pub events: BTreeMap<String, EventKind>,
}

/// What may be told to the reader of Keycloak events.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeycloakMapping {
    /// Values of `auth_type`, `auth_method`, `credential_type` or `error` that mark a push plug-in:
    /// Keycloak has no push of its own. Compared without regard to case. `rejected_by_user` is one where
    /// nobody is asked for consent, and a plug-in writes a refused prompt like a refused consent
    /// (privacyIDEA's). The push MFA extension's events are known without a marker.
    pub push_markers: Vec<String>,
}

impl Default for KeycloakMapping {
    fn default() -> Self {
        Self { push_markers: vec!["app-authenticator".to_owned(), "privacyidea".to_owned()] }
    }
}
