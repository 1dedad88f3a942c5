//! The service's configuration: TOML to checked values, with positions in every complaint.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use pushback_app::{Aaguid, PasskeyModels};
use pushback_verify::Policy;
use serde::Deserialize;

use crate::config::{Complaint, ConfigError, located, position, read, why};

mod check;

pub use self::check::check_program;

/// The shipped example; a test keeps it equal to the defaults.
pub const EXAMPLE: &str = include_str!("../../../../pushback-serve.example.toml");

/// Networks that hold no public addresses: private, loopback, link-local, unique local.
const INSIDE: [&str; 7] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "fc00::/7",
    "fe80::/10",
];

/// Everything that can be configured about the prompt service.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The service itself.
    pub service: Service,
    /// Encryption in this process; without, something in front of it encrypts.
    pub tls: Option<Tls>,
    /// Tables of addresses.
    pub tables: Tables,
    /// Where ranges of burned passwords come from.
    pub passwords: Passwords,
    /// Passkeys.
    pub passkeys: Passkeys,
    /// Waking phones.
    pub push: Push,
    /// Notices to people.
    pub notices: Notices,
    /// The rules' numbers.
    pub policy: Policy,
    /// Whether a file says where to listen.
    #[serde(skip)]
    pub has_listen: bool,
}

/// The service itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Service {
    /// What it is called, on phones and pages.
    pub name: String,
    /// The address and port that it listens on.
    #[serde(deserialize_with = "check::listen")]
    pub listen: SocketAddr,
    /// The address under which people reach it; by default this machine's own name and the port.
    pub origin: Option<String>,
    /// The folder of its keys and of the embedded database.
    pub data: PathBuf,
    /// The database: `sqlite:FILE` within the folder, or `postgres://...`.
    pub database: String,
    /// The audit chain of this node; nodes that have one each do not wait for each other.
    pub chain: String,
    /// How people reach the help desk, in their words.
    pub help_desk: String,
    /// Networks of proxies whose `X-Forwarded-For` is believed.
    #[serde(deserialize_with = "check::networks")]
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// The header in which those proxies hand over the client certificate that they have checked.
    /// Without, none counts.
    pub client_certificate_header: Option<String>,
}

/// Certificate and key for HTTPS.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The chain, PEM.
    pub certificate: PathBuf,
    /// The private key, PEM.
    pub key: PathBuf,
}

/// Tables of addresses (`.mmdb`) and a list of hosting networks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tables {
    /// Places.
    pub places: Option<PathBuf>,
    /// Networks.
    pub networks: Option<PathBuf>,
    /// Hosting providers and the like.
    pub hosting: Option<PathBuf>,
}

/// Where ranges of burned passwords come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Passwords {
    /// A folder of ranges, or one sorted file.
    pub local: Option<PathBuf>,
    /// A server that answers `GET /range/ABCDE`.
    pub upstream: Option<String>,
}

/// Passkeys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Passkeys {
    /// The models that may be bound; none for any.
    pub models: Vec<Model>,
}

/// A model of authenticators.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Its name, for people who bring another.
    pub name: String,
    /// Its maker's number for it.
    pub aaguid: Aaguid,
    /// Its maker's roots, PEM.
    pub roots: PathBuf,
}

/// Waking phones (Web Push).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Push {
    /// Whom a push service can write to about our messages: `mailto:` or an address of a page.
    /// Without, phones are not woken: they show what is open while the app is.
    pub contact: Option<String>,
}

/// Notices to people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Notices {
    /// Whom notices come from.
    pub from: Option<String>,
    /// A program that takes a message on standard input and sends it, such as `/usr/sbin/sendmail`.
    /// Without, messages are kept in the folder `notices` as files.
    pub sendmail: Option<PathBuf>,
}

impl Default for Service {
    fn default() -> Self {
        Self {
            name: "Pushback".to_owned(),
            listen: SocketAddr::from(([127, 0, 0, 1], 8_420)),
            origin: None,
            data: PathBuf::from("pushback-data"),
            database: "sqlite:pushback.db".to_owned(),
            chain: "main".to_owned(),
            help_desk: String::new(),
            trusted_proxies: Vec::new(),
            client_certificate_header: None,
        }
    }
}

