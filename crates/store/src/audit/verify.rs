//! Walking the chains.

use std::collections::BTreeMap;

use pushback_model::Timestamp;

use super::{GENESIS, Recorded, hash};
use crate::db::{Reader, Row, Value};
use crate::{AuditEntry, Checkpoint, PublicKey, StoreError};

/// Entries read at once.
const PAGE: i64 = 1_000;

const ENTRIES: &str = "audit_entries";
const HEADS: &str = "audit_heads";

/// The first entry that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("chain {chain}, entry {seq}: {fault}")]
pub struct Broken {
    /// The chain.
    pub chain: String,
    /// The number of the entry.
    pub seq: i64,
    /// What does not fit.
    pub fault: Fault,
}

/// What does not fit at an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The entry, or the hash beside it, was altered.
    #[error("its hash does not fit: it was altered")]
    Altered,
    /// There is no entry of this number.
    #[error("it is missing")]
    Missing,
    /// There is an entry that no writer made.
    #[error("it was put in: no writer numbered it")]
    PutIn,
    /// A column holds what no writer writes.
    #[error("it cannot be read: a column was altered")]
    Unreadable,
    /// The chain's head does not name its last entry.
    #[error("the head of the chain does not fit it")]
    Head,
    /// A signed checkpoint says otherwise: the chain was cut off or written anew.
    #[error("it is not what a signed checkpoint says")]
    Checkpoint,
    /// A checkpoint in the database was not signed with the key given.
    #[error("the checkpoint kept for it is not signed with this key")]
    CheckpointSignature,
}

/// What an unbroken trail holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Entries of each chain up to the head at the start; later ones are not looked at.
    pub chains: BTreeMap<String, i64>,
    /// Checkpoints that were compared.
    pub checkpoints: usize,
}

