//! The prompt service administered from the command line, without a running service.

use std::path::Path;

use pushback_store::{Change, Commit, Key, Keyring, Options, Store};

use crate::run::{Ran, pushback_fed, service, service_as};

const ALICE: &str = "alice@example.org";

/// A folder with one subscriber in it.
fn with_alice() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let added =
        on(folder.path(), &["subscriber", "add", ALICE, "--address", "a@b.example", "c@d.example"]);
    assert_eq!(added.code, 0, "{}", added.err);
    assert!(added.out.contains("pushback subscriber invite alice@example.org"), "{}", added.out);
    folder
}

fn on(data: &Path, args: &[&str]) -> Ran {
    service(data, args)
}

/// The help desk is not told to call the help desk.
#[test]
fn a_refusal_says_what_the_help_desk_can_do() {
    let folder = with_alice();
    assert_eq!(on(folder.path(), &["subscriber", "suspend", ALICE]).code, 0);
    for (args, says) in [
        (vec!["subscriber", "invite", ALICE], "pushback subscriber close"),
        (vec!["subscriber", "reset", ALICE, "--confirm", "99"], "pushback subscriber show"),
    ] {
        let refused = on(folder.path(), &args);
        assert_eq!(refused.code, 3, "{}", refused.err);
        assert!(refused.err.contains(says), "{}", refused.err);
        assert!(!refused.err.contains("call the help desk"), "{}", refused.err);
    }
}

#[test]
fn a_mistyped_name_is_said_and_nothing_is_done_about_it() {
    let folder = with_alice();
    let verbs: [&[&str]; 8] = [
        &["show"],
        &["suspend"],
        &["restore"],
        &["close"],
        &["role", "--member"],
        &["password-changed"],
        &["reset"],
        &["invite"],
    ];
    for verb in verbs {
        let args = [&["subscriber"], verb, &["alcie@example.org"]].concat();
        let ran = on(folder.path(), &args);
        assert_eq!((ran.code, ran.out.as_str()), (3, ""), "{args:?}");
        assert!(ran.err.contains("alcie@example.org is not known here"), "{args:?}: {}", ran.err);
        assert!(ran.err.contains("pushback subscriber list"), "{args:?}: {}", ran.err);
    }
    let listed = on(folder.path(), &["subscriber", "list"]).out;
    assert_eq!(listed.matches("@example.org").count(), 1, "{listed}");
    assert!(listed.ends_with("0 of 1 have a passkey\n"), "{listed}");
    let without = on(folder.path(), &["subscriber", "list", "--without-passkey", "--json"]);
    assert_eq!(without.json()[0][0]["has_passkey"], false, "{}", without.out);
}

#[test]
fn looking_into_a_folder_without_state_makes_none() {
    let folder = tempfile::tempdir().unwrap();
    for args in [["subscriber", "list"], ["audit", "export"], ["relying-party", "list"]] {
        let ran = on(folder.path(), &args);
        assert_eq!(ran.code, 2, "{args:?}");
        assert!(ran.err.contains("holds no state"), "{args:?}: {}", ran.err);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_report_by_telephone_is_an_incident_a_whole_trail_and_something_a_scan_reads() {
    let folder = with_alice();
    assert_eq!(on(folder.path(), &["subscriber", "suspend", ALICE]).code, 0);

    let shown = on(folder.path(), &["subscriber", "show", ALICE]);
    assert!(shown.out.starts_with("alice@example.org (member), 2 addresses\n"), "{}", shown.out);
    assert!(shown.out.contains("prompts are stopped since"), "{}", shown.out);
    let open = on(folder.path(), &["incidents", "--json"]).json();
    assert_eq!(open[0][0]["subscriber"], ALICE);
    assert_eq!(open[0][0]["cause"], "reported");

    let verified = on(folder.path(), &["audit", "verify"]);
    assert_eq!(verified.code, 0, "{}", verified.err);
    assert!(verified.out.starts_with("the audit trail is whole\n  main: "), "{}", verified.out);

    let trail = on(folder.path(), &["audit", "export"]);
    let scanned = pushback_fed(&["scan", "--format", "json", "-"], trail.out.as_bytes());
    let incidents = scanned.json();
    assert!(
        incidents.iter().any(|line| line.to_string().contains(ALICE)),
        "{}\n{}",
        scanned.out,
        trail.out
    );
}

#[test]
fn the_keys_of_the_service_are_renewed_once_at_a_time_and_replaced_at_once() {
    let folder = with_alice();
    let renewed = on(folder.path(), &["keys", "--json", "renew"]).json();
    assert!(renewed[0]["signs_from"].is_string(), "{renewed:?}");
    let again = on(folder.path(), &["keys", "renew"]);
    assert_eq!(again.code, 3, "{}", again.err);
    assert!(again.err.contains("begin to sign at"), "{}", again.err);
    let replaced = on(folder.path(), &["keys", "renew", "--leaked"]);
    assert_eq!(replaced.code, 0, "{}", replaced.err);
    assert!(replaced.out.contains("nothing of before counts"), "{}", replaced.out);
    let trail = on(folder.path(), &["audit", "export"]);
    let of_keys: Vec<_> = trail.out.lines().filter(|line| line.contains("\"keys_re")).collect();
    assert_eq!(of_keys.len(), 2, "{}", trail.out);
}

/// Puts the document of Alice ahead, as a clock does that runs ahead for a moment.
fn put_ahead(data: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = Options::new(Keyring::open(&data.join("keys")).unwrap());
        let store = Store::open_sqlite(&data.join("pushback.db"), options).await.unwrap();
        let key = Key::new("subscriber", ALICE).unwrap();
        let found = store.load(&key).await.unwrap().unwrap();
        let mut state: serde_json::Value = serde_json::from_slice(&found.body).unwrap();
        state["seen_at"] = "2150-01-01T00:00:00Z".into();
        let body = state.to_string().into_bytes();
        let ahead = store.commit(Change::default().update(key, found.version, body)).await;
        assert!(matches!(ahead.unwrap(), Commit::Committed(_)));
        store.close().await;
    });
}

