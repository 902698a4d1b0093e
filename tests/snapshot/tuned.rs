//! A strategy whose parameter was changed while it runs is one that was made with it.

use qt_engine::{Sequencer, Strategy};
use qt_strategies::Registry;
use qt_strategies::param::ParamKind;
use qt_types::{Number, StrategyId};

use crate::world::Make;

/// Another value than the default, as text.
fn other(kind: ParamKind) -> String {
    match kind {
        ParamKind::Int { default, max, .. } => (default + 3).min(max).to_string(),
        ParamKind::Float { default, max, .. } => (default + 0.125).min(max).to_string(),
        ParamKind::Flag { default } => (!default).to_string(),
        ParamKind::Choice { options, .. } => options.last().copied().unwrap_or_default().to_owned(),
    }
}

#[test]
fn what_was_tuned_is_what_would_have_been_made() {
    let registry = Registry::builtin();
    let mut tuned = 0;
    for entry in registry.iter() {
        let params = entry.resolve(&[]).unwrap();
        for spec in entry.params {
            let text = other(spec.kind);
            let changed = entry.change(&params, spec.name, &text);
            if !spec.is_live {
                assert!(changed.unwrap_err().0.contains("is fixed while"), "{}", spec.name);
                continue;
            }
            let (at, value, after) = changed.unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(
                spec.value(value),
                Some(after.iter().find(|it| it.0 == spec.name).unwrap().1)
            );
            let mut one = Make::new(entry.name, "").pipeline();
            one.strategy_mut().tune(StrategyId::FIRST, at, value);
            let mut bytes = Vec::new();
            one.snapshot(&Sequencer::new(), &mut bytes).unwrap();
            let pair: &'static str = Box::leak(format!("{}={text}", spec.name).into_boxed_str());
            let what = format!("{} {pair}", entry.name);
            let made = Make::new(entry.name, pair).pipeline().restore(&bytes);
            assert!(made.is_ok(), "{what}: {:?}", made.err());
            let before = Make::new(entry.name, "").pipeline().restore(&bytes);
            assert!(before.is_err(), "{what}: nothing was changed");
            tuned += 1;
        }
    }
    assert!(tuned >= 10, "{tuned}");
}

#[test]
fn what_is_not_allowed_changes_nothing() {
    let registry = Registry::builtin();
    let entry = registry.get("order_book_imbalance").unwrap();
    let params = entry.resolve(&[]).unwrap();
    let error = |name: &str, text: &str| entry.change(&params, name, text).unwrap_err().0;
    assert!(error("entry", "1.5").contains("outside 0..1"));
    assert!(error("exit", "0.7").contains("exit <= entry"));
    assert!(error("mode", "quote").contains("is fixed while"));
    assert!(error("entri", "1").contains("did you mean entry?"));
    let at = entry.params.iter().position(|spec| spec.name == "entry").unwrap() as u16;
    let mut one = Make::new(entry.name, "").pipeline();
    for (param, value) in [(at, 7.0), (at, f64::NAN), (99, 0.5)] {
        one.strategy_mut().tune(StrategyId::FIRST, param, Number::new(value));
    }
    let mut bytes = Vec::new();
    one.snapshot(&Sequencer::new(), &mut bytes).unwrap();
    assert!(Make::new(entry.name, "").pipeline().restore(&bytes).is_ok());
}
