//! The values of a policy by their path, so that a new weight is calibrated without a word here.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use pushback_detect::Policy;
use toml::{Table, Value};

/// The parts of the policy that hold evidence. Windows and networks are facts of an organisation
/// and its vendors, not of how attacks look.
const SECTIONS: [&str; 3] = ["thresholds", "weights", "novelty"];

/// Shares that add up to 1 hold a list; a single share stands for itself and its complement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Bits of evidence.
    Bits,
    /// How many sign-ins something weighs as much as.
    Count,
    /// A probability.
    Share,
}

/// One value that can be moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Knob {
    section: &'static str,
    name: String,
    /// Which one of a list.
    index: Option<usize>,
    kind: Kind,
}

impl Knob {
    /// As in a policy file: `weights.denied`, `novelty.network_owner[2]`.
    pub fn path(&self) -> String {
        match self.index {
            Some(index) => format!("{}.{}[{index}]", self.section, self.name),
            None => format!("{}.{}", self.section, self.name),
        }
    }
}

/// A policy as a table of values.
#[derive(Clone, Debug, PartialEq)]
pub struct Values(Table);

impl Values {
    /// The values of a policy.
    pub fn of(policy: &Policy) -> anyhow::Result<Self> {
        Table::try_from(policy).map(Self).context("the policy is no table")
    }

    /// The values of a policy file, defaults where it is silent.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let mut file: Table =
            toml::from_str(&text).with_context(|| format!("{} is no TOML", path.display()))?;
        let detection = file.remove("detection").unwrap_or_else(|| Value::Table(Table::new()));
        let policy: Policy =
            detection.try_into().with_context(|| format!("{} is no policy", path.display()))?;
        if let Some(problem) = policy.problems().first() {
            anyhow::bail!("{}: {}", path.display(), problem.message);
        }
        Self::of(&policy)
    }

    /// The policy with these values.
    pub fn policy(&self) -> anyhow::Result<Policy> {
        self.0.clone().try_into().context("the values are no policy")
    }

    /// Whether a policy file could hold these values.
    pub fn is_sound(&self) -> bool {
        self.policy().is_ok_and(|policy| policy.problems().is_empty())
    }

    /// Every value that can be moved, in the order of the names.
    pub fn knobs(&self) -> Vec<Knob> {
        let mut knobs = Vec::new();
        for section in SECTIONS {
            let Some(Value::Table(table)) = self.0.get(section) else { continue };
            for (name, value) in table {
                let kind = match section {
                    "novelty" if name == "strength" => Kind::Count,
                    "novelty" => Kind::Share,
                    _ => Kind::Bits,
                };
                let knob = |index| Knob { section, name: name.clone(), index, kind };
                match value {
                    Value::Array(list) => knobs.extend((0..list.len()).map(|i| knob(Some(i)))),
                    Value::Float(_) => knobs.push(knob(None)),
                    _ => {}
                }
            }
        }
        knobs
    }

    /// The value of a knob.
    pub fn get(&self, knob: &Knob) -> Option<f64> {
        let value = self.0.get(knob.section)?.get(&knob.name)?;
        match knob.index {
            Some(index) => value.get(index)?.as_float(),
            None => value.as_float(),
        }
    }

    /// Where a value is moved to: bits up, down and away altogether; counts and the odds of shares
    /// doubled and halved. `step` is 1 for whole steps.
    pub fn moves(&self, knob: &Knob, step: f64) -> Vec<f64> {
        let Some(now) = self.get(knob) else { return Vec::new() };
        match knob.kind {
            Kind::Bits => {
                let mut moves = vec![now - step, now + step];
                if knob.section == "weights" && now.abs() > step {
                    moves.push(0.0);
                }
                moves
            }
            Kind::Count => vec![now / step.exp2(), now * step.exp2()],
            Kind::Share => {
                let odds = now / (1.0 - now).max(1e-6);
                [odds / step.exp2(), odds * step.exp2()].map(|odds| odds / (1.0 + odds)).to_vec()
            }
        }
    }

    /// The same values with one moved. The rest of a list of shares shrinks or grows with it, so
    /// that they still add up to what they did.
    pub fn with(&self, knob: &Knob, to: f64) -> anyhow::Result<Self> {
        let mut values = self.clone();
        let slot = values
            .0
            .get_mut(knob.section)
            .and_then(|section| section.get_mut(&knob.name))
            .with_context(|| format!("the policy has no {}", knob.path()))?;
        match (knob.index, slot) {
            (None, slot) => *slot = Value::Float(to),
            (Some(index), Value::Array(list)) => {
                let shares: Vec<f64> = list.iter().filter_map(Value::as_float).collect();
                let sum: f64 = shares.iter().sum();
                let now = shares.get(index).copied().unwrap_or_default();
                let rest = (sum - to) / (sum - now).max(1e-6);
                for (i, (value, share)) in list.iter_mut().zip(shares).enumerate() {
                    *value = Value::Float(if i == index { to } else { share * rest });
                }
            }
            (Some(_), _) => anyhow::bail!("{} is no list", knob.path()),
        }
        Ok(values)
    }

    /// What differs from `defaults`, as a policy file.
    pub fn fragment(&self, defaults: &Self) -> String {
        let mut sections: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let mut last = None;
        for knob in self.knobs() {
            let name = (knob.section, knob.name.clone());
            let (Some(now), Some(then)) = (self.0.get(knob.section), defaults.0.get(knob.section))
            else {
                continue;
            };
            if now.get(&knob.name) == then.get(&knob.name) || last.as_ref() == Some(&name) {
                continue;
            }
            let text = now.get(&knob.name).map(shown).unwrap_or_default();
            let was = then.get(&knob.name).map(shown).unwrap_or_default();
            let line = format!("{} = {text} # was {was}", knob.name);
            sections.entry(knob.section).or_default().push(line);
            last = Some(name);
        }
        let mut text = String::new();
        for (section, lines) in sections {
            // Writing to a String cannot fail, so the result carries nothing.
            let _ = writeln!(text, "[detection.{section}]\n{}", lines.join("\n"));
        }
        text
    }
}

/// A value with at most four decimals: more would claim what was not measured.
fn shown(value: &Value) -> String {
    match value {
        Value::Float(number) => {
            let rounded = (number * 10_000.0).round() / 10_000.0;
            format!("{rounded:?}")
        }
        Value::Array(list) => {
            format!("[{}]", list.iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knob(values: &Values, path: &str) -> Knob {
        values.knobs().into_iter().find(|knob| knob.path() == path).unwrap()
    }

    #[test]
    fn every_weight_can_be_moved_and_the_policy_follows() {
        let policy = Policy::default();
        let values = Values::of(&policy).unwrap();
        let knobs = values.knobs();
        let weights = knobs.iter().filter(|knob| knob.section == "weights").count();
        assert_eq!(weights, policy.weights.table().len());
        let moved = values.with(&knob(&values, "weights.denied"), 1.5).unwrap();
        assert_eq!(moved.policy().unwrap().weights.denied.to_bits(), 1.5_f64.to_bits());
        assert!(values.fragment(&values).is_empty());
        assert!(moved.fragment(&values).starts_with("[detection.weights]\ndenied = 1.5 # was"));
    }

    #[test]
    fn shares_still_add_up_after_a_move() {
        let values = Values::of(&Policy::default()).unwrap();
        let moved = values.with(&knob(&values, "novelty.network_owner[1]"), 0.2).unwrap();
        let sum: f64 = moved.policy().unwrap().novelty.network_owner.iter().sum();
        assert!((sum - 1.0).abs() < 1e-9, "{sum}");
        assert!(moved.is_sound());
    }
}
