"""hftbacktest and `quanttrade bench replay` on the same events, one core each, in one go.

usage: run.py [--quanttrade PROGRAM] [--repeats N]

README.md says what is needed and what is compared.
"""

import argparse
import json
import os
import subprocess
import sys
import time

import numpy as np
from hftbacktest import (
    BUY_EVENT,
    DEPTH_EVENT,
    EXCH_EVENT,
    GTX,
    LIMIT,
    LOCAL_EVENT,
    SELL_EVENT,
    TRADE_EVENT,
    BacktestAsset,
    HashMapMarketDepthBacktest,
    ROIVectorMarketDepthBacktest,
    event_dtype,
)
from numba import njit, uint64

# These are those of cli/src/bench/replay.rs, which makes the same stream bit by bit.
EVENTS = 4_000_000
SEED = 3
TICK = 0.1
STEP_NS = 1_000_000
FEED_NS = 500_000
ORDER_NS = 1_000_000
QUOTE_NS = 99_000_000
SETTLE_NS = 1_000_000
MAX_POSITION = 100.0


@njit
def words(seed, count):
    """SplitMix64."""
    out = np.empty(count, np.uint64)
    state = uint64(seed)
    for at in range(count):
        state += uint64(0x9E3779B97F4A7C15)
        word = state
        word = (word ^ (word >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
        word = (word ^ (word >> uint64(27))) * uint64(0x94D049BB133111EB)
        out[at] = word ^ (word >> uint64(31))
    return out


def stream():
    word = words(SEED, EVENTS)
    step = (word % np.uint64(10)).astype(np.int64)
    mid = 300_000 + np.cumsum(np.where(step == 0, 1, np.where(step == 9, -1, 0)))
    is_bid = (word >> np.uint64(8)) & np.uint64(1) == 1
    level = ((word >> np.uint64(16)) & np.uint64(0xFFFF)).astype(np.int64) * 50 // 0x1_0000
    is_trade = (word >> np.uint64(32)) % np.uint64(10) == 0
    qty = ((word >> np.uint64(48)) % np.uint64(5)).astype(np.int64)
    trade_price = np.where(is_bid, mid + 1, mid - 1)
    level_price = np.where(is_bid, mid - 1 - level, mid + 1 + level)
    events = np.zeros(EVENTS, event_dtype)
    events["ev"] = (
        np.where(is_trade, TRADE_EVENT, DEPTH_EVENT)
        | np.where(is_bid, BUY_EVENT, SELL_EVENT)
        | EXCH_EVENT
        | LOCAL_EVENT
    )
    events["exch_ts"] = np.arange(EVENTS, dtype=np.int64) * STEP_NS
    events["local_ts"] = events["exch_ts"] + FEED_NS
    events["px"] = np.where(is_trade, trade_price, level_price) * TICK
    events["qty"] = np.where(is_trade, np.maximum(qty, 1), qty)
    return events


@njit
def quote(backtest):
    """Cancels what rests, waits, quotes both sides at the best prices; every 100 ms."""
    order = 1
    rounds = 0
    while backtest.elapse(QUOTE_NS) == 0:
        backtest.clear_inactive_orders(0)
        values = backtest.orders(0).values()
        while values.has_next():
            resting = values.get()
            if resting.cancellable:
                backtest.cancel(0, resting.order_id, False)
        if backtest.elapse(SETTLE_NS) != 0:
            break
        depth = backtest.depth(0)
        position = backtest.position(0)
        if position < MAX_POSITION:
            backtest.submit_buy_order(0, order, depth.best_bid, 1.0, GTX, LIMIT, False)
            order += 1
        if position > -MAX_POSITION:
            backtest.submit_sell_order(0, order, depth.best_ask, 1.0, GTX, LIMIT, False)
            order += 1
        rounds += 1
    return rounds


def asset(events):
    return (
        BacktestAsset()
        .data([events])
        .linear_asset(1.0)
        .constant_order_latency(ORDER_NS, ORDER_NS)
        .risk_adverse_queue_model()
        .no_partial_fill_exchange()
        .trading_value_fee_model(0.0002, 0.0007)
        .tick_size(TICK)
        .lot_size(1.0)
        .roi_lb(20_000.0)
        .roi_ub(40_000.0)
    )


def peer(kind, events, repeats):
    """Events a second of the fastest and of the median run; the first run compiles."""
    seconds, state = [], None
    for at in range(repeats + 1):
        backtest = kind([asset(events)])
        begin = time.perf_counter()
        rounds = quote(backtest)
        took = time.perf_counter() - begin
        values = backtest.state_values(0)
        state = (rounds, int(values.num_trades))
        backtest.close()
        if at > 0:
            seconds.append(took)
    seconds.sort()
    return EVENTS / seconds[0], EVENTS / seconds[len(seconds) // 2], state


def ours(program):
    done = subprocess.run([program, "bench", "replay", "--json"], check=True, capture_output=True)
    measured = json.loads(done.stdout)["results"][0]
    return measured["rate_best"], measured["rate"]


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    beside = os.path.join(here, "..", "..", "target", "release", "quanttrade")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quanttrade", default=beside, help="the program to measure")
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    if not os.path.exists(given.quanttrade):
        sys.exit(f"{given.quanttrade} is not there: cargo build --release, or --quanttrade PROGRAM")
    events = stream()
    rows = []
    for name, kind in [
        ("hftbacktest, hash-map depth", HashMapMarketDepthBacktest),
        ("hftbacktest, region-of-interest depth", ROIVectorMarketDepthBacktest),
    ]:
        best, median, (rounds, trades) = peer(kind, events, given.repeats)
        rows.append((name, best, median, f"{rounds} rounds of quotes, {trades} fills"))
    rows.append(("quanttrade bench replay", *ours(given.quanttrade), ""))
    print(f"{'million events/s, one core':<40} {'best':>8} {'median':>8}")
    for name, best, median, note in rows:
        print(f"{name:<40} {best / 1e6:8.1f} {median / 1e6:8.1f}  {note}")
    fastest = max(rows[:-1], key=lambda row: row[2])
    print(f"ratio to the faster of the two, medians: {rows[-1][2] / fastest[2]:.2f}")


if __name__ == "__main__":
    main()
