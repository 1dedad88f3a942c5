//! Batches put together by hand: what is in one transaction is not left to chance here.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use pushback_model::{Span, Timestamp};

use super::*;
use crate::batch::single;
use crate::db::{Row, Value};
use crate::{Answer, AuditEntry, Conflict, Key, OutboxRow, Version};

const NOW: Timestamp = Timestamp::from_millis(1_772_400_000_000);

/// A writer with a database of its own.
struct Desk {
    writer: Writer,
    _folder: tempfile::TempDir,
}

impl Desk {
    async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let target = Target::Sqlite(folder.path().join("pushback.db"));
        Self { writer: Writer::open(settings(target)).await.unwrap(), _folder: folder }
    }

    async fn postgres() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let url = std::env::var("PUSHBACK_TEST_POSTGRES").ok()?;
        let name = format!("w{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut conn = Postgres::open(&Server::parse(&url, false).unwrap()).await.unwrap();
        conn.script(&format!("CREATE DATABASE {name}")).await.unwrap();
        let (before, _) = url.rsplit_once('/').unwrap();
        let server = Server::parse(&format!("{before}/{name}"), false).unwrap();
        let writer = Writer::open(settings(Target::Postgres(server))).await.unwrap();
        Some(Self { writer, _folder: tempfile::tempdir().unwrap() })
    }

    async fn both() -> Vec<Self> {
        let mut desks = vec![Self::sqlite().await];
        desks.extend(Self::postgres().await);
        desks
    }

    /// Commits changes in one transaction.
    async fn commit(&mut self, changes: &[Change]) -> Vec<Commit> {
        let jobs: Vec<Job> =
            changes.iter().map(|change| Job::Commit(Task::new(change.clone(), None).0)).collect();
        self.writer.write(&jobs).await.unwrap();
        let outcomes = jobs.into_iter().map(|job| match job {
            Job::Commit(task) => task.outcome.into_inner().unwrap(),
            _ => panic!(),
        });
        outcomes.collect()
    }

    async fn rows(&mut self, sql: &str) -> Vec<Vec<Value>> {
        let conn = self.writer.conn.as_mut().unwrap();
        let rows = conn.query(sql, &[]).await.unwrap();
        rows.into_iter().map(Row::into_values).collect()
    }

    async fn run(&mut self, sql: &str) {
        self.writer.conn.as_mut().unwrap().script(sql).await.unwrap();
    }

    async fn names(&mut self, sql: &str) -> Vec<String> {
        let rows = self.rows(sql).await.into_iter().flatten();
        rows.map(|value| match value {
            Value::Text(text) => text,
            other => panic!("{other:?}"),
        })
        .collect()
    }

    async fn live(&mut self) -> Vec<String> {
        self.names("SELECT id FROM documents WHERE deleted_at IS NULL ORDER BY id").await
    }

    async fn everything(&mut self) -> Vec<Vec<Value>> {
        let mut all = Vec::new();
        for sql in [
            "SELECT kind, id, version, body, deleted_at FROM documents ORDER BY kind, id",
            "SELECT row_key, topic, payload, due_at, claims FROM outbox ORDER BY row_key",
            "SELECT request_key, request_digest, body, expires_at FROM answers \
             ORDER BY request_key",
            "SELECT chain, seq, at, kind, subject, body, hash FROM audit_entries ORDER BY seq",
            "SELECT chain, seq, hash FROM audit_heads",
        ] {
            all.extend(self.rows(sql).await);
        }
        all
    }
}

fn settings(target: Target) -> Settings {
    Settings {
        target,
        chain: "main".to_owned(),
        batch_max: 100,
        outbox_max: 1_000,
        hub: Arc::default(),
        hand_over: Arc::default(),
        notices: None,
    }
}

fn key(id: &str) -> Key {
    Key::new("thing", id).unwrap()
}

fn version(number: i64) -> Version {
    Version::from_number(number).unwrap()
}

