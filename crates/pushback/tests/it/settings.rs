//! `config check`: every problem at once, in the words of the file.

use crate::run::{Ran, file, pushback};

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
