#![no_main]

// The readers scan bytes and build no tree. What they see must be what `serde_json` sees.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    pushback_fuzz::differential(bytes);
});
