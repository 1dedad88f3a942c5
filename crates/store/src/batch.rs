//! Group commit: many changes, one transaction, one sync of the disk.
//!
//! The rows that the changes touch are read and locked first, in one order for all nodes. Each change
//! is then judged in memory against what the ones before it leave; one that does not fit is a conflict
//! and leaves nothing. What remains is written with a few multi-row statements.

use std::collections::BTreeMap;

use crate::audit;
use crate::change::Write;
use crate::db::{Conn, Param, pieces, values};
use crate::{Answer, AuditEntry, AuditPlace, Change, Commit, Committed, Conflict, Expect};
use crate::{Key, OutboxRow, Refusal, StoreError, Version};

const DOCUMENTS: &str = "documents";
const ANSWERS: &str = "answers";
const HEADS: &str = "audit_heads";

/// Why a transaction did not work out.
pub(crate) enum Trouble {
    /// Another node was faster; from the start again.
    Race,
    Failed(StoreError),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

/// A document as it stands while the batch is judged.
struct State<'a> {
    /// Whether there is a row in the database, possibly of a deleted document.
    has_row: bool,
    version: i64,
    is_live: bool,
    /// What to write in the end: the body, and the instant of the deletion.
    dirty: Option<(&'a [u8], Option<i64>)>,
}

/// What the batch leaves to be written.
#[derive(Default)]
struct Rows<'a> {
    audit: Vec<(usize, &'a AuditEntry)>,
    outbox: Vec<&'a OutboxRow>,
    answers: Vec<(&'a Answer, bool)>,
}

/// Judges and writes the changes inside a transaction that has begun.
///
/// `outbox_room` is how many effects may still be added. Returns one outcome a change.
pub(crate) async fn commit(
    conn: &mut Conn,
    chain: &str,
    changes: &[&Change],
    mut outbox_room: usize,
) -> Result<Vec<Commit>, Trouble> {
    let mut documents = read_documents(conn, changes).await?;
    let mut answers = read_answers(conn, changes).await?;
    let mut rows = Rows::default();
    let mut outcomes = Vec::with_capacity(changes.len());
    for (number, change) in changes.iter().enumerate() {
        if let Some(conflict) = judge(change, &documents, &answers) {
            outcomes.push(Commit::Conflict(conflict));
            continue;
        }
        if change.outbox.len() > outbox_room {
            outcomes.push(Commit::Refused(Refusal::OutboxFull));
            continue;
        }
        outbox_room -= change.outbox.len();
        let versions = apply(change, &mut documents);
        rows.audit.extend(change.audit.iter().map(|entry| (number, entry)));
        rows.outbox.extend(&change.outbox);
        if let Some(answer) = &change.answer {
            let had_row = answers.insert(&answer.request_key, answer.expires_at.as_millis());
            rows.answers.push((answer, had_row.is_some()));
        }
        outcomes.push(Commit::Committed(Committed { versions, audit: Vec::new() }));
    }
    write_documents(conn, &documents).await?;
    write_answers(conn, &rows.answers).await?;
    write_outbox(conn, &rows.outbox).await?;
    // The head last: nodes that share a chain wait for each other no longer than they must.
    for (number, place) in write_audit(conn, chain, &rows.audit).await? {
        if let Some(Commit::Committed(committed)) = outcomes.get_mut(number) {
            committed.audit.push(place);
        }
    }
    Ok(outcomes)
}

async fn read_documents<'a>(
    conn: &mut Conn,
    changes: &[&'a Change],
) -> Result<BTreeMap<&'a Key, State<'a>>, StoreError> {
    let mut states = BTreeMap::new();
    for (key, _, _) in changes.iter().flat_map(|change| &change.documents) {
        states.entry(key).or_insert(State {
            has_row: false,
            version: 0,
            is_live: false,
            dirty: None,
        });
    }
    let keys: Vec<&Key> = states.keys().copied().collect();
    for piece in pieces(&keys) {
        let list = values(piece.len(), 2);
        let mut sql = format!(
            "SELECT d.kind, d.id, d.version, d.deleted_at FROM (VALUES {list}) AS v \
             CROSS JOIN documents AS d WHERE d.kind = v.column1 AND d.id = v.column2 \
             ORDER BY d.kind, d.id"
        );
        if conn.is_postgres() {
            sql.push_str(" FOR UPDATE OF d");
        }
        let params: Vec<Param<'_>> =
            piece.iter().flat_map(|key| [Param::Text(key.kind()), Param::Text(key.id())]).collect();
        for mut row in conn.query(&sql, &params).await? {
            let key = Key::new(&row.text(DOCUMENTS)?, &row.text(DOCUMENTS)?)?;
            if let Some(state) = states.get_mut(&key) {
                state.has_row = true;
                state.version = row.int(DOCUMENTS)?;
                state.is_live = row.opt_int(DOCUMENTS)?.is_none();
            }
        }
    }
    Ok(states)
}

/// The request keys that are taken, with the instant from which they are free.
async fn read_answers<'a>(
    conn: &mut Conn,
    changes: &[&'a Change],
) -> Result<BTreeMap<&'a str, i64>, StoreError> {
    let mut keys: Vec<&str> = changes
        .iter()
        .filter_map(|change| change.answer.as_ref())
        .map(|answer| answer.request_key.as_str())
        .collect();
    keys.sort_unstable();
    keys.dedup();
    let mut taken = BTreeMap::new();
    for piece in pieces(&keys) {
        let list = values(piece.len(), 1);
        let mut sql = format!(
            "SELECT request_key, expires_at FROM answers \
             WHERE request_key IN (VALUES {list}) ORDER BY request_key"
        );
        if conn.is_postgres() {
            sql.push_str(" FOR UPDATE");
        }
        let params: Vec<Param<'_>> = piece.iter().map(|key| Param::Text(key)).collect();
        for mut row in conn.query(&sql, &params).await? {
            let (key, expires_at) = (row.text(ANSWERS)?, row.int(ANSWERS)?);
            if let Ok(at) = keys.binary_search(&key.as_str()) {
                taken.extend(keys.get(at).map(|key| (*key, expires_at)));
            }
        }
    }
    Ok(taken)
}

fn judge(
    change: &Change,
    documents: &BTreeMap<&Key, State<'_>>,
    answers: &BTreeMap<&str, i64>,
) -> Option<Conflict> {
    // First, because a repeated request conflicts with its own first run in every other way too.
    if let Some(answer) = &change.answer {
        let free_at = answers.get(answer.request_key.as_str());
        if free_at.is_some_and(|free_at| change.at.as_millis() < *free_at) {
            return Some(Conflict::Answered { request_key: answer.request_key.clone() });
        }
    }
    change.documents.iter().find_map(|(key, expect, _)| {
        let found = documents
            .get(key)
            .filter(|state| state.is_live)
            .map(|state| Version::raw(state.version));
        let fits = match expect {
            Expect::Absent => found.is_none(),
            Expect::Version(version) => found == Some(*version),
        };
        (!fits).then(|| Conflict::Version { key: key.clone(), found })
    })
}

fn apply<'a>(
    change: &'a Change,
    documents: &mut BTreeMap<&'a Key, State<'a>>,
) -> Vec<Option<Version>> {
    let mut versions = Vec::with_capacity(change.documents.len());
    for (key, _, write) in &change.documents {
        // Every key of every change was put there before the first was judged.
        let Some(state) = documents.get_mut(key) else { continue };
        match write {
            Write::Put(body) => {
                state.version += 1;
                state.is_live = true;
                state.dirty = Some((body, None));
            }
            Write::Delete => {
                state.version += 1;
                state.is_live = false;
                state.dirty = Some((&[], Some(change.at.as_millis())));
            }
            // SECURITY: what is not there cannot be locked, and another node could make it while this
            // change rests on its absence. An empty, deleted row holds the place. Guarded by
            // `two_changes_that_rest_on_each_others_absence_are_never_both_kept`.
            Write::Keep if !state.has_row && state.dirty.is_none() => {
                state.dirty = Some((&[], Some(change.at.as_millis())));
            }
            Write::Keep => {}
        }
        let is_known = state.is_live || matches!(write, Write::Delete);
        versions.push(is_known.then(|| Version::raw(state.version)));
    }
    versions
}

