//! Networks that rent out machines or hide their customers: a home or an office is seldom there.
//!
//! Some products log the number of the autonomous system, some its name, some both. Neither list
//! can be whole; what is missing costs a little evidence, never an error.

use std::sync::LazyLock;

use ipnet::Ipv4Net;

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

/// Addresses that well-known providers rent machines out of, for products that log no provider (Duo,
/// Graph v1.0): blocks that are theirs whole, from the public registries and the providers' own lists.
const HOSTING_BLOCKS: &[&str] = &[
    // Amazon
    "3.0.0.0/8",
    "18.128.0.0/9",
    "23.20.0.0/14",
    "34.192.0.0/10",
    "35.152.0.0/13",
    "35.160.0.0/13",
    "35.168.0.0/13",
    "35.176.0.0/13",
    "44.192.0.0/10",
    "46.137.0.0/16",
    "50.16.0.0/14",
    "52.0.0.0/10",
    "52.64.0.0/12",
    "52.192.0.0/11",
    "54.64.0.0/11",
    "54.144.0.0/12",
    "54.160.0.0/11",
    "54.192.0.0/10",
    "107.20.0.0/14",
    "174.129.0.0/16",
    "176.34.0.0/16",
    "184.72.0.0/15",
    // Google
    "34.64.0.0/10",
    "34.128.0.0/10",
    "35.184.0.0/13",
    "35.192.0.0/12",
    "35.208.0.0/12",
    "35.224.0.0/12",
    "35.240.0.0/13",
    "104.154.0.0/15",
    "104.196.0.0/14",
    "130.211.0.0/16",
    "146.148.0.0/17",
    // Microsoft
    "13.64.0.0/11",
    "20.36.0.0/14",
    "20.40.0.0/13",
    "20.48.0.0/12",
    "20.64.0.0/10",
    "20.192.0.0/10",
    "23.96.0.0/13",
    "40.64.0.0/10",
    "51.104.0.0/15",
    "51.136.0.0/15",
    "51.140.0.0/14",
    "51.144.0.0/15",
    "52.136.0.0/13",
    "52.148.0.0/14",
    "52.152.0.0/13",
    "52.160.0.0/11",
    "65.52.0.0/14",
    "104.40.0.0/13",
    "104.208.0.0/13",
    "137.116.0.0/15",
    "138.91.0.0/16",
    "168.61.0.0/16",
    "168.62.0.0/15",
    "191.232.0.0/13",
    // DigitalOcean
    "45.55.0.0/16",
    "46.101.0.0/16",
    "64.225.0.0/16",
    "64.227.0.0/16",
    "67.205.128.0/18",
    "68.183.0.0/16",
    "104.131.0.0/16",
    "104.236.0.0/16",
    "104.248.0.0/16",
    "107.170.0.0/16",
    "128.199.0.0/16",
    "134.122.0.0/16",
    "134.209.0.0/16",
    "137.184.0.0/16",
    "138.68.0.0/16",
    "138.197.0.0/16",
    "139.59.0.0/16",
    "142.93.0.0/16",
    "143.110.0.0/16",
    "143.198.0.0/16",
    "143.244.128.0/17",
    "146.190.0.0/16",
    "147.182.0.0/16",
    "157.230.0.0/16",
    "157.245.0.0/16",
    "159.65.0.0/16",
    "159.89.0.0/16",
    "159.203.0.0/16",
    "159.223.0.0/16",
    "161.35.0.0/16",
    "162.243.0.0/16",
    "164.90.0.0/16",
    "164.92.0.0/16",
    "165.22.0.0/16",
    "165.227.0.0/16",
    "165.232.0.0/16",
    "167.71.0.0/16",
    "167.99.0.0/16",
    "167.172.0.0/16",
    "170.64.0.0/16",
    "174.138.0.0/16",
    "178.62.0.0/16",
    "178.128.0.0/16",
    "188.166.0.0/16",
    "192.241.128.0/17",
    "198.199.64.0/18",
    "198.211.96.0/19",
    "206.189.0.0/16",
    "207.154.192.0/18",
    "209.38.0.0/16",
    "209.97.128.0/18",
    // Linode
    "45.33.0.0/17",
    "45.56.64.0/18",
    "45.79.0.0/16",
    "50.116.0.0/18",
    "66.228.32.0/19",
    "69.164.192.0/19",
    "74.207.224.0/19",
    "96.126.96.0/19",
    "109.74.192.0/20",
    "139.162.0.0/16",
    "172.104.0.0/15",
    "172.232.0.0/14",
    "173.230.128.0/19",
    "173.255.192.0/18",
    "176.58.96.0/19",
    "178.79.128.0/18",
    "192.155.80.0/20",
    "198.58.96.0/19",
    "198.74.48.0/20",
    // Vultr
    "45.32.0.0/16",
    "45.63.0.0/17",
    "45.76.0.0/15",
    "66.42.32.0/19",
    "66.42.64.0/18",
    "78.141.192.0/18",
    "95.179.128.0/17",
    "104.156.224.0/19",
    "104.207.128.0/19",
    "104.238.128.0/18",
    "107.191.32.0/19",
    "108.61.0.0/16",
    "136.244.64.0/18",
    "140.82.0.0/18",
    "141.164.32.0/19",
    "144.202.0.0/17",
    "149.28.0.0/16",
    "149.248.0.0/18",
    "155.138.128.0/17",
    "158.247.192.0/18",
    "199.247.0.0/19",
    "202.182.96.0/19",
    "207.148.64.0/18",
    "207.246.64.0/18",
    "209.250.224.0/19",
    "216.128.128.0/18",
    // Hetzner
    "5.9.0.0/16",
    "5.75.128.0/17",
    "23.88.0.0/17",
    "37.27.0.0/16",
    "46.4.0.0/16",
    "49.12.0.0/15",
    "65.21.0.0/16",
    "65.108.0.0/15",
    "78.46.0.0/15",
    "88.99.0.0/16",
    "88.198.0.0/16",
    "91.107.128.0/17",
    "94.130.0.0/16",
    "95.216.0.0/15",
    "116.202.0.0/15",
    "128.140.0.0/17",
    "135.181.0.0/16",
    "136.243.0.0/16",
    "138.201.0.0/16",
    "142.132.128.0/17",
    "144.76.0.0/16",
    "148.251.0.0/16",
    "157.90.0.0/16",
    "159.69.0.0/16",
    "162.55.0.0/16",
    "167.235.0.0/16",
    "168.119.0.0/16",
    "176.9.0.0/16",
    "178.63.0.0/16",
    "188.34.128.0/17",
    "188.40.0.0/16",
    "195.201.0.0/16",
    "213.239.192.0/18",
    // OVH
    "5.39.0.0/17",
    "5.135.0.0/16",
    "5.196.0.0/16",
    "37.59.0.0/16",
    "37.187.0.0/16",
    "46.105.0.0/16",
    "51.38.0.0/16",
    "51.68.0.0/16",
    "51.75.0.0/16",
    "51.77.0.0/16",
    "51.79.0.0/16",
    "51.81.0.0/16",
    "51.83.0.0/16",
    "51.89.0.0/16",
    "51.91.0.0/16",
    "51.161.0.0/16",
    "51.178.0.0/16",
    "51.195.0.0/16",
    "51.210.0.0/16",
    "51.222.0.0/16",
    "51.254.0.0/15",
    "54.36.0.0/15",
    "54.38.0.0/16",
    "87.98.128.0/17",
    "91.121.0.0/16",
    "92.222.0.0/16",
    "94.23.0.0/16",
    "135.125.0.0/16",
    "135.148.0.0/16",
    "137.74.0.0/16",
    "139.99.0.0/16",
    "141.94.0.0/15",
    "142.4.192.0/19",
    "144.217.0.0/16",
    "145.239.0.0/16",
    "146.59.0.0/16",
    "147.135.0.0/16",
    "149.56.0.0/16",
    "149.202.0.0/16",
    "151.80.0.0/16",
    "152.228.128.0/17",
    "158.69.0.0/16",
    "162.19.0.0/16",
    "164.132.0.0/16",
    "167.114.0.0/16",
    "176.31.0.0/16",
    "178.32.0.0/15",
    "188.165.0.0/16",
    "192.95.0.0/18",
    "192.99.0.0/16",
    "193.70.0.0/17",
    "198.27.64.0/18",
    "198.50.128.0/17",
    "198.245.48.0/20",
    "213.32.0.0/17",
    "213.186.32.0/19",
    "213.251.128.0/18",
    "217.182.0.0/16",
    // Scaleway
    "51.15.0.0/16",
    "51.158.0.0/15",
    "62.210.0.0/16",
    "163.172.0.0/16",
    "195.154.0.0/16",
    "212.47.224.0/19",
    // Contabo
    "5.189.128.0/18",
    "38.242.128.0/17",
    "62.171.128.0/18",
    "75.119.128.0/19",
    "80.241.208.0/20",
    "84.247.128.0/18",
    "109.199.96.0/19",
    "144.91.64.0/18",
    "161.97.64.0/18",
    "164.68.96.0/19",
    "167.86.64.0/18",
    "173.212.192.0/18",
    "173.249.0.0/18",
    "207.180.192.0/18",
    "213.136.64.0/19",
    // Oracle
    "129.146.0.0/16",
    "129.213.0.0/16",
    "130.61.0.0/16",
    "132.145.0.0/16",
    "132.226.0.0/16",
    "140.238.0.0/16",
    "150.136.0.0/16",
    "152.67.0.0/16",
    "152.70.0.0/16",
    "158.101.0.0/16",
    "168.138.0.0/16",
    "193.122.0.0/15",
    // Alibaba
    "8.208.0.0/12",
    "47.74.0.0/15",
    "47.76.0.0/14",
    "47.80.0.0/13",
    "47.88.0.0/14",
];

