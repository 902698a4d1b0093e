"""pybit, the venue's own client: only endpoints and the authority are not the usual ones."""

import os
import sys
import threading
import time

from simulator import begin

sim = begin()
if sim.ca:
    # Its WebSockets take an authority from nowhere else.
    os.environ["WEBSOCKET_CLIENT_CA_BUNDLE"] = sim.ca

import pybit._websocket_stream as stream  # noqa: E402
import pybit._websocket_trading as trading  # noqa: E402
import pybit.unified_trading as unified  # noqa: E402
from pybit.exceptions import InvalidRequestError  # noqa: E402

LINEAR = sim.told["venue"] == "bybit-linear"
CATEGORY = "linear" if LINEAR else "spot"
SYMBOL = "BTCUSDT"

# Hosts are put together out of parts that have no place for a port: the whole address is given.
unified.PUBLIC_WSS = sim.streams + "/v5/public/{CHANNEL_TYPE}"
unified.PRIVATE_WSS = sim.streams + "/v5/private"
trading.TRADE_WSS = sim.ws_api


def after_a_while(self, message, at_once=stream._WebSocketManager._on_message):
    """It notes a request only after it has sent it: an answer needs as long as over a network."""
    if '"op":' in message:
        time.sleep(0.02)
    at_once(self, message)


stream._WebSocketManager._on_message = after_a_while


class Heard:
    """What a stream has told, and waiting for more of it."""

    def __init__(self):
        self.all = []
        self.more = threading.Condition()

    def __call__(self, message):
        with self.more:
            self.all.append(message)
            self.more.notify_all()

    def wait(self, wanted, seconds=10):
        with self.more:
            found = self.more.wait_for(lambda: [m for m in self.all if wanted(m)], seconds)
            assert found, f"nothing of it in {self.all[-3:]}"
            return found[-1]


def session():
    client = unified.HTTP(api_key=sim.key, api_secret=sim.secret)
    client.endpoint = sim.rest
    if sim.ca:
        client.client.verify = sim.ca
    return client


def market(client):
    spec = client.get_instruments_info(category=CATEGORY, symbol=SYMBOL)["result"]["list"][0]
    assert spec["priceFilter"]["tickSize"] == ("0.10" if LINEAR else "0.01"), spec
    books, trades, tickers = Heard(), Heard(), Heard()
    public = unified.WebSocket(testnet=False, channel_type=CATEGORY)
    public.orderbook_stream(50, SYMBOL, books)
    public.trade_stream(SYMBOL, trades)
    public.ticker_stream(SYMBOL, tickers)
    trades.wait(lambda m: float(m["data"][0]["p"]) > 0)
    tickers.wait(lambda m: float(m["data"]["lastPrice"]) > 0)
    # It puts the book together itself, in one place.
    book = books.wait(lambda _: len(books.all) > 5)["data"]
    bid = max(float(price) for price, _ in book["b"])
    ask = min(float(price) for price, _ in book["a"])
    assert bid < ask, (bid, ask)
    asked = client.get_orderbook(category=CATEGORY, symbol=SYMBOL, limit=50)["result"]
    assert float(asked["b"][0][0]) < float(asked["a"][0][0]), asked
    candles = client.get_kline(category=CATEGORY, symbol=SYMBOL, interval=1)["result"]["list"]
    assert float(candles[0][4]) > 0, candles
    known = {one["execId"] for one in client.get_public_trade_history(
        category=CATEGORY, symbol=SYMBOL)["result"]["list"]}
    assert any(one["i"] in known for message in trades.all for one in message["data"])
    public.exit()
    return bid


