//! What a run was made of, as its journal keeps it.

use qt_journal::Fingerprint;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Everything that decides what a run does, but for what happens. Two runs with the same manifest
/// and the same controls do the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The settings as words of a command line.
    pub words: Vec<String>,
    /// The data.
    pub data: Vec<DataMark>,
}

/// One file of the data, and a hash of what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataMark {
    /// Where it was.
    pub path: String,
    /// The hash of its records.
    pub hash: u64,
}

impl Manifest {
    /// The bytes that the journal keeps.
    ///
    /// # Errors
    /// Never for a manifest; the library cannot know.
    pub fn bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// The manifest of these bytes.
    ///
    /// # Errors
    /// When they are none.
    pub fn read(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// A short name of its content.
    ///
    /// # Errors
    /// As [`Self::bytes`].
    pub fn fingerprint(&self) -> Result<Fingerprint, serde_json::Error> {
        let digest = Sha256::digest(self.bytes()?);
        Ok(Fingerprint(digest.into()))
    }
}
