//! Effects that wait to leave: claimed with a lease, ended, tried again or given up.
//!
//! ```text
//! committed ──▶ waiting ──claim──▶ leased ──done──▶ gone
//!                  ▲                 │ ├─retry──▶ waiting, later
//!                  │                 │ └─lease over──▶ waiting
//!                  └────revive──── dead ◀──given up, or claimed too often
//! ```
//!
//! An effect leaves at least once and never before the commit that caused it. It may leave twice: when
//! a worker is slower than its lease, or stops between the effect and [`crate::Store::done`].

use pushback_model::{Span, Timestamp};

use crate::StoreError;
use crate::db::{Conn, Edge, Param, Sort, Step, pieces};

/// The longest note of why a try failed, in bytes; longer ones are cut.
const ERROR_BYTES_MAX: usize = 512;
/// The most rows in one claim.
pub const CLAIM_MAX: usize = 256;

const TABLE: &str = "outbox";

/// A row that a worker holds until its lease ends.
#[derive(Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The key that the other side can use to ignore a repetition.
    pub key: String,
    /// What the effect needs.
    pub payload: Vec<u8>,
    /// Which try this is, from 1; with the key it names the lease.
    pub claim: i64,
    /// Whether the holder before never said how it ended: what it was to do may have been done.
    pub may_be_done: bool,
}

impl std::fmt::Debug for Claimed {
    /// Without the payload, which may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Claimed")
            .field("key", &self.key)
            .field("claim", &self.claim)
            .finish_non_exhaustive()
    }
}

/// A row that was given up; it stays until it is revived or swept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dead {
    /// The row's key.
    pub key: String,
    /// The worker's topic.
    pub topic: String,
    /// How often it was claimed.
    pub claims: i64,
    /// When it was given up.
    pub dead_at: Timestamp,
    /// Why the last try failed, as the worker said.
    pub last_error: String,
}

/// The time until the next try: doubles from 1 s up to 1 h (RFC 8030 leaves this to the sender; an
/// hour is what push services ask for at most in practice).
///
/// `claim` is the try that failed, from 1. Spread by the row's key, so that what failed together is
/// not tried again together: the result lies between half and all of the doubled time.
#[must_use]
pub fn backoff(claim: i64, key: &str) -> Span {
    let doublings = u32::try_from(claim.saturating_sub(1).clamp(0, 12)).unwrap_or(12);
    let whole = Span::seconds(2_i64.saturating_pow(doublings).min(3_600)).as_millis();
    // Any even spread will do; the same key and try give the same time.
    let spread = crate::watch::topic_hash(&format!("{claim} {key}")) % 1_000;
    let share = i64::try_from(spread).unwrap_or_default();
    Span::millis(whole / 2 + whole / 2 * share / 999)
}

/// What a worker says about a row it holds.
#[derive(Clone, Debug)]
pub(crate) enum Settle {
    Retry { key: String, claim: i64, due_at: Timestamp, error: String },
    GiveUp { key: String, claim: i64, at: Timestamp, error: String },
    Revive { key: String, due_at: Timestamp },
}

#[derive(Clone, Debug)]
pub(crate) struct ClaimArgs {
    pub(crate) topic: String,
    pub(crate) now: Timestamp,
    pub(crate) lease: Span,
    pub(crate) limit: usize,
    pub(crate) claims_max: i64,
}

/// Hands out rows that are due; what was claimed too often becomes dead instead.
pub(crate) async fn claim(conn: &mut Conn, args: &ClaimArgs) -> Result<Vec<Claimed>, StoreError> {
    let mut sql = String::from(
        "SELECT row_key, payload, claims, last_error FROM outbox \
         WHERE topic = $1 AND dead_at IS NULL AND due_at <= $2 \
         ORDER BY due_at, row_key LIMIT $3",
    );
    if conn.is_postgres() {
        sql.push_str(" FOR UPDATE SKIP LOCKED");
    }
    let now = args.now.as_millis();
    let limit = i64::try_from(args.limit.min(CLAIM_MAX)).unwrap_or_default();
    let rows =
        conn.query(&sql, &[Param::Text(&args.topic), Param::Int(now), Param::Int(limit)]).await?;
    let (mut claimed, mut worn) = (Vec::new(), Vec::new());
    for mut row in rows {
        let (key, payload, claims) = (row.text(TABLE)?, row.blob(TABLE)?, row.int(TABLE)?);
        // Whoever holds a row has no error yet; whoever gave it back left one.
        let may_be_done = claims > 0 && row.text(TABLE)?.is_empty();
        if claims >= args.claims_max {
            worn.push(key);
        } else {
            claimed.push(Claimed { key, payload, claim: claims + 1, may_be_done });
        }
    }
    let until = now.saturating_add(args.lease.as_millis().max(1));
    for piece in pieces(&claimed) {
        let keys = piece.iter().map(|row| row.key.as_str());
        let set =
            "UPDATE outbox SET due_at = $1, claims = claims + 1, last_error = '' WHERE row_key IN";
        update(conn, set, until, keys, piece.len()).await?;
    }
    for piece in pieces(&worn) {
        let keys = piece.iter().map(String::as_str);
        update(conn, "UPDATE outbox SET dead_at = $1 WHERE row_key IN", now, keys, piece.len())
            .await?;
    }
    Ok(claimed)
}

