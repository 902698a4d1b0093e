"""ccxt's USD-M futures and their WebSockets: only endpoints and the authority are not the usual
ones."""

import asyncio
import time

import ccxt.pro
from simulator import away, begin

sim = begin()
SYMBOL = "BTC/USDT:USDT"


def exchange():
    client = ccxt.pro.binanceusdm({
        "apiKey": sim.key,
        "secret": sim.secret,
        # What wallets hold is asked of another service of the venue.
        "options": {"fetchMarkets": {"types": ["linear"]}, "fetchCurrencies": False},
    })
    api = client.urls["api"]
    for name, path in [("", "v1"), ("V2", "v2"), ("V3", "v3")]:
        api[f"fapiPublic{name}"] = api[f"fapiPrivate{name}"] = f"{sim.rest}/fapi/{path}"
    api["ws"]["linear"] = f"{sim.streams}/ws"
    api["ws"]["ws-api"]["linear"] = sim.ws_api
    if sim.context:
        client.ssl_context = sim.context
        client.cafile = sim.ca
    return client


async def market(client):
    markets = await client.load_markets()
    one = markets[SYMBOL]
    assert one["swap"] and one["precision"] == {**one["precision"], "price": 0.1, "amount": 0.001}
    trades = await client.watch_trades(SYMBOL)
    assert trades[-1]["price"] > 0
    for _ in range(5):
        book = await client.watch_order_book(SYMBOL)
    assert book["bids"][0][0] < book["asks"][0][0]
    mark = await client.watch_mark_price(SYMBOL)
    assert mark["markPrice"] > 0, mark
    ticker = await client.fetch_ticker(SYMBOL)
    candles = await client.fetch_ohlcv(SYMBOL, "1m")
    assert candles[-1][1] > 0 and ticker["last"] > 0
    return book["bids"][0][0]


async def trade(client, bid):
    watching = asyncio.ensure_future(client.watch_orders(SYMBOL))
    await asyncio.sleep(1)
    low = float(f"{float(away(bid, 0.97)):.1f}")
    order = await client.create_order(SYMBOL, "limit", "buy", 0.01, low)
    assert order["status"] == "open", order
    seen = await asyncio.wait_for(watching, 10)
    assert seen[-1]["id"] == order["id"], seen
    edited = await client.edit_order(order["id"], SYMBOL, "limit", "buy", 0.02, low)
    assert edited["id"] == order["id"] and edited["amount"] == 0.02, edited
    opened = await client.fetch_open_orders(SYMBOL)
    assert [one["id"] for one in opened] == [order["id"]]
    cancelled = await client.cancel_order(order["id"], SYMBOL)
    assert cancelled["status"] == "canceled", cancelled
    await client.set_leverage(50, SYMBOL)
    bought = await client.create_order(SYMBOL, "market", "buy", 0.02)
    found = await client.fetch_order(bought["id"], SYMBOL)
    assert found["status"] == "closed" and found["filled"] == 0.02, found
    held = await client.fetch_positions([SYMBOL])
    assert [one["contracts"] for one in held] == [0.02] and held[0]["side"] == "long", held
    out = {"reduceOnly": True}
    await client.create_order(SYMBOL, "market", "sell", 0.005, None, out)
    over_socket = await client.create_order_ws(SYMBOL, "limit", "buy", 0.01, low)
    await client.cancel_order_ws(over_socket["id"], SYMBOL)
    await client.create_order(SYMBOL, "limit", "buy", 0.01, low)
    await errors(client, low)


async def errors(client, low):
    try:
        await client.cancel_order("987654321", SYMBOL)
        raise AssertionError("an order that is not there was cancelled")
    except ccxt.OrderNotFound:
        pass
    try:
        await client.create_order(SYMBOL, "limit", "buy", 2000, low)
        raise AssertionError("an order without a margin was taken")
    except ccxt.ExchangeError as error:
        # ccxt has no class of its own for this one.
        assert "-2019" in str(error), error


async def believe(client):
    fills = await client.fetch_my_trades(SYMBOL)
    opened = await client.fetch_open_orders(SYMBOL)
    held = await client.fetch_positions([SYMBOL])
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
        positions={"BTCUSDT": held[0]["info"]["positionAmt"]},
        balances=[
            {"asset": one["asset"], "free": one["walletBalance"]}
            for one in balance["info"]["assets"]
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
    print(f"ccxt agrees with the truth of futures after {time.monotonic() - begun:.1f} s")


asyncio.run(main())
