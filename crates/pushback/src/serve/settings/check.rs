//! What is wrong with settings: in themselves, and with the files that they name.

use std::fmt::Display;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::str::FromStr;

use ipnet::IpNet;
use pushback_app::{PasskeyModels, whole};
use pushback_edges::passwords::{RangeSource, Upstream};
use pushback_edges::web_push::Contact;
use pushback_edges::whereabouts::{Atlas, Tables as TableFiles};
use pushback_store::{Keyring, Signer, Store};
use serde::de::{Deserialize, Deserializer, Error};

use super::{Passwords, Settings, refuse};
use crate::config::{ConfigError, why};
use crate::serve::{folder, tls};

/// A setting and what is wrong with it.
type Problem = (&'static str, String);

impl Settings {
    /// Checks a file, or the defaults, with everything that can be opened without changing anything.
    /// `given` sets what came from elsewhere and names those settings.
    ///
    /// # Errors
    /// [`ConfigError`] listing everything that is wrong.
    pub fn check(
        file: Option<&Path>,
        given: impl FnOnce(&mut Self) -> Vec<&'static str>,
    ) -> Result<(), ConfigError> {
        let (mut settings, text, mut complaints) = match file {
            Some(file) => Self::read(file)?,
            None => (Self::default(), String::new(), Vec::new()),
        };
        let elsewhere = given(&mut settings);
        let mut others = Vec::new();
        let mut found = settings.problems_outside();
        if !elsewhere.is_empty() {
            let of_them = settings.problems().into_iter();
            found.extend(of_them.filter(|(key, _)| elsewhere.contains(key)));
        }
        for (key, what) in found {
            // The place in the file would show another value.
            if file.is_none() || elsewhere.contains(&key) {
                others.push(format!("{key}: {what}"));
            } else {
                complaints.push((crate::config::position(&text, key), what));
            }
        }
        let of_file = refuse(file.unwrap_or(Path::new("")), &text, complaints);
        match of_file {
            Ok(()) if others.is_empty() => Ok(()),
            Ok(()) => Err(ConfigError::new(others.join("\n"))),
            Err(error) => {
                others.insert(0, error.to_string());
                Err(ConfigError::new(others.join("\n")))
            }
        }
    }

    /// What is wrong in the settings themselves.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        let mut put = |key, result: Result<(), String>| {
            if let Err(what) = result {
                found.push((key, what));
            }
        };
        put(
            "service.name",
            match self.service.name.trim() {
                "" => Err("the name is empty; phones and pages show who asks".to_owned()),
                _ => Ok(()),
            },
        );
        put("service.database", self.check_database());
        put("service.origin", self.check_origin().map(drop));
        put("service.client_certificate_header", self.check_certificates());
        put("service.trusted_proxies", self.check_proxies());
        let Passwords { local, upstream } = &self.passwords;
        if local.is_some() && upstream.is_some() {
            let what = "name a local list or an upstream, not both";
            put("passwords", Err(what.to_owned()));
        }
        if let Some(upstream) = upstream {
            let upstream = Upstream::new(upstream, false);
            put("passwords.upstream", upstream.map(drop).map_err(whole));
        }
        if let Some(contact) = &self.push.contact {
            put("push.contact", Contact::parse(contact).map(drop).map_err(whole));
        }
        found
    }

    /// Refuses what is neither a file nor a server's address that can be read.
    // SECURITY: an address that was mistyped may hold a password, so it is not repeated. Guarded by
    // `an_address_of_a_database_that_is_mistyped_is_refused_without_its_password`.
    pub fn check_database(&self) -> Result<(), String> {
        const FORMS: &str = "the database is a file within the folder, as in sqlite:pushback.db, or a server's address, \
             as in postgres://USER:PASSWORD@HOST/NAME";
        let database = &self.service.database;
        if database.starts_with("postgres://") || database.starts_with("postgresql://") {
            return Store::check_address(database).map_err(whole);
        }
        let file = database.strip_prefix("sqlite:");
        match file.unwrap_or(database) {
            "" => Err(FORMS.to_owned()),
            name if name.starts_with("//") => Err(FORMS.to_owned()),
            name if file.is_none() && name.contains([':', '@']) => {
                let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+.-".contains(c);
                match name.split_once("://").filter(|(scheme, _)| scheme.chars().all(is_scheme)) {
                    Some((scheme, _)) => Err(format!("{scheme}:// is not known: {FORMS}")),
                    None => Err(FORMS.to_owned()),
                }
            }
            _ => Ok(()),
        }
    }

    /// What is wrong with the files that the settings name.
    fn problems_outside(&self) -> Vec<Problem> {
        let mut found = self
            .tls
            .as_ref()
            .map_or_else(Vec::new, |files| tls::read(files).err().unwrap_or_default());
        let mut put = |key, result: Result<(), String>| {
            if let Err(what) = result {
                found.push((key, what));
            }
        };
        let table = |files: TableFiles| Atlas::open(&files).map(drop).map_err(whole);
        let super::Tables { places, networks, hosting } = self.tables.clone();
        put("tables.places", table(TableFiles { places, ..TableFiles::default() }));
        put("tables.networks", table(TableFiles { networks, ..TableFiles::default() }));
        put("tables.hosting", table(TableFiles { hosting, ..TableFiles::default() }));
        if let Some(path) = &self.passwords.local {
            put("passwords.local", passwords(path));
        }
        for model in &self.passkeys.models {
            put("passkeys.models", model.add_to(PasskeyModels::default()).map(drop));
        }
        if let Some(program) = &self.notices.sendmail {
            put("notices.sendmail", check_program(program));
        }
        let data = self.check_data();
        let is_fine = data.is_ok();
        put("service.data", data);
        if is_fine {
            let database = folder::check_database(&self.service, folder::By::Service);
            put("service.database", database.map_err(whole));
        }
        found
    }

    /// What is there of the folder can be used.
    fn check_data(&self) -> Result<(), String> {
        let data = &self.service.data;
        let name = data.display();
        match fs::metadata(data) {
            // The first start makes it.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(format!("{name}: {}", why(&error))),
            Ok(found) if !found.is_dir() => return Err(format!("{name} is no folder")),
            Ok(_) => {}
        }
        if folder::has_state(self).map_err(whole)? {
            Keyring::open(&data.join("keys")).map_err(whole)?;
        }
        let receipts = data.join("receipts.pem");
        if receipts.exists() {
            Signer::open(&receipts).map_err(whole)?;
        }
        Ok(())
    }
}

