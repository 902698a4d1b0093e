"""binance-sdk-spot, the newer client of the venue, with the Ed25519 key."""

import asyncio
import time

from binance_common.configuration import (
    ConfigurationRestAPI, ConfigurationWebSocketAPI, ConfigurationWebSocketStreams)
from binance_sdk_spot.rest_api.models import (
    NewOrderSideEnum, NewOrderTimeInForceEnum, NewOrderTypeEnum)
from binance_sdk_spot.spot import Spot
from binance_sdk_spot.websocket_api.models import (
    OrderPlaceSideEnum, OrderPlaceTimeInForceEnum, OrderPlaceTypeEnum)
from simulator import away, begin

sim = begin()
SYMBOL = "BTCUSDT"
KEY = {
    "api_key": sim.account["ed25519"]["api_key"],
    "private_key": sim.account["ed25519"]["private_key"],
}


def client():
    secured = {"https_agent": sim.context} if sim.context else {}
    return Spot(
        config_rest_api=ConfigurationRestAPI(base_path=sim.rest, timeout=10_000, **KEY, **secured),
        config_ws_api=ConfigurationWebSocketAPI(stream_url=sim.ws_api, **KEY, **secured),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=sim.streams, **secured),
    )


def rest(spot):
    api = spot.rest_api
    assert api.exchange_info(symbol=SYMBOL).data().symbols[0].symbol == SYMBOL
    bid = api.ticker_book_ticker(symbol=SYMBOL).data().actual_instance.bid_price
    low = float(away(bid, 0.8))
    order = api.new_order(
        symbol=SYMBOL, side=NewOrderSideEnum["BUY"].value, type=NewOrderTypeEnum["LIMIT"].value,
        time_in_force=NewOrderTimeInForceEnum["GTC"].value, quantity=0.02, price=low).data()
    assert order.status == "NEW", order
    amended = api.order_amend_keep_priority(
        symbol=SYMBOL, new_qty=0.01, order_id=order.order_id).data()
    assert float(amended.amended_order.qty) == 0.01, amended
    assert len(api.get_open_orders(symbol=SYMBOL).data()) == 1
    cancelled = api.delete_order(symbol=SYMBOL, order_id=order.order_id).data()
    assert cancelled.status == "CANCELED", cancelled
    bought = api.new_order(
        symbol=SYMBOL, side=NewOrderSideEnum["BUY"].value, type=NewOrderTypeEnum["MARKET"].value,
        quantity=0.01).data()
    assert bought.status == "FILLED", bought
    lists(api, bid)
    return low


def lists(api, bid):
    three = api.order_list_otoco(
        symbol=SYMBOL, working_type="LIMIT", working_side="BUY",
        working_price=float(away(bid, 0.8)), working_quantity=0.01, working_time_in_force="GTC",
        pending_side="SELL", pending_quantity=0.01, pending_above_type="LIMIT_MAKER",
        pending_above_price=float(away(bid, 1.2)), pending_below_type="STOP_LOSS",
        pending_below_stop_price=float(away(bid, 0.7))).data()
    assert [one.status for one in three.order_reports] == ["NEW"] + 2 * ["PENDING_NEW"], three
    assert api.get_order_list(order_list_id=three.order_list_id).data().contingency_type == "OTO"
    done = api.delete_order_list(symbol=SYMBOL, order_list_id=three.order_list_id).data()
    assert done.list_order_status == "ALL_DONE" and len(done.order_reports) == 3, done
    rolling = api.ticker(symbol=SYMBOL, window_size="1h").data().actual_instance
    assert float(rolling.low_price) <= float(rolling.high_price), rolling


async def streams(spot):
    connection = await spot.websocket_streams.create_connection()
    got = asyncio.Event()
    stream = await connection.trade(symbol=SYMBOL.lower())
    stream.on("message", lambda data: got.set())
    await asyncio.wait_for(got.wait(), 10)
    await stream.unsubscribe()
    await connection.close_connection(close_session=True)


async def socket(spot, low):
    connection = await spot.websocket_api.create_connection()
    await connection.session_logon()
    events = asyncio.Queue()
    subscribed = await connection.user_data_stream_subscribe()
    subscribed.stream.on("message", events.put_nowait)
    placed = await connection.order_place(
        symbol=SYMBOL, side=OrderPlaceSideEnum["BUY"].value,
        type=OrderPlaceTypeEnum["LIMIT"].value,
        time_in_force=OrderPlaceTimeInForceEnum["GTC"].value, quantity=0.01, price=low)
    order_id = placed.data().result.order_id
    await asyncio.wait_for(events.get(), 10)
    cancelled = await connection.order_cancel(symbol=SYMBOL, order_id=order_id)
    assert cancelled.data().result.status == "CANCELED", cancelled.data()
    await connection.close_connection(close_session=True)


def believe(spot):
    api = spot.rest_api
    fills = api.my_trades(symbol=SYMBOL).data()
    balances = api.get_account().data().balances
    sim.agree(
        fills=[
            {"symbol": SYMBOL, "trade_id": one.id, "price": one.price, "qty": one.qty,
             "side": "buy" if one.is_buyer else "sell", "fee": one.commission,
             "fee_asset": one.commission_asset}
            for one in fills
        ],
        open_orders=[],
        balances=[
            {"asset": one.asset, "free": one.free, "locked": one.locked} for one in balances
        ],
    )


async def main():
    begun = time.monotonic()
    spot = client()
    low = rest(spot)
    await streams(spot)
    await socket(spot, low)
    believe(spot)
    print(f"binance-sdk-spot agrees with the truth after {time.monotonic() - begun:.1f} s")


asyncio.run(main())
