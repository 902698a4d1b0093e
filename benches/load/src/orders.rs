//! Orders that leave no position behind: what is bought is sold next, in small amounts.

/// A symbol of the synthetic market, and what stands before a digit for a few dollars of it.
const SYMBOLS: [(&str, &str); 3] = [("BTC-USD", "0.000"), ("ETH-USD", "0.00"), ("EURUSD", "")];

/// The body of order `n` of a tenant. Amounts differ, so that none counts as sent twice.
pub fn body(n: u64) -> String {
    let pair = n / 2;
    let (symbol, zeros) = SYMBOLS[(pair % 3) as usize];
    let (digit, side) = (1 + pair / 3 % 9, if n.is_multiple_of(2) { "buy" } else { "sell" });
    format!(
        r#"{{"symbol":"{symbol}","side":"{side}","type":"market","quantity":"{zeros}{digit}"}}"#
    )
}

/// Tenants that `orders` are spread over, at `rate` a second: a session of a fresh installation
/// lets 20,000 entries a day and 1,000 orders a second pass.
pub const fn tenants(orders: u64, rate: u64) -> u64 {
    let by_day = orders.div_ceil(12_000);
    let by_second = rate.div_ceil(700);
    let most = if by_day > by_second { by_day } else { by_second };
    if most > 1 { most } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_bought_is_sold_next() {
        for pair in 0..60 {
            let bought = body(2 * pair);
            assert_eq!(bought.replace("buy", "sell"), body(2 * pair + 1));
        }
        assert_ne!(body(0), body(6));
        assert_eq!(tenants(90_000, 3_000), 8);
        assert_eq!(tenants(10, 1), 1);
    }
}
