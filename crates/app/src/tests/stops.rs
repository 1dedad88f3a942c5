//! The links in the notices of what waits for a second person.

use pushback_verify::{Act, Notice, Reason, Role};

use crate::testing::{ALICE, Bench, Remembered, operator};
use crate::{AppError, StopLink, Stops};

/// The links that stop what was told of late, by address.
async fn links(bench: &Bench) -> Vec<String> {
    let outside = Remembered::default();
    while bench.app.work(&outside).await.unwrap() > 0 {}
    let mut told = outside.told.into_inner().unwrap();
    told.sort_by_key(|told| told.to.clone());
    let is_stoppable =
        |act: &Act| matches!(act, Act::Notify { notice, .. } if notice.stoppable().is_some());
    let asked = told.into_iter().filter(|told| is_stoppable(&told.act));
    asked.map(|told| told.dispute_url.unwrap().rsplit('/').next().unwrap().to_owned()).collect()
}

async fn waits(bench: &Bench) -> bool {
    bench.app.subscriber(ALICE).await.unwrap().reset.is_some()
}

fn is_over(done: Result<(), AppError>) -> bool {
    matches!(done, Err(AppError::Refused(Reason::CodeExpired)))
}

#[tokio::test]
async fn a_reset_is_stopped_once_by_the_link_of_its_notice() {
    let (bench, phone) = Bench::with_phone().await;
    bench.app.reset(operator("sam"), ALICE, None).await.unwrap();
    let links = links(&bench).await;
    let [one, two] = &*links else { panic!("{links:?}") };
    assert_ne!(one, two, "each address has its own");
    let looked = bench.app.stop_link(one).unwrap();
    assert_eq!(looked, StopLink { stops: Stops::Reset, is_open: true });
    assert!(waits(&bench).await, "to look does nothing");

    bench.app.stop(two).await.unwrap();
    assert!(!waits(&bench).await);
    let trail = bench.app.audit_about(ALICE, pushback_model::Timestamp::MIN).await.unwrap();
    let stopped = trail.iter().find(|entry| entry.kind == "reset_cancelled").unwrap();
    assert!(stopped.body["by"].to_string().contains("address"), "{stopped:?}");
    let outside = Remembered::default();
    while bench.app.work(&outside).await.unwrap() > 0 {}
    let told = outside.told.into_inner().unwrap();
    let is_told = |told: &&crate::Notice| {
        matches!(&told.act, Act::Notify { notice: Notice::ResetCancelled, .. })
    };
    assert_eq!(told.iter().filter(is_told).count(), 2);

    let key = pushback_store::Key::new("subscriber", ALICE).unwrap();
    let written = async || {
        let entries = bench.app.audit("main", 0).await.unwrap().len();
        (entries, bench.app.store().load(&key).await.unwrap().unwrap().version)
    };
    let before = written().await;
    for link in [one, two, two] {
        assert!(is_over(bench.app.stop(link).await));
    }
    // Nor does it stop what is asked for after it.
    assert_eq!(written().await, before, "a link that is over writes nothing");
    bench.app.reset(operator("sam"), ALICE, None).await.unwrap();
    assert!(is_over(bench.app.stop(one).await));
    assert!(waits(&bench).await);
    bench.sign_in(&phone, None).await;
}

/// What the review did: 25 hours later the account was the operator's.
#[tokio::test]
async fn an_operator_alone_does_not_take_over_an_account_whose_owner_reads_their_mail() {
    let (bench, _phone) = Bench::with_phone().await;
    let sam = || operator("sam");
    let serial = bench.app.subscriber(ALICE).await.unwrap().authenticators[0].id;
    bench.app.dispute_for_owner(sam(), ALICE, serial).await.unwrap();
    bench.app.close_incident(sam(), ALICE).await.unwrap();
    bench.app.reset(sam(), ALICE, None).await.unwrap();
    let reset = bench.app.subscriber(ALICE).await.unwrap().reset.map(|(id, ..)| id);
    let link = links(&bench).await.pop().unwrap();
    bench.clock.forward_s(20 * 3_600);
    bench.app.stop(&link).await.unwrap();
    bench.clock.forward_s(5 * 3_600);
    assert!(bench.app.reset(sam(), ALICE, reset).await.is_err());
    bench.app.reset(sam(), ALICE, None).await.unwrap();
    bench.clock.forward_s(25 * 3_600);
    let reset = bench.app.subscriber(ALICE).await.unwrap().reset.map(|(id, ..)| id);
    let alone = bench.app.reset(sam(), ALICE, reset).await;
    assert!(matches!(alone, Err(AppError::Refused(Reason::NeedsAnotherPerson))), "{alone:?}");
    assert_eq!(bench.app.subscriber(ALICE).await.unwrap().authenticators.len(), 1);
}

#[tokio::test]
async fn only_the_link_of_a_request_stops_it() {
    let (bench, _phone) = Bench::with_phone().await;
    let outside = Remembered::default();
    while bench.app.work(&outside).await.unwrap() > 0 {}
    let of_binding = outside.told.into_inner().unwrap().pop().unwrap().dispute_url.unwrap();
    bench.app.reset(operator("sam"), ALICE, None).await.unwrap();
    let link = links(&bench).await.pop().unwrap();
    let (id, tag) = link.split_once('.').unwrap();
    let binding = of_binding.rsplit('/').next().unwrap();
    for wrong in ["", "x", id, binding, &format!("{id}.x"), &format!("x{id}.{tag}")] {
        let looked = bench.app.stop_link(wrong);
        assert!(matches!(looked, Err(AppError::NotFound)), "{wrong}");
        assert!(matches!(bench.app.stop(wrong).await, Err(AppError::NotFound)), "{wrong}");
    }
    assert!(matches!(bench.app.dispute(&link).await, Err(AppError::NotFound)));
    bench.clock.forward_s(14 * 86_400);
    assert!(!bench.app.stop_link(&link).unwrap().is_open);
    assert!(is_over(bench.app.stop(&link).await));
}

#[tokio::test]
async fn that_a_role_is_lowered_is_stopped_by_the_link_of_its_notice() {
    let (bench, _phone) = Bench::with_phone().await;
    let raised = bench.app.set_role(operator("sam"), ALICE, Role::Administrator).await.unwrap();
    assert_eq!(raised, None);
    let asked = bench.app.set_role(operator("sam"), ALICE, Role::Member).await.unwrap();
    let view = bench.app.subscriber(ALICE).await.unwrap();
    assert_eq!(view.role_change, asked.map(|at| ("sam".to_owned(), at)));
    let alone = bench.app.set_role(operator("sam"), ALICE, Role::Member).await;
    assert!(matches!(alone, Err(AppError::Refused(Reason::NeedsAnotherPerson))), "{alone:?}");
    let link = links(&bench).await.pop().unwrap();
    let looked = bench.app.stop_link(&link).unwrap();
    assert_eq!(looked, StopLink { stops: Stops::RoleChange, is_open: true });
    bench.app.stop(&link).await.unwrap();
    assert!(is_over(bench.app.stop(&link).await));
    let view = bench.app.subscriber(ALICE).await.unwrap();
    assert_eq!((view.role, view.role_change), (Role::Administrator, None));

    bench.app.set_role(operator("sam"), ALICE, Role::Member).await.unwrap();
    let done = bench.app.set_role(operator("kim"), ALICE, Role::Member).await.unwrap();
    assert_eq!(done, None);
    assert_eq!(bench.app.subscriber(ALICE).await.unwrap().role, Role::Member);
}
