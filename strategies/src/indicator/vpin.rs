//! VPIN: how one-sided the last buckets of traded volume were.

use qt_engine::stored;
use qt_types::{Side, Trade};

use super::error::{IndicatorError, period};

/// The volume-synchronised probability of informed trading, 0 to 1: over the last `buckets`
/// buckets of `bucket_lots` traded lots each, the mean of |bought - sold| / bucket.
///
/// D. Easley, M. López de Prado and M. O'Hara, *Flow toxicity and liquidity in a high-frequency
/// world*, Review of Financial Studies 25(5), 2012. The paper estimates who took liquidity from
/// the moves of bars; here it is what the trade says, and where it does not say, the tick rule: a
/// trade above the last other price was bought, one below sold. What comes before the first move
/// counts half and half. A trade larger than what is left of a bucket goes on in the next one.
#[derive(Clone, Debug)]
pub struct Vpin {
    bucket_lots: i64,
    /// |bought - sold| of each full bucket, in lots.
    buckets: Box<[i64]>,
    next: usize,
    filled: usize,
    sum: i128,
    /// Twice the lots of the bucket that fills: bought, sold.
    open_x2: [i128; 2],
    last_price: Option<i64>,
    direction: Option<Side>,
}

stored!(Vpin {
    state: next, filled, sum, open_x2, last_price, direction;
    each: buckets;
    same: bucket_lots;
    sound: Vpin::is_sound;
});

impl Vpin {
    const fn is_sound(&self) -> bool {
        self.next < self.buckets.len() && self.filled <= self.buckets.len()
    }
}

/// The largest bucket, in lots: what two of them hold is still a number.
const BUCKET_LOTS_MAX: i64 = i64::MAX / 4;

impl Vpin {
    /// With buckets of so many lots, at least 1, and over so many buckets, at least 1 (50 in the
    /// paper, with a fiftieth of a day's volume in each).
    ///
    /// # Errors
    /// If the number of buckets or of lots is outside its range.
    pub fn new(bucket_lots: i64, buckets: usize) -> Result<Self, IndicatorError> {
        let buckets = period("VPIN", "buckets", buckets, 1)?;
        if !(1..=BUCKET_LOTS_MAX).contains(&bucket_lots) {
            let (value, max) = (bucket_lots as f64, BUCKET_LOTS_MAX as f64);
            let (name, argument) = ("VPIN", "bucket_lots");
            return Err(IndicatorError::ArgumentRange { name, argument, value, min: 1.0, max });
        }
        Ok(Self {
            bucket_lots,
            buckets: vec![0; buckets].into_boxed_slice(),
            next: 0,
            filled: 0,
            sum: 0,
            open_x2: [0; 2],
            last_price: None,
            direction: None,
        })
    }

    /// Takes a trade in; a value once all buckets are full. It takes constant time, but for a
    /// trade of many buckets, which takes one step for each, and at most one for each bucket that
    /// is looked back on.
    #[inline]
    pub fn update(&mut self, trade: &Trade) -> Option<f64> {
        let side = self.side(trade);
        let mut left = trade.qty.lots().max(0);
        while left > 0 {
            let room = self.room();
            if left < room {
                self.fill(side, left);
                break;
            }
            self.fill(side, room);
            left -= room;
            self.close();
            left = self.skip(left);
        }
        self.value()
    }

    /// The value; `None` before all buckets are full.
    #[inline]
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        let volume = self.buckets.len() as f64 * self.bucket_lots as f64;
        (self.filled == self.buckets.len()).then(|| self.sum as f64 / volume)
    }

    fn side(&mut self, trade: &Trade) -> Option<Side> {
        let price = trade.price.ticks();
        let moved = self
            .last_price
            .replace(price)
            .map_or(0, |last| (price > last) as i8 - (price < last) as i8);
        match moved {
            1 => self.direction = Some(Side::Buy),
            -1 => self.direction = Some(Side::Sell),
            _ => {}
        }
        trade.aggressor.or(self.direction)
    }

    /// The lots that the open bucket still takes.
    fn room(&self) -> i64 {
        let taken = (self.open_x2[0] + self.open_x2[1]) / 2;
        self.bucket_lots - taken as i64
    }

    fn fill(&mut self, side: Option<Side>, lots: i64) {
        let lots = i128::from(lots);
        match side {
            Some(side) => self.open_x2[side as usize] += 2 * lots,
            None => self.open_x2.iter_mut().for_each(|part| *part += lots),
        }
    }

    fn close(&mut self) {
        let [bought, sold] = std::mem::take(&mut self.open_x2);
        let imbalance = ((bought - sold).abs() / 2) as i64;
        let old = std::mem::replace(&mut self.buckets[self.next], imbalance);
        self.sum += i128::from(imbalance) - i128::from(old);
        self.next = if self.next + 1 == self.buckets.len() { 0 } else { self.next + 1 };
        self.filled = (self.filled + 1).min(self.buckets.len());
    }

    /// `left` lots without the buckets of one trade that later ones of it push out again: as many
    /// as are looked back on stay, so the values are the same.
    fn skip(&self, left: i64) -> i64 {
        let whole = left / self.bucket_lots;
        let most = self.buckets.len() as i64;
        if whole > most { left - (whole - most) * self.bucket_lots } else { left }
    }
}
