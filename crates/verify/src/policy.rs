//! What an organisation can set, with the range of every value and where it comes from.

mod problems;

use pushback_model::Span;
use serde::{Deserialize, Serialize};

pub use self::problems::Problem;

/// The policy of the prompt service. Every value has a default; unknown keys are refused.
///
/// A value is only used after [`Policy::problems`] has come back empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// One prompt.
    pub prompt: PromptPolicy,
    /// How often a phone may ring.
    pub budget: BudgetPolicy,
    /// Waits after failures.
    pub throttle: ThrottlePolicy,
    /// Known browsers and devices, and what a denial does.
    pub trust: TrustPolicy,
    /// When an authenticator is stopped.
    pub stop: StopPolicy,
    /// Evidence in bits, and what follows from it.
    pub risk: RiskPolicy,
    /// Binding, recovery and reset of authenticators.
    pub account: AccountPolicy,
    /// What weakens safety; all off.
    pub danger: DangerPolicy,
}

/// One prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PromptPolicy {
    /// How long a match code lives, in seconds: 30 to 600 (SP 800-63B-4, 3.1.3.2: ten minutes).
    pub life_seconds: u32,
    /// Wrong entries that end a prompt and count as a denial: 1 to 5.
    pub wrong_entries: u8,
    /// How far a node's clock may lie behind another's before what is open ends: 0 to 30 seconds.
    pub clock_tolerance_seconds: u32,
}

/// How often a phone may ring without an answer (SP 800-63B-4, 3.1.3.2 asks for a limit and names
/// none; ATT&CK M1032). [`crate::PromptBudget`] says what counts. The numbers are our defaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BudgetPolicy {
    /// Rings in any ten minutes: 1 to 10.
    pub per_ten_minutes: u8,
    /// Rings in any hour: 1 to 20.
    pub per_hour: u8,
    /// Rings in any 24 hours: 1 to 40.
    pub per_day: u8,
    /// Rings of each window that strangers leave for known devices: 0 up to one less than
    /// `per_ten_minutes`. A lone ring is not divided.
    pub kept_for_known_devices: u8,
}

/// Waits after failures (SP 800-63B-4, 3.2.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ThrottlePolicy {
    /// Failures in a row without a wait: 0 to 9.
    pub free_failures: u8,
    /// The first wait, in seconds: 5 to 600.
    pub first_wait_seconds: u32,
    /// The longest wait, in seconds: from the first wait up to 86,400.
    pub longest_wait_seconds: u32,
    /// Failures in a row after which a known device is one no longer: 10 to 100 (OWASP device
    /// cookies: ten times ten).
    pub forget_device_after: u8,
}

/// Known browsers and devices, and what a denial does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrustPolicy {
    /// A device is forgotten this many days after its last success: 1 to 180.
    pub device_days: u16,
    /// For how many minutes a denial keeps strangers from ringing: 1 to 1,440.
    pub mute_minutes: u32,
    /// A report ends sessions and forgets devices and habits younger than this many hours: 1 to 720.
    pub report_reaches_back_hours: u32,
}

/// When an authenticator is stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StopPolicy {
    /// Wrong match codes in a row that suspend push: 3 to 50.
    pub suspend_push_after: u8,
    /// Failures in a row that disable an authenticator for good: 10 to 100 (SP 800-63B-4, 3.2.2).
    pub disable_after: u8,
    /// Of those, how many strangers can cause: from 5 up to one less than `disable_after`. The rest
    /// stays for known devices, so that strangers cannot disable an authenticator (ASVS 6.1.1).
    pub strangers_may_cause: u8,
}

/// Evidence in bits: log2 of how much likelier something is under attack than in ordinary life.
///
/// The names are those of the detection engine's weights where they mean the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RiskPolicy {
    /// From here nothing rings, in bits.
    pub quiet_from: f64,
    /// From here whoever has a passkey is asked for it and not for a code, in bits: a relay page passes
    /// a typed code on, and no passkey.
    pub passkey_owners_from: f64,
    /// From here only a passkey gets in, in bits.
    pub passkey_only_from: f64,
    /// From here an attempt is refused, in bits.
    pub refuse_from: f64,
    /// Successes before places and hours count: 0 to 100. A person without habits has no foreign
    /// places yet.
    pub habits_from: u16,
    /// The browser or device is one the subscriber succeeded from.
    pub known_device: f64,
    /// A country they have never signed in from.
    pub unfamiliar_country: f64,
    /// A network they have never signed in from, in a country that they have.
    pub unfamiliar_network: f64,
    /// A browser they have never signed in with.
    pub unfamiliar_browser: f64,
    /// Network and country are both unknown to us.
    pub origin_unknown: f64,
    /// An hour of the day at which they have never signed in, nor in the hours beside it.
    pub foreign_hour: f64,
    /// A hosting provider's, a VPN's or an anonymising network.
    pub hosting_network: f64,
    /// The phone is in another country or over 500 km away.
    pub phone_far: f64,
    /// The phone is behind the same address.
    pub phone_same_network: f64,
    /// The phone may be in the same place.
    pub phone_near: f64,
    /// The same source asked the same relying party for at least three others in the last hour, who have not
    /// got in from there.
    pub many_asked: f64,
    /// Each prompt of the last 24 hours, since the last success, that nobody answered, up to two. This and
    /// `denied` make a prompt quiet; only of whoever has a passkey they ask for it.
    pub unanswered: f64,
    /// A prompt of the last 24 hours, since the last success, was denied, or its right code was typed far from
    /// the browser.
    pub denied: f64,
}

