//! The audit trail: pages of it, whether it is whole, and all of it as a file.

use askama::Template;
use axum::body::Body;
use axum::extract::Query;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use futures_util::stream;
use pushback_app::{App, AppError, AuditChain, AuditVerdict, Recorded};
use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded::Serializer;

use super::prompts::written_at;
use super::session::{Chrome, Session};
use crate::authenticator::html;
use crate::problem::Problem;
use crate::texts::Texts;
use crate::time::for_people;

/// Entries of one page.
const PAGE: i64 = 50;
const BACK: &str = "/admin/audit";

/// What the page is asked for.
#[derive(Deserialize)]
pub(super) struct Asked {
    chain: Option<String>,
    /// Entries with smaller numbers than this; without, the latest.
    before: Option<i64>,
    /// Whether to walk the whole trail.
    #[serde(default)]
    verify: u8,
}

struct ChainRow {
    name: String,
    address: String,
    is_shown: bool,
}

struct AuditRow {
    number: i64,
    at: String,
    what: String,
    about: String,
    by: String,
    digest: String,
}

struct VerdictView {
    is_whole: bool,
    text: String,
}

#[derive(Template)]
#[template(path = "admin/audit.html")]
struct AuditPage<'p> {
    lang: &'p str,
    t: &'p Texts,
    chrome: Chrome<'p>,
    chains: Vec<ChainRow>,
    count: i64,
    head: String,
    verdict: Option<VerdictView>,
    entries: Vec<AuditRow>,
    next: Option<String>,
}

fn address(chain: &str, before: Option<i64>) -> String {
    let mut query = Serializer::new(String::new());
    query.append_pair("chain", chain);
    if let Some(before) = before {
        query.append_pair("before", &before.to_string());
    }
    format!("{BACK}?{}", query.finish())
}

/// Who caused it: `stranger`, `phone 3`, `operator sam`.
fn actor(by: Option<&Value>) -> String {
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match by {
        Some(Value::Object(one)) => {
            let said: Vec<String> =
                one.iter().map(|(kind, which)| format!("{kind} {}", word(which))).collect();
            said.join(", ").replace('_', " ")
        }
        Some(Value::String(kind)) => kind.replace('_', " "),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_)) | None => {
            String::new()
        }
    }
}

fn row(entry: Recorded) -> AuditRow {
    AuditRow {
        number: entry.seq,
        at: written_at(&entry).map(for_people).unwrap_or_default(),
        what: entry.kind.replace('_', " "),
        by: actor(entry.body.get("by")),
        about: entry.subject,
        digest: entry.hash,
    }
}

async fn verdict(app: &App, t: &Texts) -> Result<VerdictView, Problem> {
    Ok(match app.verify_audit().await? {
        AuditVerdict::Whole { entries } => {
            let text = format!("{} {entries} {}", t.audit_whole, t.audit_entries);
            VerdictView { is_whole: true, text }
        }
        AuditVerdict::Broken(fault) => {
            VerdictView { is_whole: false, text: format!("{} {fault}", t.audit_broken) }
        }
    })
}

async fn show(session: &Session, asked: &Asked) -> Result<Html<String>, Problem> {
    let (app, t) = (session.web.app(), session.texts());
    let chains = app.audit_chains().await?;
    let wanted = |chain: &&AuditChain| asked.chain.as_ref().is_none_or(|name| *name == chain.name);
    let shown = chains.iter().find(wanted);
    let mut entries = Vec::new();
    let mut next = None;
    if let Some(chain) = shown {
        // They are numbered without a gap, so that the latest page is found by its numbers.
        let end = asked.before.unwrap_or(i64::MAX).clamp(1, chain.entries.saturating_add(1));
        let after = end.saturating_sub(PAGE + 1).max(0);
        let page = app.audit(&chain.name, after).await?;
        entries = page.into_iter().take_while(|entry| entry.seq < end).map(row).collect();
        entries.reverse();
        next = (after > 0).then(|| address(&chain.name, Some(after + 1)));
    }
    let verdict = if asked.verify == 1 { Some(verdict(app, t).await?) } else { None };
    html(&AuditPage {
        lang: "en",
        t,
        chrome: session.chrome("audit"),
        count: shown.map_or(0, |chain| chain.entries),
        head: shown.map(|chain| chain.head.clone()).unwrap_or_default(),
        chains: chains
            .iter()
            .map(|chain| ChainRow {
                name: chain.name.clone(),
                address: address(&chain.name, None),
                is_shown: shown.is_some_and(|shown| shown.name == chain.name),
            })
            .collect(),
        verdict,
        entries,
        next,
    })
}

pub(super) async fn page(session: Session, Query(asked): Query<Asked>) -> Response {
    session.show(show(&session, &asked).await, BACK)
}

/// Where a download stands.
struct Download {
    app: App,
    /// Chains that are still to be read, the next one last.
    chains: Vec<AuditChain>,
    after: i64,
}

impl Download {
    /// The next page of lines; `None` at the end. Entries written after the beginning are left out.
    async fn page(&mut self) -> Result<Option<String>, AppError> {
        while let Some(chain) = self.chains.last() {
            let entries = self.app.audit(&chain.name, self.after).await?;
            let wanted: Vec<&Recorded> =
                entries.iter().take_while(|entry| entry.seq <= chain.entries).collect();
            if let Some(last) = wanted.last() {
                self.after = last.seq;
                let mut lines = String::new();
                for entry in &wanted {
                    lines.push_str(&serde_json::to_string(entry)?);
                    lines.push('\n');
                }
                return Ok(Some(lines));
            }
            self.chains.pop();
            self.after = 0;
        }
        Ok(None)
    }
}

/// All of it, one JSON object a line. One page at a time is in memory; a
/// failure cuts the connection, so that half a file is never taken for a whole one.
pub(super) async fn download(session: Session) -> Response {
    let app = session.web.app().clone();
    let mut chains = match app.audit_chains().await {
        Ok(chains) => chains,
        Err(error) => return session.refuse(error, BACK),
    };
    chains.reverse();
    let download = Download { app, chains, after: 0 };
    let pages = stream::try_unfold(download, |mut download| async move {
        let page = download.page().await.inspect_err(|error| {
            tracing::error!(%error, "a download of the audit trail was cut off");
        })?;
        Ok::<_, AppError>(page.map(|lines| (lines, download)))
    });
    let headers = [
        (header::CONTENT_TYPE, "application/x-ndjson"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"pushback-audit.ndjson\""),
    ];
    (headers, Body::from_stream(pages)).into_response()
}
