//! The settings of what is outside, by the platform's names.

use std::time::Duration;

use rust_decimal::Decimal;
use uuid::Uuid;

use crate::routes::check::is_symbol;
use crate::routes::signals::SCHEMA;
use crate::service::SettingsError;
use qt_outside::agents::intake::is_name;
use qt_outside::agents::tasks::TaskTerms;
use qt_outside::guard::Guard;
use qt_outside::seal::Sealer;
use qt_outside::vault::{EnvKeys, VaultSettings, VaultSettingsError};
use qt_trading::ids::TenantId;
use qt_trading::secret::Secret;

/// The shortest time between two tasks about one symbol (s).
const EVERY_S_MIN: u64 = 10;
/// Agents that one service asks.
const AGENTS_MAX: usize = 16;
/// How often prices are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What is outside, and how it is reached.
#[derive(Clone, Debug, Default)]
pub struct OutsideSettings {
    /// Networks beside the public internet that webhooks may call: `WEBHOOK_NETWORKS`.
    pub guard: Guard,
    /// What secrets in the database are sealed with: `SECRETS_KEY`; a file of the data directory
    /// without it.
    pub secrets_key: Option<Secret>,
    /// `VAULT_*`, `VENUE_KEY_PATH`.
    pub vault: Option<VaultSettings>,
    /// `{VENUE}_API_KEY` and its like, `QUANTTRADE_ENV_KEYS_TENANT`.
    pub env_keys: EnvKeys,
    /// `AGENT_*`.
    pub agents: AgentSettings,
}

/// Which agents are heard and asked.
#[derive(Clone, Debug, Default)]
pub struct AgentSettings {
    /// The Redis of the platform's event bus: `AGENT_EVENTS_URL`.
    pub events_url: Option<Secret>,
    /// The agents that are asked, each with its service, the token of that, and what it is asked:
    /// `AGENT_URL`, `AGENT_TOKEN`, ...; of further ones `AGENT_2_SYMBOLS`, ...
    pub asked: Vec<(String, Option<Secret>, TaskTerms)>,
}

fn wrong(name: &'static str, detail: impl Into<String>) -> SettingsError {
    SettingsError::Wrong { name, detail: detail.into() }
}

impl From<VaultSettingsError> for SettingsError {
    fn from(error: VaultSettingsError) -> Self {
        wrong(error.name, error.detail)
    }
}

type Get<'a> = dyn Fn(&str) -> Option<String> + 'a;

impl OutsideSettings {
    /// Reads the settings by their names; empty ones are not set. `owner` is the tenant of the
    /// local owner, where there is one.
    ///
    /// # Errors
    /// What must be put right before the service starts.
    pub fn read(
        get: &dyn Fn(&str) -> Option<String>,
        owner: Option<TenantId>,
    ) -> Result<Self, SettingsError> {
        let set = |name: &str| get(name).map(|it| it.trim().to_owned()).filter(|it| !it.is_empty());
        let networks = set("WEBHOOK_NETWORKS").unwrap_or_default();
        let guard = Guard::parse(&networks).map_err(|no| wrong("WEBHOOK_NETWORKS", no.0))?;
        let secrets_key = set("SECRETS_KEY").map(Secret::new);
        if let Some(key) = &secrets_key {
            Sealer::of_text(key).map_err(|error| {
                wrong("SECRETS_KEY", format!("{error}: openssl rand -base64 32 makes one"))
            })?;
        }
        Ok(Self {
            guard,
            secrets_key,
            vault: VaultSettings::read(get)?,
            env_keys: EnvKeys::read(get, owner.map(|tenant| tenant.0))?,
            agents: AgentSettings { events_url: events(&set)?, asked: services(&set, owner)? },
        })
    }
}

fn events(set: &Get<'_>) -> Result<Option<Secret>, SettingsError> {
    let Some(url) = set("AGENT_EVENTS_URL") else { return Ok(None) };
    if redis::Client::open(url.as_str()).is_err() {
        // Not shown: it may hold a password.
        return Err(wrong("AGENT_EVENTS_URL", "it is no address, like redis://host:6379/0"));
    }
    Ok(Some(Secret::new(url)))
}

type Service = (String, Option<Secret>, TaskTerms);

/// All agents that are asked. Beside the first one there is number N where `AGENT_N_SYMBOLS` is
/// set; what is not set of it is as of the first one.
fn services(set: &Get<'_>, owner: Option<TenantId>) -> Result<Vec<Service>, SettingsError> {
    let mut all: Vec<Service> = service(set, owner)?.into_iter().collect();
    for number in 2..=AGENTS_MAX {
        let own = |name: &str| {
            let rest = name.strip_prefix("AGENT_")?;
            set(&format!("AGENT_{number}_{rest}"))
        };
        if own("AGENT_SYMBOLS").is_none() {
            continue;
        }
        let has_token = own("AGENT_TOKEN").or_else(|| own("AGENT_TOKEN_FILE")).is_some();
        let of_it = |name: &str| {
            let is_token = matches!(name, "AGENT_TOKEN" | "AGENT_TOKEN_FILE");
            own(name).or_else(|| set(name).filter(|_| !(is_token && has_token)))
        };
        let found = service(&of_it, owner).map_err(|error| match error {
            SettingsError::Wrong { name, detail } => {
                wrong(name, format!("of agent {number}: {detail}"))
            }
            other => other,
        })?;
        let needed = || wrong("AGENT_URL", format!("agent {number} is set, and no address"));
        all.push(found.ok_or_else(needed)?);
    }
    Ok(all)
}