fn entry(subject: &str) -> AuditEntry {
    AuditEntry { at: NOW, kind: "tested".into(), subject: subject.into(), body: vec![1] }
}

fn effect(name: &str, payload: u8) -> OutboxRow {
    OutboxRow { key: name.into(), topic: "test".into(), payload: vec![payload], due_at: NOW }
}

fn answer(request: &str, body: u8) -> Answer {
    Answer {
        request_key: request.into(),
        request_digest: [body; 32],
        body: vec![body],
        expires_at: NOW + Span::hours(1),
    }
}

/// Makes a document, an entry and an effect, all of one name.
fn make(id: &str) -> Change {
    Change::at(NOW).create(key(id), vec![1]).audit(entry(id)).effect(effect(id, 1))
}

fn is_committed(outcome: &Commit) -> bool {
    matches!(outcome, Commit::Committed(_))
}

fn versions(outcome: &Commit) -> Vec<i64> {
    let Commit::Committed(committed) = outcome else { panic!("{outcome:?}") };
    committed.versions.iter().map(|version| version.get()).collect()
}

const SUBJECTS: &str = "SELECT subject FROM audit_entries ORDER BY seq";
const EFFECTS: &str = "SELECT row_key FROM outbox ORDER BY row_key";

#[tokio::test]
async fn of_changes_in_one_transaction_a_conflict_touches_no_other() {
    for mut desk in Desk::both().await {
        desk.commit(&[make("a")]).await;
        let stale = make("beside").update(key("a"), version(7), vec![2]);
        let outcomes = desk.commit(&[make("b"), stale, make("b"), make("c")]).await;
        let kept: Vec<bool> = outcomes.iter().map(is_committed).collect();
        assert_eq!(kept, [true, false, false, true]);
        let found = Some(version(1));
        assert_eq!(outcomes[1], Commit::Conflict(Conflict::Version { key: key("a"), found }));
        assert_eq!(outcomes[2], Commit::Conflict(Conflict::Version { key: key("b"), found }));
        for sql in [SUBJECTS, EFFECTS] {
            assert_eq!(desk.names(sql).await, ["a", "b", "c"]);
        }
        assert_eq!(desk.live().await, ["a", "b", "c"]);
    }
}

#[tokio::test]
async fn a_change_sees_what_the_ones_before_it_in_its_transaction_left() {
    for mut desk in Desk::both().await {
        desk.commit(&[make("first")]).await;
        let outcomes = desk
            .commit(&[
                make("a"),
                Change::at(NOW).update(key("a"), version(1), vec![2]).audit(entry("two")),
                Change::at(NOW).delete(key("a"), version(2)).audit(entry("three")),
                Change::at(NOW).create(key("a"), vec![5]).audit(entry("four")),
                Change::at(NOW).create(key("b"), vec![6]),
            ])
            .await;
        let all: Vec<_> = outcomes.iter().map(versions).collect();
        let wanted = [1, 2, 3, 4, 1];
        assert_eq!(all, wanted.map(|version| vec![version]));
        assert_eq!(desk.names(SUBJECTS).await, ["first", "a", "two", "three", "four"]);
        let body = desk.rows("SELECT body FROM documents WHERE id = 'a'").await;
        assert_eq!(body, [[Value::Blob(vec![5])]]);
    }
}

#[tokio::test]
async fn entries_are_linked_in_the_order_of_their_changes() {
    for mut desk in Desk::both().await {
        let mut previous = crate::audit::GENESIS;
        let mut seq = 0;
        for batch in 0..3 {
            let changes: Vec<Change> = (0..70)
                .map(|n| Change::at(NOW).audit(entry(&format!("{batch}.{n}"))).audit(entry("x")))
                .collect();
            for (n, outcome) in desk.commit(&changes).await.into_iter().enumerate() {
                let Commit::Committed(committed) = outcome else { panic!() };
                for (place, name) in committed.audit.iter().zip([&format!("{batch}.{n}"), "x"]) {
                    seq += 1;
                    assert_eq!((place.seq, place.previous), (seq, previous));
                    assert_eq!(
                        place.hash,
                        crate::audit::hash(&previous, "main", seq, &entry(name))
                    );
                    previous = place.hash;
                }
            }
        }
        let head = desk.rows("SELECT seq, hash FROM audit_heads").await;
        assert_eq!(head, [[Value::Int(420), Value::Blob(previous.to_vec())]]);
    }
}

