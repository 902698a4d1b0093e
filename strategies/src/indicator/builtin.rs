//! The table of all indicators: one entry declares the name, the arguments, the outputs and how
//! to build it.

use super::catalog::{ArgumentInfo, Arguments, IndicatorInfo};
use super::*;

/// The way to build an entry: which series, and how to read its value (or, with an output index,
/// one of its values) from a candle.
macro_rules! build {
    ($a:ident => $new:expr, |$s:ident, $c:ident| $read:expr) => {
        |$a: &Arguments| {
            let series = $new?;
            let first_row = series.first_row();
            Ok($a.boxed(first_row, series, |$s, $c| $read))
        }
    };
    ($a:ident => $new:expr, |$s:ident, $c:ident, $output:ident| $read:expr) => {
        |$a: &Arguments| {
            let series = $new?;
            let first_row = series.first_row();
            let $output = $a.output;
            Ok($a.boxed(first_row, series, move |$s, $c| $read))
        }
    };
}

/// One entry of the table.
macro_rules! entry {
    ($name:literal, $doc:literal, [$($argument:expr),*], [$($output:literal),*], $($build:tt)+) => {
        IndicatorInfo {
            name: $name,
            doc: $doc,
            arguments: &[$($argument),*],
            outputs: &[$($output),*],
            build: build!($($build)+),
        }
    };
}

const fn bars(name: &'static str, default: usize, min: usize) -> ArgumentInfo {
    ArgumentInfo::bars(name, default, min)
}

const fn deviations() -> ArgumentInfo {
    ArgumentInfo::factor("deviations", 2.0, StdDev::DEVIATIONS_MAX)
}

