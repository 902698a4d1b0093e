//! The owner of this machine: who is served while no key is configured.
//!
//! Loopback only: another bind address is refused, and so are requests that name another host (a
//! page in the owner's browser whose name points here) or came through a proxy. The token is in the
//! file `owner.token` of the data directory, which only its owner can read.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use http::{HeaderMap, header};
use ring::rand::{SecureRandom, SystemRandom};
use subtle::ConstantTimeEq;
use thiserror::Error;
use uuid::Uuid;

use super::error::AuthError;
use super::identity::{Identity, Person};
use super::right::Rights;
use super::role::{Role, Roles};
use qt_trading::ids::TenantId;
use qt_trading::secret::Secret;

/// The file of the token in the data directory.
pub const TOKEN_FILE: &str = "owner.token";
/// What every owner's token begins with.
const PREFIX: &str = "qt_owner_";
/// Prefix and 32 bytes in hex.
const TOKEN_BYTES: usize = PREFIX.len() + 64;
/// The owner's tenant: the same on every machine, since nothing leaves it.
pub const OWNER_TENANT: TenantId =
    TenantId(Uuid::from_u128(0x0000_0000_0000_8000_8000_0000_0000_0001));

/// Why there is no owner's token.
#[derive(Debug, Error)]
pub enum OwnerError {
    /// The file cannot be read or written.
    #[error(
        "{}: {source}: name a folder that you may write to by QUANTTRADE_DATA_DIR",
        path.display()
    )]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others can read it, or it is no plain file of ours.
    #[error("{}: others may have read it: remove it, and a new one is made", .0.display())]
    Open(PathBuf),
    /// Something else is in it.
    #[error("{}: no owner token is in it: remove it, and a new one is made", .0.display())]
    Content(PathBuf),
    /// The bind address is not this machine.
    #[error(
        "{0} is reachable from other machines, and no key is configured: set JWT_SECRET_KEY \
         (`quanttrade token --help`) or JWT_JWKS_URL, or listen on 127.0.0.1"
    )]
    Bind(SocketAddr),
}

/// The owner's token.
#[derive(Clone, Debug)]
pub struct Owner {
    token: Secret,
    path: PathBuf,
}

impl Owner {
    /// The token of the data directory `folder`, made at first use.
    ///
    /// # Errors
    /// When the file cannot be had, or others may have read it.
    pub fn open(folder: &Path) -> Result<Self, OwnerError> {
        let path = folder.join(TOKEN_FILE);
        if let Some(owner) = Self::find(folder)? {
            return Ok(owner);
        }
        let failed = |source| OwnerError::File { path: path.clone(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        // Written beside and linked, so that two processes that start at once agree on one.
        let beside = folder.join(format!(".{TOKEN_FILE}.{}", Uuid::now_v7()));
        let written = write_new(&beside).and_then(|()| match fs::hard_link(&beside, &path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            other => other,
        });
        // Left behind it would be in nobody's way.
        let _ = fs::remove_file(&beside);
        written.map_err(failed)?;
        Self::find(folder)?.ok_or_else(|| failed(ErrorKind::NotFound.into()))
    }

    /// The token that is there already: what the command line uses.
    ///
    /// # Errors
    /// When the file cannot be read, or others may have read it.
    pub fn find(folder: &Path) -> Result<Option<Self>, OwnerError> {
        let path = folder.join(TOKEN_FILE);
        let failed = |source| OwnerError::File { path: path.clone(), source };
        let about = match fs::symlink_metadata(&path) {
            Ok(about) => about,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        if !about.is_file() || about.mode() & 0o077 != 0 {
            return Err(OwnerError::Open(path));
        }
        let mut text = String::new();
        let file = File::open(&path).map_err(failed)?;
        let limit = TOKEN_BYTES as u64 + 2;
        file.take(limit).read_to_string(&mut text).map_err(failed)?;
        let token = text.trim_end();
        let is_token = token.len() == TOKEN_BYTES
            && token.strip_prefix(PREFIX).is_some_and(|hex| hex.bytes().all(is_hex));
        if !is_token {
            return Err(OwnerError::Content(path));
        }
        Ok(Some(Self { token: Secret::new(token), path }))
    }

    /// The token, to be printed on a terminal and nowhere else.
    #[must_use]
    pub const fn token(&self) -> &Secret {
        &self.token
    }

    /// Where it is kept.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Who has the token. The comparison takes the same time wherever they differ.
    ///
    /// # Errors
    /// When it is another.
    pub fn verify(&self, token: &str) -> Result<Identity, AuthError> {
        let is_same: bool = self.token.reveal().as_bytes().ct_eq(token.as_bytes()).into();
        if !is_same {
            return Err(AuthError::Signature);
        }
        Ok(Identity {
            user: "owner".to_owned(),
            tenant: OWNER_TENANT,
            home_tenant: OWNER_TENANT,
            roles: Roles::NONE.with(Role::SuperAdmin),
            granted: Rights::NONE,
            person: Some(Person { issuer: "owner".to_owned(), subject: "owner".to_owned() }),
            is_impersonation: false,
            is_owner: true,
            token_id: None,
            session_id: None,
            expires_at: None,
            source: None,
        })
    }
}

const fn is_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'a'..=b'f')
}

fn write_new(path: &Path) -> std::io::Result<()> {
    let mut bytes = [0_u8; 32];
    let no_luck = |_| std::io::Error::other("the system gives no random numbers");
    SystemRandom::new().fill(&mut bytes).map_err(no_luck)?;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(format!("{PREFIX}{hex}\n").as_bytes())?;
    file.sync_all()
}

/// Whether a service without keys may listen on `address`.
///
/// # Errors
/// [`OwnerError::Bind`] for an address that other machines can reach.
pub fn check_bind(address: SocketAddr) -> Result<(), OwnerError> {
    if is_loopback(address.ip()) { Ok(()) } else { Err(OwnerError::Bind(address)) }
}

fn is_loopback(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback(),
        IpAddr::V6(v6) => {
            v6 == Ipv6Addr::LOCALHOST || v6.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback())
        }
    }
}

/// Headers that only a proxy writes.
const PROXY: [&str; 8] = [
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "x-original-host",
];

/// Whether a request comes from this machine, directly, and to this machine by its own name. In
/// owner mode every request is asked this first, also those that need no token. `authority` is the
/// host of the request line where that has one (`GET http://host/path`).
///
/// # Errors
/// [`AuthError::NotLocal`] when not.
pub fn check_local(
    peer: SocketAddr,
    authority: Option<&str>,
    headers: &HeaderMap,
) -> Result<(), AuthError> {
    if !is_loopback(peer.ip()) {
        return Err(AuthError::NotLocal("the caller is another machine"));
    }
    let is_proxy = |name: &str| PROXY.contains(&name) || name.starts_with("x-forwarded");
    if headers.keys().any(|name| is_proxy(name.as_str())) {
        return Err(AuthError::NotLocal("the request came through a proxy"));
    }
    let other = AuthError::NotLocal("the host must be localhost, 127.0.0.1 or [::1]");
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err(other) };
    let is_ours = host.to_str().is_ok_and(is_local_host);
    if is_ours && authority.is_none_or(is_local_host) { Ok(()) } else { Err(other) }
}

/// Whether `host`, with or without a port, is this machine by one of its own names.
#[must_use]
pub fn is_local_host(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    };
    let is_port = port.is_none_or(|port| {
        port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok()
    });
    is_port && (name.eq_ignore_ascii_case("localhost") || matches!(name, "127.0.0.1" | "[::1]"))
}