/// The same, where commercial VPNs come out.
const VPN_BLOCKS: &[&str] = &[
    // Datacamp
    "37.19.192.0/19",
    "84.17.32.0/19",
    "89.187.160.0/19",
    "138.199.0.0/18",
    "143.244.32.0/19",
    "156.146.32.0/19",
    "169.150.192.0/18",
    "185.59.220.0/22",
    "195.181.160.0/20",
    "212.102.32.0/19",
    // M247
    "37.120.128.0/17",
    "82.102.16.0/20",
    "146.70.0.0/16",
    "185.94.188.0/22",
    // 31173 (Mullvad)
    "185.65.132.0/22",
    "193.138.218.0/24",
];

/// First and last address of each block, in order, and whether commercial VPNs come out there.
static BLOCKS: LazyLock<Vec<(u32, u32, bool)>> = LazyLock::new(|| {
    let of = |list: &'static [&'static str], is_vpn| {
        list.iter().filter_map(move |block| {
            let block: Ipv4Net = block.parse().ok()?;
            Some((u32::from(block.network()), u32::from(block.broadcast()), is_vpn))
        })
    };
    let mut blocks: Vec<_> = of(HOSTING_BLOCKS, false).chain(of(VPN_BLOCKS, true)).collect();
    blocks.sort_unstable();
    blocks
});

