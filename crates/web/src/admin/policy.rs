//! The policy in force, with what each number means.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, Response};
use pushback_verify::Policy;
use serde::Deserialize;
use serde_json::Value;

use super::session::{Chrome, Session};
use crate::authenticator::html;
use crate::problem::Problem;
use crate::texts::Texts;

/// What every setting means, in words and in the order of the page.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Meanings {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    title: String,
    /// Name and meaning.
    settings: Vec<(String, String)>,
}

impl Meanings {
    /// The English ones; a test keeps them complete.
    pub(super) fn english() -> Result<Self, Problem> {
        let text = include_str!("../../templates/admin/policy.en.toml");
        toml::from_str(text).map_err(|error| {
            tracing::error!(%error, "the meanings of the settings cannot be read");
            let detail = "the meanings of the settings cannot be read";
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "unavailable", detail)
        })
    }

    /// What a setting means.
    pub(super) fn of(&self, group: &str, setting: &str) -> Option<&str> {
        let group = self.groups.iter().find(|known| known.name == group)?;
        let (_, meaning) = group.settings.iter().find(|(name, _)| name == setting)?;
        Some(meaning)
    }
}

struct PolicyRow {
    name: String,
    value: String,
    meaning: String,
    is_default: bool,
}

struct PolicyGroup {
    title: String,
    rows: Vec<PolicyRow>,
}

#[derive(Template)]
#[template(path = "admin/policy.html")]
struct PolicyPage<'p> {
    lang: &'p str,
    t: &'p Texts,
    chrome: Chrome<'p>,
    groups: Vec<PolicyGroup>,
}

fn value(all: &Value, group: &str, setting: &str) -> Value {
    all.get(group).and_then(|group| group.get(setting)).cloned().unwrap_or_default()
}

fn groups(policy: &Policy, meanings: Meanings) -> Vec<PolicyGroup> {
    let set = serde_json::to_value(policy).unwrap_or_default();
    let default = serde_json::to_value(Policy::default()).unwrap_or_default();
    let group = |Group { name, title, settings }| {
        let row = |(setting, meaning): (String, String)| {
            let value_set = value(&set, &name, &setting);
            PolicyRow {
                is_default: value_set == value(&default, &name, &setting),
                value: value_set.to_string(),
                name: format!("{name}.{setting}"),
                meaning,
            }
        };
        PolicyGroup { title, rows: settings.into_iter().map(row).collect() }
    };
    meanings.groups.into_iter().map(group).collect()
}

fn show(session: &Session) -> Result<Html<String>, Problem> {
    let groups = groups(session.web.app().policy(), Meanings::english()?);
    let chrome = session.chrome("policy");
    html(&PolicyPage { lang: "en", t: session.texts(), chrome, groups })
}

pub(super) async fn page(session: Session) -> Response {
    session.show(show(&session), "/admin")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_setting_has_a_meaning_and_every_meaning_a_setting() {
        let policy = serde_json::to_value(Policy::default()).unwrap();
        let mut expected = BTreeSet::new();
        for (group, settings) in policy.as_object().unwrap() {
            for setting in settings.as_object().unwrap().keys() {
                expected.insert(format!("{group}.{setting}"));
            }
        }
        let groups = groups(&Policy::default(), Meanings::english().unwrap());
        let rows = groups.iter().flat_map(|group| &group.rows);
        assert_eq!(rows.map(|row| row.name.clone()).collect::<BTreeSet<_>>(), expected);
    }

    #[test]
    fn a_value_that_was_set_is_not_called_the_default() {
        let mut policy = Policy::default();
        policy.budget.per_day = 7;
        let groups = groups(&policy, Meanings::english().unwrap());
        let changed: Vec<&PolicyRow> =
            groups.iter().flat_map(|group| &group.rows).filter(|row| !row.is_default).collect();
        assert_eq!(changed.len(), 1);
        assert_eq!((changed[0].name.as_str(), changed[0].value.as_str()), ("budget.per_day", "7"));
    }
}
