//! What is wrong with a policy's values.

use std::fmt;

use crate::policy::{Policy, RiskPolicy};

/// Something wrong with a policy's values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The value, by its path: `prompt.life_seconds`.
    pub path: &'static str,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Policy {
    /// Everything that is wrong with the values, in the order of the file. Empty if the policy may
    /// be used.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut problem = |path: &'static str, message: String| {
            problems.push(Problem { path, message });
        };
        let p = &self.prompt;
        let b = &self.budget;
        let t = &self.throttle;
        let s = &self.stop;
        let a = &self.account;
        let ranges: [(&'static str, u32, u32, u32); 23] = [
            ("prompt.life_seconds", p.life_seconds, 30, 600),
            ("prompt.wrong_entries", p.wrong_entries.into(), 1, 5),
            ("prompt.clock_tolerance_seconds", p.clock_tolerance_seconds, 0, 30),
            ("budget.per_ten_minutes", b.per_ten_minutes.into(), 1, 10),
            ("budget.per_hour", b.per_hour.into(), 1, 20),
            ("budget.per_day", b.per_day.into(), 1, 40),
            ("throttle.free_failures", t.free_failures.into(), 0, 9),
            ("throttle.first_wait_seconds", t.first_wait_seconds, 5, 600),
            ("throttle.longest_wait_seconds", t.longest_wait_seconds, 5, 86_400),
            ("throttle.forget_device_after", t.forget_device_after.into(), 10, 100),
            ("trust.device_days", self.trust.device_days.into(), 1, 180),
            ("trust.mute_minutes", self.trust.mute_minutes, 1, 1_440),
            ("trust.report_reaches_back_hours", self.trust.report_reaches_back_hours, 1, 720),
            ("stop.suspend_push_after", s.suspend_push_after.into(), 3, 50),
            ("stop.disable_after", s.disable_after.into(), 10, 100),
            ("stop.strangers_may_cause", s.strangers_may_cause.into(), 5, 99),
            ("account.binding_code_seconds", a.binding_code_seconds, 60, 600),
            ("account.authority_seconds", a.authority_seconds, 60, 900),
            ("account.probation_hours", a.probation_hours, 0, 168),
            ("account.address_code_seconds", a.address_code_seconds, 60, 86_400),
            ("account.reset_delay_hours", a.reset_delay_hours, 12, 168),
            ("account.dormant_after_days", a.dormant_after_days, 1, 365),
            ("account.caller_check_seconds", a.caller_check_seconds, 30, 600),
        ];
        for (path, value, low, high) in ranges {
            if !(low..=high).contains(&value) {
                problem(path, format!("{path} is {value} but must be between {low} and {high}"));
            }
        }
        let orders: [(&'static str, u32, &'static str, u32); 3] = [
            (
                "budget.per_ten_minutes",
                b.per_ten_minutes.into(),
                "budget.per_hour",
                b.per_hour.into(),
            ),
            ("budget.per_hour", b.per_hour.into(), "budget.per_day", b.per_day.into()),
            (
                "throttle.first_wait_seconds",
                t.first_wait_seconds,
                "throttle.longest_wait_seconds",
                t.longest_wait_seconds,
            ),
        ];
        for (path, less, other, more) in orders {
            if less > more {
                problem(
                    path,
                    format!("{path} is {less} but must not be above {other}, which is {more}"),
                );
            }
        }
        if b.kept_for_known_devices > 0 && b.kept_for_known_devices >= b.per_ten_minutes.max(2) {
            let path = "budget.kept_for_known_devices";
            problem(
                path,
                format!(
                    "{path} is {} but must be below budget.per_ten_minutes, which is {}",
                    b.kept_for_known_devices, b.per_ten_minutes
                ),
            );
        }
        if s.strangers_may_cause >= s.disable_after {
            let path = "stop.strangers_may_cause";
            problem(
                path,
                format!(
                    "{path} is {} but must be below stop.disable_after, which is {}",
                    s.strangers_may_cause, s.disable_after
                ),
            );
        }
        self.risk.problems(&mut problem);
        problems
    }
}

