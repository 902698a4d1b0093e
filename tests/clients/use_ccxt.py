"""ccxt and its WebSockets: only endpoints and the certificate authority are not the usual ones."""

import asyncio
import time

import ccxt.pro
from simulator import away, begin

sim = begin()
SYMBOL = "BTC/USDT"


def exchange():
    client = ccxt.pro.binance({
        "apiKey": sim.key,
        "secret": sim.secret,
        "options": {"fetchMarkets": {"types": ["spot"]}, "fetchMargins": False},
    })
    api = client.urls["api"]
    api["public"] = api["private"] = f"{sim.rest}/api/v3"
    api["v1"] = f"{sim.rest}/api/v1"
    api["sapi"] = f"{sim.rest}/sapi/v1"
    api["ws"]["spot"] = f"{sim.streams}/ws"
    api["ws"]["ws-api"]["spot"] = sim.ws_api
    if sim.context:
        client.ssl_context = sim.context
        client.cafile = sim.ca
    return client


async def market(client):
    markets = await client.load_markets()
    assert markets[SYMBOL]["precision"]["price"] == 0.01, markets[SYMBOL]["precision"]
    trades = await client.watch_trades(SYMBOL)
    assert trades[-1]["price"] > 0
    for _ in range(5):
        book = await client.watch_order_book(SYMBOL)
    asked = await client.fetch_order_book(SYMBOL, 100)
    assert book["bids"][0][0] < book["asks"][0][0] and book["nonce"] <= asked["nonce"] + 100_000
    ticker = await client.fetch_ticker(SYMBOL)
    assert ticker["bid"] < ticker["ask"]
    candles = await client.fetch_ohlcv(SYMBOL, "1m")
    assert candles[-1][1] > 0
    known = {trade["id"]: trade["price"] for trade in await client.fetch_trades(SYMBOL)}
    same = [trade for trade in trades if trade["id"] in known]
    assert all(known[trade["id"]] == trade["price"] for trade in same)
    return ticker["bid"]


async def trade(client, bid):
    watching = asyncio.ensure_future(client.watch_orders(SYMBOL))
    # The subscription stands when the first balance can be asked for over the same way.
    await asyncio.sleep(0.5)
    low = away(bid, 0.8)
    order = await client.create_order(SYMBOL, "limit", "buy", 0.01, float(low))
    assert order["status"] == "open", order
    seen = await asyncio.wait_for(watching, 10)
    assert seen[-1]["id"] == order["id"], seen
    edited = await client.edit_order(order["id"], SYMBOL, "limit", "buy", 0.02, float(low))
    assert edited["id"] != order["id"] and edited["amount"] == 0.02, edited
    found = await client.fetch_order(edited["id"], SYMBOL)
    assert found["status"] == "open"
    opened = await client.fetch_open_orders(SYMBOL)
    assert [one["id"] for one in opened] == [edited["id"]]
    cancelled = await client.cancel_order(edited["id"], SYMBOL)
    assert cancelled["status"] == "canceled", cancelled
    bought = await client.create_order(SYMBOL, "market", "buy", 0.01)
    assert bought["status"] == "closed" and bought["filled"] == 0.01, bought
    over_socket = await client.create_order_ws(SYMBOL, "limit", "buy", 0.01, float(low))
    await client.cancel_order_ws(over_socket["id"], SYMBOL)
    await client.create_order(SYMBOL, "limit", "buy", 0.01, float(low))
    await lists(client, bid)
    await errors(client, low)


async def lists(client, bid):
    """Two orders of which one ends the other, and one that begins such two."""
    pair = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.01",
            "aboveType": "LIMIT_MAKER", "abovePrice": away(bid, 1.2),
            "belowType": "STOP_LOSS_LIMIT", "belowStopPrice": away(bid, 0.8),
            "belowPrice": away(bid, 0.79), "belowTimeInForce": "GTC"}
    before = {one["id"] for one in await client.fetch_open_orders(SYMBOL)}
    placed = await client.privatePostOrderListOco(pair)
    opened = {one["id"] for one in await client.fetch_open_orders(SYMBOL)} - before
    assert opened == {str(one["orderId"]) for one in placed["orders"]}, (opened, placed)
    cancelled = await client.cancel_order(placed["orders"][1]["orderId"], SYMBOL)
    assert cancelled["info"]["listOrderStatus"] == "ALL_DONE", cancelled
    found = await client.privateGetOrderList({"orderListId": placed["orderListId"]})
    assert found["listStatusType"] == "ALL_DONE", found
    # The first order is filled at once, and the others begin.
    three = {"symbol": "BTCUSDT", "workingType": "LIMIT", "workingSide": "BUY",
             "workingPrice": away(bid, 1.05), "workingQuantity": "0.01",
             "workingTimeInForce": "GTC", "pendingSide": "SELL", "pendingQuantity": "0.01",
             "pendingAboveType": "LIMIT_MAKER", "pendingAbovePrice": away(bid, 1.2),
             "pendingBelowType": "STOP_LOSS", "pendingBelowStopPrice": away(bid, 0.8)}
    begun = await client.privatePostOrderListOtoco(three)
    assert [one["status"] for one in begun["orderReports"]] == [
        "FILLED", "PENDING_NEW", "PENDING_NEW"], begun
    pending = await client.fetch_order(begun["orders"][2]["orderId"], SYMBOL)
    assert pending["status"] == "open" and pending["info"]["status"] == "NEW", pending
    listed = await client.privateGetOpenOrderList()
    assert [one["orderListId"] for one in listed] == [begun["orderListId"]], listed
    rolling = await client.publicGetTicker({"symbol": "BTCUSDT", "windowSize": "1h"})
    assert float(rolling["lowPrice"]) <= float(rolling["highPrice"]), rolling


async def errors(client, low):
    try:
        await client.cancel_order("987654321", SYMBOL)
        raise AssertionError("an order that is not there was cancelled")
    except ccxt.OrderNotFound:
        pass
    try:
        await client.create_order(SYMBOL, "limit", "buy", 80, float(low))
        raise AssertionError("an order that cannot be paid was taken")
    except ccxt.InsufficientFunds:
        pass


async def believe(client):
    fills = await client.fetch_my_trades(SYMBOL)
    opened = await client.fetch_open_orders(SYMBOL)
    balance = await client.fetch_balance()
    sim.agree(
        fills=[
            {"symbol": "BTCUSDT", "trade_id": int(one["id"]), "side": one["side"],
             "price": one["info"]["price"], "qty": one["info"]["qty"],
             "fee": one["info"]["commission"], "fee_asset": one["fee"]["currency"]}
            for one in fills
        ],
        open_orders=[
            {"symbol": "BTCUSDT", "order_id": int(one["id"]), "side": one["side"],
             "price": one["info"]["price"], "qty": one["info"]["origQty"]}
            for one in opened
        ],
        balances=[
            {"asset": one["asset"], "free": one["free"], "locked": one["locked"]}
            for one in balance["info"]["balances"]
        ],
    )


async def main():
    begun = time.monotonic()
    client = exchange()
    try:
        await trade(client, await market(client))
        await believe(client)
    finally:
        await client.close()
    print(f"ccxt agrees with the truth after {time.monotonic() - begun:.1f} s")


asyncio.run(main())
