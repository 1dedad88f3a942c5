use super::*;
use crate::db::postgres::{Postgres, Server};
use crate::db::sqlite::Sqlite;

/// An empty database of each sort that there is.
async fn both(folder: &tempfile::TempDir, name: &str) -> Vec<Conn> {
    let mut conns = vec![Conn::Sqlite(Sqlite::open(&folder.path().join("pushback.db")).unwrap())];
    if let Ok(url) = std::env::var("PUSHBACK_TEST_POSTGRES") {
        let name = format!("m{}_{name}", std::process::id());
        let mut conn = Postgres::open(&Server::parse(&url, false).unwrap()).await.unwrap();
        conn.script(&format!("CREATE DATABASE {name}")).await.unwrap();
        let (before, _) = url.rsplit_once('/').unwrap();
        let server = Server::parse(&format!("{before}/{name}"), false).unwrap();
        conns.push(Conn::Postgres(Postgres::open(&server).await.unwrap()));
    }
    conns
}

async fn numbers(conn: &mut Conn) -> Vec<i64> {
    let rows = conn.query("SELECT number FROM migrations ORDER BY number", &[]).await.unwrap();
    rows.into_iter().map(|mut row| row.int("migrations").unwrap()).collect()
}

/// Every step's name is looked at here, so that a new one is not forgotten.
#[tokio::test]
async fn a_database_of_any_earlier_step_is_brought_up_to_date_and_keeps_its_rows() {
    let all: Vec<i64> = MIGRATIONS.iter().map(|step| step.number).collect();
    for step in &MIGRATIONS {
        let folder = tempfile::tempdir().unwrap();
        for mut conn in both(&folder, &format!("step{}", step.number)).await {
            run_to(&mut conn, step.number).await.unwrap();
            let done = usize::try_from(step.number).unwrap();
            assert_eq!(numbers(&mut conn).await, all[..done]);
            let insert = "INSERT INTO documents (kind, id, version, body) VALUES ('k', 'a', 3, $1)";
            conn.execute(insert, &[Param::Blob(&[1])]).await.unwrap();
            let insert = "INSERT INTO outbox (row_key, topic, payload, due_at, claims, last_error) \
                          VALUES ('e', 't', $1, 5, 0, '')";
            conn.execute(insert, &[Param::Blob(&[2])]).await.unwrap();
            for _ in 0..2 {
                run(&mut conn).await.unwrap();
                assert_eq!(numbers(&mut conn).await, all);
                let sql = "SELECT d.version, d.body, o.due_at, o.payload FROM documents AS d \
                           CROSS JOIN outbox AS o WHERE d.kind = 'k' AND d.id = 'a'";
                let mut row = conn.query(sql, &[]).await.unwrap().pop().unwrap();
                assert_eq!(row.int("documents").unwrap(), 3);
                assert_eq!(row.blob("documents").unwrap(), [1]);
                assert_eq!(row.int("outbox").unwrap(), 5);
                assert_eq!(row.blob("outbox").unwrap(), [2]);
            }
        }
    }
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    for mut conn in both(&folder, "newer").await {
        run(&mut conn).await.unwrap();
        let newer = "INSERT INTO migrations (number, name, sha256) VALUES (99, 'later', $1)";
        conn.execute(newer, &[Param::Blob(&[0; 32])]).await.unwrap();
        let outcome = run(&mut conn).await;
        let newer = Err::<(), _>(StoreError::Schema(SchemaError::Newer { found: 99, known: 5 }));
        assert_eq!(format!("{outcome:?}"), format!("{newer:?}"));
        // Nothing is left open either.
        assert_eq!(numbers(&mut conn).await, [1, 2, 3, 4, 5, 99]);
    }
}

#[tokio::test]
async fn a_step_of_another_text_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for mut conn in both(&folder, "changed").await {
        run(&mut conn).await.unwrap();
        let change = "UPDATE migrations SET sha256 = $1 WHERE number = 1";
        conn.execute(change, &[Param::Blob(&[0; 32])]).await.unwrap();
        let outcome = run(&mut conn).await;
        assert!(matches!(outcome, Err(StoreError::Schema(SchemaError::Changed { number: 1 }))));
    }
}

#[tokio::test]
async fn a_database_that_lacks_an_earlier_step_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for mut conn in both(&folder, "gap").await {
        run(&mut conn).await.unwrap();
        conn.execute("DELETE FROM migrations WHERE number = 1", &[]).await.unwrap();
        let outcome = run(&mut conn).await;
        assert!(matches!(outcome, Err(StoreError::Schema(SchemaError::Gap { number: 1 }))));
    }
}

#[tokio::test]
async fn a_step_that_fails_leaves_the_database_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    for mut conn in both(&folder, "fails").await {
        run_to(&mut conn, 1).await.unwrap();
        // In the way of the second step's last table.
        conn.script("CREATE TABLE audit_checkpoints (x BIGINT)").await.unwrap();
        assert!(run(&mut conn).await.is_err());
        assert_eq!(numbers(&mut conn).await, [1]);
        conn.script("DROP TABLE audit_checkpoints").await.unwrap();
        run(&mut conn).await.unwrap();
        assert_eq!(numbers(&mut conn).await, [1, 2, 3, 4, 5]);
    }
}

#[tokio::test]
async fn postgresql_does_not_try_to_compress_what_is_sealed() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut conn) = both(&folder, "sealed").await.pop().filter(Conn::is_postgres) else {
        return;
    };
    run(&mut conn).await.unwrap();
    let sql = "SELECT count(*) FROM pg_attribute WHERE attstorage = 'e' AND attrelid IN \
               ('documents'::regclass, 'outbox'::regclass, 'answers'::regclass)";
    assert_eq!(conn.query(sql, &[]).await.unwrap().pop().unwrap().int("storage").unwrap(), 3);
}
