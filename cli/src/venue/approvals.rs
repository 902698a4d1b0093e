//! Who has agreed that a run sends real orders: a file in which two people say that they approve
//! of exactly this run, by its digest.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest, Sha256};

/// People that have to agree, at least.
pub const PEOPLE_MIN: usize = 2;
/// Bits of a file's mode that let others write it.
const OTHERS_WRITE: u32 = 0o022;
/// The largest file that is read, in bytes.
const BYTES_MAX: u64 = 64 << 10;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    people: Vec<Person>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Person {
    name: String,
    approves: String,
    until: Option<String>,
}

/// The digest of what is approved of: all `parts`, each told apart from the next.
pub fn digest(parts: &[&[u8]]) -> String {
    let mut sha = Sha256::new();
    for part in parts {
        sha.update((part.len() as u64).to_le_bytes());
        sha.update(part);
    }
    sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The names of those who approve of `digest` in the file at `path`, on the day `today`
/// (YYYY-MM-DD, UTC).
///
/// # Errors
/// What is missing, and how to supply it.
pub fn read(path: &Path, digest: &str, today: &str) -> Result<Vec<String>, String> {
    let name = path.display();
    let meta = fs::metadata(path).map_err(|error| format!("{name}: {error}"))?;
    let mode = meta.permissions().mode() & 0o777;
    if mode & OTHERS_WRITE != 0 {
        return Err(format!(
            "{name}: others may write it (mode {mode:03o}): chmod 600 {name}, and ask both again"
        ));
    }
    if meta.len() > BYTES_MAX {
        return Err(format!("{name}: has more than {BYTES_MAX} bytes"));
    }
    let text = fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
    of_text(&text, digest, today).map_err(|what| format!("{name}: {what}"))
}

fn of_text(text: &str, digest: &str, today: &str) -> Result<Vec<String>, String> {
    let document: Document =
        toml::from_str(text).map_err(|error| error.to_string().trim().replace('\n', " "))?;
    let mut faults = Vec::new();
    let mut names = Vec::new();
    let mut seen = BTreeSet::new();
    for Person { name, approves, until } in document.people {
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
        if name.is_empty() {
            faults.push("a person without a name".to_owned());
        } else if !seen.insert(name.to_lowercase()) {
            faults.push(format!("{name} is named twice: it takes two people"));
        } else if approves.trim() != digest {
            faults.push(format!("{name} approves of another run ({})", approves.trim()));
        } else if let Some(until) = until.filter(|until| !is_day(until) || until.as_str() < today) {
            faults.push(format!("the approval of {name} ended on {until} (until = YYYY-MM-DD)"));
        } else {
            names.push(name);
        }
    }
    if names.len() >= PEOPLE_MIN {
        return Ok(names);
    }
    let faults =
        if faults.is_empty() { String::new() } else { format!(" ({})", faults.join("; ")) };
    Err(format!("{} of {PEOPLE_MIN} people approve of this run{faults}", names.len()))
}

fn is_day(text: &str) -> bool {
    let form = |(at, byte): (usize, u8)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    };
    text.len() == 10 && text.bytes().enumerate().all(form)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(rows: &[(&str, &str, &str)]) -> String {
        let row = |(name, approves, more): &(&str, &str, &str)| {
            format!("[[people]]\nname = \"{name}\"\napproves = \"{approves}\"\n{more}\n")
        };
        rows.iter().map(row).collect()
    }

    #[test]
    fn two_people_who_approve_of_this_very_run_are_enough() {
        let text = people(&[("Ada  L", "d1", ""), ("Bob", " d1 ", "until = \"2026-11-22\"")]);
        assert_eq!(of_text(&text, "d1", "2026-11-22").unwrap(), ["Ada L", "Bob"]);
    }

    #[test]
    fn anything_else_is_not() {
        let cases = [
            (people(&[("Ada", "d1", "")]), "1 of 2"),
            (people(&[("Ada", "d1", ""), ("aDA ", "d1", "")]), "named twice"),
            (people(&[("Ada", "d1", ""), ("Bob", "d2", "")]), "another run (d2)"),
            (people(&[("Ada", "d1", ""), ("", "d1", "")]), "without a name"),
            (people(&[("Ada", "d1", ""), ("Bob", "d1", "until = \"2026-11-21\"")]), "ended"),
            (people(&[("Ada", "d1", ""), ("Bob", "d1", "until = \"soon\"")]), "YYYY-MM-DD"),
            (people(&[("Ada", "d1", "role = \"x\"")]), "unknown field"),
            ("people = 3".to_owned(), "invalid type"),
            (String::new(), "missing field"),
        ];
        for (text, wanted) in cases {
            let why = of_text(&text, "d1", "2026-11-22").unwrap_err();
            assert!(why.contains(wanted), "{why}");
        }
    }

    #[test]
    fn a_file_that_others_may_write_approves_of_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("approvals.toml");
        fs::write(&path, people(&[("Ada", "d1", ""), ("Bob", "d1", "")])).unwrap();
        for (mode, is_good) in [(0o600, true), (0o644, true), (0o664, false), (0o602, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(read(&path, "d1", "2026-11-22").is_ok(), is_good, "{mode:o}");
        }
        assert!(read(&folder.path().join("none"), "d1", "2026-11-22").is_err());
    }

    #[test]
    fn parts_of_a_digest_do_not_run_into_each_other() {
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
        assert_eq!(digest(&[]).len(), 64);
    }
}
