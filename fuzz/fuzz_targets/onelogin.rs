#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    pushback_fuzz::vendor(pushback_fuzz::skeleton::ONELOGIN, bytes);
});
