//! Names of things: some are handed in by the shell, some are counted within one subscriber.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest an id that is handed in may be, in bytes.
pub const ID_BYTES_MAX: usize = 64;

/// Why a text is not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id is 1 to {ID_BYTES_MAX} letters, digits or any of - _ . : @ +")]
pub struct IdError;

fn check(text: &str) -> Result<(), IdError> {
    let is_fine = |b: u8| b.is_ascii_alphanumeric() || b"-_.:@+".contains(&b);
    let is_id = !text.is_empty() && text.len() <= ID_BYTES_MAX && text.bytes().all(is_fine);
    if is_id { Ok(()) } else { Err(IdError) }
}

/// Declares ids that are texts: parsed once at the edge, plain ASCII, bounded.
macro_rules! text_ids {
    ($($(#[doc = $doc:literal])+ $name:ident;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Reads an id that was handed in.
            ///
            /// # Errors
            /// [`IdError`] if it is empty, too long or holds anything but plain characters.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                check(text).map(|()| Self(text.to_owned()))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                check(&text).map(|()| Self(text))
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

text_ids! {
    /// Whose document it is. Opaque; the shell keeps the names that belong to it.
    SubscriberId;
    /// One sign-in on the primary channel, named by the shell when the relying party starts it.
    /// It doubles as the idempotency key: the same attempt asked twice is one attempt.
    AttemptId;
    /// The application that trusts our answer.
    RelyingPartyId;
    /// Someone who works at the help desk or administers Pushback.
    OperatorId;
    /// A mail box or other place where notices go; the address itself stays in the shell.
    AddressId;
}

/// Declares ids that are counted within one subscriber and never used again.
macro_rules! serials {
    ($($(#[doc = $doc:literal])+ $name:ident;)+) => {$(
        $(#[doc = $doc])+
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

serials! {
    /// One prompt of this subscriber.
    PromptId;
    /// One bound authenticator of this subscriber; also the name under which the shell keeps its
    /// public key or sealed secret.
    AuthenticatorId;
    /// A browser or device that this subscriber has succeeded from; the shell's cookie carries it.
    DeviceId;
    /// One incident of this subscriber, opened by a report or by too many wrong codes.
    IncidentId;
    /// One check that a caller is who they say.
    CallerCheckId;
    /// One reset by the help desk.
    ResetId;
    /// One request of the help desk that somebody administers nothing any more.
    RoleChangeId;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_plain_and_bounded() {
        assert!(AttemptId::parse("att_01-x.y:z@example.org+1").is_ok());
        assert!(AttemptId::parse(&"a".repeat(64)).is_ok());
        assert_eq!(AttemptId::parse(&"a".repeat(65)), Err(IdError));
        assert_eq!(AttemptId::parse(""), Err(IdError));
        assert_eq!(AttemptId::parse("a b"), Err(IdError));
        assert_eq!(AttemptId::parse("é"), Err(IdError));
    }
}
