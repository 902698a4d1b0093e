"""python-kraken-sdk: only endpoints and the certificate authority are not the usual ones."""

import asyncio
import os
import time

from simulator import away, begin, minus

sim = begin()
if sim.ca:
    # It takes an authority from nowhere else: `requests`, and what `ssl` looks at.
    os.environ["REQUESTS_CA_BUNDLE"] = os.environ["SSL_CERT_FILE"] = sim.ca

from kraken.exceptions import (  # noqa: E402
    KrakenInsufficientFundsError,
    KrakenInvalidArgumentsError,
    KrakenUnknownOrderError,
)
from kraken.base_api import SpotClient  # noqa: E402
from kraken.spot import Market, SpotOrderBookClient, SpotWSClient, Trade, User  # noqa: E402

# Its books know no other way to say where the venue is.
SpotClient.URL = sim.rest
SpotWSClient.WS_URL, SpotWSClient.AUTH_WS_URL = sim.streams, f"{sim.streams}/auth"

PAIR, SYMBOL = "XXBTZUSD", "BTC/USD"


class Listener(SpotWSClient):
    def __init__(self, **settings):
        super().__init__(**settings)
        self.heard = []

    async def on_message(self, message):
        self.heard.append(message)

    async def wait(self, fits):
        for _ in range(100):
            for message in self.heard:
                if fits(message):
                    return message
            await asyncio.sleep(0.1)
        raise AssertionError(f"never heard: {self.heard[-5:]}")

    async def entry(self, exec_type):
        def fits(message):
            data = message.get("data", [{}]) if message.get("channel") == "executions" else [{}]
            return message.get("type") == "update" and data[0].get("exec_type") == exec_type
        return (await self.wait(fits))["data"][0]


class Book(SpotOrderBookClient):
    updates = 0

    async def on_book_update(self, pair, message):
        self.updates += 1


async def market():
    asked = Market()
    pairs = asked.get_asset_pairs(pair=["XBTUSD", "ETHUSD"])
    assert pairs[PAIR]["tick_size"] == "0.1" and "XETHZUSD" in pairs, pairs
    assert asked.get_system_status()["status"] == "online"
    assert asked.get_assets()["ZUSD"]["altname"] == "USD"
    assert len(asked.get_order_book(pair="XBTUSD", count=5)[PAIR]["bids"]) == 5
    assert asked.get_recent_trades(pair="XBTUSD")[PAIR]
    assert asked.get_ohlc(pair="XBTUSD")[PAIR]
    ticker = asked.get_ticker(pair="XBTUSD")[PAIR]
    return ticker["b"][0]


async def books():
    # It verifies each checksum by itself, and says so when one is wrong.
    book = Book(depth=25)
    await book.start()
    await book.add_book(pairs=[SYMBOL])
    for _ in range(100):
        if book.updates >= 40:
            break
        await asyncio.sleep(0.1)
    held = book.get(SYMBOL)
    assert book.updates >= 40 and held["valid"], (book.updates, held["valid"])
    assert list(held["bid"])[0] < list(held["ask"])[0], held
    await book.close()


async def trade(bid):
    low = away(bid, 0.8)[:-1]
    client = Listener(key=sim.key, secret=sim.secret)
    await client.start()
    await client.subscribe(params={"channel": "executions", "snap_orders": True})
    await client.subscribe(params={"channel": "balances"})
    await client.wait(lambda m: m.get("channel") == "executions" and m["type"] == "snapshot")
    await client.wait(lambda m: m.get("channel") == "balances" and m["type"] == "snapshot")
    await client.subscribe(params={"channel": "ticker", "symbol": [SYMBOL]})
    await client.wait(lambda m: m.get("channel") == "ticker")
    orders = Trade(key=sim.key, secret=sim.secret)
    user = User(key=sim.key, secret=sim.secret)
    placed = orders.create_order(ordertype="limit", side="buy", pair="XBTUSD", volume="0.01",
                                 price=low, cl_ord_id="by-rest-1")
    txid = placed["txid"][0]
    assert (await client.entry("new"))["order_id"] == txid
    assert list(user.get_open_orders()["open"]) == [txid]
    orders.amend_order(txid=txid, order_qty="0.02")
    assert (await client.entry("amended"))["order_qty"] == 0.02
    edited = orders.edit_order(txid=txid, pair="XBTUSD", volume="0.03", price=low)
    assert edited["originaltxid"] == txid and edited["txid"] != txid, edited
    assert user.get_orders_info(txid=edited["txid"])[edited["txid"]]["vol"] == "0.03000000"
    assert orders.cancel_order(txid=edited["txid"])["count"] == 1
    await client.send_message({"method": "add_order", "params": {
        "order_type": "market", "side": "buy", "order_qty": 0.01, "symbol": SYMBOL}})
    filled = await client.entry("filled")
    assert filled["cum_qty"] == 0.01, filled
    fills = [one for message in client.heard if message.get("channel") == "executions"
             for one in message["data"] if one["exec_type"] == "trade"]
    # One that stays.
    await client.send_message({"method": "add_order", "params": {
        "order_type": "limit", "side": "buy", "order_qty": 1e-3, "symbol": SYMBOL,
        "limit_price": float(low), "cl_ord_id": "over-socket-1"}})
    for _ in range(50):
        if user.get_open_orders()["open"]:
            break
        await asyncio.sleep(0.1)
    assert orders.cancel_all_orders_after_x(timeout=0)["triggerTime"] == "0"
    for call, wrong in [
        (lambda: orders.cancel_order(txid=txid), KrakenUnknownOrderError),
        (lambda: orders.create_order(ordertype="limit", side="buy", pair="XBTUSD", volume="90",
                                     price=low), KrakenInsufficientFundsError),
        (lambda: orders.create_order(ordertype="limit", side="buy", pair="XBTUSD", volume="1",
                                     price=low, timeinforce="odd"), KrakenInvalidArgumentsError),
    ]:
        try:
            call()
            raise AssertionError(f"{wrong} was to come")
        except wrong:
            pass
    await client.close()
    return user, fills


def believe(user, fills):
    opened = user.get_open_orders()["open"]
    history = user.get_trades_history()["trades"]
    # What was told is what is asked for, and says what commissions were.
    told = {one["exec_id"]: one for one in fills}
    assert told.keys() == history.keys(), (told, history)
    names = {"XXBT": "BTC", "ZUSD": "USD", "XETH": "ETH"}
    extended = user.get_balances()
    sim.agree(
        fills=[
            {"symbol": SYMBOL, "trade_id": one["trade_id"], "side": one["type"],
             "price": one["price"], "qty": one["vol"],
             "fee": f"{told[name]['fees'][0]['qty']:.8f}", "fee_asset": told[name]["fees"][0]["asset"]}
            for name, one in history.items()
        ],
        open_orders=[
            {"symbol": SYMBOL, "order_id": sim.kraken_number(txid), "side": one["descr"]["type"],
             "price": one["descr"]["price"], "qty": one["vol"]}
            for txid, one in opened.items()
        ],
        balances=[
            {"asset": names[key], "free": minus(one["balance"], one["hold_trade"]),
             "locked": one["hold_trade"]}
            for key, one in extended.items()
        ],
    )


async def main():
    begun = time.monotonic()
    bid = await market()
    await books()
    believe(*await trade(bid))
    print(f"python-kraken-sdk agrees with the truth of Kraken after {time.monotonic() - begun:.1f} s")


asyncio.run(main())