def trade(client, bid):
    orders, fills = Heard(), Heard()
    private = unified.WebSocket(testnet=False, channel_type="private", api_key=sim.key,
                                api_secret=sim.secret)
    private.order_stream(orders)
    private.execution_stream(fills)
    time.sleep(0.5)
    low = f"{bid * 0.95:.1f}"
    common = {"category": CATEGORY, "symbol": SYMBOL}
    placed = client.place_order(**common, side="Buy", orderType="Limit", qty="0.01", price=low,
                                orderLinkId="first")["result"]
    told = orders.wait(lambda m: m["data"][0]["orderLinkId"] == "first")["data"][0]
    assert told["orderStatus"] == "New" and told["orderId"] == placed["orderId"], told
    client.amend_order(**common, orderId=placed["orderId"], qty="0.02")
    opened = client.get_open_orders(**common)["result"]["list"]
    assert [(one["orderId"], float(one["qty"])) for one in opened] == [
        (placed["orderId"], 0.02)], opened
    client.cancel_order(**common, orderLinkId="first")
    orders.wait(lambda m: m["data"][0]["orderStatus"] == "Cancelled")
    bought = client.place_order(**common, side="Buy", orderType="Market",
                                qty="0.02" if LINEAR else "1200")["result"]
    fills.wait(lambda m: m["data"][0]["orderId"] == bought["orderId"])
    orders.wait(lambda m: m["data"][0]["orderId"] == bought["orderId"]
                and m["data"][0]["orderStatus"] == "Filled")
    if LINEAR:
        client.set_leverage(**common, buyLeverage="20", sellLeverage="20")
        client.place_order(**common, side="Sell", orderType="Market", qty="0.005",
                           reduceOnly=True)
    over_socket(client, common, low)
    client.place_order(**common, side="Buy", orderType="Limit", qty="0.01", price=low)
    errors(client, common, low)
    private.exit()


def over_socket(client, common, low):
    """An order over the connection of orders: its answer says that it was taken."""
    answers = Heard()
    socket = unified.WebSocketTrading(testnet=False, api_key=sim.key, api_secret=sim.secret)
    time.sleep(0.5)
    socket.place_order(answers, **common, side="Buy", orderType="Limit", qty="0.01", price=low,
                       orderLinkId="socket")
    placed = answers.wait(lambda m: m["op"] == "order.create")
    assert placed["retCode"] == 0, placed
    socket.cancel_order(answers, **common, orderId=placed["data"]["orderId"])
    assert answers.wait(lambda m: m["op"] == "order.cancel")["retCode"] == 0
    socket.exit()
    ended = client.get_order_history(**common, orderLinkId="socket")["result"]["list"]
    assert ended[0]["orderStatus"] == "Cancelled", ended


def refused(code, call, **request):
    try:
        call(**request)
    except InvalidRequestError as error:
        assert error.status_code == code, error
    else:
        raise AssertionError(f"{code} was not answered")


def errors(client, common, low):
    limit = {**common, "side": "Buy", "orderType": "Limit", "price": low}
    refused(110001 if LINEAR else 170213, client.cancel_order, **common, orderId="987654321")
    refused(110007 if LINEAR else 170131, client.place_order, **limit, qty="900")
    refused(110072 if LINEAR else 170141, client.place_order, **limit, qty="0.01",
            orderLinkId="first")
    refused(10001, client.place_order, **limit, qty="0.01", positionIdx=1)


def number(text, begin):
    """The exchange's number in an id of the venue."""
    if not LINEAR:
        return int(text) - begin
    parts = text.split("-")
    return int(parts[2][1:] + parts[3][1:] + parts[4], 16)


def believe(client):
    common = {"category": CATEGORY, "symbol": SYMBOL}
    fills = client.get_executions(**common)["result"]["list"]
    opened = client.get_open_orders(**common)["result"]["list"]
    wallet = client.get_wallet_balance(accountType="UNIFIED")["result"]["list"][0]["coin"]
    belief = {
        "fills": [
            {"symbol": SYMBOL, "trade_id": number(one["execId"], 2 * 10 ** 18),
             "side": one["side"].lower(), "price": one["execPrice"], "qty": one["execQty"],
             "fee": one["execFee"], "fee_asset": one["feeCurrency"]}
            for one in fills
        ],
        "open_orders": [
            {"symbol": SYMBOL, "order_id": number(one["orderId"], 10 ** 18),
             "side": one["side"].lower(), "price": one["price"], "qty": one["qty"]}
            for one in opened
        ],
    }
    if LINEAR:
        held = client.get_positions(**common)["result"]["list"][0]
        assert held["side"] == "Buy", held
        belief["positions"] = {SYMBOL: held["size"]}
        belief["balances"] = [
            {"asset": one["coin"], "free": one["walletBalance"]} for one in wallet]
    else:
        belief["balances"] = [
            {"asset": one["coin"], "locked": one["locked"],
             "free": f"{float(one['walletBalance']) - float(one['locked']):.8f}"}
            for one in wallet
        ]
    sim.agree(**belief)


def main():
    begun = time.monotonic()
    client = session()
    trade(client, market(client))
    believe(client)
    print(f"pybit agrees with the truth of {CATEGORY} after {time.monotonic() - begun:.1f} s")
    # Its threads end with the process.
    sys.stdout.flush()
    os._exit(0)


main()