#[tokio::test]
async fn an_effect_that_two_changes_of_one_transaction_name_is_kept_once_as_the_first_gave_it() {
    for mut desk in Desk::both().await {
        desk.commit(&[make("first")]).await;
        let change =
            |id, payload| Change::at(NOW).create(key(id), vec![]).effect(effect("e", payload));
        let outcomes = desk.commit(&[change("a", 1), change("b", 2)]).await;
        assert!(outcomes.iter().all(is_committed));
        let payload = desk.rows("SELECT payload FROM outbox WHERE row_key = 'e'").await;
        assert_eq!(payload, [[Value::Blob(vec![1])]]);
    }
}

#[tokio::test]
async fn a_request_that_is_repeated_within_one_transaction_is_answered_once() {
    for mut desk in Desk::both().await {
        desk.commit(&[make("first")]).await;
        let outcomes = desk
            .commit(&[
                make("a").answer(answer("r", 1)),
                make("a").answer(answer("r", 2)),
                make("b").answer(answer("s", 3)),
            ])
            .await;
        assert!(is_committed(&outcomes[0]) && is_committed(&outcomes[2]));
        let taken = Conflict::Answered { request_key: "r".to_owned() };
        assert_eq!(outcomes[1], Commit::Conflict(taken));
        // Once the answer has expired, its place is taken.
        let mut late = make("c").answer(answer("r", 4));
        late.at = NOW + Span::hours(1);
        assert!(is_committed(&desk.commit(&[late]).await[0]));
        let bodies = desk.rows("SELECT body FROM answers ORDER BY request_key").await;
        assert_eq!(bodies, [[Value::Blob(vec![4])], [Value::Blob(vec![3])]]);
    }
}

#[tokio::test]
async fn a_change_that_finds_the_outbox_full_leaves_room_for_smaller_ones() {
    for mut desk in Desk::both().await {
        desk.writer.settings.outbox_max = 3;
        desk.commit(&[make("a")]).await;
        let large = ["x", "y", "z"]
            .iter()
            .fold(Change::at(NOW).create(key("large"), vec![]), |c, e| c.effect(effect(e, 1)));
        let outcomes = desk.commit(&[make("b"), large, make("c"), make("d")]).await;
        assert_eq!(outcomes[1], Commit::Refused(Refusal::OutboxFull));
        assert_eq!(outcomes[3], Commit::Refused(Refusal::OutboxFull));
        assert_eq!(desk.live().await, ["a", "b", "c"]);
        assert_eq!(desk.names(EFFECTS).await, ["a", "b", "c"]);
        assert_eq!(desk.names(SUBJECTS).await, ["a", "b", "c"]);
    }
}

#[tokio::test]
async fn what_anybody_brings_about_leaves_room_in_the_outbox() {
    for mut desk in Desk::both().await {
        desk.writer.settings.outbox_max = 10;
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
        desk.commit(&names.map(make)).await;
        let outcomes = desk.commit(&[make("j").yielding(), make("k")]).await;
        assert_eq!(outcomes[0], Commit::Refused(Refusal::OutboxFull));
        assert!(is_committed(&outcomes[1]));
    }
}

