use std::time::Duration;

use pushback_model::Timestamp;
use pushback_verify::{Notes, OperatorId, PromptEnd, Reason, SubscriberId};

use crate::subscriber::Whom;
use crate::testing::{ALICE, Bench, attempt_for, bench, bound, code, party, secret};
use crate::turns::Rank;
use crate::{Answered, AppError, AttemptState, DecisionView, NewAttempt, SaidBy};

#[tokio::test]
async fn the_right_code_typed_on_the_phone_gives_the_relying_party_a_token() {
    let (bench, phone) = Bench::with_phone().await;
    let started = bench.start(None).await;
    assert_eq!(started.state, AttemptState::Pending);
    assert!(started.token.is_none());
    let said = phone.say(&bench.app, SaidBy::Confirm(code(&started))).await.unwrap();
    assert_eq!(said, Answered::Verified);
    let ended = bench.look(&started.id).await;
    assert_eq!(ended.state, AttemptState::Verified);
    assert_eq!(ended.token.unwrap().split('.').count(), 3);
    assert!(!ended.browser.unwrap().is_empty());
    assert_ne!(ended.version, started.version);
}

#[tokio::test]
async fn a_token_is_the_same_however_often_it_is_asked_for_and_for_how_long() {
    let (bench, phone) = Bench::with_phone().await;
    let started = bench.start(None).await;
    phone.say(&bench.app, SaidBy::Confirm(code(&started))).await.unwrap();
    let claims = |token: &str| {
        let part = crate::from_base64url(token.split('.').nth(1).unwrap()).unwrap();
        serde_json::from_slice::<serde_json::Value>(&part).unwrap()
    };
    let first = claims(&bench.look(&started.id).await.token.unwrap());
    bench.clock.forward_s(600);
    assert_eq!(first, claims(&bench.look(&started.id).await.token.unwrap()));
    assert_eq!(first["exp"].as_i64().unwrap() - first["iat"].as_i64().unwrap(), 300);
    assert_eq!((&first["sub"], &first["acr"]), (&ALICE.into(), &"urn:pushback:aal2".into()));
    assert_eq!(first["attempt"], started.id);
}

#[tokio::test]
async fn a_denial_reaches_whoever_waits() {
    let (bench, phone) = Bench::with_phone().await;
    let started = bench.start(None).await;
    let waiting = {
        let (app, party, view) = (bench.app.clone(), bench.party.clone(), started.clone());
        let wait = Duration::from_secs(30);
        tokio::spawn(async move { app.attempt(&party, &view.id, Some(&view.version), wait).await })
    };
    phone.say(&bench.app, SaidBy::Deny).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().state, AttemptState::Denied);
}

#[tokio::test]
async fn a_prompt_that_nobody_answers_expires_by_itself() {
    let (bench, phone) = Bench::with_phone().await;
    let started = bench.start(None).await;
    bench.clock.forward_s(90);
    let ended = bench.look(&started.id).await;
    assert_eq!((ended.state, ended.token), (AttemptState::Expired, None));
    let late = phone.say(&bench.app, SaidBy::Confirm(code(&started))).await;
    assert!(matches!(late, Err(AppError::NotFound)));
}

