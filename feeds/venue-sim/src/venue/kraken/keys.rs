//! Keys, signatures, nonces, and the tokens that open an account over sockets.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac};

use crate::exchange::{AccountId, Nanos};
use crate::venue::shared::keys::{KeyError, KeyKind, Permissions};

use super::errors::{Refused, invalid_session};

/// How long a token waits for its first use.
pub(super) const TOKEN_SECONDS: i64 = 900;
/// Tokens that are kept; the oldest ones go first.
const TOKENS_MAX: usize = 10_000;

/// A key of an account.
#[derive(Debug, Clone)]
struct Key {
    account: AccountId,
    secret: hmac::Key,
    permissions: Permissions,
    nonce: u64,
    is_revoked: bool,
}

/// Whose request it is, and what he may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) account: AccountId,
    pub(super) may_trade: bool,
}

/// A token of an account.
#[derive(Debug, Clone)]
struct Token {
    caller: Caller,
    made_ns: Nanos,
    /// Sockets that have used it: for them it stays good.
    links: Vec<u64>,
}

/// All keys by their API key, and all tokens.
#[derive(Debug, Default)]
pub(super) struct KeyRing {
    keys: BTreeMap<String, Key>,
    tokens: BTreeMap<String, Token>,
    made: u64,
}

/// What is signed: the path, and the hash of the nonce and the body.
fn payload(path: &str, nonce: &str, body: &[u8]) -> Vec<u8> {
    let mut hashed = digest::Context::new(&digest::SHA256);
    hashed.update(nonce.as_bytes());
    hashed.update(body);
    [path.as_bytes(), hashed.finish().as_ref()].concat()
}

impl KeyRing {
    pub(super) fn add(
        &mut self,
        account: AccountId,
        api_key: &str,
        kind: &KeyKind,
        permissions: Permissions,
    ) -> Result<(), KeyError> {
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=-_".contains(&byte);
        if !(10..=128).contains(&api_key.len()) || !api_key.bytes().all(is_legal) {
            return Err(KeyError::ApiKey);
        }
        // Public keys are of other venues.
        let KeyKind::Hmac(secret) = kind else { return Ok(()) };
        let bytes = STANDARD.decode(secret).map_err(|_| KeyError::Secret)?;
        if bytes.is_empty() {
            return Err(KeyError::Secret);
        }
        let secret = hmac::Key::new(hmac::HMAC_SHA512, &bytes);
        let key = Key { account, secret, permissions, nonce: 0, is_revoked: false };
        self.keys.insert(api_key.to_owned(), key);
        Ok(())
    }

    /// Whose request it is, if its signature is good and its nonce greater than all before it.
    pub(super) fn caller(
        &mut self,
        (api_key, signature): (Option<&str>, Option<&str>),
        (path, nonce, body): (&str, Option<&str>, &[u8]),
    ) -> Result<Caller, Refused> {
        let known = api_key.and_then(|api_key| self.keys.get_mut(api_key));
        let Some(key) = known.filter(|key| !key.is_revoked) else {
            return Err(Refused::new("EAPI:Invalid key"));
        };
        let wrong_nonce = || Refused::new("EAPI:Invalid nonce");
        let nonce = nonce.ok_or_else(wrong_nonce)?;
        let signed = signature.and_then(|text| STANDARD.decode(text).ok());
        let is_signed = signed.is_some_and(|tag| {
            hmac::verify(&key.secret, &payload(path, nonce, body), &tag).is_ok()
        });
        if !is_signed {
            return Err(Refused::new("EAPI:Invalid signature"));
        }
        // What is signed badly uses no nonce up.
        let number: u64 = nonce.parse().map_err(|_| wrong_nonce())?;
        if number <= key.nonce {
            return Err(wrong_nonce());
        }
        key.nonce = number;
        if !key.permissions.may_read {
            return Err(Refused::new("EGeneral:Permission denied"));
        }
        Ok(Caller { account: key.account, may_trade: key.permissions.may_trade })
    }

    /// Revokes all keys and tokens of an account.
    pub(super) fn revoke(&mut self, account: AccountId) {
        for key in self.keys.values_mut().filter(|key| key.account == account) {
            key.is_revoked = true;
        }
        self.end_tokens(account);
    }

