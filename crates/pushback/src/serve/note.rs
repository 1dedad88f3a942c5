//! Where the service was last started, for the commands beside it.
//!
//! `pushback serve --listen 127.0.0.1:9000` is known to that process only; an invitation printed in
//! another terminal would lead to the default port. So the service leaves its address beside its keys.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

const FILE: &str = "address.json";

/// The address of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// What it listens on.
    pub listen: SocketAddr,
    /// Under which people reach it.
    pub origin: String,
}

impl Note {
    /// Writes it into the service's folder; an older one is replaced whole.
    ///
    /// # Errors
    /// What the file system says.
    pub fn leave(&self, data: &Path) -> io::Result<()> {
        let new = data.join(format!("{FILE}.new"));
        fs::write(&new, serde_json::to_vec(self)?)?;
        fs::rename(new, Self::path(data))
    }

    /// The last one, if there is one that can be read. It only helps to make links, so a damaged one is
    /// none.
    pub fn read(data: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(Self::path(data)).ok()?).ok()
    }

    /// Where it is kept.
    pub fn path(data: &Path) -> PathBuf {
        data.join(FILE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_note_counts_and_a_damaged_one_does_not() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(Note::read(data.path()), None);
        for port in [9_000, 9_001] {
            let listen = SocketAddr::from(([127, 0, 0, 1], port));
            let note = Note { listen, origin: format!("http://localhost:{port}") };
            note.leave(data.path()).unwrap();
            assert_eq!(Note::read(data.path()), Some(note));
        }
        fs::write(data.path().join(FILE), "{").unwrap();
        assert_eq!(Note::read(data.path()), None);
    }
}
