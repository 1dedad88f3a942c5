//! The schema: numbered steps, forward only, each applied once.

use aws_lc_rs::digest::{SHA256, digest};

use crate::StoreError;
use crate::db::{Conn, Edge, Param};

/// A step, as released: its file never changes.
struct Migration {
    number: i64,
    name: &'static str,
    sql: &'static str,
}

const MIGRATIONS: [Migration; 5] = [
    Migration { number: 1, name: "state", sql: include_str!("../migrations/0001_state.sql") },
    Migration {
        number: 2,
        name: "audit_chain",
        sql: include_str!("../migrations/0002_audit_chain.sql"),
    },
    Migration {
        number: 3,
        name: "sealed_bodies",
        sql: include_str!("../migrations/0003_sealed_bodies.sql"),
    },
    Migration {
        number: 4,
        name: "fewer_pages",
        sql: include_str!("../migrations/0004_fewer_pages.sql"),
    },
    Migration { number: 5, name: "signals", sql: include_str!("../migrations/0005_signals.sql") },
];

const TABLE: &str = "CREATE TABLE IF NOT EXISTS migrations (
    number BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    sha256 BYTEA NOT NULL
)";

/// Two nodes that start at once take turns: the number is arbitrary, only equal everywhere.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7306321)";

/// Why the schema does not fit this program.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SchemaError {
    /// A newer program was here: going back is not possible.
    #[error(
        "the database has schema {found}, this program knows up to {known}: \
         it was used by a newer version; upgrade, or restore a back-up"
    )]
    Newer {
        /// The number in the database.
        found: i64,
        /// The highest number known here.
        known: i64,
    },
    /// A step was applied with another text than the one released.
    #[error("the database was set up with another text of schema step {number}")]
    Changed {
        /// The step.
        number: i64,
    },
    /// The database lacks a step that an earlier one than its last.
    #[error("the database lacks schema step {number}, but has later ones")]
    Gap {
        /// The step.
        number: i64,
    },
}

/// Brings the schema up to date, all steps in one transaction.
pub(crate) async fn run(conn: &mut Conn) -> Result<(), StoreError> {
    run_to(conn, i64::MAX).await
}

async fn run_to(conn: &mut Conn, last: i64) -> Result<(), StoreError> {
    conn.run(Edge::Begin, &[]).await?;
    let outcome = steps(conn, last).await;
    match outcome {
        Ok(()) => conn.run(Edge::Commit, &[]).await.map(|_| ()),
        Err(error) => {
            conn.roll_back().await;
            Err(error)
        }
    }
}

async fn steps(conn: &mut Conn, last: i64) -> Result<(), StoreError> {
    if conn.is_postgres() {
        conn.script(LOCK).await?;
    }
    conn.script(TABLE).await?;
    let mut applied = Vec::new();
    let rows = conn.query("SELECT number, sha256 FROM migrations ORDER BY number", &[]).await?;
    for mut row in rows {
        applied.push((row.int("migrations")?, row.bytes_32("migrations")?));
    }
    let known = MIGRATIONS.iter().map(|step| step.number).max().unwrap_or_default();
    if let Some((found, _)) = applied.iter().find(|(number, _)| *number > known) {
        return Err(SchemaError::Newer { found: *found, known }.into());
    }
    for step in MIGRATIONS.iter().filter(|step| step.number <= last) {
        let sum = checksum(step.sql);
        match applied.iter().find(|(number, _)| *number == step.number) {
            Some((_, found)) if *found == sum => continue,
            Some(_) => return Err(SchemaError::Changed { number: step.number }.into()),
            None => {}
        }
        if applied.iter().any(|(number, _)| *number > step.number) {
            return Err(SchemaError::Gap { number: step.number }.into());
        }
        let sql = match conn.is_postgres() {
            true => {
                step.sql.replace("/*C*/", "COLLATE \"C\"").replace("/*P\n", "").replace("P*/\n", "")
            }
            false => step.sql.replace("/*S\n", "").replace("S*/\n", ""),
        };
        conn.script(&sql).await?;
        conn.execute(
            "INSERT INTO migrations (number, name, sha256) VALUES ($1, $2, $3)",
            &[Param::Int(step.number), Param::Text(step.name), Param::Blob(&sum)],
        )
        .await?;
    }
    Ok(())
}

fn checksum(sql: &str) -> [u8; 32] {
    let mut sum = [0; 32];
    sum.copy_from_slice(digest(&SHA256, sql.as_bytes()).as_ref());
    sum
}

#[cfg(test)]
mod tests;
