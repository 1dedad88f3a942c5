#![no_main]

use pushback_detect::Policy;
use pushback_normalize::Mapping;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = toml::from_str::<Mapping>(text);
    let Ok(policy) = toml::from_str::<Policy>(text) else { return };
    // A policy is refused with words, or it survives being written down.
    if policy.problems().is_empty() {
        let written = toml::to_string(&policy).expect("a policy is a table");
        assert_eq!(toml::from_str::<Policy>(&written).as_ref(), Ok(&policy));
    }
});
