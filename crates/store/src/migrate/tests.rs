use super::*;
use crate::db::sqlite::Sqlite;

fn conn(folder: &tempfile::TempDir) -> Conn {
    Conn::Sqlite(Sqlite::open(&folder.path().join("pushback.db")).unwrap())
}

async fn numbers(conn: &mut Conn) -> Vec<i64> {
    let rows = conn.query("SELECT number FROM migrations ORDER BY number", &[]).await.unwrap();
    rows.into_iter().map(|mut row| row.int("migrations").unwrap()).collect()
}

#[tokio::test]
async fn a_database_of_the_first_step_is_brought_up_to_date_and_keeps_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let mut conn = conn(&folder);
    run_to(&mut conn, 1).await.unwrap();
    assert_eq!(numbers(&mut conn).await, [1]);
    let insert = "INSERT INTO documents (kind, id, version, body) VALUES ('k', 'a', 3, X'01')";
    conn.execute(insert, &[]).await.unwrap();
    for _ in 0..2 {
        run(&mut conn).await.unwrap();
        assert_eq!(numbers(&mut conn).await, [1, 2]);
        let sql = "SELECT version FROM documents WHERE kind = 'k' AND id = 'a'";
        let mut rows = conn.query(sql, &[]).await.unwrap();
        assert_eq!(rows.pop().unwrap().int("documents").unwrap(), 3);
    }
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut conn = conn(&folder);
    run(&mut conn).await.unwrap();
    let newer = "INSERT INTO migrations (number, name, sha256) VALUES (99, 'later', X'00')";
    conn.execute(newer, &[]).await.unwrap();
    assert!(run(&mut conn).await.is_err());
}

#[tokio::test]
async fn a_step_of_another_text_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut conn = conn(&folder);
    run(&mut conn).await.unwrap();
    conn.execute("UPDATE migrations SET sha256 = zeroblob(32) WHERE number = 1", &[])
        .await
        .unwrap();
    let outcome = run(&mut conn).await;
    assert!(matches!(outcome, Err(StoreError::Schema(SchemaError::Changed { number: 1 }))));
}
