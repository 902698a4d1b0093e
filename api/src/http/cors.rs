//! Which pages of other origins may call us.

use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, HOST, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method};

const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
const REQUEST_HEADERS: &str = concat!(
    "authorization, content-type, idempotency-key, if-none-match, ",
    "traceparent, x-request-id, x-tenant-id"
);
const ANSWER_HEADERS: &str = "etag, retry-after, traceparent, x-request-id";

/// The allow-list.
#[derive(Clone, Debug, Default)]
pub struct Origins(Vec<String>);

impl Origins {
    /// From the settings. There is no way to allow all.
    #[must_use]
    pub fn new(origins: &[String]) -> Self {
        let known = origins.iter().map(|origin| origin.trim_end_matches('/').to_ascii_lowercase());
        Self(known.filter(|origin| origin != "*" && origin != "null").collect())
    }

    /// Whether a page of this origin may call us.
    #[must_use]
    pub fn allows(&self, origin: &str) -> bool {
        self.0.iter().any(|known| known.eq_ignore_ascii_case(origin))
    }

    /// Whether a socket may be opened: by no page, by one of ours, or by one of the list.
    #[must_use]
    pub fn allows_socket(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(ORIGIN) else { return true };
        let Ok(origin) = origin.to_str() else { return false };
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let own = origin.split_once("://").map(|(_, rest)| rest);
        let is_own = own.is_some() && own == host;
        is_own || self.allows(origin)
    }

    /// Adds to an answer what a browser wants to see.
    pub fn dress(&self, method: &Method, request: &Asking, answer: &mut HeaderMap) {
        answer.append(VARY, HeaderValue::from_static("origin"));
        let Some(origin) = request.origin.as_ref() else { return };
        if !origin.to_str().is_ok_and(|origin| self.allows(origin)) {
            return;
        }
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        let yes = HeaderValue::from_static("true");
        answer.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
        if *method == Method::OPTIONS && request.is_preflight {
            let text = HeaderValue::from_static;
            answer.insert(ACCESS_CONTROL_ALLOW_METHODS, text(METHODS));
            answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, text(REQUEST_HEADERS));
            answer.insert(ACCESS_CONTROL_MAX_AGE, text("600"));
        } else {
            let exposed = HeaderValue::from_static(ANSWER_HEADERS);
            answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
    }
}

/// What a request says of the page that makes it.
#[derive(Clone, Debug)]
pub struct Asking {
    origin: Option<HeaderValue>,
    is_preflight: bool,
}

impl Asking {
    /// From its headers.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let is_preflight = headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        Self { origin: headers.get(ORIGIN).cloned(), is_preflight }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use axum::http::header::{HOST, ORIGIN};

    use super::Origins;

    #[test]
    fn only_the_list_is_allowed() {
        let origins = Origins::new(&["https://a.example/".to_owned(), "*".to_owned()]);
        assert!(origins.allows("https://a.example"));
        for bad in ["https://b.example", "http://a.example", "https://a.example.evil", "*", "null"]
        {
            assert!(!origins.allows(bad), "{bad}");
        }
    }

    #[test]
    fn a_socket_is_opened_by_no_page_by_our_own_or_by_the_list() {
        let origins = Origins::new(&["https://a.example".to_owned()]);
        let with = |origin: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, "localhost:8009".parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(ORIGIN, origin.parse().unwrap());
            }
            origins.allows_socket(&headers)
        };
        assert!(with(None) && with(Some("http://localhost:8009")));
        assert!(with(Some("https://a.example")));
        assert!(!with(Some("http://localhost:9000")) && !with(Some("null")));
        assert!(!with(Some("https://evil.example")));
    }
}
