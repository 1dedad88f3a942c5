//! Group commit: many changes, one transaction, one sync of the disk.
//!
//! The rows that the changes touch are read and locked first, in one order for all nodes. Each change
//! is then judged in memory against what the ones before it leave; one that does not fit is a conflict
//! and leaves nothing. What remains is written with a few multi-row statements, which go to PostgreSQL
//! in three lots: begin and read, write and lock the audit's head, write the audit and commit.

use std::collections::BTreeMap;

use crate::audit;
use crate::change::Write;
use crate::db::{Answer as Given, Conn, Edge, Param, Row, Step, pieces, values};
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
#[derive(Default)]
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

/// What a batch came to, and what of it is still to be written: the audit's entries, which go with
/// the commit, so that nodes that share a chain wait for each other no longer than they must.
pub(crate) struct Written<'a> {
    /// One outcome a change.
    pub(crate) outcomes: Vec<Commit>,
    chain: &'a str,
    audit: Vec<(AuditPlace, &'a AuditEntry)>,
}

/// Begins a transaction, and reads and locks what the changes rest on.
pub(crate) async fn begin<'a>(
    conn: &mut Conn,
    changes: &[&'a Change],
) -> Result<Read<'a>, Trouble> {
    let mut documents: BTreeMap<&Key, State<'_>> = BTreeMap::new();
    for (key, _, _) in changes.iter().flat_map(|change| &change.documents) {
        documents.entry(key).or_default();
    }
    let keys: Vec<&Key> = documents.keys().copied().collect();
    let mut request_keys: Vec<&str> = changes
        .iter()
        .filter_map(|change| change.answer.as_ref())
        .map(|answer| answer.request_key.as_str())
        .collect();
    request_keys.sort_unstable();
    request_keys.dedup();
    let mut steps = Vec::new();
    for piece in pieces(&keys) {
        steps.push(select_documents(piece, conn.is_postgres()));
    }
    let documents_steps = steps.len();
    for piece in pieces(&request_keys) {
        steps.push(select_answers(piece, conn.is_postgres()));
    }
    let mut given = conn.run(Edge::Begin, &steps).await?;
    let answers_given = given.split_off(documents_steps.min(given.len()));
    for mut row in rows(given) {
        let key = Key::new(&row.text(DOCUMENTS)?, &row.text(DOCUMENTS)?)?;
        if let Some(state) = documents.get_mut(&key) {
            state.has_row = true;
            state.version = row.int(DOCUMENTS)?;
            state.is_live = row.opt_int(DOCUMENTS)?.is_none();
        }
    }
    let mut answers = BTreeMap::new();
    for mut row in rows(answers_given) {
        let (key, expires_at) = (row.text(ANSWERS)?, row.int(ANSWERS)?);
        if let Ok(at) = request_keys.binary_search(&key.as_str()) {
            answers.extend(request_keys.get(at).map(|key| (*key, expires_at)));
        }
    }
    Ok(Read { documents, answers })
}

fn rows(given: Vec<Given>) -> impl Iterator<Item = Row> {
    given.into_iter().flat_map(|given| given.rows)
}

/// What the changes of a batch rest on.
pub(crate) struct Read<'a> {
    documents: BTreeMap<&'a Key, State<'a>>,
    /// The request keys that are taken, with the instant from which they are free.
    answers: BTreeMap<&'a str, i64>,
}

