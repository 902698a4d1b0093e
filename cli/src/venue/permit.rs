//! What real orders need. All that is missing is told at once, before anything is connected.

use std::path::{Path, PathBuf};

use qt_risk::{Allowed, Profile, ProfileName};

use super::approvals;
use crate::failure::{Failure, Reason};
use crate::settings::risk;
use crate::version;

/// The variable that has to be `true`.
pub const VARIABLE: &str = "ENABLE_REAL_TRADING";

/// What a run with real orders was given.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// The venue, and where it is reached when that is not its own address.
    pub venue: String,
    /// Where it is reached.
    pub url: Option<String>,
    /// The certificate authority that alone vouches for it, if one was given.
    pub authority: Vec<u8>,
    /// The instruments.
    pub symbols: Vec<String>,
    /// All settings as words: what is approved of.
    pub words: Vec<String>,
    /// Whether what is in the journal outlives a loss of power.
    pub is_on_disk: bool,
    /// The folder of the run.
    pub out: Option<PathBuf>,
    /// The file of limits.
    pub limits: Option<String>,
    /// Who has approved.
    pub approvals: Option<PathBuf>,
    /// Why there are no keys, if so.
    pub no_keys: Option<String>,
    /// What [`VARIABLE`] says.
    pub variable: Option<String>,
    /// The day (YYYY-MM-DD, UTC).
    pub today: String,
}

/// Real orders may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit {
    /// Who has approved.
    pub people: Vec<String>,
    /// Of what.
    pub digest: String,
}

/// Whether real orders may be sent.
///
/// # Errors
/// With exit code 5, all that is missing and how to supply each.
pub fn permit(given: &Given) -> Result<Permit, Failure> {
    let mut missing = Vec::new();
    if given.variable.as_deref() != Some("true") {
        let is = given.variable.as_deref().map_or_else(
            || "is not set".to_owned(),
            |value| format!("is {value:?}, which is not \"true\""),
        );
        missing.push(format!("{VARIABLE} {is}: export {VARIABLE}=true"));
    }
    if given.out.is_none() {
        missing.push(
            "a folder for the journal, with which a run that was killed goes on: --out DIR"
                .to_owned(),
        );
    }
    if !given.is_on_disk {
        missing.push(
            "a journal that outlives a loss of power before an order leaves: --durable disk"
                .to_owned(),
        );
    }
    let content = limits(given, &mut missing);
    if let Some(why) = &given.no_keys {
        missing.push(format!("keys: {why}"));
    }
    let people = people(given, content, &mut missing);
    match (people, missing.is_empty()) {
        (Some(permit), true) => Ok(permit),
        _ => Err(refusal(&missing)),
    }
}

fn refusal(missing: &[String]) -> Failure {
    let lines: String = missing.iter().map(|line| format!("\n  - {line}")).collect();
    let count = missing.len();
    let things = if count == 1 { "1 thing is" } else { "things are" };
    let count = if count == 1 { String::new() } else { format!("{count} ") };
    let message =
        format!("real orders are refused, nothing was connected; {count}{things} missing:{lines}");
    Failure::new(Reason::Refused, message)
        .hint("without --live the same command trades on paper with the venue's live market data")
}

/// The limits and the list of instruments; what is in the file, where it is good.
fn limits(given: &Given, missing: &mut Vec<String>) -> Option<Vec<u8>> {
    let program = version::program();
    let write =
        format!("{program} risk init --profile live --out live.toml, decide on every limit");
    let Some(name) = &given.limits else {
        missing.push(format!("limits: {write}, then --risk-profile live.toml"));
        return None;
    };
    let limits = match risk::named(name, "--risk-profile") {
        Ok(limits) => limits,
        Err(failure) => {
            missing.push(format!("limits: {}; {write}", failure.message));
            return None;
        }
    };
    let profile: &Profile = &limits.profile;
    let is_own = limits.file.is_some() && profile.name() == ProfileName::Live;
    if !is_own {
        missing.push(format!("limits that are those of no delivered profile: {write}"));
    }
    let listed = match profile.allowed() {
        Allowed::Only(symbols) => given.symbols.iter().find(|it| !symbols.contains(*it)),
        Allowed::All | Allowed::Given => given.symbols.first(),
    };
    if let Some(symbol) = listed {
        missing.push(format!(
            "{symbol} on the list of what may be traded: allowed = [\"{symbol}\"] in {name}"
        ));
    }
    if !is_own || listed.is_some() {
        return None;
    }
    std::fs::read(Path::new(name)).ok()
}