impl Settings {
    /// Reads the settings; the defaults if no file is named. Paths are meant from the file's folder.
    ///
    /// # Errors
    /// [`ConfigError`] listing everything that is wrong.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(file) = file else { return Ok(Self::default()) };
        let (settings, text, complaints) = Self::read(file)?;
        refuse(file, &text, complaints)?;
        Ok(settings)
    }

    /// Reads a file as far as it can be read, with its text and what is wrong in it.
    fn read(file: &Path) -> Result<(Self, String, Vec<Complaint>), ConfigError> {
        let text = std::fs::read_to_string(file)
            .map_err(|error| ConfigError::new(format!("{}: {}", file.display(), why(&error))))?;
        let (mut settings, complaints) = Self::parse(&text);
        settings.has_listen = position(&text, "service.listen") > position(&text, "service");
        let folder = file.parent().unwrap_or(Path::new(""));
        let own = |path: &mut PathBuf| *path = folder.join(&*path);
        own(&mut settings.service.data);
        let Tables { places, networks, hosting } = &mut settings.tables;
        for path in [places, networks, hosting, &mut settings.passwords.local] {
            path.as_mut().map(own);
        }
        for model in &mut settings.passkeys.models {
            own(&mut model.roots);
        }
        if let Some(tls) = &mut settings.tls {
            own(&mut tls.certificate);
            own(&mut tls.key);
        }
        Ok((settings, text, complaints))
    }

    fn parse(text: &str) -> (Self, Vec<Complaint>) {
        let (settings, mut complaints) = read::<Self>(text);
        let mut problems = settings.policy.problems();
        // A value out of its range needs no second word about its neighbours.
        problems.dedup_by(|next, first| next.path == first.path);
        complaints.extend(problems.into_iter().map(|problem| {
            (position(text, &format!("policy.{}", problem.path)), problem.to_string())
        }));
        let problems = settings.problems();
        complaints.extend(problems.into_iter().map(|(key, what)| (position(text, key), what)));
        (settings, complaints)
    }

    /// The models that may be bound as passkeys, with their makers' roots from their files.
    ///
    /// # Errors
    /// Names the file or the model that cannot be used.
    pub fn models(&self) -> Result<PasskeyModels, String> {
        let mut models = PasskeyModels::default();
        for model in &self.passkeys.models {
            models = model.add_to(models)?;
        }
        Ok(models)
    }

    /// A header with certificates needs a proxy to believe.
    fn check_certificates(&self) -> Result<(), String> {
        let Some(header) = &self.service.client_certificate_header else { return Ok(()) };
        pushback_web::certificate_header(header)?;
        if self.service.trusted_proxies.is_empty() {
            return Err(
                "client_certificate_header is believed from trusted_proxies only, and there \
                        are none"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// Whoever hands over certificates is believed about who somebody is.
    // SECURITY: with a network of other people's machines anybody there could present anybody's
    // certificate, which is no secret. Guarded by
    // `with_certificates_proxies_are_single_hosts_or_inside`.
    fn check_proxies(&self) -> Result<(), String> {
        if self.service.client_certificate_header.is_none() {
            return Ok(());
        }
        let is_narrow = |net: &&ipnet::IpNet| net.prefix_len() == net.max_prefix_len();
        let is_inside = |net: &ipnet::IpNet| {
            INSIDE.iter().any(|inside| {
                inside.parse::<ipnet::IpNet>().is_ok_and(|inside| inside.contains(net))
            })
        };
        let wide = self.service.trusted_proxies.iter().filter(|net| !is_narrow(net));
        let wide: Vec<String> =
            wide.filter(|net| !is_inside(net)).map(ToString::to_string).collect();
        if wide.is_empty() {
            return Ok(());
        }
        Err(format!(
            "with client_certificate_header, trusted_proxies are single addresses or private networks: \
             whoever is in {} could present anybody's certificate",
            wide.join(", ")
        ))
    }

    /// The address under which people reach the service.
    pub fn origin(&self) -> String {
        self.service.origin.clone().unwrap_or_else(|| {
            let scheme = if self.tls.is_some() { "https" } else { "http" };
            format!("{scheme}://localhost:{}", self.service.listen.port())
        })
    }

    /// Passkeys and keys made in a browser need a page that browsers call secure.
    pub fn check_origin(&self) -> Result<url::Url, String> {
        let url =
            url::Url::parse(&self.origin()).map_err(|error| format!("the origin: {error}"))?;
        let is_local = url.domain() == Some("localhost");
        if url.scheme() != "https" && !(url.scheme() == "http" && is_local) {
            return Err("the origin is https://..., or http://localhost for a trial".to_owned());
        }
        if url.domain().is_none() {
            return Err("the origin has a host name, not an address: passkeys need one".to_owned());
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err("the origin is scheme, name and port, without a path".to_owned());
        }
        Ok(url)
    }
}

impl Model {
    fn add_to(&self, models: PasskeyModels) -> Result<PasskeyModels, String> {
        let Self { name, aaguid, roots } = self;
        let said = |what: &dyn std::fmt::Display| format!("{name}: {}: {what}", roots.display());
        let pem = std::fs::read(roots).map_err(|error| said(&why(&error)))?;
        models.with(*aaguid, name, &pem).map_err(|error| said(&error))
    }
}

/// Refuses a file that anything is wrong with.
fn refuse(file: &Path, text: &str, complaints: Vec<Complaint>) -> Result<(), ConfigError> {
    if complaints.is_empty() {
        return Ok(());
    }
    Err(ConfigError::new(located(file, text, complaints).join("\n")))
}

#[cfg(test)]
mod tests;
