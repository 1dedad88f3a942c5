//! Group commit: many changes, one transaction, one sync of the disk.
//!
//! The rows that the changes touch are read and locked first, in one order for all nodes. Each change
//! is then judged in memory against what the ones before it leave; one that does not fit is a conflict
//! and leaves nothing. What remains is written with a few multi-row statements, which go to PostgreSQL
//! in three lots: begin and read, write and lock the audit's head, write the audit and commit. Where
//! nobody is in the way, PostgreSQL is spared two of them: see [`single`].

pub(crate) mod single;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use crate::audit;
use crate::change::{Effect, Expect, Write};
use crate::db::{Answer as Given, Conn, Edge, Param, Row, Sort, Step};
use crate::{Answer, AuditEntry, AuditPlace, Change, Commit, Committed, Conflict};
use crate::{Key, Refusal, StoreError, Version};

const DOCUMENTS: &str = "documents";
const ANSWERS: &str = "answers";
const HEADS: &str = "audit_heads";

/// Why a transaction did not work out.
pub(crate) enum Trouble {
    /// Another node was faster; from the start again.
    Race,
    /// An effect that was to be leased was there already; from the start again, with none leased.
    Taken,
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
    /// The version that the first change of the document expects, where nothing was read.
    assumed: i64,
    is_live: bool,
    /// What to write in the end: the body, and the instant of the deletion.
    dirty: Option<(&'a [u8], Option<i64>)>,
}

/// What the batch leaves to be written.
#[derive(Default)]
struct Rows<'a> {
    audit: Vec<(usize, &'a AuditEntry)>,
    /// Both in one order for all nodes, so that two of them never wait for each other.
    outbox: BTreeMap<&'a str, &'a Effect>,
    /// Effects to take out, before any is put in.
    withdrawn: BTreeSet<&'a str>,
    answers: Vec<(&'a Answer, bool)>,
    /// Whether effects that are to be leased to this node are.
    may_lease: bool,
}

impl<'a> Rows<'a> {
    /// Takes a change's effects in, after those of the changes before it.
    fn effects(&mut self, change: &'a Change) {
        for key in &change.withdrawn {
            self.outbox.remove(key.as_str());
            self.withdrawn.insert(key);
        }
        for effect in &change.outbox {
            match self.outbox.entry(&effect.row.key) {
                Entry::Vacant(entry) => {
                    entry.insert(effect);
                }
                // Two of one name in one batch: whose it is, is for a claim to say.
                Entry::Occupied(_) => self.may_lease = false,
            }
        }
    }

    /// The effects that are added under a lease, or those that are not.
    fn added(&self, leased: bool) -> Vec<&'a Effect> {
        let is_leased = |effect: &Effect| self.may_lease && effect.leased_until.is_some();
        self.outbox.values().copied().filter(|effect| is_leased(effect) == leased).collect()
    }
}

/// What a batch came to, and what of it is still to be written: the audit's entries, which go with
/// the commit, so that nodes that share a chain wait for each other no longer than they must.
pub(crate) struct Written<'a> {
    /// One outcome a change.
    pub(crate) outcomes: Vec<Commit>,
    /// How many effects were taken out.
    pub(crate) withdrawn: usize,
    chain: &'a str,
    audit: Vec<(AuditPlace, &'a AuditEntry)>,
}

/// What a batch may add to the outbox.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    /// How many effects.
    pub(crate) outbox: usize,
    /// How many of them are not for changes that yield.
    pub(crate) kept: usize,
    /// Whether those that are to be leased to this node are.
    pub(crate) may_lease: bool,
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
    let mut steps = select_documents(&keys, conn.is_postgres());
    let documents_steps = steps.len();
    steps.extend(select_answers(&request_keys, conn.is_postgres()));
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

/// What the changes of a batch came to, before any of it is written.
struct Decided<'a> {
    outcomes: Vec<Commit>,
    documents: BTreeMap<&'a Key, State<'a>>,
    rows: Rows<'a>,
}

