use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use pushback_model::{Span, Timestamp};
use pushback_store::{Change, Commit, OutboxRow};
use pushback_verify::{Act, AuthenticatorId, PromptId, RingFor};
use tokio::sync::{Barrier, Semaphore};

use crate::lanes::{NOTICES_MAX, RINGS_MAX};
use crate::testing::{ALICE, Bench, Phone, Remembered, attempt_for, bound};
use crate::{App, MailedCode, Notice, Outside, PushSubscription, Sent};

const BOB: &str = "bob@example.org";

/// A world in which some never answer until they are let.
struct Hanging {
    /// Addresses that hold this hang.
    hangs: &'static str,
    let_go: Semaphore,
    /// Phones that have to be woken at once before any of them answers.
    meet: Option<Barrier>,
    woken: AtomicUsize,
    begun: AtomicUsize,
    told: AtomicUsize,
}

impl Hanging {
    fn new(hangs: &'static str) -> Arc<Self> {
        Arc::new(Self::with(hangs, None))
    }

    fn with(hangs: &'static str, meet: Option<Barrier>) -> Self {
        Self {
            hangs,
            let_go: Semaphore::new(0),
            meet,
            woken: AtomicUsize::new(0),
            begun: AtomicUsize::new(0),
            told: AtomicUsize::new(0),
        }
    }

    fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }

    fn woken(&self) -> usize {
        self.woken.load(Ordering::SeqCst)
    }
}

impl Outside for Hanging {
    async fn wake(&self, to: &PushSubscription, _: &str, _: Timestamp) -> Sent {
        self.begun.fetch_add(1, Ordering::SeqCst);
        if let Some(meet) = &self.meet {
            meet.wait().await;
        }
        if to.endpoint.contains(self.hangs) {
            drop(self.let_go.acquire().await);
        }
        self.woken.fetch_add(1, Ordering::SeqCst);
        Sent::Done
    }

    async fn tell(&self, _: &Notice) -> Sent {
        self.begun.fetch_add(1, Ordering::SeqCst);
        drop(self.let_go.acquire().await);
        self.told.fetch_add(1, Ordering::SeqCst);
        Sent::Done
    }

    async fn mail_code(&self, _: &MailedCode) -> Sent {
        Sent::Done
    }
}

async fn woken_at(app: &App, phone: &Phone, endpoint: &str) {
    let (p256dh, auth) = ("p".to_owned(), "a".to_owned());
    let push = PushSubscription { endpoint: endpoint.to_owned(), p256dh, auth };
    app.set_push(&phone.ask(app).await, Some(push)).await.unwrap();
}

async fn asks(bench: &Bench, subscriber: &str) {
    bench.app.start_attempt(&bench.party, attempt_for(subscriber, None)).await.unwrap();
}

/// Effects that wait to leave.
async fn rows(app: &App, topic: &str, payload: &str, count: usize) {
    let now = app.now();
    for from in (0..count).step_by(50) {
        let change = (from..count.min(from + 50)).fold(Change::at(now), |change, n| {
            let (key, topic) = (format!("{topic}-{n:04}"), topic.to_owned());
            change.effect(OutboxRow { key, topic, payload: payload.into(), due_at: now })
        });
        assert!(matches!(app.store().commit(change).await.unwrap(), Commit::Committed(_)));
    }
}

/// Rounds until this is so.
async fn rounds(app: &App, outside: &Arc<Hanging>, is_so: impl Fn() -> bool) {
    let rounds = async {
        while app.start_work(outside).await.unwrap() > 0 || !is_so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), rounds).await.expect("it never becomes so");
}

const MAIL: &str = r#"{"subscriber":"alice@example.org",
    "act":{"act":"notify","notice":{"notice":"recovered"},"to":[]}}"#;

#[tokio::test]
async fn a_push_service_that_hangs_holds_up_nobody_elses_ring() {
    let (bench, alices) = Bench::with_phone().await;
    let bobs = bound(&bench.app, BOB).await;
    woken_at(&bench.app, &alices, "https://push.example/hangs").await;
    woken_at(&bench.app, &bobs, "https://push.example/answers").await;
    while bench.app.work(&Remembered::default()).await.unwrap() > 0 {}
    let outside = Hanging::new("hangs");
    asks(&bench, ALICE).await;
    rounds(&bench.app, &outside, || outside.begun() == 1).await;
    asks(&bench, BOB).await;
    rounds(&bench.app, &outside, || outside.woken() == 1).await;
    rounds(&bench.app, &outside, || bench.app.in_flight() == (1, 0)).await;
}

