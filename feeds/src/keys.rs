//! Keys of a venue: read from a file that nobody else can read, or from the environment; never
//! printed.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::ed25519::KeyError;
use crate::{Ed25519Key, HmacKey, Secret};

/// No file with keys is longer.
const BYTES_MAX: u64 = 65_536;

/// What proves to a venue who asks.
#[derive(Debug)]
pub struct Keys {
    /// The key's name, which the venue has given.
    pub api_key: Secret,
    /// What belongs to it.
    pub secret: KeySecret,
}

/// The secret half of a key.
#[derive(Debug)]
pub enum KeySecret {
    /// Text that the venue has as well.
    Hmac(HmacKey),
    /// A private key.
    Ed25519(Ed25519Key),
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The file is not there, or cannot be read.
    #[error("{path}: {source}: name a file that this user can read")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others can read the file.
    #[error("{path}: other users can read it (mode {mode:o}): run chmod 600 on it")]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It is no file, or far too long.
    #[error("{0}: this is no file of keys, which has a few lines of text")]
    NoFile(PathBuf),
    /// A line that is none.
    #[error(
        "{path}: line {line} is none of api_key = .., secret = .., private_key = FILE, and no part \
         of a PEM block"
    )]
    Line {
        /// The file.
        path: PathBuf,
        /// Which one, from 1.
        line: usize,
    },
    /// Something is missing.
    #[error("{place}: {name} is missing")]
    Missing {
        /// Where.
        place: String,
        /// What.
        name: String,
    },
    /// More than one secret.
    #[error("{0}: there is a secret and a private key: give one of them")]
    Both(String),
    /// The private key is none.
    #[error("{place}: {source}")]
    Key {
        /// Where.
        place: String,
        /// Why.
        source: KeyError,
    },
}

/// What was found, before it is put together.
#[derive(Default)]
struct Found {
    api_key: Option<Secret>,
    secret: Option<Secret>,
    pem: Option<Secret>,
}

impl Found {
    fn keys(self, place: &str, names: [&str; 2]) -> Result<Keys, KeysError> {
        let missing =
            |name: &str| KeysError::Missing { place: place.to_owned(), name: name.to_owned() };
        let api_key = self.api_key.ok_or_else(|| missing(names[0]))?;
        let secret = match (self.secret, self.pem) {
            (Some(_), Some(_)) => return Err(KeysError::Both(place.to_owned())),
            (Some(secret), None) => KeySecret::Hmac(HmacKey::new(&secret)),
            (None, Some(pem)) => {
                let place = place.to_owned();
                let key = Ed25519Key::from_pem(&pem);
                KeySecret::Ed25519(key.map_err(|source| KeysError::Key { place, source })?)
            }
            (None, None) => return Err(missing(names[1])),
        };
        Ok(Keys { api_key, secret })
    }
}

impl Keys {
    /// Those in the file at `path`: lines `api_key = ..` and `secret = ..`, or in the place of the
    /// second the private key as PEM, or `private_key = ..` with the path of a file that holds it
    /// (beside this one, if it is relative). Lines that begin with `#` are comments.
    ///
    /// # Errors
    /// When it cannot be read, other users can read it, or it is something else.
    pub fn from_file(path: &Path) -> Result<Self, KeysError> {
        let text = read(path)?;
        let mut found = Found::default();
        let mut pem = Zeroizing::new(String::with_capacity(text.len()));
        let mut is_pem = false;
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if is_pem || line.starts_with("-----BEGIN") {
                is_pem = !line.starts_with("-----END");
                pem.push_str(line);
                pem.push('\n');
                continue;
            }
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let value = line.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
            let value = value.map(|(name, value)| (name, value.trim_matches('"')));
            match value.filter(|(_, value)| !value.is_empty()) {
                Some(("api_key", value)) => found.api_key = Some(Secret::new(value)),
                Some(("secret", value)) => found.secret = Some(Secret::new(value)),
                Some(("private_key", value)) => {
                    let beside = path.parent().unwrap_or(Path::new("")).join(value);
                    found.pem = Some(Secret::new(read(&beside)?.as_bytes()));
                }
                _ => return Err(KeysError::Line { path: path.to_owned(), line: at + 1 }),
            }
        }
        if !pem.is_empty() {
            found.pem = Some(Secret::new(pem.as_bytes()));
        }
        found.keys(&path.display().to_string(), ["api_key", "secret"])
    }

    /// Those in the environment, which `look` looks things up in: `PREFIX_API_KEY`, and
    /// `PREFIX_API_SECRET` or `PREFIX_PRIVATE_KEY` (a file).
    ///
    /// # Errors
    /// When something is missing, or is something else.
    pub fn from_environment(
        prefix: &str,
        look: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, KeysError> {
        let [api_key, secret, private_key] =
            ["API_KEY", "API_SECRET", "PRIVATE_KEY"].map(|name| format!("{prefix}_{name}"));
        let value = |name: &str| look(name).filter(|value| !value.is_empty());
        let pem = match value(&private_key) {
            Some(path) => Some(Secret::new(read(Path::new(&path))?.as_bytes())),
            None => None,
        };
        let found = Found {
            api_key: value(&api_key).map(Secret::new),
            secret: value(&secret).map(Secret::new),
            pem,
        };
        let either = format!("{secret} or {private_key}");
        found.keys("the environment", [&api_key, &either])
    }
}