/// Judges the changes one after the other.
fn decide<'a>(changes: &[&'a Change], read: Read<'a>, room: Room) -> Decided<'a> {
    let Read { mut documents, mut answers } = read;
    let Room { outbox: mut outbox_room, kept, may_lease } = room;
    let mut rows = Rows { may_lease, ..Rows::default() };
    let mut outcomes = Vec::with_capacity(changes.len());
    for (number, change) in changes.iter().enumerate() {
        if let Some(conflict) = judge(change, &documents, &answers) {
            outcomes.push(Commit::Conflict(conflict));
            continue;
        }
        let kept = if change.yields { kept } else { 0 };
        if change.outbox.len() > outbox_room.saturating_sub(kept) {
            outcomes.push(Commit::Refused(Refusal::OutboxFull));
            continue;
        }
        outbox_room -= change.outbox.len();
        let versions = apply(change, &mut documents);
        rows.audit.extend(change.audit.iter().map(|entry| (number, entry)));
        rows.effects(change);
        if let Some(answer) = &change.answer {
            let had_row = answers.insert(&answer.request_key, answer.expires_at.as_millis());
            rows.answers.push((answer, had_row.is_some()));
        }
        outcomes.push(Commit::Committed(Committed { versions, audit: Vec::new(), leased: false }));
    }
    for outcome in &mut outcomes {
        if let Commit::Committed(committed) = outcome {
            committed.leased = rows.may_lease;
        }
    }
    rows.answers.sort_by_key(|(answer, _)| &answer.request_key);
    Decided { outcomes, documents, rows }
}

/// The number and the hash of a chain's last entry.
pub(crate) type Head = (i64, [u8; 32]);

/// Gives the entries their places after `head`, and tells each change about its own.
fn link<'a>(
    chain: &str,
    head: Head,
    audit: Vec<(usize, &'a AuditEntry)>,
    outcomes: &mut [Commit],
) -> Vec<(AuditPlace, &'a AuditEntry)> {
    let (mut seq, mut previous) = head;
    let mut linked = Vec::with_capacity(audit.len());
    for (number, entry) in audit {
        seq += 1;
        let hash = audit::hash(&previous, chain, seq, entry);
        let place = AuditPlace { chain: chain.to_owned(), seq, previous, hash };
        previous = hash;
        if let Some(Commit::Committed(committed)) = outcomes.get_mut(number) {
            committed.audit.push(place.clone());
        }
        linked.push((place, entry));
    }
    linked
}

/// Judges the changes and writes all but the audit.
pub(crate) async fn write<'a>(
    conn: &mut Conn,
    chain: &'a str,
    changes: &[&'a Change],
    read: Read<'a>,
    room: Room,
) -> Result<Written<'a>, Trouble> {
    let Decided { mut outcomes, documents, rows } = decide(changes, read, room);
    let is_postgres = conn.is_postgres();
    let mut steps = Vec::new();
    // How many rows a statement must have made, where another node may have been faster.
    let mut wanted = Vec::new();
    write_documents(&documents, is_postgres, &mut steps, &mut wanted);
    write_answers(&rows.answers, is_postgres, &mut steps, &mut wanted);
    let taken_out = steps.len();
    let withdrawn: Vec<&str> = rows.withdrawn.iter().copied().collect();
    steps.extend(withdraw(&withdrawn, is_postgres));
    let waiting = steps.len();
    steps.extend(write_outbox(&rows.added(false), false, is_postgres));
    let leased = steps.len();
    steps.extend(write_outbox(&rows.added(true), true, is_postgres));
    let after = steps.len();
    if !rows.audit.is_empty() {
        steps.push(select_head(chain, is_postgres));
    }
    let mut given = conn.run(Edge::Within, &steps).await?;
    let count = |at: usize| given.get(at).map_or(0, |given| given.count);
    let withdrawn = (taken_out..waiting).map(count).sum::<u64>();
    // SECURITY: an effect that was there already is somebody else's or was given up; handed out here
    // too, it would leave twice. Guarded by `an_effect_that_is_there_already_is_not_handed_over`.
    let is_new = |at: usize| steps.get(at).is_some_and(|step| step.rows() == count(at));
    if !(leased..after).all(is_new) {
        return Err(Trouble::Taken);
    }
    if wanted.iter().any(|(at, count)| given.get(*at).is_none_or(|given| given.count != *count)) {
        return Err(Trouble::Race);
    }
    let mut audit = Vec::new();
    if !rows.audit.is_empty() {
        let found = given.pop().and_then(|mut given| given.rows.pop());
        let head = match found {
            Some(row) => head(row)?,
            None => make_head(conn, chain).await?,
        };
        audit = link(chain, head, rows.audit, &mut outcomes);
    }
    let withdrawn = usize::try_from(withdrawn).unwrap_or_default();
    Ok(Written { outcomes, withdrawn, chain, audit })
}

