#!/usr/bin/env python3
"""The fold of contract §4 in plain Python: what orders, windows and anomalies must be, whoever computes them.

Shares no code with the project. Reads source records, writes one JSON line per result.

    fold.py                       stdin: JSON lines {"case"?, "partition", "offset", "key", "value"}; value null = tombstone
    fold.py --console             stdin: the Java console consumer with the separators of test/oracle/README.md
    fold.py --end 0:120,1:88      only offsets below these; stops as soon as all have been seen, exits with 3 if they never are
    fold.py --values-only         without evidence, for very many events
    fold.py --window-ms 300000    length of the window; the thresholds of the anomalies: see --help

There is no lateness here and no watermark: every decodable event counts, whenever it came.
"""
import argparse
import bisect
import hashlib
import json
import re
import sys
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext

RECORD_END = "\x1e"
FIELD_END = "\x1f"
NULL = "\x1d"

UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
ORDER_ID = re.compile(r"[!-~]{1,128}")
SYMBOL = re.compile(r"[!-?A-~]{1,64}")
PRICE = re.compile(r"[0-9]{1,20}(\.[0-9]{1,18})?")
TIME = re.compile(r"(19[7-9][0-9]|[2-9][0-9]{3})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})\.([0-9]{3})Z")
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MAX_BYTES = 256 * 1024
MAX_INTEGER = 2**53 - 1
ENDED_EARLY = 3


def millis(text):
    """Milliseconds of a time, None if it is not one."""
    found = TIME.fullmatch(text) if isinstance(text, str) else None
    if not found:
        return None
    year, month, day, hour, minute, second, ms = (int(part) for part in found.groups())
    try:
        moment = datetime(year, month, day, hour, minute, second, ms * 1000, tzinfo=timezone.utc)
    except ValueError:
        return None
    return (moment - EPOCH) // timedelta(milliseconds=1)


def iso(ms):
    moment = EPOCH + timedelta(milliseconds=ms)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def whole(value, least):
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return value == int(value) if abs(value) <= MAX_INTEGER and value >= least else False


def matches(pattern, value):
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def no_constant(name):
    raise ValueError(name + " is not JSON")