#[tokio::test]
async fn attempts_at_once_ring_once() {
    let (bench, _phone) = Bench::with_phone().await;
    let attempts: Vec<_> = (0..20)
        .map(|_| {
            let (app, party) = (bench.app.clone(), bench.party.clone());
            tokio::spawn(async move { app.start_attempt(&party, attempt_for(ALICE, None)).await })
        })
        .collect();
    let mut prompted = 0;
    for started in attempts {
        match started.await.unwrap() {
            Ok(view) => prompted += usize::from(view.state == AttemptState::Pending),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(prompted, 1);
}

#[tokio::test]
async fn an_owner_says_no_before_the_strangers_who_wait() {
    let (bench, phone) = Bench::with_phone().await;
    bench.start(None).await;
    let key = Whom::subscriber(SubscriberId::parse(ALICE).unwrap()).key().unwrap();
    let turns = &bench.app.inner.turns;
    let (held, _) = turns.take(&key, Rank::First).await.unwrap();
    let strangers: Vec<_> = (0..30)
        .map(|_| {
            let (app, party) = (bench.app.clone(), bench.party.clone());
            tokio::spawn(async move { app.start_attempt(&party, attempt_for(ALICE, None)).await })
        })
        .collect();
    let all_wait = async |count| {
        while turns.waiting(&key) < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), all_wait(30)).await.unwrap();
    let app = bench.app.clone();
    let owner = tokio::spawn(async move { phone.say(&app, SaidBy::Deny).await });
    tokio::time::timeout(Duration::from_secs(20), all_wait(31)).await.unwrap();
    drop(held);
    let said = owner.await.unwrap();
    assert!(matches!(said, Ok(Answered::Ended(PromptEnd::Denied))), "{said:?}");
    for stranger in strangers {
        stranger.await.unwrap().unwrap();
    }
    let trail = bench.app.audit_about(ALICE, Timestamp::from_millis(0)).await.unwrap();
    let order = |kind| trail.iter().position(|entry| entry.kind == kind).unwrap();
    // What the phone asks before it answers may let one of them pass.
    let before = trail.iter().take(order("prompt_ended"));
    assert!(before.filter(|entry| entry.kind == "attempt_held").count() <= 2);
}

/// Between attempts: some end just after a wait that began when the prompt's time was over.
const GAPS_S: [i64; 8] = [91, 91, 122, 91, 152, 91, 91, 331];

#[tokio::test]
async fn a_name_that_nobody_has_takes_as_many_questions_as_somebodys() {
    let bench = bench().await;
    bound(&bench.app, ALICE).await;
    let mut counts = Vec::new();
    for name in [ALICE, "nobody@example.org"] {
        // What this node remembers and what it does not.
        for app in [&bench.app, &bench.other_node()] {
            let asked = || app.store().questions();
            for _ in 0..2 {
                let before = asked();
                let attempt = attempt_for(name, None);
                let view = app.start_attempt(&bench.party, attempt).await.unwrap();
                let started = asked() - before;
                let secret = secret(&view);
                let before = asked();
                app.page(&secret, None, Duration::ZERO).await.unwrap();
                let looked = asked() - before;
                let before = asked();
                app.mail_recovery_code(&secret, crate::NoticeAddress::First).await.unwrap();
                let mailed = asked() - before;
                let before = asked();
                let _ = app.recover(&secret, "AAAA-BBBB", "CCCC-DDDD").await.unwrap();
                counts.push((name == ALICE, started, looked, mailed, asked() - before));
                bench.clock.forward_s(91);
            }
        }
        bench.clock.forward_s(-4 * 91);
    }
    let (alice, nobody) = counts.split_at(4);
    let numbers = |of: &[(bool, usize, usize, usize, usize)]| {
        of.iter().map(|&(_, a, b, c, d)| (a, b, c, d)).collect::<Vec<_>>()
    };
    assert_eq!(numbers(alice), numbers(nobody));
    assert!(alice.iter().all(|count| count.1 > 0), "the counter counts: {alice:?}");
}

#[tokio::test]
async fn a_name_that_nobody_has_looks_like_somebody_who_does_not_answer() {
    let bench = bench().await;
    bound(&bench.app, ALICE).await;
    let mut seen = Vec::new();
    for name in [ALICE, "nobody@example.org"] {
        let mut states = Vec::new();
        // Waits begin when a prompt's time is over, whoever sees it first: for somebody, the worker.
        for gap_s in GAPS_S {
            let attempt = attempt_for(name, None);
            let view = bench.app.start_attempt(&bench.party, attempt).await.unwrap();
            let decision = match &view.decision {
                DecisionView::Prompt { code, quiet, .. } => format!("{} {quiet:?}", code.is_some()),
                other @ (DecisionView::Wait { .. }
                | DecisionView::PasskeyOnly(_)
                | DecisionView::Refused(_)) => format!("{other:?}"),
            };
            states.push((
                view.state,
                decision,
                view.can_use_passkey,
                bench.look(&view.id).await.state,
            ));
            for part_s in [91, gap_s - 91] {
                bench.clock.forward_s(part_s);
                while bench.app.work(&crate::testing::Remembered::default()).await.unwrap() > 0 {}
            }
            states.push((bench.look(&view.id).await.state, String::new(), false, view.state));
        }
        bench.clock.forward_s(-GAPS_S.iter().sum::<i64>());
        seen.push(states);
    }
    assert_eq!(seen[0], seen[1]);
    assert!(bench.app.subscriber("nobody@example.org").await.is_err());
    let trail = bench.app.audit("main", 0).await.unwrap();
    assert_eq!(trail.iter().filter(|entry| entry.kind == "asked_for_nobody").count(), 8);
    assert!(!serde_json::to_string(&trail).unwrap().contains("nobody@example.org"));
}

#[tokio::test]
async fn a_known_browser_takes_the_place_of_a_stranger_and_a_stranger_waits() {
    let (bench, phone) = Bench::with_phone().await;
    let browser = bench.sign_in(&phone, None).await;
    let stranger = bench.start(None).await;
    assert_eq!(stranger.state, AttemptState::Pending);
    let owner = bench.start(Some(browser)).await;
    assert_eq!(owner.state, AttemptState::Pending);
    assert_eq!(bench.look(&stranger.id).await.state, AttemptState::Expired);
    let second = bench.start(None).await;
    assert!(matches!(
        second.decision,
        DecisionView::Wait { reason: Reason::AnotherPromptOpen, .. }
    ));
}

#[tokio::test]
async fn a_cookie_of_somebody_else_makes_a_stranger() {
    let (bench, phone) = Bench::with_phone().await;
    let browser = bench.sign_in(&phone, None).await;
    bound(&bench.app, "bob@example.org").await;
    // A stranger's prompt is open: Bob's own device could take over, another one has to wait.
    let bobs = |browser| attempt_for("bob@example.org", browser);
    bench.app.start_attempt(&bench.party, bobs(None)).await.unwrap();
    let second = bench.app.start_attempt(&bench.party, bobs(Some(browser))).await.unwrap();
    assert!(matches!(
        second.decision,
        DecisionView::Wait { reason: Reason::AnotherPromptOpen, .. }
    ));
}

/// Waits until so many wait for Alice's document.
async fn until_so_many_wait(bench: &Bench, count: usize) {
    let key = Whom::subscriber(SubscriberId::parse(ALICE).unwrap()).key().unwrap();
    let all_wait = async {
        while bench.app.inner.turns.waiting(&key) < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), all_wait).await.unwrap();
}

