#!/usr/bin/env python3
"""Reads QuantTrade's domain events from Redis Streams, each of them once.

    pip install redis
    REDIS_URL=redis://127.0.0.1:6379/0 python3 consume_events.py my-service

Events come at least once: the same one may come again after Redis, QuantTrade or this program was
away. So the identifiers of events that were handled are kept, here in Redis for a day, and an event
whose identifier is there is dropped. Events of one tenant and one stream come in the order in which
they happened, as long as one consumer of the group reads them.
"""

import json
import os
import socket
import sys
import time

import redis

EVENTS = [
    "TradeExecuted",
    "SignalGenerated",
    "RiskAlert",
    "OrderStateChanged",
    "BacktestCompleted",
    "KillSwitchChanged",
]
PREFIX = os.environ.get("EVENTS_PREFIX", "events:")
SEEN_SECONDS = 24 * 3600


def handle(event):
    """What your service does. It may raise: the event then comes again."""
    print(event["occurred_at"], event["tenant_id"], event["event_type"], json.dumps(event["data"]), flush=True)


def seen_key(group, event_id):
    return f"{PREFIX}seen:{group}:{event_id}"


def take(client, group, stream, entry, fields):
    event = dict(fields, data=json.loads(fields["data"]))
    key = seen_key(group, event["event_id"])
    if not client.exists(key):
        handle(event)
        # After the work: who ends in between does it again. Where that must not be, write the
        # identifier in the same transaction as the work, and ask there instead.
        client.set(key, 1, ex=SEEN_SECONDS)
    client.xack(stream, group, entry)


def read(client, group, consumer, start):
    """Reads from `start`: "0" is what this consumer was given and has not finished, ">" is new."""
    streams = {PREFIX + name: start for name in EVENTS}
    found = client.xreadgroup(group, consumer, streams, count=100, block=5000 if start == ">" else None)
    count = 0
    for stream, entries in found or []:
        for entry, fields in entries:
            # Fields are gone where the stream was cut (MAXLEN) before we came to them.
            if fields:
                take(client, group, stream, entry, fields)
            else:
                client.xack(stream, group, entry)
            count += 1
    return count


def main():
    group = sys.argv[1] if len(sys.argv) > 1 else "example"
    consumer = os.environ.get("CONSUMER", socket.gethostname())
    once = "--once" in sys.argv
    url = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
    client = redis.Redis.from_url(url, decode_responses=True, socket_timeout=30)
    is_ready = False
    while True:
        try:
            if not is_ready:
                for name in EVENTS:
                    try:
                        client.xgroup_create(PREFIX + name, group, id="0", mkstream=True)
                    except redis.ResponseError as error:
                        if "BUSYGROUP" not in str(error):
                            raise
                while read(client, group, consumer, "0"):
                    pass
                is_ready = True
            if read(client, group, consumer, ">") == 0 and once:
                return
        except (redis.ConnectionError, redis.TimeoutError) as error:
            print(f"Redis is away: {error}", file=sys.stderr)
            is_ready = False
            time.sleep(1)


if __name__ == "__main__":
    main()
