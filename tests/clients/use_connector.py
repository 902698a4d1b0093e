"""binance-connector, the older client of the venue."""

import json
import os
import queue
import time

from binance.error import ClientError
from binance.spot import Spot
from binance.websocket.spot.websocket_api import SpotWebsocketAPIClient
from binance.websocket.spot.websocket_stream import SpotWebsocketStreamClient
from simulator import away, begin

sim = begin()
SYMBOL = "BTCUSDT"
if sim.ca:
    # It has no setting for an authority but those of the libraries below it.
    os.environ["REQUESTS_CA_BUNDLE"] = sim.ca
    os.environ["WEBSOCKET_CLIENT_CA_BUNDLE"] = sim.ca


def market(client):
    found = queue.Queue()
    streams = SpotWebsocketStreamClient(
        stream_url=sim.streams, on_message=lambda _, text: found.put(json.loads(text)))
    streams.trade(symbol=SYMBOL)
    streams.diff_book_depth(symbol=SYMBOL, speed=100)
    kinds = set()
    until = time.monotonic() + 10
    while {"trade", "depthUpdate"} - kinds and time.monotonic() < until:
        kinds.add(found.get(timeout=10).get("e"))
    streams.stop()
    assert {"trade", "depthUpdate"} <= kinds, kinds
    assert client.exchange_info(symbol=SYMBOL)["symbols"][0]["symbol"] == SYMBOL
    assert client.depth(SYMBOL, limit=5)["bids"]
    assert client.klines(SYMBOL, "1m")
    assert client.avg_price(SYMBOL)["mins"] == 5
    return client.book_ticker(SYMBOL)["bidPrice"]


def trade(client, bid):
    low = away(bid, 0.8)
    order = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
             "quantity": "0.01", "price": low}
    client.new_order_test(**order)
    first = client.new_order(**order, newClientOrderId="first")
    assert client.get_order(SYMBOL, origClientOrderId="first")["orderId"] == first["orderId"]
    second = client.cancel_and_replace(
        SYMBOL, "BUY", "LIMIT", "STOP_ON_FAILURE", timeInForce="GTC", quantity="0.02", price=low,
        cancelOrderId=first["orderId"])
    assert second["newOrderResult"] == "SUCCESS", second
    assert len(client.get_open_orders(SYMBOL)) == 1
    client.cancel_open_orders(SYMBOL)
    bought = client.new_order(symbol=SYMBOL, side="BUY", type="MARKET", quantity="0.01")
    assert bought["status"] == "FILLED" and bought["fills"], bought
    try:
        client.cancel_order(SYMBOL, orderId=987654321)
        raise AssertionError("an order that is not there was cancelled")
    except ClientError as error:
        assert (error.status_code, error.error_code) == (400, -2011), error
    lists(client, bid)
    over_socket(order)


def lists(client, bid):
    pair = client.new_oco_order(
        SYMBOL, "SELL", "0.01", "LIMIT_MAKER", "STOP_LOSS", abovePrice=away(bid, 1.2),
        belowStopPrice=away(bid, 0.8), listClientOrderId="pair")
    assert client.get_oco_order(origClientOrderId="pair")["listOrderStatus"] == "EXECUTING"
    assert client.get_oco_open_orders()[0]["orderListId"] == pair["orderListId"]
    cancelled = client.cancel_oco_order(SYMBOL, orderListId=pair["orderListId"])
    assert cancelled["listStatusType"] == "ALL_DONE" and len(cancelled["orderReports"]) == 2
    # What is bought is sold at once.
    both = client.new_oto_order(
        SYMBOL, "LIMIT", "BUY", away(bid, 1.05), "0.01", "MARKET", "SELL", "0.01",
        workingTimeInForce="GTC")
    assert [one["status"] for one in both["orderReports"]] == ["FILLED", "PENDING_NEW"], both
    sold = client.get_order(SYMBOL, orderId=both["orders"][1]["orderId"])
    assert sold["status"] == "FILLED", sold
    three = client.new_otoco_order(
        SYMBOL, "LIMIT", "BUY", away(bid, 0.8), "0.01", "SELL", "0.01", "LIMIT_MAKER",
        workingTimeInForce="GTC", pendingAbovePrice=away(bid, 1.2), pendingBelowType="STOP_LOSS",
        pendingBelowStopPrice=away(bid, 0.7))
    assert len(three["orders"]) == 3, three
    assert len(client.get_oco_orders()) == 3
    assert client.rolling_window_ticker(SYMBOL, windowSize="4h")["count"] > 0
    assert client.trading_day_ticker(SYMBOL)["closeTime"] > 0


def over_socket(order):
    found = queue.Queue()
    api = SpotWebsocketAPIClient(
        stream_url=sim.ws_api, api_key=sim.key, api_secret=sim.secret,
        on_message=lambda _, text: found.put(json.loads(text)))
    api.new_order(id="one", newOrderRespType="RESULT", **order)
    placed = found.get(timeout=10)
    assert placed["status"] == 200, placed
    api.cancel_order(symbol=SYMBOL, orderId=placed["result"]["orderId"], id="two")
    cancelled = found.get(timeout=10)
    assert cancelled["result"]["status"] == "CANCELED", cancelled
    api.stop()


def believe(client):
    sim.agree(
        fills=[
            {"symbol": SYMBOL, "trade_id": one["id"], "price": one["price"], "qty": one["qty"],
             "side": "buy" if one["isBuyer"] else "sell", "fee": one["commission"],
             "fee_asset": one["commissionAsset"]}
            for one in client.my_trades(SYMBOL)
        ],
        open_orders=[
            {"symbol": SYMBOL, "order_id": one["orderId"], "price": one["price"],
             "qty": one["origQty"]}
            for one in client.get_open_orders(SYMBOL)
        ],
        balances=[
            {"asset": one["asset"], "free": one["free"], "locked": one["locked"]}
            for one in client.account()["balances"]
        ],
    )


def main():
    begun = time.monotonic()
    client = Spot(api_key=sim.key, api_secret=sim.secret, base_url=sim.rest)
    trade(client, market(client))
    believe(client)
    print(f"binance-connector agrees with the truth after {time.monotonic() - begun:.1f} s")


main()
