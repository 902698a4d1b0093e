//! REST: from a request to a call, and from what it says to an answer. Whatever goes wrong, the
//! status is 200 and the error a text in a list.

use crate::exchange::{AccountId, Nanos};
use crate::fault::{ConnectionKind, RequestKind};
use crate::venue::shared::json::quoted;
use crate::wire::http::{Request, Response};
use crate::wire::service::Answer;

use super::errors::{Refused, invalid};
use super::fields::Fields;
use super::keys::Caller;
use super::request_faults::{Asked, Fated};
use super::{Kraken, orders_rest, private, public};

/// One request.
pub(super) struct Ask<'a> {
    pub(super) fields: &'a Fields,
    pub(super) caller: Option<Caller>,
    pub(super) now_ns: Nanos,
}

impl Ask<'_> {
    /// Whose it is.
    pub(super) fn account(&self) -> Result<AccountId, Refused> {
        let caller = self.caller.ok_or_else(|| Refused::new("EAPI:Invalid key"))?;
        Ok(caller.account)
    }
}

/// A call of REST.
pub(super) struct Call {
    /// What stands behind `/0/public/` or `/0/private/`.
    name: &'static str,
    is_private: bool,
    /// Whether the key must be one that may trade.
    trades: bool,
    /// By how much it raises the counter of the account.
    cost: u32,
    kind: RequestKind,
    answer: fn(&mut Kraken, &Ask<'_>) -> Result<String, Refused>,
}

const fn public(
    name: &'static str,
    kind: RequestKind,
    answer: fn(&mut Kraken, &Ask<'_>) -> Result<String, Refused>,
) -> Call {
    Call { name, is_private: false, trades: false, cost: 0, kind, answer }
}

const fn private(
    name: &'static str,
    cost: u32,
    kind: RequestKind,
    answer: fn(&mut Kraken, &Ask<'_>) -> Result<String, Refused>,
) -> Call {
    Call { name, is_private: true, trades: false, cost, kind, answer }
}

const fn order(
    name: &'static str,
    cost: u32,
    kind: RequestKind,
    answer: fn(&mut Kraken, &Ask<'_>) -> Result<String, Refused>,
) -> Call {
    Call { name, is_private: true, trades: true, cost, kind, answer }
}

/// All calls.
static CALLS: &[Call] = &[
    public("Time", RequestKind::Time, public::time),
    public("SystemStatus", RequestKind::Other, public::system_status),
    public("Assets", RequestKind::Symbols, public::assets),
    public("AssetPairs", RequestKind::Symbols, public::asset_pairs),
    public("Ticker", RequestKind::Other, public::ticker),
    public("Depth", RequestKind::Snapshot, public::depth),
    public("Trades", RequestKind::Other, public::trades),
    public("OHLC", RequestKind::Other, public::candles),
    private("GetWebSocketsToken", 1, RequestKind::Session, private::token),
    private("Balance", 1, RequestKind::Account, private::balance),
    private("BalanceEx", 1, RequestKind::Account, private::balance_ex),
    private("OpenOrders", 1, RequestKind::Orders, private::open_orders),
    private("ClosedOrders", 2, RequestKind::Orders, private::closed_orders),
    private("QueryOrders", 1, RequestKind::Orders, private::query_orders),
    private("TradesHistory", 2, RequestKind::Fills, private::trades_history),
    private("QueryTrades", 1, RequestKind::Fills, private::query_trades),
    order("AddOrder", 0, RequestKind::Place, orders_rest::add),
    order("AddOrderBatch", 0, RequestKind::Place, orders_rest::add_batch),
    order("AmendOrder", 0, RequestKind::Amend, orders_rest::amend),
    order("EditOrder", 0, RequestKind::Replace, orders_rest::edit),
    order("CancelOrder", 0, RequestKind::Cancel, orders_rest::cancel),
    order("CancelAll", 1, RequestKind::Cancel, orders_rest::cancel_all),
    order("CancelAllOrdersAfter", 1, RequestKind::Other, orders_rest::cancel_after),
];

/// An error as an answer.
pub(super) fn error(refused: &Refused) -> Response {
    let body = format!("{{\"error\":[{}]}}", quoted(&refused.text));
    Response::json(refused.status, body)
}

impl Kraken {
    /// Performs a request of REST.
    pub(super) fn rest(&mut self, request: &Request, now_ns: Nanos) -> Answer {
        let (is_private, name) = match request.path.strip_prefix("/0/") {
            Some(rest) => match rest.split_once('/') {
                Some(("public", name)) => (false, name),
                Some(("private", name)) => (true, name),
                _ => (false, ""),
            },
            None => return Response::text(404, "There is nothing here.").into(),
        };
        let mut known = CALLS.iter().filter(|call| call.is_private == is_private);
        let Some(call) = known.find(|call| call.name == name) else {
            return error(&Refused::new("EGeneral:Unknown method").with_status(404)).into();
        };
        if is_private && request.method != "POST" {
            return error(&Refused::new("EGeneral:Unknown method").with_status(405)).into();
        }
        let told_ns = self.clock(now_ns);
        let fated = match self.admit(call, request, now_ns) {
            Ok((fields, caller)) => {
                let asked = Asked {
                    kind: call.kind,
                    connection: ConnectionKind::Rest,
                    account: caller.map(|caller| caller.account),
                    fields: &fields,
                };
                let ask = Ask { fields: &fields, caller, now_ns: told_ns };
                self.fated(&asked, told_ns, |venue| (call.answer)(venue, &ask))
            }
            Err(refused) => Fated::of(Err(refused)),
        };
        let response = match &fated.result {
            Ok(json) => Response::json(200, format!("{{\"error\":[],\"result\":{json}}}")),
            Err(refused) => error(refused),
        };
        Answer { response, after: fated.after, fate: fated.fate }
    }

    /// The fields of a request, and whose it is where that matters.
    fn admit(
        &mut self,
        call: &Call,
        request: &Request,
        now_ns: Nanos,
    ) -> Result<(Fields, Option<Caller>), Refused> {
        let body = std::str::from_utf8(&request.body).map_err(|_| invalid("body"))?;
        let is_json = request.header("content-type").is_some_and(|kind| kind.contains("json"));
        let mut fields = if is_json && !body.trim().is_empty() {
            Fields::of_json(body).ok_or_else(|| invalid("body"))?
        } else {
            Fields::of_form(body)?
        };
        let query = Fields::of_form(&request.query)?;
        for name in query.names() {
            if fields.text(name).is_none() {
                fields.set(name, query.text(name).unwrap_or_default());
            }
        }
        if !call.is_private {
            return Ok((fields, None));
        }
        // What is asked for behind a question mark is signed as a part of the path.
        let path = if request.query.is_empty() {
            request.path.clone()
        } else {
            format!("{}?{}", request.path, request.query)
        };
        let sent = (request.header("api-key"), request.header("api-sign"));
        let caller = self.keys.caller(sent, (&path, fields.text("nonce"), body.as_bytes()))?;
        if call.trades && !caller.may_trade {
            return Err(Refused::new("EGeneral:Permission denied"));
        }
        self.meters.request(caller.account, call.cost, now_ns)?;
        Ok((fields, Some(caller)))
    }
}
