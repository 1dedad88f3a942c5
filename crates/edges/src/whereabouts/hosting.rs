//! Networks that servers live in, where people seldom sit.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;

use ipnet::IpNet;

use super::AtlasError;

/// The most lines that a list may have. Public lists of data-centre ranges have some ten thousand.
pub const HOSTING_LINES_MAX: usize = 1_000_000;

/// The largest such list, in bytes: 64 MiB.
pub const HOSTING_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Autonomous systems whose holders sell servers, with the name that the holder registered.
///
/// Number, name and holder of each can be asked for at the regional registry that assigned it (`whois`
/// or RDAP: ARIN, RIPE NCC or APNIC, as the comment says). Left out on purpose are networks that carry
/// both servers and many people: Google's AS15169, and Cloudflare's AS13335 and Akamai's AS36183, where
/// the private relays of phones come out. An operator's list can add them.
pub const KNOWN_HOSTING: [(u32, &str); 20] = [
    (8_075, "MICROSOFT-CORP-MSN-AS-BLOCK"), // ARIN: Microsoft, with Azure
    (9_009, "M247"),                        // RIPE NCC: M247, home of many VPN exits
    (12_876, "Online SAS"),                 // RIPE NCC: Scaleway
    (14_061, "DIGITALOCEAN-ASN"),           // ARIN: DigitalOcean
    (14_618, "AMAZON-AES"),                 // ARIN: Amazon Web Services
    (16_276, "OVH"),                        // RIPE NCC: OVHcloud
    (16_509, "AMAZON-02"),                  // ARIN: Amazon Web Services
    (20_473, "AS-VULTR"),                   // ARIN: The Constant Company, Vultr
    (24_940, "HETZNER-AS"),                 // RIPE NCC: Hetzner Online
    (31_898, "ORACLE-BMC-31898"),           // ARIN: Oracle Cloud
    (36_351, "SOFTLAYER"),                  // ARIN: IBM Cloud
    (36_352, "AS-COLOCROSSING"),            // ARIN: ColoCrossing
    (37_963, "ALIBABA-CN-NET"),             // APNIC: Alibaba Cloud, China
    (45_102, "ALIBABA-CN-NET"),             // APNIC: Alibaba Cloud, elsewhere
    (51_167, "CONTABO"),                    // RIPE NCC: Contabo
    (53_667, "PONYNET"),                    // ARIN: FranTech Solutions, BuyVM
    (60_068, "CDN77"),                      // RIPE NCC: Datacamp, home of many VPN exits
    (63_949, "AKAMAI-LINODE-AP"),           // APNIC: Linode
    (132_203, "TENCENT-NET-AP-CN"),         // APNIC: Tencent Cloud
    (396_982, "GOOGLE-CLOUD-PLATFORM"),     // ARIN: Google Cloud
];

/// Which networks count as hosting: [`KNOWN_HOSTING`] and what an operator's list adds.
#[derive(Clone, Debug)]
pub struct Hosting {
    numbers: BTreeSet<u32>,
    ranges: BTreeSet<IpNet>,
}

impl Default for Hosting {
    fn default() -> Self {
        let numbers = KNOWN_HOSTING.iter().map(|(asn, _)| *asn).collect();
        Self { numbers, ranges: BTreeSet::new() }
    }
}

impl Hosting {
    /// Adds the lines of a list; `path` is for the error only.
    ///
    /// ```text
    /// # Our own list
    /// AS64500          # a network
    /// 64501
    /// 203.0.113.0/24   # a range of addresses
    /// 2001:db8::7      # or a single one
    /// ```
    ///
    /// A range counts only where the table of networks knows the address: a network has a number.
    ///
    /// # Errors
    /// [`AtlasError::Hosting`] for the first line that is none, [`AtlasError::HostingTooLong`].
    pub fn parse(&mut self, text: &str, path: &Path) -> Result<(), AtlasError> {
        for (number, line) in (1..).zip(text.lines()) {
            if number > HOSTING_LINES_MAX {
                return Err(AtlasError::HostingTooLong { path: path.to_owned() });
            }
            let entry = line.split('#').next().unwrap_or_default().trim();
            if !entry.is_empty() && !self.add(entry) {
                return Err(AtlasError::Hosting { path: path.to_owned(), line: number });
            }
        }
        Ok(())
    }

    fn add(&mut self, entry: &str) -> bool {
        let digits = entry.strip_prefix("AS").or_else(|| entry.strip_prefix("as")).unwrap_or(entry);
        if let Ok(number) = digits.parse() {
            self.numbers.insert(number);
        } else if let Ok(range) = entry.parse::<IpNet>() {
            self.ranges.insert(range.trunc());
        } else if let Ok(ip) = entry.parse::<IpAddr>() {
            self.ranges.insert(IpNet::from(ip));
        } else {
            return false;
        }
        true
    }

    /// Whether this network, or this address of it, is listed.
    #[must_use]
    pub fn holds(&self, asn: u32, ip: IpAddr) -> bool {
        self.numbers.contains(&asn) || self.has_range_around(ip.to_canonical())
    }

    /// Tries each length: at most 129 look-ups, however long the list is.
    fn has_range_around(&self, ip: IpAddr) -> bool {
        let most = if ip.is_ipv4() { 32 } else { 128 };
        let ranges = (0..=most).filter_map(|length| IpNet::new(ip, length).ok());
        !self.ranges.is_empty()
            && ranges.map(|range| range.trunc()).any(|range| self.ranges.contains(&range))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(text: &str) -> Hosting {
        let mut hosting = Hosting::default();
        hosting.parse(text, Path::new("hosting.txt")).unwrap();
        hosting
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_list_adds_numbers_ranges_and_single_addresses() {
        let text = "# ours\nAS64500 # one\n64501\n\n203.0.113.77/25\r\n2001:db8::7\n";
        let hosting = listed(text);
        let elsewhere = ip("198.51.100.1");
        assert!(hosting.holds(64_500, elsewhere) && hosting.holds(64_501, elsewhere));
        assert!(!hosting.holds(64_502, elsewhere));
        assert!(hosting.holds(1, ip("203.0.113.127")) && !hosting.holds(1, ip("203.0.113.128")));
        assert!(hosting.holds(1, ip("::ffff:203.0.113.1")));
        assert!(hosting.holds(1, ip("2001:db8::7")) && !hosting.holds(1, ip("2001:db8::8")));
    }

    #[test]
    fn the_best_known_clouds_need_no_list() {
        let hosting = Hosting::default();
        assert!(hosting.holds(16_509, ip("203.0.113.1")));
        assert!(!hosting.holds(64_500, ip("203.0.113.1")));
        assert!(KNOWN_HOSTING.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn a_line_that_is_none_is_named_with_its_file() {
        for bad in ["AS", "AS-1", "203.0.113.0/33", "example.org", "AS4294967296"] {
            let parsed = Hosting::default().parse(&format!("# x\n{bad}"), Path::new("h.txt"));
            assert!(parsed.unwrap_err().to_string().starts_with("h.txt, line 2: "), "{bad}");
        }
    }
}
