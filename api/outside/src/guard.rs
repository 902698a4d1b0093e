//! Which addresses may be called on behalf of a tenant.
//!
//! A tenant names where it wants to be told of events, and whoever is called from inside a network
//! sees a caller that belongs there. So everything that is not plainly the public internet is
//! refused, in all the forms in which an address of version 6 can carry one of version 4.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use thiserror::Error;
use ureq::http::Uri;
use ureq::http::uri::Scheme;

/// The longest address that is taken, in bytes.
pub const URL_BYTES_MAX: usize = 2_000;

/// Why an address is not called.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Refused(pub String);

fn refused(text: impl Into<String>) -> Refused {
    Refused(text.into())
}

/// A range of addresses, like `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    bits: u32,
}

impl Network {
    /// Whether `address` is one of it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(it)) => {
                let shift = 32 - self.bits;
                u32::from(base).checked_shr(shift) == u32::from(it).checked_shr(shift)
            }
            (IpAddr::V6(base), IpAddr::V6(it)) => {
                let shift = 128 - self.bits;
                u128::from(base).checked_shr(shift) == u128::from(it).checked_shr(shift)
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let wrong = || refused(format!("'{text}' is no network: write it like 10.0.0.0/8"));
        let (base, bits) = text.split_once('/').ok_or_else(wrong)?;
        let base: IpAddr = base.parse().map_err(|_| wrong())?;
        let bits: u32 = bits.parse().map_err(|_| wrong())?;
        let bits_max = if base.is_ipv4() { 32 } else { 128 };
        if bits > bits_max { Err(wrong()) } else { Ok(Self { base, bits }) }
    }
}

/// What is no public address of version 4.
const SPECIAL_V4: &[([u8; 4], u32)] = &[
    ([0, 0, 0, 0], 8),        // this network
    ([10, 0, 0, 0], 8),       // private
    ([100, 64, 0, 0], 10),    // shared by carriers
    ([127, 0, 0, 0], 8),      // loopback
    ([168, 63, 129, 16], 32), // the host of a cloud machine
    ([169, 254, 0, 0], 16),   // link-local, metadata of clouds
    ([172, 16, 0, 0], 12),    // private
    ([192, 0, 0, 0], 24),     // protocols
    ([192, 0, 2, 0], 24),     // documentation
    ([192, 88, 99, 0], 24),   // relays of 6to4
    ([192, 168, 0, 0], 16),   // private
    ([198, 18, 0, 0], 15),    // benchmarks
    ([198, 51, 100, 0], 24),  // documentation
    ([203, 0, 113, 0], 24),   // documentation
    ([224, 0, 0, 0], 3),      // multicast, reserved, broadcast
];

/// What is no public address of version 6 although it is in 2000::/3.
const SPECIAL_V6: &[([u16; 3], u32)] = &[
    ([0x2001, 0, 0], 23),     // protocols, Teredo
    ([0x2001, 0xdb8, 0], 32), // documentation
    ([0x2002, 0, 0], 16),     // 6to4: an address of version 4 inside
    ([0x3fff, 0, 0], 20),     // documentation
];

fn is_public(address: IpAddr) -> bool {
    let within = |network: Network| network.contains(address);
    match address {
        IpAddr::V4(_) => !SPECIAL_V4.iter().any(|(base, bits)| {
            within(Network { base: IpAddr::V4(Ipv4Addr::from(*base)), bits: *bits })
        }),
        // Mapped, compatible and translated (64:ff9b::/96) forms are outside of 2000::/3.
        IpAddr::V6(it) => {
            it.segments()[0] & 0xe000 == 0x2000
                && !SPECIAL_V6.iter().any(|([a, b, c], bits)| {
                    let base = IpAddr::V6(Ipv6Addr::new(*a, *b, *c, 0, 0, 0, 0, 0));
                    within(Network { base, bits: *bits })
                })
        }
    }
}

/// Which addresses may be called: public ones, and networks that a setting allows.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    allowed: Vec<Network>,
}

impl Guard {
    /// Public addresses, and `allowed`.
    #[must_use]
    pub const fn new(allowed: Vec<Network>) -> Self {
        Self { allowed }
    }

    /// Networks as a setting lists them: `127.0.0.0/8,10.1.0.0/16`.
    ///
    /// # Errors
    /// Names what is no network.
    pub fn parse(list: &str) -> Result<Self, Refused> {
        let words = list.split(',').map(str::trim).filter(|word| !word.is_empty());
        words.map(str::parse).collect::<Result<_, _>>().map(Self::new)
    }