#[test]
fn what_is_left_of_a_clock_that_ran_ahead_is_set_right_by_a_command() {
    let folder = with_alice();
    let clock = |who: &str| on(folder.path(), &["subscriber", "clock", who]);
    assert!(clock(ALICE).out.starts_with("it is not ahead"), "{}", clock(ALICE).out);
    for one_or_all in [ALICE, "--all"] {
        put_ahead(folder.path());
        let shown = on(folder.path(), &["subscriber", "show", ALICE]).out;
        assert!(shown.contains("no phone is asked before 2150-01-01T00:00:00"), "{shown}");
        let reset = on(folder.path(), &["subscriber", "reset", ALICE]);
        assert_eq!(reset.code, 3);
        assert!(reset.err.contains("`pushback subscriber clock` sets it right"), "{}", reset.err);
        let set = clock(one_or_all);
        assert_eq!(set.code, 0, "{}", set.err);
        let is_said = ["set right: it stood at 2150-01-01", "1 of 1 subscriber set right"];
        assert!(is_said.iter().any(|said| set.out.starts_with(said)), "{}", set.out);
        let shown = on(folder.path(), &["subscriber", "show", ALICE]).out;
        assert!(!shown.contains("2150"), "{shown}");
    }
    assert!(clock("--all").out.starts_with("0 of 1 subscriber"), "nothing is left to do");
    assert_eq!(clock("alcie@example.org").code, 3);
    let nobody = on(folder.path(), &["subscriber", "clock"]);
    assert_eq!(nobody.code, 2, "{}", nobody.err);
    let trail = on(folder.path(), &["audit", "export", "--about", ALICE]).out;
    assert_eq!(trail.matches(r#""kind":"clock_set_right""#).count(), 2, "{trail}");
}

#[test]
fn who_types_is_not_for_the_environment_to_say() {
    let folder = with_alice();
    let by = |environment: &[(&str, &str)], args: &[&str]| {
        let ran = service_as(environment, folder.path(), args);
        assert_eq!(ran.code, 0, "{}", ran.err);
        let trail = on(folder.path(), &["audit", "export"]).json();
        trail.last().unwrap()["body"]["by"]["operator"].as_str().unwrap().to_owned()
    };
    let reset = ["subscriber", "reset", ALICE];
    let myself = by(&[], &reset);
    assert!(myself.starts_with("console:"), "{myself}");
    let second = [("SUDO_USER", "mallory"), ("USER", "mallory"), ("LOGNAME", "mallory")];
    assert_eq!(by(&second, &["operator", "invite", "kim"]), myself, "not kim, who is invited");
    assert_eq!(by(&second, &["operator", "delete", "kim"]), myself);
    // And so a reset has one person still.
    let shown = on(folder.path(), &["subscriber", "show", ALICE, "--json"]).json();
    let number = shown[0]["reset"]["id"].to_string();
    let confirmed =
        service_as(&second, folder.path(), &["subscriber", "reset", ALICE, "--confirm", &number]);
    assert_ne!(confirmed.code, 0, "{}", confirmed.out);
    assert!(confirmed.err.contains("second person"), "{}", confirmed.err);
}

#[test]
fn a_secret_is_shown_once_and_its_relying_party_is_listed_without() {
    let folder = tempfile::tempdir().unwrap();
    let made = on(folder.path(), &["relying-party", "add", "Payroll", "--json"]).json();
    let (id, secret) = (made[0]["id"].as_str().unwrap(), made[0]["secret"].as_str().unwrap());
    let listed = on(folder.path(), &["relying-party", "list"]);
    assert!(listed.out.contains(id) && listed.out.contains("Payroll"), "{}", listed.out);
    assert!(!listed.out.contains(secret));
    let gone = on(folder.path(), &["relying-party", "delete", "rp_none"]);
    assert_eq!(gone.code, 3);
    assert!(gone.err.contains("rp_none is not known here"), "{}", gone.err);
}

#[test]
fn one_check_reads_the_configuration_of_the_scan_and_of_the_service() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("serve.toml");
    let check = |text: &str| {
        std::fs::write(&file, text).unwrap();
        on(folder.path(), &["config", "check", file.to_str().unwrap()])
    };
    let right = check("[service]\nname = \"Example\"\n");
    assert_eq!(right.code, 0, "{}", right.err);
    let wrong = check("[service]\nname = \"Example\"\n[policy.prompt]\ncode_life_seconds = 1\n");
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("serve.toml:4"), "{}", wrong.err);
    let scan = check("[detection]\nno_such_thing = 1\n");
    assert!(scan.err.contains("serve.toml:2"), "{}", scan.err);
}

