//! What relying parties have to act on, as they read it.

use axum::Json;
use axum::extract::State;
use pushback_app::{Signal, SignalKind};
use serde_json::{Value, json};

use crate::Web;
use crate::problem::{Asked, Problem};
use crate::relying_party::{Party, Wait};

pub(crate) async fn list(
    State(web): State<Web>,
    Party(party): Party,
    Asked(wait): Asked<Wait>,
) -> Result<Json<Value>, Problem> {
    let _place = match wait.time().is_zero() {
        true => None,
        false => Some(web.streams().open_for(&party.id, &format!("signals {}", party.id))?),
    };
    let found = web.app().signals(&party, wait.after.as_deref(), wait.time()).await?;
    Ok(Json(json!({
        "signals": found.signals.iter().map(signal).collect::<Vec<_>>(),
        "next": found.next,
        "has_more": found.has_more,
    })))
}

fn signal(signal: &Signal) -> Value {
    let (kind, since) = match signal.kind {
        SignalKind::SessionsEnded { since } => ("sessions_ended", since),
        SignalKind::PasswordBurned => ("password_burned", None),
        SignalKind::PasswordChanged => ("password_changed", None),
    };
    json!({
        "id": signal.id,
        "txn": signal.txn,
        "kind": kind,
        "subscriber": signal.subscriber,
        "at": signal.at.to_string(),
        "since": since.map(|at| at.to_string()),
    })
}
