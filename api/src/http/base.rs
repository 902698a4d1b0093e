//! Base paths: a gateway hands paths on with its prefix, without it, or with a slash too many.

use axum::http::Uri;
use axum::http::uri::PathAndQuery;

/// The prefixes, the longest first, none with a slash at its end.
#[derive(Clone, Debug)]
pub struct BasePaths(Vec<String>);

impl BasePaths {
    /// From the settings; `/` needs no entry.
    #[must_use]
    pub fn new(paths: &[String]) -> Self {
        let trimmed = paths.iter().map(|path| path.trim_matches('/'));
        let mut found: Vec<String> =
            trimmed.filter(|path| !path.is_empty()).map(|path| format!("/{path}")).collect();
        found.sort_by_key(|path| std::cmp::Reverse(path.len()));
        found.dedup();
        Self(found)
    }

    /// The path within the service: leading slashes collapsed and the prefix taken off, once.
    #[must_use]
    pub fn inner<'a>(&self, path: &'a str) -> &'a str {
        let path = collapsed(path);
        let rest = self.0.iter().find_map(|base| {
            let rest = path.strip_prefix(base.as_str())?;
            // `/tradingfoo` is no path under `/trading`.
            (rest.is_empty() || rest.starts_with('/')).then_some(rest)
        });
        match rest {
            None => path,
            Some("") => "/",
            Some(rest) => collapsed(rest),
        }
    }

    /// `uri` with its path within the service.
    #[must_use]
    pub fn rewritten(&self, uri: &Uri) -> Uri {
        let inner = self.inner(uri.path());
        if inner == uri.path() {
            return uri.clone();
        }
        let text = match uri.query() {
            Some(query) => format!("{inner}?{query}"),
            None => inner.to_owned(),
        };
        // A part of a valid path is one; if not, the path as it came finds no route.
        text.parse::<PathAndQuery>().map_or_else(|_| uri.clone(), Uri::from)
    }
}

/// `path` with one slash at its beginning.
fn collapsed(path: &str) -> &str {
    let slashes = path.len() - path.trim_start_matches('/').len();
    &path[slashes.saturating_sub(1)..]
}

#[cfg(test)]
mod tests {
    use super::BasePaths;
    use crate::http::HttpSettings;

    #[test]
    fn every_prefix_and_any_number_of_slashes_lead_to_the_route() {
        let base = BasePaths::new(&HttpSettings::default().base_paths);
        for prefix in ["", "/", "//", "/trading", "//trading/", "/api/v1/trading", "///trading//"] {
            assert_eq!(base.inner(&format!("{prefix}/strategies/1")), "/strategies/1", "{prefix}");
        }
        assert_eq!(base.inner("/api/brain/quanttrade/portfolio"), "/portfolio");
        assert_eq!(base.inner("/trading"), "/");
        assert_eq!(base.inner("/trading/"), "/");
        assert_eq!(base.inner("//"), "/");
        assert_eq!(base.inner("/tradingfoo"), "/tradingfoo");
        // Once only, and nothing in the middle of a path is touched.
        assert_eq!(base.inner("/trading/trading/x"), "/trading/x");
        assert_eq!(base.inner("/orders//1"), "/orders//1");
        assert_eq!(base.inner("*"), "*");
    }

    #[test]
    fn the_query_stays() {
        let base = BasePaths::new(&["/trading/".to_owned()]);
        let uri = "//trading//orders?limit=1&x=//".parse().unwrap();
        assert_eq!(base.rewritten(&uri).to_string(), "/orders?limit=1&x=//");
    }
}
