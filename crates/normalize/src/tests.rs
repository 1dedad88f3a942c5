use pushback_model::EventKind;

use super::*;
use crate::testing::{kinds, read_all, read_with};

const DUO: &str = r#"{"access_device":{"ip":"203.0.113.7"},"event_type":"authentication","factor":"duo_push","result":"denied","reason":"no_response","timestamp":1769851800,"txid":"t1","user":{"name":"alice"}}"#;
const OKTA: &str = r#"{"actor":{"id":"00u1","type":"User","alternateId":"alice@example.org"},"eventType":"system.push.send_factor_verify_push","outcome":{"result":"SUCCESS"},"published":"2026-01-31T09:30:00.000Z","uuid":"u1"}"#;
const NOTHING: &str = r#"{"actor":{"id":"00u1","type":"User","alternateId":"alice@example.org"},"eventType":"policy.evaluate_sign_on","outcome":{"result":"ALLOW"},"published":"2026-01-31T09:30:00.000Z","uuid":"u2"}"#;

#[test]
fn every_wrapper_comes_off() {
    let text = serde_json::to_string(OKTA).unwrap();
    let twice = serde_json::to_string(&format!("{{\"_raw\":{text}}}")).unwrap();
    for wrapped in [
        format!(r#"{{"version":"0","detail-type":"SystemLog","detail":{OKTA}}}"#),
        format!(r#"{{"eventType":"com.okta.event_hook","data":{{"events":[{OKTA}]}}}}"#),
        format!(r#"{{"records":[{OKTA}]}}"#),
        format!(r#"{{"value":[{OKTA}]}}"#),
        format!(r#"{{"events":[{OKTA}]}}"#),
        format!(r#"{{"Records":[{OKTA}]}}"#),
        format!(r#"{{"activities":[{OKTA}]}}"#),
        format!(r#"{{"entries":[{OKTA}]}}"#),
        format!(r#"{{"_links":{{}},"_embedded":{{"activities":[{OKTA}]}},"size":1}}"#),
        format!(r#"{{"message":"{{\"Records\":[{}]}}"}}"#, OKTA.replace('"', r#"\""#)),
        format!(r#"{{"data":{OKTA}}}"#),
        format!(r#"[{OKTA}]"#),
        format!(r#"{{"preview":false,"result":{{"_raw":{text}}}}}"#),
        format!(r#"{{"time":1769851800,"event":{text}}}"#),
        format!(r#"{{"time":1769851800,"event":{OKTA}}}"#),
        format!(r#"{{"log":{twice}}}"#),
        format!("  {OKTA}\r\n"),
    ] {
        assert_eq!(kinds(&wrapped), [EventKind::PromptSent], "{wrapped}");
    }
    let answer =
        format!(r#"{{"stat":"OK","response":{{"authlogs":[{DUO},{DUO}],"metadata":{{}}}}}}"#);
    assert_eq!(kinds(&answer), [EventKind::PromptTimedOut; 2]);
}

#[test]
fn vendors_may_share_a_wrapper() {
    assert_eq!(
        kinds(&format!("[{OKTA},{NOTHING},{DUO}]")),
        [EventKind::PromptSent, EventKind::PromptTimedOut]
    );
}

#[test]
fn objects_on_one_line_are_read_one_by_one() {
    let both = [EventKind::PromptSent, EventKind::PromptTimedOut];
    for line in [
        format!("{OKTA}{DUO}"),
        format!("{OKTA} {DUO}\r\n"),
        format!(" {OKTA},{DUO},"),
        format!(r#"{{"value":[{OKTA}]}}{{"value":[{NOTHING},{DUO}]}}"#),
        format!("{OKTA}{}{DUO}", NOTHING),
    ] {
        assert_eq!(kinds(&line), both, "{line}");
        assert_eq!(Reader::default().check(line.as_bytes()), Ok(()), "{line}");
    }
    let text = serde_json::to_string(&format!("{OKTA}{DUO}")).unwrap();
    assert_eq!(kinds(&format!(r#"{{"message":{text}}}"#)), both);
    let halves = DUO.replace("alice", r"\ud800");
    assert_eq!(kinds(&format!("{OKTA}{halves}")), both);
    assert_eq!(read_all(&format!("{NOTHING}{NOTHING}")).0, Ok(Read::Ignored(Source::Okta)));
    let (read, events) = read_all(&format!(r#"{OKTA}{{"what":"is this"}}{DUO}"#));
    assert_eq!((read, events.len()), (Err(Reject::Unrecognised), 2));
}

#[test]
fn a_line_that_is_not_objects_throughout_is_refused_as_a_whole() {
    let forged = format!(r#"{{"agent":"x" {OKTA},"b":"y"}}"#);
    let cut = DUO.get(..DUO.len() - 9).unwrap();
    for line in [
        forged,
        format!("{OKTA}{cut}"),
        format!("{OKTA} and {DUO}"),
        format!("{OKTA}}}{DUO}"),
        format!("{OKTA}17"),
    ] {
        let (read, events) = read_all(&line);
        assert!(matches!(read, Err(Reject::Syntax(_))), "{line}: {read:?}");
        assert_eq!(events, [], "{line}");
        assert!(Reader::default().check(line.as_bytes()).is_err(), "{line}");
    }
}

#[test]
fn a_line_that_a_glance_passes_over_is_not_read_after_all() {
    // A glance at the first object cannot see the other vendor's second one.
    let line = format!("{NOTHING}{DUO}");
    let reader = Reader::default();
    assert_eq!(reader.is_ignorable(line.as_bytes()), Some(Source::Okta));
    let read = reader.read(line.as_bytes(), &mut Hint::default(), &mut |_| panic!("an event"));
    assert!(matches!(read, Err(Reject::Syntax(_))));
}

#[test]
fn one_bad_record_in_a_wrapper_is_told_and_the_others_are_read() {
    let (read, events) = read_all(&format!(r#"[{{"what":"is this"}},{OKTA}]"#));
    assert_eq!(read, Err(Reject::Unrecognised));
    assert_eq!(events.len(), 1);
}

#[test]
fn what_cannot_be_read_says_why() {
    let reader = Reader::default();
    let read = |bytes: &[u8]| reader.read(bytes, &mut Hint::default(), &mut |_| {});
    assert_eq!(read(b"{}"), Err(Reject::Unrecognised));
    assert_eq!(read(b"[]"), Ok(Read::Events(0)));
    assert_eq!(read(b"17"), Err(Reject::Unrecognised));
    assert_eq!(read(br#"{"message":"hello"}"#), Err(Reject::Unrecognised));
    assert!(matches!(read(br#"{"uuid":"#), Err(Reject::Syntax(_))));
    assert!(matches!(read(b"hello"), Err(Reject::Syntax(_))));
    assert_eq!(read(b"{\"uuid\":\"\xff\"}"), Err(Reject::Encoding));
    assert_eq!(read("[".repeat(100_000).as_bytes()), Err(Reject::TooDeep));
    assert_eq!(
        read(format!("{}{}", "[".repeat(60), "]".repeat(60)).as_bytes()),
        Err(Reject::Unrecognised)
    );
    assert_eq!(read(&vec![b' '; RECORD_BYTES_MAX + 1]), Err(Reject::TooLong));
    let broken = OKTA.replace("2026-01-31T09:30:00.000Z", "yesterday");
    assert_eq!(
        read(broken.as_bytes()),
        Err(Reject::Incomplete { vendor: Source::Okta, missing: "published" })
    );
}

#[test]
fn a_check_looks_where_reading_does_not() {
    let reader = Reader::default();
    let record = OKTA.replace(r#""uuid""#, r#""request":{"ipChain":[nonsense]},"uuid""#);
    assert_eq!(kinds(&record), [EventKind::PromptSent]);
    assert!(matches!(reader.check(record.as_bytes()), Err(Reject::Syntax(_))));
    assert_eq!(reader.check(OKTA.as_bytes()), Ok(()));
}

#[test]
fn the_prefilter_skips_what_is_known_to_say_nothing() {
    let reader = Reader::default();
    assert_eq!(reader.is_ignorable(NOTHING.as_bytes()), Some(Source::Okta));
    let spaced = NOTHING.replace(r#""eventType":"#, r#""eventType" : "#);
    assert_eq!(reader.is_ignorable(spaced.as_bytes()), Some(Source::Okta));
}

#[test]
fn the_prefilter_never_skips_a_line_that_holds_an_event() {
    let reader = Reader::default();
    let sent = r#""eventType":"system.push.send_factor_verify_push""#;
    for line in [
        OKTA.to_owned(),
        DUO.to_owned(),
        // A second key, the last of which counts; the same behind escapes.
        NOTHING.replace(r#""uuid""#, &format!("{sent},\"uuid\"")),
        NOTHING
            .replace(r#""uuid""#, &format!("{},\"uuid\"", sent.replace("eventT", "event\\u0054"))),
        NOTHING.replace("policy.evaluate_sign_on", r"system.push.send_factor_verify_pus\u0068"),
        NOTHING.replace("policy.evaluate_sign_on", r"policy.evaluate_sign_on\/"),
        // Two records in one line, in every nesting.
        format!("[{NOTHING},{OKTA}]"),
        format!("[{NOTHING},{DUO}]"),
        format!(r#"{{"records":[{NOTHING},{DUO}]}}"#),
        format!(r#"{{"a":{},"_raw":{}}}"#, NOTHING, serde_json::to_string(OKTA).unwrap()),
        NOTHING.replace("policy.evaluate_sign_on", "user.telepathy.start"),
        NOTHING.replace(r#""eventType":"policy.evaluate_sign_on""#, r#""eventType":17"#),
    ] {
        assert_eq!(reader.is_ignorable(line.as_bytes()), None, "{line}");
    }
}

#[test]
fn a_policy_can_give_a_type_a_meaning() {
    let mapping: Mapping = toml::from_str(
        "[okta.events]\n\"policy.evaluate_sign_on\" = \"challenge_required\"\n\"user.telepathy.start\" = \"prompt_sent\"",
    )
    .unwrap();
    let reader = Reader::new(mapping);
    let kinds = |record: &str| {
        read_with(&reader, record).1.iter().map(|event| event.kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds(NOTHING), [EventKind::ChallengeRequired]);
    let telepathy = NOTHING.replace("policy.evaluate_sign_on", "user.telepathy.start");
    assert_eq!(kinds(&telepathy), [EventKind::PromptSent]);
    assert_eq!(
        read_all(&telepathy).0,
        Ok(Read::Unknown(Source::Okta, "user.telepathy.start".to_owned()))
    );
    assert!(toml::from_str::<Mapping>("[okta]\nevent = 1").is_err());
}
