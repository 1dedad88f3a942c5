use pushback_verify::{Act, Notice, Reason};

use crate::testing::{ALICE, Bench, Remembered, operator};
use crate::{AppError, SaidBy};

/// The links in what was told of late that dispute something, without the origin.
async fn links(bench: &Bench) -> Vec<String> {
    let outside = Remembered::default();
    while bench.app.work(&outside).await.unwrap() > 0 {}
    let mut told = outside.told.into_inner().unwrap();
    let is_stoppable =
        |act: &Act| matches!(act, Act::Notify { notice, .. } if notice.stoppable().is_some());
    told.retain(|notice| !is_stoppable(&notice.act));
    for notice in &told {
        let has_link = matches!(
            &notice.act,
            Act::Notify {
                notice: Notice::Bound { .. }
                    | Notice::SettlementRequested { .. }
                    | Notice::DisputeSettled { .. },
                ..
            }
        );
        assert_eq!(notice.dispute_url.is_some(), has_link, "{:?}", notice.act);
    }
    let secret =
        |url: String| url.strip_prefix("https://mfa.example.org/notices/").map(str::to_owned);
    told.into_iter()
        .filter_map(|notice| notice.dispute_url)
        .map(|url| secret(url).unwrap())
        .collect()
}

fn is_over(done: Result<(), AppError>) -> bool {
    matches!(done, Err(AppError::Refused(Reason::CodeExpired)))
}

#[tokio::test]
async fn a_notice_of_a_binding_has_a_link_that_takes_it_back_once() {
    let (bench, phone) = Bench::with_phone().await;
    let links = links(&bench).await;
    let [link, _] = &*links else { panic!("{links:?}") };
    assert!(bench.app.is_dispute_open(link).unwrap());
    bench.sign_in(&phone, None).await;

    bench.app.dispute(link).await.unwrap();
    let view = bench.app.subscriber(ALICE).await.unwrap();
    assert!(view.authenticators[0].is_disputed && view.suspended.is_some());
    assert_eq!(bench.app.incidents().await.unwrap().len(), 1);
    assert!(is_over(bench.app.dispute(link).await), "it counts once");

    let settle = async || bench.app.settle_dispute(operator("sam"), ALICE, 1).await;
    let serial = view.authenticators[0].id;
    let settled = bench.app.settle_dispute(operator("sam"), ALICE, serial).await;
    assert!(matches!(settled, Err(AppError::Refused(Reason::IncidentOpen))));
    bench.app.close_incident(operator("sam"), ALICE).await.unwrap();
    bench.app.restore(operator("sam"), ALICE).await.unwrap();
    let ready_at = bench.app.settle_dispute(operator("sam"), ALICE, serial).await.unwrap();
    let view = bench.app.subscriber(ALICE).await.unwrap();
    assert_eq!(view.authenticators[0].settlement, ready_at.map(|at| ("sam".to_owned(), at)));
    let alone = bench.app.settle_dispute(operator("sam"), ALICE, serial).await;
    assert!(matches!(alone, Err(AppError::Refused(Reason::NeedsAnotherPerson))));
    let done = bench.app.settle_dispute(operator("kim"), ALICE, serial).await.unwrap();
    assert_eq!(done, None);
    assert!(settle().await.is_err(), "there is nothing more to settle");
    bench.sign_in(&phone, None).await;
    assert!(is_over(bench.app.dispute(link).await), "nor does it count once it was settled");
}

/// Whoever reads at one address learns of no other, and the trail tells which link was used.
#[tokio::test]
async fn every_address_gets_a_notice_of_its_own() {
    let (bench, _phone) = Bench::with_phone().await;
    let outside = Remembered::default();
    while bench.app.work(&outside).await.unwrap() > 0 {}
    let told = outside.told.into_inner().unwrap();
    let mut bound: Vec<_> = told.iter().filter(|told| told.dispute_url.is_some()).collect();
    bound.sort_by_key(|told| told.to.clone());
    let [one, two] = &*bound else { panic!("{told:?}") };
    assert_eq!(one.to.as_deref(), Some("one@example.com"));
    assert_eq!(two.to.as_deref(), Some("two@example.net"));
    assert_ne!(one.key, two.key);
    let secret = |notice: &crate::Notice| {
        let url = notice.dispute_url.clone().unwrap();
        url.rsplit('/').next().unwrap().to_owned()
    };
    bench.app.dispute(&secret(two)).await.unwrap();
    assert!(
        is_over(bench.app.dispute(&secret(one)).await),
        "the first that is used ends the other"
    );
    let Act::Notify { to, .. } = &two.act else { panic!("{two:?}") };
    let trail = bench.app.audit_about(ALICE, pushback_model::Timestamp::MIN).await.unwrap();
    let disputed = trail.iter().find(|entry| entry.kind == "disputed").unwrap();
    assert!(disputed.body["by"].to_string().contains(to[0].as_str()), "{disputed:?}");
}

#[tokio::test]
async fn a_disputed_phone_reads_nothing_more() {
    let (bench, phone) = Bench::with_phone().await;
    let link = links(&bench).await.pop().unwrap();
    bench.start(None).await;
    let authorization = phone.authorization(bench.app.now(), "POST", "/v1/x");
    let ticket = bench.app.stream_ticket(&phone.ask(&bench.app).await);
    bench.app.dispute(&link).await.unwrap();
    let is_told = |error: Option<AppError>| {
        matches!(error, Some(AppError::Refused(Reason::AuthenticatorDisputed)))
    };
    assert!(is_told(phone.proven(&bench.app, &authorization).await.err()));
    let stream = bench.app.stream_phone(&ticket, phone.from.clone()).await;
    assert!(is_told(stream.err()), "nor a stream that it had a ticket for");
}