    /// Checks an address that a tenant names, as far as its text tells.
    ///
    /// # Errors
    /// What is wrong with it, and what to write instead.
    pub fn check_url(&self, text: &str) -> Result<Uri, Refused> {
        if text.len() > URL_BYTES_MAX {
            return Err(refused(format!("it is longer than {URL_BYTES_MAX} bytes")));
        }
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        let parsed = text.parse::<Uri>().ok().filter(|_| is_plain);
        let uri = parsed.ok_or_else(|| refused("it is no address: write https://host/path"))?;
        let is_http = uri.scheme() == Some(&Scheme::HTTP) && !self.allowed.is_empty();
        if uri.scheme() != Some(&Scheme::HTTPS) && !is_http {
            return Err(refused("it must begin with https://"));
        }
        let authority = uri.authority().map(|it| it.as_str()).unwrap_or_default();
        if authority.contains('@') || text.contains('#') {
            return Err(refused("a user, a password or a fragment has no place in it"));
        }
        let host = uri.host().unwrap_or_default();
        if host.is_empty() {
            return Err(refused("it names no host"));
        }
        if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
            self.check(&uri, &[SocketAddr::new(address, 0)])?;
        }
        Ok(uri)
    }

    /// Checks what the host of `uri` was resolved to. One that may not be called is enough to call
    /// none: nobody's name has public and private addresses by accident.
    ///
    /// # Errors
    /// What is wrong, without the address: a name may lead inside.
    pub fn check(&self, uri: &Uri, resolved: &[SocketAddr]) -> Result<(), Refused> {
        let is_http = uri.scheme() != Some(&Scheme::HTTPS);
        for address in resolved.iter().map(SocketAddr::ip) {
            let is_allowed = self.allowed.iter().any(|network| network.contains(address));
            if !is_allowed && !is_public(address) {
                // Which one it is tells of the inside, and who reads this may be outside.
                return Err(refused("the host has no public address, and no setting allows it"));
            }
            if is_http && !(is_allowed && address.is_loopback()) {
                return Err(refused(
                    "the host is not this machine: only https may be spoken to it",
                ));
            }
        }
        if resolved.is_empty() { Err(refused("the host has no address")) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(guard: &Guard, scheme: &str, address: &str) -> bool {
        let uri: Uri = format!("{scheme}://host/").parse().unwrap();
        guard.check(&uri, &[SocketAddr::new(address.parse().unwrap(), 443)]).is_ok()
    }

    #[test]
    fn only_public_addresses_are_called() {
        let guard = Guard::default();
        for public in ["1.1.1.1", "8.8.8.8", "99.255.255.255", "172.32.0.1", "2606:4700::1111"] {
            assert!(says(&guard, "https", public), "{public}");
            assert!(!says(&guard, "http", public), "{public} in the clear");
        }
        for not in [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.0.3",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.168.1.1",
            "198.19.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::ffff:0:127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::a00:1",
            "2001:0:53aa:64c:0:0:7fff:fffe",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!says(&guard, "https", not), "{not}");
        }
    }

    #[test]
    fn a_setting_allows_networks_and_the_clear_only_on_this_machine() {
        let guard = Guard::parse("127.0.0.0/8, 10.1.0.0/16,::1/128").unwrap();
        for allowed in ["127.0.0.1", "10.1.255.1", "::1", "8.8.8.8"] {
            assert!(says(&guard, "https", allowed), "{allowed}");
        }
        for not in ["10.2.0.1", "::ffff:127.0.0.1", "169.254.169.254"] {
            assert!(!says(&guard, "https", not), "{not}");
        }
        assert!(says(&guard, "http", "127.0.0.1") && says(&guard, "http", "::1"));
        assert!(!says(&guard, "http", "10.1.0.1"));
        let all = Guard::parse("0.0.0.0/0").unwrap();
        assert!(says(&all, "https", "169.254.169.254"));
        for bad in ["10.0.0.0", "10.0.0.0/33", "x/8", "::/129", "1.2.3.4/-1"] {
            assert!(Guard::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn one_private_address_among_public_ones_is_enough() {
        let uri: Uri = "https://host/".parse().unwrap();
        let both = ["8.8.8.8:443", "127.0.0.1:443"].map(|it| it.parse().unwrap());
        assert!(Guard::default().check(&uri, &both).is_err());
        assert!(Guard::default().check(&uri, &[]).is_err());
    }

    #[test]
    fn addresses_as_text() {
        let guard = Guard::default();
        assert!(guard.check_url("https://hooks.example.org:8443/a?b=c").is_ok());
        for bad in [
            "http://hooks.example.org/",
            "ftp://hooks.example.org/",
            "file:///etc/passwd",
            "gopher://hooks.example.org/",
            "hooks.example.org",
            "/path",
            "https://",
            "https://user:secret@example.org/",
            "https://example.org/#part",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:7f00:1]/",
            "https://169.254.169.254/latest/meta-data",
            "https://exa mple.org/",
            "https://example.org/\r\nx: y",
        ] {
            assert!(guard.check_url(bad).is_err(), "{bad}");
        }
        assert!(guard.check_url(&format!("https://a.org/{}", "x".repeat(2_000))).is_err());
        let local = Guard::parse("127.0.0.0/8").unwrap();
        assert!(local.check_url("http://127.0.0.1:9000/hook").is_ok());
        assert!(local.check_url("http://8.8.8.8/hook").is_err());
    }
}
