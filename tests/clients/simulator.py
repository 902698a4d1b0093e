"""Where the simulator is, and the comparison with what really happened there."""

import json
import ssl
import sys
import urllib.request
from decimal import Decimal


class Simulator:
    def __init__(self, told):
        text = open(told, encoding="utf-8").read()
        # The document ends before the server does.
        self.told, _ = json.JSONDecoder().raw_decode(text)
        self.rest = self.told["rest"]
        self.streams = self.told["streams"]
        self.ws_api = self.told["ws_api"]
        self.ca = self.told.get("ca")
        self.account = self.told["accounts"][0]
        self.context = ssl.create_default_context(cafile=self.ca) if self.ca else None

    @property
    def key(self):
        return self.account["hmac"]["api_key"]

    @property
    def secret(self):
        return self.account["hmac"]["secret"]

    @staticmethod
    def kraken_number(txid):
        """The simulator's own number in an id of Kraken's."""
        stirred = 0
        for letter in txid[1:].replace("-", ""):
            stirred = stirred << 5 | "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".index(letter)
        inverse = pow(0x9E3779B97F4A7C15F39D, -1, 1 << 80)
        return stirred * inverse % (1 << 80) % (1 << 64)

    def control(self, verb, what, body=None):
        request = urllib.request.Request(f"{self.rest}/sim/{what}", method=verb, data=body)
        with urllib.request.urlopen(request, context=self.context, timeout=10) as answer:
            return json.load(answer)

    def differences(self, **belief):
        belief["account"] = self.account["name"]
        return self.control("POST", "compare", json.dumps(belief).encode())["differences"]

    def agree(self, **belief):
        found = self.differences(**belief)
        assert not found, "\n".join(found)


def begin():
    return Simulator(sys.argv[1])


def minus(whole, part):
    """What is left, with ten decimals."""
    return str((Decimal(whole) - Decimal(part)).quantize(Decimal("0.0000000001")))


def away(price, factor):
    """A price far from the market, on its tick."""
    return f"{float(price) * factor:.2f}"
