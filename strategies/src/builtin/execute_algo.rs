//! Buys or sells a quantity by an execution algorithm of the engine.

use qt_engine::snapshot::{Reader, SnapshotError, Stored, Writer, load_part, save_part};
use qt_engine::{Algo, BookInterest, BookView, Context, Execute, Strategy, stored};
use qt_types::{OrderKind, Place, Qty, Side, Size, Trade};

use super::lots;
use super::quotes::two_sided;
use super::volume_curve::{Past, VolumeCurve};
use crate::param::{Params, choice, float, int};
use crate::registry::{Hears, Instruments, StrategyEntry};

/// As many slices as a parent order may have.
const SLICES_MAX: i64 = qt_engine::algo::SLICES_MAX as i64;

pub(super) const ENTRY: StrategyEntry = StrategyEntry {
    name: "execute_algo",
    summary: "buys or sells a quantity by an execution algorithm: twap, vwap, pov, is",
    doc: "On order books. Gives quantity units to buy (or with side=sell to sell) to the engine \
          as one parent order, from the first book on, for duration_s. twap: equal parts in \
          slices equal times. vwap: parts as large as the volume that is expected, of which the \
          first, middle and last third of the time have curve_first, curve_middle and \
          curve_last; with curve=lately it listens for learn_s first and expects the shape of \
          the volume of that time, with curve=days that of the same times of day (UTC) on the \
          days that it heard. pov: share of what is traded, made up for with at most child_max \
          units at a time. is (implementation shortfall): the trajectory of R. Almgren and N. \
          Chriss, \
          Optimal execution of portfolio transactions, 2000, for an aversion to risk, the \
          volatility of the price in one slice, and the impact on it of one unit traded in a \
          slice. One child at a time waits at the best price of its own side for patience_ms and \
          then goes to that of the other side. What is not done when the time is over is not \
          done. A sale of more than is held needs a margin account.",
    hears: Hears::Book,
    instruments: Instruments::Exactly(1),
    params: &[
        choice("algo", "twap", &["twap", "vwap", "pov", "is"], "the algorithm"),
        choice("side", "buy", &["buy", "sell"], "what is to be done"),
        float("quantity", 1.0, (1e-9, 1e9), "how much, in units"),
        float("duration_s", 600.0, (0.001, 1e8), "how long it may take, in seconds"),
        int("slices", 10, (1, SLICES_MAX), "parts of the time (not pov)"),
        int("patience_ms", 5_000, (0, 86_400_000), "how long an order waits to be hit"),
        choice("curve", "given", &["given", "lately", "days"], "vwap: where it comes from"),
        float("learn_s", 600.0, (0.001, 1e8), "vwap: how long it listens first (not given)"),
        float("curve_first", 1.0, (0.0, 1e6), "vwap: volume in the first third, relative"),
        float("curve_middle", 1.0, (0.0, 1e6), "vwap: volume in the middle third, relative"),
        float("curve_last", 1.0, (0.0, 1e6), "vwap: volume in the last third, relative"),
        float("share", 0.1, (0.0001, 1.0), "pov: share of the traded volume"),
        float("child_max", 1.0, (1e-9, 1e9), "pov: largest order, in units"),
        float("aversion", 1e-6, (0.0, 1e9), "is: aversion to risk, per unit of money"),
        float("volatility", 1.0, (0.0, 1e9), "is: of the price in one slice, in money"),
        float("impact", 1e-6, (1e-12, 1e9), "is: of one unit in a slice on the price, in money"),
    ],
    rules: &[],
    build,
};

