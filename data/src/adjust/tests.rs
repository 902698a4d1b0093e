//! Adjustment on real files and against plain arithmetic.

use proptest::prelude::*;

use super::*;
use crate::calendar::tests::shared;

/// Open, high, low, close, volume, and the adjusted close where there is one: digits at a fixed
/// number of decimals, with the dates.
struct Table {
    days: Vec<Day>,
    columns: Vec<Vec<i64>>,
    decimals: u32,
}

fn table(path: &str, decimals: u32) -> Option<Table> {
    let text = shared(path)?;
    let header: Vec<String> =
        text.lines().next()?.split(',').map(str::to_ascii_lowercase).collect();
    let mut columns = Vec::new();
    for name in ["open", "high", "low", "close", "volume", "adj close"] {
        let Some(index) = header.iter().position(|column| column == name) else { continue };
        let values = text.lines().skip(1).map(|line| {
            let value: Decimal = line.split(',').nth(index).unwrap().parse().unwrap();
            (value * Decimal::from(10_i64.pow(decimals))).try_into().unwrap()
        });
        columns.push(values.collect());
    }
    let days =
        text.lines().skip(1).map(|line| Day::parse(line.split(',').next().unwrap()).unwrap());
    Some(Table { days: days.collect(), columns, decimals })
}

