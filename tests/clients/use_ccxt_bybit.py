"""ccxt's Bybit and its WebSockets: only endpoints and the authority are not the usual ones."""

import asyncio
import time

import ccxt.pro
from simulator import begin

sim = begin()
LINEAR = sim.told["venue"] == "bybit-linear"
CATEGORY = "linear" if LINEAR else "spot"
SYMBOL = "BTC/USDT:USDT" if LINEAR else "BTC/USDT"


def exchange():
    client = ccxt.pro.bybit({
        "apiKey": sim.key,
        "secret": sim.secret,
        # What wallets hold is asked of another service of the venue.
        "options": {"fetchMarkets": {"types": [CATEGORY]}, "fetchCurrencies": False,
                    "defaultType": "swap" if LINEAR else "spot"},
    })
    client.has["fetchCurrencies"] = False
    api = client.urls["api"]
    api["public"] = api["private"] = sim.rest
    for kind in ["spot", "linear"]:
        api["ws"]["public"][kind] = f"{sim.streams}/v5/public/{kind}"
    private = api["ws"]["private"]
    private["contract"] = private["spot"]["unified"] = f"{sim.streams}/v5/private"
    private["trade"] = sim.ws_api
    if sim.context:
        client.ssl_context = sim.context
        client.cafile = sim.ca
    return client


async def market(client):
    markets = await client.load_markets()
    one = markets[SYMBOL]
    wanted = {"price": 0.1, "amount": 0.001} if LINEAR else {"price": 0.01, "amount": 0.000001}
    assert one["precision"] == {**one["precision"], **wanted} and one["swap"] == LINEAR, one
    trades = await client.watch_trades(SYMBOL)
    assert trades[-1]["price"] > 0
    for _ in range(5):
        book = await client.watch_order_book(SYMBOL, 50)
    assert book["bids"][0][0] < book["asks"][0][0]
    ticker = await client.watch_ticker(SYMBOL)
    assert ticker["last"] > 0, ticker
    asked = await client.fetch_ticker(SYMBOL)
    assert asked["bid"] < asked["ask"], asked
    candles = await client.fetch_ohlcv(SYMBOL, "1m")
    assert candles[-1][1] > 0
    known = {trade["id"]: trade["price"] for trade in await client.fetch_trades(SYMBOL)}
    same = [trade for trade in trades if trade["id"] in known]
    assert all(known[trade["id"]] == trade["price"] for trade in same)
    return book["bids"][0][0]


async def trade(client, bid):
    watching = asyncio.ensure_future(client.watch_orders(SYMBOL))
    await asyncio.sleep(1)
    low = float(f"{bid * 0.95:.1f}")
    order = await client.create_order(SYMBOL, "limit", "buy", 0.01, low)
    seen = await asyncio.wait_for(watching, 10)
    assert seen[-1]["id"] == order["id"] and seen[-1]["status"] == "open", seen
    await client.edit_order(order["id"], SYMBOL, "limit", "buy", 0.02, low)
    opened = await client.fetch_open_orders(SYMBOL)
    assert [(one["id"], one["amount"]) for one in opened] == [(order["id"], 0.02)], opened
    await client.cancel_order(order["id"], SYMBOL)
    ended = await client.fetch_canceled_orders(SYMBOL)
    assert [(one["id"], one["status"]) for one in ended] == [(order["id"], "canceled")], ended
    if LINEAR:
        await client.set_leverage(50, SYMBOL)
    # To buy at the market in spot says how much is paid.
    bought = await client.create_order(SYMBOL, "market", "buy", 0.02, bid)
    found = await client.fetch_closed_order(bought["id"], SYMBOL)
    assert found["status"] == "closed" and found["filled"] > 0.015, found
    if LINEAR:
        held = await client.fetch_positions([SYMBOL])
        assert [(one["contracts"], one["side"]) for one in held] == [(0.02, "long")], held
        await client.create_order(SYMBOL, "market", "sell", 0.005, None, {"reduceOnly": True})
    over_socket = await client.create_order_ws(SYMBOL, "limit", "buy", 0.01, low)
    await client.cancel_order_ws(over_socket["id"], SYMBOL)
    await client.create_order(SYMBOL, "limit", "buy", 0.01, low)
    await errors(client, low)


async def errors(client, low):
    try:
        await client.cancel_order("987654321", SYMBOL)
        raise AssertionError("an order that is not there was cancelled")
    except (ccxt.OrderNotFound, ccxt.InvalidOrder):
        pass
    try:
        await client.create_order(SYMBOL, "limit", "buy", 900, low)
        raise AssertionError("an order that cannot be paid was taken")
    except ccxt.InsufficientFunds:
        pass


def number(text, begin):
    """The exchange's number in an id of the venue."""
    if not LINEAR:
        return int(text) - begin
    parts = text.split("-")
    return int(parts[2][1:] + parts[3][1:] + parts[4], 16)


async def believe(client):
    fills = await client.fetch_my_trades(SYMBOL)
    opened = await client.fetch_open_orders(SYMBOL)
    belief = {
        "fills": [
            {"symbol": "BTCUSDT", "trade_id": number(one["id"], 2 * 10 ** 18),
             "side": one["side"], "price": one["info"]["execPrice"],
             "qty": one["info"]["execQty"], "fee": one["info"]["execFee"],
             "fee_asset": one["info"]["feeCurrency"]}
            for one in fills
        ],
        "open_orders": [
            {"symbol": "BTCUSDT", "order_id": number(one["id"], 10 ** 18), "side": one["side"],
             "price": one["info"]["price"], "qty": one["info"]["qty"]}
            for one in opened
        ],
    }
    if LINEAR:
        held = await client.fetch_positions([SYMBOL])
        belief["positions"] = {"BTCUSDT": held[0]["info"]["size"]}
        balance = await client.fetch_balance()
        assert balance["USDT"]["total"] > 900_000, balance["USDT"]
    sim.agree(**belief)


async def main():
    begun = time.monotonic()
    client = exchange()
    try:
        await trade(client, await market(client))
        await believe(client)
    finally:
        await client.close()
    print(f"ccxt agrees with the truth of Bybit {CATEGORY} after {time.monotonic() - begun:.1f} s")


asyncio.run(main())