fn service(set: &Get<'_>, owner: Option<TenantId>) -> Result<Option<Service>, SettingsError> {
    let Some(url) = set("AGENT_URL") else { return Ok(None) };
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let is_plain = |host: &str| {
        !host.is_empty() && host.bytes().all(|it| it.is_ascii_graphic() && !b"@?#".contains(&it))
    };
    if !host.is_some_and(is_plain) {
        return Err(wrong("AGENT_URL", "it is no address, like http://ai-agents:8008"));
    }
    let token = match (set("AGENT_TOKEN"), set("AGENT_TOKEN_FILE")) {
        (token, None) => token,
        (None, Some(file)) => {
            let text = std::fs::read_to_string(&file);
            let text = text.map_err(|error| wrong("AGENT_TOKEN_FILE", error.to_string()))?;
            Some(text.trim().to_owned())
        }
        (Some(_), Some(_)) => {
            return Err(wrong("AGENT_TOKEN_FILE", "AGENT_TOKEN is set as well: one is enough"));
        }
    };
    Ok(Some((url, token.map(Secret::new), terms(set, owner)?)))
}

fn terms(set: &Get<'_>, owner: Option<TenantId>) -> Result<TaskTerms, SettingsError> {
    let tenant = match set("AGENT_TENANT").map(|text| text.parse::<Uuid>()) {
        Some(Ok(id)) if !id.is_nil() => TenantId(id),
        Some(_) => return Err(wrong("AGENT_TENANT", "it is no UUID of a tenant")),
        None => owner.ok_or_else(|| wrong("AGENT_TENANT", "whose agent is it? a tenant's UUID"))?,
    };
    let name = |setting: &'static str, usual: &str| {
        let text = set(setting).unwrap_or_else(|| usual.to_owned());
        if is_name(&text) { Ok(text) } else { Err(wrong(setting, "it is no name of an agent")) }
    };
    let symbols = set("AGENT_SYMBOLS").unwrap_or_default();
    let symbols: Vec<String> =
        symbols.split(',').map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()).collect();
    if symbols.is_empty() || !symbols.iter().all(|symbol| is_symbol(symbol)) {
        return Err(wrong("AGENT_SYMBOLS", "name what the agent is asked about: BTC-USD,ETH-USD"));
    }
    let every = number(set, "AGENT_EVERY_SECONDS", None, EVERY_S_MIN, 31_622_400)?;
    let moved = match set("AGENT_MOVE").map(|text| text.parse::<Decimal>()) {
        None => None,
        Some(Ok(ratio)) if ratio > Decimal::ZERO && ratio < Decimal::ONE => Some(ratio),
        Some(_) => return Err(wrong("AGENT_MOVE", "it is no ratio, like 0.01 for one per cent")),
    };
    if every.is_none() && moved.is_none() {
        let detail = "when is the agent asked? set this, or AGENT_MOVE";
        return Err(wrong("AGENT_EVERY_SECONDS", detail));
    }
    let per_hour = number(set, "AGENT_TASKS_PER_HOUR", Some(12), 1, 3_600)?;
    let minutes = number(set, "AGENT_TIMEOUT_MINUTES", Some(30), 1, 1_440)?;
    Ok(TaskTerms {
        tenant,
        agent_type: name("AGENT_TYPE", "trading_strategy")?,
        agent_name: name("AGENT_NAME", "trading_strategy_agent")?,
        symbols,
        every: every.map(Duration::from_secs),
        moved,
        per_hour: per_hour.and_then(|count| usize::try_from(count).ok()).unwrap_or(1),
        time: Duration::from_secs(60 * minutes.unwrap_or(30)),
        look: LOOK,
        schema: serde_json::from_str(SCHEMA).unwrap_or_default(),
    })
}

