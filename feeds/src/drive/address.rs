//! An address taken apart: whom to connect to, and what to ask there.

use http::Uri;

/// Where a link or a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// Whether the connection is encrypted.
    pub(super) is_tls: bool,
    /// The name or number of the host, a number of IPv6 without its brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// Path and query, as they are asked for.
    pub(super) path: String,
    /// The host as the header of the same name has it.
    pub(super) authority: String,
}

/// A host, one kind of connection to it: what connections are kept by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(pub(super) bool, pub(super) String, pub(super) u16);

impl Address {
    /// The address `text`; `plain` and `tls` are the schemes that fit.
    pub(super) fn of(text: &str, plain: &str, tls: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let scheme = uri.scheme_str()?;
        let is_tls = scheme.eq_ignore_ascii_case(tls);
        if !is_tls && !scheme.eq_ignore_ascii_case(plain) {
            return None;
        }
        let authority = uri.authority()?;
        // Who a user is has no place in an address: it would be shown with it.
        if authority.as_str().contains('@') {
            return None;
        }
        let bare = authority.host();
        let inner = bare.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let host = inner.unwrap_or(bare).to_owned();
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let has_host = !host.is_empty();
        has_host.then(|| Self { is_tls, host, port, path, authority: authority.to_string() })
    }

    pub(super) fn place(&self) -> Place {
        Place(self.is_tls, self.host.clone(), self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let of = |text: &str| Address::of(text, "ws", "wss");
        let plain = of("ws://127.0.0.1:9000/ws?streams=a/b").unwrap();
        assert_eq!((plain.is_tls, plain.host.as_str(), plain.port), (false, "127.0.0.1", 9_000));
        assert_eq!(
            (plain.path.as_str(), plain.authority.as_str()),
            ("/ws?streams=a/b", "127.0.0.1:9000")
        );
        let tls = of("WSS://stream.example.com").unwrap();
        assert_eq!((tls.is_tls, tls.port, tls.path.as_str()), (true, 443, "/"));
        assert_eq!(of("ws://[::1]:80/x").unwrap().host, "::1");
        for wrong in ["", "ws://", "http://host/", "//host", "ws://user:word@host/", "ws://h h/"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
