//! Plans: what they take, when they speak, and that they say the same again.

use std::collections::BTreeSet;

use qt_venue_sim::exchange::{
    AssetId, AssetSpec, NewAccount, NewOrder, OrderStatus, Refusal, Settings, Side, SymbolId,
    SymbolSpec, SymbolStatus,
};
use qt_venue_sim::fault::{
    ConnectionKind, Fault, Hook, Place, Plan, PlanError, RequestKind, Rule, list,
};
use qt_venue_sim::simulation::Simulation;

const MS: i64 = 1_000_000;
const ONE: i64 = 100_000_000;
const SYMBOL: SymbolId = SymbolId(0);

fn plan(text: &str) -> Plan {
    Plan::parse(text, 0).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The times in ms of `0..steps` at which a question at the place of depth changes has an answer.
fn answers(plan: &mut Plan, steps: i64) -> Vec<i64> {
    let hook = Hook::new(Place::Depth).symbol("AB").stream("ab@depth");
    (0..steps).filter(|ms| plan.at(&hook, ms * MS).is_some()).collect()
}

#[test]
fn names_are_unique_and_every_one_can_be_planned() {
    let names: BTreeSet<&str> = Fault::ALL.iter().map(|fault| fault.text()).collect();
    assert_eq!(names.len(), Fault::ALL.len());
    assert_eq!(list().lines().count(), Fault::ALL.len());
    for fault in Fault::ALL {
        let mut text = format!("[[fault]]\nwhat = \"{}\"\n", fault.text());
        for param in fault.params() {
            let value = match *param {
                "tick" | "amount" => "\"0.1\"",
                "asset" | "rule" => "\"A\"",
                "side" => "\"buy\"",
                "part" => "\"cancel\"",
                "how" => "\"drop\"",
                _ => "5",
            };
            text.push_str(&format!("{param} = {value}\n"));
        }
        assert!(plan(&text).has(fault.place()), "{fault:?}");
        assert!(!fault.meaning().is_empty());
    }
}

#[test]
fn when_a_rule_speaks() {
    for (fields, wanted) in [
        ("", &[0][..]),
        ("at_ms = 5", &[5]),
        ("count = 3", &[0, 1, 2]),
        ("after = 4", &[3]),
        ("after = 4\ncount = 2", &[3, 4]),
        ("after = 2\nevery = 5", &[1, 6, 11, 16]),
        ("every = 5\ntimes = 2", &[0, 5]),
        ("at_ms = 2\nevery_ms = 6", &[2, 8, 14]),
        ("at_ms = 2\nevery_ms = 6\ncount = 2", &[2, 3, 8, 9, 14, 15]),
        ("at_ms = 2\nevery_ms = 6\nuntil_ms = 10", &[2, 8]),
        ("at_ms = 4\nfor_ms = 3", &[4, 5, 6]),
        ("symbol = \"AB\"\nstream = \"depth\"", &[0]),
        ("symbol = \"CD\"", &[]),
        ("account = \"ann\"", &[]),
        ("probability = 0.0", &[]),
        ("probability = 1.0\ntimes = 2", &[0, 1]),
    ] {
        let text = format!("[[fault]]\nwhat = \"drop-delta\"\n{fields}\n");
        assert_eq!(answers(&mut plan(&text), 18), wanted, "{fields}");
    }
}

#[test]
fn chance_is_the_same_again_and_as_likely_as_said() {
    let text = "seed = 5\n[[fault]]\nwhat = \"drop-delta\"\nprobability = 0.25\n";
    let first = answers(&mut plan(text), 10_000);
    assert_eq!(first, answers(&mut plan(text), 10_000));
    assert!((2_300..2_700).contains(&first.len()), "{}", first.len());
    let other = text.replace('5', "6");
    assert_ne!(first, answers(&mut plan(&other), 10_000));
}

#[test]
fn of_two_rules_the_first_speaks_and_the_other_one_next() {
    let mut plan = plan("[[fault]]\nwhat = \"drop-delta\"\n[[fault]]\nwhat = \"swap-deltas\"\n");
    let hook = Hook::new(Place::Depth);
    let said: Vec<_> = (0..3).map(|at| plan.at(&hook, at).map(|action| action.fault)).collect();
    assert_eq!(said, [Some(Fault::DropDelta), Some(Fault::SwapDeltas), None]);
    let state = plan.state();
    assert_eq!((state[0].done, state[1].done, state[1].asked), (1, 1, 2));
    assert!(state.iter().all(|rule| rule.is_over));
    assert!(plan.add(Rule::once(Fault::DropDelta), 0));
    assert!(plan.at(&hook, 5).is_some(), "added while it runs");
}

#[test]
fn requests_and_connections_are_told_apart() {
    let text = "[[fault]]\nwhat = \"answer-lost\"\nrequest = \"place\"\nconnection = \"api\"\n\
                how = \"drop\"\n";
    let mut plan = plan(text);
    let hook = Hook::new(Place::Answer).connection(ConnectionKind::Api);
    assert!(plan.at(&hook.request(RequestKind::Cancel), 0).is_none());
    let rest = hook.connection(ConnectionKind::Rest).request(RequestKind::Place);
    assert!(plan.at(&rest, 0).is_none());
    let action = plan.at(&hook.request(RequestKind::Place), 0).expect("an action");
    assert_eq!(action.params.how.as_deref(), Some("drop"));
}

#[test]
fn a_wrong_plan_says_where() {
    let rule = |fields: &str| format!("seed = 1\n\n[[fault]]\nwhat = \"drop-delta\"\n{fields}\n");
    let wrong = |text: &str| Plan::parse(text, 0).expect_err("an error").to_string();
    for (text, line, field) in [
        (rule("colour = 1"), "line 5", "colour"),
        (rule("at_ms = \"soon\""), "line 5", "u64"),
        (rule("at_ms = -5"), "line 5", "-5"),
        (rule("probability = 1.5"), "line 4", "probability"),
        (rule("every = 0"), "line 4", "every"),
        (rule("tick = \"1\""), "line 4", "tick"),
        (rule("request = \"plaice\""), "line 4", "request"),
        (rule("connection = \"x\""), "line 4", "connection"),
        ("[[fault]]\nwhat = \"drop-deltas\"".into(), "line 2", "drop-deltas"),
        ("[[fault]]\nwhat = \"tick-change\"".into(), "line 2", "tick"),
        ("[[fault]]\nwhat = \"answer-lost\"\nhow = \"so\"".into(), "line 2", "how"),
        ("[[fault]]\nat_ms = 5".into(), "line 1", "what"),
        ("[[faults]]".into(), "line 1", "faults"),
        ("not toml".into(), "line 1", "not toml"),
    ] {
        let error = wrong(&text);
        assert!(error.contains(line) && error.contains(field), "{text}\n{error}");
    }
    let long = "[[fault]]\nwhat = \"reset\"\n".repeat(1_001);
    assert_eq!(Plan::parse(&long, 0).err(), Some(PlanError::Long("1000 rules")));
}

#[test]
fn clocks_are_off_and_drift() {
    let mut skew = plan("[[fault]]\nwhat = \"clock-skew\"\nby_ms = -1500\nfor_ms = 100000\n");
    let mut drift = plan("[[fault]]\nwhat = \"clock-drift\"\nppm = 100\nfor_ms = 100000\n");
    let hook = Hook::new(Place::Clock);
    let off = |plan: &mut Plan, ms: i64| plan.at(&hook, ms * MS).map(|action| action.off_ns);
    assert_eq!(off(&mut skew, 0), Some(-1_500 * MS));
    assert_eq!(off(&mut skew, 99_999), Some(-1_500 * MS));
    assert_eq!(off(&mut skew, 100_000), None);
    assert_eq!((off(&mut drift, 0), off(&mut drift, 10_000)), (Some(0), Some(MS)));
}

fn simulation(text: &str) -> Simulation {
    let asset = |name: &str| AssetSpec { name: name.into(), decimals: 8 };
    let symbol = SymbolSpec::new("AB", AssetId(0), AssetId(1), ONE / 100, ONE / 1_000);
    let settings = Settings::new(vec![asset("A"), asset("B")], vec![symbol]);
    let mut simulation = Simulation::new(settings, plan(text)).expect("settings");
    let plenty = i128::from(ONE) * 1_000;
    let account = NewAccount::new("ann", &[(AssetId(0), plenty), (AssetId(1), plenty)]);
    simulation.exchange.open_account(account).expect("an account");
    simulation.exchange.market_level(SYMBOL, Side::Buy, 99 * ONE, ONE);
    simulation.exchange.market_level(SYMBOL, Side::Sell, 101 * ONE, ONE);
    simulation
}

#[test]
fn the_exchanges_own_faults_are_done_and_undone() {
    let text = "[[fault]]\nwhat = \"halt\"\nat_ms = 10\nfor_ms = 10\n\
                [[fault]]\nwhat = \"tick-change\"\ntick = \"0.5\"\nat_ms = 30\nfor_ms = 10\n\
                [[fault]]\nwhat = \"account-disabled\"\nat_ms = 50\nfor_ms = 10\n\
                [[fault]]\nwhat = \"negative-fee\"\nppm = 50\nat_ms = 70\nfor_ms = 10\n\
                [[fault]]\nwhat = \"delist\"\nat_ms = 90\nsymbol = \"AB\"\n";
    let mut simulation = simulation(text);
    let ann = simulation.exchange.account_id("ann").unwrap();
    let seen: Vec<_> = (0..10)
        .map(|ten| {
            assert!(simulation.advance(ten * 10 * MS + MS));
            let spec = simulation.exchange.symbol(SYMBOL).unwrap();
            let fees = simulation.exchange.fees(ann).unwrap();
            let disabled = simulation.exchange.is_disabled(ann);
            (spec.status, spec.filters.price.step, disabled, fees.maker)
        })
        .collect();
    let usual = (SymbolStatus::Trading, ONE / 100, false, 100_000);
    let mut wanted = vec![usual; 10];
    wanted[1].0 = SymbolStatus::Halt;
    wanted[3].1 = ONE / 2;
    wanted[5].2 = true;
    wanted[7].3 = -5_000;
    wanted[9].0 = SymbolStatus::Delisted;
    assert_eq!(seen, wanted);
    assert!(simulation.notes.is_empty(), "{:?}", simulation.notes);
}

#[test]
fn others_act_on_the_account() {
    let text = "[[fault]]\nwhat = \"foreign-order\"\nside = \"sell\"\nat_ms = 10\n\
                [[fault]]\nwhat = \"foreign-trade\"\nat_ms = 20\n\
                [[fault]]\nwhat = \"self-match\"\nat_ms = 30\n\
                [[fault]]\nwhat = \"transfer\"\nasset = \"B\"\namount = \"-12.5\"\nat_ms = 40\n\
                [[fault]]\nwhat = \"foreign-cancel\"\nat_ms = 50\n\
                [[fault]]\nwhat = \"transfer\"\nasset = \"Z\"\namount = \"1\"\nat_ms = 60\n";
    let mut simulation = simulation(text);
    let ann = simulation.exchange.account_id("ann").unwrap();
    let step = |simulation: &mut Simulation, ms: i64| {
        simulation.advance(ms * MS);
        let open = simulation.exchange.open_orders(ann, None).count();
        (open, simulation.exchange.fills(ann, SYMBOL, 0).count())
    };
    assert_eq!(step(&mut simulation, 11), (1, 0), "a foreign order rests");
    assert_eq!(step(&mut simulation, 21), (1, 1), "a foreign trade");
    assert_eq!(step(&mut simulation, 31), (1, 2), "what is in front trades, the maker expires");
    let expired =
        |order: &&qt_venue_sim::exchange::Order| order.status == OrderStatus::ExpiredInMatch;
    assert_eq!(simulation.exchange.orders(ann, SYMBOL, 0).filter(expired).count(), 1);
    let before = simulation.exchange.balances(ann)[1];
    step(&mut simulation, 41);
    let after = simulation.exchange.balances(ann)[1];
    assert_eq!(before.free - after.free, 1_250_000_000);
    assert_eq!(step(&mut simulation, 51).0, 0, "all cancelled");
    step(&mut simulation, 61);
    assert_eq!(simulation.notes, ["transfer: no asset \"Z\""]);
}

#[test]
fn a_burst_comes_fast_and_leaves_the_book_as_it_was() {
    let mut simulation = simulation("[[fault]]\nwhat = \"burst\"\nrate = 5000\nfor_ms = 200\n");
    simulation.drain();
    let before = simulation.exchange.depth(SYMBOL, 9);
    assert!(simulation.advance(0));
    assert!(simulation.advance(100 * MS));
    let half = simulation.drain().len();
    assert!((499..=502).contains(&half), "{half}");
    assert!(simulation.advance(300 * MS));
    let after = simulation.exchange.depth(SYMBOL, 9);
    assert_eq!(after.last_update_id - before.last_update_id, 1_000);
    assert_eq!((after.bids, after.asks), (before.bids, before.asks));
}

#[test]
fn ids_beyond_the_floats() {
    let mut simulation = simulation("[[fault]]\nwhat = \"large-ids\"\n");
    let ann = simulation.exchange.account_id("ann").unwrap();
    let order = NewOrder::limit(SYMBOL, Side::Buy, 101 * ONE, ONE);
    let placed = simulation.exchange.place(ann, &order).unwrap();
    let first = (1_u64 << 53) + 1;
    assert_eq!((placed.order.id, placed.fills[0].trade_id), (first, first));
    assert!(simulation.exchange.depth(SYMBOL, 1).last_update_id > first);
    assert!(simulation.exchange.order_by_id(1).is_none());
}

#[test]
fn orders_are_filled_and_ended_on_purpose() {
    let mut simulation = simulation("");
    let exchange = &mut simulation.exchange;
    let ann = exchange.account_id("ann").unwrap();
    let order = NewOrder::limit(SYMBOL, Side::Buy, 99 * ONE, ONE);
    let id = exchange.place(ann, &order).unwrap().order.id;
    assert_eq!(exchange.fill_order(id, ONE / 4), ONE / 4, "in spite of the queue");
    assert_eq!(exchange.order_by_id(id).unwrap().status, OrderStatus::PartiallyFilled);
    assert!(exchange.expire_order(id) && !exchange.cancel_order(id));
    assert_eq!(exchange.fill_order(id, ONE), 0, "it is over");
    assert_eq!(exchange.fill_order(99, ONE), 0, "it never was");
    let id = exchange.place(ann, &order).unwrap().order.id;
    assert_eq!(exchange.fill_order(id, 5 * ONE), ONE);
    exchange.set_disabled(ann, true);
    assert_eq!(exchange.place(ann, &order), Err(Refusal::AccountDisabled));
    assert!(exchange.sums().iter().all(|sum| *sum == 0));
}