/// Why the trail could not be found unbroken.
#[derive(Clone, Debug, thiserror::Error)]
pub enum VerifyError {
    /// It is broken.
    #[error("the audit trail is broken: {0}")]
    Broken(#[from] Broken),
    /// It could not be read.
    #[error("the audit trail could not be read")]
    Store(#[from] StoreError),
}

/// Walks every chain from its first entry.
// SECURITY: an altered trail must not pass. Guarded by `whatever_is_altered_in_the_audit_trail_is_found`.
pub(crate) async fn verify(
    reader: &Reader,
    key: Option<&PublicKey>,
    kept_elsewhere: &[Checkpoint],
) -> Result<Verified, VerifyError> {
    let mut checkpoints = stored_checkpoints(reader, key).await?;
    checkpoints.extend_from_slice(kept_elsewhere);
    let mut verified = Verified::default();
    let mut signed: BTreeMap<String, Signed> = BTreeMap::new();
    for Checkpoint { chain, seq, hash, .. } in checkpoints {
        let of_chain = signed.entry(chain.clone()).or_default();
        match of_chain.insert(seq, hash) {
            Some(other) if other != hash => return Err(broken(&chain, seq, Fault::Checkpoint)),
            Some(_) => {}
            None => verified.checkpoints += 1,
        }
    }
    let heads = heads(reader).await?;
    for (chain, (head_seq, head_hash)) in &heads {
        let of_chain = signed.remove(chain).unwrap_or_default();
        let last = walk(reader, chain, *head_seq, of_chain).await?;
        if last != *head_hash {
            return Err(broken(chain, *head_seq, Fault::Head));
        }
        beyond(reader, chain).await?;
        verified.chains.insert(chain.clone(), *head_seq);
    }
    let chains =
        reader.query_aside("SELECT chain FROM audit_entries GROUP BY chain", Vec::new()).await?;
    for mut row in chains {
        let chain = row.text(ENTRIES)?;
        // A chain that began after the heads were read has its head by now.
        if !heads.contains_key(&chain) && !self::heads(reader).await?.contains_key(&chain) {
            return Err(broken(&chain, 1, Fault::Head));
        }
    }
    // What is left was signed and is not there.
    let lost = signed.iter().find_map(|(chain, of_chain)| Some((chain, of_chain.keys().next()?)));
    match lost {
        Some((chain, seq)) => Err(broken(chain, *seq, Fault::Checkpoint)),
        None => Ok(verified),
    }
}

/// Signed hashes of one chain, by number.
type Signed = BTreeMap<i64, [u8; 32]>;

fn broken(chain: &str, seq: i64, fault: Fault) -> VerifyError {
    Broken { chain: chain.to_owned(), seq, fault }.into()
}

/// Returns the hash of the entry numbered `head_seq`.
async fn walk(
    reader: &Reader,
    chain: &str,
    head_seq: i64,
    mut signed: Signed,
) -> Result<[u8; 32], VerifyError> {
    let mut previous = GENESIS;
    let mut seq = 0;
    let mut after = i64::MIN;
    while seq < head_seq {
        let rows = page(reader, chain, after).await?;
        if rows.is_empty() {
            return Err(broken(chain, seq + 1, Fault::Missing));
        }
        for row in rows {
            if seq == head_seq {
                break;
            }
            let found = row_seq(&row).ok_or_else(|| broken(chain, seq + 1, Fault::Unreadable))?;
            seq += 1;
            if found < seq {
                return Err(broken(chain, found, Fault::PutIn));
            }
            if found > seq {
                return Err(broken(chain, seq, Fault::Missing));
            }
            let recorded =
                recorded(chain, row).ok_or_else(|| broken(chain, seq, Fault::Unreadable))?;
            if hash(&previous, chain, seq, &recorded.entry) != recorded.hash {
                return Err(broken(chain, seq, Fault::Altered));
            }
            if signed.remove(&seq).is_some_and(|hash| hash != recorded.hash) {
                return Err(broken(chain, seq, Fault::Checkpoint));
            }
            previous = recorded.hash;
            after = seq;
        }
    }
    // What was signed past the head was cut off.
    match signed.keys().next() {
        Some(seq) => Err(broken(chain, *seq, Fault::Checkpoint)),
        None => Ok(previous),
    }
}

/// Whether there are entries past the head, asked in one statement: a commit moves both together.
async fn beyond(reader: &Reader, chain: &str) -> Result<(), VerifyError> {
    let sql = "SELECT e.seq FROM audit_heads AS h CROSS JOIN audit_entries AS e \
               WHERE h.chain = $1 AND e.chain = h.chain AND e.seq > h.seq \
               ORDER BY e.seq LIMIT 1";
    match reader.query_aside(sql, vec![Value::text(chain)]).await?.pop() {
        Some(mut row) => Err(broken(chain, row.int(ENTRIES)?, Fault::PutIn)),
        None => Ok(()),
    }
}

const COLUMNS: &str = "seq, at, kind, subject, body, hash";

async fn page(reader: &Reader, chain: &str, after: i64) -> Result<Vec<Row>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM audit_entries WHERE chain = $1 AND seq > $2 ORDER BY seq LIMIT $3"
    );
    reader.query_aside(&sql, vec![Value::text(chain), Value::Int(after), Value::Int(PAGE)]).await
}

fn row_seq(row: &Row) -> Option<i64> {
    match row.first() {
        Some(Value::Int(seq)) => Some(*seq),
        Some(Value::Null | Value::Text(_) | Value::Blob(_)) | None => None,
    }
}

/// Reads an entry; `None` if a column is not of its type.
pub(crate) fn recorded(chain: &str, mut row: Row) -> Option<Recorded> {
    Some(Recorded {
        chain: chain.to_owned(),
        seq: row.int(ENTRIES).ok()?,
        entry: AuditEntry {
            at: Timestamp::from_millis(row.int(ENTRIES).ok()?),
            kind: row.text(ENTRIES).ok()?,
            subject: row.text(ENTRIES).ok()?,
            body: row.blob(ENTRIES).ok()?,
        },
        hash: row.bytes_32(ENTRIES).ok()?,
    })
}

/// Entries of a chain after a number, in order; at most 1,000.
pub(crate) async fn list(
    reader: &Reader,
    chain: &str,
    after: i64,
) -> Result<Vec<Recorded>, StoreError> {
    let rows = page(reader, chain, after).await?;
    let altered = || StoreError::corrupt(ENTRIES, "a column was altered; verify the trail");
    rows.into_iter().map(|row| recorded(chain, row).ok_or_else(altered)).collect()
}

