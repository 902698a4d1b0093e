//! Every indicator that TA-Lib has against its pure-Rust port, on random walks at price levels from
//! 1e-8 to 1e8.

use crate::walk::{close_to, series, walk};
use qt_strategies::indicator::Candle;
use ta_lib::{Core, MAType, OutRange, RetCode};

/// The columns of the bars, as TA-Lib takes them.
struct Columns {
    open: Vec<f64>,
    high: Vec<f64>,
    low: Vec<f64>,
    close: Vec<f64>,
    volume: Vec<f64>,
}

impl Columns {
    fn new(candles: &[Candle]) -> Self {
        let column = |read: fn(&Candle) -> f64| candles.iter().map(read).collect();
        Self {
            open: column(|c| c.open),
            high: column(|c| c.high),
            low: column(|c| c.low),
            close: column(|c| c.close),
            volume: column(|c| c.volume),
        }
    }
}

type Port = fn(&Core, &Columns, usize, &mut [Vec<f64>; 3]) -> Result<OutRange, RetCode>;

/// One indicator: our names of its outputs, and the call of the port, which fills them in order.
struct Case {
    names: &'static [&'static str],
    port: Port,
}

macro_rules! case {
    ([$($name:literal),+], |$core:ident, $c:ident, $last:ident, $o:ident| $call:expr) => {
        Case { names: &[$($name),+], port: |$core, $c, $last, outputs| {
            let $o = outputs;
            $call
        } }
    };
}

const CASES: &[Case] = &[
    case!(["SMA(20)"], |core, c, n, o| core.sma(0, n, &c.close, 20, &mut o[0])),
    case!(["EMA(20)"], |core, c, n, o| core.ema(0, n, &c.close, 20, &mut o[0])),
    case!(["WMA(20)"], |core, c, n, o| core.wma(0, n, &c.close, 20, &mut o[0])),
    case!(["DEMA(20)"], |core, c, n, o| core.dema(0, n, &c.close, 20, &mut o[0])),
    case!(["TEMA(20)"], |core, c, n, o| core.tema(0, n, &c.close, 20, &mut o[0])),
    case!(["KAMA(30)"], |core, c, n, o| core.kama(0, n, &c.close, 30, &mut o[0])),
    case!(["CMO(14)"], |core, c, n, o| core.cmo(0, n, &c.close, 14, &mut o[0])),
    case!(["CCI(20)"], |core, c, n, o| core.cci(0, n, &c.high, &c.low, &c.close, 20, &mut o[0])),
    case!(["WILLR(14)"], |core, c, n, o| {
        core.willr(0, n, &c.high, &c.low, &c.close, 14, &mut o[0])
    }),
    case!(["ULTOSC(7,14,28)"], |core, c, n, o| {
        core.ultosc(0, n, &c.high, &c.low, &c.close, 7, 14, 28, &mut o[0])
    }),
    case!(["BOP"], |core, c, n, o| core.bop(0, n, &c.open, &c.high, &c.low, &c.close, &mut o[0])),
    case!(["MACD(12,26,9).macd", "MACD(12,26,9).signal", "MACD(12,26,9).hist"], |core, c, n, o| {
        let [macd, signal, hist] = o;
        core.macd(0, n, &c.close, 12, 26, 9, macd, signal, hist)
    }),
    case!(["PPO(12,26)"], |core, c, n, o| {
        core.ppo(0, n, &c.close, 12, 26, MAType::EMA, &mut o[0])
    }),
    case!(["STOCH(14,3,3).slowk", "STOCH(14,3,3).slowd"], |core, c, n, o| {
        let (sma, [slowk, slowd, _]) = (MAType::SMA, o);
        core.stoch(0, n, &c.high, &c.low, &c.close, 14, 3, sma, 3, sma, slowk, slowd)
    }),
    case!(["STOCHF(5,3).fastk", "STOCHF(5,3).fastd"], |core, c, n, o| {
        let [fastk, fastd, _] = o;
        core.stochf(0, n, &c.high, &c.low, &c.close, 5, 3, MAType::SMA, fastk, fastd)
    }),
    case!(["MOM(10)"], |core, c, n, o| core.mom(0, n, &c.close, 10, &mut o[0])),
    case!(["ROC(10)"], |core, c, n, o| core.roc(0, n, &c.close, 10, &mut o[0])),
    case!(["ROCP(10)"], |core, c, n, o| core.rocp(0, n, &c.close, 10, &mut o[0])),
    case!(["ROCR(10)"], |core, c, n, o| core.rocr(0, n, &c.close, 10, &mut o[0])),
    case!(["TRIX(15)"], |core, c, n, o| core.trix(0, n, &c.close, 15, &mut o[0])),
    case!(["TRANGE"], |core, c, n, o| core.trange(0, n, &c.high, &c.low, &c.close, &mut o[0])),
    case!(["ATR(14)"], |core, c, n, o| core.atr(0, n, &c.high, &c.low, &c.close, 14, &mut o[0])),
    case!(["NATR(14)"], |core, c, n, o| core.natr(0, n, &c.high, &c.low, &c.close, 14, &mut o[0])),
    case!(["STDDEV(20,1.5)"], |core, c, n, o| core.stddev(0, n, &c.close, 20, 1.5, &mut o[0])),
    case!(["VAR(20)"], |core, c, n, o| core.var(0, n, &c.close, 20, 1.0, &mut o[0])),
    case!(["BBANDS(20,2).upper", "BBANDS(20,2).middle", "BBANDS(20,2).lower"], |core, c, n, o| {
        let [upper, middle, lower] = o;
        core.bbands(0, n, &c.close, 20, 2.0, 2.0, MAType::SMA, upper, middle, lower)
    }),
    case!(["MAX(20)"], |core, c, n, o| core.max(0, n, &c.close, 20, &mut o[0])),
    case!(["MIN(20)"], |core, c, n, o| core.min(0, n, &c.close, 20, &mut o[0])),
    case!(["HIGHEST(20)"], |core, c, n, o| core.max(0, n, &c.high, 20, &mut o[0])),
    case!(["LOWEST(20)"], |core, c, n, o| core.min(0, n, &c.low, 20, &mut o[0])),
    case!(["MIDPOINT(14)"], |core, c, n, o| core.midpoint(0, n, &c.close, 14, &mut o[0])),
    case!(["MIDPRICE(14)"], |core, c, n, o| core.midprice(0, n, &c.high, &c.low, 14, &mut o[0])),
    case!(["PLUS_DI(14)"], |core, c, n, o| {
        core.plus_di(0, n, &c.high, &c.low, &c.close, 14, &mut o[0])
    }),
    case!(["MINUS_DI(14)"], |core, c, n, o| {
        core.minus_di(0, n, &c.high, &c.low, &c.close, 14, &mut o[0])
    }),
    case!(["DX(14)"], |core, c, n, o| core.dx(0, n, &c.high, &c.low, &c.close, 14, &mut o[0])),
    case!(["ADX(14)"], |core, c, n, o| core.adx(0, n, &c.high, &c.low, &c.close, 14, &mut o[0])),
    // The names by which the recorded results know these lines are exchanged.
    case!(["AROON(25).up", "AROON(25).down"], |core, c, n, o| {
        let [down, up, _] = o;
        core.aroon(0, n, &c.high, &c.low, 25, down, up)
    }),
    case!(["AROONOSC(25)"], |core, c, n, o| core.aroonosc(0, n, &c.high, &c.low, 25, &mut o[0])),
    case!(["LINEARREG_SLOPE(14)"], |core, c, n, o| {
        core.linearreg_slope(0, n, &c.close, 14, &mut o[0])
    }),
    case!(["SAR(0.02,0.2)"], |core, c, n, o| core.sar(0, n, &c.high, &c.low, 0.02, 0.2, &mut o[0])),
    case!(["OBV"], |core, c, n, o| core.obv(0, n, &c.close, &c.volume, &mut o[0])),
    case!(["AD"], |core, c, n, o| {
        core.ad(0, n, &c.high, &c.low, &c.close, &c.volume, &mut o[0])
    }),
    case!(["ADOSC(3,10)"], |core, c, n, o| {
        core.adosc(0, n, &c.high, &c.low, &c.close, &c.volume, 3, 10, &mut o[0])
    }),
    case!(["MFI(14)"], |core, c, n, o| {
        core.mfi(0, n, &c.high, &c.low, &c.close, &c.volume, 14, &mut o[0])
    }),
];