#[tokio::test]
async fn a_cookie_that_makes_nobody_known_waits_with_the_strangers() {
    let (bench, phone) = Bench::with_phone().await;
    let other = party(&bench.app, "Wiki").await;
    let cookie = bench.sign_in(&phone, None).await;
    let ended = bench.sign_in(&phone, Some(cookie.clone())).await;
    let key = Whom::subscriber(SubscriberId::parse(ALICE).unwrap()).key().unwrap();
    // Of another relying party; then of a device that a report ended.
    for (party, cookie) in [(&other, cookie), (&bench.party, ended)] {
        let (held, _) = bench.app.inner.turns.take(&key, Rank::First).await.unwrap();
        let strangers: Vec<_> = (0..64)
            .map(|_| {
                let (app, party) = (bench.app.clone(), party.clone());
                let new = attempt_for(ALICE, Some(cookie.clone()));
                tokio::spawn(async move { app.start_attempt(&party, new).await })
            })
            .collect();
        until_so_many_wait(&bench, 64).await;
        let full = bench.app.start_attempt(party, attempt_for(ALICE, None)).await;
        assert!(matches!(full, Err(AppError::Busy)), "they are in the line of all");
        let signed = async { bench.app.open_app(&phone.ask(&bench.app).await).await };
        let let_go = async {
            until_so_many_wait(&bench, 65).await;
            drop(held);
        };
        let (opened, ()) = tokio::join!(signed, let_go);
        assert!(opened.is_ok(), "{opened:?}");
        for stranger in strangers {
            stranger.await.unwrap().unwrap();
        }
        bench.app.report(&phone.ask(&bench.app).await, Notes::default()).await.unwrap();
    }
}