fn select_documents<'a>(keys: &[&'a Key], is_postgres: bool) -> Vec<Step<'a>> {
    let lock = if is_postgres { " FOR UPDATE OF d" } else { "" };
    let cells = |key: &&'a Key| vec![Param::Text(key.kind()), Param::Text(key.id())];
    Step::over(is_postgres, &[Sort::Text, Sort::Text], keys, cells, |list| {
        format!(
            "SELECT d.kind, d.id, d.version, d.deleted_at FROM ({list}) AS v \
             CROSS JOIN documents AS d WHERE d.kind = v.column1 AND d.id = v.column2 \
             ORDER BY d.kind, d.id{lock}"
        )
    })
}

fn select_answers<'a>(request_keys: &[&'a str], is_postgres: bool) -> Vec<Step<'a>> {
    let lock = if is_postgres { " FOR UPDATE" } else { "" };
    let cells = |key: &&'a str| vec![Param::Text(key)];
    Step::over(is_postgres, &[Sort::Text], request_keys, cells, |list| {
        format!(
            "SELECT request_key, expires_at FROM answers \
             WHERE request_key IN ({list}) ORDER BY request_key{lock}"
        )
    })
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

fn apply<'a>(change: &'a Change, documents: &mut BTreeMap<&'a Key, State<'a>>) -> Vec<Version> {
    let mut versions = Vec::with_capacity(change.documents.len());
    for (key, _, write) in &change.documents {
        // Every key of every change was put there before the first was judged.
        let Some(state) = documents.get_mut(key) else { continue };
        state.version += 1;
        match write {
            Write::Put(body) => {
                state.is_live = true;
                state.dirty = Some((body, None));
            }
            Write::Delete => {
                state.is_live = false;
                state.dirty = Some((&[], Some(change.at.as_millis())));
            }
        }
        versions.push(Version::raw(state.version));
    }
    versions
}

/// A document's row as it is to be written.
type Row5<'a> = (&'a Key, i64, &'a [u8], Option<i64>);

const DOCUMENT: [Sort; 5] = [Sort::Text, Sort::Text, Sort::Int, Sort::Blob, Sort::Int];

fn write_documents<'a>(
    documents: &BTreeMap<&'a Key, State<'a>>,
    is_postgres: bool,
    steps: &mut Vec<Step<'a>>,
    wanted: &mut Vec<(usize, u64)>,
) {
    let dirty = |has_row: bool| -> Vec<Row5<'a>> {
        let states = documents.iter().filter(|(_, state)| state.has_row == has_row);
        states
            .filter_map(|(key, state)| {
                state.dirty.map(|(body, deleted_at)| (*key, state.version, body, deleted_at))
            })
            .collect()
    };
    // These rows are locked: nobody else moves them.
    let replace = "(kind, id) DO UPDATE SET version = excluded.version, body = excluded.body, \
                   deleted_at = excluded.deleted_at";
    steps.extend(insert_documents(&dirty(true), is_postgres, replace));
    // Nobody can lock a row that is not there: another node may have just made it.
    for step in insert_documents(&dirty(false), is_postgres, "(kind, id) DO NOTHING") {
        wanted.push((steps.len(), step.rows()));
        steps.push(step);
    }
}

fn insert_documents<'a>(rows: &[Row5<'a>], is_postgres: bool, on_conflict: &str) -> Vec<Step<'a>> {
    let cells = |(key, version, body, deleted_at): &Row5<'a>| {
        vec![
            Param::Text(key.kind()),
            Param::Text(key.id()),
            Param::Int(*version),
            Param::Blob(body),
            deleted_at.map_or(Param::Null, Param::Int),
        ]
    };
    Step::over(is_postgres, &DOCUMENT, rows, cells, |list| {
        format!(
            "INSERT INTO documents (kind, id, version, body, deleted_at) {list} \
             ON CONFLICT {on_conflict}"
        )
    })
}

