use pushback_model::Timestamp;

use crate::NoticeAddress;
use crate::testing::{ALICE, Bench, Remembered, secret};

#[tokio::test]
async fn a_mailed_code_is_in_its_mail_and_nowhere_else() {
    let (bench, _phone) = Bench::with_phone().await;
    let started = bench.start(None).await;
    let page = secret(&started);
    bench.app.mail_recovery_code(&page, NoticeAddress::First).await.unwrap();
    let raw = || {
        let mut all = Vec::new();
        for entry in std::fs::read_dir(bench.folder()).unwrap() {
            all.extend(std::fs::read(entry.unwrap().path()).unwrap());
        }
        all
    };
    let before = raw();
    let outside = Remembered::default();
    while bench.app.work(&outside).await.unwrap() > 0 {}
    let mailed = outside.mailed.lock().unwrap().clone();
    assert_eq!(mailed.len(), 1);
    let (dashed, plain) = (mailed[0].code.clone(), mailed[0].code.replace('-', ""));
    assert!(!format!("{:?}", mailed[0]).contains(&dashed));
    for bytes in [before, raw()] {
        for code in [&dashed, &plain] {
            let is_there = bytes.windows(code.len()).any(|part| part == code.as_bytes());
            assert!(!is_there, "the code is in a file in the clear");
        }
    }
    let trail = bench.app.audit_about(ALICE, Timestamp::from_millis(0)).await.unwrap();
    assert!(trail.iter().any(|entry| entry.kind == "address_code_issued"));
    let trail = serde_json::to_string(&trail).unwrap();
    assert!(!trail.contains(&dashed) && !trail.contains(&plain));
    let notices = format!("{:?}", outside.told.lock().unwrap());
    assert!(!notices.contains(&dashed) && !notices.contains(&plain));
}

#[tokio::test]
async fn a_mail_that_comes_too_late_does_not_leave() {
    let (bench, _phone) = Bench::with_phone().await;
    let page = secret(&bench.start(None).await);
    bench.app.mail_recovery_code(&page, NoticeAddress::First).await.unwrap();
    bench.clock.forward_s(600);
    let outside = Remembered::default();
    while bench.app.work(&outside).await.unwrap() > 0 {}
    assert!(outside.mailed.lock().unwrap().is_empty());
}
