use pushback_verify::{Act, Notes, Notice, OperatorId, Reason};

use crate::testing::{
    ALICE, Bench, PasskeyHolder, Phone, Remembered, bench, bound, code, operator, secret,
};
use crate::{AppError, DecisionView, Restored, SaidBy, recheck};

fn console() -> OperatorId {
    OperatorId::parse("console:root").unwrap()
}

async fn put_back(bench: &Bench) -> Restored {
    bench.app.after_restore(&console(), &operator("console:root")).await.unwrap()
}

/// Whom a notice of it went to.
async fn told(bench: &Bench) -> usize {
    let outside = Remembered::default();
    while bench.app.work(&outside).await.unwrap() > 0 {}
    let told = outside.told.into_inner().unwrap();
    let is_it = |act: &Act| matches!(act, Act::Notify { notice: Notice::RestoredFromCopy, .. });
    told.iter().filter(|notice| is_it(&notice.act)).count()
}

#[tokio::test]
async fn after_a_restore_nothing_that_may_have_been_used_counts() {
    let (bench, phone) = Bench::with_phone().await;
    let browser = bench.sign_in(&phone, None).await;
    let right = super::passkeys::right(&bench, &phone).await;
    let codes = bench.app.draw_recovery_codes(&phone.ask(&bench.app).await, &right).await.unwrap();
    assert!(!codes.is_empty());
    let invited = bench.app.invite_own_phone(&phone.ask(&bench.app).await, &right).await.unwrap();
    let open = bench.start(Some(browser.clone())).await;
    let invitation = bench.app.invite_operator(&console(), "sam").await.unwrap();
    let invitation = invitation.split('#').nth(1).unwrap().to_owned();
    let last = bench.app.now();
    bench.clock.forward_s(5);

    let restored = put_back(&bench).await;
    assert_eq!(restored.copied_at, Some(last));
    assert_eq!((restored.subscribers, restored.prompts, restored.codes), (1, 1, 1));
    assert_eq!((restored.devices, restored.invitations), (1, 1));
    assert_eq!(restored.recovery_codes_of, [ALICE]);
    assert!(restored.attempts >= 3, "{restored:?}");
    assert_eq!(restored.bound[ALICE].len(), 1);

    // The prompt, its sign-in and its page.
    let said = phone.say(&bench.app, SaidBy::Confirm(code(&open))).await;
    assert!(matches!(said, Err(AppError::NotFound)), "{said:?}");
    let looked =
        bench.app.attempt(&bench.party, &open.id, None, std::time::Duration::ZERO).await.err();
    assert!(matches!(looked, Some(AppError::NotFound)), "{looked:?}");
    let page = bench.app.page(&secret(&open), None, std::time::Duration::ZERO).await;
    assert!(page.is_err());
    // The binding code, the right to bind, and the invitation.
    let bound = bench.app.bind_phone(&Phone::new().binding(&invited.secret, None)).await;
    assert!(matches!(bound, Err(AppError::Refused(Reason::WrongProof))));
    assert!(bench.app.invite_own_phone(&phone.ask(&bench.app).await, &right).await.is_err());
    let begun = bench.app.begin_operator(&invitation).await;
    assert!(matches!(begun, Err(AppError::Unauthenticated)));
    // The browser that was known, and the saved codes.
    assert!(bench.app.sessions(&phone.ask(&bench.app).await).await.unwrap().is_empty());
    let view = bench.app.subscriber(ALICE).await.unwrap();
    assert_eq!(view.authenticators.len(), 1);
    // What is bound answers.
    let started = bench.start(Some(browser)).await;
    assert!(matches!(started.decision, DecisionView::Prompt { .. }));
    phone.say(&bench.app, SaidBy::Confirm(code(&started))).await.unwrap();
    let trail = bench.app.audit("main", 0).await.unwrap();
    let kinds: Vec<&str> = trail.iter().map(|entry| &*entry.kind).collect();
    assert!(kinds.contains(&"restored_from_copy") && kinds.contains(&"state_restored"));
}

