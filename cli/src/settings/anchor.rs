//! Settings that name files, so that they can be used from another directory.

use std::path::Path;

use qt_risk::ProfileName;

use super::keys::{Arity, Key};

/// `value` of `key` with the whole path of the file that it names, alone or behind a `=`. What
/// names none that there is stays as it is: names, rates, identifiers.
pub fn anchored(key: &Key, value: &str) -> String {
    let (Arity::One(what) | Arity::Many(what)) = key.arity else { return value.to_owned() };
    if what.contains("PATH") {
        return anchored_where(value, Path::exists);
    }
    // The name of a profile is one, whatever files are called so.
    let is_name = what.contains("NAME") && ProfileName::from_text(value).is_some();
    if is_name || !what.contains("FILE") {
        return value.to_owned();
    }
    anchored_where(value, Path::is_file)
}

fn anchored_where(value: &str, is_there: impl Fn(&Path) -> bool) -> String {
    let behind = value.split_once('=').map(|(name, path)| (&value[..=name.len()], path));
    [Some(("", value)), behind]
        .into_iter()
        .flatten()
        .find(|(_, path)| is_there(Path::new(path)))
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
        // A folder is no file.
        assert_eq!(of("risk-profile", "src"), "src");
        assert_eq!(of("data", "src"), std::path::absolute("src").unwrap().display().to_string());
        assert_eq!(of("fx", "EURUSD=1.1"), "EURUSD=1.1");
        assert_eq!(of("strategy", "Cargo.toml"), "Cargo.toml");
        assert_eq!(of("data", &whole.to_string()), whole.to_string());
    }
}
