//! Networks that rent out machines or hide their customers: a home or an office is seldom there.
//!
//! Some products log the number of the autonomous system, some its name, some both. Neither list
//! can be whole; what is missing costs a little evidence, never an error.

/// Words in the names of networks that rent out machines or hide their customers. A home or an
/// office is never called so; the list errs on the side of silence.
const HOSTING_WORDS: &[&str] = &[
    "hosting",
    "datacenter",
    "data center",
    "server",
    "vps",
    "cloud",
    "colo",
    "digitalocean",
    "ovh",
    "hetzner",
    "linode",
    "akamai connected",
    "vultr",
    "choopa",
    "constant company",
    "leaseweb",
    "m247",
    "datacamp",
    "contabo",
    "scaleway",
    "online s.a.s",
    "amazon",
    "aws",
    "google llc",
    "google-cloud",
    "microsoft",
    "azure",
    "alibaba",
    "tencent",
    "oracle",
    "psychz",
    "quadranet",
    "colocrossing",
    "hostinger",
    "namecheap",
    "ionos",
    "hostroyale",
    "packethub",
    "clouvider",
    "nordvpn",
    "expressvpn",
    "mullvad",
    "31173",
    "vpn",
    "proxy",
    "tor exit",
    "tor-exit",
    "packet exchange",
    "xtom",
    "frantech",
    "buyvm",
    "stark industries",
    "aeza",
    "selectel",
    "timeweb",
    "worldstream",
    "serverius",
    "nforce",
    "zenlayer",
    "g-core",
    "gcore",
    "tzulo",
    "sharktech",
    "dedi",
];

pub(crate) fn is_hosting(name: &str) -> bool {
    let name = name.to_lowercase();
    HOSTING_WORDS.iter().any(|word| name.contains(word))
}

/// Numbers of autonomous systems of well-known hosting, VPN and proxy providers, in order. From the
/// public registries (RIR assignments).
const HOSTING_NUMBERS: &[u32] = &[
    3_223, 5_577, 7_203, 8_075, 8_100, 8_560, 9_009, 9_123, 12_876, 13_213, 14_061, 14_618, 15_169,
    16_265, 16_276, 16_509, 19_318, 19_994, 20_278, 20_473, 20_860, 21_859, 22_612, 24_940, 24_961,
    25_820, 26_347, 26_496, 27_357, 28_753, 29_066, 29_802, 30_058, 30_083, 30_633, 31_173, 31_898,
    32_780, 33_070, 33_182, 33_387, 34_224, 34_989, 35_913, 35_916, 36_351, 36_352, 39_351, 40_676,
    42_708, 42_831, 43_350, 44_477, 45_102, 46_475, 46_562, 46_844, 47_583, 48_282, 49_505, 49_981,
    50_340, 50_673, 51_167, 53_667, 53_850, 54_290, 54_825, 55_081, 55_286, 57_169, 58_061, 59_253,
    60_068, 60_404, 60_781, 60_800, 61_317, 62_240, 62_282, 62_371, 62_567, 62_904, 63_473, 63_949,
    64_267, 64_286, 132_203, 136_787, 137_409, 141_039, 147_049, 197_540, 199_524, 199_883,
    200_019, 200_651, 201_011, 201_814, 202_053, 202_425, 202_448, 203_020, 204_601, 204_957,
    205_100, 206_092, 206_264, 206_446, 207_990, 208_091, 208_172, 209_103, 209_242, 210_558,
    210_644, 211_252, 212_238, 213_230, 215_540, 216_071, 395_092, 395_954, 396_356, 396_982,
    397_423, 398_101, 401_120,
];

pub(crate) fn is_hosting_number(asn: u32) -> bool {
    HOSTING_NUMBERS.binary_search(&asn).is_ok()
}

/// Of the words and numbers above, the networks where the commercial VPNs that people buy come out.
const VPN_WORDS: &[&str] = &[
    "m247",
    "datacamp",
    "clouvider",
    "packethub",
    "31173",
    "tzulo",
    "mullvad",
    "nordvpn",
    "expressvpn",
    "protonvpn",
    "surfshark",
    "vpn",
];
const VPN_NUMBERS: &[u32] =
    &[9_009, 39_351, 60_068, 62_240, 62_371, 136_787, 141_039, 147_049, 209_103, 212_238];

/// Whether a commercial VPN comes out there.
pub(crate) fn is_vpn(name: &str) -> bool {
    let name = name.to_lowercase();
    VPN_WORDS.iter().any(|word| name.contains(word))
}

pub(crate) fn is_vpn_number(asn: u32) -> bool {
    VPN_NUMBERS.contains(&asn)
}

/// Networks through which Apple's devices go out if their owner hides the address (iCloud Private
/// Relay: Cloudflare, Akamai, Fastly; Apple, "Prepare your network or web server for iCloud Private
/// Relay"). With Safari on such a device they are no more than a home line with another address.
const RELAY_NUMBERS: &[u32] = &[13_335, 36_183, 54_113];

/// The same by name, where the number is not logged.
const RELAY_NAMES: &[&str] = &["akamai", "cloudflare", "fastly"];

pub(crate) fn is_relay(asn: u32, as_name: &str) -> bool {
    if asn != 0 {
        return RELAY_NUMBERS.contains(&asn);
    }
    let name = as_name.to_lowercase();
    RELAY_NAMES.iter().any(|relay| name.contains(relay))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_in_order() {
        assert!(HOSTING_NUMBERS.is_sorted());
        assert!(VPN_NUMBERS.iter().all(|asn| is_hosting_number(*asn)));
        assert!(
            VPN_WORDS.iter().all(|word| is_hosting(word) || is_hosting(&format!("{word} vpn")))
        );
    }

    #[test]
    fn a_name_or_a_number_is_enough() {
        assert!(is_hosting("M247 Europe SRL"));
        assert!(is_hosting_number(9_009));
        assert!(!is_hosting("Example Cable"));
        assert!(!is_hosting_number(0));
    }
}
