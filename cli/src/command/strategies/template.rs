//! The files of a new strategy crate.

use std::fs;
use std::path::Path;

use crate::failure::Failure;

/// Names and texts of the files of the crate `name`, which builds on the clone at `core` into the
/// folder `target`.
///
/// # Errors
/// When the clone's own files cannot be read.
pub fn files(name: &str, core: &Path, target: &Path) -> Result<Vec<(String, String)>, Failure> {
    let read = |file: &str| {
        fs::read_to_string(core.join(file)).map_err(|error| {
            Failure::failed(format!("{}: cannot be read: {error}", core.join(file).display()))
                .hint("name the folder of a whole clone: --core PATH")
        })
    };
    let profiles = profiles(&read("Cargo.toml")?);
    let library = name.replace('-', "_");
    let type_name = type_name(name);
    let quoted = |path: &Path| toml::Value::String(path.display().to_string()).to_string();
    let fill = |text: &str| {
        text.replace("{name}", name)
            .replace("{library}", &library)
            .replace("{Type}", &type_name)
            .replace("{cli}", &quoted(&core.join("cli")))
            .replace("{core}", &core.display().to_string())
            .replace("{target}", &quoted(target))
            .replace("{profiles}", &profiles)
    };
    let mut files: Vec<(String, String)> = [
        ("Cargo.toml", include_str!("template/Cargo.toml.txt")),
        (".cargo/config.toml", include_str!("template/config.toml.txt")),
        (".gitignore", "/report.html\n"),
        ("build.rs", include_str!("template/build.rs.txt")),
        ("src/lib.rs", include_str!("template/lib.rs.txt")),
        ("src/main.rs", include_str!("template/main.rs.txt")),
        ("quanttrade.toml", include_str!("template/quanttrade.toml.txt")),
        ("README.md", include_str!("template/README.md.txt")),
    ]
    .into_iter()
    .map(|(name, text)| (name.to_owned(), fill(text)))
    .collect();
    // The same versions as the clone has built already.
    files.push(("Cargo.lock".to_owned(), read("Cargo.lock")?));
    Ok(files)
}

/// The release profile of the clone's manifest, with all its exceptions: what was built with it
/// there need not be built again here.
fn profiles(manifest: &str) -> String {
    let mut kept = Vec::new();
    let mut keeping = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            keeping = line.starts_with("[profile.release");
        }
        if keeping && !line.starts_with('#') {
            kept.push(line);
        }
    }
    kept.join("\n").trim_end().to_owned()
}

/// `mean-reversion` as `MeanReversion`.
fn type_name(name: &str) -> String {
    let words = name.split(['_', '-']).filter(|word| !word.is_empty());
    words
        .map(|word| {
            let (first, rest) = word.split_at(1);
            first.to_uppercase() + rest
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_profile_is_taken_over() {
        let manifest = "[workspace]\n[profile.release]\nopt-level = 3\n\n# why\n\
                        [profile.release.package.x]\nopt-level = 0\n\n[profile.dist]\nlto = true\n";
        let wanted =
            "[profile.release]\nopt-level = 3\n\n[profile.release.package.x]\nopt-level = 0";
        assert_eq!(profiles(manifest), wanted);
    }

    #[test]
    fn every_blank_is_filled() {
        let core = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let files = files("mean-reversion", core, Path::new("/t")).unwrap();
        for (name, text) in files.iter().filter(|(name, _)| name != "Cargo.lock") {
            for blank in ["{name}", "{library}", "{Type}", "{cli}", "{core}", "{target}"] {
                assert!(!text.contains(blank), "{name}: {blank}");
            }
        }
        let text = |wanted: &str| &files.iter().find(|(name, _)| name == wanted).unwrap().1;
        assert!(text("src/lib.rs").contains("struct MeanReversion"));
        let manifest: toml::Table = text("Cargo.toml").parse().unwrap();
        assert_eq!(manifest["package"]["name"].as_str(), Some("mean-reversion"));
        let release = &manifest["profile"]["release"];
        assert!(release["overflow-checks"].as_bool().unwrap());
        // Without an entry of their own the rule for dependencies would switch them off there.
        for own in ["types", "engine", "risk", "strategies", "data", "frames", "backtest", "cli"] {
            let entry = &release["package"][&format!("qt-{own}")];
            assert_eq!(entry["overflow-checks"].as_bool(), Some(true), "qt-{own}");
        }
    }
}
