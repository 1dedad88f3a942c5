//! How people react. Every number has a source or is called an assumption.

/// Rates of human reactions, each between 0 and 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Humans {
    /// Approves the first unexpected prompt without thinking: 1 % (Microsoft, "Defend your users
    /// from MFA fatigue attacks", September 2022).
    pub first_approval: f64,
    /// By what share of `first_approval` each further prompt is likelier to be approved.
    /// Fitted: campaigns of 1 to 5 prompts then come to about 5 %, as Talos counted (June 2024:
    /// 15,000 push attacks, 5 % accepted, mostly 1 to 5 pushes).
    pub growth: f64,
    /// The most that one prompt is approved with, however many came before. Assumption.
    pub approval_max: f64,
    /// Denies an unexpected prompt. Assumption.
    pub deny: f64,
    /// Denies and reports it. Assumption.
    pub report: f64,
    /// Of those who deny once, the share that approves nothing blindly afterwards. Assumption.
    pub firm_after_denial: f64,
    /// Picks up when "IT support" calls and does what is said: taps, or types what is read out.
    /// Assumption; nobody publishes a rate.
    pub caller_convinces: f64,
    /// Of those, the share whom the line "we never call to ask you for this code" does not stop.
    /// 1: the line is given no credit. Assumption.
    pub caller_survives_the_line: f64,
    /// Having typed the password on a relay page, goes on with the second factor. Assumption.
    pub relay_convinces: f64,
    /// Approves an extra prompt beside an own sign-in. Assumption: "with high likelihood" (Prakash
    /// and others, EuroS&P 2021).
    pub approves_both: f64,
    /// Wakes up when the phone rings between midnight and six. Assumption.
    pub wakes_up: f64,
    /// Misses the prompt of an own sign-in once. Assumption.
    pub misses_own: f64,
    /// Has a passkey beside the phone. Assumption.
    pub has_passkey: f64,
    /// Of own sign-ins with a browser that is not known, those from a network never used before.
    /// Assumption.
    pub elsewhere: f64,
    /// Has the passkey at hand where it is asked for: it may be on another machine. Assumption.
    pub passkey_at_hand: f64,
}

impl Default for Humans {
    fn default() -> Self {
        Self {
            first_approval: 0.01,
            growth: 1.0,
            approval_max: 0.05,
            deny: 0.15,
            report: 0.03,
            firm_after_denial: 0.5,
            caller_convinces: 0.10,
            caller_survives_the_line: 1.0,
            relay_convinces: 0.8,
            approves_both: 0.6,
            wakes_up: 0.4,
            misses_own: 0.02,
            has_passkey: 0.5,
            elsewhere: 0.3,
            passkey_at_hand: 0.8,
        }
    }
}

impl Humans {
    /// The same people, with every rate of being fooled multiplied, at most 1.
    #[must_use]
    pub fn more_easily_fooled(&self, by: f64) -> Self {
        let times = |rate: f64| (rate * by).min(1.0);
        Self {
            first_approval: times(self.first_approval),
            approval_max: times(self.approval_max),
            caller_convinces: times(self.caller_convinces),
            relay_convinces: times(self.relay_convinces),
            approves_both: times(self.approves_both),
            ..self.clone()
        }
    }

    /// How likely the prompt with this number, from 1, is approved blindly.
    pub(super) fn approval(&self, number: u64) -> f64 {
        let grown = self.first_approval * (1.0 + self.growth * (number.max(1) - 1) as f64);
        grown.min(self.approval_max)
    }
}