pub(super) static BUILTIN: &[IndicatorInfo] = &[
    // Averages of the close.
    entry!("SMA", "Simple moving average of the close.",
        [bars("period", 20, 1)], [],
        a => Sma::new(a.bars(0)), |s, c| s.update(c.close)),
    entry!("EMA", "Exponential moving average of the close, started from a simple one.",
        [bars("period", 20, 1)], [],
        a => Ema::new(a.bars(0)), |s, c| s.update(c.close)),
    entry!("WMA", "Weighted moving average of the close, newest bar heaviest.",
        [bars("period", 20, 1)], [],
        a => Wma::new(a.bars(0)), |s, c| s.update(c.close)),
    entry!("DEMA", "Double exponential moving average of the close.",
        [bars("period", 20, 1)], [],
        a => Dema::new(a.bars(0)), |s, c| s.update(c.close)),
    entry!("TEMA", "Triple exponential moving average of the close.",
        [bars("period", 20, 1)], [],
        a => Tema::new(a.bars(0)), |s, c| s.update(c.close)),
    entry!("KAMA", "Kaufman's adaptive moving average of the close.",
        [bars("period", 30, 2)], [],
        a => Kama::new(a.bars(0)), |s, c| s.update(c.close)),
    entry!("VWAP", "Volume-weighted average of the typical price over the last bars.",
        [bars("period", 20, 1)], [],
        a => Vwap::new(a.bars(0)), |s, c| s.update(c)),
    // Oscillators.
    entry!("RSI", "Wilder's relative strength index of the close, 0 to 100.",
        [bars("period", 14, 2)], [],
        a => Rsi::new(a.bars(0)), |s, c| s.update(c.close)),
    entry!("CMO", "Chande's momentum oscillator of the close, -100 to 100.",
        [bars("period", 14, 2)], [],
        a => Cmo::new(a.bars(0)), |s, c| s.update(c.close)),
    entry!("CCI", "Commodity channel index of the typical price.",
        [bars("period", 20, 2)], [],
        a => Cci::new(a.bars(0)), |s, c| s.update(c)),
    entry!("ULTOSC", "Williams' ultimate oscillator over three periods, 0 to 100.",
        [bars("first", 7, 1), bars("second", 14, 1), bars("third", 28, 1)], [],
        a => UltOsc::new(a.bars(0), a.bars(1), a.bars(2)), |s, c| s.update(c)),
    entry!("BOP", "Balance of power: body of the bar over its range, -1 to 1.",
        [], [],
        a => Ok::<_, IndicatorError>(Bop), |s, c| s.update(c)),
    entry!("MACD", "Fast less slow EMA of the close, its signal line and their difference.",
    [bars("fast", 12, 2), bars("slow", 26, 2), bars("signal", 9, 1)],
    ["macd", "signal", "hist"],
    a => Macd::new(a.bars(0), a.bars(1), a.bars(2)), |s, c, output| {
        s.update(c.close).map(|value| [value.macd, value.signal, value.hist][output])
    }),
    entry!("PPO", "Fast less slow EMA of the close, percent of the slow one.",
        [bars("fast", 12, 2), bars("slow", 26, 2)], [],
        a => Ppo::new(a.bars(0), a.bars(1)), |s, c| s.update(c.close)),
    entry!("STOCH", "Slow stochastic oscillator, 0 to 100.",
    [bars("fastk", 14, 1), bars("slowk", 3, 1), bars("slowd", 3, 1)],
    ["slowk", "slowd"],
    a => Stoch::new(a.bars(0), a.bars(1), a.bars(2)), |s, c, output| {
        s.update(c).map(|value| [value.slowk, value.slowd][output])
    }),
    entry!("STOCHF", "Fast stochastic oscillator, 0 to 100.",
    [bars("fastk", 14, 1), bars("fastd", 3, 1)],
    ["fastk", "fastd"],
    a => StochF::new(a.bars(0), a.bars(1)), |s, c, output| {
        s.update(c).map(|value| [value.fastk, value.fastd][output])
    }),
    entry!("WILLR", "Williams' %R, -100 to 0.",
        [bars("period", 14, 2)], [],
        a => Willr::new(a.bars(0)), |s, c| s.update(c)),
    // Momentum.
    entry!("MOM", "Close less the close of so many bars ago.",
        [bars("period", 10, 1)], [],
        a => Mom::new(a.bars(0)), |s, c| s.update(c.close)),
    entry!("ROC", "Change of the close against so many bars ago, percent.",
        [bars("period", 10, 1)], [],
        a => Roc::new(a.bars(0)), |s, c| s.update(c.close)),
    entry!("ROCP", "Change of the close against so many bars ago, as a fraction.",
        [bars("period", 10, 1)], [],
        a => Rocp::new(a.bars(0)), |s, c| s.update(c.close)),
    entry!("ROCR", "Close over the close of so many bars ago.",
        [bars("period", 10, 1)], [],
        a => Rocr::new(a.bars(0)), |s, c| s.update(c.close)),
    entry!("TRIX", "Change per bar of a threefold EMA of the close, percent.",
        [bars("period", 15, 1)], [],
        a => Trix::new(a.bars(0)), |s, c| s.update(c.close)),
    // Volatility.
    entry!("TRANGE", "True range of the bar.",
        [], [],
        a => Ok::<_, IndicatorError>(Trange::new()), |s, c| s.update(c)),
    entry!("ATR", "Wilder's average true range.",
        [bars("period", 14, 1)], [],
        a => Atr::new(a.bars(0)), |s, c| s.update(c)),
    entry!("NATR", "Average true range in percent of the close.",
        [bars("period", 14, 1)], [],
        a => Natr::new(a.bars(0)), |s, c| s.update(c)),
    entry!("STDDEV", "Standard deviation of the close (divisor n), times a factor.",
        [bars("period", 20, 2), ArgumentInfo::factor("deviations", 1.0, StdDev::DEVIATIONS_MAX)],
        [],
        a => StdDev::new(a.bars(0), a.factor(1)), |s, c| s.update(c.close)),
    entry!("VAR", "Variance of the close (divisor n).",
        [bars("period", 20, 2)], [],
        a => Var::new(a.bars(0)), |s, c| s.update(c.close)),
    entry!("ZSCORE", "Standard deviations by which the close is above its mean.",
        [bars("period", 20, 2)], [],
        a => ZScore::new(a.bars(0)), |s, c| s.update(c.close)),
    entry!("BBANDS", "Bollinger bands of the close.",
    [bars("period", 20, 2), deviations()],
    ["upper", "middle", "lower"],
    a => Bbands::new(a.bars(0), a.factor(1)), |s, c, output| {
        s.update(c.close).map(|value| [value.upper, value.middle, value.lower][output])
    }),
    entry!("KELTNER", "Keltner channel: EMA of the close and average true ranges around it.",
    [
        bars("period", 20, 1),
        bars("range_period", 10, 1),
        ArgumentInfo::factor("ranges", 2.0, StdDev::DEVIATIONS_MAX)
    ],
    ["upper", "middle", "lower"],
    a => Keltner::new(a.bars(0), a.bars(1), a.factor(2)), |s, c, output| {
        s.update(c).map(|value| [value.upper, value.middle, value.lower][output])
    }),
    // Highest and lowest.
    entry!("MAX", "Highest close of the last bars.",
        [bars("period", 20, 1)], [],
        a => Max::new(a.bars(0)), |s, c| s.update(c.close)),
    entry!("MIN", "Lowest close of the last bars.",
        [bars("period", 20, 1)], [],
        a => Min::new(a.bars(0)), |s, c| s.update(c.close)),
    entry!("HIGHEST", "Highest high of the last bars.",
        [bars("period", 20, 1)], [],
        a => Max::new(a.bars(0)), |s, c| s.update(c.high)),
    entry!("LOWEST", "Lowest low of the last bars.",
        [bars("period", 20, 1)], [],
        a => Min::new(a.bars(0)), |s, c| s.update(c.low)),
    entry!("MIDPOINT", "Middle between the highest and the lowest close.",
        [bars("period", 14, 1)], [],
        a => Midpoint::new(a.bars(0)), |s, c| s.update(c.close)),
    entry!("MIDPRICE", "Middle between the highest high and the lowest low.",
        [bars("period", 14, 1)], [],
        a => Donchian::new(a.bars(0)), |s, c| s.update(c).map(|value| value.middle)),
    entry!("DONCHIAN", "Donchian channel: highest high, lowest low, and their middle.",
    [bars("period", 20, 1)],
    ["upper", "middle", "lower"],
    a => Donchian::new(a.bars(0)), |s, c, output| {
        s.update(c).map(|value| [value.upper, value.middle, value.lower][output])
    }),
    // Trend.
    entry!("PLUS_DI", "Wilder's +DI: share of the true range made by rises, percent.",
        [bars("period", 14, 2)], [],
        a => Dmi::new(a.bars(0)), |s, c| s.update(c).map(|value| value.plus_di)),
    entry!("MINUS_DI", "Wilder's -DI: share of the true range made by falls, percent.",
        [bars("period", 14, 2)], [],
        a => Dmi::new(a.bars(0)), |s, c| s.update(c).map(|value| value.minus_di)),
    entry!("DX", "Wilder's directional index: how one-sided the movement is, percent.",
        [bars("period", 14, 2)], [],
        a => Dmi::new(a.bars(0)), |s, c| s.update(c).map(|value| value.dx)),
    entry!("ADX", "Wilder's average directional index, percent.",
        [bars("period", 14, 2)], [],
        a => Adx::new(a.bars(0)), |s, c| s.update(c)),
    // AROON: the recorded reference results call the two lines by each other's names, and those
    // names are part of the command line's contract; `Aroon` itself has the usual ones.
    entry!("AROON", "Aroon, names exchanged: up for the lowest low, down for the highest high.",
    [bars("period", 25, 2)],
    ["up", "down"],
    a => Aroon::new(a.bars(0)), |s, c, output| {
        s.update(c).map(|value| [value.down, value.up][output])
    }),
    entry!("AROONOSC", "How much more recent the highest high is than the lowest low, percent.",
        [bars("period", 25, 2)], [],
        a => Aroon::new(a.bars(0)), |s, c| s.update(c).map(|value| value.osc)),
    entry!("LINEARREG_SLOPE", "Slope of the line fitted to the last closes, per bar.",
        [bars("period", 14, 2)], [],
        a => LinearRegSlope::new(a.bars(0)), |s, c| s.update(c.close)),
    entry!("SAR", "Wilder's parabolic stop and reverse.",
        [
            ArgumentInfo::factor("acceleration", 0.02, Sar::FACTOR_MAX),
            ArgumentInfo::factor("maximum", 0.2, Sar::FACTOR_MAX)
        ], [],
        a => Sar::new(a.factor(0), a.factor(1)), |s, c| s.update(c)),
    // Volume.
    entry!("OBV", "On-balance volume.",
        [], [],
        a => Ok::<_, IndicatorError>(Obv::new()), |s, c| s.update(c)),
    entry!("AD", "Chaikin's accumulation/distribution line.",
        [], [],
        a => Ok::<_, IndicatorError>(Ad::new()), |s, c| s.update(c)),
    entry!("ADOSC", "Chaikin's oscillator: fast less slow EMA of AD.",
        [bars("fast", 3, 2), bars("slow", 10, 2)], [],
        a => Adosc::new(a.bars(0), a.bars(1)), |s, c| s.update(c)),
    entry!("MFI", "Money flow index, 0 to 100.",
        [bars("period", 14, 2)], [],
        a => Mfi::new(a.bars(0)), |s, c| s.update(c)),
];