#[tokio::test]
async fn an_attempt_is_seen_by_its_own_relying_party_only() {
    let (bench, _phone) = Bench::with_phone().await;
    let other = party(&bench.app, "Wiki").await;
    let started = bench.start(None).await;
    for id in [&*started.id, "atm_0", ""] {
        let seen = bench.app.attempt(&other, id, None, Duration::ZERO).await;
        assert!(matches!(seen, Err(AppError::NotFound)));
    }
    assert!(bench.app.page(&secret(&started), None, Duration::ZERO).await.is_ok());
    assert!(bench.app.page(&started.id, None, Duration::ZERO).await.is_err());
}

#[tokio::test]
async fn the_same_request_under_the_same_key_is_one_attempt() {
    let (bench, _phone) = Bench::with_phone().await;
    let keyed = |key: &str| NewAttempt {
        idempotency_key: Some(key.to_owned()),
        ..attempt_for(ALICE, None)
    };
    let first = bench.app.start_attempt(&bench.party, keyed("k")).await.unwrap();
    let again = bench.app.start_attempt(&bench.party, keyed("k")).await.unwrap();
    assert_eq!((&first.id, code(&first)), (&again.id, code(&again)));
    let other = NewAttempt { subscriber: "bob@example.org".into(), ..keyed("k") };
    let reused = bench.app.start_attempt(&bench.party, other).await;
    assert!(matches!(reused, Err(AppError::KeyReused)));
    let second = bench.app.start_attempt(&bench.party, keyed("l")).await.unwrap();
    assert_ne!(second.id, first.id);
}

#[tokio::test]
async fn a_return_url_is_a_web_address() {
    let (bench, _phone) = Bench::with_phone().await;
    for (url, is_fine) in [
        ("https://rp.example/back?x=1", true),
        ("http://localhost:9000/", true),
        ("javascript:alert(1)", false),
        ("data:text/html,x", false),
        ("//rp.example", false),
        ("https://rp.example@evil.example/", false),
        ("", false),
    ] {
        let return_url = Some(url.to_owned());
        let new = NewAttempt { return_url, ..attempt_for(ALICE, None) };
        let started = bench.app.start_attempt(&bench.party, new).await;
        assert_eq!(started.is_ok(), is_fine, "{url}");
    }
}

#[tokio::test]
async fn a_completion_does_not_travel_in_the_clear() {
    let (bench, _phone) = Bench::with_phone().await;
    for (url, is_fine) in [
        ("http://payroll.example/back", false),
        ("http://10.0.0.1/back", false),
        ("http://192.0.2.1/", false),
        ("http://localhost.example/", false),
        ("http://notlocalhost/", false),
        ("http://[2001:db8::1]/", false),
        ("http://localhost/", true),
        ("http://payroll.localhost:3000/back", true),
        ("http://127.0.0.1:3000/", true),
        ("http://[::1]:3000/", true),
        ("https://10.0.0.1/back", true),
    ] {
        let new = NewAttempt { return_url: Some(url.to_owned()), ..attempt_for(ALICE, None) };
        match bench.app.start_attempt(&bench.party, new).await {
            Ok(_) => assert!(is_fine, "{url}"),
            Err(AppError::Invalid(what)) => {
                assert!(!is_fine && what.contains("https"), "{url}: {what}");
            }
            Err(error) => panic!("{url}: {error}"),
        }
    }
}