def decode(text):
    """(op, row) of a source value, None if nobody can decode it."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        return None
    try:
        body = json.loads(text, parse_constant=no_constant)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict):
        return None
    if "schema" in body and isinstance(body.get("payload"), dict):
        body = body["payload"]
    op = body.get("op")
    if op not in ("c", "u", "d", "r"):
        return None
    row = body
    if "before" in body or "after" in body:
        row = body.get("before" if op == "d" else "after")
    valid = (
        isinstance(row, dict)
        and matches(UUID, row.get("event_id"))
        and matches(ORDER_ID, row.get("order_id"))
        and matches(SYMBOL, row.get("symbol"))
        and row.get("side") in ("BUY", "SELL")
        and whole(row.get("quantity"), 1)
        and matches(PRICE, row.get("price"))
        and row.get("status") in ("PENDING", "FILLED", "CANCELLED")
        and millis(row.get("event_time")) is not None
        and millis(row.get("produce_time")) is not None
        and whole(row.get("version"), 0)
    )
    return (op, row) if valid else None


def plain(number):
    """Canonical decimal: no exponent, no trailing zeros."""
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text


VALUES_ONLY = False


def evidence(entries):
    """Of (place, row) pairs: how many, their digest, where they lie; None if only values are asked for.

    An anomaly's evidence may name thousands of orders: of events that come as fast as they can, all of the last
    ten seconds, so that the time with evidence grows by the square of their number.
    """
    if VALUES_ONLY:
        return None
    coverage = {}
    for (partition, offset), _ in entries:
        low, high = coverage.get(str(partition), (offset, offset))
        coverage[str(partition)] = [min(low, offset), max(high, offset)]
    ids = (hashlib.sha256(row["event_id"].encode()).digest()[:8] for _, row in entries)
    return {
        "events": len(entries),
        "digest": str(sum(int.from_bytes(i, "big") for i in ids) % 2**64),
        "coverage": coverage,
        "max_event_time": max(row["event_time"] for _, row in entries),
    }


class Window:
    """All first events of the orders of one symbol in one window."""

    def __init__(self, symbol, start, length):
        self.symbol, self.start, self.end = symbol, start, start + length
        self.first = {}

    def add(self, place, row, ms):
        order = row["order_id"]
        if order not in self.first or place < self.first[order][0]:
            self.first[order] = (place, row, ms)

    def result(self):
        with localcontext(Context(prec=200)):
            rows = sorted(self.first.values(), key=lambda entry: entry[0])
            prices = [Decimal(row["price"]) for _, row, _ in rows]
            amount = sum((Decimal(int(row["quantity"])) * Decimal(row["price"]) for _, row, _ in rows), Decimal(0))
            mean = (sum(prices, Decimal(0)) / len(prices)).quantize(Decimal("1e-8"), rounding=ROUND_HALF_EVEN)
            buys = sum(1 for _, row, _ in rows if row["side"] == "BUY")
            return {
                "kind": "order_window",
                "op": "upsert",
                "business_key": f"{self.symbol}@{iso(self.start)}",
                "calculated_value": {
                    "symbol": self.symbol,
                    "window_start": iso(self.start),
                    "window_end": iso(self.end),
                    "orders_total": len(rows),
                    "orders_buy": buys,
                    "orders_sell": len(rows) - buys,
                    "total_amount": plain(amount),
                    "average_price": plain(mean),
                    "min_price": plain(min(prices)),
                    "max_price": plain(max(prices)),
                },
                "evidence": evidence([(place, row) for place, row, _ in rows]),
            }


def order_result(place, op, row):
    """An order is its newest version; a delete repeats the version it ends."""
    return {
        "kind": "order",
        "business_key": row["order_id"],
        "op": "delete" if op == "d" else "upsert",
        "calculated_value": {
            "order_id": row["order_id"],
            "symbol": row["symbol"],
            "side": row["side"],
            "quantity": int(row["quantity"]),
            "price": plain(Decimal(row["price"])),
            "status": row["status"],
            "event_time": row["event_time"],
            "version": int(row["version"]),
            "deleted_at": row["event_time"] if op == "d" else None,
        },
        "evidence": evidence([(place, row)]),
    }


class Rules:
    """The anomalies of one symbol. Its orders are shown in the order of their places, each once."""

    def __init__(self, limits):
        self.limits, self.previous, self.times = limits, None, []

    def see(self, place, row, ms):
        with localcontext(Context(prec=200)):
            found = list(self.find(place, row, ms))
        self.previous = (place, row)
        bisect.insort(self.times, (ms, place, len(self.times), row), key=lambda entry: entry[:3])
        return found

    def find(self, place, row, ms):
        limits, own = self.limits, (place, row)
        price, quantity = Decimal(row["price"]), Decimal(int(row["quantity"]))
        if quantity > limits.large_order:
            yield self.result("LARGE_ORDER", row, quantity, limits.large_order, [own])
        if quantity * price > limits.high_amount:
            yield self.result("HIGH_AMOUNT", row, quantity * price, limits.high_amount, [own])
        if self.previous is not None:
            before = Decimal(self.previous[1]["price"])
            change = abs(price - before) * 100
            if before > 0 and change >= limits.price_spike * before:
                percent = (change / before).quantize(Decimal("1e-8"), rounding=ROUND_HALF_EVEN)
                yield self.result("PRICE_SPIKE", row, percent, limits.price_spike, [self.previous, own])
        first = bisect.bisect_left(self.times, ms - limits.rapid_ms, key=lambda entry: entry[0])
        last = bisect.bisect_right(self.times, ms, key=lambda entry: entry[0])
        if last - first >= limits.rapid_orders:
            near = [] if VALUES_ONLY else [(entry[1], entry[3]) for entry in self.times[first:last]]
            yield self.result("RAPID_ORDERS", row, Decimal(last - first), Decimal(limits.rapid_orders), near + [own])

    def result(self, rule, row, observed, threshold, entries):
        return {
            "kind": "anomaly",
            "business_key": f"{rule}:{row['order_id']}",
            "op": "upsert",
            "calculated_value": {
                "rule": rule,
                "order_id": row["order_id"],
                "symbol": row["symbol"],
                "observed": plain(observed),
                "threshold": plain(threshold),
                "detected_at": row["event_time"],
            },
            "evidence": evidence(entries),
        }


class Fold:
    """The results of one topic. The order in which records are shown to it does not matter."""

    def __init__(self, limits):
        self.length, self.limits = limits.window_ms, limits
        self.windows, self.newest, self.created = {}, {}, {}

    def see(self, partition, offset, value):
        decoded = decode(value) if value is not None else None
        if decoded is None:
            return
        op, row = decoded
        place, order = (partition, offset), row["order_id"]
        rank = (row["version"], op == "d", (-partition, -offset))
        if order not in self.newest or rank > self.newest[order][0]:
            self.newest[order] = (rank, place, op, row)
        if op not in ("c", "r"):
            return
        ms = millis(row["event_time"])
        if order not in self.created or place < self.created[order][0]:
            self.created[order] = (place, row, ms)
        start = ms // self.length * self.length
        key = (row["symbol"], start)
        if key not in self.windows:
            self.windows[key] = Window(row["symbol"], start, self.length)
        self.windows[key].add((partition, offset), row, ms)

    def results(self):
        yield from (self.windows[key].result() for key in sorted(self.windows))
        yield from (order_result(place, op, row) for _, place, op, row in self.newest.values())
        rules = {}
        for place, row, ms in sorted(self.created.values(), key=lambda entry: entry[0]):
            yield from rules.setdefault(row["symbol"], Rules(self.limits)).see(place, row, ms)


def json_records(stream):
    for line in stream:
        if line.strip():
            record = json.loads(line)
            yield record.get("case", 0), record["partition"], record["offset"], record["value"]


def console_records(stream):
    """Records end with U+001E, so that a value may hold line feeds; JSON text itself can hold neither separator."""
    rest = ""
    while True:
        chunk = stream.read(65536)
        rest += chunk
        *whole_ones, rest = rest.split(RECORD_END)
        for text in whole_ones:
            partition, offset, _key, value = text.split(FIELD_END, 3)
            yield 0, int(partition.split(":")[1]), int(offset.split(":")[1]), None if value == NULL else value
        if not chunk:
            return


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--console", action="store_true")
    parser.add_argument("--end", default="")
    parser.add_argument("--window-ms", type=int, default=300_000)
    parser.add_argument("--large-order", type=Decimal, default=Decimal(500))
    parser.add_argument("--high-amount", type=Decimal, default=Decimal(100_000_000))
    parser.add_argument("--price-spike", type=Decimal, default=Decimal(5), help="percent")
    parser.add_argument("--rapid-orders", type=int, default=4)
    parser.add_argument("--rapid-ms", type=int, default=10_000)
    parser.add_argument("--values-only", action="store_true", help="evidence is null: for very many events")
    args = parser.parse_args()
    global VALUES_ONLY
    VALUES_ONLY = args.values_only
    ends = {int(p): int(o) for p, o in (pair.split(":") for pair in args.end.split(",") if pair)}
    missing = {p for p, o in ends.items() if o > 0}
    stream = open(sys.stdin.fileno(), encoding="utf-8", errors="replace", newline="", closefd=False)
    folds = {}
    for case, partition, offset, value in console_records(stream) if args.console else json_records(stream):
        if partition not in ends or offset < ends[partition]:
            folds.setdefault(case, Fold(args)).see(partition, offset, value)
        if partition in ends and offset >= ends[partition] - 1:
            missing.discard(partition)
            if ends and not missing:
                break
    if missing:
        # A reader that was starved gives up early: what it has shown is not all, and a part of it is nobody's truth.
        sys.exit(ENDED_EARLY)
    for case in folds:
        for result in folds[case].results():
            print(json.dumps({"case": case, **result}, separators=(",", ":")))


if __name__ == "__main__":
    main()