#[tokio::test]
async fn a_batch_in_which_all_fits_goes_the_short_way() {
    let Some(mut desk) = Desk::postgres().await else { return };
    // The head of the chain is known after a commit.
    desk.commit(&[make("a")]).await;
    assert!(!desk.is_short());
    desk.commit(&[make("b"), make("c").update(key("a"), version(1), vec![2])]).await;
    assert!(desk.is_short());
    assert_eq!(desk.writer.long_for, 0);
    assert_eq!(desk.names(SUBJECTS).await, ["a", "b", "c"]);
}

impl Desk {
    /// Whether the one statement was ever used.
    fn is_short(&self) -> bool {
        let Some(Conn::Postgres(conn)) = &self.writer.conn else { panic!() };
        conn.knows(single::SQL)
    }
}

#[tokio::test]
async fn the_short_way_keeps_nothing_if_anything_is_not_as_assumed() {
    let Some(mut desk) = Desk::postgres().await else { return };
    let change = |n: i64| {
        let id = |name: &str| key(&format!("{name}{n}"));
        Change::at(NOW)
            .update(id("updated"), version(1), vec![2])
            .create(id("created"), vec![1])
            .delete(id("deleted"), version(1))
            .answer(answer(&format!("r{n}"), 1))
            .effect(effect(&format!("e{n}"), 1))
            .audit(entry("bad"))
    };
    let insert = "INSERT INTO documents (kind, id, version, body) VALUES ('thing',";
    for (number, (other, is_conflict)) in (0_i64..).zip([
        ("SELECT 1".to_owned(), false),
        ("UPDATE documents SET version = 2 WHERE id = 'updated1'".to_owned(), true),
        ("UPDATE documents SET deleted_at = 1 WHERE id = 'updated2'".to_owned(), true),
        ("DELETE FROM documents WHERE id = 'updated3'".to_owned(), true),
        ("UPDATE documents SET version = 2 WHERE id = 'deleted4'".to_owned(), true),
        ("UPDATE documents SET deleted_at = 1 WHERE id = 'deleted5'".to_owned(), true),
        (format!("{insert} 'created6', 1, '')"), true),
        (
            "INSERT INTO answers (request_key, request_digest, body, expires_at) \
             VALUES ('r7', '', '', 9000000000000000)"
                .to_owned(),
            true,
        ),
        // Another node moved the head: no conflict, but the entries must stand after its own.
        (
            "UPDATE audit_heads SET seq = seq + 1, hash = sha256('other'); \
             INSERT INTO audit_entries (chain, seq, at, kind, subject, body, hash) \
             SELECT 'main', seq, 1, 'k', 'other', '', hash FROM audit_heads"
                .to_owned(),
            false,
        ),
        // Over a deleted row a document is made with a later version, which is not known beforehand.
        (
            "INSERT INTO documents (kind, id, version, body, deleted_at) \
             VALUES ('thing', 'created9', 5, '', 1)"
                .to_owned(),
            false,
        ),
    ]) {
        let ready = ["updated", "deleted"].iter().fold(Change::at(NOW), |change, name| {
            change.create(key(&format!("{name}{number}")), vec![1])
        });
        desk.writer.long_for = 0;
        assert!(desk.commit(&[ready.audit(entry("ready"))]).await.iter().all(is_committed));
        desk.run(&other).await;
        desk.writer.long_for = 0;
        let good = make(&format!("good{number}"));
        let outcomes = desk.commit(&[good, change(number)]).await;
        assert!(is_committed(&outcomes[0]), "{other}");
        assert_eq!(is_committed(&outcomes[1]), !is_conflict, "{other}");
        // One less: the batch that was beaten went the long way once.
        let beaten = if number == 0 { 0 } else { LONG_FOR - 1 };
        assert_eq!(desk.writer.long_for, beaten, "{other}");
        let kept = if is_conflict { "" } else { "x" };
        let made = format!("SELECT 'x' FROM outbox WHERE row_key = 'e{number}'");
        assert_eq!(desk.names(&made).await.concat(), kept, "{other}");
    }
    let sql = "SELECT count(*), max(seq) FROM audit_entries";
    let wanted = 10 + 10 + 3 + 1;
    assert_eq!(desk.rows(sql).await, [[Value::Int(wanted), Value::Int(wanted)]]);
}