#[tokio::test]
async fn a_page_that_was_given_up_ends_the_prompt() {
    let (bench, phone) = Bench::with_phone().await;
    let started = bench.start(None).await;
    let view = bench.app.cancel_page(&secret(&started)).await.unwrap();
    assert_eq!(view.state, AttemptState::Cancelled);
    let phone = phone.ask(&bench.app).await;
    assert!(bench.app.prompts(&phone).await.unwrap().open.is_none());
}

#[tokio::test]
async fn what_is_over_is_given_up_without_a_trace() {
    let (bench, _phone) = Bench::with_phone().await;
    let started = bench.start(None).await;
    let give_up = async || bench.app.cancel_page(&secret(&started)).await.unwrap().state;
    let entries = async || {
        let entries = bench.app.audit("main", 0).await.unwrap().len();
        let key = pushback_store::Key::new("subscriber", ALICE).unwrap();
        (entries, bench.app.store().load(&key).await.unwrap().unwrap().version)
    };
    assert_eq!(give_up().await, AttemptState::Cancelled);
    let before = entries().await;
    for _ in 0..20 {
        assert_eq!(give_up().await, AttemptState::Cancelled);
    }
    assert_eq!(entries().await, before);
}

#[tokio::test]
async fn a_wrong_secret_and_an_unknown_party_look_the_same() {
    let bench = bench().await;
    let sam = OperatorId::parse("sam").unwrap();
    let new = bench.app.create_relying_party(&sam, "Wiki").await.unwrap();
    for (id, secret) in [(&*new.id, "x"), ("rp_0", &*new.secret), ("", ""), (&*new.id, "")] {
        let asked = bench.app.authenticate(id, secret).await;
        assert!(matches!(asked, Err(AppError::Unauthenticated)), "{id}");
    }
    assert!(bench.app.authenticate(&new.id, &new.secret).await.is_ok());
    let renewed = bench.app.renew_relying_party(&sam, &new.id).await.unwrap();
    assert!(bench.app.authenticate(&new.id, &new.secret).await.is_err());
    assert!(bench.app.authenticate(&new.id, &renewed.secret).await.is_ok());
    bench.app.delete_relying_party(&sam, &new.id).await.unwrap();
    assert!(bench.app.authenticate(&new.id, &renewed.secret).await.is_err());
}

/// Nobody answers for a phone that is not theirs.
#[tokio::test]
async fn a_key_that_was_never_bound_answers_nothing() {
    let (bench, phone) = Bench::with_phone().await;
    let started = bench.start(None).await;
    let stranger = phone.forged();
    let authorization = stranger.authorization(bench.app.now(), "POST", "/v1/x");
    let proven = stranger.proven(&bench.app, &authorization).await;
    assert!(matches!(proven, Err(AppError::Unauthenticated)));
    assert_eq!(bench.look(&started.id).await.state, AttemptState::Pending);
}

#[tokio::test]
async fn a_letter_outside_ascii_makes_nobodys_name() {
    let bench = bench().await;
    bound(&bench.app, "kevin").await;
    let started = bench.app.start_attempt(&bench.party, attempt_for("\u{212a}evin", None)).await;
    assert!(matches!(started, Err(AppError::Invalid(_))), "{started:?}");
    let found = bench.app.subscribers_named("\u{212a}ev", None, 10).await.unwrap().0;
    assert!(found.is_empty());
    let invited = bench.app.invite_operator(&OperatorId::parse("sam").unwrap(), "\u{212a}im").await;
    assert!(matches!(invited, Err(AppError::Invalid(_))));
    let started =
        bench.app.start_attempt(&bench.party, attempt_for(" KEVIN ", None)).await.unwrap();
    assert_eq!(started.state, AttemptState::Pending);
}