async fn update<'a>(
    conn: &mut Conn,
    set: &str,
    first: i64,
    keys: impl Iterator<Item = &'a str>,
    count: usize,
) -> Result<(), StoreError> {
    let list: Vec<String> = (0..count).map(|at| format!("${}", at + 2)).collect();
    let sql = format!("{set} ({})", list.join(","));
    let params: Vec<Param<'_>> =
        std::iter::once(Param::Int(first)).chain(keys.map(Param::Text)).collect();
    conn.execute(&sql, &params).await?;
    Ok(())
}

/// Takes ended rows out; returns the keys that were there.
pub(crate) async fn done(conn: &mut Conn, keys: &[&str]) -> Result<Vec<String>, StoreError> {
    let steps = Step::over(
        conn.is_postgres(),
        &[Sort::Text],
        keys,
        |key| vec![Param::Text(key)],
        |list| format!("DELETE FROM outbox WHERE row_key IN ({list}) RETURNING row_key"),
    );
    let mut gone = Vec::new();
    for mut row in conn.run(Edge::Within, &steps).await?.into_iter().flat_map(|given| given.rows) {
        gone.push(row.text(TABLE)?);
    }
    Ok(gone)
}

/// Returns whether the row was there and the lease still this one.
pub(crate) async fn settle(conn: &mut Conn, settle: &Settle) -> Result<bool, StoreError> {
    let count = match settle {
        Settle::Retry { key, claim, due_at, error } => {
            conn.execute(
                "UPDATE outbox SET due_at = $1, last_error = $2 \
                 WHERE row_key = $3 AND claims = $4 AND dead_at IS NULL",
                &[
                    Param::Int(due_at.as_millis()),
                    Param::Text(cut(error)),
                    Param::Text(key),
                    Param::Int(*claim),
                ],
            )
            .await?
        }
        Settle::GiveUp { key, claim, at, error } => {
            conn.execute(
                "UPDATE outbox SET dead_at = $1, last_error = $2 \
                 WHERE row_key = $3 AND claims = $4 AND dead_at IS NULL",
                &[
                    Param::Int(at.as_millis()),
                    Param::Text(cut(error)),
                    Param::Text(key),
                    Param::Int(*claim),
                ],
            )
            .await?
        }
        Settle::Revive { key, due_at } => {
            conn.execute(
                "UPDATE outbox SET due_at = $1, dead_at = NULL, claims = 0 \
                 WHERE row_key = $2 AND dead_at IS NOT NULL",
                &[Param::Int(due_at.as_millis()), Param::Text(key)],
            )
            .await?
        }
    };
    Ok(count > 0)
}

fn cut(error: &str) -> &str {
    let end = (0..=ERROR_BYTES_MAX.min(error.len())).rev().find(|at| error.is_char_boundary(*at));
    // PostgreSQL holds no NUL in a text.
    let text = error.get(..end.unwrap_or_default()).unwrap_or_default();
    text.split('\0').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_between_tries_doubles_up_to_an_hour() {
        for (claim, low, high) in [
            (1, 500, 1_000),
            (2, 1_000, 2_000),
            (11, 512_000, 1_024_000),
            (40, 1_800_000, 3_600_000),
        ] {
            let millis = backoff(claim, "key").as_millis();
            assert!((low..=high).contains(&millis), "try {claim}: {millis} ms");
        }
        assert_ne!(backoff(5, "one"), backoff(5, "two"));
        assert!(backoff(i64::MIN, "key").as_millis() >= 500);
    }

    #[test]
    fn a_note_is_cut_between_characters_and_before_a_nul() {
        assert_eq!(cut("short"), "short");
        assert_eq!(cut(&"é".repeat(400)).len(), 512);
        assert_eq!(cut(&format!("x{}", "é".repeat(400))).len(), 511);
        assert_eq!(cut("a\0b"), "a");
    }
}
