#!/usr/bin/env python3
"""The whole way of a signal on one machine, each step printed: a service of its own with its own
Redis, an agent that speaks by both ways, a person who approves, the order, the portfolio, the
events, the session's journal afterwards, and from it the same day once more as a backtest.

    python3 docs/examples/day.py [PROGRAM]           target/release/quanttrade when absent

It needs Python and redis-server, leaves nothing behind, and ends with 1 where a step does not hold.
"""

import csv
import json
import os
import pathlib
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from datetime import datetime, timezone
from decimal import Decimal

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = sys.argv[1] if len(sys.argv) > 1 else str(HERE.parent.parent / "target/release/quanttrade")
TENANT = str(uuid.uuid4())


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def hold(what, is_true, detail=""):
    print(("ok    " if is_true else "FAULT ") + what, detail)
    if not is_true:
        sys.exit(1)


class Day:
    def __init__(self, folder):
        self.folder, self.port, self.redis_port = folder, free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.redis_url = f"redis://127.0.0.1:{self.redis_port}/0"
        environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
        self.environment = environment | {
            "PORT": str(self.port),
            "QUANTTRADE_DATA_DIR": str(folder / "data"),
            "JWT_SECRET_KEY": secrets.token_hex(32),
            "REDIS_URL": self.redis_url,
            "LOG_LEVEL": "warn",
        }
        self.processes = []

    def start(self):
        redis = ["redis-server", "--port", str(self.redis_port), "--bind", "127.0.0.1", "--save", ""]
        self.spawn(redis + ["--dir", str(self.folder)])
        self.spawn([PROGRAM, "serve"])
        for _ in range(300):
            try:
                with urllib.request.urlopen(self.url + "/ready", timeout=1):
                    return
            except (OSError, urllib.error.URLError):
                time.sleep(0.1)
        sys.exit("the service does not start: " + (self.folder / "log").read_text())

    def spawn(self, command):
        log = open(self.folder / "log", "a")
        self.processes.append(
            subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        )

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
            process.wait(10)
        self.processes = []

    def run(self, *words, **environment):
        done = subprocess.run(
            words, env=self.environment | environment, capture_output=True, text=True, timeout=60
        )
        if done.returncode:
            sys.exit(f"{words}: {done.stdout}{done.stderr}")
        return done.stdout

    def token(self, role, sub):
        return self.run(PROGRAM, "token", "--role", role, "--tenant", TENANT, "--sub", sub).strip()

    def ask(self, token, method, path, body=None):
        headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def until(self, token, path, is_it):
        """The first item of a list for which `is_it` holds, waited for up to ten seconds."""
        for _ in range(100):
            _, page = self.ask(token, "GET", path)
            found = [item for item in page.get("items", []) if is_it(item)]
            if found:
                return found[0]
            time.sleep(0.1)
        return None


