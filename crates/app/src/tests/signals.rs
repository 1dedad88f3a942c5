use std::time::Duration;

use pushback_verify::Notes;

use crate::encoding::to_base64url;
use crate::testing::{ALICE, Bench, bound, operator};
use crate::{AppError, SaidBy, Signal, SignalKind};

async fn after(bench: &Bench, cursor: Option<&str>) -> (Vec<Signal>, String) {
    let page = bench.app.signals(&bench.party, cursor, Duration::ZERO).await.unwrap();
    (page.signals, page.next)
}

fn kinds(signals: &[Signal]) -> Vec<SignalKind> {
    signals.iter().map(|signal| signal.kind).collect()
}

#[tokio::test]
async fn a_report_is_a_signal_to_end_sessions_and_that_the_password_is_known() {
    let (bench, phone) = Bench::with_phone().await;
    let (none, start) = after(&bench, None).await;
    assert_eq!(none, []);
    bench.start(None).await;
    phone.say(&bench.app, SaidBy::Report(Notes::default())).await.unwrap();
    let at = bench.app.now();

    let (signals, next) = after(&bench, Some(&start)).await;
    let since = Some(at - pushback_model::Span::hours(24));
    let (burned, ended) = (SignalKind::PasswordBurned, SignalKind::SessionsEnded { since });
    assert_eq!(kinds(&signals), [burned, ended]);
    assert!(signals.iter().all(|s| s.subscriber == ALICE && s.at == at));
    assert_eq!(signals[0].txn, signals[1].txn, "one decision");
    assert_ne!(signals[0].id, signals[1].id);

    // Until the cursor is moved they come again, and then no more.
    assert_eq!(after(&bench, Some(&start)).await.0, signals);
    assert_eq!(after(&bench, None).await.0, signals);
    assert_eq!(after(&bench, Some(&next)).await.0, []);
    bench.app.password_changed(ALICE).await.unwrap();
    let (signals, _) = after(&bench, Some(&next)).await;
    assert_eq!(kinds(&signals), [SignalKind::PasswordChanged]);
}

#[tokio::test]
async fn a_reset_is_a_signal_to_end_all_sessions() {
    let (bench, _phone) = Bench::with_phone().await;
    bench.app.reset(operator("sam"), ALICE, None).await.unwrap();
    let view = bench.app.subscriber(ALICE).await.unwrap();
    bench.app.reset(operator("kim"), ALICE, view.reset.map(|(id, ..)| id)).await.unwrap();
    let (signals, _) = after(&bench, None).await;
    assert_eq!(kinds(&signals), [SignalKind::SessionsEnded { since: None }]);
}

#[tokio::test]
async fn more_signals_than_a_page_holds_come_all_and_each_once() {
    let (bench, phone) = Bench::with_phone().await;
    bound(&bench.app, "bob@example.org").await;
    for _ in 0..130 {
        // Each report of one person is a signal more after a while; the password is burned once.
        bench.clock.forward_s(601);
        bench.app.report(&phone.ask(&bench.app).await, Notes::default()).await.unwrap();
    }
    let (mut all, mut cursor, mut pages) = (Vec::new(), None, 0);
    loop {
        let page =
            bench.app.signals(&bench.party, cursor.as_deref(), Duration::ZERO).await.unwrap();
        all.extend(page.signals.into_iter().map(|signal| signal.id));
        (cursor, pages) = (Some(page.next), pages + 1);
        if !page.has_more {
            break;
        }
    }
    assert_eq!((all.len(), pages), (131, 2));
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 131);
}

#[tokio::test]
async fn who_waits_for_a_signal_gets_it_when_it_is_written() {
    let (bench, phone) = Bench::with_phone().await;
    let (_, start) = after(&bench, None).await;
    let (app, party) = (bench.app.clone(), bench.party.clone());
    let waiting = tokio::spawn(async move {
        app.signals(&party, Some(&start), Duration::from_secs(30)).await.unwrap()
    });
    bench.app.report(&phone.ask(&bench.app).await, Notes::default()).await.unwrap();
    assert_eq!(waiting.await.unwrap().signals.len(), 2);
}

#[tokio::test]
async fn a_cursor_of_another_trail_is_refused() {
    let (bench, phone) = Bench::with_phone().await;
    bench.app.report(&phone.ask(&bench.app).await, Notes::default()).await.unwrap();
    let (_, longer) = after(&bench, None).await;
    // As after a back-up was restored: what is written next must not count as read.
    let (restored, _phone) = Bench::with_phone().await;
    let of_nobodys_chain = to_base64url(br#"{"other":[1,2]}"#);
    for cursor in [&*longer, "", "x", "e30x", "eyJvdGhlciI6MX0", &*of_nobodys_chain] {
        let read = restored.app.signals(&restored.party, Some(cursor), Duration::ZERO).await;
        assert!(matches!(read, Err(AppError::Invalid(_))), "{cursor}");
    }
}

#[tokio::test]
async fn a_cursor_of_a_trail_that_was_longer_once_is_refused() {
    let (bench, phone) = Bench::with_phone().await;
    bench.app.report(&phone.ask(&bench.app).await, Notes::default()).await.unwrap();
    let (_, old) = after(&bench, None).await;
    // The back-up was older, and the trail has grown past the cursor since.
    let (restored, phone) = Bench::with_phone().await;
    for _ in 0..5 {
        restored.app.report(&phone.ask(&restored.app).await, Notes::default()).await.unwrap();
    }
    let read = restored.app.signals(&restored.party, Some(&old), Duration::ZERO).await;
    assert!(matches!(read, Err(AppError::Invalid(_))));
}