fn number(
    set: &Get<'_>,
    name: &'static str,
    usual: Option<u64>,
    least: u64,
    most: u64,
) -> Result<Option<u64>, SettingsError> {
    let Some(text) = set(name) else { return Ok(usual) };
    let number = text.parse::<u64>().ok().filter(|number| (least..=most).contains(number));
    let detail = || wrong(name, format!("'{text}': use a whole number from {least} to {most}"));
    number.map(Some).ok_or_else(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "018f4e5a-0000-7000-8000-000000000001";

    fn read(given: &[(&str, &str)]) -> Result<OutsideSettings, String> {
        let find = |name: &str| given.iter().find(|(known, _)| *known == name);
        let get = |name: &str| find(name).map(|(_, value)| (*value).to_owned());
        OutsideSettings::read(&get, None).map_err(|error| error.to_string())
    }

    const AGENT: [(&str, &str); 4] = [
        ("AGENT_URL", "http://agents:8008"),
        ("AGENT_TENANT", TENANT),
        ("AGENT_SYMBOLS", "BTC-USD, ETH-USD"),
        ("AGENT_EVERY_SECONDS", "300"),
    ];

    #[test]
    fn nothing_set_is_connected_to_nothing() {
        let settings = read(&[]).unwrap();
        assert!(settings.vault.is_none() && settings.agents.asked.is_empty());
        assert!(settings.agents.events_url.is_none() && settings.secrets_key.is_none());
        assert!(settings.guard.check_url("http://127.0.0.1/").is_err());
    }

    #[test]
    fn an_agent_is_asked_what_the_settings_say() {
        let mut given = AGENT.to_vec();
        given.push(("AGENT_TOKEN", "canary"));
        let settings = read(&given).unwrap();
        assert!(!format!("{settings:?}").contains("canary"));
        let (_, token, terms) = settings.agents.asked.first().unwrap();
        assert!(token.is_some());
        assert_eq!((terms.tenant.to_string().as_str(), terms.per_hour), (TENANT, 12));
        assert_eq!(terms.symbols, ["BTC-USD", "ETH-USD"]);
        assert_eq!(terms.every, Some(Duration::from_secs(300)));
        assert_eq!(terms.schema["properties"]["schema_version"]["const"], 1);
    }

    #[test]
    fn further_agents_are_as_the_first_one_but_for_what_is_their_own() {
        let mut given = AGENT.to_vec();
        given.extend([
            ("AGENT_TOKEN_FILE", "/dev/null"),
            ("AGENT_2_SYMBOLS", "AAPL"),
            ("AGENT_2_NAME", "second"),
            ("AGENT_2_TOKEN", "canary"),
            ("AGENT_5_SYMBOLS", "EURUSD"),
            ("AGENT_5_URL", "http://others:1"),
        ]);
        let asked = read(&given).unwrap().agents.asked;
        let shape = |it: &Service| (it.0.clone(), it.2.agent_name.clone(), it.2.symbols.join("+"));
        let all: Vec<_> = asked.iter().map(shape).collect();
        let of = |url: &str, name: &str, symbols: &str| {
            (url.to_owned(), name.to_owned(), symbols.to_owned())
        };
        let url = "http://agents:8008";
        assert_eq!(
            all,
            [
                of(url, "trading_strategy_agent", "BTC-USD+ETH-USD"),
                of(url, "second", "AAPL"),
                of("http://others:1", "trading_strategy_agent", "EURUSD"),
            ]
        );
        let tokens: Vec<_> = asked.iter().map(|it| it.1.as_ref().map(Secret::reveal)).collect();
        assert_eq!(tokens, [Some(""), Some("canary"), Some("")]);
        given.push(("AGENT_5_MOVE", "7"));
        let words = read(&given).unwrap_err();
        assert!(words.contains("AGENT_MOVE") && words.contains("of agent 5"), "{words}");
        let words = read(&[("AGENT_3_SYMBOLS", "AAPL")]).unwrap_err();
        assert!(words.contains("AGENT_URL") && words.contains("agent 3"), "{words}");
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_name() {
        for (given, name) in [
            (("WEBHOOK_NETWORKS", "10.0.0.1"), "WEBHOOK_NETWORKS"),
            (("SECRETS_KEY", "canary"), "SECRETS_KEY"),
            (("VAULT_ADDR", "vault"), "VAULT_ADDR"),
            (("BINANCE_API_KEY", "canary"), "BINANCE_API_SECRET"),
            (("AGENT_EVENTS_URL", "nothing:canary"), "AGENT_EVENTS_URL"),
            (("AGENT_URL", "http://u:canary@agents"), "AGENT_URL"),
            (("AGENT_TENANT", "default"), "AGENT_TENANT"),
            (("AGENT_TENANT", ""), "AGENT_TENANT"),
            (("AGENT_SYMBOLS", " ,"), "AGENT_SYMBOLS"),
            (("AGENT_EVERY_SECONDS", "1"), "AGENT_EVERY_SECONDS"),
            (("AGENT_EVERY_SECONDS", ""), "AGENT_EVERY_SECONDS"),
            (("AGENT_MOVE", "5"), "AGENT_MOVE"),
            (("AGENT_TASKS_PER_HOUR", "0"), "AGENT_TASKS_PER_HOUR"),
            (("AGENT_TIMEOUT_MINUTES", "x"), "AGENT_TIMEOUT_MINUTES"),
            (("AGENT_TOKEN_FILE", "/nowhere/token"), "AGENT_TOKEN_FILE"),
        ] {
            let mut all: Vec<_> = AGENT.into_iter().filter(|it| it.0 != given.0).collect();
            all.push(given);
            let words = read(&all).unwrap_err();
            assert!(words.contains(name), "{given:?}: {words}");
            assert!(!words.contains("canary"), "{words}");
        }
    }
}
