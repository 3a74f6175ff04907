#!/usr/bin/env python3
"""Takes the figures about the memory and the time that pushes of any kind cost, each as a Markdown table.

    cargo build --profile dist --workspace
    docs/figures/memory.py peaks        # or: delay, announced

`peaks`: how far resident memory rises above what is stored while 1, 4 and 16 pushes of a kind arrive together. What is
stored is what `shardgate_storage_bytes` says, and 64 bytes for each series.
`delay`: how long a usual push takes, without and with four of the dearest acceptable pushes a second, to this gateway or to
another one.
`announced`: how many usual pushes are taken while 4,200 clients have announced a body, and while they have sent half.

With `brief` behind it, everything is small: that shows whether it works, its figures mean nothing. Everything stays on
loopback.
"""
import gzip
import http.client
import multiprocessing
import resource
import socket
import struct
import sys
import threading
import time

from measure import LISTEN, SHARDGATE, ms, started, table
from web import IS_BRIEF, ask, forget_peak, mib, size, status

IN_FLIGHT, SLACK = 256 << 20, 64 << 20
LONG = "j" * 60_000
PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
USUAL = "".join(f"# TYPE m{at} gauge\nm{at}{{a=\"b\"}} {at}.5\n" for at in range(20)).encode()


def lines(count, label="l"):
    return "".join(f'm{{{label}="{at}"}} 1\n' for at in range(count)).encode()


def histogram(count):
    return b"# TYPE h histogram\n" + "".join(f'h_bucket{{le="{at}"}} {at}\n' for at in range(count)).encode()


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out + bytes([number]))


def field(key, content):
    return bytes([key]) + varint(len(content)) + content


def protobuf(count, has_exemplar=False):
    """A counter of so many samples; with exemplars, the protobuf form is kept too."""
    value = b"\x09" + struct.pack("<d", 1.0) + (field(0x12, b"\x11" + struct.pack("<d", 1.0)) if has_exemplar else b"")
    metrics = b"".join(
        field(0x22, field(0x0A, field(0x0A, b"l") + field(0x12, str(at).encode())) + field(0x1A, value)) for at in range(count)
    )
    family = field(0x0A, b"p") + metrics
    return varint(len(family)) + family


def crc32c(data):
    if not CRC:
        for at in range(256):
            for _ in range(8):
                at = at >> 1 ^ (0x82F63B78 if at & 1 else 0)
            CRC.append(at)
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


CRC = []


def snappy(data):
    """The framed format, its chunks not compressed: what counts is what becomes of them."""
    out = [b"\xff\x06\x00\x00sNaPpY"]
    for start in range(0, len(data), 1 << 16):
        chunk = data[start:start + (1 << 16)]
        crc = crc32c(chunk)
        masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
        out.append(b"\x01" + (len(chunk) + 4).to_bytes(3, "little") + struct.pack("<I", masked) + chunk)
    return b"".join(out)


