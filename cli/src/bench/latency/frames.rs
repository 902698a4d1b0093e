//! Depth frames as a recorded spot stream has them, made from a seed and all different, so that
//! nothing can be learned by heart. They tell of one book whose middle wanders and comes back to
//! where it began: they can be played round and round, and the book never crosses.

use std::fmt::Write;

use qt_codec::{Scale, Scales};

/// Frames of a set. More than branch predictors and caches remember.
pub const FRAMES: usize = 13_696;
/// Levels of a frame of the fixed size, both sides together.
pub const LEVELS: usize = 20;
/// Time between two frames.
pub const STEP_MS: u64 = 100;
/// The middle of the book at the start, in ticks.
pub const MIDDLE: i64 = 6_168_599;

/// When the first frame happened (UTC ms).
const BEGIN_MS: u64 = 1_723_161_256_172;
const FIRST_ID: u64 = 50_093_421_584;
const IDS_OF_FRAME: u64 = 30;
/// The most ticks that the middle moves from frame to frame.
const MOVE_MAX: i64 = 4;
/// Frames at the end of a set in which the middle finds its way back.
const WAY_BACK: usize = 500;

/// A mix of sizes in the manner of a spot stream, many small frames and a few large ones: shares of
/// all frames in thousandths, and the most levels of these.
const SIZES: [(u64, u64); 8] =
    [(0, 2), (100, 6), (500, 23), (750, 48), (900, 110), (990, 390), (999, 760), (1_000, 1_076)];

/// A seeded sequence.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % end
    }
}

/// Frames one behind the other in memory.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    levels_max: usize,
    levels: usize,
}

/// The tick and the lot of the frames: a cent, and a hundred thousandth.
///
/// `None` is impossible: both steps are positive.
pub fn scales() -> Option<Scales> {
    Some(Scales { price: Scale::new(10_000_000)?, qty: Scale::new(10_000)? })
}

impl Frames {
    /// `count` frames of [`LEVELS`] levels.
    pub fn fixed(count: usize) -> Self {
        Self::make(count, |_| LEVELS)
    }

    /// `count` frames of sizes as on a recorded stream.
    pub fn mixed(count: usize) -> Self {
        let mut dice = Dice(11);
        Self::make(count, |at| {
            let is_fixed = at == 0 || at + WAY_BACK >= count;
            if is_fixed { LEVELS } else { size(dice.below(1_000), dice.below(1_000)) }
        })
    }