/// The kinds that the index `audit_signals` holds, and its condition as the schema has it.
const SIGNALS: [&str; 3] = ["sessions_ended", "password_burned", "password_changed"];
const IS_SIGNAL: &str = "kind IN ('sessions_ended', 'password_burned', 'password_changed')";

/// Entries of these kinds in a chain after a number, in order; at most `limit` and 1,000. Of kinds that
/// are signals no other entry is read; of others all that stand between are.
pub(crate) async fn of_kinds(
    reader: &Reader,
    chain: &str,
    after: i64,
    kinds: &[&str],
    limit: usize,
) -> Result<Vec<Recorded>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(PAGE).min(PAGE);
    let mut params = vec![Value::text(chain), Value::Int(after)];
    params.extend(kinds.iter().map(|kind| Value::text(kind)));
    params.push(Value::Int(limit));
    let altered = || StoreError::corrupt(ENTRIES, "a column was altered; verify the trail");
    let rows = reader.query_aside(&of_kinds_sql(kinds), params).await?;
    rows.into_iter().map(|row| recorded(chain, row).ok_or_else(altered)).collect()
}

// SECURITY: relying parties may ask from the first entry on as often as they like. Guarded by
// `signals_are_found_by_their_index`.
fn of_kinds_sql(kinds: &[&str]) -> String {
    // In the order in which they stand: SQLite numbers them by that.
    let places: Vec<String> = (3..kinds.len() + 3).map(|place| format!("${place}")).collect();
    let are_signals = kinds.iter().all(|kind| SIGNALS.contains(kind));
    let by_index = if are_signals { format!("AND {IS_SIGNAL} ") } else { String::new() };
    format!(
        "SELECT {COLUMNS} FROM audit_entries WHERE chain = $1 AND seq > $2 {by_index}\
         AND kind IN ({}) ORDER BY seq LIMIT ${}",
        places.join(", "),
        kinds.len() + 3
    )
}

/// Entries about one subject after an instant, in the order of their instants; at most 1,000.
pub(crate) async fn about(
    reader: &Reader,
    subject: &str,
    from: Timestamp,
) -> Result<Vec<Recorded>, StoreError> {
    let sql = format!(
        "SELECT chain, {COLUMNS} FROM audit_entries \
         WHERE subject = $1 AND at >= $2 ORDER BY at, chain, seq LIMIT $3"
    );
    let params = vec![Value::text(subject), Value::Int(from.as_millis()), Value::Int(PAGE)];
    named(reader.query_aside(&sql, params).await?)
}

/// Entries about one subject, of some kinds, in a stretch of time.
#[derive(Clone, Copy, Debug)]
pub struct Within<'w> {
    /// About whom or what.
    pub subject: &'w str,
    /// What happened.
    pub kinds: &'w [&'w str],
    /// From this instant on.
    pub from: Timestamp,
    /// Up to this one, included.
    pub to: Timestamp,
}

/// Those entries after one of them, in the order of their instants; at most 1,000.
pub(crate) async fn within(
    reader: &Reader,
    within: &Within<'_>,
    after: Option<&Recorded>,
) -> Result<Vec<Recorded>, StoreError> {
    // In the order in which they stand: SQLite numbers them by that.
    let places: Vec<String> =
        (7..within.kinds.len() + 7).map(|place| format!("${place}")).collect();
    let sql = format!(
        "SELECT chain, {COLUMNS} FROM audit_entries \
         WHERE subject = $1 AND at >= $2 AND at <= $3 AND (at, chain, seq) > ($4, $5, $6) \
         AND kind IN ({}) ORDER BY at, chain, seq LIMIT {PAGE}",
        places.join(", ")
    );
    let (from, to) = (within.from.as_millis(), within.to.as_millis());
    let mut params = vec![Value::text(within.subject), Value::Int(from), Value::Int(to)];
    params.extend(match after {
        Some(last) => {
            let at = last.entry.at.as_millis();
            [Value::Int(at), Value::text(&last.chain), Value::Int(last.seq)]
        }
        None => [Value::Int(i64::MIN), Value::text(""), Value::Int(0)],
    });
    params.extend(within.kinds.iter().map(|kind| Value::text(kind)));
    named(reader.query_aside(&sql, params).await?)
}

