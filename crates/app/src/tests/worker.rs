use pushback_store::{Answer, Change, Commit, OutboxRow};
use pushback_verify::{Act, Notes};

use crate::testing::{ALICE, Bench, Remembered, bench, operator};
use crate::{AttemptState, PushSubscription, SaidBy};

fn subscription() -> PushSubscription {
    PushSubscription {
        endpoint: "https://push.example/1".to_owned(),
        p256dh: "p".to_owned(),
        auth: "a".to_owned(),
    }
}

#[tokio::test]
async fn a_ring_leaves_once_after_its_commit() {
    let (bench, phone) = Bench::with_phone().await;
    let push = Some(subscription());
    bench.app.set_push(&phone.ask(&bench.app).await, push).await.unwrap();
    let outside = Remembered::default();
    bench.app.work(&outside).await.unwrap();
    assert!(outside.woken.lock().unwrap().is_empty());
    bench.start(None).await;
    while bench.app.work(&outside).await.unwrap() > 0 {}
    let woken = outside.woken.lock().unwrap().clone();
    assert_eq!(woken.len(), 1);
    assert_eq!(woken[0].0, "https://push.example/1");
}

#[tokio::test]
async fn a_ring_that_may_have_left_is_not_sent_again() {
    let (bench, phone) = Bench::with_phone().await;
    bench.app.set_push(&phone.ask(&bench.app).await, Some(subscription())).await.unwrap();
    bench.start(None).await;
    // A node takes the ring, and dies before it can say what became of it.
    let lease = pushback_model::Span::seconds(60);
    let taken = bench.app.store().claim("acts", bench.app.now(), lease, 10).await.unwrap();
    assert!(!taken.is_empty());
    bench.clock.forward_s(61);
    let outside = Remembered::default();
    while bench.app.work(&outside).await.unwrap() > 0 {}
    assert!(outside.woken.lock().unwrap().is_empty());
    assert!(
        bench.app.prompts(&phone.ask(&bench.app).await).await.unwrap().open.is_some(),
        "it still shows in the app"
    );
}

#[tokio::test]
async fn a_ring_that_a_push_service_did_not_take_is_tried_again() {
    let (bench, phone) = Bench::with_phone().await;
    bench.app.set_push(&phone.ask(&bench.app).await, Some(subscription())).await.unwrap();
    bench.start(None).await;
    let busy = Remembered { is_busy: true, ..Remembered::default() };
    bench.app.work(&busy).await.unwrap();
    assert_eq!(busy.woken.lock().unwrap().len(), 1);
    bench.clock.forward_s(30);
    let outside = Remembered::default();
    while bench.app.work(&outside).await.unwrap() > 0 {}
    assert_eq!(outside.woken.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_ring_that_may_have_been_taken_is_not_tried_again() {
    let (bench, phone) = Bench::with_phone().await;
    bench.app.set_push(&phone.ask(&bench.app).await, Some(subscription())).await.unwrap();
    bench.start(None).await;
    let silent = Remembered { is_silent: true, ..Remembered::default() };
    for _ in 0..8 {
        while bench.app.work(&silent).await.unwrap() > 0 {}
        bench.clock.forward_s(10);
    }
    assert_eq!(silent.woken.lock().unwrap().len(), 1);
    let dead = bench.app.store().list_dead(9).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].last_error, "it may have rung: 504");
}