#[tokio::test]
async fn after_a_restore_administrators_sign_in_again() {
    let bench = bench().await;
    let (holder, _): (PasskeyHolder, _) = super::operators::enrolled(&bench).await;
    let (ceremony, options) = bench.app.begin_operator_sign_in().await.unwrap();
    let credential = holder.use_it(&options).await;
    let cookie = bench.app.finish_operator_sign_in(&ceremony, &credential).await.unwrap();
    assert!(bench.app.operator_session(&cookie).await.is_ok());
    assert_eq!(put_back(&bench).await.sessions, 1);
    assert!(bench.app.operator_session(&cookie).await.is_err());
}

#[tokio::test]
async fn a_restore_is_told_once_however_often_the_command_runs() {
    let (bench, phone) = Bench::with_phone().await;
    let _ = bound(&bench.app, "bob@example.org").await;
    told(&bench).await;
    let last = bench.app.now();
    bench.clock.forward_s(1);
    assert_eq!(put_back(&bench).await.copied_at, Some(last));
    assert_eq!(told(&bench).await, 4, "two people with two addresses");
    bench.clock.forward_s(1);
    let again = put_back(&bench).await;
    assert_eq!((again.copied_at, again.subscribers), (Some(last), 2));
    assert_eq!((again.prompts, again.codes, again.devices, again.attempts), (0, 0, 0, 0));
    assert_eq!(told(&bench).await, 0);
    // Something has happened: the next restore is another one.
    bench.sign_in(&phone, None).await;
    put_back(&bench).await;
    assert_eq!(told(&bench).await, 2);
}

#[tokio::test]
async fn an_exported_trail_tells_what_is_to_be_done_again() {
    let (bench, phone) = Bench::with_phone().await;
    let before = bench.app.audit("main", 0).await.unwrap();
    // What happens after the copy, and is in the export alone.
    bench.clock.forward_s(60);
    bench.start(None).await;
    phone.say(&bench.app, SaidBy::Report(Notes::default())).await.unwrap();
    bench.app.delete_relying_party(&console(), &bench.party.id).await.unwrap();
    let trail = bench.app.audit("main", 0).await.unwrap();
    let at = |entry: &crate::Recorded| entry.body["at"].as_str().unwrap().parse().ok();
    let mut restored = put_back(&bench).await;
    restored.copied_at = before.last().and_then(at);
    let found = recheck(&trail, &restored);
    let commands: Vec<_> = found.iter().filter_map(|undone| undone.command.as_deref()).collect();
    let deleted = format!("relying-party delete {}", bench.party.id);
    assert_eq!(commands, ["subscriber suspend alice@example.org", &deleted]);
    // Of before the copy there is nothing to be done.
    assert!(recheck(&before, &restored).is_empty());
    // Nor is what the copy does not hold.
    restored.bound.clear();
    let untied = entry("invalidated", ALICE, serde_json::json!({ "authenticator": 1 }));
    assert!(recheck(&[untied], &restored).is_empty());
}

/// An entry of an exported trail, of long after the copy.
fn entry(kind: &str, subject: &str, details: serde_json::Value) -> crate::Recorded {
    let body = serde_json::json!({ "at": "2030-01-01T00:00:00Z", "details": details });
    let entry = serde_json::json!({ "chain": "main", "seq": 1, "hash": "", "kind": kind,
        "subject": subject, "body": body });
    serde_json::from_value(entry).unwrap()
}

#[test]
fn keys_that_had_leaked_before_the_copy_was_put_back_are_replaced_again() {
    let entries = ["keys_replaced", "keys_renewed"]
        .map(|kind| entry(kind, "service", serde_json::json!({ "kid": "x" })));
    let found = recheck(&entries, &Restored::default());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].command.as_deref(), Some("keys renew --leaked"));
}

#[test]
fn a_name_that_is_none_makes_no_command() {
    for (subject, has_one) in [(ALICE, true), ("x; reboot", false), ("$(x)", false), ("-x", false)]
    {
        let found =
            recheck(&[entry("reported", subject, serde_json::json!({}))], &Restored::default());
        assert_eq!(found.len(), 1, "{subject}");
        assert_eq!(found[0].command.is_some(), has_one, "{subject}");
    }
}