/// Differences that rounding alone explains: a share of the largest value that went into the
/// result, for results that are small differences of large values.
fn floor(name: &str, level: f64) -> f64 {
    let money = ["AD", "OBV"].iter().any(|start| name.starts_with(start)) && name != "ADX(14)";
    let percent = ["CMO", "TRIX", "PPO", "ROC", "DX", "ADX", "CCI", "STOCH", "WILLR", "MFI"];
    match name {
        _ if money => 1e-5,
        _ if percent.iter().any(|start| name.starts_with(start)) => 1e-10,
        _ if name.starts_with("VAR") => 1e-20 * level * level,
        _ => 1e-12 * level,
    }
}

#[test]
fn every_indicator_agrees_with_the_port() {
    let core = Core::new();
    for (seed, level) in [(1, 100.0), (2, 1e-8), (3, 1e8), (4, 17_000.0), (5, 0.07)] {
        let candles = walk(seed, level, 3000);
        let columns = Columns::new(&candles);
        for case in CASES {
            let mut outputs = [0, 1, 2].map(|_| vec![0.0; candles.len()]);
            let last = candles.len() - 1;
            let range = (case.port)(&core, &columns, last, &mut outputs);
            let range = range.unwrap_or_else(|error| panic!("{:?}: {error:?}", case.names));
            for (name, expected) in case.names.iter().zip(&outputs) {
                let values = series(name, &candles);
                let first = values.iter().position(Option::is_some);
                assert_eq!(first, Some(range.beg_idx), "{name}");
                for (row, value) in values.iter().enumerate().skip(range.beg_idx) {
                    let (found, expected) = (value.expect("warm"), expected[row - range.beg_idx]);
                    assert!(
                        close_to(found, expected, 1e-9, floor(name, level)),
                        "{name} at row {row}, level {level}: {found}, expected {expected}"
                    );
                }
            }
        }
    }
}

/// The port calls an RSI of a market that never moved 50, the recorded results call it 0; they
/// agree everywhere else.
#[test]
fn rsi_agrees_with_the_port_once_the_price_has_moved() {
    for (seed, level) in [(6, 100.0), (7, 1e-8), (8, 1e8)] {
        let candles = walk(seed, level, 3000);
        let close: Vec<f64> = candles.iter().map(|candle| candle.close).collect();
        let mut expected = vec![0.0; close.len()];
        let range = Core::new().rsi(0, close.len() - 1, &close, 14, &mut expected);
        assert_eq!(range.map(|range| range.beg_idx), Ok(14));
        let values = series("RSI(14)", &candles);
        for (row, value) in values.iter().enumerate().skip(14) {
            let (found, expected) = (value.expect("warm"), expected[row - 14]);
            let unmoved = close[..=row].iter().all(|price| *price == close[0]);
            let expected = if unmoved { 0.0 } else { expected };
            assert!(close_to(found, expected, 1e-9, 1e-10), "row {row}: {found}, {expected}");
        }
    }
}
