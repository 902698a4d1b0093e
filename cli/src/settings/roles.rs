//! The strategies of a run as they are asked for: one, or several with names of their own.

use super::Layers;
use super::plan::wrong;
use crate::failure::Failure;

/// A strategy of a run, as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// What it is called in this run: its name, unless it was given another one.
    pub name: String,
    /// Which strategy it is.
    pub strategy: String,
    /// What it trades; nothing for all instruments.
    pub symbols: Vec<String>,
    /// Its parameters as they were given.
    pub params: Vec<(String, String)>,
}

/// The strategies that `layers` ask for, in their order.
///
/// # Errors
/// When there is none, two have one name, or a parameter does not say whose it is.
pub fn roles(layers: &Layers) -> Result<Vec<Role>, Failure> {
    let mut roles: Vec<Role> = Vec::new();
    for text in layers.many("strategy") {
        let role = role(layers, text)?;
        if roles.iter().any(|known| known.name == role.name) {
            return Err(Failure::usage(format!(
                "{}: two strategies are called {}",
                layers.place("strategy"),
                role.name
            ))
            .hint(format!("give each a name of its own: --strategy other={}", role.strategy)));
        }
        roles.push(role);
    }
    if roles.is_empty() {
        return Err(Failure::usage("no strategy is given")
            .hint("add --strategy NAME; quanttrade strategies list shows all"));
    }
    for pair in layers.many("param") {
        let form = "of the form NAME=VALUE";
        let (name, value) =
            pair.split_once('=').ok_or_else(|| wrong(layers, "param", pair, form))?;
        let (of, name) = whose(layers, &mut roles, name.trim())?;
        of.params.push((name, value.trim().to_owned()));
    }
    Ok(roles)
}

fn role(layers: &Layers, text: &str) -> Result<Role, Failure> {
    let (named, symbols) = match text.split_once('@') {
        Some((named, symbols)) => {
            (named, symbols.split('+').map(|it| it.trim().to_owned()).collect())
        }
        None => (text, Vec::new()),
    };
    let (name, strategy) = named.split_once('=').unwrap_or((named, named));
    let (name, strategy) = (name.trim().to_owned(), strategy.trim().to_owned());
    let is_word = |word: &str| !word.is_empty() && !word.contains(['.', '=', ' ', ',']);
    if !is_word(&name) || !is_word(&strategy) || symbols.iter().any(String::is_empty) {
        let form = "of the form [NAME=]STRATEGY[@SYMBOL+SYMBOL]";
        return Err(wrong(layers, "strategy", text, form));
    }
    Ok(Role { name, strategy, symbols, params: Vec::new() })
}

/// Whose parameter `name` is, and its own name.
fn whose<'a>(
    layers: &Layers,
    roles: &'a mut [Role],
    name: &str,
) -> Result<(&'a mut Role, String), Failure> {
    let place = layers.place("param");
    let names: Vec<String> = roles.iter().map(|role| role.name.clone()).collect();
    let Some((of, param)) = name.split_once('.') else {
        return match roles {
            [only] => Ok((only, name.to_owned())),
            _ => Err(Failure::usage(format!("{place}: {name} of which strategy?")).hint(format!(
                "write {}.{name}=..., with one of {}",
                names[0],
                names.join(", ")
            ))),
        };
    };
    let found = roles.iter_mut().find(|role| role.name == of);
    found.map(|role| (role, param.to_owned())).ok_or_else(|| {
        Failure::usage(format!("{place}: {name}: no strategy of this run is called {of}"))
            .hint(format!("there are: {}", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::settings::Sources;

    fn read(strategies: &[&str], params: &[&str]) -> Result<Vec<Role>, String> {
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
        let flags: BTreeMap<&'static str, Vec<String>> =
            BTreeMap::from([("strategy", words(strategies)), ("param", words(params))]);
        let layers = Layers::only(&Sources { flags: Some(&flags), ..Sources::default() });
        roles(&layers.map_err(|failure| failure.message)?).map_err(|failure| failure.message)
    }

    #[test]
    fn strategies_have_names_instruments_and_parameters_of_their_own() {
        let all = read(
            &["grid", "tight=grid@BTC+ETH"],
            &["grid.step=5", "tight.step = 1", "tight.levels=3"],
        );
        let all = all.unwrap();
        assert_eq!((all[0].name.as_str(), all[0].symbols.len()), ("grid", 0));
        assert_eq!((all[1].name.as_str(), all[1].strategy.as_str()), ("tight", "grid"));
        assert_eq!(all[1].symbols, ["BTC", "ETH"]);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(all[0].params, [pair("step", "5")]);
        assert_eq!(all[1].params, [pair("step", "1"), pair("levels", "3")]);
        let one = read(&["grid"], &["step=5", "grid.levels=2"]).unwrap();
        assert_eq!(one[0].params, [pair("step", "5"), pair("levels", "2")]);
    }

    #[test]
    fn what_is_not_clear_is_an_error() {
        let error = |strategies: &[&str], params: &[&str]| read(strategies, params).unwrap_err();
        assert!(error(&["grid", "grid"], &[]).contains("two strategies are called grid"));
        assert!(error(&["grid", "macd"], &["step=5"]).contains("of which strategy"));
        assert!(error(&["grid", "macd"], &["twap.step=5"]).contains("is called twap"));
        assert!(error(&["grid@"], &[]).contains("of the form"));
        assert!(error(&["=grid"], &[]).contains("of the form"));
        assert!(error(&[], &[]).contains("no strategy is given"));
        assert!(error(&["grid"], &["step"]).contains("NAME=VALUE"));
    }
}
