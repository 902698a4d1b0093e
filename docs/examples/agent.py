#!/usr/bin/env python3
"""An agent: reads the market from QuantTrade, says what it thinks, and prints what came of it.

    TOKEN=... python3 agent.py                      by a request
    TOKEN=... KEY_ID=... KEY=... REDIS_URL=redis://127.0.0.1:6379/0 python3 agent.py stream

TOKEN is a token with the role agent whose `sub` is the subject of a registered source; KEY_ID and
KEY are shown when the source is registered (POST /signal-sources). It needs nothing but Python.
What it thinks is not meant to earn money: the last price is held against the mean of the last
candles.
"""

import hashlib
import hmac
import json
import os
import socket
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from datetime import datetime, timedelta, timezone
from decimal import Decimal

URL = os.environ.get("QUANTTRADE_URL", "http://127.0.0.1:8009")
SYMBOL = os.environ.get("SYMBOL", "BTC-USD")
HORIZON_SECONDS = 600


def ask(method, path, body=None):
    """The status and the JSON of an answer."""
    headers = {"Authorization": "Bearer " + os.environ["TOKEN"], "Content-Type": "application/json"}
    data = None if body is None else body.encode()
    request = urllib.request.Request(URL + path, data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def think(symbol):
    """Which way, and how sure: the last price against the mean of the last 20 minutes."""
    status, quote = ask("GET", f"/market-data/{symbol}")
    if status != 200:
        sys.exit(f"no market data of {symbol}: {quote['detail']}")
    _, candles = ask("GET", f"/market-data/{symbol}/candles?interval=1m&limit=20")
    closes = [Decimal(candle["close"]) for candle in candles["items"]]
    price = Decimal(quote["last"] or quote["bid"])
    if not closes:
        return "hold", Decimal("0.5"), price, "there is no candle yet"
    mean = sum(closes) / len(closes)
    distance = (price - mean) / mean
    action = "buy" if distance > 0 else "sell" if distance < 0 else "hold"
    confidence = min(Decimal("0.5") + abs(distance) * 50, Decimal("0.95")).quantize(Decimal("0.001"))
    return action, confidence, price, f"{price} against a mean of {mean:.2f}"


def signal(symbol):
    """The object of the contract, as the text that is sent."""
    action, confidence, price, why = think(symbol)
    now = datetime.now(timezone.utc)
    said = {
        "schema_version": 1,
        "signal_id": str(uuid.uuid4()),
        "symbol": symbol,
        "action": action,
        "confidence": float(confidence),
        "horizon_seconds": HORIZON_SECONDS,
        "issued_at": now.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "expires_at": (now + timedelta(seconds=60)).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "agent_name": "example",
        "reasoning": [why],
    }
    if action in ("buy", "sell"):
        away = Decimal("0.98") if action == "buy" else Decimal("1.02")
        said["stop_loss"] = str((price * away).quantize(Decimal("0.01")))
    print(f"{symbol}: {action}, confidence {confidence}: {why}")
    return said["signal_id"], json.dumps(said)


def send_request(payload):
    status, answer = ask("POST", "/signals", payload)
    print(f"POST /signals: {status}", answer.get("code") or answer.get("status") or "")
    if status >= 400:
        print(" ", answer["detail"])


def redis(commands):
    """The last answer of Redis to `commands`; what a client library does, in a few lines."""
    url = urllib.parse.urlsplit(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"))
    if url.password:
        commands = [["AUTH", url.username or "default", url.password]] + commands
    with socket.create_connection((url.hostname, url.port or 6379), timeout=10) as connection:
        answers = connection.makefile("rb")
        for words in commands:
            parts = [word.encode() for word in words]
            framed = b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
            connection.sendall(b"*%d\r\n%s" % (len(parts), framed))
            answer = answers.readline().strip()
            if answer.startswith(b"-"):
                sys.exit("Redis: " + answer[1:].decode())
            if answer.startswith(b"$"):
                answer = answers.readline().strip()
        return answer.decode()


def send_stream(payload):
    sig = hmac.new(os.environ["KEY"].encode(), payload.encode(), hashlib.sha256).hexdigest()
    entry = ["payload", payload, "key_id", os.environ["KEY_ID"], "sig", sig]
    database = urllib.parse.urlsplit(os.environ.get("REDIS_URL", "")).path.strip("/") or "0"
    print("XADD ai.signals:", redis([["SELECT", database], ["XADD", "ai.signals", "*"] + entry]))


def outcome(signal_id):
    """What came of it: signals are kept with how they stand."""
    for _ in range(50):
        status, page = ask("GET", f"/signals?symbol={SYMBOL}&limit=50")
        found = [it for it in page.get("items", []) if it["signal_id"] == signal_id]
        # One that was only received is still on its way into the session.
        if found and found[0]["status"] != "received":
            it = found[0]
            code = f" ({it['code']})" if it.get("code") else ""
            print(f"it is {it['status']}{code}, arrived at {it['arrived_at']}")
            return
        time.sleep(0.1)
    print("nothing came of it: look into the dead letters (XRANGE ai.signals.dead - +)")


def main():
    way = sys.argv[1] if len(sys.argv) > 1 else "request"
    signal_id, payload = signal(SYMBOL)
    send_stream(payload) if way == "stream" else send_request(payload)
    outcome(signal_id)


if __name__ == "__main__":
    main()
