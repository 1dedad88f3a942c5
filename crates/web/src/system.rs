//! Health, metrics, time, keys: what machines around the service ask for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use pushback_model::Timestamp;
use serde_json::{Value, json};

use crate::Web;
use crate::counts::Outbox;
use crate::problem::Problem;

/// How long figures wait for the database; who collects them waits ten seconds by default.
const COUNTED_WITHIN: Duration = Duration::from_secs(5);

/// Answers by the first digit of their status.
static ANSWERS: [AtomicU64; 6] = [const { AtomicU64::new(0) }; 6];

pub(crate) async fn count(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let class = usize::from(response.status().as_u16() / 100);
    if let Some(counter) = ANSWERS.get(class) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
    response
}

pub(crate) async fn not_found() -> Problem {
    Problem::not_found()
}

pub(crate) async fn not_allowed() -> Problem {
    let detail = "this address does not take this method";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}

pub(crate) async fn home() -> Redirect {
    Redirect::to("/app")
}

/// The process answers.
pub(crate) async fn health() -> &'static str {
    "ok\n"
}

/// The database answers too, and this node's clock is believed; load balancers send nothing here otherwise.
pub(crate) async fn ready(State(web): State<Web>) -> Result<&'static str, Problem> {
    if let Some(doubt) = web.app().clock_doubt() {
        let detail = doubt.to_string();
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", detail));
    }
    match web.inner.counts.outbox(web.app()).await {
        Ok(_) => Ok("ready\n"),
        Err(error) => {
            tracing::error!(error = pushback_app::whole(error), "not ready");
            let detail = "the database does not answer";
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", detail))
        }
    }
}

pub(crate) async fn time(State(web): State<Web>) -> Json<Value> {
    let now = web.app().now();
    Json(json!({ "now": now.to_string(), "unix_ms": now.as_millis() }))
}

pub(crate) async fn jwks(State(web): State<Web>) -> Response {
    let body = json!({ "keys": web.app().jwks() });
    ([(header::CACHE_CONTROL, "public, max-age=300")], Json(body)).into_response()
}

/// Prometheus' text format.
///
/// What only the database knows is left out while it does not answer: that is when the rest is wanted.
pub(crate) async fn metrics(State(web): State<Web>) -> Response {
    let store = web.app().store();
    let counted = tokio::time::timeout(COUNTED_WITHIN, web.inner.counts.outbox(web.app())).await;
    let outbox = counted.ok().and_then(Result::ok);
    let mut text = String::new();
    let mut put = |name: &str, kind: &str, help: &str, lines: &[(String, String)]| {
        text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
        for (labels, value) in lines {
            text.push_str(&format!("{name}{labels} {value}\n"));
        }
    };
    let answers: Vec<(String, String)> = ANSWERS
        .iter()
        .enumerate()
        .skip(1)
        .map(|(class, count)| {
            (format!("{{class=\"{class}xx\"}}"), count.load(Ordering::Relaxed).to_string())
        })
        .collect();
    put("pushback_http_answers_total", "counter", "Answers by class of status.", &answers);
    let one = |value: String| vec![(String::new(), value)];
    for (name, help, value) in of_database(outbox, web.app().now()) {
        put(name, "gauge", help, &one(value));
    }
    let (rings, notices) = web.app().in_flight();
    put(
        "pushback_effects_in_flight",
        "gauge",
        "Effects that are on their way, by lane.",
        &[("rings", rings), ("notices", notices)]
            .map(|(lane, count)| (format!("{{lane=\"{lane}\"}}"), count.to_string())),
    );
    let connections = web.connections();
    put(
        "pushback_connections_open",
        "gauge",
        "Connections that are open.",
        &one(connections.opened().to_string()),
    );
    put(
        "pushback_connections_refused_total",
        "counter",
        "Connections closed at once, by the bound that they met.",
        &connections
            .refused()
            .map(|(bound, count)| (format!("{{bound=\"{bound}\"}}"), count.to_string())),
    );
    let of = |name: &str| format!("{{of=\"{name}\"}}");
    let streams = web.streams().counts();
    put(
        "pushback_streams_open",
        "gauge",
        "Answers that stay open while somebody waits.",
        &streams.map(|(name, open, _)| (of(name), open.to_string())),
    );
    put(
        "pushback_streams_refused_total",
        "counter",
        "Requests to wait for which there was no place.",
        &streams.map(|(name, _, refused)| (of(name), refused.to_string())),
    );
    put(
        "pushback_wake_ups_lost_total",
        "counter",
        "Wake-ups that cost somebody a poll.",
        &one(store.lost_wake_ups().to_string()),
    );
    put(
        "pushback_decisions_refused_total",
        "counter",
        "Decisions for which too many about the same subscriber waited already.",
        &one(web.app().decisions_refused().to_string()),
    );
    put(
        "pushback_clock_doubted",
        "gauge",
        "Whether this node's clock is not believed, so that it decides nothing.",
        &one(u8::from(web.app().clock_doubt().is_some()).to_string()),
    );
    put(
        "pushback_clock_refusals_total",
        "counter",
        "What was not decided because this node's clock was not believed.",
        &one(web.app().refused_by_clock().to_string()),
    );
    let (found, not) = web.app().documents_in_memory();
    put(
        "pushback_documents_wanted_total",
        "counter",
        "Documents that were wanted, by whether this node's memory had them.",
        &[("yes", found), ("no", not)]
            .map(|(found, count)| (format!("{{in_memory=\"{found}\"}}"), count.to_string())),
    );
    put(
        "pushback_database_questions_total",
        "counter",
        "Questions that the database was asked, commits and claims aside.",
        &one(store.questions().to_string()),
    );
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// Whether the database answered, and what it counted: names, helps, values.
fn of_database(
    outbox: Option<Outbox>,
    now: Timestamp,
) -> Vec<(&'static str, &'static str, String)> {
    let up = u8::from(outbox.is_some()).to_string();
    let mut gauges =
        vec![("pushback_database_up", "Whether the database answered this request.", up)];
    if let Some(Outbox { waiting, dead, oldest_due_at }) = outbox {
        let late = oldest_due_at.map_or(0, |due| (now - due).as_millis().max(0));
        let late = Duration::from_millis(late.unsigned_abs()).as_secs_f64();
        gauges.extend([
            ("pushback_outbox_waiting", "Effects that wait to leave.", waiting.to_string()),
            ("pushback_outbox_dead", "Effects given up.", dead.to_string()),
            (
                "pushback_outbox_late_seconds",
                "How late the effect is that is due longest.",
                format!("{late:.3}"),
            ),
        ]);
    }
    gauges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_tell_of_a_database_that_does_not_answer() {
        let now = Timestamp::from_millis(61_500);
        let of = |outbox| {
            let gauges = of_database(outbox, now).into_iter();
            gauges.map(|(name, _, value)| format!("{name} {value}")).collect::<Vec<_>>()
        };
        assert_eq!(of(None), ["pushback_database_up 0"]);
        let due = Some(Timestamp::from_millis(60_000));
        let up = of(Some(Outbox { waiting: 3, dead: 1, oldest_due_at: due }));
        assert_eq!(
            up,
            [
                "pushback_database_up 1",
                "pushback_outbox_waiting 3",
                "pushback_outbox_dead 1",
                "pushback_outbox_late_seconds 1.500",
            ]
        );
    }
}
