//! How a delivery is signed, so that its receiver knows who sent it, and when.

use ring::hmac::{HMAC_SHA256, Key, sign};

use qt_trading::secret::Secret;

/// The header value `t=SECONDS,v1=HEX`: HMAC-SHA256 with `secret` over `SECONDS.BODY`. A receiver
/// makes it again, compares, and refuses times that are too far away: a delivery that was recorded
/// cannot be sent again later.
#[must_use]
pub fn signature(secret: &Secret, at_s: i64, body: &str) -> String {
    let key = Key::new(HMAC_SHA256, secret.reveal().as_bytes());
    let tag = sign(&key, format!("{at_s}.{body}").as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={at_s},v1={hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_any_hmac_says() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac whsec_test
        let made = signature(&Secret::new("whsec_test"), 1_700_000_000, r#"{"a":1}"#);
        let wanted =
            "t=1700000000,v1=38877139021993b830af32feea6e18a8da83eb2f6e49ee50bd9e4cf4ca4d3789";
        assert_eq!(made, wanted);
    }
}
