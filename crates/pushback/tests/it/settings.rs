//! `config check`: every problem at once, in the words of the file.

use crate::run::{Ran, file, folder, pushback, service, service_as};

fn check(name: &str, text: &str) -> Ran {
    pushback(["config", "check", file(name, text).to_str().unwrap()])
}

#[test]
fn unknown_keys_and_wrong_types_are_told_together() {
    let ran = check(
        "settings-many",
        "odd = 1\n[detection.thresholds]\nexposed = \"low\"\nbombing = 1e308\n\
         [detection.networks]\nquiet = \"10.0.0.0/8\"\n[detection.windows]\nwatch_hours = -1\n",
    );
    assert_eq!(ran.code, 2);
    for part in [
        "log.jsonl:1:1: unknown field `odd`",
        "log.jsonl:3:11: expected a number, found the text \"low\"",
        "log.jsonl:6:9: expected a list in brackets",
        "log.jsonl:8:15: expected a whole number",
        "thresholds.bombing is 1e308 but must be between",
    ] {
        assert!(ran.err.contains(part), "{part}: {}", ran.err);
    }
    for rust in ["f64", "u32", "sequence"] {
        assert!(!ran.err.contains(rust), "{rust}: {}", ran.err);
    }
}

#[test]
fn a_mapping_that_no_record_can_match_is_refused() {
    let ran = check(
        "settings-mapping",
        "[mapping.keycloak]\npush_markers = [\"\"]\n\
         [mapping.onelogin.events]\nabc = \"prompt_sent\"\n\
         [mapping.okta.events]\n\"\" = \"prompt_sent\"\n",
    );
    assert_eq!(ran.code, 2, "{}", ran.out);
    for part in ["push_markers holds an empty text", "holds `abc`", "mapping.okta.events holds an"]
    {
        assert!(ran.err.contains(part), "{part}: {}", ran.err);
    }
}

#[test]
fn a_check_says_which_kind_of_file_it_checked() {
    let policy = check("settings-policy", &pushback(["config", "example"]).out);
    assert!(policy.out.contains("fine, as a policy of `pushback scan`"), "{}", policy.out);
    let serve = include_str!("../../../../pushback-serve.example.toml");
    let serve = check("settings-serve", serve);
    assert!(serve.out.contains("fine, as settings of `pushback serve`"), "{}", serve.out);
}

#[test]
fn networks_that_no_single_owner_has_are_a_warning() {
    let wide = check(
        "settings-wide",
        "[detection.networks]\nquiet = [\"0.0.0.0/0\", \"::/0\"]\negress = [\"0.0.0.0/1\"]\n",
    );
    assert_eq!(wide.code, 0);
    for network in ["`0.0.0.0/0`", "`::/0`", "`0.0.0.0/1`"] {
        assert!(wide.err.contains(network), "{network}: {}", wide.err);
    }
    assert!(wide.err.contains("wider than any network of one owner"), "{}", wide.err);
    assert_eq!(check("settings-own", "[detection.networks]\nquiet = [\"10.0.0.0/8\"]\n").err, "");
}

/// All that serve would stumble over, said before it starts.
#[test]
fn a_check_opens_what_it_can_and_changes_nothing() {
    let folder = folder("settings-files");
    let file = folder.join("serve.toml");
    for (name, text) in [("garbage.pem", "garbage"), ("plain.txt", "no program"), ("odd.mmdb", "?")]
    {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let text = "[service]\n\
                name = \"\"\n\
                database = \"mysql://pb:SECRET@host/x\"\n\
                data = \"data\"\n\
                [tls]\n\
                certificate = \"none.pem\"\n\
                key = \"garbage.pem\"\n\
                [tables]\n\
                places = \"none.mmdb\"\n\
                networks = \"odd.mmdb\"\n\
                hosting = \"none.txt\"\n\
                [passwords]\n\
                local = \"none\"\n\
                upstream = \"ftp://x\"\n\
                [push]\n\
                contact = \"bob\"\n\
                [notices]\n\
                sendmail = \"plain.txt\"\n";
    std::fs::write(&file, text.replace("plain.txt", folder.join("plain.txt").to_str().unwrap()))
        .unwrap();
    let file = file.to_str().unwrap();
    let serve = pushback(["serve", "--check", "--config", file]);
    for ran in [pushback(["config", "check", file]), serve] {
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
        for part in [
            "serve.toml:2:8: the name is empty",
            "serve.toml:3:12: mysql:// is not known",
            "serve.toml:6:15: ",
            "none.pem: does not exist",
            "serve.toml:7:7: ",
            "garbage.pem holds no private key",
            "serve.toml:9:10: ",
            "serve.toml:10:12: ",
            "serve.toml:11:11: ",
            "serve.toml:13:9: ",
            "serve.toml:14:12: the upstream must be an https address",
            "serve.toml:16:11: the contact for push services must be",
            "serve.toml:18:12: ",
            "plain.txt is no program that can be run",
        ] {
            assert!(ran.err.contains(part), "{part}: {}", ran.err);
        }
    }
    assert!(!folder.join("data").exists());
}

#[test]
fn an_address_of_a_database_that_is_mistyped_is_refused_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    for address in [
        "postgress://pb:SECRET@host/x",
        "postgres:/pb:SECRET@host/x",
        "pb:SECRET@host/x",
        "sqlite://pb:SECRET@host/x",
        "postgres://pb:SECRET@host:port/x",
    ] {
        for args in [["subscriber", "list"], ["serve", "--check"]] {
            let by_option = service(folder.path(), &[&args[..], &["--database", address]].concat());
            let environment = [("PUSHBACK_DATABASE", address)];
            let by_environment = service_as(&environment, folder.path(), &args);
            for ran in [by_option, by_environment] {
                assert_eq!(ran.code, 2, "{address}: {}", ran.err);
                assert!(!ran.err.contains("SECRET"), "{}", ran.err);
                assert!(ran.err.to_lowercase().contains("postgres"), "{address}: {}", ran.err);
            }
        }
    }
    let none = service(folder.path(), &["serve", "--check", "--database", ""]);
    assert_eq!(none.code, 2, "{}", none.out);
    let fine = service(folder.path(), &["serve", "--check", "--database", "foo.db"]);
    assert_eq!(fine.code, 0, "{}", fine.err);
}

#[test]
fn a_value_is_told_once_and_repeated_with_an_example() {
    let ran = check(
        "settings-values",
        "[service]\nlisten = \"localhost:99\"\ntrusted_proxies = [\"::1/128\", \"proxy\"]\n\
         [policy.budget]\nper_ten_minutes = 11\n",
    );
    assert_eq!(ran.code, 2, "{}", ran.out);
    for part in [
        "log.jsonl:2:10: `localhost:99` is no address with a port, such as 127.0.0.1:8420",
        "log.jsonl:3:19: `proxy` is no network, such as 10.0.0.0/8",
    ] {
        assert!(ran.err.contains(part), "{part}: {}", ran.err);
    }
    assert_eq!(ran.err.matches("log.jsonl:5:").count(), 1, "{}", ran.err);
}
