//! From bytes that a parser understands to bytes that it should not be hurt by.

use crate::random::Random;

/// Values of length fields, prices and times at which arithmetic breaks.
const EDGES: &[i64] = &[
    0,
    1,
    -1,
    2,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0x8000,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    i64::MAX,
    i64::MIN,
    i64::MAX - 1,
    i64::MIN + 1,
    1_000_000_000,
    9_223_372_036_854_775,
    i64::MAX / 1_000_000_000,
];

/// What stands in a cell, a field or an expression and should not.
const WORDS: &[&str] = &[
    "",
    "0",
    "-0",
    "-1",
    "1e999",
    "1e-999",
    "NaN",
    "inf",
    "-inf",
    "18446744073709551615",
    "18446744073709551616",
    "9223372036854775807",
    "-9223372036854775808",
    "170141183460469231731687303715884105728",
    "0.0000000000000000000000000001",
    "99999999999999999999999999999999999999999.9999999999",
    "0.000000001",
    "9223372036.854775807",
    "null",
    "true",
    "{}",
    "[]",
    "\"",
    "\\u0000",
    "\u{e9}",
    "1970-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999999Z",
    "2262-04-11 23:47:16.854775808",
    "1677-09-21",
    "0000-00-00",
    "2020-02-30",
    "24:00:00",
    "buy",
    "sell",
    ",",
    ";",
    "\t",
    "\r\n",
    "\n\n",
    "#",
    "=",
    "((",
    "))",
    ":",
    "..",
];

/// The longest input (bytes); what grows beyond it is cut.
pub const LENGTH_MAX: usize = 48 << 10;

/// Changes `bytes` in one to eight places. `others` are inputs to splice from.
pub fn mutate(bytes: &mut Vec<u8>, others: &[Vec<u8>], random: &mut Random) {
    // Most inputs are short: more of them fit into a second.
    let length = [512, 2_048, 8_192, LENGTH_MAX][random.below(4)];
    bytes.truncate(length);
    for _ in 0..=random.below(8) {
        change(bytes, others, random);
        bytes.truncate(LENGTH_MAX);
    }
}

fn change(bytes: &mut Vec<u8>, others: &[Vec<u8>], random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    match random.below(16) {
        0 | 1 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        2 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = random.next() as u8;
            }
        }
        3 | 4 => overwrite(bytes, at, random),
        5 => {
            let noise = (0..random.below(16)).map(|_| random.next() as u8);
            let noise: Vec<u8> = noise.collect();
            insert(bytes, at, &noise);
        }
        6 => {
            let end = (at + random.below(64)).min(bytes.len());
            bytes.drain(at..end);
        }
        7 => bytes.truncate(at),
        8 => splice(bytes, at, others, random),
        9 => {
            let end = (at + random.below(256)).min(bytes.len());
            let part = bytes[at..end].to_vec();
            for _ in 0..=random.below(6) {
                insert(bytes, at, &part);
            }
        }
        10 | 11 => number(bytes, at, random),
        12 => {
            let word = random.pick(WORDS).copied().unwrap_or_default();
            insert(bytes, at, word.as_bytes());
        }
        13 => lines(bytes, random),
        14 => {
            let open = *random.pick(b"[{(\"").unwrap_or(&b'[');
            let deep = [8, 64, 1_024, 8_192][random.below(4)];
            insert(bytes, at, &vec![open; deep]);
        }
        _ => {
            let from = *random.pick(b",;\t.:-\"{}[]()=").unwrap_or(&b',');
            let to = *random.pick(b",;\t.:-\"{}[]()= \n\0").unwrap_or(&b';');
            bytes.iter_mut().filter(|byte| **byte == from).for_each(|byte| *byte = to);
        }
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, part: &[u8]) {
    let at = at.min(bytes.len());
    bytes.splice(at..at, part.iter().copied());
}

/// Writes a number of 1, 2, 4 or 8 bytes over what is there: lengths, counts, offsets.
fn overwrite(bytes: &mut [u8], at: usize, random: &mut Random) {
    let value = match random.below(4) {
        0 => bytes.len() as i64 + random.below(5) as i64 - 2,
        1 => random.next() as i64,
        _ => random.pick(EDGES).copied().unwrap_or_default(),
    };
    let width = [1, 2, 4, 8][random.below(4)];
    let words = [value.to_le_bytes(), value.to_be_bytes()];
    let word = if random.below(2) == 0 { &words[0][..width] } else { &words[1][8 - width..] };
    if let Some(place) = bytes.get_mut(at..at + width) {
        place.copy_from_slice(word);
    }
}

/// Another number in place of the next one in a text.
fn number(bytes: &mut Vec<u8>, at: usize, random: &mut Random) {
    let Some(begin) = bytes[at..].iter().position(u8::is_ascii_digit) else { return };
    let begin = at + begin;
    let is_part = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let length = bytes[begin..].iter().position(|byte| !is_part(byte));
    let end = length.map_or(bytes.len(), |length| begin + length);
    let text = match random.below(4) {
        0 => random.pick(WORDS).copied().unwrap_or_default().to_owned(),
        1 => random.pick(EDGES).copied().unwrap_or_default().to_string(),
        2 => (random.next() >> random.below(64)).to_string(),
        _ => format!("{}.{}", random.next() >> random.below(64), random.next() >> 40),
    };
    bytes.splice(begin..end, text.into_bytes());
}

/// The start of this and the end of another, cut anywhere.
fn splice(bytes: &mut Vec<u8>, at: usize, others: &[Vec<u8>], random: &mut Random) {
    if let Some(other) = random.pick(others) {
        let from = random.below(other.len() + 1);
        let end = (from + LENGTH_MAX).min(other.len());
        bytes.truncate(at);
        bytes.extend_from_slice(&other[from..end]);
    }
}

/// Swaps two lines, repeats one, or leaves one away.
fn lines(bytes: &mut Vec<u8>, random: &mut Random) {
    let mut all: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let (one, two) = (random.below(all.len()), random.below(all.len()));
    match random.below(3) {
        0 => all.swap(one, two),
        1 => {
            for _ in 0..=random.below(40) {
                all.insert(two, all[one].clone());
            }
        }
        _ => {
            all.remove(one);
        }
    }
    *bytes = all.join(&b'\n');
}