async fn write_documents(
    conn: &mut Conn,
    documents: &BTreeMap<&Key, State<'_>>,
) -> Result<(), Trouble> {
    let dirty = documents
        .iter()
        .filter_map(|(key, state)| state.dirty.map(|(body, at)| (*key, state, body, at)));
    let (old, new): (Vec<_>, Vec<_>) = dirty.partition(|(_, state, _, _)| state.has_row);
    for (rows, on_conflict, is_new) in [
        // These rows are locked: nobody else moves them.
        (
            &old,
            "(kind, id) DO UPDATE SET version = excluded.version, body = excluded.body, \
             deleted_at = excluded.deleted_at",
            false,
        ),
        // Nobody can lock a row that is not there: another node may have just made it.
        (&new, "(kind, id) DO NOTHING", true),
    ] {
        for piece in pieces(rows) {
            let list = values(piece.len(), 5);
            let sql = format!(
                "INSERT INTO documents (kind, id, version, body, deleted_at) VALUES {list} \
                 ON CONFLICT {on_conflict}"
            );
            let params: Vec<Param<'_>> = piece
                .iter()
                .flat_map(|(key, state, body, deleted_at)| {
                    [
                        Param::Text(key.kind()),
                        Param::Text(key.id()),
                        Param::Int(state.version),
                        Param::Blob(body),
                        deleted_at.map_or(Param::Null, Param::Int),
                    ]
                })
                .collect();
            let count = conn.execute(&sql, &params).await?;
            if is_new && count != piece.len() as u64 {
                return Err(Trouble::Race);
            }
        }
    }
    Ok(())
}