/// Whatever is thrown at both databases, they say and keep the same, and so do both ways.
#[tokio::test]
async fn both_databases_and_both_ways_come_to_the_same() {
    let mut desks = Desk::both().await;
    if let Some(mut long) = Desk::postgres().await {
        long.writer.long_for = u32::MAX;
        desks.push(long);
    }
    let mut dice = Dice(7);
    let mut short_rounds = 0;
    for round in 0..400 {
        let there = desks[0].there().await;
        let changes: Vec<Change> =
            (0..=dice.below(4)).map(|n| some_change(&mut dice, &there, round, n)).collect();
        let mut first = None;
        for (number, desk) in desks.iter_mut().enumerate() {
            if number == 1 {
                desk.writer.long_for = 0;
            }
            let outcomes = desk.commit(&changes).await;
            assert_eq!(first.get_or_insert_with(|| outcomes.clone()), &outcomes, "round {round}");
            let is_short = number == 1 && desk.writer.long_for == 0;
            short_rounds += i32::from(is_short && outcomes.iter().all(is_committed));
        }
    }
    assert!(desks.len() == 1 || short_rounds > 50, "{short_rounds}");
    let mut first = None;
    for desk in &mut desks {
        let all = desk.everything().await;
        assert_eq!(first.get_or_insert_with(|| all.clone()), &all);
    }
}

impl Desk {
    /// The versions of the documents that are there.
    async fn there(&mut self) -> BTreeMap<String, i64> {
        let sql = "SELECT id, version FROM documents WHERE kind = 'thing' AND deleted_at IS NULL";
        let rows = self.rows(sql).await.into_iter().map(|row| match &row[..] {
            [Value::Text(id), Value::Int(version)] => (id.clone(), *version),
            other => panic!("{other:?}"),
        });
        rows.collect()
    }
}

/// A change of a few documents whose expectations hold for the most part.
fn some_change(dice: &mut Dice, there: &BTreeMap<String, i64>, round: u64, number: u64) -> Change {
    let name = format!("{round}.{number}");
    let mut change = Change::at(NOW + Span::millis(i64::try_from(round).unwrap()));
    let first = dice.below(30);
    for n in 0..=dice.below(2) {
        let id = format!("d{}", (first + n) % 30);
        let (key, body) = (key(&id), name.clone().into_bytes());
        let found = there.get(&id).copied().filter(|_| dice.below(10) > 0);
        let is_wrong = dice.below(20) == 0;
        let found = found.map(|found| version(if is_wrong { found + 1 } else { found }));
        change = match (found, dice.below(6)) {
            (None, _) => change.create(key, body),
            (Some(seen), 0) => change.delete(key, seen),
            (Some(seen), _) => change.update(key, seen, body),
        };
    }
    if dice.below(3) == 0 {
        let fresh = Key::new("fresh", &name).unwrap();
        change = change.create(fresh, vec![1]);
    }
    if dice.below(4) > 0 {
        change = change.audit(entry(&name));
    }
    if dice.below(2) == 0 {
        change = change.effect(effect(&format!("e{}", dice.below(2_000)), 1));
    }
    if dice.below(3) == 0 {
        change = change.withdraw(format!("e{}", dice.below(2_000)));
    }
    if dice.below(3) == 0 {
        for effect in &mut change.outbox {
            effect.leased_until = Some(change.at + Span::seconds(60));
        }
    }
    if dice.below(4) == 0 {
        let mut answer = answer(&format!("r{}", dice.below(200)), 1);
        answer.expires_at = change.at + Span::millis(50);
        change = change.answer(answer);
    }
    change
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        // Knuth's MMIX generator; its high bits are the good ones.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}