def run(day):
    day.start()
    admin, ann = day.token("tenant_admin", "boss"), day.token("user", "ann")
    agent = day.token("agent", "agent-7")
    # A source that may trade, and about whose signals a person is asked: the first one at least.
    source = {
        "name": "example",
        "subject": "agent-7",
        "symbols": ["BTC-USD"],
        "follow": {"threshold": 0.5, "short": True},
        "budget": {"notional": "50000", "loss": "5000", "rate_per_minute": 60},
    }
    status, made = day.ask(admin, "POST", "/signal-sources", source)
    hold("a source is registered, in shadow", status == 201 and made["mode"] == "shadow", made["id"])
    live = {"mode": "live", "reason": "a trial"}
    status, _ = day.ask(admin, "PUT", f"/signal-sources/{made['id']}/mode", live)
    hold("it is live", status == 200)

    def speaks(way):
        keys = {"KEY_ID": made["key_id"], "KEY": made["key"], "REDIS_URL": day.redis_url}
        script = str(HERE / "agent.py")
        told = day.run(sys.executable, script, way, TOKEN=agent, QUANTTRADE_URL=day.url, **keys)
        return told

    def has_view(way):
        """It is asked until the market has moved and it says more than "hold"."""
        while ": hold," in (told := speaks(way)):
            time.sleep(1)
        print("".join("      | " + line + "\n" for line in told.splitlines()), end="")
        return told

    told = has_view("request")
    hold("the agent speaks by request, and its signal waits for a person", "waiting" in told)
    _, page = day.ask(ann, "GET", "/hitl/pending")
    hold("it is shown to people", len(page["items"]) == 1, str(page["items"][0]["triggers"]))
    decision = {"request_id": page["items"][0]["id"], "decision": "approve", "notes": "for once"}
    status, answer = day.ask(agent, "POST", "/hitl/decision", decision)
    hold("the agent itself may not decide", status == 403, answer["code"])
    status, answer = day.ask(ann, "POST", "/hitl/decision", decision)
    hold("ann approves", status == 200, answer.get("status", ""))
    status, answer = day.ask(ann, "POST", "/hitl/decision", decision)
    hold("it is decided once", status == 409, answer["code"])
    of_source = lambda it: it.get("strategy_id") == made["id"]
    order = day.until(ann, "/orders", of_source)
    hold("an order of the source is there", order is not None)
    trade = day.until(ann, "/trades", of_source)
    hold("it is executed", trade is not None, f"{trade['side']} {trade['quantity']} at {trade['price']}")
    held = day.until(ann, "/portfolio/positions", lambda it: it["symbol"] == "BTC-USD")
    hold("the portfolio has the position", held is not None, held["quantity"])
    # From here on nobody is asked.
    _, policy = day.ask(admin, "GET", "/hitl/policy")
    policy = {
        "base_version": policy["version"],
        "ask_below_confidence": 0,
        "ask_above_notional": None,
        "ask_first_of_source": False,
        "ask_controls": [],
    }
    status, _ = day.ask(admin, "PUT", "/hitl/policy", policy)
    hold("the policy asks nobody any more", status == 200)
    told = has_view("stream")
    hold("the agent speaks by the signed stream, and its signal goes on", "it is taken" in told)
    names = ["SignalGenerated", "OrderStateChanged", "TradeExecuted"]
    redis = ["redis-cli", "-p", str(day.redis_port), "XLEN"]
    for name in names:
        for _ in range(50):
            count = int(day.run(*redis, f"events:{name}"))
            if count:
                break
            time.sleep(0.1)
        hold(f"events:{name}", count > 0, str(count))
    # The market goes on for a moment: a backtest ends with its last record.
    time.sleep(2)
    _, page = day.ask(ann, "GET", "/orders?limit=200")
    orders = sorted(
        (nanos(it["created_at"]), it["symbol"], it["side"], it["type"], Decimal(it["quantity"]))
        for it in page["items"]
        if of_source(it)
    )
    _, page = day.ask(ann, "GET", "/trades?limit=200")
    trades = sorted(
        (nanos(it["executed_at"]), it["symbol"], it["side"], Decimal(it["quantity"]), Decimal(it["price"]))
        for it in page["items"]
        if of_source(it)
    )
    traded = {trade[2] for trade in trades}
    day.stop()

    journal = next((day.folder / "data/sessions").glob("*/*/journal.qtj"))
    day.run(PROGRAM, "journal", "verify", str(journal))
    signals = day.run(PROGRAM, "journal", "signals", str(journal)).splitlines()
    hold("the journal has the signals that went on", len(signals) >= 1, str(len(signals)))
    actions = [json.loads(line)["signal"]["action"] for line in signals]
    counts = ", ".join(f"{actions.count(it)} {it}" for it in sorted(set(actions)))
    hold("each trade of the source follows from one", traded <= set(actions), counts)
    same_day(day, journal, orders, trades)


def nanos(text):
    """A time in UTC as nanoseconds since 1970, exactly."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    moment = datetime.fromisoformat(whole).replace(tzinfo=timezone.utc)
    return int(moment.timestamp()) * 10**9 + int(fraction.ljust(9, "0"))


def same_day(day, journal, orders, trades):
    """The day once more as a backtest of what the journal has: the same orders and trades."""
    told = day.run(PROGRAM, "journal", "export", str(journal), "--out", str(day.folder / "day"))
    print("".join("      | " + line + "\n" for line in told.splitlines()), end="")
    out = day.folder / "again"
    day.run(PROGRAM, "backtest", str(day.folder / "day/run.toml"), "--out", str(out))

    def table(name):
        return list(csv.DictReader(open(out / name, newline="")))

    again = sorted(
        (nanos(it["decided"]), it["symbol"], it["side"], it["order"], Decimal(it["qty"]))
        for it in table("orders.csv")
    )
    for name, all_of in (("session", orders), ("backtest", again)):
        for order in all_of:
            print(f"      | {name:8}", *order)
    # A stop that protects an entry: the session tells when it was decided, the backtest when it was
    # sent, which is after the entry was filled.
    def compared(all_of):
        return sorted((0 if it[3] == "stop" else it[0], *it[1:]) for it in all_of)

    is_same = compared(orders) == compared(again)
    hold("the backtest sends the orders of the session at their times", is_same, str(len(again)))
    again = sorted(
        (nanos(it["time"]), it["symbol"], it["side"], Decimal(it["qty"]), Decimal(it["price"]))
        for it in table("fills.csv")
    )
    for name, all_of in (("session", trades), ("backtest", again)):
        for trade in all_of:
            print(f"      | {name:8}", *trade)
    hold("and has its trades", trades == again, str(len(again)))


def main():
    for needed in ("redis-server", "redis-cli"):
        if not shutil.which(needed):
            sys.exit(f"{needed} is missing")
    with tempfile.TemporaryDirectory() as folder:
        day = Day(pathlib.Path(folder))
        try:
            run(day)
        finally:
            day.stop()


if __name__ == "__main__":
    main()