def kinds():
    """Name, job, headers, body. A line of short labels comes to 40 bytes, one under the long job to 60 KB."""
    few, many, most = size(500, 50), size(600_000, 5_000), size(6_000, 600)
    packed = {"Content-Encoding": "gzip"}
    small = lines(few)
    return [
        ("text, 61 KB that come to 256 MiB", LONG, {}, b"m 1\n" * size(15_000, 1_500)),
        ("text, long job, just taken", LONG, {}, small),
        ("text, short lines, just taken", "j", {}, lines(many)),
        ("text, a family for each line, just taken", "j", {}, "".join(f"x{at} 1\n" for at in range(size(100_000, 2_000))).encode()),
        ("text, samples of two families in turn, just taken", "j", {}, "".join(f'a{{l="{at}"}} 1\nb{{l="{at}"}} 1\n' for at in range(many // 2)).encode()),
        ("text, buckets under a long job, just taken", LONG, {}, histogram(few)),
        ("text, 60 MiB of comments", "j", {}, b"#" + b"x" * size(60 << 20, 1 << 20) + b"\n"),
        ("gzip, lines that come to 256 MiB", LONG, packed, gzip.compress(lines(most))),
        ("gzip, 60 MiB of comments in 60 KB", "j", packed, gzip.compress(b"#" * size(60 << 20, 1 << 20) + b"\n")),
        ("gzip, just taken", LONG, packed, gzip.compress(small)),
        ("snappy, lines that come to 256 MiB", LONG, {"Content-Encoding": "snappy"}, snappy(lines(most))),
        ("snappy, just taken", LONG, {"Content-Encoding": "snappy"}, snappy(small)),
        ("protobuf, metrics that come to 256 MiB", LONG, {"Content-Type": PROTOBUF}, protobuf(most)),
        ("protobuf, just taken", LONG, {"Content-Type": PROTOBUF}, protobuf(few)),
        ("protobuf with exemplars, just taken", LONG, {"Content-Type": PROTOBUF}, protobuf(few // 2, True)),
    ]


def push(address, job, group, headers, body):
    """The status, and what took how long. A connection that is cut while the body is sent is an answer too."""
    since = time.perf_counter()
    connection = http.client.HTTPConnection(*address.split(":"), timeout=120)
    try:
        connection.request("PUT", f"/metrics/job/{job}/g/{group}", body, headers)
        answer = connection.getresponse()
        answer.read()
        told = answer.status
    except OSError:
        told = "cut"
    connection.close()
    return told, time.perf_counter() - since


def stored(address):
    connection = http.client.HTTPConnection(*address.split(":"), timeout=120)
    connection.request("GET", "/metrics?name[]=shardgate_storage_bytes&name[]=shardgate_series")
    text = connection.getresponse().read().decode()
    connection.close()
    figures = [(line.split("{")[0], float(line.split()[-1])) for line in text.splitlines() if not line.startswith("#")]
    return sum({"shardgate_storage_bytes": 1, "shardgate_series": 64}[name] * figure for name, figure in figures)


def together(address, count, job, headers, body):
    answers = []
    threads = [
        threading.Thread(target=lambda group=group: answers.append(push(address, job, group, headers, body)))
        for group in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def peaks():
    row = table("body", "as sent", "at a time", "answers", "slowest", "above what is stored", f"within {mib(IN_FLIGHT + SLACK)}")
    for name, job, headers, body in kinds():
        for count in (1, 4, 16):
            with started(f"{SHARDGATE} {LISTEN}") as address:
                push(address, "warm", 0, {}, USUAL)
                time.sleep(0.3)
                before = status(address.process, "VmRSS")
                forget_peak(address.process)
                answers = [one for _ in range(size(3, 1)) for one in together(address, count, job, headers, body)]
                above = status(address.process, "VmHWM") - before - stored(address)
                told = sorted({str(answer) for answer, _ in answers})
                row(name, f"{len(body):,} B", count, ", ".join(told), ms(max(took for _, took in answers)), mib(above),
                    "yes" if above <= IN_FLIGHT + SLACK else "NO")


def dear(address, stop):
    """Four of the dearest acceptable pushes a second, each kind in turn, each on a connection of its own."""
    taken = [
        kind for kind in kinds()
        if "just taken" in kind[0] and push(address, kind[1], "dear", kind[2], kind[3])[0] == 200
    ]
    begun, at, senders = time.perf_counter(), 0, []
    while not stop.is_set():
        _, job, headers, body = taken[at % len(taken)]
        senders.append(threading.Thread(target=push, args=(address, job, f"dear{at % 8}", headers, body), daemon=True))
        senders[-1].start()
        at += 1
        time.sleep(max(0.0, begun + at / 4 - time.perf_counter()))


def usual(address, seconds):
    """How long pushes took that were due each 2 ms on one connection, from when they were due."""
    connection = http.client.HTTPConnection(*address.split(":"), timeout=60)
    took, begun = [], time.perf_counter()
    for at in range(int(seconds * 500)):
        due = begun + at / 500
        time.sleep(max(0.0, due - time.perf_counter()))
        connection.request("PUT", f"/metrics/job/usual/g/{at % 100}", USUAL)
        answer = connection.getresponse()
        answer.read()
        if answer.status == 200:
            took.append(time.perf_counter() - due)
    return sorted(took)


def delay():
    """The dear pushes to another gateway take as much of the machine, and nothing else."""
    row = table("usual pushes, 500 a second", "taken", "p50", "p99", "longest")
    seconds, p99s = size(30, 3), {}
    with started(f"{SHARDGATE} {LISTEN}") as address, started(f"{SHARDGATE} {LISTEN}") as other:
        usual(address, 1)
        for name, to in (("alone", None), ("four of the dearest a second, to another gateway", other), ("four of the dearest a second", address)):
            stop = multiprocessing.Event()
            beside = multiprocessing.Process(target=dear, args=(str(to), stop))
            if to:
                beside.start()
                time.sleep(2)
            took = usual(address, seconds)
            stop.set()
            if to:
                beside.join()
            p99s[to] = took[int(len(took) * 0.99)]
            row(name, len(took), ms(took[len(took) // 2]), ms(p99s[to]), ms(took[-1]))
    print(f"\np99 above that alone: {ms(p99s[address] - p99s[None])} (at most 10 ms), above that beside another gateway: {ms(p99s[address] - p99s[other])}")


def announced():
    clients = size(4_200, 100)
    row = table("bodies of 64 KiB announced", "sent of each", "usual pushes taken", "of 100 KB")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    large = b" " * 99_999 + b"\n"
    for sent in (1, 32 << 10):
        with started(f"{SHARDGATE} {LISTEN}") as address:
            host, port = address.split(":")
            attackers = []
            for _ in range(clients):
                attacker = socket.create_connection((host, int(port)))
                attacker.sendall(b"PUT /metrics/job/slow HTTP/1.1\r\nhost: x\r\ncontent-length: 65536\r\n\r\n" + b"\n" * sent)
                attackers.append(attacker)
            count = size(1000, 20)
            taken = [push(address, "honest", at % 50, {}, USUAL)[0] for at in range(count)].count(200)
            taken_large = [push(address, "honest", at % 50, {}, large)[0] for at in range(count // 10)].count(200)
            row(f"{clients:,}", f"{sent:,} B", f"{taken} of {count}", f"{taken_large} of {count // 10}")
            for attacker in attackers:
                attacker.close()


if __name__ == "__main__":
    ways = {"peaks": peaks, "delay": delay, "announced": announced}
    way = ways.get(sys.argv[1] if len(sys.argv) > 1 else "")
    if way is None:
        sys.exit(__doc__)
    print(f"{'brief: the figures mean nothing' if IS_BRIEF else ''}\n")
    way()