/// Two people, once it is clear what they approve of.
fn people(given: &Given, limits: Option<Vec<u8>>, missing: &mut Vec<String>) -> Option<Permit> {
    let Some(limits) = limits else {
        missing.push(
            "two people who approve of this run (--approvals FILE): which digest they name is \
             said here once the limits are complete"
                .to_owned(),
        );
        return None;
    };
    let mut symbols = given.symbols.clone();
    symbols.sort_unstable();
    let url = given.url.clone().unwrap_or_default();
    let mut parts: Vec<&[u8]> = vec![given.venue.as_bytes(), url.as_bytes(), &limits];
    if !given.authority.is_empty() {
        parts.push(&given.authority);
    }
    parts.extend(symbols.iter().chain(&given.words).map(|word| word.as_bytes()));
    let digest = approvals::digest(&parts);
    let form =
        format!("each writes [[people]] with name = \"...\" and approves = \"{digest}\" into it");
    let Some(path) = &given.approvals else {
        missing.push(format!("two people who approve of this run: --approvals FILE; {form}"));
        return None;
    };
    match approvals::read(path, &digest, &given.today) {
        Ok(people) => Some(Permit { people, digest }),
        Err(why) => {
            missing.push(format!("two people who approve of this run: {why}; {form}"));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use qt_risk::commented;

    use super::*;

    /// Limits of the profile live with a number for each, and BTCUSDT on the list.
    fn limits_in(folder: &Path) -> String {
        let text = commented(ProfileName::Paper)
            .replace("profile = \"paper\"", "profile = \"live\"")
            .replace("allowed = \"given\"", "allowed = [\"BTCUSDT\"]");
        let path = folder.join("live.toml");
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn complete(folder: &Path) -> Given {
        Given {
            venue: "binance-spot".to_owned(),
            symbols: vec!["BTCUSDT".to_owned()],
            words: vec!["--strategy".to_owned(), "market_maker".to_owned()],
            is_on_disk: true,
            out: Some(folder.join("run")),
            limits: Some(limits_in(folder)),
            variable: Some("true".to_owned()),
            today: "2026-11-22".to_owned(),
            ..Given::default()
        }
    }

    fn digest_in(failure: &Failure) -> String {
        let (_, rest) = failure.message.split_once("approves = \"").expect("it says which");
        rest.chars().take_while(char::is_ascii_hexdigit).collect()
    }

    fn approve(given: &mut Given, folder: &Path, digest: &str) {
        let path = folder.join("approvals.toml");
        let person = |name| format!("[[people]]\nname = \"{name}\"\napproves = \"{digest}\"\n");
        fs::write(&path, person("Ada") + &person("Bob")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        given.approvals = Some(path);
    }

    #[test]
    fn all_that_is_missing_is_told_at_once() {
        let nothing = Given {
            symbols: vec!["BTCUSDT".to_owned()],
            no_keys: Some("none".to_owned()),
            ..Given::default()
        };
        let failure = permit(&nothing).unwrap_err();
        assert_eq!(failure.reason.code(), 5);
        for wanted in [
            "6 things",
            VARIABLE,
            "--out",
            "--durable disk",
            "risk init --profile live",
            "keys: none",
            "--approvals",
        ] {
            assert!(failure.message.contains(wanted), "{wanted}: {failure}");
        }
    }

    #[test]
    fn with_everything_it_is_allowed_and_without_any_one_thing_it_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut given = complete(folder.path());
        let failure = permit(&given).unwrap_err();
        assert!(failure.message.contains("1 thing is missing"), "{failure}");
        let digest = digest_in(&failure);
        approve(&mut given, folder.path(), &digest);
        let people = vec!["Ada".to_owned(), "Bob".to_owned()];
        assert_eq!(permit(&given).unwrap(), Permit { people, digest });
        let without: [fn(&mut Given); 8] = [
            |it| it.variable = None,
            |it| it.variable = Some("TRUE".to_owned()),
            |it| it.is_on_disk = false,
            |it| it.out = None,
            |it| it.limits = Some("paper".to_owned()),
            |it| it.approvals = None,
            |it| it.no_keys = Some("none".to_owned()),
            |it| it.symbols.push("ETHUSDT".to_owned()),
        ];
        for (at, change) in without.into_iter().enumerate() {
            let mut other = given.clone();
            change(&mut other);
            let failure = permit(&other).unwrap_err();
            assert_eq!(failure.reason, Reason::Refused, "{at}");
            assert!(failure.message.contains("missing"), "{at}: {failure}");
        }
    }

    #[test]
    fn an_approval_is_of_one_run_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mut given = complete(folder.path());
        let digest = digest_in(&permit(&given).unwrap_err());
        approve(&mut given, folder.path(), &digest);
        permit(&given).unwrap();
        let others: [fn(&mut Given); 4] = [
            |it| it.authority = b"somebody else vouches for it".to_vec(),
            |it| it.words.push("--qty".to_owned()),
            |it| it.url = Some("http://127.0.0.1:1".to_owned()),
            |it| it.venue = "another".to_owned(),
        ];
        for change in others {
            let mut other = given.clone();
            change(&mut other);
            let failure = permit(&other).unwrap_err();
            assert!(failure.message.contains("approves of another run"), "{failure}");
        }
        // A limit that was changed later.
        let path = given.limits.clone().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{text}\n# looser\n")).unwrap();
        let failure = permit(&given).unwrap_err();
        assert!(failure.message.contains("approves of another run"), "{failure}");
    }
}