#[tokio::test]
async fn the_phones_of_one_ring_are_woken_at_once() {
    let (bench, first) = Bench::with_phone().await;
    let right = super::passkeys::right(&bench, &first).await;
    let invited = bench.app.invite_own_phone(&first.ask(&bench.app).await, &right).await.unwrap();
    let mut second = Phone::new();
    second.id = bench.app.bind_phone(&second.binding(&invited.secret, None)).await.unwrap().id;
    woken_at(&bench.app, &first, "https://push.example/1").await;
    woken_at(&bench.app, &second, "https://push.example/2").await;
    while bench.app.work(&Remembered::default()).await.unwrap() > 0 {}
    let outside = Hanging::with("nobody", Some(Barrier::new(2)));
    bench.start(None).await;
    let worked = tokio::time::timeout(Duration::from_secs(20), bench.app.work(&outside)).await;
    assert!(worked.expect("the second phone waits for the first").is_ok());
    assert_eq!(outside.woken(), 2);
}

#[tokio::test]
async fn mails_that_hang_leave_the_places_of_rings() {
    let (bench, phone) = Bench::with_phone().await;
    woken_at(&bench.app, &phone, "https://push.example/1").await;
    while bench.app.work(&Remembered::default()).await.unwrap() > 0 {}
    let outside = Hanging::new("nobody");
    rows(&bench.app, "notices", MAIL, 3 * NOTICES_MAX).await;
    rounds(&bench.app, &outside, || outside.begun() == NOTICES_MAX).await;
    bench.start(None).await;
    rounds(&bench.app, &outside, || outside.woken() == 1).await;
    rounds(&bench.app, &outside, || bench.app.in_flight() == (0, NOTICES_MAX)).await;
    assert_eq!(outside.told.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn at_the_bound_nothing_is_taken_until_a_place_is_free() {
    let (bench, phone) = Bench::with_phone().await;
    woken_at(&bench.app, &phone, "https://push.example/hangs").await;
    while bench.app.work(&Remembered::default()).await.unwrap() > 0 {}
    let outside = Hanging::new("hangs");
    let serial = bench.app.authenticators(&phone.ask(&bench.app).await).await.unwrap()[0].id;
    bench.start(None).await;
    while bench.app.work(&Remembered::default()).await.unwrap() > 0 {}
    let open = bench.app.prompts(&phone.ask(&bench.app).await).await.unwrap().open.unwrap();
    let ring = Act::RingPhones {
        ring_for: RingFor::Prompt(PromptId(open.id)),
        phones: vec![AuthenticatorId(serial)],
        until: bench.app.now() + Span::seconds(90),
    };
    let ring = serde_json::json!({ "subscriber": ALICE, "act": ring });
    rows(&bench.app, "acts", &ring.to_string(), RINGS_MAX + 5).await;
    rounds(&bench.app, &outside, || outside.begun() == RINGS_MAX).await;
    assert_eq!(bench.app.start_work(&outside).await.unwrap(), 0);
    assert!(bench.app.store().has_work(), "the rest is where it was");
    assert!(bench.app.wait_for_work().now_or_never().is_none(), "and nobody is busy with it");
    assert_eq!(bench.app.in_flight(), (RINGS_MAX, 0));
    outside.let_go.add_permits(1);
    let all = async {
        while outside.woken() < RINGS_MAX + 5 {
            bench.app.wait_for_work().await;
            while bench.app.start_work(&outside).await.unwrap() > 0 {}
        }
    };
    tokio::time::timeout(Duration::from_secs(60), all).await.unwrap();
}

#[tokio::test]
async fn what_is_on_its_way_is_awaited_when_the_service_stops() {
    let (bench, phone) = Bench::with_phone().await;
    woken_at(&bench.app, &phone, "https://push.example/hangs").await;
    while bench.app.work(&Remembered::default()).await.unwrap() > 0 {}
    let outside = Hanging::new("hangs");
    bench.start(None).await;
    rounds(&bench.app, &outside, || outside.begun() == 1).await;
    let mut finished = Box::pin(bench.app.finish_work());
    assert!((&mut finished).now_or_never().is_none());
    outside.let_go.add_permits(1);
    finished.await;
    assert_eq!(outside.woken(), 1);
    bench.app.forget_what_left().await.unwrap();
    assert_eq!(bench.app.store().outbox().await.unwrap().waiting, 1, "a tick");
}
