//! Exchanges for tests.

use std::sync::Arc;

use qt_venue_sim::exchange::{
    AccountId, Amount, AssetId, AssetSpec, Exchange, Fees, NewAccount, Settings, SymbolId,
    SymbolSpec,
};

/// The symbol of all of them.
pub const SYMBOL: SymbolId = SymbolId(0);
/// What is traded.
pub const BASE: AssetId = AssetId(0);
/// What is paid with.
pub const QUOTE: AssetId = AssetId(1);
/// One whole unit of an asset with eight decimals.
pub const ONE: i64 = 100_000_000;

fn asset(name: &str, decimals: u8) -> AssetSpec {
    AssetSpec { name: name.into(), decimals }
}

/// Assets without decimals, a tick and a step of one.
pub fn whole_numbers(accounts: usize, base: Amount, quote: Amount) -> (Exchange, Vec<AccountId>) {
    let mut symbol = SymbolSpec::new("AB", BASE, QUOTE, 1, 1);
    symbol.price_decimals = 0;
    let settings = Settings::new(vec![asset("A", 0), asset("B", 0)], vec![symbol]);
    let mut exchange = Exchange::new(settings).expect("settings");
    let open = |at: usize| {
        let account = NewAccount::new(&format!("account-{at}"), &[(BASE, base), (QUOTE, quote)]);
        exchange.open_account(account).expect("an account")
    };
    let ids = (0..accounts).map(open).collect();
    (exchange, ids)
}

/// A symbol as venues have it: eight decimals, a tick of a hundredth, a step of 10^-5, and a third
/// asset in which commissions cost a quarter less.
pub fn spec() -> (Settings, SymbolSpec) {
    let symbol = SymbolSpec::new("BTCUSDT", BASE, QUOTE, ONE / 100, ONE / 100_000);
    let assets = vec![asset("BTC", 8), asset("USDT", 8), asset("BNB", 8)];
    (Settings::new(assets, vec![symbol.clone()]), symbol)
}

/// An exchange with that symbol and two accounts that own plenty and pay nothing.
pub fn exchange_with(change: impl FnOnce(&mut Settings)) -> (Exchange, AccountId, AccountId) {
    let (mut settings, _) = spec();
    change(&mut settings);
    let mut exchange = Exchange::new(settings).expect("settings");
    let plenty = Amount::from(ONE) * 1_000_000;
    let mut open = |name: &str| {
        let mut account = NewAccount::new(name, &[(BASE, plenty), (QUOTE, plenty)]);
        account.fees = Fees { maker: 0, taker: 0, uses_discount: false };
        exchange.open_account(account).expect("an account")
    };
    let (ann, ben) = (open("ann"), open("ben"));
    (exchange, ann, ben)
}

/// The same with nothing changed.
pub fn exchange() -> (Exchange, AccountId, AccountId) {
    exchange_with(|_| {})
}

/// A client id.
pub fn id(text: &str) -> Option<Arc<str>> {
    Some(text.into())
}