fn build(params: &Params, _instruments: usize) -> Box<dyn Strategy> {
    let seconds_ns = |seconds: f64| (seconds * 1e9) as i64;
    let float = |name| params.float(name);
    let slices = usize::try_from(params.int("slices")).unwrap_or(1);
    let past = match params.choice("curve") {
        "lately" => Some(Past::Lately),
        "days" => Some(Past::Days),
        _ => None,
    };
    let past = past.filter(|_| params.choice("algo") == "vwap");
    Box::new(ExecuteAlgo {
        learns: past.map(|past| VolumeCurve::new(past, seconds_ns(float("learn_s")), slices)),
        slices,
        algo: match params.choice("algo") {
            "vwap" => {
                let thirds = ["curve_first", "curve_middle", "curve_last"].map(float);
                // In millionths, as volumes are counted in whole lots.
                let volume = |slice: usize| (thirds[slice * 3 / slices] * 1e6) as u64;
                let volumes: Vec<u64> = (0..slices).map(volume).collect();
                Some(Algo::vwap(&volumes))
            }
            "is" => {
                let [aversion, volatility, impact] =
                    ["aversion", "volatility", "impact"].map(float);
                Some(Algo::shortfall(slices, aversion, volatility, impact))
            }
            "pov" => None,
            _ => Some(Algo::twap(slices)),
        },
        share_bps: (float("share") * 1e4).round() as u32,
        child_max: float("child_max"),
        side: if params.choice("side") == "buy" { Side::Buy } else { Side::Sell },
        quantity: float("quantity"),
        duration_ns: seconds_ns(float("duration_s")),
        patience_ns: params.int("patience_ms").saturating_mul(1_000_000),
        is_started: false,
    })
}

struct ExecuteAlgo {
    /// Where the curve is to be learned.
    learns: Option<VolumeCurve>,
    slices: usize,
    /// `None`: a share of the volume, whose largest child is known once the lot is.
    algo: Option<Algo>,
    share_bps: u32,
    /// In units.
    child_max: f64,
    side: Side,
    /// In units.
    quantity: f64,
    duration_ns: i64,
    patience_ns: i64,
    is_started: bool,
}

stored!(ExecuteAlgo {
    state: is_started;
    same: slices, share_bps, child_max, side, quantity, duration_ns, patience_ns, algo;
    made: learns;
});

impl Strategy for ExecuteAlgo {
    fn on_trade(&mut self, trade: &Trade, ctx: &mut Context<'_>) {
        if let Some(curve) = self.learns.as_mut().filter(|_| !self.is_started) {
            curve.add(ctx.now_ns(), trade.qty.lots());
        }
    }

    fn on_book(&mut self, book: BookView<'_>, ctx: &mut Context<'_>) {
        if self.is_started || two_sided(book).is_none() {
            return;
        }
        let is_ready = self.learns.as_mut().is_none_or(|curve| curve.is_ready(ctx.now_ns()));
        if !is_ready || !ctx.is_active() {
            return;
        }
        self.is_started = true;
        let instrument = ctx.instrument();
        let Some(spec) = ctx.spec(instrument) else { return };
        let qty = Qty::from_lots(lots(self.quantity, spec));
        let child_max = Qty::from_lots(lots(self.child_max, spec).max(1));
        if qty.is_zero() {
            // Less than a lot: the risk stage says so, and the run tells.
            let nothing = Place::new(instrument, self.side, OrderKind::Market);
            ctx.place(nothing.size(Size::Fixed(qty)));
            return;
        }
        let (side, duration_ns, patience_ns) = (self.side, self.duration_ns, self.patience_ns);
        let learned = |curve: &VolumeCurve| {
            Algo::vwap(&curve.volumes(ctx.now_ns(), self.duration_ns, self.slices))
        };
        let algo = self.learns.as_ref().map(learned).or(self.algo);
        let algo = algo.unwrap_or(Algo::pov(self.share_bps, child_max));
        ctx.execute(Execute { instrument, side, qty, algo, duration_ns, patience_ns, limit: None });
    }

    fn interest(&self) -> BookInterest {
        BookInterest::TopChange
    }

    fn save(&self, to: &mut Writer<'_>) {
        Stored::save(self, to);
        save_part(self.learns.as_ref(), to);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        Stored::load(self, from)?;
        load_part("learning a curve of volumes", self.learns.as_mut(), from)
    }
}