fn write_answers<'a>(
    answers: &[(&'a Answer, bool)],
    is_postgres: bool,
    steps: &mut Vec<Step<'a>>,
    wanted: &mut Vec<(usize, u64)>,
) {
    let (old, new): (Vec<(&Answer, bool)>, Vec<_>) =
        answers.iter().copied().partition(|(_, had_row)| *had_row);
    for step in insert_answers(&new, is_postgres, "NOTHING") {
        wanted.push((steps.len(), step.rows()));
        steps.push(step);
    }
    // After the new ones and one by one: if instants jump, a key may be taken twice in one batch.
    for row in old.chunks(1) {
        let replace = "UPDATE SET request_digest = excluded.request_digest, \
                       body = excluded.body, expires_at = excluded.expires_at";
        steps.extend(insert_answers(row, is_postgres, replace));
    }
}

const ANSWER: [Sort; 4] = [Sort::Text, Sort::Blob, Sort::Blob, Sort::Int];

fn insert_answers<'a>(
    rows: &[(&'a Answer, bool)],
    is_postgres: bool,
    on_conflict: &str,
) -> Vec<Step<'a>> {
    Step::over(
        is_postgres,
        &ANSWER,
        rows,
        |(answer, _)| answer_cells(answer),
        |list| {
            format!(
                "INSERT INTO answers (request_key, request_digest, body, expires_at) {list} \
             ON CONFLICT (request_key) DO {on_conflict}"
            )
        },
    )
}

fn answer_cells(answer: &Answer) -> Vec<Param<'_>> {
    vec![
        Param::Text(&answer.request_key),
        Param::Blob(&answer.request_digest),
        Param::Blob(&answer.body),
        Param::Int(answer.expires_at.as_millis()),
    ]
}

const EFFECT: [Sort; 6] = [Sort::Text, Sort::Text, Sort::Blob, Sort::Int, Sort::Int, Sort::Text];

fn write_outbox<'a>(rows: &[&'a Effect], leased: bool, is_postgres: bool) -> Vec<Step<'a>> {
    Step::over(
        is_postgres,
        &EFFECT,
        rows,
        |row| effect_cells(row, leased),
        |list| {
            format!(
                "INSERT INTO outbox (row_key, topic, payload, due_at, claims, last_error) {list} \
             ON CONFLICT (row_key) DO NOTHING"
            )
        },
    )
}

fn effect_cells(effect: &Effect, leased: bool) -> Vec<Param<'_>> {
    let Effect { row, leased_until } = effect;
    let lease = leased_until.filter(|_| leased);
    vec![
        Param::Text(&row.key),
        Param::Text(&row.topic),
        Param::Blob(&row.payload),
        Param::Int(lease.unwrap_or(row.due_at).as_millis()),
        Param::Int(i64::from(lease.is_some())),
        Param::Text(""),
    ]
}

fn withdraw<'a>(keys: &[&'a str], is_postgres: bool) -> Vec<Step<'a>> {
    let cells = |key: &&'a str| vec![Param::Text(key)];
    Step::over(is_postgres, &[Sort::Text], keys, cells, |list| {
        format!("DELETE FROM outbox WHERE row_key IN ({list})")
    })
}

const ENTRY: [Sort; 7] =
    [Sort::Text, Sort::Int, Sort::Int, Sort::Text, Sort::Text, Sort::Blob, Sort::Blob];

fn entry_cells<'a>((place, entry): &'a (AuditPlace, &'a AuditEntry)) -> Vec<Param<'a>> {
    vec![
        Param::Text(&place.chain),
        Param::Int(place.seq),
        Param::Int(entry.at.as_millis()),
        Param::Text(&entry.kind),
        Param::Text(&entry.subject),
        Param::Blob(&entry.body),
        Param::Blob(&place.hash),
    ]
}

impl Written<'_> {
    /// Writes the audit and commits; when this returns `Ok` the batch is on disk.
    ///
    /// Returns the chain's new head, if it moved.
    pub(crate) async fn commit(&self, conn: &mut Conn) -> Result<Option<Head>, Trouble> {
        let mut steps = Step::over(conn.is_postgres(), &ENTRY, &self.audit, entry_cells, |list| {
            format!("INSERT INTO audit_entries (chain, seq, at, kind, subject, body, hash) {list}")
        });
        if let Some((last, _)) = self.audit.last() {
            let sql = "UPDATE audit_heads SET seq = $1, hash = $2 WHERE chain = $3";
            let params =
                vec![Param::Int(last.seq), Param::Blob(&last.hash), Param::Text(self.chain)];
            steps.push(Step::new(sql, params));
        }
        conn.run(Edge::Commit, &steps).await?;
        Ok(self.audit.last().map(|(last, _)| (last.seq, last.hash)))
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

fn head(mut row: Row) -> Result<Head, StoreError> {
    Ok((row.int(HEADS)?, row.bytes_32(HEADS)?))
}

/// Makes the head of a new chain, unless another node was faster, and locks it.
async fn make_head(conn: &mut Conn, chain: &str) -> Result<Head, StoreError> {
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