/// Judges the changes and writes all but the audit. `outbox_room` is how many effects may be added.
pub(crate) async fn write<'a>(
    conn: &mut Conn,
    chain: &'a str,
    changes: &[&'a Change],
    read: Read<'a>,
    mut outbox_room: usize,
) -> Result<Written<'a>, Trouble> {
    let Read { mut documents, mut answers } = read;
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
    let mut steps = Vec::new();
    // How many rows a statement must have made, where another node may have been faster.
    let mut wanted = Vec::new();
    write_documents(&documents, &mut steps, &mut wanted);
    write_answers(&rows.answers, &mut steps, &mut wanted);
    write_outbox(&mut rows.outbox, &mut steps);
    if !rows.audit.is_empty() {
        steps.push(select_head(chain, conn.is_postgres()));
    }
    let mut given = conn.run(Edge::Within, &steps).await?;
    if wanted.iter().any(|(at, count)| given.get(*at).is_none_or(|given| given.count != *count)) {
        return Err(Trouble::Race);
    }
    let mut audit = Vec::with_capacity(rows.audit.len());
    if !rows.audit.is_empty() {
        let found = given.pop().and_then(|mut given| given.rows.pop());
        let (mut seq, mut previous) = match found {
            Some(row) => head(row)?,
            None => make_head(conn, chain).await?,
        };
        for (number, entry) in rows.audit {
            seq += 1;
            let hash = audit::hash(&previous, chain, seq, entry);
            let place = AuditPlace { chain: chain.to_owned(), seq, previous, hash };
            previous = hash;
            if let Some(Commit::Committed(committed)) = outcomes.get_mut(number) {
                committed.audit.push(place.clone());
            }
            audit.push((place, entry));
        }
    }
    Ok(Written { outcomes, chain, audit })
}

fn select_documents<'a>(keys: &[&'a Key], is_postgres: bool) -> Step<'a> {
    let list = values(keys.len(), 2);
    let lock = if is_postgres { " FOR UPDATE OF d" } else { "" };
    let sql = format!(
        "SELECT d.kind, d.id, d.version, d.deleted_at FROM (VALUES {list}) AS v \
         CROSS JOIN documents AS d WHERE d.kind = v.column1 AND d.id = v.column2 \
         ORDER BY d.kind, d.id{lock}"
    );
    let params = keys.iter().flat_map(|key| [Param::Text(key.kind()), Param::Text(key.id())]);
    Step::new(sql, params.collect())
}

fn select_answers<'a>(request_keys: &[&'a str], is_postgres: bool) -> Step<'a> {
    let list = values(request_keys.len(), 1);
    let lock = if is_postgres { " FOR UPDATE" } else { "" };
    let sql = format!(
        "SELECT request_key, expires_at FROM answers \
         WHERE request_key IN (VALUES {list}) ORDER BY request_key{lock}"
    );
    Step::new(sql, request_keys.iter().map(|key| Param::Text(key)).collect())
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

fn write_documents<'a>(
    documents: &BTreeMap<&'a Key, State<'a>>,
    steps: &mut Vec<Step<'a>>,
    wanted: &mut Vec<(usize, u64)>,
) {
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
            let params = piece.iter().flat_map(|(key, state, body, deleted_at)| {
                [
                    Param::Text(key.kind()),
                    Param::Text(key.id()),
                    Param::Int(state.version),
                    Param::Blob(body),
                    deleted_at.map_or(Param::Null, Param::Int),
                ]
            });
            if is_new {
                wanted.push((steps.len(), piece.len() as u64));
            }
            steps.push(Step::new(sql, params.collect()));
        }
    }
}

fn write_answers<'a>(
    answers: &[(&'a Answer, bool)],
    steps: &mut Vec<Step<'a>>,
    wanted: &mut Vec<(usize, u64)>,
) {
    let mut by_key: Vec<(&Answer, bool)> = answers.to_vec();
    by_key.sort_by_key(|(answer, _)| &answer.request_key);
    let (old, new): (Vec<(&Answer, bool)>, Vec<_>) =
        by_key.into_iter().partition(|(_, had_row)| *had_row);
    for piece in pieces(&new) {
        wanted.push((steps.len(), piece.len() as u64));
        steps.push(insert_answers(piece, "NOTHING"));
    }
    // After the new ones and one by one: if instants jump, a key may be taken twice in one batch.
    for row in old.chunks(1) {
        let replace = "UPDATE SET request_digest = excluded.request_digest, \
                       body = excluded.body, expires_at = excluded.expires_at";
        steps.push(insert_answers(row, replace));
    }
}

fn insert_answers<'a>(rows: &[(&'a Answer, bool)], on_conflict: &str) -> Step<'a> {
    let list = values(rows.len(), 4);
    let sql = format!(
        "INSERT INTO answers (request_key, request_digest, body, expires_at) \
         VALUES {list} ON CONFLICT (request_key) DO {on_conflict}"
    );
    let params = rows.iter().flat_map(|(answer, _)| {
        [
            Param::Text(&answer.request_key),
            Param::Blob(&answer.request_digest),
            Param::Blob(&answer.body),
            Param::Int(answer.expires_at.as_millis()),
        ]
    });
    Step::new(sql, params.collect())
}

