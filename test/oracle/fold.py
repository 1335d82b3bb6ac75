#!/usr/bin/env python3
"""The fold of contract §4 for `order_window`, in plain Python: what the windows must be, whoever computes them.

Shares no code with the project. Reads source records, writes one JSON line per window.

    fold.py                       stdin: JSON lines {"case"?, "partition", "offset", "key", "value"}; value null = tombstone
    fold.py --console             stdin: the Java console consumer with the separators of test/oracle/README.md
    fold.py --end 0:120,1:88      only offsets below these; stops as soon as all of them have been seen
    fold.py --window-ms 300000    length of the window

There is no lateness here and no watermark: every decodable create and read counts, whenever it came.
"""
import argparse
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
            coverage = {}
            for (partition, offset), _, _ in rows:
                low, high = coverage.get(str(partition), (offset, offset))
                coverage[str(partition)] = [min(low, offset), max(high, offset)]
            ids = (hashlib.sha256(row["event_id"].encode()).digest()[:8] for _, row, _ in rows)
            return {
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
                "evidence": {
                    "events": len(rows),
                    "digest": str(sum(int.from_bytes(i, "big") for i in ids) % 2**64),
                    "coverage": coverage,
                    "max_event_time": iso(max(ms for _, _, ms in rows)),
                },
            }


class Fold:
    """The windows of one topic. The order in which records are shown to it does not matter."""

    def __init__(self, length):
        self.length, self.windows = length, {}

    def see(self, partition, offset, value):
        decoded = decode(value) if value is not None else None
        if decoded is None or decoded[0] not in ("c", "r"):
            return
        row = decoded[1]
        ms = millis(row["event_time"])
        start = ms // self.length * self.length
        key = (row["symbol"], start)
        if key not in self.windows:
            self.windows[key] = Window(row["symbol"], start, self.length)
        self.windows[key].add((partition, offset), row, ms)

    def results(self):
        return [self.windows[key].result() for key in sorted(self.windows)]


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
    args = parser.parse_args()
    ends = {int(p): int(o) for p, o in (pair.split(":") for pair in args.end.split(",") if pair)}
    missing = {p for p, o in ends.items() if o > 0}
    stream = open(sys.stdin.fileno(), encoding="utf-8", errors="replace", newline="", closefd=False)
    folds = {}
    for case, partition, offset, value in console_records(stream) if args.console else json_records(stream):
        if partition not in ends or offset < ends[partition]:
            folds.setdefault(case, Fold(args.window_ms)).see(partition, offset, value)
        if partition in ends and offset >= ends[partition] - 1:
            missing.discard(partition)
            if ends and not missing:
                break
    for case in folds:
        for result in folds[case].results():
            print(json.dumps({"case": case, **result}, separators=(",", ":")))


if __name__ == "__main__":
    main()