/// Entries about one subject, newest first; at most `limit`.
pub(crate) async fn latest_about(
    reader: &Reader,
    subject: &str,
    limit: usize,
) -> Result<Vec<Recorded>, StoreError> {
    let sql = format!(
        "SELECT chain, {COLUMNS} FROM audit_entries \
         WHERE subject = $1 ORDER BY at DESC, chain DESC, seq DESC LIMIT $2"
    );
    let limit = i64::try_from(limit).unwrap_or(PAGE).min(PAGE);
    named(reader.query_aside(&sql, vec![Value::text(subject), Value::Int(limit)]).await?)
}

/// Rows that begin with the chain's name.
fn named(rows: Vec<Row>) -> Result<Vec<Recorded>, StoreError> {
    let altered = || StoreError::corrupt(ENTRIES, "a column was altered; verify the trail");
    rows.into_iter()
        .map(|mut row| {
            let chain = row.text(ENTRIES)?;
            recorded(&chain, row).ok_or_else(altered)
        })
        .collect()
}

/// The heads of all chains.
pub(crate) async fn heads(
    reader: &Reader,
) -> Result<BTreeMap<String, (i64, [u8; 32])>, StoreError> {
    let sql = "SELECT chain, seq, hash FROM audit_heads ORDER BY chain";
    let mut heads = BTreeMap::new();
    for mut row in reader.query(sql, Vec::new()).await? {
        heads.insert(row.text(HEADS)?, (row.int(HEADS)?, row.bytes_32(HEADS)?));
    }
    Ok(heads)
}

/// The hash of an entry; `None` if there is no such entry.
pub(crate) async fn hash_at(
    reader: &Reader,
    chain: &str,
    seq: i64,
) -> Result<Option<[u8; 32]>, StoreError> {
    if seq == 0 {
        return Ok(Some(GENESIS));
    }
    let sql = "SELECT hash FROM audit_entries WHERE chain = $1 AND seq = $2";
    let mut rows = reader.query(sql, vec![Value::text(chain), Value::Int(seq)]).await?;
    rows.pop().map(|mut row| row.bytes_32(ENTRIES)).transpose()
}

async fn stored_checkpoints(
    reader: &Reader,
    key: Option<&PublicKey>,
) -> Result<Vec<Checkpoint>, VerifyError> {
    const TABLE: &str = "audit_checkpoints";
    let Some(key) = key else { return Ok(Vec::new()) };
    let sql = "SELECT chain, seq, token FROM audit_checkpoints ORDER BY chain, seq";
    let mut checkpoints = Vec::new();
    for mut row in reader.query_aside(sql, Vec::new()).await.map_err(VerifyError::Store)? {
        let (chain, seq, token) = (row.text(TABLE)?, row.int(TABLE)?, row.text(TABLE)?);
        match key.verify_checkpoint(&token) {
            Ok(checkpoint) if (&checkpoint.chain, checkpoint.seq) == (&chain, seq) => {
                checkpoints.push(checkpoint);
            }
            Ok(_) | Err(_) => return Err(broken(&chain, seq, Fault::CheckpointSignature)),
        }
    }
    Ok(checkpoints)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::sqlite::Sqlite;
    use crate::db::{Conn, Param};

    #[tokio::test]
    async fn signals_are_found_by_their_index() {
        let folder = tempfile::tempdir().unwrap();
        let mut conn = Conn::Sqlite(Sqlite::open(&folder.path().join("a.db")).unwrap());
        crate::migrate::run(&mut conn).await.unwrap();
        for kinds in [&SIGNALS[..], &SIGNALS[..1]] {
            let sql = format!("EXPLAIN QUERY PLAN {}", of_kinds_sql(kinds));
            let mut params = vec![Param::Text("main"), Param::Int(0)];
            params.extend(kinds.iter().map(|kind| Param::Text(kind)));
            params.push(Param::Int(100));
            let rows = conn.query(&sql, &params).await.unwrap();
            let plan: Vec<_> = rows.into_iter().map(Row::into_values).collect();
            let [steps] = &plan[..] else { panic!("nothing is sorted: {plan:?}") };
            let step = format!("{steps:?}");
            assert!(step.contains("INDEX audit_signals (chain=? AND seq>?)"), "{step}");
        }
    }
}
