//! What a prompt shows, and the bytes that the phone signs so that it signs what was shown.

use pushback_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{AttemptId, PromptId, RelyingPartyId, SubscriberId};
use crate::requester::{Distance, Requester};
use crate::text::Text;

/// The line on every prompt. Number matching does not stop a caller who asks for the number; this
/// line is what does. It is part of what is signed and cannot be turned off.
pub const WE_NEVER_CALL: &str = "We never call to ask you for this code.";

/// What the subscriber is asked to allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To sign in.
    SignIn,
    /// To bind or invalidate an authenticator, or to change addresses.
    ManageAuthenticators,
    /// To recover the account.
    Recovery,
}

impl Purpose {
    /// The name in machine output and in the signed bytes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::ManageAuthenticators => "manage_authenticators",
            Self::Recovery => "recovery",
        }
    }
}

/// Whether this subscriber has been seen like this before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FirstTime {
    /// Not known: nothing tells the network or the country.
    Unknown,
    /// They have signed in from this network.
    SeenNetwork,
    /// They have signed in from this country, not from this network.
    NewNetwork,
    /// They have never signed in from this country.
    NewCountry,
}

impl FirstTime {
    /// The name in machine output and in the signed bytes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::SeenNetwork => "seen_network",
            Self::NewNetwork => "new_network",
            Self::NewCountry => "new_country",
        }
    }
}

/// Everything that the phone shows about one prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    /// Who is asked.
    pub subscriber: SubscriberId,
    /// Which prompt.
    pub prompt: PromptId,
    /// Which attempt waits for the answer.
    pub attempt: AttemptId,
    /// What it would allow.
    pub purpose: Purpose,
    /// The application, by id.
    pub relying_party: RelyingPartyId,
    /// The application, by name.
    pub relying_party_name: Text,
    /// Who asks, from where, with what.
    pub requester: Requester,
    /// Whether they have been seen like this before.
    pub first_time: FirstTime,
    /// How far the phone was when the prompt was made.
    pub distance: Distance,
    /// When it was asked.
    pub asked_at: Timestamp,
}

/// One line of a prompt: what it is about, and the value; `None` is shown as "unknown".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// A stable name, from which a page finds its words.
    pub name: &'static str,
    /// The value, or `None` if it is not known. Unknown is shown, never left out.
    pub value: Option<String>,
}

/// The first bytes of every signed context; a change of the layout changes the number.
const LAYOUT: &[u8] = b"pushback prompt context 1";

impl Context {
    /// Every line, in the order in which a prompt shows them. All of them, always.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        let line = |name, value: Option<String>| Line { name, value };
        let said = |name, text: &str| Line { name, value: Some(text.to_owned()) };
        let text = |name, text: &Option<Text>| Line {
            name,
            value: text.as_ref().filter(|t| !t.is_empty()).map(Text::to_string),
        };
        let r = &self.requester;
        let place = r.place.as_ref();
        let distance = match self.distance {
            Distance::Unknown => None,
            Distance::SameNetwork => Some("same_network".to_owned()),
            Distance::Near => Some("near".to_owned()),
            Distance::Kilometres(km) => Some(format!("{km} km")),
            Distance::OtherCountry => Some("other_country".to_owned()),
        };
        let first_time = match self.first_time {
            FirstTime::Unknown => None,
            known @ (FirstTime::SeenNetwork | FirstTime::NewNetwork | FirstTime::NewCountry) => {
                Some(known.name().to_owned())
            }
        };
        vec![
            said("purpose", self.purpose.name()),
            said("relying_party", self.relying_party_name.as_str()),
            line("country", place.map(|p| p.country.to_string()).filter(|c| !c.is_empty())),
            text("city", &place.and_then(|p| p.city.clone())),
            line("network", r.network.as_ref().map(|n| format!("AS{} {}", n.asn, n.name))),
            line("address", r.ip.map(|ip| ip.to_string())),
            text("browser", &r.browser),
            text("system", &r.system),
            said("time", &self.asked_at.to_string()),
            line("first_time", first_time),
            line("distance", distance),
            said("warning", WE_NEVER_CALL),
        ]
    }

    /// The bytes that stand for this context; the shell hashes them, the phone signs the hash.
    ///
    /// Two contexts have the same bytes only if they show the same and belong to the same prompt:
    /// every part carries its length, and an unknown value differs from the word "unknown".
    #[must_use]
    pub fn canonical_bytes(&self) -> Vec<u8> {
        let mut out = LAYOUT.to_vec();
        put(&mut out, self.subscriber.as_str().as_bytes());
        put(&mut out, &self.prompt.0.to_be_bytes());
        put(&mut out, self.attempt.as_str().as_bytes());
        put(&mut out, self.relying_party.as_str().as_bytes());
        for line in self.lines() {
            put(&mut out, line.name.as_bytes());
            match line.value {
                Some(value) => {
                    out.push(1);
                    put(&mut out, value.as_bytes());
                }
                None => out.push(0),
            }
        }
        out
    }
}

