//! Where tokens are found in the headers of a request.

use http::{HeaderMap, HeaderName, HeaderValue};
use qt_auth::{AuthError, Credentials, find_token};

fn headers(list: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in list {
        let name: HeaderName = name.parse().expect("a name");
        map.append(name, HeaderValue::from_str(value).expect("a value"));
    }
    map
}

fn find(list: &[(&str, &str)], rules: &Credentials, is_write: bool) -> Result<String, AuthError> {
    find_token(&headers(list), rules, is_write).map(|token| token.reveal().to_owned())
}

#[test]
fn one_bearer_token_is_found_and_all_else_refused() {
    let rules = Credentials::default();
    let one = |value: &str| find(&[("authorization", value)], &rules, true);
    for good in ["Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c ", "Bearer \ta.b.c"] {
        assert_eq!(one(good).as_deref(), Ok("a.b.c"), "{good}");
    }
    for bad in ["", "Bearer", "Bearer ", "Basic YTpi", "a.b.c", "Bearer a b", "Bearer a,Bearer b"] {
        assert_eq!(one(bad), Err(AuthError::BadHeader), "{bad}");
    }
    let two = [("authorization", "Bearer a"), ("authorization", "Bearer a")];
    assert_eq!(find(&two, &rules, false), Err(AuthError::BadHeader));
    assert_eq!(find(&[], &rules, false), Err(AuthError::Missing));
    // The cookie and headers of other gateways mean nothing.
    for (name, value) in [("cookie", "bizosaas_auth=a"), ("x-service-auth", "a")] {
        assert_eq!(find(&[(name, value)], &rules, false), Err(AuthError::Missing));
    }
}

#[test]
fn with_the_cookie_writes_need_an_allowed_page() {
    let rules = Credentials { is_cookie_on: true, origins: vec!["https://portal.example".into()] };
    let cookie = ("cookie", "a=1; bizosaas_auth=x.y.z; b=2");
    assert_eq!(find(&[cookie], &rules, false).as_deref(), Ok("x.y.z"));
    assert_eq!(find(&[cookie], &rules, true), Err(AuthError::Origin));
    let from = |origin| find(&[cookie, ("origin", origin)], &rules, true);
    assert_eq!(from("https://portal.example").as_deref(), Ok("x.y.z"));
    for bad in ["https://portal.example.evil", "http://portal.example", "null", "*", ""] {
        assert_eq!(from(bad), Err(AuthError::Origin), "{bad}");
    }
    let two = [cookie, ("origin", "https://portal.example"), ("origin", "https://evil")];
    assert_eq!(find(&two, &rules, true), Err(AuthError::Origin));
    // The header wins, and is not saved by the cookie.
    let both = [cookie, ("authorization", "Basic x")];
    assert_eq!(find(&both, &rules, false), Err(AuthError::BadHeader));
    for bad in ["bizosaas_auth=a; bizosaas_auth=b", "bizosaas_auth=\"\""] {
        assert!(find(&[("cookie", bad)], &rules, false).is_err(), "{bad}");
    }
    assert_eq!(find(&[("cookie", "other=1")], &rules, false), Err(AuthError::Missing));
}
