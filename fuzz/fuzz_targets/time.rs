#![no_main]

use pushback_model::Timestamp;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Ok(time) = Timestamp::parse(text) else { return };
    // What we print of an instant, we read as the same instant.
    assert_eq!(Timestamp::parse(&time.to_string()), Ok(time), "{text:?}");
});