fn write_outbox<'a>(rows: &mut [&'a OutboxRow], steps: &mut Vec<Step<'a>>) {
    // In one order for all nodes, so that two of them never wait for each other.
    rows.sort_by_key(|row| &row.key);
    for piece in pieces(rows) {
        let list = values(piece.len(), 6);
        let sql = format!(
            "INSERT INTO outbox (row_key, topic, payload, due_at, claims, last_error) \
             VALUES {list} ON CONFLICT (row_key) DO NOTHING"
        );
        let params = piece.iter().flat_map(|row| {
            [
                Param::Text(&row.key),
                Param::Text(&row.topic),
                Param::Blob(&row.payload),
                Param::Int(row.due_at.as_millis()),
                Param::Int(0),
                Param::Text(""),
            ]
        });
        steps.push(Step::new(sql, params.collect()));
    }
}

impl Written<'_> {
    /// Writes the audit and commits; when this returns `Ok` the batch is on disk.
    pub(crate) async fn commit(&self, conn: &mut Conn) -> Result<(), Trouble> {
        let mut steps = Vec::new();
        for piece in pieces(&self.audit) {
            let list = values(piece.len(), 7);
            let sql = format!(
                "INSERT INTO audit_entries (chain, seq, at, kind, subject, body, hash) \
                 VALUES {list}"
            );
            let params = piece.iter().flat_map(|(place, entry)| {
                [
                    Param::Text(self.chain),
                    Param::Int(place.seq),
                    Param::Int(entry.at.as_millis()),
                    Param::Text(&entry.kind),
                    Param::Text(&entry.subject),
                    Param::Blob(&entry.body),
                    Param::Blob(&place.hash),
                ]
            });
            steps.push(Step::new(sql, params.collect()));
        }
        if let Some((last, _)) = self.audit.last() {
            let sql = "UPDATE audit_heads SET seq = $1, hash = $2 WHERE chain = $3";
            let params =
                vec![Param::Int(last.seq), Param::Blob(&last.hash), Param::Text(self.chain)];
            steps.push(Step::new(sql, params));
        }
        conn.run(Edge::Commit, &steps).await?;
        Ok(())
    }
}

/// Reads the head of a chain; on PostgreSQL it is this node's until the transaction ends.
// SECURITY: two nodes that read one head would fork the chain. Guarded by
// `the_audit_trail_of_many_writers_is_one_unbroken_chain`.
fn select_head(chain: &str, is_postgres: bool) -> Step<'_> {
    let lock = if is_postgres { " FOR UPDATE" } else { "" };
    let sql = format!("SELECT seq, hash FROM audit_heads WHERE chain = $1{lock}");
    Step::new(sql, vec![Param::Text(chain)])
}

fn head(mut row: Row) -> Result<(i64, [u8; 32]), StoreError> {
    Ok((row.int(HEADS)?, row.bytes_32(HEADS)?))
}

/// Makes the head of a new chain, unless another node was faster, and locks it.
async fn make_head(conn: &mut Conn, chain: &str) -> Result<(i64, [u8; 32]), StoreError> {
    let insert = Step::new(
        "INSERT INTO audit_heads (chain, seq, hash) VALUES ($1, $2, $3) \
         ON CONFLICT (chain) DO NOTHING",
        vec![Param::Text(chain), Param::Int(0), Param::Blob(&audit::GENESIS)],
    );
    let select = select_head(chain, conn.is_postgres());
    let found = rows(conn.run(Edge::Within, &[insert, select]).await?).next();
    found
        .map(head)
        .ok_or_else(|| StoreError::corrupt(HEADS, format!("chain {chain} has no head")))?
}