fn passwords(path: &Path) -> Result<(), String> {
    let list = RangeSource::local(path).map_err(whole)?;
    let opened = match list {
        RangeSource::Folder(_) => fs::read_dir(path).map(drop),
        _ => File::open(path).map(drop),
    };
    opened.map_err(|error| format!("{}: {}", path.display(), why(&error)))
}

/// A program is there and can be run by somebody.
pub fn check_program(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;
    let found =
        fs::metadata(path).map_err(|error| format!("{}: {}", path.display(), why(&error)))?;
    if found.is_file() && found.permissions().mode() & 0o111 != 0 {
        return Ok(());
    }
    Err(format!("{} is no program that can be run", path.display()))
}

/// A text that is read as a `T`; what cannot be is repeated, with an example.
fn parsed<'de, T: FromStr, D: Deserializer<'de>>(
    from: D,
    what: impl Display,
) -> Result<T, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map_err(|_| D::Error::custom(format!("`{text}` is {what}")))
}

pub(super) fn listen<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    parsed(from, "no address with a port, such as 127.0.0.1:8420")
}

pub(super) fn networks<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<IpNet>, D::Error> {
    struct Network(IpNet);
    impl<'de> Deserialize<'de> for Network {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            parsed(from, "no network, such as 10.0.0.0/8 or 203.0.113.7/32").map(Self)
        }
    }
    let networks = Vec::<Network>::deserialize(from)?;
    Ok(networks.into_iter().map(|network| network.0).collect())
}
