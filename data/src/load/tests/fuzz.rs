//! Random tables against a slow reader, and random bytes against nothing but the rule that they
//! must not panic.

use proptest::prelude::*;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

// A table of bars: times in seconds, prices in cents, volumes in thousandths.
fn rows() -> impl Strategy<Value = Vec<(i64, [i64; 4], i64)>> {
    let row = (1_i64..10_000, prop::array::uniform4(1_i64..10_000_000), 0_i64..10_000_000);
    prop::collection::vec(row, 1..60).prop_map(|rows| {
        let mut time = 1_600_000_000;
        rows.into_iter()
            .map(|(step, mut prices, volume)| {
                time += step;
                prices.sort_unstable();
                // Low, open, close, high.
                (time, prices, volume)
            })
            .collect()
    })
}

fn cents(value: i64) -> String {
    format!("{}.{:02}", value / 100, value % 100)
}

// The slow way: split, parse by the decimal library, no units.
fn naive(text: &str, separator: char) -> Vec<Vec<rust_decimal::Decimal>> {
    let rows = text.lines().skip(1).filter(|line| !line.trim().is_empty());
    rows.map(|line| {
        let cells = line.trim_end_matches('\r').split(separator);
        cells.map(|cell| cell.trim_matches('"').parse().unwrap()).collect()
    })
    .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn random_tables_agree_with_a_slow_reader(
        rows in rows(),
        order in Just([0, 1, 2, 3, 4, 5]).prop_shuffle(),
        separator in prop::sample::select(vec![',', ';', '\t']),
        crlf in any::<bool>(),
        quoted in any::<bool>(),
        blank in any::<bool>(),
    ) {
        let names = ["time", "open", "high", "low", "close", "volume"];
        let end = if crlf { "\r\n" } else { "\n" };
        let line = |cells: [String; 6]| {
            let cells = order.map(|index| match quoted {
                true => format!("\"{}\"", cells[index]),
                false => cells[index].clone(),
            });
            format!("{}{end}{}", cells.join(&separator.to_string()), if blank { end } else { "" })
        };
        let mut text = line(names.map(str::to_owned));
        for (time, [low, open, close, high], volume) in &rows {
            text += &line([
                time.to_string(), cents(*open), cents(*high), cents(*low), cents(*close),
                format!("{}.{:03}", volume / 1000, volume % 1000),
            ]);
        }
        let series = bars(&text);
        let slow = naive(&text, separator);
        prop_assert_eq!(series.bars.len(), slow.len());
        let spec = &series.spec;
        for (index, (bar, row)) in series.bars.iter().zip(&slow).enumerate() {
            let cell = |name: usize| row[order.iter().position(|at| *at == name).unwrap()];
            prop_assert_eq!(rust_decimal::Decimal::from(bar.open_ns / 1_000_000_000), cell(0));
            let prices = [bar.open, bar.high, bar.low, bar.close];
            for (name, ticks) in prices.into_iter().enumerate() {
                let price = spec.price_decimal(qt_types::Price::from_ticks(ticks));
                prop_assert_eq!(price, cell(name + 1));
            }
            let volume = spec.qty_text(qt_types::Qty::from_lots(bar.volume));
            prop_assert_eq!(volume, cell(5).normalize().to_string());
            prop_assert_eq!(bar.row as usize, index);
        }
    }
}

// Long enough for several pieces and threads: the rows come in order, each on its line.
#[test]
fn long_files_are_joined_in_order() {
    let mut text = "time,open,high,low,close,volume\n".to_owned();
    for row in 0..80_000_i64 {
        let price = 1_000 + row % 997;
        let more = if row % 1_000 == 7 { "\n# a comment\n" } else { "" };
        text.push_str(&format!(
            "{more}{},{price},{price}.{},{price},{price},{}\n",
            1_600_000_000 + row * 60,
            row % 10,
            row + 1
        ));
    }
    let series = bars(&text);
    assert_eq!(series.bars.len(), 80_000);
    for (row, bar) in series.bars.iter().enumerate() {
        assert_eq!((bar.row as usize, bar.volume), (row, row as i64 + 1));
        assert_eq!(bar.open, (1_000 + row as i64 % 997) * 10);
    }
    // A bad row near the end is named by its line.
    let bad = text.replace("1604799940,", "abc,");
    let line = bad.lines().position(|line| line.starts_with("abc,")).unwrap() + 1;
    let message = refusal(&bad);
    assert!(message.contains(&format!("line {line}, column 'time': 'abc'")), "{message}");
}

#[test]
fn random_bytes_never_panic() {
    let mut dice = ChaCha8Rng::seed_from_u64(7);
    let alphabet =
        b"0123456789.,;:-/TZ \t\n\r\"'#eE+abcNaNinfdate,open,high,low,close,volume\xff\0";
    let valid =
        b"date,open,high,low,close,volume\n2020-01-02,10,11,9,10,100\n2020-01-03,10,11,9,10,5\n";
    let names = ["X.csv", "X.csv.gz", "X.zip", "X.csv.zst"];
    let magic: [&[u8]; 4] = [b"", b"\x1f\x8b\x08\0", b"PK\x03\x04", b"\x28\xb5\x2f\xfd"];
    for round in 0..1_500 {
        let mut bytes = match round % 3 {
            0 => {
                let mut bytes = vec![0; dice.random_range(0..300)];
                dice.fill_bytes(&mut bytes);
                [magic[round % 4], &bytes].concat()
            }
            1 => (0..dice.random_range(0..400))
                .map(|_| alphabet[dice.random_range(0..alphabet.len())])
                .collect(),
            _ => valid.to_vec(),
        };
        for _ in 0..dice.random_range(0..4) {
            if !bytes.is_empty() {
                let at = dice.random_range(0..bytes.len());
                bytes[at] = alphabet[dice.random_range(0..alphabet.len())];
            }
        }
        let options = LoadOptions { check: round % 2 == 0, ..Default::default() };
        if let Err(error) = load_bytes(names[round % 4], &bytes, &options) {
            assert!(!error.to_string().is_empty());
        }
    }
}