#[tokio::test]
async fn a_ring_that_comes_too_late_does_not_leave() {
    let (bench, phone) = Bench::with_phone().await;
    bench.app.set_push(&phone.ask(&bench.app).await, Some(subscription())).await.unwrap();
    bench.start(None).await;
    bench.clock.forward_s(90);
    let outside = Remembered::default();
    while bench.app.work(&outside).await.unwrap() > 0 {}
    assert!(outside.woken.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_ring_for_what_is_over_does_not_leave() {
    let (bench, phone) = Bench::with_phone().await;
    bench.app.set_push(&phone.ask(&bench.app).await, Some(subscription())).await.unwrap();
    let given_up = bench.start(None).await;
    bench.app.cancel_attempt(&bench.party, &given_up.id).await.unwrap();
    let outside = Remembered::default();
    while bench.app.work(&outside).await.unwrap() > 0 {}
    assert!(outside.woken.lock().unwrap().is_empty());
    assert_eq!(bench.app.store().outbox().await.unwrap().dead, 0, "nothing failed");
    // The owner's own browser takes the place of a prompt whose ring has not left: one ring, for both.
    let browser = bench.sign_in(&phone, None).await;
    bench.start(None).await;
    bench.start(Some(browser)).await;
    while bench.app.work(&outside).await.unwrap() > 0 {}
    assert_eq!(outside.woken.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_subscription_that_is_gone_is_forgotten() {
    let (bench, phone) = Bench::with_phone().await;
    bench.app.set_push(&phone.ask(&bench.app).await, Some(subscription())).await.unwrap();
    let outside = Remembered { is_gone: true, ..Remembered::default() };
    for _ in 0..2 {
        let started = bench.start(None).await;
        while bench.app.work(&outside).await.unwrap() > 0 {}
        bench.app.cancel_attempt(&bench.party, &started.id).await.unwrap();
    }
    assert_eq!(outside.woken.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn silence_is_written_down_without_anybody_asking() {
    let (bench, _phone) = Bench::with_phone().await;
    let started = bench.start(None).await;
    let outside = Remembered::default();
    bench.clock.forward_s(90);
    while bench.app.work(&outside).await.unwrap() > 0 {}
    let from = bench.app.now() - pushback_model::Span::hours(1);
    let trail = bench.app.audit_about(ALICE, from).await.unwrap();
    let ended = trail.iter().find(|entry| entry.kind == "prompt_ended").unwrap();
    assert_eq!(ended.body["details"]["end"], "expired");
    assert_eq!(ended.body["event"]["kind"], "prompt_timed_out");
    assert_eq!(bench.look(&started.id).await.state, AttemptState::Expired);
}

/// Whoever takes the addresses over is seen by those who lose them, also if the mailer is late.
#[tokio::test]
async fn the_old_address_is_mailed_about_the_change() {
    let bench = bench().await;
    let set = async |addresses: [&str; 2]| {
        let addresses = addresses.map(str::to_owned);
        bench.app.set_addresses(operator("sam"), ALICE, &addresses).await.unwrap();
    };
    let (old, new) = (["alice@home.example", "alice@work.example"], ["x@x.example", "y@x.example"]);
    set(old).await;
    let outside = Remembered::default();
    while bench.app.work(&outside).await.unwrap() > 0 {}
    outside.told.lock().unwrap().clear();
    set(new).await;
    set(["z@z.example", "y@x.example"]).await;
    while bench.app.work(&outside).await.unwrap() > 0 {}
    let told = outside.told.lock().unwrap();
    let to: std::collections::BTreeSet<&str> =
        told.iter().filter_map(|notice| notice.to.as_deref()).collect();
    assert_eq!(to, [old[0], old[1], new[0], new[1], "z@z.example"].into());
}

#[tokio::test]
async fn an_address_that_took_its_notice_is_not_mailed_again_for_another() {
    let (bench, _phone) = Bench::with_phone().await;
    let down = Remembered { is_down: "two@example.net", ..Remembered::default() };
    for _ in 0..3 {
        while bench.app.work(&down).await.unwrap() > 0 {}
        bench.clock.forward_s(60);
    }
    let outside = Remembered::default();
    while bench.app.work(&outside).await.unwrap() > 0 {}
    let mails = |outside: &Remembered, to: &str| {
        let told = outside.told.lock().unwrap();
        let mut keys: Vec<_> = told
            .iter()
            .filter(|notice| notice.to.as_deref() == Some(to))
            .map(|notice| notice.key.clone())
            .collect();
        let all = keys.len();
        keys.sort();
        keys.dedup();
        (all, keys.len())
    };
    // The addresses and the phone.
    assert_eq!(mails(&down, "one@example.com"), (2, 2), "each once");
    assert_eq!(mails(&down, "two@example.net"), (6, 2), "tried again under the same keys");
    assert_eq!(mails(&outside, "one@example.com"), (0, 0));
    assert_eq!(mails(&outside, "two@example.net"), (2, 2));
}

/// Rows that were committed before an update.
#[tokio::test]
async fn a_notice_that_an_earlier_release_left_for_all_addresses_is_told_to_each() {
    let (bench, _phone) = Bench::with_phone().await;
    let outside = Remembered::default();
    while bench.app.work(&outside).await.unwrap() > 0 {}
    let told = std::mem::take(&mut *outside.told.lock().unwrap());
    let to: std::collections::BTreeSet<_> = told
        .iter()
        .filter_map(|notice| match &notice.act {
            Act::Notify { to, .. } => to.first().map(ToString::to_string),
            _ => None,
        })
        .collect();
    assert_eq!(to.len(), 2);
    let act = serde_json::json!({ "act": "notify", "notice": { "notice": "recovered" }, "to": to });
    let payload = serde_json::json!({ "subscriber": ALICE, "act": act }).to_string().into_bytes();
    let (key, topic) = ("alice@example.org/9/e1".to_owned(), "notices".to_owned());
    let row = OutboxRow { key, topic, payload, due_at: bench.app.now() };
    let change = Change::at(bench.app.now()).effect(row);
    assert!(matches!(bench.app.store().commit(change).await.unwrap(), Commit::Committed(_)));
    while bench.app.work(&outside).await.unwrap() > 0 {}
    let told = outside.told.into_inner().unwrap();
    let mut to: Vec<_> = told.iter().map(|n| (n.to.as_deref().unwrap(), &*n.key)).collect();
    to.sort_by_key(|(_, key)| *key);
    let keys: Vec<&str> = to.iter().map(|(_, key)| *key).collect();
    assert_eq!(keys, ["alice@example.org/9/e1/0", "alice@example.org/9/e1/1"]);
    to.sort_unstable();
    assert!(to[0].0 == "one@example.com" && to[1].0 == "two@example.net", "{to:?}");
    assert_eq!(bench.app.store().outbox().await.unwrap().waiting, 0);
}

#[tokio::test]
async fn a_report_tells_both_addresses_and_the_relying_parties() {
    let (bench, phone) = Bench::with_phone().await;
    bench.start(None).await;
    phone.say(&bench.app, SaidBy::Report(Notes::default())).await.unwrap();
    let outside = Remembered::default();
    while bench.app.work(&outside).await.unwrap() > 0 {}
    let told = outside.told.lock().unwrap();
    let about = |act: fn(&Act) -> bool| told.iter().filter(|n| act(&n.act)).count();
    assert_eq!(about(|act| matches!(act, Act::BurnPassword)), 1);
    assert_eq!(about(|act| matches!(act, Act::OpenIncident { .. })), 1);
    let notices = told.iter().filter(|notice| {
        matches!(&notice.act, Act::Notify { notice: pushback_verify::Notice::Reported, .. })
    });
    let mut to: Vec<&str> = notices.filter_map(|notice| notice.to.as_deref()).collect();
    to.sort_unstable();
    assert_eq!(to, ["one@example.com", "two@example.net"]);
}

#[tokio::test]
async fn the_trail_holds_the_signature_and_no_code() {
    let (bench, phone) = Bench::with_phone().await;
    let started = bench.start(None).await;
    let code = crate::testing::code(&started);
    phone.say(&bench.app, SaidBy::Confirm(code.clone())).await.unwrap();
    let trail = bench.app.audit("main", 0).await.unwrap();
    let text = serde_json::to_string(&trail).unwrap();
    assert!(!text.contains(&code));
    let ended = trail.iter().find(|entry| entry.kind == "prompt_ended").unwrap();
    assert_eq!(ended.body["signed"]["authenticator"], phone.id);
    assert_eq!(ended.body["signed"]["said"], "confirm");
    let checked = bench.app.store().verify_audit(None, &[]).await.unwrap();
    assert!(format!("{checked:?}").contains("main"));
}

#[tokio::test]
async fn a_receipt_proves_the_answer_without_the_service() {
    let (bench, phone) = Bench::with_phone().await;
    let started = bench.start(None).await;
    phone.say(&bench.app, SaidBy::Confirm(crate::testing::code(&started))).await.unwrap();
    let receipts = bench.app.receipts(&bench.party, &started.id).await.unwrap();
    let key = bench.receipt_key();
    let said: Vec<_> =
        receipts.iter().map(|token| key.verify_receipt(token).unwrap().said).collect();
    assert_eq!(said.iter().map(|said| &said["what"]).collect::<Vec<_>>(), ["asked", "verified"]);
    for token in &receipts {
        let receipt = key.verify_receipt(token).unwrap();
        assert_eq!(receipt.said["subscriber"], ALICE);
        assert_eq!(receipt.said["attempt"], *started.id);
        let trail = bench.app.audit("main", 0).await.unwrap();
        let hash: String = receipt.hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(trail.iter().any(|entry| entry.hash == hash));
        let mut forged = token.clone().into_bytes();
        let at = forged.len() / 2;
        forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
        assert!(key.verify_receipt(&String::from_utf8(forged).unwrap()).is_err());
    }
}

#[tokio::test]
async fn the_tick_of_an_answered_prompt_goes_with_the_answer() {
    let (bench, phone) = Bench::with_phone().await;
    let outside = Remembered::default();
    while bench.app.work(&outside).await.unwrap() > 0 {}
    bench.start(None).await;
    assert_eq!(bench.app.store().outbox().await.unwrap().waiting, 2, "a ring and a tick");
    while bench.app.work(&outside).await.unwrap() > 0 {}
    assert!(phone.say(&bench.app, SaidBy::Deny).await.is_ok());
    let key = pushback_store::Key::new("subscriber", ALICE).unwrap();
    let version = async || bench.app.store().load(&key).await.unwrap().unwrap().version;
    let before = version().await;
    bench.clock.forward_s(90);
    while bench.app.work(&outside).await.unwrap() > 0 {}
    assert_eq!(version().await, before);
    assert_eq!(bench.app.store().outbox().await.unwrap().waiting, 0);
}

#[tokio::test]
async fn a_ring_comes_from_memory_and_its_row_goes_with_the_next_commit() {
    let (bench, phone) = Bench::with_phone().await;
    bench.app.set_push(&phone.ask(&bench.app).await, Some(subscription())).await.unwrap();
    let outside = Remembered::default();
    while bench.app.work(&outside).await.unwrap() > 0 {}
    let started = bench.start(None).await;
    // Nobody else gets it.
    let lease = pushback_model::Span::seconds(60);
    let store = bench.app.store();
    assert!(store.claim("acts", bench.app.now(), lease, 10).await.unwrap().is_empty());
    assert_eq!(bench.app.work(&outside).await.unwrap(), 1);
    assert_eq!(outside.woken.lock().unwrap().len(), 1);
    assert_eq!(store.outbox().await.unwrap().waiting, 2, "a ring that left and a tick");
    phone.say(&bench.app, SaidBy::Confirm(crate::testing::code(&started))).await.unwrap();
    assert_eq!(store.outbox().await.unwrap().waiting, 0);
}

#[tokio::test]
async fn the_row_of_a_ring_that_left_does_not_wait_for_long() {
    let (bench, phone) = Bench::with_phone().await;
    bench.app.set_push(&phone.ask(&bench.app).await, Some(subscription())).await.unwrap();
    let outside = Remembered::default();
    let waiting = async || bench.app.store().outbox().await.unwrap().waiting;
    for stops in [false, true] {
        let started = bench.start(None).await;
        while bench.app.work(&outside).await.unwrap() > 0 {}
        assert_eq!(waiting().await, 2, "a ring that left and a tick");
        if stops {
            bench.app.forget_what_left().await.unwrap();
        } else {
            bench.clock.forward_s(1);
            bench.app.work(&outside).await.unwrap();
        }
        assert_eq!(waiting().await, 1);
        bench.app.cancel_attempt(&bench.party, &started.id).await.unwrap();
    }
}

#[tokio::test]
async fn a_ring_of_a_node_that_stopped_before_it_rang_is_given_up() {
    let (bench, phone) = Bench::with_phone().await;
    bench.app.set_push(&phone.ask(&bench.app).await, Some(subscription())).await.unwrap();
    let outside = Remembered::default();
    while bench.app.work(&outside).await.unwrap() > 0 {}
    bench.start(None).await;
    // The lease ends while the effect waits in memory: it is anybody's, and may have been done.
    bench.clock.forward_s(61);
    while bench.app.work(&outside).await.unwrap() > 0 {}
    assert!(outside.woken.lock().unwrap().is_empty());
    assert_eq!(bench.app.store().outbox().await.unwrap().dead, 1);
}

#[tokio::test]
async fn a_sweep_goes_on_until_nothing_is_left() {
    let bench = bench().await;
    let (store, now) = (bench.app.store(), bench.app.now());
    let expires_at = now + pushback_model::Span::seconds(60);
    let kept = (0..2_100).map(|n| {
        let (request_key, request_digest, body) = (format!("a{n}"), [0; 32], Vec::new());
        let answer = Answer { request_key, request_digest, body, expires_at };
        store.commit(Change::at(now).answer(answer))
    });
    for commit in futures_util::future::join_all(kept).await {
        assert!(matches!(commit.unwrap(), Commit::Committed(_)));
    }
    bench.clock.forward_s(60);
    bench.app.sweep().await.unwrap();
    assert_eq!(store.sweep(bench.app.now()).await.unwrap().answers, 0);
}

#[tokio::test]
async fn what_cannot_be_read_keeps_nothing_else_from_being_swept() {
    let (bench, phone) = Bench::with_phone().await;
    let right = super::passkeys::right(&bench, &phone).await;
    // A binding that nobody ends, and attempts.
    bench.app.begin_own_passkey(&phone.ask(&bench.app).await, &right).await.unwrap();
    bench.start(None).await;
    let store = bench.app.store();
    for kind in ["operator-session", "attempt", "registration"] {
        // First of its kind.
        let bad = pushback_store::Key::new(kind, "!").unwrap();
        let made = Change::at(bench.app.now()).create(bad, b"{".to_vec());
        assert!(matches!(store.commit(made).await.unwrap(), Commit::Committed(_)));
    }
    let left = async |kind| store.list(kind, None, 9).await.unwrap().documents.len();
    assert!(left("attempt").await > 1 && left("registration").await == 2);
    bench.clock.forward_s(25 * 3_600);
    assert!(bench.app.sweep().await.is_err(), "they are told of");
    assert_eq!((left("attempt").await, left("registration").await), (1, 1));
}

/// A day of attempts is not read to find the few that are over.
#[tokio::test]
async fn a_sweep_of_attempts_reads_what_is_due_and_little_else() {
    let (bench, _phone) = Bench::with_phone().await;
    let store = bench.app.store();
    let key = |id: &str| pushback_store::Key::new("attempt", id).unwrap();
    let count = async || {
        let page = store.list("attempt", None, 1_000).await.unwrap();
        let Some(next) = &page.next else { return page.documents.len() };
        page.documents.len()
            + store.list("attempt", Some(next), 1_000).await.unwrap().documents.len()
    };
    let first = bench.start(None).await.id;
    bench.clock.forward_s(3_600);
    let later = bench.start(None).await.id;
    // Of before ids had a time. They sort anywhere; these come first.
    let body = store.load(&key(&later)).await.unwrap().unwrap().body;
    let old: Vec<String> = (0..1_300).map(|n| format!("atm_{n:032x}")).collect();
    for ids in old.chunks(50) {
        let add = |change: Change, id: &String| change.create(key(id), body.clone());
        let change = ids.iter().fold(Change::at(bench.app.now()), add);
        assert!(matches!(store.commit(change).await.unwrap(), Commit::Committed(_)));
    }
    bench.clock.forward_s(23 * 3_600 + 1);
    bench.app.sweep().await.unwrap();
    assert!(store.load(&key(&first)).await.unwrap().is_none(), "it is due");
    assert_eq!(count().await, 1_301);
    bench.clock.forward_s(3_600);
    bench.app.sweep().await.unwrap();
    assert!(store.load(&key(&later)).await.unwrap().is_none(), "it is due");
    assert_eq!(count().await, 1_000, "of the others a stretch");
    bench.app.sweep().await.unwrap();
    assert_eq!(count().await, 0, "and the next one");
}

#[tokio::test]
async fn a_sweep_of_attempts_begins_anew_after_its_clock_went_back() {
    let (bench, _phone) = Bench::with_phone().await;
    bench.clock.forward_s(400 * 86_400);
    bench.app.sweep().await.unwrap();
    bench.clock.forward_s(-399 * 86_400);
    bench.start(None).await;
    bench.clock.forward_s(25 * 3_600);
    bench.app.sweep().await.unwrap();
    let left = bench.app.store().list("attempt", None, 9).await.unwrap();
    assert!(left.documents.is_empty());
}

#[tokio::test]
async fn a_changed_push_address_is_in_the_trail_and_an_unchanged_one_is_not() {
    let (bench, phone) = Bench::with_phone().await;
    let set = async |push| bench.app.set_push(&phone.ask(&bench.app).await, push).await.unwrap();
    set(Some(subscription())).await;
    set(Some(subscription())).await;
    set(None).await;
    let trail = bench.app.audit_about(ALICE, pushback_model::Timestamp::from_millis(0)).await;
    let changed = trail.unwrap().into_iter().filter(|entry| entry.kind == "push_address_changed");
    let services = changed.map(|entry| {
        assert!(!entry.body.to_string().contains("push.example/1"), "the path is a secret");
        entry.body["details"]["push_service"].as_str().map(str::to_owned)
    });
    assert_eq!(services.collect::<Vec<_>>(), [Some("push.example".to_owned()), None]);
}
