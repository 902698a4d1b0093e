//! Settings that name files, so that they can be used from another directory.

use std::path::Path;

use super::keys::{Arity, Key};

/// `value` of `key` with the whole path of the file that it names, alone or behind a `=`. What
/// names none that there is stays as it is: names, rates, identifiers.
pub fn anchored(key: &Key, value: &str) -> String {
    let names_file = match key.arity {
        Arity::Flag => false,
        Arity::One(what) | Arity::Many(what) => what.contains("FILE") || what.contains("PATH"),
    };
    if !names_file {
        return value.to_owned();
    }
    let behind = value.split_once('=').map(|(name, path)| (&value[..=name.len()], path));
    [Some(("", value)), behind]
        .into_iter()
        .flatten()
        .find(|(_, path)| Path::new(path).exists())
        .and_then(|(front, path)| Some((front, std::path::absolute(path).ok()?)))
        .map_or_else(|| value.to_owned(), |(front, path)| format!("{front}{}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::keys::find;

    #[test]
    fn files_get_their_whole_path_and_nothing_else_does() {
        // A file that is there wherever tests run: that of the crate.
        let whole = std::path::absolute("Cargo.toml").expect("there is a directory");
        let whole = whole.display();
        let of = |name: &str, value: &str| anchored(find(name).expect("a setting"), value);
        assert_eq!(of("data", "Cargo.toml"), whole.to_string());
        assert_eq!(of("data", "BTC=Cargo.toml"), format!("BTC={whole}"));
        assert_eq!(of("data", "sample:SP500"), "sample:SP500");
        assert_eq!(of("risk-profile", "paper"), "paper");
        assert_eq!(of("fx", "EURUSD=1.1"), "EURUSD=1.1");
        assert_eq!(of("strategy", "Cargo.toml"), "Cargo.toml");
        assert_eq!(of("data", &whole.to_string()), whole.to_string());
    }
}