#[tokio::test]
async fn a_stream_that_is_open_ends_with_the_dispute() {
    let (bench, phone) = Bench::with_phone().await;
    let link = links(&bench).await.pop().unwrap();
    let open = phone.ask(&bench.app).await;
    assert!(bench.app.account(&open).await.is_ok());
    bench.app.dispute(&link).await.unwrap();
    // What a stream asks before it tells anything new.
    assert!(bench.app.account(&open).await.is_err());
}

#[tokio::test]
async fn a_link_in_a_notice_ends_after_two_weeks_and_with_what_it_is_about() {
    let (bench, phone) = Bench::with_phone().await;
    let link = links(&bench).await.pop().unwrap();
    bench.clock.forward_s(14 * 86_400 - 1);
    assert!(bench.app.is_dispute_open(&link).unwrap());
    bench.clock.forward_s(1);
    assert!(!bench.app.is_dispute_open(&link).unwrap());
    assert!(is_over(bench.app.dispute(&link).await));
    let started = bench.start(None).await;
    phone.say(&bench.app, SaidBy::Confirm(crate::testing::code(&started))).await.unwrap();

    let (bench, _phone) = Bench::with_phone().await;
    let link = links(&bench).await.pop().unwrap();
    bench.app.reset(operator("sam"), ALICE, None).await.unwrap();
    let view = bench.app.subscriber(ALICE).await.unwrap();
    bench.app.reset(operator("kim"), ALICE, view.reset.map(|(id, ..)| id)).await.unwrap();
    assert!(is_over(bench.app.dispute(&link).await), "it is bound no longer");
}

#[tokio::test]
async fn a_link_that_is_over_writes_nothing() {
    let (bench, _phone) = Bench::with_phone().await;
    let link = links(&bench).await.pop().unwrap();
    let key = pushback_store::Key::new("subscriber", ALICE).unwrap();
    let written = async || {
        let entries = bench.app.audit("main", 0).await.unwrap().len();
        (entries, bench.app.store().load(&key).await.unwrap().unwrap().version)
    };
    let posted_in_vain = async || {
        let before = written().await;
        for _ in 0..3 {
            assert!(is_over(bench.app.dispute(&link).await));
        }
        assert_eq!(written().await, before);
    };
    bench.app.dispute(&link).await.unwrap();
    posted_in_vain().await;
    let serial = bench.app.subscriber(ALICE).await.unwrap().authenticators[0].id;
    bench.app.close_incident(operator("sam"), ALICE).await.unwrap();
    bench.app.settle_dispute(operator("sam"), ALICE, serial).await.unwrap();
    posted_in_vain().await;
    bench.app.reset(operator("sam"), ALICE, None).await.unwrap();
    let view = bench.app.subscriber(ALICE).await.unwrap();
    bench.app.reset(operator("kim"), ALICE, view.reset.map(|(id, ..)| id)).await.unwrap();
    posted_in_vain().await;
}

#[tokio::test]
async fn only_the_link_of_a_notice_disputes() {
    let (bench, _phone) = Bench::with_phone().await;
    let link = links(&bench).await.pop().unwrap();
    let started = bench.start(None).await;
    let (id, tag) = link.split_once('.').unwrap();
    let page = crate::testing::secret(&started);
    for wrong in ["", "x", id, &page, &format!("{id}.x"), &format!("x{id}.{tag}")] {
        let looked = bench.app.is_dispute_open(wrong);
        assert!(matches!(looked, Err(AppError::NotFound)), "{wrong}");
        let done = bench.app.dispute(wrong).await;
        assert!(matches!(done, Err(AppError::NotFound)), "{wrong}");
    }
    assert!(bench.app.subscriber(ALICE).await.unwrap().suspended.is_none());
}

/// What the help desk lets answer again is told with a link of its own.
#[tokio::test]
async fn what_the_help_desk_brings_back_can_be_disputed_once_more() {
    let (bench, _phone) = Bench::with_phone().await;
    bench.app.dispute(&links(&bench).await.pop().unwrap()).await.unwrap();
    bench.app.close_incident(operator("sam"), ALICE).await.unwrap();
    let serial = bench.app.subscriber(ALICE).await.unwrap().authenticators[0].id;
    bench.app.settle_dispute(operator("sam"), ALICE, serial).await.unwrap();
    let before = links(&bench).await.pop().unwrap();
    bench.app.settle_dispute(operator("kim"), ALICE, serial).await.unwrap();
    let after = links(&bench).await.pop().unwrap();
    bench.app.dispute(&after).await.unwrap();
    assert!(is_over(bench.app.dispute(&after).await) && is_over(bench.app.dispute(&before).await));
    assert!(bench.app.subscriber(ALICE).await.unwrap().authenticators[0].is_disputed);
}

/// The link of a mail that left before an update.
#[tokio::test]
async fn a_link_without_a_round_is_of_the_first() {
    let (bench, _phone) = Bench::with_phone().await;
    let link = links(&bench).await.pop().unwrap();
    let id = link.split_once('.').unwrap().0.strip_suffix("~0").unwrap().to_owned();
    let old = bench.app.inner.keys.link(crate::capability::Link::Notice, &id, bench.app.now());
    assert!(bench.app.is_dispute_open(&old).unwrap());
    bench.app.dispute(&old).await.unwrap();
    assert!(is_over(bench.app.dispute(&link).await));
}
