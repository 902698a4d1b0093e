//! Everything that a strategy is written with, for `use qt_strategies::prelude::*`.

pub use qt_engine::{BookInterest, BookView, Context, Order, OrderUpdate, Strategy};
pub use qt_engine::{save_and_load, stored, values};
pub use qt_types::{
    Bar, Bracket, Cash, Denied, DenyReason, Distance, InstrumentId, InstrumentSpec, Nanos, OrderId,
    OrderKind, Place, Price, Qty, ReportKind, Side, Size, TimeInForce, Timer, Trade,
};

pub use crate::builtin::Each;
pub use crate::indicator::{
    self, Ad, Adosc, Adx, Aroon, Atr, Bbands, BookImbalance, Bop, Candle, Cci, Channel, Cmo, Dema,
    Dmi, Donchian, Ema, Indicator, Kama, Keltner, KyleLambda, LinearRegSlope, Macd, Max, Mfi,
    Midpoint, Min, Mom, Natr, Obv, OrderFlowImbalance, Ppo, RealisedVolatility, Roc, Rocp, Rocr,
    Rsi, Sar, Sma, StdDev, Stoch, StochF, Tema, Top, Trange, Trix, UltOsc, Var, Vpin, Vwap, Willr,
    Wma, ZScore,
};
pub use crate::param::{ParamSpec, Params, choice, flag, float, int};
pub use crate::registry::{Hears, Instruments, ParamRule, Registry, StrategyEntry};
