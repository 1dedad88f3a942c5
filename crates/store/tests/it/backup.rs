//! Back-up and restore, as docs/operate/backup.md tells it.

use std::path::{Path, PathBuf};
use std::process::Command;

use pushback_store::{Change, Store};

use crate::{NOW, Place, commit, entry, key};

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_made_under_load_opens_and_is_whole() {
    let place = Place::sqlite();
    let store = place.open().await;
    commit(&store, Change::at(NOW).create(key("first"), vec![1]).audit(entry("s"))).await;
    let writer = {
        let store = store.clone();
        tokio::spawn(async move {
            for n in 0..200_u8 {
                let change = Change::at(NOW).create(key(&n.to_string()), vec![n]);
                commit(&store, change.audit(entry("s"))).await;
            }
        })
    };
    let copy = place.folder.path().join("copy.db");
    store.back_up(&copy).await.unwrap();
    assert!(store.back_up(&copy).await.is_err(), "a copy is never written over");
    writer.await.unwrap();
    let restored = Store::open_sqlite(&copy, place.options()).await.unwrap();
    let documents = restored.list("thing", None, 1_000).await.unwrap().documents;
    assert!(documents.iter().any(|(id, _)| id == "first"));
    let entries = restored.verify_audit(None, &[]).await.unwrap().chains["main"];
    assert_eq!(usize::try_from(entries).unwrap(), documents.len());
    commit(&restored, Change::at(NOW).audit(entry("after"))).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_copy_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::sqlite();
    let copy = place.folder.path().join("copy.db");
    place.open().await.back_up(&copy).await.unwrap();
    assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_of_postgresql_restores_to_a_whole_trail() {
    let (Some(place), Some(tools)) = (Place::postgres().await, tools()) else { return };
    let store = place.open().await;
    commit(&store, Change::at(NOW).create(key("a"), vec![1]).audit(entry("s"))).await;
    let dump = place.folder.path().join("pushback.dump");
    let mut dumping = Command::new(tools.join("pg_dump"));
    dumping.args(["--format=custom", "--file"]).arg(&dump).arg(&place.database);
    assert!(dumping.status().unwrap().success());
    let fresh = Place::postgres().await.unwrap();
    let mut restoring = Command::new(tools.join("pg_restore"));
    restoring.args(["--dbname", &fresh.database]).arg(&dump);
    assert!(restoring.status().unwrap().success());
    let restored = Store::open(&fresh.database, place.options()).await.unwrap();
    assert_eq!(restored.load(&key("a")).await.unwrap().unwrap().body, [1]);
    assert_eq!(restored.verify_audit(None, &[]).await.unwrap().chains["main"], 1);
}

/// Where the newest PostgreSQL of a Debian system has its programs, else wherever `pg_dump` is found.
fn tools() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path())))
        .max();
    let path = std::env::var_os("PATH").unwrap_or_default();
    newest
        .map(|(_, folder)| folder.join("bin"))
        .into_iter()
        .chain(std::env::split_paths(&path))
        .find(|folder| Path::new(folder).join("pg_dump").exists())
}
