//! The first screen: one page, embedded, that uses the public routes and `/ws` alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The page. Style and script are in it, so that it needs no other address and works under every
/// base path, with and without a slash at its end.
pub const PAGE: &str = include_str!("screen.html");

/// The `Content-Security-Policy` of the page: its own style and script by their hashes, requests
/// and sockets to the host it came from, and nothing else.
#[must_use]
pub fn policy() -> String {
    let (style, script) = (hash("style"), hash("script"));
    format!(
        "default-src 'none'; script-src {script}; style-src {style}; connect-src 'self'; \
         img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// The text of the page's only element of this name.
fn inside(element: &str) -> &'static str {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let text = PAGE.split_once(&open).and_then(|(_, rest)| rest.split_once(&close));
    text.map_or("", |(text, _)| text)
}

fn hash(element: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(inside(element))))
}

#[cfg(test)]
mod tests {
    use super::{PAGE, inside, policy};

    #[test]
    fn the_page_is_small_and_all_of_it_is_covered_by_its_policy() {
        assert!(PAGE.len() < 60_000, "{} bytes", PAGE.len());
        for element in ["style", "script"] {
            assert!(!inside(element).is_empty());
            let count = PAGE.matches(&format!("<{element}")).count();
            assert_eq!(count, 1, "one {element} alone, without attributes");
        }
        // What the policy would not let run.
        for forbidden in [" style=", " onclick=", " onload=", "javascript:", "http://", "https://"]
        {
            assert!(!PAGE.contains(forbidden), "{forbidden}");
        }
        assert!(policy().contains("script-src 'sha256-"));
    }
}