/// Whether an IPv4 address is a hosting provider's, and whether a commercial VPN comes out there.
pub(crate) fn is_hosting_address(address: u32) -> (bool, bool) {
    let after = BLOCKS.partition_point(|(first, ..)| *first <= address);
    let block = after.checked_sub(1).and_then(|at| BLOCKS.get(at));
    block.filter(|(_, last, _)| address <= *last).map_or((false, false), |block| (true, block.2))
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
    fn no_block_is_misspelt_and_none_lies_in_another() {
        assert_eq!(BLOCKS.len(), HOSTING_BLOCKS.len() + VPN_BLOCKS.len());
        assert!(BLOCKS.windows(2).all(|pair| pair[0].1 < pair[1].0));
    }

    #[test]
    fn an_address_tells_its_provider() {
        let of =
            |text: &str| is_hosting_address(text.parse::<std::net::Ipv4Addr>().unwrap().into());
        assert_eq!(of("159.65.175.149"), (true, false));
        assert_eq!(of("89.187.191.255"), (true, true));
        assert_eq!(of("89.187.192.0"), (false, false));
        assert_eq!(of("0.0.0.1"), (false, false));
        assert_eq!(of("255.255.255.255"), (false, false));
    }

    #[test]
    fn a_name_or_a_number_is_enough() {
        assert!(is_hosting("M247 Europe SRL"));
        assert!(is_hosting_number(9_009));
        assert!(!is_hosting("Example Cable"));
        assert!(!is_hosting_number(0));
    }
}
