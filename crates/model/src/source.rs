//! Which product wrote a record.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The product whose log a record comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Source {
    /// Okta System Log, Identity Engine and Classic.
    Okta,
    /// Microsoft Entra ID sign-in and audit logs.
    Entra,
    /// Microsoft 365 unified audit log.
    M365,
    /// Duo authentication, administrator, activity, telephony and trust monitor logs.
    Duo,
    /// PingID (classic).
    #[serde(rename = "pingid")]
    PingId,
    /// PingOne audit activities.
    #[serde(rename = "pingone")]
    PingOne,
    /// PingFederate audit log.
    #[serde(rename = "pingfederate")]
    PingFederate,
    /// Google Workspace Reports API.
    GoogleWorkspace,
    /// OneLogin events.
    #[serde(rename = "onelogin")]
    OneLogin,
    /// Auth0 tenant logs.
    Auth0,
    /// Keycloak events and admin events.
    Keycloak,
    /// AWS CloudTrail.
    Aws,
    /// Windows Security events about accounts.
    Windows,
    /// The prompt service of Pushback itself.
    Pushback,
}

impl Source {
    /// Every source, in the order of this enumeration.
    pub const ALL: [Self; 14] = [
        Self::Okta,
        Self::Entra,
        Self::M365,
        Self::Duo,
        Self::PingId,
        Self::PingOne,
        Self::PingFederate,
        Self::GoogleWorkspace,
        Self::OneLogin,
        Self::Auth0,
        Self::Keycloak,
        Self::Aws,
        Self::Windows,
        Self::Pushback,
    ];

    /// The name in machine output, the same as in the JSON contract.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Okta => "okta",
            Self::Entra => "entra",
            Self::M365 => "m365",
            Self::Duo => "duo",
            Self::PingId => "pingid",
            Self::PingOne => "pingone",
            Self::PingFederate => "pingfederate",
            Self::GoogleWorkspace => "google_workspace",
            Self::OneLogin => "onelogin",
            Self::Auth0 => "auth0",
            Self::Keycloak => "keycloak",
            Self::Aws => "aws",
            Self::Windows => "windows",
            Self::Pushback => "pushback",
        }
    }

    /// The name for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Okta => "Okta",
            Self::Entra => "Entra ID",
            Self::M365 => "Microsoft 365",
            Self::Duo => "Duo",
            Self::PingId => "PingID",
            Self::PingOne => "PingOne",
            Self::PingFederate => "PingFederate",
            Self::GoogleWorkspace => "Google Workspace",
            Self::OneLogin => "OneLogin",
            Self::Auth0 => "Auth0",
            Self::Keycloak => "Keycloak",
            Self::Aws => "AWS",
            Self::Windows => "Windows",
            Self::Pushback => "Pushback",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
