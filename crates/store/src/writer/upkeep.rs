//! What the writer does now and then, in the transactions of the changes.

use pushback_model::Timestamp;

use crate::db::{Conn, Edge, Param, Sort, Step};
use crate::{StoreError, Swept};

#[derive(Clone, Copy)]
pub(crate) struct SweepArgs {
    pub(crate) now: Timestamp,
    pub(crate) deleted_before: Timestamp,
    pub(crate) dead_before: Timestamp,
}

/// A value sealed anew, written only over the very bytes that were read.
pub(crate) struct Resealed {
    pub(crate) update: &'static str,
    pub(crate) new: Vec<u8>,
    pub(crate) row: Vec<String>,
    pub(crate) old: Vec<u8>,
}

pub(crate) struct CheckpointRow {
    pub(crate) chain: String,
    pub(crate) seq: i64,
    pub(crate) at: Timestamp,
    pub(crate) token: String,
}

pub(super) async fn sweep(conn: &mut Conn, args: SweepArgs) -> Result<Swept, StoreError> {
    // Bounded, so that the sweep never holds up the changes in its batch for long.
    const ROWS: i64 = 1_000;
    let answers = conn
        .execute(
            "DELETE FROM answers WHERE request_key IN \
             (SELECT request_key FROM answers WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
            &[Param::Int(args.now.as_millis()), Param::Int(ROWS)],
        )
        .await?;
    let documents = conn
        .execute(
            "DELETE FROM documents WHERE deleted_at < $1 AND (kind, id) IN \
             (SELECT kind, id FROM documents WHERE deleted_at < $1 ORDER BY deleted_at LIMIT $2)",
            &[Param::Int(args.deleted_before.as_millis()), Param::Int(ROWS)],
        )
        .await?;
    let dead = conn
        .execute(
            "DELETE FROM outbox WHERE dead_at < $1 AND row_key IN \
             (SELECT row_key FROM outbox WHERE dead_at < $1 ORDER BY dead_at LIMIT $2)",
            &[Param::Int(args.dead_before.as_millis()), Param::Int(ROWS)],
        )
        .await?;
    let is_full = [answers, documents, dead].iter().any(|count| *count >= ROWS.unsigned_abs());
    Ok(Swept { answers, documents, dead, is_complete: !is_full })
}

pub(super) async fn reseal(conn: &mut Conn, rows: &[Resealed]) -> Result<u64, StoreError> {
    let mut count = 0;
    for row in rows {
        let mut params = vec![Param::Blob(&row.new)];
        params.extend(row.row.iter().map(|part| Param::Text(part)));
        params.push(Param::Blob(&row.old));
        count += conn.execute(row.update, &params).await?;
    }
    Ok(count)
}

fn cells(row: &CheckpointRow) -> Vec<Param<'_>> {
    vec![
        Param::Text(&row.chain),
        Param::Int(row.seq),
        Param::Int(row.at.as_millis()),
        Param::Text(&row.token),
    ]
}

pub(super) async fn checkpoint(conn: &mut Conn, rows: &[CheckpointRow]) -> Result<(), StoreError> {
    const CHECKPOINT: [Sort; 4] = [Sort::Text, Sort::Int, Sort::Int, Sort::Text];
    let steps = Step::over(conn.is_postgres(), &CHECKPOINT, rows, cells, |list| {
        format!(
            "INSERT INTO audit_checkpoints (chain, seq, at, token) {list} \
             ON CONFLICT (chain, seq) DO NOTHING"
        )
    });
    conn.run(Edge::Within, &steps).await?;
    Ok(())
}