fn put(out: &mut Vec<u8>, part: &[u8]) {
    out.extend((part.len() as u64).to_be_bytes());
    out.extend(part);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requester::Network;

    fn context() -> Context {
        Context {
            subscriber: SubscriberId::parse("alice").unwrap(),
            prompt: PromptId(1),
            attempt: AttemptId::parse("att_1").unwrap(),
            purpose: Purpose::SignIn,
            relying_party: RelyingPartyId::parse("wiki").unwrap(),
            relying_party_name: Text::new("Wiki"),
            requester: Requester::default(),
            first_time: FirstTime::Unknown,
            distance: Distance::Unknown,
            asked_at: Timestamp::from_seconds(1_000),
        }
    }

    #[test]
    fn unknown_is_said_on_a_line_of_its_own() {
        let lines = context().lines();
        for name in ["country", "city", "network", "address", "browser", "first_time", "distance"] {
            assert!(lines.iter().any(|l| l.name == name && l.value.is_none()), "{name}");
        }
    }

    #[test]
    fn every_prompt_warns_of_callers_and_the_warning_is_signed() {
        let bytes = context().canonical_bytes();
        assert!(bytes.windows(WE_NEVER_CALL.len()).any(|w| w == WE_NEVER_CALL.as_bytes()));
    }

    #[test]
    fn whatever_differs_on_the_screen_differs_in_the_signed_bytes() {
        let base = context();
        let mut others = vec![base.clone(); 7];
        others[0].prompt = PromptId(2);
        others[1].attempt = AttemptId::parse("att_2").unwrap();
        others[2].purpose = Purpose::Recovery;
        others[3].relying_party_name = Text::new("Wik");
        others[4].requester.browser = Some(Text::new("unknown"));
        others[5].distance = Distance::OtherCountry;
        others[6].requester.network =
            Some(Network { asn: 64_500, name: Text::new("Example"), is_hosting: false });
        let mut bytes: Vec<_> = others.iter().map(Context::canonical_bytes).collect();
        bytes.push(base.canonical_bytes());
        let count = bytes.len();
        bytes.sort();
        bytes.dedup();
        assert_eq!(bytes.len(), count);
    }

    #[test]
    fn the_signed_bytes_stay_the_same_from_release_to_release() {
        let bytes = context().canonical_bytes();
        assert!(bytes.starts_with(b"pushback prompt context 1\0\0\0\0\0\0\0\x05alice"));
        assert!(bytes.ends_with(
            b"\x07warning\x01\0\0\0\0\0\0\0\x27We never call to ask you for this code."
        ));
        // 25 of the layout, 54 of four ids, 87 of twelve names with 9 each beside them, 102 of the
        // four values that are known.
        assert_eq!(bytes.len(), 25 + 54 + 87 + 12 * 9 + 102);
    }
}