fn read(path: &Path) -> Result<Zeroizing<String>, KeysError> {
    let failed = |source| KeysError::Read { path: path.to_owned(), source };
    let mut file = fs::OpenOptions::new().read(true).open(path).map_err(failed)?;
    // Of the open file: what the name stands for may change in between.
    let about = file.metadata().map_err(failed)?;
    if !about.is_file() || about.len() > BYTES_MAX {
        return Err(KeysError::NoFile(path.to_owned()));
    }
    check_mode(path, &about)?;
    // All of it at once: text that grows leaves copies of itself behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(BYTES_MAX as usize + 1));
    file.by_ref().take(BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
    match str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(KeysError::NoFile(path.to_owned())),
    }
}

#[cfg(unix)]
fn check_mode(path: &Path, about: &fs::Metadata) -> Result<(), KeysError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = about.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeysError::Open { path: path.to_owned(), mode });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_mode(_: &Path, _: &fs::Metadata) -> Result<(), KeysError> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

    use super::*;

    const PEM: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEIIJEYWtGBrhACmb9Dvy+qa8WEf0lQOl1s4CLIAB9m89u\n\
        -----END PRIVATE KEY-----\n";

    /// A file of its own for each test, gone behind it.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let folder =
                std::env::temp_dir().join(format!("qt-keys-{}-{name}", std::process::id()));
            fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }

        fn file(&self, name: &str, text: &str) -> PathBuf {
            let path = self.0.join(name);
            let mut options = fs::OpenOptions::new();
            let mut file =
                options.write(true).create(true).truncate(true).mode(0o600).open(&path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
            path
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn both_kinds_of_files() {
        let scratch = Scratch::new("kinds");
        let path = scratch.file("hmac", "# mine\napi_key = \"abc\"\n\nsecret=xyz\n");
        let keys = Keys::from_file(&path).unwrap();
        assert_eq!(keys.api_key.bytes(), b"abc");
        assert!(matches!(keys.secret, KeySecret::Hmac(_)));
        let shown = format!("{keys:?}");
        assert!(!shown.contains("abc") && !shown.contains("xyz"), "{shown}");
        let inside = scratch.file("inside", &format!("api_key = abc\n{PEM}"));
        scratch.file("key.pem", PEM);
        let beside = scratch.file("beside", "api_key=abc\nprivate_key = key.pem\n");
        for path in [inside, beside] {
            let keys = Keys::from_file(&path).unwrap();
            assert!(matches!(keys.secret, KeySecret::Ed25519(_)), "{}", path.display());
        }
    }

    #[test]
    fn files_that_are_none() {
        let scratch = Scratch::new("none");
        let told = |path: &Path| Keys::from_file(path).unwrap_err().to_string();
        let both = format!("api_key = x\nsecret = y\n{PEM}");
        for (text, wanted) in [
            ("", "api_key is missing"),
            ("secret = x", "api_key is missing"),
            ("api_key = x", "secret is missing"),
            ("api_key = x\nsecret =", "line 2"),
            ("api_key = x\npassword = y", "line 2"),
            ("api_key = x\nnonsense", "line 2"),
            ("api_key = x\n-----BEGIN PRIVATE KEY-----\nzzz\n-----END", "no PEM"),
            (&both, "give one of them"),
            ("api_key = x\nprivate_key = nowhere.pem", "nowhere.pem"),
        ] {
            let text_of = told(&scratch.file("keys", text));
            assert!(text_of.contains(wanted), "{text:?}: {text_of}");
            assert!(!text_of.contains("zzz"), "{text_of}");
        }
        assert!(told(&scratch.0.join("not there")).contains("not there"));
        assert!(told(&scratch.0).contains("no file of keys"));
        assert!(told(&scratch.file("long", &"#\n".repeat(40_000))).contains("no file of keys"));
        let path = scratch.file("open", "api_key = x\nsecret = y");
        for mode in [0o644, 0o640, 0o604, 0o660] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(told(&path).contains("chmod 600"), "{mode:o}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        assert!(Keys::from_file(&path).is_ok());
    }

    #[test]
    fn keys_of_the_environment() {
        let scratch = Scratch::new("environment");
        let pem = scratch.file("key.pem", PEM).display().to_string();
        let keys = |pairs: &[(&str, &str)]| {
            Keys::from_environment("SPOT", |name| {
                pairs.iter().find(|it| it.0 == name).map(|it| it.1.to_owned())
            })
        };
        let told = |pairs: &[(&str, &str)]| keys(pairs).unwrap_err().to_string();
        assert!(keys(&[("SPOT_API_KEY", "a"), ("SPOT_API_SECRET", "b")]).is_ok());
        assert!(keys(&[("SPOT_API_KEY", "a"), ("SPOT_PRIVATE_KEY", &pem)]).is_ok());
        assert!(told(&[]).contains("SPOT_API_KEY is missing"));
        assert!(told(&[("SPOT_API_KEY", "")]).contains("SPOT_API_KEY is missing"));
        let neither = told(&[("SPOT_API_KEY", "a")]);
        assert!(neither.contains("SPOT_API_SECRET or SPOT_PRIVATE_KEY is missing"), "{neither}");
        let both =
            [("SPOT_API_KEY", "a"), ("SPOT_API_SECRET", "b"), ("SPOT_PRIVATE_KEY", pem.as_str())];
        assert!(told(&both).contains("give one of them"));
    }
}
