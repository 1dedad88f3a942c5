//! From an address to a network and a place, by files that the operator brings.
//!
//! Nothing is bundled, for a table of addresses ages by the week and has a licence of its own.
//! [`Atlas::open`] takes `.mmdb` files as MaxMind, DB-IP and IPinfo give them away:
//!
//! | | MaxMind GeoLite2/GeoIP2, DB-IP | IPinfo |
//! |---|---|---|
//! | country | `country.iso_code` | `country_code`, or a two-letter `country` |
//! | city | `city.names.en` | `city` |
//! | point | `location.latitude`, `.longitude`, `.accuracy_radius` | `latitude`/`longitude` or `lat`/`lng`, as text |
//! | network | `autonomous_system_number`, `autonomous_system_organization` | `asn` (`AS64500`), `as_name` or `name` |
//!
//! A file with both (IPinfo Lite) may be given twice. What a file does not say is `None`: a phone then
//! shows "unknown", and nothing is guessed. Files are read into memory, never mapped: one that is
//! replaced while we look must not end the process.

mod hosting;
mod record;
#[cfg(test)]
mod tests;

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use maxminddb::{MaxMindDbError, Reader};
use pushback_verify::{Network, Place};
use serde_json::Value;

pub use hosting::{HOSTING_BYTES_MAX, HOSTING_LINES_MAX, Hosting, KNOWN_HOSTING};

use crate::address::is_local;

/// The largest table that is read, in bytes: 4 GiB. City tables that are sold have up to about 1 GiB.
pub const TABLE_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// Which files to read. Any may be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tables {
    /// An `.mmdb` file of places: cities, or only countries.
    pub places: Option<PathBuf>,
    /// An `.mmdb` file of networks (autonomous systems).
    pub networks: Option<PathBuf>,
    /// A list of hosting networks, beside [`KNOWN_HOSTING`]: [`Hosting::parse`] tells its form.
    pub hosting: Option<PathBuf>,
}

/// What is known about an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whereabouts {
    /// The network that it belongs to.
    pub network: Option<Network>,
    /// Where it is.
    pub place: Option<Place>,
}

/// Why a table cannot be used. Every one names its file.
#[derive(Debug, thiserror::Error)]
pub enum AtlasError {
    /// The file cannot be read.
    #[error("{}: cannot be read", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file has more than [`TABLE_BYTES_MAX`], or [`HOSTING_BYTES_MAX`].
    #[error("{}: is larger than {bytes_max} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// How large it may be.
        bytes_max: u64,
    },
    /// The file is no `.mmdb` file, or is damaged.
    #[error("{}: is not a table of addresses (.mmdb), or is damaged", path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// What the reader says.
        #[source]
        source: MaxMindDbError,
    },
    /// A line of the list of hosting networks is none.
    #[error("{}, line {line}: is neither a network number (AS64500) nor a range of addresses (203.0.113.0/24)", path.display())]
    Hosting {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// The list of hosting networks has more than [`HOSTING_LINES_MAX`] lines.
    #[error("{}: has more than {HOSTING_LINES_MAX} lines", path.display())]
    HostingTooLong {
        /// The file.
        path: PathBuf,
    },
}

/// Tables of addresses, in memory.
#[derive(Default)]
pub struct Atlas {
    places: Option<Table>,
    networks: Option<Table>,
    hosting: Hosting,
}

impl Atlas {
    /// Reads the files. Blocks for as long as the disk takes.
    ///
    /// # Errors
    /// [`AtlasError`], naming the file.
    pub fn open(tables: &Tables) -> Result<Self, AtlasError> {
        let open = |path: &Option<PathBuf>| path.as_deref().map(Table::open).transpose();
        let mut hosting = Hosting::default();
        if let Some(path) = &tables.hosting {
            let text = String::from_utf8_lossy(&read(path, HOSTING_BYTES_MAX)?).into_owned();
            hosting.parse(&text, path)?;
        }
        Ok(Self { places: open(&tables.places)?, networks: open(&tables.networks)?, hosting })
    }

    /// Looks an address up. One of the local network, or of no network at all, is nowhere.
    ///
    /// # Errors
    /// [`AtlasError::Table`] if a table turns out to be damaged. Nothing is known then.
    pub fn look_up(&self, ip: IpAddr) -> Result<Whereabouts, AtlasError> {
        let ip = ip.to_canonical();
        if is_local(ip) {
            return Ok(Whereabouts::default());
        }
        let ask = |table: &Option<Table>| table.as_ref().map(|table| table.record(ip)).transpose();
        let place = ask(&self.places)?.as_ref().and_then(record::place);
        let mut network = ask(&self.networks)?.as_ref().and_then(record::network);
        if let Some(network) = &mut network {
            network.is_hosting = self.hosting.holds(network.asn, ip);
        }
        Ok(Whereabouts { network, place })
    }
}

impl fmt::Debug for Atlas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = |table: &Option<Table>| table.as_ref().map(|table| table.path.clone());
        f.debug_struct("Atlas")
            .field("places", &path(&self.places))
            .field("networks", &path(&self.networks))
            .finish_non_exhaustive()
    }
}

struct Table {
    path: PathBuf,
    reader: Reader<Vec<u8>>,
}

impl Table {
    fn open(path: &Path) -> Result<Self, AtlasError> {
        let reader = Reader::from_source(read(path, TABLE_BYTES_MAX)?)
            .map_err(|source| AtlasError::Table { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), reader })
    }

    /// What the table says about an address; `Null` if nothing.
    fn record(&self, ip: IpAddr) -> Result<Value, AtlasError> {
        // A table of IPv4 alone knows nothing of IPv6; that is no damage.
        if ip.is_ipv6() && self.reader.metadata().ip_version == 4 {
            return Ok(Value::Null);
        }
        let found = self.reader.lookup(ip).and_then(|found| found.decode::<Value>());
        let found =
            found.map_err(|source| AtlasError::Table { path: self.path.clone(), source })?;
        Ok(found.unwrap_or_default())
    }
}

fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, AtlasError> {
    let io = |source| AtlasError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(io)?;
    let expected = file.metadata().map_err(io)?.len();
    if expected > bytes_max {
        return Err(AtlasError::TooLarge { path: path.to_owned(), bytes_max });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or_default());
    file.take(bytes_max).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}
