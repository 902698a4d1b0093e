"""ccxt and its WebSockets at Kraken: only endpoints and the certificate authority are not the
usual ones."""

import asyncio
import time

import ccxt.pro
from simulator import away, begin, minus

sim = begin()
SYMBOL = "BTC/USD"


def exchange():
    client = ccxt.pro.kraken({"apiKey": sim.key, "secret": sim.secret})
    api = client.urls["api"]
    api["public"] = api["private"] = sim.rest
    api["ws"]["publicV2"] = f"{sim.streams}/v2"
    api["ws"]["privateV2"] = f"{sim.streams}/auth/v2"
    if sim.context:
        client.ssl_context = sim.context
        client.cafile = sim.ca
    return client


async def market(client):
    markets = await client.load_markets()
    assert markets[SYMBOL]["precision"]["price"] == 0.1, markets[SYMBOL]["precision"]
    assert markets[SYMBOL]["taker"] == 0.004, markets[SYMBOL]
    trades = await client.watch_trades(SYMBOL)
    assert trades[-1]["price"] > 0
    for _ in range(5):
        book = await client.watch_order_book(SYMBOL)
    assert book["bids"][0][0] < book["asks"][0][0] and len(book["bids"]) <= 10, book
    ticker = await client.watch_ticker(SYMBOL)
    assert ticker["bid"] < ticker["ask"], ticker
    candles = await client.watch_ohlcv(SYMBOL, "1m")
    assert candles[-1][1] > 0
    asked = await client.fetch_order_book(SYMBOL, 100)
    assert asked["bids"][0][0] < asked["asks"][0][0]
    assert (await client.fetch_ohlcv(SYMBOL, "1m"))[-1][1] > 0
    known = {trade["id"]: trade["price"] for trade in await client.fetch_trades(SYMBOL)}
    same = [trade for trade in trades if trade["id"] in known]
    assert same and all(known[trade["id"]] == trade["price"] for trade in same)
    return (await client.fetch_ticker(SYMBOL))["bid"]


async def trade(client, bid):
    low = float(away(bid, 0.8)[:-1])
    watching = asyncio.ensure_future(client.watch_orders(SYMBOL))
    # The subscription stands when it is acknowledged, which ccxt does not tell.
    await asyncio.sleep(0.5)
    order = await client.create_order(SYMBOL, "limit", "buy", 0.01, low)
    seen = await asyncio.wait_for(watching, 10)
    assert seen[-1]["id"] == order["id"], seen
    await client.edit_order(order["id"], SYMBOL, "limit", "buy", 0.02, low)
    found = await client.fetch_order(order["id"], SYMBOL)
    assert found["status"] == "open" and found["amount"] == 0.02, found
    opened = await client.fetch_open_orders(SYMBOL)
    assert [one["id"] for one in opened] == [found["id"]], opened
    await client.cancel_order(found["id"], SYMBOL)
    closed = await client.fetch_closed_orders(SYMBOL)
    assert found["id"] in [one["id"] for one in closed], closed
    over_socket = await client.create_order_ws(SYMBOL, "limit", "buy", 0.01, low)
    changed = await client.edit_order_ws(over_socket["id"], SYMBOL, "limit", "buy", 0.015, low)
    assert changed["id"] == over_socket["id"], changed
    await client.cancel_order_ws(over_socket["id"])
    fills = asyncio.ensure_future(client.watch_my_trades(SYMBOL))
    bought = await client.create_order(SYMBOL, "market", "buy", 0.01)
    assert (await client.fetch_order(bought["id"], SYMBOL))["filled"] == 0.01
    await client.create_order(SYMBOL, "limit", "buy", 0.01, low)
    fills.cancel()
    for call, wrong in [
        (client.cancel_order("OAAAAA-BBBBB-CCCCCC", SYMBOL), ccxt.InvalidOrder),
        (client.create_order(SYMBOL, "limit", "buy", 80, low), ccxt.InsufficientFunds),
        (client.create_order(SYMBOL, "limit", "buy", 0.00001, low), ccxt.InvalidOrder),
    ]:
        try:
            await call
            raise AssertionError(f"{wrong} was to come")
        except wrong:
            pass


async def believe(client):
    mine = await client.fetch_my_trades(SYMBOL)
    opened = await client.fetch_open_orders(SYMBOL)
    balance = await client.fetch_balance()
    names = {"XXBT": "BTC", "ZUSD": "USD", "XETH": "ETH"}
    sim.agree(
        fills=[
            {"symbol": SYMBOL, "trade_id": int(one["info"]["trade_id"]), "side": one["side"],
             "price": one["info"]["price"], "qty": one["info"]["vol"]}
            for one in mine
        ],
        open_orders=[
            {"symbol": SYMBOL, "order_id": sim.kraken_number(one["id"]), "side": one["side"],
             "price": one["info"]["descr"]["price"], "qty": one["info"]["vol"]}
            for one in opened
        ],
        balances=[
            {"asset": names[key], "free": minus(one["balance"], one["hold_trade"]),
             "locked": one["hold_trade"]}
            for key, one in balance["info"]["result"].items()
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
    print(f"ccxt agrees with the truth of Kraken after {time.monotonic() - begun:.1f} s")


asyncio.run(main())
