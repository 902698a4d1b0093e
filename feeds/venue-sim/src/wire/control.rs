//! The control path, which only this machine reaches: tests and scenarios ask it for the truth and
//! say what shall happen.

use serde_json::json;

use crate::exchange::units::parse_units;
use crate::exchange::{
    AccountId, Nanos, NewOrder, OrderKind, RATE_ONE, Side, SymbolId, SymbolStatus, TimeInForce,
};
use crate::fault::Plan;
use crate::simulation::Simulation;
use crate::truth::{self, Belief};

use super::http::{Request, Response};

/// What can be asked, for who asks for something else.
const KNOWN: &str = "GET truth, POST compare, GET faults, POST faults, DELETE faults, POST order, \
                     POST cancel, POST status, POST tick, POST transfer, POST funding, \
                     POST market, GET limits, POST stop";

/// Decimals of rates.
const RATE_DECIMALS: u8 = 8;

/// Answers a request on the control path. What is asked for in the query is percent-free text.
pub fn answer(sim: &mut Simulation, request: &Request, now_ns: Nanos) -> Response {
    let what = request.path.trim_start_matches("/sim/");
    let answered = match (request.method.as_str(), what) {
        ("GET", "truth") => Ok(truth::summary(&sim.exchange).to_string()),
        ("POST", "compare") => compare(sim, &request.body),
        ("GET", "faults") => {
            Ok(json!({ "rules": sim.plan.state(), "notes": sim.notes }).to_string())
        }
        ("POST", "faults") => plan(sim, &request.body, now_ns),
        ("DELETE", "faults") => {
            sim.plan.clear();
            Ok("{}".to_owned())
        }
        ("POST", "order") => order(sim, request),
        ("POST", "cancel") => cancel(sim, request),
        ("POST", "status") => status(sim, request),
        ("POST", "tick") => tick(sim, request),
        ("POST", "transfer") => transfer(sim, request),
        ("POST", "funding") => funding(sim, request),
        ("POST", "market") => market(sim, request),
        _ => return error(404, &format!("there is no such control; there are: {KNOWN}")),
    };
    match answered {
        Ok(json) => Response::json(200, json),
        Err(what) => error(400, &what),
    }
}

fn error(status: u16, what: &str) -> Response {
    Response::json(status, json!({ "error": what }).to_string())
}

fn field<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    let mut pairs = request.query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
}

fn need<'a>(request: &'a Request, name: &str) -> Result<&'a str, String> {
    field(request, name).ok_or_else(|| format!("{name} is missing in the query"))
}

fn account(sim: &Simulation, request: &Request) -> Result<AccountId, String> {
    let name = need(request, "account")?;
    sim.exchange.account_id(name).ok_or_else(|| format!("account: there is no {name:?}"))
}

fn symbol(sim: &Simulation, request: &Request) -> Result<SymbolId, String> {
    let name = need(request, "symbol")?;
    sim.exchange.symbol_id(name).ok_or_else(|| format!("symbol: there is no {name:?}"))
}

fn units(request: &Request, name: &str, decimals: u8) -> Result<i64, String> {
    parse_units(need(request, name)?, decimals).map_err(|error| format!("{name}: {error}"))
}

fn compare(sim: &Simulation, body: &[u8]) -> Result<String, String> {
    let belief: Belief =
        serde_json::from_slice(body).map_err(|error| format!("the belief: {error}"))?;
    let differences = truth::compare(&sim.exchange, &belief);
    Ok(json!({ "differences": differences }).to_string())
}

fn plan(sim: &mut Simulation, body: &[u8], now_ns: Nanos) -> Result<String, String> {
    let text = std::str::from_utf8(body).map_err(|_| "the plan is no text".to_owned())?;
    sim.plan = Plan::parse(text, now_ns).map_err(|error| error.to_string())?;
    Ok(json!({ "rules": sim.plan.state() }).to_string())
}

fn order(sim: &mut Simulation, request: &Request) -> Result<String, String> {
    let (account, symbol) = (account(sim, request)?, symbol(sim, request)?);
    let spec = sim.exchange.symbol(symbol).ok_or("symbol: it is gone")?;
    let base = sim.exchange.asset(spec.base).map_or(8, |asset| asset.decimals);
    let side = match need(request, "side")? {
        "buy" => Side::Buy,
        "sell" => Side::Sell,
        other => return Err(format!("side: {other:?} is neither buy nor sell")),
    };
    let mut order = NewOrder::market(symbol, side, units(request, "qty", base)?);
    if field(request, "price").is_some() {
        order.kind = OrderKind::Limit;
        order.time_in_force = Some(TimeInForce::Gtc);
        order.price = Some(units(request, "price", spec.price_decimals)?);
    }
    order.client_id = field(request, "client_id").map(Into::into);
    let placed = sim.exchange.place(account, &order).map_err(|refusal| refusal.to_string())?;
    Ok(truth::order(&sim.exchange, &placed.order).to_string())
}

fn cancel(sim: &mut Simulation, request: &Request) -> Result<String, String> {
    let (account, symbol) = (account(sim, request)?, symbol(sim, request)?);
    let all = sim.exchange.cancel_all(account, symbol).map_err(|refusal| refusal.to_string())?;
    Ok(json!({ "cancelled": all.len() }).to_string())
}

fn status(sim: &mut Simulation, request: &Request) -> Result<String, String> {
    let symbol = symbol(sim, request)?;
    let text = need(request, "status")?;
    let status = SymbolStatus::from_text(text).ok_or_else(|| {
        let known: Vec<_> = SymbolStatus::ALL.iter().map(|status| status.text()).collect();
        format!("status: {text:?} is none of {}", known.join(", "))
    })?;
    sim.exchange.set_status(symbol, status);
    Ok("{}".to_owned())
}

fn tick(sim: &mut Simulation, request: &Request) -> Result<String, String> {
    let symbol = symbol(sim, request)?;
    let decimals = sim.exchange.symbol(symbol).map_or(8, |spec| spec.price_decimals);
    let tick = units(request, "tick", decimals)?;
    sim.exchange.set_tick(symbol, tick).map_err(|error| error.to_string())?;
    Ok("{}".to_owned())
}

fn market(sim: &mut Simulation, request: &Request) -> Result<String, String> {
    sim.is_still = match need(request, "moves")? {
        "no" => true,
        "yes" => false,
        other => return Err(format!("moves: {other:?} is neither yes nor no")),
    };
    Ok("{}".to_owned())
}

fn transfer(sim: &mut Simulation, request: &Request) -> Result<String, String> {
    let account = account(sim, request)?;
    let name = need(request, "asset")?;
    let asset =
        sim.exchange.asset_id(name).ok_or_else(|| format!("asset: there is no {name:?}"))?;
    let decimals = sim.exchange.asset(asset).map_or(8, |asset| asset.decimals);
    let amount = i128::from(units(request, "amount", decimals)?);
    sim.exchange.transfer(account, asset, amount).map_err(|refusal| refusal.to_string())?;
    Ok("{}".to_owned())
}

/// A funding now, at a rate such as 0.0001.
fn funding(sim: &mut Simulation, request: &Request) -> Result<String, String> {
    let symbol = symbol(sim, request)?;
    let rate = units(request, "rate", RATE_DECIMALS)?;
    if !sim.exchange.has_positions() {
        return Err("nobody has a position here".to_owned());
    }
    if i128::from(rate).abs() > RATE_ONE {
        return Err("rate: it is more than a position is worth".to_owned());
    }
    sim.exchange.fund(symbol, rate);
    Ok("{}".to_owned())
}