impl Table {
    fn adjust(
        &mut self,
        run: impl FnOnce(&[Day], &mut [Column<'_>], &[Vec<i64>]) -> Result<Adjusted, AdjustError>,
    ) -> Result<Adjusted, AdjustError> {
        let mut decimals = [self.decimals; 5];
        let names = ["open", "high", "low", "close", "volume"];
        let (main, rest) = self.columns.split_at_mut(5);
        let mut columns: Vec<Column<'_>> = main
            .iter_mut()
            .zip(&mut decimals)
            .zip(names)
            .map(|((values, decimals), name)| Column { name, values, decimals })
            .collect();
        run(&self.days, &mut columns, rest)
    }

    fn largest_jump(&self) -> f64 {
        let (open, close) = (&self.columns[0], &self.columns[3]);
        let ratios = (1..open.len()).map(|row| open[row] as f64 / close[row - 1] as f64);
        ratios.map(|ratio| ratio.max(1.0 / ratio)).fold(1.0, f64::max)
    }

    fn row(&self, date: &str) -> usize {
        self.days.iter().position(|day| day.to_string() == date).unwrap()
    }
}

fn by_file(table: &mut Table, path: &str) -> Option<Adjusted> {
    let factors = FactorFile::parse(path, &shared(path)?).unwrap();
    let adjusted = table.adjust(|days, columns, _| {
        let (prices, volume) = columns.split_at_mut(4);
        by_factor_file(&factors, days, prices, volume.first_mut())
    });
    Some(adjusted.unwrap())
}

#[test]
fn an_adjusted_close_becomes_the_close() {
    let Some(mut oracle) = table("equity/daily/ORCL_yahoo_1995-2014.csv", 6) else { return };
    let volume = oracle.columns[4].clone();
    let adjusted =
        oracle.adjust(|_, columns, rest| by_adj_close(&mut columns[..4], 3, &rest[0], 6));
    assert_eq!(adjusted, Ok(Adjusted { rows: 5036, decimals: 6 }));
    assert_eq!(oracle.columns[3], oracle.columns[5]);
    assert_eq!(oracle.columns[4], volume, "a total-return factor leaves volume alone");
    assert!(oracle.largest_jump() < 1.45, "the worst day of 1997: {}", oracle.largest_jump());
    for row in 0..oracle.days.len() {
        let value = |column: usize| oracle.columns[column][row];
        assert!(value(1) >= value(0).max(value(3)) && value(2) <= value(0).min(value(3)));
    }
}

#[test]
fn a_factor_file_removes_the_splits() {
    let Some(mut apple) = table("equity/daily/AAPL.csv", 4) else { return };
    assert!(apple.largest_jump() > 6.5, "seven for one in 2014");
    let file = "equity/corporate_actions/lean_factor_files/AAPL.csv";
    let adjusted = by_file(&mut apple, file).unwrap();
    assert_eq!(adjusted.decimals, 9, "old prices are below 1");
    // What is left is the profit warning of September 2000, which was no split.
    assert!(apple.largest_jump() < 1.91, "{}", apple.largest_jump());
    // 645.57 x 0.9011818 x 0.0357143 and its volume / 0.0357143, by hand.
    let row = apple.row("2014-06-06");
    let close = Decimal::new(64557, 2) * Decimal::new(9_011_818, 7) * Decimal::new(357_143, 7);
    assert_eq!(Decimal::new(apple.columns[3][row], 9), close.round_dp(9));
    let last = apple.days.len() - 1;
    assert_eq!(apple.columns[3][last], 122_150_000_000, "after the last change nothing moves");
}

#[test]
fn dividends_move_prices_but_not_volume() {
    let path = "equity/daily/SPY.csv";
    let (Some(mut spy), Some(raw)) = (table(path, 3), table(path, 3)) else { return };
    by_file(&mut spy, "equity/corporate_actions/lean_factor_files/SPY.csv").unwrap();
    assert_eq!(spy.columns[4], raw.columns[4]);
    assert_eq!(spy.columns[3][0], 63_932_476, "97.36 x 0.6566606, six decimals");
    // The day of a change still has the factor of the days before it.
    let row = spy.row("1998-03-19");
    let factor = |row: usize| spy.columns[3][row] as f64 / raw.columns[3][row] as f64 / 1000.0;
    assert!((factor(row) - 0.656_660_6).abs() < 1e-7 && factor(row + 1) > 0.6585);
    let growth = |table: &Table| {
        let close = &table.columns[3];
        close[close.len() - 1] as f64 / close[0] as f64
    };
    assert!(growth(&spy) > 1.5 * growth(&raw), "dividends reinvested");
}

#[test]
fn a_reverse_split_divides_volume() {
    let Some(mut uso) = table("equity/daily/USO.csv", 4) else { return };
    let row = uso.row("2020-04-28");
    let (close, volume) = (uso.columns[3][row], uso.columns[4][row]);
    assert!(uso.largest_jump() > 7.0);
    by_file(&mut uso, "equity/corporate_actions/lean_factor_files/USO.csv").unwrap();
    assert_eq!(uso.columns[3][row], close * 8 * 100_000, "nine decimals, four before");
    assert_eq!(uso.columns[4][row], volume / 8, "a multiple of eight shares");
}

#[test]
fn errors_say_where() {
    for (text, line, part) in [
        ("20200101,1", 1, "split factor is missing"),
        ("20200101,1,1\n20200101,1,1", 2, "not after"),
        ("20200101,0,1", 1, "'0'"),
        ("20200101,-1,1", 1, "'-1'"),
        ("date,price,split\n20200101,x,1", 2, "'x'"),
        ("2020-13-01,1,1", 1, "2020-13-01"),
        ("", 1, "no line"),
    ] {
        let error = FactorFile::parse("f.csv", text).unwrap_err().to_string();
        assert!(error.contains(&format!("f.csv, line {line}")), "{error}");
        assert!(error.contains(part), "{error}");
    }
    assert!(FactorFile::parse("f.csv", "20200101,9.5e-1,1,0\n20501231,1,1,0").is_ok());
    let (mut values, mut decimals) = ([100, 0], 2);
    let mut prices = [Column { name: "close", values: &mut values, decimals: &mut decimals }];
    let error = by_adj_close(&mut prices, 0, &[90, 90], 2).unwrap_err();
    assert!(error.to_string().contains("row 1, close"), "{error}");
    let error = by_adj_close(&mut prices, 0, &[90], 2).unwrap_err();
    assert_eq!(error, AdjustError::Lengths(2, 1));
    let (mut values, mut decimals) = ([i64::MAX / 2], 2);
    let mut prices = [Column { name: "close", values: &mut values, decimals: &mut decimals }];
    let error = by_adj_close(&mut prices, 0, &[i64::MAX / 2], 2).unwrap_err();
    assert!(error.to_string().contains("64 bits"), "{error}");
    assert_eq!((values[0], decimals), (i64::MAX / 2, 2), "unchanged");
}

proptest! {
    #[test]
    fn adjusted_bars_stay_valid_and_near_the_real_number(
        bars in prop::collection::vec(
            (1_i64..1_000_000, 0_i64..1000, 0_i64..1000, 1_i64..900_000),
            1..40,
        ),
    ) {
        let close: Vec<i64> = bars.iter().map(|bar| bar.0 + 1000).collect();
        let mut high: Vec<i64> = bars.iter().map(|bar| bar.0 + 1000 + bar.1).collect();
        let mut low: Vec<i64> = bars.iter().map(|bar| bar.0 + 1000 - bar.2).collect();
        let (raw_high, raw_low) = (high.clone(), low.clone());
        let adj: Vec<i64> = bars.iter().map(|bar| bar.3).collect();
        let (mut decimals, mut values) = ([2_u32; 3], close.clone());
        let [of_close, of_high, of_low] = &mut decimals;
        let mut prices = [
            Column { name: "close", values: &mut values, decimals: of_close },
            Column { name: "high", values: &mut high, decimals: of_high },
            Column { name: "low", values: &mut low, decimals: of_low },
        ];
        let adjusted = by_adj_close(&mut prices, 0, &adj, 4).unwrap();
        prop_assert_eq!(decimals, [adjusted.decimals; 3]);
        let unit = 10_f64.powi(adjusted.decimals as i32);
        for row in 0..close.len() {
            prop_assert_eq!(values[row], adj[row] * 10_i64.pow(adjusted.decimals - 4));
            prop_assert!(low[row] <= values[row] && values[row] <= high[row]);
            for (new, old) in [(high[row], raw_high[row]), (low[row], raw_low[row])] {
                let exact = old as f64 / close[row] as f64 * adj[row] as f64 / 1e4;
                prop_assert!((new as f64 / unit - exact).abs() <= 0.5 / unit + exact * 1e-12);
            }
        }
    }
}