/// A copy, something that happens after it, and the copy in its place.
#[test]
fn after_a_restore_one_command_ends_what_may_have_been_used_and_says_what_is_left() {
    let folder = with_alice();
    let data = folder.path();
    let done = |args: &[&str]| {
        let ran = on(data, args);
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.err);
        ran
    };
    done(&["subscriber", "invite", ALICE]);
    done(&["operator", "invite", "kim"]);
    done(&["relying-party", "add", "Payroll"]);
    let copy = data.join("copy.db");
    done(&["back-up", copy.to_str().unwrap()]);
    done(&["operator", "delete", "kim"]);
    done(&["subscriber", "suspend", ALICE]);
    let trail = data.join("trail.jsonl");
    std::fs::write(&trail, done(&["audit", "export"]).out).unwrap();
    // As docs/operate/backup.md says.
    for beside in ["pushback.db-wal", "pushback.db-shm"] {
        let _ = std::fs::remove_file(data.join(beside));
    }
    std::fs::rename(&copy, data.join("pushback.db")).unwrap();

    let file = trail.to_str().unwrap();
    // Not beside a service that runs.
    let service = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = service.local_addr().unwrap();
    let note = format!(r#"{{"listen":"{listen}","origin":"http://localhost"}}"#);
    std::fs::write(data.join("address.json"), note).unwrap();
    let early = on(data, &["restored", "--trail", file]);
    assert_eq!(early.code, 3, "{}", early.err);
    assert!(early.err.contains(&format!("something answers at {listen}")), "{}", early.err);
    drop(service);

    let said = done(&["restored", "--json", "--trail", file]).json().remove(0);
    assert_eq!(said["ended"]["codes"], 1);
    assert_eq!(said["ended"]["invitations"], 1);
    assert_eq!(said["to_check"]["operators"][0], "kim");
    assert_eq!(said["to_check"]["relying_parties"][0]["name"], "Payroll");
    let since = said["to_check"]["since_the_copy"].to_string();
    assert!(since.contains("operator delete kim"), "{since}");
    assert!(since.contains(&format!("subscriber suspend {ALICE}")), "{since}");

    // Again, in words: nothing is left to be ended.
    let again = done(&["restored", "--trail", file]).out;
    assert!(again.contains("0 open prompts, 0 codes"), "{again}");
    assert!(again.contains("      pushback operator delete kim\n"), "{again}");
    let without = done(&["restored"]).out;
    assert!(without.contains("pushback restored --trail FILE lists it"), "{without}");
    assert!(without.lines().all(|line| line.chars().count() <= 100), "{without}");
    let kinds: Vec<String> = done(&["audit", "export"])
        .json()
        .iter()
        .map(|entry| entry["kind"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds.last().unwrap(), "state_restored");
    assert!(kinds.contains(&"restored_from_copy".to_owned()), "{kinds:?}");
    assert_eq!(done(&["audit", "verify"]).code, 0);

    // What is no trail is said before anything is done.
    std::fs::write(&trail, "{}\n").unwrap();
    let wrong = on(data, &["restored", "--trail", file]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("line 1: no audit record"), "{}", wrong.err);
    assert_eq!(done(&["audit", "export"]).json().len(), kinds.len());
}

#[test]
fn a_folder_that_cannot_be_looked_into_is_not_called_empty() {
    let folder = tempfile::tempdir().unwrap();
    // As good as a folder of another user, also for a test that runs as root.
    std::os::unix::fs::symlink("keys", folder.path().join("keys")).unwrap();
    let ran = on(folder.path(), &["subscriber", "list"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("keys: "), "{}", ran.err);
    assert!(!ran.err.contains("holds no state"), "{}", ran.err);
}

#[test]
fn a_command_that_was_not_told_of_the_server_makes_no_empty_database() {
    let folder = with_alice();
    let data = folder.path();
    // As a service on PostgreSQL leaves its folder.
    for file in ["pushback.db", "pushback.db-wal", "pushback.db-shm"] {
        let _ = std::fs::remove_file(data.join(file));
    }
    std::fs::write(data.join("database"), "postgres://db.example.org/pushback\n").unwrap();
    for args in [
        ["subscriber", "list"].as_slice(),
        &["subscriber", "add", "bob", "--address", "a@b.example", "c@d.example"],
        &["operator", "invite", "kim"],
        &["serve", "--listen", "127.0.0.1:0"],
    ] {
        let ran = on(data, args);
        assert_eq!((ran.code, ran.out.as_str()), (3, ""), "{args:?}");
        for part in ["is in postgres://db.example.org/pushback", "sqlite:pushback.db is asked for"]
        {
            assert!(ran.err.contains(part), "{args:?}: {}", ran.err);
        }
        assert!(ran.err.contains("PUSHBACK_DATABASE"), "{args:?}: {}", ran.err);
    }
    let checked = on(data, &["serve", "--check"]);
    assert_eq!(checked.code, 2, "{}", checked.out);
    // An earlier version left none.
    std::fs::remove_file(data.join("database")).unwrap();
    let ran = on(data, &["subscriber", "list"]);
    assert_eq!(ran.code, 3, "{}", ran.out);
    assert!(ran.err.contains("holds keys, but pushback.db is not there"), "{}", ran.err);
    assert!(!data.join("pushback.db").exists());
}

#[test]
fn a_role_is_changed_only_by_saying_which() {
    let folder = with_alice();
    let role = |more: &[&str]| on(folder.path(), &[&["subscriber", "role", ALICE], more].concat());
    let looked = role(&[]);
    assert_eq!(looked.code, 2, "{}", looked.out);
    assert!(looked.err.contains("--administrator") && looked.err.contains("--member"));
    let shut_out = role(&["--administrator"]);
    assert_eq!(shut_out.code, 3, "{}", shut_out.out);
    assert!(shut_out.err.contains("has no passkey"), "{}", shut_out.err);
    assert_eq!(role(&["--administrator", "--force"]).code, 0);
    let shown = on(folder.path(), &["subscriber", "show", ALICE]).out;
    assert!(shown.starts_with("alice@example.org (administrator)"), "{shown}");
    assert_eq!(role(&["--administrator", "--member"]).code, 2);
}

#[test]
fn a_reset_says_its_number_and_what_the_second_person_types() {
    let folder = with_alice();
    let reset = || on(folder.path(), &["subscriber", "reset", ALICE]);
    let typed = "pushback subscriber reset alice@example.org --confirm ";
    let first = reset();
    assert!(first.out.starts_with("reset ") && first.out.contains(typed), "{}", first.out);
    let number = first.out.split_whitespace().nth(1).unwrap().to_owned();
    let again = reset();
    assert_eq!(again.code, 3, "{}", again.out);
    assert!(again.err.contains(&format!("reset {number} waits already")), "{}", again.err);
    assert!(again.err.contains(&format!("{typed}{number}")), "{}", again.err);
    let shown = on(folder.path(), &["subscriber", "show", ALICE, "--json"]).json();
    assert_eq!(shown[0]["reset"]["id"].to_string(), number);
}

#[test]
fn addresses_are_shown_and_those_that_are_replaced_are_said() {
    let folder = with_alice();
    let shown = on(folder.path(), &["subscriber", "show", ALICE]).out;
    assert!(shown.contains("  notices to a@b.example\n"), "{shown}");
    let add = |last: &[&str]| on(folder.path(), &[&["subscriber", "add"], last].concat());
    let replaced = add(&[ALICE, "--address", "e@f.example", "g@h.example"]).out;
    assert!(replaced.starts_with("replaced: "), "{replaced}");
    for before in ["a@b.example", "c@d.example"] {
        assert!(replaced.contains(before), "{replaced}");
    }
    let swallowed = add(&["--address", "a@b.example", "c@d.example", "carol"]);
    assert_eq!(swallowed.code, 2);
    assert!(swallowed.err.contains("add [OPTIONS] <NAME> --address <MAIL>"), "{}", swallowed.err);
    let wrong = add(&["bob", "--address", "nowhere", "c@d.example"]);
    assert_eq!(wrong.code, 2, "{}", wrong.err);
    assert!(wrong.err.contains("\"nowhere\" is no mail address"), "{}", wrong.err);
}

#[test]
fn what_was_so_already_is_said() {
    let folder = with_alice();
    let done = |verb: &str| {
        let ran = on(folder.path(), &["subscriber", verb, ALICE]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        ran.out
    };
    assert!(done("restore").contains("on already"));
    assert!(done("suspend").starts_with("prompts are stopped"));
    assert!(done("suspend").starts_with("prompts were stopped already, since "));
    let incidents = on(folder.path(), &["incidents"]).out;
    let number = on(folder.path(), &["incidents", "--json"]).json()[0][0]["incident"].to_string();
    assert!(incidents.contains(&format!("incident {number}  reported")), "{incidents}");
    assert!(done("restore").contains("on again"));
}

#[test]
fn a_receipt_that_is_none_is_not_verified() {
    let folder = with_alice();
    let key = folder.path().join("key.jwk");
    std::fs::write(&key, on(folder.path(), &["receipt", "key"]).out).unwrap();
    let (key, file) = (key.to_str().unwrap(), folder.path().join("receipts.txt"));
    std::fs::write(&file, "\n").unwrap();
    for json in [&["--json"][..], &[]] {
        let args = ["receipt", "verify", file.to_str().unwrap(), "--key", key];
        let empty = on(folder.path(), &[&args[..], json].concat());
        assert_eq!((empty.code, empty.out.as_str()), (3, ""));
        assert!(empty.err.contains("holds no receipts"), "{}", empty.err);
    }
    let fed = pushback_fed(&["receipt", "verify", "-", "--key", key], b"no.receipt");
    assert_eq!(fed.code, 3, "{}", fed.out);
    assert!(!fed.err.contains("does not exist"), "{}", fed.err);
}

#[test]
fn a_copy_that_cannot_be_written_says_why() {
    let folder = with_alice();
    let to = |path: &Path| on(folder.path(), &["back-up", path.to_str().unwrap()]).err;
    let there = to(&folder.path().join("keys"));
    assert!(there.contains("keys exists already"), "{there}");
    let nowhere = to(&folder.path().join("none/copy.db"));
    assert!(nowhere.contains("does not exist"), "{nowhere}");
}

#[test]
fn usage_shows_what_can_be_typed_and_nothing_from_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let environment = [("PUSHBACK_SERVE_CONFIG", "serve.toml"), ("PUSHBACK_ORIGIN", "https://x")];
    for (args, shown) in [
        (["subscriber", "show"], "subscriber show <NAME>"),
        (["subscriber", "clock"], "<NAME|--all>"),
        (["authenticator", "answer"], "<CODE|--deny|--report>"),
    ] {
        let ran = service_as(&environment, folder.path(), &args);
        assert_eq!(ran.code, 2);
        assert!(ran.err.contains(shown), "{args:?}: {}", ran.err);
        assert!(!ran.err.contains("--config <FILE>"), "{}", ran.err);
    }
}

#[test]
fn a_phone_on_the_command_line_says_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    for code in ["12", "abcdef", "1234567"] {
        let ran = on(folder.path(), &["authenticator", "answer", code]);
        assert_eq!(ran.code, 2, "{}", ran.out);
        assert!(ran.err.contains("six digits"), "{}", ran.err);
    }
    let key = folder.path().join("phone.json");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let link = format!("http://{free}/app#bind=ABCDEFGH");
    let ran = on(folder.path(), &["authenticator", "--key", key.to_str().unwrap(), "bind", &link]);
    assert_eq!(ran.code, 3, "{}", ran.out);
    assert!(ran.err.to_lowercase().contains("connection refused"), "{}", ran.err);
    assert!(!ran.err.contains("ABCDEFGH"), "{}", ran.err);
}