    /// The tokens of an account are over.
    pub(super) fn end_tokens(&mut self, account: AccountId) {
        self.tokens.retain(|_, token| token.caller.account != account);
    }

    /// A new token.
    pub(super) fn token(&mut self, caller: Caller, now_ns: Nanos) -> String {
        if self.tokens.len() >= TOKENS_MAX {
            let oldest = self.tokens.iter().min_by_key(|(_, token)| token.made_ns);
            if let Some(name) = oldest.map(|(name, _)| name.clone()) {
                self.tokens.remove(&name);
            }
        }
        self.made += 1;
        let text = format!("token {} {} {now_ns}", self.made, caller.account.0);
        let name = STANDARD.encode(digest::digest(&digest::SHA256, text.as_bytes()));
        let token = Token { caller, made_ns: now_ns, links: Vec::new() };
        self.tokens.insert(name.clone(), token);
        name
    }

    /// Whose token it is: one that is young, or that this socket has used before.
    pub(super) fn holder(
        &mut self,
        token: Option<&str>,
        link: u64,
        now_ns: Nanos,
    ) -> Result<Caller, Refused> {
        let known = token.and_then(|name| self.tokens.get_mut(name));
        let token = known.ok_or_else(invalid_session)?;
        if token.links.contains(&link) {
            return Ok(token.caller);
        }
        if now_ns - token.made_ns >= TOKEN_SECONDS * 1_000_000_000 {
            return Err(invalid_session());
        }
        token.links.push(link);
        Ok(token.caller)
    }

    /// A socket is gone.
    pub(super) fn closed(&mut self, link: u64) {
        for token in self.tokens.values_mut() {
            token.links.retain(|known| *known != link);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HA\
                          ZtuZuj6F1huXg==";
    const SIGNATURE: &str = "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32b\
                             Ab0nmbRn6H8ndwLUQ==";
    const BODY: &[u8] =
        b"nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25";
    const PATH: &str = "/0/private/AddOrder";
    const NONCE: Option<&str> = Some("1616492376594");

    fn ring() -> KeyRing {
        let mut ring = KeyRing::default();
        let may = Permissions { may_read: true, may_trade: true };
        ring.add(AccountId(3), "the-api-key", &KeyKind::Hmac(SECRET.to_owned()), may).expect("one");
        ring
    }

    #[test]
    fn the_published_signature_is_taken_once_and_no_other_one() {
        let mut ring = ring();
        let mut ask = |key, signature, path, body| {
            ring.caller((Some(key), Some(signature)), (path, NONCE, body))
                .map_err(|refused| refused.text)
        };
        let wrong = |text: &str| Err(text.to_owned());
        let bad = wrong("EAPI:Invalid signature");
        assert_eq!(ask("nobody", SIGNATURE, PATH, BODY), wrong("EAPI:Invalid key"));
        assert_eq!(ask("the-api-key", "?", PATH, BODY), bad);
        assert_eq!(ask("the-api-key", SIGNATURE, "/0/private/Balance", BODY), bad);
        assert_eq!(ask("the-api-key", SIGNATURE, PATH, b"other"), bad);
        let caller = Caller { account: AccountId(3), may_trade: true };
        assert_eq!(ask("the-api-key", SIGNATURE, PATH, BODY), Ok(caller));
        assert_eq!(ask("the-api-key", SIGNATURE, PATH, BODY), wrong("EAPI:Invalid nonce"));
    }

    #[test]
    fn a_token_is_good_for_a_quarter_of_an_hour_or_where_it_was_used() {
        let mut ring = ring();
        let caller = Caller { account: AccountId(3), may_trade: true };
        let token = ring.token(caller, 0);
        let end = TOKEN_SECONDS * 1_000_000_000;
        assert!(ring.holder(None, 1, 0).is_err() && ring.holder(Some("x"), 1, 0).is_err());
        assert_eq!(ring.holder(Some(&token), 1, end - 1), Ok(caller));
        assert_eq!(ring.holder(Some(&token), 1, 2 * end), Ok(caller));
        assert!(ring.holder(Some(&token), 2, end).is_err());
        ring.closed(1);
        assert!(ring.holder(Some(&token), 1, end).is_err());
        let other = ring.token(caller, end);
        assert_ne!(other, token);
        ring.revoke(AccountId(3));
        assert!(ring.holder(Some(&other), 1, end).is_err());
    }
}