async fn write_answers(conn: &mut Conn, answers: &[(&Answer, bool)]) -> Result<(), Trouble> {
    let mut by_key: Vec<&(&Answer, bool)> = answers.iter().collect();
    by_key.sort_by_key(|(answer, _)| &answer.request_key);
    let (old, new): (Vec<&(&Answer, bool)>, Vec<_>) =
        by_key.into_iter().partition(|(_, had_row)| *had_row);
    for piece in pieces(&new) {
        let count = insert_answers(conn, piece, "NOTHING").await?;
        if count != piece.len() as u64 {
            return Err(Trouble::Race);
        }
    }
    // After the new ones and one by one: if instants jump, a key may be taken twice in one batch.
    for row in old.chunks(1) {
        let replace = "UPDATE SET request_digest = excluded.request_digest, \
                       body = excluded.body, expires_at = excluded.expires_at";
        insert_answers(conn, row, replace).await?;
    }
    Ok(())
}

async fn insert_answers(
    conn: &mut Conn,
    rows: &[&(&Answer, bool)],
    on_conflict: &str,
) -> Result<u64, StoreError> {
    let list = values(rows.len(), 4);
    let sql = format!(
        "INSERT INTO answers (request_key, request_digest, body, expires_at) \
         VALUES {list} ON CONFLICT (request_key) DO {on_conflict}"
    );
    let params: Vec<Param<'_>> = rows
        .iter()
        .flat_map(|(answer, _)| {
            [
                Param::Text(&answer.request_key),
                Param::Blob(&answer.request_digest),
                Param::Blob(&answer.body),
                Param::Int(answer.expires_at.as_millis()),
            ]
        })
        .collect();
    conn.execute(&sql, &params).await
}

async fn write_outbox(conn: &mut Conn, rows: &[&OutboxRow]) -> Result<(), StoreError> {
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| &row.key);
    for piece in pieces(&rows) {
        let list = values(piece.len(), 6);
        let sql = format!(
            "INSERT INTO outbox (row_key, topic, payload, due_at, claims, last_error) \
             VALUES {list} ON CONFLICT (row_key) DO NOTHING"
        );
        let params: Vec<Param<'_>> = piece
            .iter()
            .flat_map(|row| {
                [
                    Param::Text(&row.key),
                    Param::Text(&row.topic),
                    Param::Blob(&row.payload),
                    Param::Int(row.due_at.as_millis()),
                    Param::Int(0),
                    Param::Text(""),
                ]
            })
            .collect();
        conn.execute(&sql, &params).await?;
    }
    Ok(())
}

async fn write_audit(
    conn: &mut Conn,
    chain: &str,
    entries: &[(usize, &AuditEntry)],
) -> Result<Vec<(usize, AuditPlace)>, Trouble> {
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    let (mut seq, mut previous) = lock_head(conn, chain).await?;
    let mut places = Vec::with_capacity(entries.len());
    for (number, entry) in entries {
        seq += 1;
        let hash = audit::hash(&previous, chain, seq, entry);
        places.push((*number, AuditPlace { chain: chain.to_owned(), seq, previous, hash }));
        previous = hash;
    }
    let rows: Vec<(&AuditPlace, &AuditEntry)> =
        places.iter().zip(entries).map(|((_, place), (_, entry))| (place, *entry)).collect();
    for piece in pieces(&rows) {
        let list = values(piece.len(), 7);
        let sql = format!(
            "INSERT INTO audit_entries (chain, seq, at, kind, subject, body, hash) VALUES {list}"
        );
        let params: Vec<Param<'_>> = piece
            .iter()
            .flat_map(|(place, entry)| {
                [
                    Param::Text(chain),
                    Param::Int(place.seq),
                    Param::Int(entry.at.as_millis()),
                    Param::Text(&entry.kind),
                    Param::Text(&entry.subject),
                    Param::Blob(&entry.body),
                    Param::Blob(&place.hash),
                ]
            })
            .collect();
        conn.execute(&sql, &params).await?;
    }
    conn.execute(
        "UPDATE audit_heads SET seq = $1, hash = $2 WHERE chain = $3",
        &[Param::Int(seq), Param::Blob(&previous), Param::Text(chain)],
    )
    .await?;
    Ok(places)
}

/// Locks the head of a chain, making it if it is new.
// SECURITY: two nodes that read one head would fork the chain. Guarded by
// `the_audit_trail_of_many_writers_is_one_unbroken_chain`.
async fn lock_head(conn: &mut Conn, chain: &str) -> Result<(i64, [u8; 32]), StoreError> {
    let sql = match conn.is_postgres() {
        true => "SELECT seq, hash FROM audit_heads WHERE chain = $1 FOR UPDATE",
        false => "SELECT seq, hash FROM audit_heads WHERE chain = $1",
    };
    for _ in 0..2 {
        if let Some(mut row) = conn.query(sql, &[Param::Text(chain)]).await?.pop() {
            return Ok((row.int(HEADS)?, row.bytes_32(HEADS)?));
        }
        conn.execute(
            "INSERT INTO audit_heads (chain, seq, hash) VALUES ($1, $2, $3) \
             ON CONFLICT (chain) DO NOTHING",
            &[Param::Text(chain), Param::Int(0), Param::Blob(&audit::GENESIS)],
        )
        .await?;
    }
    Err(StoreError::corrupt(HEADS, format!("the head of chain {chain} cannot be made")))
}