    fn make(count: usize, mut levels_of: impl FnMut(usize) -> usize) -> Self {
        let mut dice = Dice(7);
        let mut new = Self::default();
        let (mut text, mut middle) = (String::new(), MIDDLE);
        for at in 0..count {
            let levels = levels_of(at);
            let sides = [levels / 2, levels - levels / 2];
            let is_last = at + 1 == count;
            let to = if is_last { MIDDLE } else { next_middle(&mut dice, middle, at, count) };
            let room = MOVE_MAX.min(sides[0] as i64 / 2);
            let to = middle + (to - middle).clamp(-room, room);
            text.clear();
            // Writing to a string never fails.
            let _ = write_frame(&mut text, &mut dice, at as u64, [middle, to], sides);
            middle = to;
            new.bytes.extend_from_slice(text.as_bytes());
            new.ends.push(new.bytes.len());
            new.levels += levels;
            new.levels_max = new.levels_max.max(levels);
        }
        new
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// The most levels of one.
    pub fn levels_max(&self) -> usize {
        self.levels_max
    }

    /// The levels of one, on average.
    pub fn levels_mean(&self) -> f64 {
        self.levels as f64 / self.count().max(1) as f64
    }

    /// The bytes of one, on average.
    pub fn bytes_mean(&self) -> usize {
        self.bytes.len() / self.count().max(1)
    }

    /// Frame `number`, round and round.
    #[inline]
    pub fn get(&self, number: u64) -> &[u8] {
        let at = (number % self.ends.len().max(1) as u64) as usize;
        let begin = at.checked_sub(1).and_then(|before| self.ends.get(before));
        let begin = begin.copied().unwrap_or_default();
        let end = self.ends.get(at).copied().unwrap_or_default();
        self.bytes.get(begin..end).unwrap_or_default()
    }
}

/// The levels of a frame at `share` thousandths of all; `within` chooses between two sizes.
fn size(share: u64, within: u64) -> usize {
    let pair = SIZES.windows(2).find(|pair| share < pair[1].0);
    pair.map_or(LEVELS, |pair| {
        let (low, high) = (pair[0].1, pair[1].1);
        (low + (high - low) * within / 1_000) as usize
    })
}

/// Where the middle wants to go: anywhere near, and home again at the end.
fn next_middle(dice: &mut Dice, middle: i64, at: usize, count: usize) -> i64 {
    if at + WAY_BACK >= count {
        return MIDDLE;
    }
    // A slow pull to the start keeps the way back short.
    let pull = (MIDDLE - middle) / 256;
    middle + pull + dice.below(2 * MOVE_MAX as u64 + 1) as i64 - MOVE_MAX
}

fn write_frame(
    text: &mut String,
    dice: &mut Dice,
    number: u64,
    [from, to]: [i64; 2],
    [bids, asks]: [usize; 2],
) -> std::fmt::Result {
    let at = BEGIN_MS + STEP_MS * number;
    let first = FIRST_ID + IDS_OF_FRAME * number;
    let last = first + IDS_OF_FRAME - 1;
    write!(text, r#"{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":{at},"#)?;
    write!(text, r#""s":"BTCUSDT","U":{first},"u":{last},"b":["#)?;
    // What the middle has passed is taken away, bids from the highest down, asks upwards.
    write_side(text, dice, -1, (from - 1, to), bids)?;
    text.write_str(r#"],"a":["#)?;
    write_side(text, dice, 1, (from + 1, to), asks)?;
    text.write_str("]}}")
}

/// `levels` levels of a side that lies in the direction `sign` of the middle: first those from
/// `passed.0` to the new middle `passed.1`, empty, then others behind it.
fn write_side(
    text: &mut String,
    dice: &mut Dice,
    sign: i64,
    passed: (i64, i64),
    levels: usize,
) -> std::fmt::Result {
    let (mut price, middle) = passed;
    let mut is_first = true;
    for at in 0..levels {
        let qty = if (middle - price) * sign >= 0 {
            0
        } else {
            let step = if is_first { 1 + dice.below(10) } else { 1 + dice.below(400) };
            price = if is_first { middle } else { price } + sign * step as i64;
            is_first = false;
            quantity(dice)
        };
        let comma = if at == 0 { "" } else { "," };
        let (whole, cents) = (price / 100, price % 100);
        let (lots, rest) = (qty / 100_000, qty % 100_000);
        write!(text, r#"{comma}["{whole}.{cents:02}000000","{lots}.{rest:05}000"]"#)?;
        if qty == 0 && is_first {
            price += sign;
        }
    }
    Ok(())
}

/// One in five is taken away, one in two hundred is large.
fn quantity(dice: &mut Dice) -> u64 {
    match dice.below(200) {
        0 => dice.below(20_000_000),
        1..41 => 0,
        _ => dice.below(900_000),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use qt_codec::venue::binance::depth::{DepthDecoder, DepthFrame};

    use super::*;

    /// Plays `rounds` rounds; best bid and best ask never cross.
    fn play(frames: &Frames, rounds: u64) {
        let decoder = DepthDecoder::new(scales().unwrap());
        let mut out = DepthFrame::new(frames.levels_max());
        let (mut bids, mut asks) = (BTreeSet::new(), BTreeSet::new());
        for number in 0..rounds * frames.count() as u64 {
            decoder.decode(frames.get(number), &mut out).unwrap();
            for (side, levels) in [(&mut bids, out.bids()), (&mut asks, out.asks())] {
                for level in levels {
                    if level.qty.lots() == 0 {
                        side.remove(&level.price);
                    } else {
                        side.insert(level.price);
                    }
                }
            }
            let (bid, ask) = (bids.last().unwrap(), asks.first().unwrap());
            assert!(bid < ask, "frame {number}: {bid:?} {ask:?}");
        }
    }

    #[test]
    fn frames_differ_and_tell_of_a_sound_book_round_and_round() {
        let frames = Frames::fixed(2_000);
        let all: BTreeSet<&[u8]> = (0..2_000).map(|number| frames.get(number)).collect();
        assert_eq!((all.len(), frames.levels_max()), (2_000, LEVELS));
        assert_eq!(frames.get(0), frames.get(2_000));
        play(&frames, 3);
    }

    #[test]
    fn mixed_sizes_are_those_of_a_stream() {
        let frames = Frames::mixed(4_000);
        let decoder = DepthDecoder::new(scales().unwrap());
        let mut out = DepthFrame::new(frames.levels_max());
        let mut sizes: Vec<usize> = (1..3_500)
            .map(|number| {
                decoder.decode(frames.get(number), &mut out).unwrap();
                out.bids().len() + out.asks().len()
            })
            .collect();
        sizes.sort_unstable();
        assert!((20..27).contains(&sizes[1_750]), "{}", sizes[1_750]);
        assert!((250..600).contains(&sizes[3_464]), "{}", sizes[3_464]);
        play(&frames, 2);
    }
}
