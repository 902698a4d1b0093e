//! Requests that ask: any method with any parameters, signed where that is wanted. They are rare,
//! so they are put together anew each time.

use std::fmt::Write;

use zeroize::Zeroizing;

use super::super::filled::Message;
use super::super::setup::{Access, WINDOW_MS_DEFAULT};
use super::super::sign::Signer;
use crate::Secret;
use crate::client_id::hex_of;

/// What a parameter is.
#[derive(Clone, Debug)]
pub(super) enum Param<'a> {
    /// Text. It must need no escapes in JSON: symbols and ids.
    Text(&'a str),
    /// A number.
    Number(i64),
}

impl Param<'_> {
    /// As it stands in a query.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) => (*text).to_owned(),
            Self::Number(number) => number.to_string(),
        }
    }
}

/// Writes requests.
pub(super) struct Queries {
    access: Access,
    recv_window_ms: u32,
}

impl Queries {
    pub(super) const fn new(access: Access, recv_window_ms: u32) -> Self {
        Self { access, recv_window_ms }
    }

    /// Whether a connection can be logged on with this key: then its requests need no signature.
    pub(super) fn logs_on(&self) -> bool {
        matches!(*self.access.signer, Signer::Ed25519(_))
    }

    /// A request that anybody may send.
    pub(super) fn public(number: u64, method: &str) -> Vec<u8> {
        let id = hex_of(number);
        let id = str::from_utf8(id.as_flattened()).unwrap_or_default();
        format!("{{\"id\":\"{id}\",\"method\":\"{method}\"}}").into_bytes()
    }

    /// A request of the account's owner at `at_ms` (UTC ms, the venue's clock), signed unless the
    /// connection is logged on.
    pub(super) fn own(
        &self,
        number: u64,
        method: &str,
        params: &[(&'static str, Param<'_>)],
        at_ms: i64,
    ) -> Vec<u8> {
        self.write(number, method, params, at_ms, !self.logs_on())
    }

    /// The same, signed in any case.
    pub(super) fn signed(&self, number: u64, method: &str, at_ms: i64) -> Vec<u8> {
        self.write(number, method, &[], at_ms, true)
    }

    /// A request for which it is enough to have the key.
    pub(super) fn keyed(&self, number: u64, method: &str) -> Vec<u8> {
        let key = Zeroizing::new(String::from_utf8_lossy(self.access.api_key()).into_owned());
        let id = hex_of(number);
        let id = str::from_utf8(id.as_flattened()).unwrap_or_default();
        let key = key.as_str();
        format!("{{\"id\":\"{id}\",\"method\":\"{method}\",\"params\":{{\"apiKey\":\"{key}\"}}}}")
            .into_bytes()
    }

    fn write(
        &self,
        number: u64,
        method: &str,
        params: &[(&'static str, Param<'_>)],
        at_ms: i64,
        is_signed: bool,
    ) -> Vec<u8> {
        let key = Zeroizing::new(String::from_utf8_lossy(self.access.api_key()).into_owned());
        let mut all = params.to_vec();
        all.push(("timestamp", Param::Number(at_ms)));
        if self.recv_window_ms != WINDOW_MS_DEFAULT {
            all.push(("recvWindow", Param::Number(i64::from(self.recv_window_ms))));
        }
        if is_signed {
            all.push(("apiKey", Param::Text(&key)));
        }
        all.sort_by_key(|(name, _)| *name);
        let id = hex_of(number);
        let id = str::from_utf8(id.as_flattened()).unwrap_or_default();
        let mut message = format!("{{\"id\":\"{id}\",\"method\":\"{method}\",\"params\":{{");
        let mut payload = Zeroizing::new(String::with_capacity(512));
        for (at, (name, value)) in all.iter().enumerate() {
            let (comma, and) = if at == 0 { ("", "") } else { (",", "&") };
            // Writing to a string never fails.
            let _ = match value {
                Param::Text(text) => {
                    let _ = write!(payload, "{and}{name}={text}");
                    write!(message, "{comma}\"{name}\":\"{text}\"")
                }
                Param::Number(number) => {
                    let _ = write!(payload, "{and}{name}={number}");
                    write!(message, "{comma}\"{name}\":{number}")
                }
            };
        }
        if is_signed {
            let text = Message { text: payload.as_bytes(), padded: b"" };
            let signature = self.access.signer.sign(text, None);
            let signature = String::from_utf8_lossy(signature.text()).into_owned();
            let _ = write!(message, ",\"signature\":\"{signature}\"");
        }
        message.push_str("}}");
        message.into_bytes()
    }
}

/// A signed request by REST: the query behind the path, and the header with the key.
pub(crate) fn rest_query(
    access: &Access,
    params: &[(&str, &str)],
    at_ms: i64,
    recv_window_ms: u32,
) -> (String, (&'static str, Secret)) {
    let mut query = String::new();
    for (name, value) in params {
        let _ = write!(query, "{name}={}&", super::super::rest::encoded(value));
    }
    let _ = write!(query, "recvWindow={recv_window_ms}&timestamp={at_ms}");
    let signature = access.signer.sign(Message { text: query.as_bytes(), padded: b"" }, None);
    let signature = String::from_utf8_lossy(signature.text()).into_owned();
    let _ = write!(query, "&signature={}", super::super::rest::encoded(&signature));
    (query, ("X-MBX-APIKEY", Secret::new(access.api_key())))
}