/// Binding, recovery and reset of authenticators.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountPolicy {
    /// How long a binding code lives, in seconds: 60 to 600 (SP 800-63B-4, 4.1.2.2).
    pub binding_code_seconds: u32,
    /// For how many seconds after a success the subscriber may change authenticators: 60 to 900.
    pub authority_seconds: u32,
    /// For how many hours a new authenticator cannot authorise changes: 0 to 168.
    pub probation_hours: u32,
    /// How long a recovery code sent to an address lives, in seconds: 60 to 86,400 (4.2.1).
    pub address_code_seconds: u32,
    /// How long a reset by one help-desk person waits, in hours: 12 to 168.
    pub reset_delay_hours: u32,
    /// An account that has had nothing bound for so many days is dormant: a reset, by two people or
    /// after the delay, opens it. 1 to 365 (ATT&CK T1098.005, M1032).
    pub dormant_after_days: u32,
    /// How long a caller check lives, in seconds: 30 to 600.
    pub caller_check_seconds: u32,
    /// Whether codes by time of other apps are bound and taken. A false page can ask for such a code
    /// (SP 800-63B-4, 3.2.5); without them, a phone without a network has only passkeys beside it.
    pub takes_totp: bool,
}

/// What weakens safety. Each is a decision that a reviewer should find.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DangerPolicy {
    /// Lets administrators sign in by phone instead of by passkey.
    pub danger_administrators_without_passkey: bool,
    /// Lets authenticators be bound with fewer than two notice addresses.
    pub danger_one_notice_address: bool,
    /// Lets one help-desk person reset, bring back what was disputed, or make an administrator a member, at
    /// once: without a second one and without a delay.
    pub danger_reset_by_one_person: bool,
}

impl Default for PromptPolicy {
    fn default() -> Self {
        Self { life_seconds: 90, wrong_entries: 3, clock_tolerance_seconds: 5 }
    }
}

impl Default for BudgetPolicy {
    fn default() -> Self {
        Self { per_ten_minutes: 3, per_hour: 5, per_day: 10, kept_for_known_devices: 1 }
    }
}

impl Default for ThrottlePolicy {
    fn default() -> Self {
        Self {
            free_failures: 2,
            first_wait_seconds: 30,
            longest_wait_seconds: 3_600,
            forget_device_after: 100,
        }
    }
}

impl Default for TrustPolicy {
    fn default() -> Self {
        Self { device_days: 180, mute_minutes: 10, report_reaches_back_hours: 24 }
    }
}

impl Default for StopPolicy {
    fn default() -> Self {
        Self { suspend_push_after: 10, disable_after: 100, strangers_may_cause: 50 }
    }
}

impl Default for RiskPolicy {
    fn default() -> Self {
        Self {
            quiet_from: 4.0,
            passkey_owners_from: 1.5,
            passkey_only_from: 6.0,
            refuse_from: 14.0,
            habits_from: 10,
            known_device: -5.0,
            unfamiliar_country: 4.0,
            unfamiliar_network: 1.5,
            unfamiliar_browser: 1.0,
            origin_unknown: 1.0,
            foreign_hour: 1.0,
            hosting_network: 2.0,
            phone_far: 4.0,
            phone_same_network: -7.0,
            phone_near: -1.0,
            many_asked: 3.0,
            unanswered: 1.0,
            denied: 2.0,
        }
    }
}

impl Default for AccountPolicy {
    fn default() -> Self {
        Self {
            binding_code_seconds: 600,
            authority_seconds: 300,
            probation_hours: 24,
            address_code_seconds: 600,
            reset_delay_hours: 24,
            dormant_after_days: 30,
            caller_check_seconds: 180,
            takes_totp: true,
        }
    }
}

impl BudgetPolicy {
    /// Every window with its limit.
    pub(crate) const fn windows(&self) -> [(Span, u8); 3] {
        [
            (Span::minutes(10), self.per_ten_minutes),
            (Span::hours(1), self.per_hour),
            (Span::days(1), self.per_day),
        ]
    }
}

impl PromptPolicy {
    pub(crate) const fn life(&self) -> Span {
        Span::seconds(self.life_seconds as i64)
    }

    pub(crate) const fn clock_tolerance(&self) -> Span {
        Span::seconds(self.clock_tolerance_seconds as i64)
    }
}

impl TrustPolicy {
    /// How long a browser is known for after its last success.
    #[must_use]
    pub const fn device_life(&self) -> Span {
        Span::days(self.device_days as i64)
    }

    pub(crate) const fn mute(&self) -> Span {
        Span::minutes(self.mute_minutes as i64)
    }

    pub(crate) const fn report_reach(&self) -> Span {
        Span::hours(self.report_reaches_back_hours as i64)
    }
}

impl AccountPolicy {
    pub(crate) const fn binding_code_life(&self) -> Span {
        Span::seconds(self.binding_code_seconds as i64)
    }

    pub(crate) const fn authority_life(&self) -> Span {
        Span::seconds(self.authority_seconds as i64)
    }

    pub(crate) const fn probation(&self) -> Span {
        Span::hours(self.probation_hours as i64)
    }

    pub(crate) const fn address_code_life(&self) -> Span {
        Span::seconds(self.address_code_seconds as i64)
    }

    pub(crate) const fn dormant_after(&self) -> Span {
        Span::days(self.dormant_after_days as i64)
    }

    pub(crate) const fn reset_delay(&self) -> Span {
        Span::hours(self.reset_delay_hours as i64)
    }

    pub(crate) const fn caller_check_life(&self) -> Span {
        Span::seconds(self.caller_check_seconds as i64)
    }
}
