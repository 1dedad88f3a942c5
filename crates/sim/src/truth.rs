//! The truth beside the logs: what the generator did.

use pushback_model::{EventKind, Timestamp};
use serde::{Deserialize, Serialize};

use crate::settings::Vendor;

/// Everything that a judge needs to know about a world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// The seed.
    pub seed: u64,
    /// Whose logs.
    pub vendor: Vendor,
    /// People times days.
    pub person_days: f64,
    /// The attacks.
    pub campaigns: Vec<Campaign>,
    /// What looks like an attack and is none.
    pub lookalikes: Vec<LookAlike>,
}

/// One attack on one or more people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Campaign {
    /// Counts from 0 within a world.
    pub id: u32,
    /// What kind of attack.
    pub pattern: Pattern,
    /// Where it came from.
    pub source: SourceClass,
    /// First act.
    pub started_at: Timestamp,
    /// Last act, the later changes included.
    pub last_at: Timestamp,
    /// Whom it met.
    pub targets: Vec<Target>,
}

/// What a campaign did to one subscriber.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// The mail address, lower case.
    pub name: String,
    /// Other names that the vendor's records use for the person, lower case.
    pub aliases: Vec<String>,
    /// First act against this person.
    pub started_at: Timestamp,
    /// Last act, the later changes included.
    pub last_at: Timestamp,
    /// Prompts that the attacker caused.
    pub prompts: u32,
    /// Of those, denied or reported.
    pub denied: u32,
    /// Prompts that nobody answered before the approval; all of them if there was none.
    pub unanswered_before_approval: u32,
    /// When the owner approved.
    pub approved_at: Option<Timestamp>,
    /// What the attacker did after the approval, the reset or the enrolment, as far as logged.
    pub after: Vec<AfterTruth>,
}

/// One logged action of the attacker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AfterTruth {
    /// The vendor's ids of the records that show it; empty where the format has none.
    pub events: Vec<String>,
    /// What it was.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
}

/// Something innocent that looks like an attack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LookAlike {
    /// What kind.
    pub kind: LookAlikeKind,
    /// Whom it concerns, by mail address.
    pub people: Vec<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub last_at: Timestamp,
}

/// Where an attacker sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceClass {
    /// A home network in the victim's own country, with an ordinary browser.
    OwnCountry,
    /// A home network in another country.
    ForeignHome,
    /// A hosting provider.
    Hosting,
    /// A commercial VPN.
    Vpn,
}

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$inner:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name { $($(#[$inner])* #[serde(rename = $text)] $variant,)* }

        impl $name {
            /// Every one, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in machine output.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

named! {
    /// The attack patterns that every detection must cover.
    Pattern {
        /// One to five prompts within minutes; the commonest.
        ShortTry = "C1 short try",
        /// Dozens within twenty minutes.
        Burst = "C2 burst",
        /// Every minute between midnight and four, local time.
        NightCalls = "C3 night calls",
        /// One or two a day for days, from changing sources.
        LowAndSlow = "C4 low and slow",
        /// Prompts, then somebody calls and talks the owner into it.
        PhoneCall = "C5 phone call",
        /// One or two prompts to each of many people.
        Spray = "C6 spray",
        /// An extra prompt within seconds of a genuine one.
        BesideOwn = "C7 beside own sign-in",
        /// A relay page: one prompt, approved; the session is used from elsewhere.
        Relay = "C8 relay page",
        /// Prompts from self-service password reset.
        ResetFlow = "C9 reset flow",
        /// The help desk resets the factors, then a stranger enrols.
        HelpDesk = "C10 help-desk reset",
        /// The first factor of an account unused for long is a stranger's.
        Dormant = "C11 dormant account",
        /// One prompt, approved at once, session far from the phone.
        Insider = "C12 insider approval",
        /// Pushes denied, then SMS or voice.
        Downgrade = "C13 downgrade",
        /// Strangers fail on purpose to lock people out.
        Lockout = "C14 lockout",
        /// The same accounts again, days after the clean-up.
        Return = "C15 return",
    }
}

named! {
    /// Innocent behaviour that must stay quiet or become a configuration finding.
    LookAlikeKind {
        /// Signs in from another country for days.
        Traveller = "traveller",
        /// A client with an old password prompts at a constant interval.
        CachedPassword = "cached password",
        /// A VPN that reconnects and prompts each time.
        VpnReconnect = "vpn reconnect",
        /// The phone lies elsewhere: several own prompts stay silent.
        PhoneAway = "phone away",
        /// A new phone: enrol, prompts, old device removed later.
        NewPhone = "new phone",
        /// Works at other hours for a while.
        ShiftChange = "shift worker",
        /// A deny by mistake, then success from the same place.
        Slip = "slip of the thumb",
        /// Two own sign-ins at once.
        TwoOwn = "two own sign-ins",
        /// One account, several people.
        SharedAccount = "shared account",
        /// The push service is down: many time out, then a retry storm.
        Outage = "push outage",
        /// Carrier NAT and relays: places jump, same device.
        CarrierJump = "carrier jump",
        /// The office moves to another network.
        EgressChange = "egress change",
        /// New colleagues enrol in one morning.
        Onboarding = "onboarding wave",
        /// A genuine help-desk reset and the owner's own enrolment.
        HelpDeskReset = "help-desk reset",
        /// An announced drill from the organisation's own network.
        Drill = "drill",
    }
}

impl LookAlikeKind {
    /// Whether it happens to many people at once.
    #[must_use]
    pub const fn is_of_many(self) -> bool {
        matches!(self, Self::Outage | Self::EgressChange | Self::Onboarding | Self::Drill)
    }
}

impl Truth {
    /// Drops what did not happen within the world and settles first and last acts.
    pub(crate) fn finish(&mut self) {
        for campaign in &mut self.campaigns {
            campaign
                .targets
                .retain(|t| t.prompts > 0 || !t.after.is_empty() || t.last_at > t.started_at);
            for target in &mut campaign.targets {
                target.after.sort_by_key(|after| (after.at, after.kind));
                if let Some(last) = target.after.last() {
                    target.last_at = target.last_at.max(last.at);
                }
            }
            if let Some(first) = campaign.targets.iter().map(|t| t.started_at).min() {
                campaign.started_at = first;
            }
            if let Some(last) = campaign.targets.iter().map(|t| t.last_at).max() {
                campaign.last_at = last;
            }
        }
        self.campaigns.retain(|campaign| !campaign.targets.is_empty());
    }
}