impl RiskPolicy {
    fn problems(&self, problem: &mut impl FnMut(&'static str, String)) {
        let bits = [
            ("risk.quiet_from", self.quiet_from),
            ("risk.passkey_owners_from", self.passkey_owners_from),
            ("risk.passkey_only_from", self.passkey_only_from),
            ("risk.refuse_from", self.refuse_from),
            ("risk.known_device", self.known_device),
            ("risk.unfamiliar_country", self.unfamiliar_country),
            ("risk.unfamiliar_network", self.unfamiliar_network),
            ("risk.unfamiliar_browser", self.unfamiliar_browser),
            ("risk.origin_unknown", self.origin_unknown),
            ("risk.foreign_hour", self.foreign_hour),
            ("risk.hosting_network", self.hosting_network),
            ("risk.phone_far", self.phone_far),
            ("risk.phone_same_network", self.phone_same_network),
            ("risk.phone_near", self.phone_near),
            ("risk.many_asked", self.many_asked),
            ("risk.unanswered", self.unanswered),
            ("risk.denied", self.denied),
        ];
        for (path, value) in bits {
            if !value.is_finite() || value.abs() > 64.0 {
                problem(path, format!("{path} is {value} but must be between -64 and 64 bits"));
            }
        }
        if self.habits_from > 100 {
            let path = "risk.habits_from";
            problem(path, format!("{path} is {} but must be between 0 and 100", self.habits_from));
        }
        let steps = [
            ("risk.quiet_from", self.quiet_from, "risk.passkey_only_from", self.passkey_only_from),
            (
                "risk.passkey_owners_from",
                self.passkey_owners_from,
                "risk.passkey_only_from",
                self.passkey_only_from,
            ),
            (
                "risk.passkey_only_from",
                self.passkey_only_from,
                "risk.refuse_from",
                self.refuse_from,
            ),
        ];
        for (path, less, other, more) in steps {
            if less > more {
                problem(
                    path,
                    format!("{path} is {less} but must not be above {other}, which is {more}"),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::DangerPolicy;

    use super::*;

    #[test]
    fn the_defaults_have_no_problems() {
        assert_eq!(Policy::default().problems(), []);
    }

    #[test]
    fn the_code_lives_between_half_a_minute_and_ten() {
        for (seconds, problems) in [(29, 1), (30, 0), (600, 0), (601, 1)] {
            let mut policy = Policy::default();
            policy.prompt.life_seconds = seconds;
            assert_eq!(policy.problems().len(), problems, "{seconds}");
        }
    }

    #[test]
    fn every_problem_is_reported_at_once_with_what_would_be_right() {
        let text = "[prompt]\nlife_seconds = 5\nwrong_entries = 9\n[budget]\nper_hour = 2\n\
                    kept_for_known_devices = 3\n[stop]\nstrangers_may_cause = 99\ndisable_after = 90\n\
                    [risk]\nquiet_from = nan\nrefuse_from = 5.0\n";
        let policy: Policy = toml::from_str(text).unwrap();
        let problems = policy.problems();
        let paths: Vec<_> = problems.iter().map(|p| p.path).collect();
        assert_eq!(
            paths,
            [
                "prompt.life_seconds",
                "prompt.wrong_entries",
                "budget.per_ten_minutes",
                "budget.kept_for_known_devices",
                "stop.strangers_may_cause",
                "risk.quiet_from",
                "risk.passkey_only_from"
            ]
        );
        assert_eq!(
            problems[0].to_string(),
            "prompt.life_seconds is 5 but must be between 30 and 600"
        );
    }

    #[test]
    fn unknown_keys_are_refused() {
        assert!(toml::from_str::<Policy>("[prompt]\nlife = 60\n").is_err());
    }

    #[test]
    fn what_weakens_safety_is_off_and_says_so_in_its_name() {
        let text = toml::to_string(&DangerPolicy::default()).unwrap();
        assert_eq!(text.lines().count(), 3);
        for line in text.lines() {
            assert!(line.starts_with("danger_") && line.ends_with("= false"), "{line}");
        }
    }

    #[test]
    fn a_policy_survives_its_file() {
        let text = toml::to_string(&Policy::default()).unwrap();
        assert_eq!(toml::from_str::<Policy>(&text).unwrap(), Policy::default());
    }
}
