//! The files of conditions, and what is said about wrong ones.

use std::collections::BTreeMap;
use std::path::PathBuf;

use qt_backtest::conditions::{Conditions, FundingRate, FundingRates, Trouble};
use qt_backtest::feed::{FeedLatency, FeedStart};
use qt_backtest::venue::{FaultKind, LatencyModel, MarginMode};
use qt_types::{Cash, E9};

use super::Latencies;
use crate::failure::Failure;
use crate::settings::{Layers, Sources};

/// 2024-05-01 in ns.
const MAY: i64 = 1_714_521_600 * E9;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, text: &str) -> String {
        let path: PathBuf = self.0.path().join("file");
        std::fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    }
}

fn of(flags: &[(&'static str, &str)]) -> Result<(Conditions, Latencies), Failure> {
    let mut all: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for (name, value) in flags {
        all.entry(name).or_default().push((*value).to_owned());
    }
    let layers = Layers::only(&Sources { flags: Some(&all), ..Sources::default() })?;
    super::of(&layers, 7)
}

/// The conditions with the file `text` for the setting `name` of a margin account.
fn with(name: &'static str, text: &str) -> Result<Conditions, String> {
    let folder = Folder::new();
    let path = folder.write(text);
    let flags = [("account", "margin"), (name, path.as_str())];
    of(&flags).map(|found| found.0).map_err(|failure| failure.message)
}

#[test]
fn funding_as_venues_publish_it() {
    let text = "calc_time,funding_interval_hours,last_funding_rate\n\
                1714550400000,8,-0.00002000\n1714521600000,8,0.00010000\n";
    let found = with("funding", text).unwrap().funding;
    let rate = |time_ns, rate_e9| FundingRate { time_ns, rate_e9, mark_e9: None };
    let rates = vec![rate(MAY, 100_000), rate(MAY + 28_800 * E9, -20_000)];
    assert_eq!((found.len(), &found[0].symbol), (1, &None));
    assert_eq!(found[0].rates, FundingRates::Listed(rates));
    let text = "symbol;time;rate;markPrice\nA;2024-05-01T00:00:00Z;0.0001;60123.4\n\
                B;2024-05-01;0.1;\n";
    let found = with("funding", text).unwrap().funding;
    assert_eq!(found[1].symbol.as_deref(), Some("B"));
    let FundingRates::Listed(rates) = &found[0].rates else { panic!("a list") };
    assert_eq!(rates[0].mark_e9, Some(60_123_400_000_000));
    for (text, what) in [
        ("", "it is empty"),
        ("time,mark\n1,2\n", "no column holds the rate"),
        ("time,rate\n2024-05-01\n", "line 2: 1 values, not 2"),
        ("time,rate\nsoon,0.1\n", "line 2: 'soon' is no time"),
        ("time,rate,mark\n2024-05-01,0.1,-5\n", "the mark is not above zero"),
        ("time,rate\n", "no rate is in it"),
    ] {
        let error = with("funding", text).unwrap_err();
        assert!(error.contains(what), "{error}");
    }
    let (found, _) = of(&[("funding-rate", "0.01%")]).unwrap();
    let every = FundingRates::Every { rate_e9: 100_000, interval_ns: 28_800 * E9 };
    assert_eq!(found.funding[0].rates, every);
    assert!(of(&[("funding-rate", "2")]).is_err());
    assert!(of(&[("funding-rate", "0.1"), ("funding-interval", "1s")]).is_err());
    assert!(of(&[("funding", "no/such.csv")]).is_err());
}

#[test]
fn margin_tables() {
    let text = "[[table]]\nsymbol = \"A\"\nfrom = 2024-05-01\n\
                [[table.bracket]]\nmaintenance = 0.005\nmax-leverage = 3\n\
                [[table.bracket]]\nabove = 5000\nmaintenance = \"5%\"\n";
    let margin = with("margin-tiers", text).unwrap().margin.unwrap();
    let (symbol, table) = &margin.tables[0];
    assert_eq!((symbol.as_deref(), table.from_ns), (Some("A"), MAY));
    // A third, rounded up; 5,000 x (0.05 - 0.005) = 225.
    assert_eq!(table.brackets[0].initial_e9, 333_333_334);
    assert_eq!(table.brackets[1].deduct, "225".parse::<Cash>().unwrap());
    let (cross, _) = of(&[("account", "margin"), ("margin", "cross")]).unwrap();
    assert_eq!(cross.margin.unwrap().mode, MarginMode::Cross);
    assert_eq!(of(&[]).unwrap().0.margin, None, "a cash account has none");
    for (text, what) in [
        ("[[table]]\n[[table.bracket]]\nabove = 5\nmaintenance = 0.1\n", "above = 0"),
        ("[[table]]\n[[table.bracket]]\nabove = 0\n", "maintenance is missing"),
        ("[[table]]\nhigh = 1\n", "there is no 'high'; there are symbol, from, bracket"),
        ("[[tables]]\n", "[[table]] is expected"),
        ("table = 5", "no [[table]] is in it"),
        ("[[", "file: TOML"),
    ] {
        let error = with("margin-tiers", text).unwrap_err();
        assert!(error.contains(what), "{error}");
    }
    assert!(of(&[("margin", "cross")]).unwrap_err().message.contains("cash account"));
    assert!(of(&[("account", "margin"), ("margin", "none")]).is_err());
}

#[test]
fn fees_and_rules() {
    let text = "volume-before = \"1.5\"\n[[tier]]\nmaker = 0.0002\ntaker = 0.0005\n\
                [[tier]]\nvolume = 1e3\nmaker = -0.00005\ntaker = 0.0004\n";
    let fees = with("fee-tiers", text).unwrap().fee_tiers.unwrap();
    assert_eq!((fees.tiers.len(), fees.volume_before), (2, "1.5".parse().unwrap()));
    assert_eq!(fees.tiers[1].fees.maker_e9, -50_000);
    let low = "[[tier]]\nvolume = 5\nmaker = 0\ntaker = 0\n";
    assert!(with("fee-tiers", low).unwrap_err().contains("from volume = 0 on"));
    let text = "[[rule]]\nsymbol = \"A\"\nfrom = \"2024-05-01\"\ntick = 0.1\nlot = 0.001\n\
                min-qty = 1\nmin-notional = 100\nband-below = 0.05\nband-above = 0.5\n";
    let (symbol, rule) = with("instruments", text).unwrap().rules.remove(0);
    assert_eq!((symbol.as_deref(), rule.from_ns), (Some("A"), MAY));
    assert_eq!((rule.tick_e9, rule.lot_e9), (Some(E9 / 10), Some(E9 / 1_000)));
    assert_eq!((rule.below_e9, rule.above_e9), (Some(E9 / 20), Some(E9 / 2)));
    assert!(with("instruments", "[[rule]]\ntick = 0\n").unwrap_err().contains("not above zero"));
}

#[test]
fn faults() {
    let head = "from = \"2024-05-01T00:00:01Z\"\nto = \"2024-05-01T00:00:02Z\"\n";
    let kind = |text: &str| {
        with("faults", &format!("[[fault]]\n{head}{text}")).map(|found| found.faults[0].trouble)
    };
    assert_eq!(kind("kind = \"halt\""), Ok(Trouble::Halt));
    assert_eq!(kind("kind = \"auction\""), Ok(Trouble::Auction));
    let messages = |kind: FaultKind| Ok(Trouble::Messages(kind));
    let throttle = FaultKind::Throttle { messages_max: 5 };
    assert_eq!(kind("kind = \"throttle\"\nmessages = 5"), messages(throttle));
    let away = FaultKind::Disconnect { is_held: true, cancels: true };
    let text = "kind = \"disconnect\"\ncommands = \"held\"\ncancel-orders = true";
    assert_eq!(kind(text), messages(away));
    let late = FaultKind::LateReports { by_ns: 250_000_000, share_e9: E9 / 2 };
    assert_eq!(kind("kind = \"late\"\nby = \"250ms\"\nshare = 0.5"), messages(late));
    assert_eq!(kind("kind = \"repeat\""), messages(FaultKind::RepeatReports { share_e9: E9 }));
    assert_eq!(kind("kind = \"refuse\""), messages(FaultKind::Refuse { share_e9: E9 }));
    let bust = with("faults", "[[fault]]\nkind = \"bust\"\nfrom = \"2024-05-01\"\n").unwrap();
    assert_eq!((bust.faults[0].trouble, bust.faults[0].from_ns), (Trouble::Bust, MAY));
    for (text, what) in [
        ("kind = \"flood\"", "there is no 'flood'"),
        ("kind = \"throttle\"", "messages is missing"),
        ("kind = \"late\"", "by is missing"),
        ("kind = \"halt\"\nshare = 1", "there is no 'share'"),
        ("kind = \"disconnect\"\ncommands = \"late\"", "'late' is not lost or held"),
        ("kind = \"refuse\"\nshare = 2", "not from 0 to 1"),
        ("share = 1", "kind is missing"),
    ] {
        let error = kind(text).unwrap_err();
        assert!(error.contains(what) && error.contains("[[fault]] number 1"), "{error}");
    }
}

#[test]
fn latencies_of_all_forms() {
    let ms = 1_000_000;
    let order = |text: &str| of(&[("order-latency", text)]).map(|found| found.1);
    let plain = order("5ms").unwrap();
    assert_eq!((plain.order, plain.order_ns, plain.response_ns), (None, 5 * ms, 5 * ms));
    let jitter = order("jitter:5ms,2ms").unwrap();
    let of_seed = |seed| Some(LatencyModel::Jittered { base_ns: 5 * ms, spread_ns: 2 * ms, seed });
    assert_eq!((jitter.order, jitter.response, jitter.order_ns), (of_seed(7), of_seed(8), 5 * ms));
    let by_action = order("new=5ms,cancel=3ms").unwrap();
    let constant = LatencyModel::Constant { new_ns: 5 * ms, replace_ns: 5 * ms, cancel_ns: 3 * ms };
    assert_eq!((by_action.order, by_action.order_ns), (Some(constant), 3 * ms));
    let folder = Folder::new();
    let path = folder.write("time,latency\n2024-05-01,4ms\n2024-05-01T00:00:01Z,1500\n");
    let recorded = of(&[("order-latency", "1ms"), ("response-latency", path.as_str())]).unwrap().1;
    let points = vec![(MAY, 4 * ms), (MAY + E9, 1_500)];
    assert_eq!((recorded.order, recorded.order_ns), (None, ms));
    assert_eq!(recorded.response, Some(LatencyModel::Recorded(points)));
    for text in ["fast", "jitter:5ms", "jitter:5,2", "new=5ms,send=2ms", "new=", "no/such.csv"] {
        assert!(order(text).is_err(), "{text}");
    }
    let falls = folder.write("time,latency\n2024-05-02,4ms\n2024-05-01,4ms\n");
    assert!(order(&falls).unwrap_err().message.contains("line 3: the times do not rise"));
}

#[test]
fn feed_latencies_of_all_forms() {
    let ms = 1_000_000;
    let feed = |text: &str| of(&[("feed-latency", text)]).map(|found| found.1);
    for (text, ns) in [("5ms", 5 * ms), ("recorded", 0), ("recorded+2ms", 2 * ms), ("0", 0)] {
        let plain = feed(text).unwrap();
        assert_eq!((plain.feed, plain.feed_ns), (None, ns), "{text}");
    }
    let from_venue = |model| Some(FeedLatency { start: FeedStart::Venue, model });
    let venue = feed("venue").unwrap();
    assert_eq!((venue.feed, venue.feed_ns), (from_venue(LatencyModel::constant(0)), 0));
    let jitter = LatencyModel::Jittered { base_ns: 5 * ms, spread_ns: 2 * ms, seed: 9 };
    let late = feed("venue+jitter:5ms,2ms").unwrap();
    assert_eq!((late.feed, late.feed_ns), (from_venue(jitter.clone()), 5 * ms));
    let late = feed("jitter:5ms,2ms").unwrap();
    assert_eq!(late.feed, Some(FeedLatency { start: FeedStart::Receipt, model: jitter }));
    let folder = Folder::new();
    let path = folder.write("time,latency\n2024-05-01,4ms\n2024-05-01T00:00:01Z,1500\n");
    let measured = feed(&format!("venue+{path}")).unwrap();
    let points = LatencyModel::Recorded(vec![(MAY, 4 * ms), (MAY + E9, 1_500)]);
    assert_eq!((measured.feed, measured.feed_ns), (from_venue(points), 1_500));
    for text in ["venue5ms", "venue+", "recorded+fast", "new=5ms", "venue+new=5ms", "no/such.csv"] {
        let failure = feed(text).unwrap_err();
        assert_eq!(failure.reason.code(), 2, "{text}");
        assert!(failure.message.contains("feed-latency"), "{}", failure.message);
    }
}
