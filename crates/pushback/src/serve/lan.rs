//! A second door for phones of the local network, for a trial.
//!
//! A browser makes keys on encrypted pages only, and a phone cannot reach `localhost`. So that somebody
//! can try their own phone without a name and an authority, this door is encrypted by a certificate
//! that vouches for itself: the phone warns of it, once, and shows the fingerprint that is printed
//! here. Nothing but the app is served behind it: no administration, no sign-in page.

use std::fs;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use axum_server::tls_rustls::RustlsConfig;
use pushback_app::{Clock as _, SystemClock};
use pushback_web::PhoneDoor;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use url::Url;

use super::private;
use super::wiring::SetupError;

/// How long a certificate is good: what Apple's browsers take at most of a new one.
const GOOD_FOR: Duration = Duration::from_secs(398 * 86_400);
/// A certificate that old is made anew: it would end within the month.
const NEW_AFTER: Duration = Duration::from_secs(365 * 86_400);

/// Which of this machine's addresses phones reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LanAddress {
    /// The one from which this machine reaches other networks.
    Own,
    /// This one.
    Is(IpAddr),
}

impl FromStr for LanAddress {
    type Err = std::net::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "own" { Ok(Self::Own) } else { text.parse().map(Self::Is) }
    }
}

impl LanAddress {
    /// The address.
    ///
    /// # Errors
    /// [`SetupError`] if this machine has no way to other machines.
    fn find(self) -> Result<IpAddr, SetupError> {
        let found = match self {
            Self::Is(ip) => return Ok(ip),
            // Connecting a datagram socket sends nothing; it only chooses the way. The address is one
            // of documentation (RFC 5737).
            Self::Own => UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| {
                socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
                socket.local_addr()
            }),
        };
        found.map(|address| address.ip()).map_err(|error| {
            SetupError::new(format!(
                "this machine's address on the local network is not known ({error}): name it, as in \
                 --lan=192.168.1.20"
            ))
        })
    }

    /// Where the door is, beside a service that listens on `port`: one port further.
    ///
    /// # Errors
    /// [`SetupError`] if the address cannot be found out.
    pub fn beside(self, port: u16) -> Result<SocketAddr, SetupError> {
        Ok(SocketAddr::new(self.find()?, port.saturating_add(1)))
    }

    /// The same, as phones are told.
    ///
    /// # Errors
    /// As [`Self::beside`].
    pub fn origin(self, port: u16) -> Result<Url, SetupError> {
        origin(self.beside(port)?)
    }
}

fn origin(listen: SocketAddr) -> Result<Url, SetupError> {
    Url::parse(&format!("https://{listen}"))
        .map_err(|error| SetupError::new(format!("{listen}: {error}")))
}

/// The door, not yet open.
pub struct Lan {
    /// What the pages say of it.
    pub door: PhoneDoor,
    pub listen: SocketAddr,
    pub tls: RustlsConfig,
}

impl Lan {
    /// Makes the door; its certificate is kept in `data`, so that a phone is asked once.
    ///
    /// # Errors
    /// [`SetupError`] if there is no certificate.
    pub async fn prepare(listen: SocketAddr, data: &Path) -> Result<Self, SetupError> {
        let ip = listen.ip();
        let origin = origin(listen)?;
        let (certificate, key) = certificate(data, ip, since_epoch())?;
        let der = rustls::pki_types::CertificateDer::from_pem_slice(certificate.as_bytes())
            .map_err(|error| SetupError::new(format!("the certificate for {ip}: {error}")))?;
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der);
        let pairs: Vec<String> = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        super::install_provider();
        let tls = RustlsConfig::from_pem(certificate.into_bytes(), key.into_bytes())
            .await
            .map_err(|error| SetupError::new(format!("the certificate for {ip}: {error}")))?;
        Ok(Self { door: PhoneDoor { origin, fingerprint: pairs.join(":") }, listen, tls })
    }
}

fn since_epoch() -> Duration {
    let millis = SystemClock.now().as_millis();
    Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}

/// A certificate for the address and its key, as PEM: the one that is kept, or a new one.
fn certificate(data: &Path, ip: IpAddr, now: Duration) -> Result<(String, String), SetupError> {
    let name = ip.to_string().replace(':', "-");
    let (certificate, key) =
        (data.join(format!("lan-{name}.pem")), data.join(format!("lan-{name}-key.pem")));
    let is_young = fs::metadata(&certificate).and_then(|m| m.modified()).is_ok_and(|at| {
        let made = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        now.saturating_sub(made) < NEW_AFTER
    });
    if is_young
        && let (Ok(certificate), Ok(key)) =
            (fs::read_to_string(&certificate), fs::read_to_string(&key))
    {
        return Ok((certificate, key));
    }
    let failed = |error: rcgen::Error| SetupError::new(format!("a certificate for {ip}: {error}"));
    let pair = KeyPair::generate().map_err(failed)?;
    let mut params = CertificateParams::new([ip.to_string()]).map_err(failed)?;
    params.distinguished_name.push(DnType::CommonName, format!("Pushback trial on {ip}"));
    params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    // Clocks of phones are not exact.
    params.not_before = epoch + now.saturating_sub(Duration::from_secs(86_400));
    params.not_after = epoch + now + GOOD_FOR;
    let made = params.self_signed(&pair).map_err(failed)?;
    let texts = (made.pem(), pair.serialize_pem());
    let unwritten = |path: &Path, error: std::io::Error| {
        SetupError::new(format!("{}: {error}", path.display()))
    };
    private::make_folder(data).map_err(|error| unwritten(data, error))?;
    for (path, text) in [(&key, &texts.1), (&certificate, &texts.0)] {
        fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| unwritten(path, error))?;
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_certificate_is_kept_so_that_a_phone_is_asked_once() {
        let data = tempfile::tempdir().unwrap();
        let at = LanAddress::Is("192.0.2.20".parse().unwrap()).beside(8420).unwrap();
        let first = Lan::prepare(at, data.path()).await.unwrap();
        let again = Lan::prepare(at, data.path()).await.unwrap();
        assert_eq!(first.door.fingerprint, again.door.fingerprint);
        assert_eq!(first.door.fingerprint.len(), 32 * 3 - 1);
        assert_eq!(first.door.origin.as_str(), "https://192.0.2.20:8421/");
        let other = LanAddress::Is("192.0.2.21".parse().unwrap()).beside(8420).unwrap();
        let other = Lan::prepare(other, data.path()).await.unwrap();
        assert_ne!(first.door.fingerprint, other.door.fingerprint);
    }

    #[test]
    fn an_address_is_named_or_found() {
        assert_eq!("own".parse(), Ok(LanAddress::Own));
        assert_eq!("10.0.0.2".parse(), Ok(LanAddress::Is("10.0.0.2".parse().unwrap())));
        assert!("example".parse::<LanAddress>().is_err());
        let v6 = LanAddress::Is("fd00::1".parse().unwrap()).origin(8420).unwrap();
        assert_eq!(v6.as_str(), "https://[fd00::1]:8421/");
    }
}
