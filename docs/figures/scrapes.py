#!/usr/bin/env python3
"""Takes the figures about scrapes of docs/benchmarks.md again, each as a Markdown table.

    cargo build --profile dist --workspace
    docs/figures/scrapes.py times      # or: million, memory, beside

Needs prometheus-pushgateway and, for `times`, nginx. Everything stays on loopback, and targets are
scraped in turn, each over a connection of its own that is kept.
"""
import contextlib
import pathlib
import random
import re
import socket
import statistics
import sys
import tempfile
import time

from measure import LISTEN, ROOT, SHARDGATE, UNCHECKED, free_port, ms, profile, run, started, table

BODY = (ROOT / "profiles/batch-job.prom").read_text()
SAMPLES_PER_GROUP = 21  # 19 pushed, and the two push times.


class Client:
    """One connection, over which answers are read as fast as they come and forgotten."""

    def __init__(self, address):
        host, port = address.split(":")
        self.socket = socket.create_connection((host, int(port)))
        self.room = bytearray(1 << 20)

    def scrape(self, gzip=False, path="/metrics"):
        """Seconds until the last byte, and how many bytes there were."""
        encoding = "Accept-Encoding: gzip\r\n" if gzip else ""
        since = time.perf_counter()
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n{encoding}\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.socket.recv(65536)
        head, rest = head.split(b"\r\n\r\n", 1)
        if length := re.search(rb"(?i)content-length: (\d+)", head):
            got, length = len(rest), int(length[1])
            while got < length:
                got += self.socket.recv_into(self.room)
        else:  # Chunked; nothing else ends so.
            got, tail = len(rest), rest
            while not tail.endswith(b"\r\n0\r\n\r\n"):
                read = self.socket.recv_into(self.room)
                got += read
                tail = (tail + self.room[max(0, read - 8) : read])[-8:]
        assert head.startswith(b"HTTP/1.1 200"), head
        return time.perf_counter() - since, got

    def put(self, group):
        """Pushes new values to a group."""
        digit = lambda match: match[0][:-1] + random.choice("123456789")
        body = re.sub(r"(?m)^[^#\n]*\d$", digit, BODY).encode()
        path = f"/metrics/job/job{group % 50}/instance/node-{group}"
        head = f"PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        self.socket.sendall(head.encode() + body)
        answer = self.socket.recv(4096)
        assert answer.startswith(b"HTTP/1.1 20"), answer


def fill(address, groups):
    """Pushes to every group once, with values of its own."""
    run(address, "--groups", groups, "--duration", "1ms", "--connections", 32)


@contextlib.contextmanager
def nginx(body):
    with tempfile.TemporaryDirectory() as folder:
        folder, port = pathlib.Path(folder), free_port()
        folder.chmod(0o755)
        (folder / "metrics").write_bytes(body)
        (folder / "nginx.conf").write_text(
            f"daemon off; pid {folder}/pid; error_log /dev/null; worker_processes auto; events {{}}\n"
            f"http {{ access_log off; sendfile on; tcp_nopush on; server {{ listen 127.0.0.1:{port}; root {folder}; }} }}\n"
        )
        with started(f"nginx -c {folder}/nginx.conf", port) as address:
            yield address


def whole(address):
    host, port = address.split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(1 << 20), b""))
    return answer.split(b"\r\n\r\n", 1)[1]


def times(groups=10000, rounds=9):
    """How long a scrape takes, by what has changed since the last one."""
    with started(f"{SHARDGATE} {LISTEN}") as ours, started(UNCHECKED) as theirs:
        fill(ours, groups)
        fill(theirs, groups)
        body = whole(ours)
        with nginx(body) as static:
            measure_times(Client(ours), Client(theirs), Client(static), ours, groups, rounds, len(body))


def measure_times(ours, theirs, static, address, groups, rounds, size):
    taken = {}

    def take(name, scraped):
        taken.setdefault(name, []).append(scraped)

    for _ in range(rounds):
        take("nginx", static.scrape())
        take("plain, unchanged", ours.scrape())
        take("nginx", static.scrape())
        fill(address, groups)
        take("plain, all changed", ours.scrape())
        take("Pushgateway, plain", theirs.scrape())
        fill(address, groups)
        take("gzip, all changed", ours.scrape(gzip=True))
        take("Pushgateway, gzip", theirs.scrape(gzip=True))
        for _ in range(3):
            take("gzip, unchanged", ours.scrape(gzip=True))
            ours.put(random.randrange(groups))
            take("gzip, one group changed", ours.scrape(gzip=True))
        for group in random.sample(range(groups), groups // 100):
            ours.put(group)
        take("gzip, 1% of the groups changed", ours.scrape(gzip=True))
    seconds = {name: statistics.median(second for second, _ in them) for name, them in taken.items()}
    print(f"\n{groups:,} groups, {groups * SAMPLES_PER_GROUP:,} samples, {size:,} bytes; {rounds} rounds\n")
    row = table("", "median", "bytes", "compared")
    reference = {"plain": "Pushgateway, plain", "gzip": "Pushgateway, gzip"}
    for name, second in seconds.items():
        kind = name.split(",")[0]
        compared = []
        if name.startswith("plain"):
            compared.append(f"{second / seconds['nginx']:.2f} times nginx")
        if name.startswith("gzip, one") or name.startswith("gzip, 1%"):
            compared.append(f"{second / seconds['gzip, unchanged']:.1f} times unchanged")
        if kind in reference:
            compared.append(f"{seconds[reference[kind]] / second:,.0f} times as fast as the Pushgateway")
        row(name, ms(second), f"{statistics.median(size for _, size in taken[name]):,.0f}", "; ".join(compared))


def status(process, field):
    text = pathlib.Path(f"/proc/{process}/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+)", text)[1]) * 1024


def processor_seconds(process):
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def peak_of(process, step):
    """What the step answers, and the peak of resident memory meanwhile over that before."""
    before = status(process, "VmRSS")
    pathlib.Path(f"/proc/{process}/clear_refs").write_text("5")
    answer = step()
    return answer, before, status(process, "VmHWM") / before


def million():
    """The same with a million samples, and what it takes."""
    groups = 1_000_000 // SAMPLES_PER_GROUP + 1
    times(groups, rounds=5)
    print(f"\n{groups * SAMPLES_PER_GROUP:,} samples: one scrape after the other\n")
    row = table("scrape", "time", "processor time", "bytes", "resident before", "peak, to that before")
    with started(f"{SHARDGATE} {LISTEN}") as address:
        process = address.process.pid
        client = Client(address)
        fill(address, groups)
        for name, gzip, changed in [
            ("plain, the first", False, False), ("plain, unchanged", False, False), ("plain, all changed", False, True),
            ("gzip, all changed", True, True), ("gzip, unchanged", True, False), ("gzip, all changed", True, True),
        ]:
            if changed:
                fill(address, groups)
            cpu = processor_seconds(process)
            (second, size), before, peak = peak_of(process, lambda: client.scrape(gzip))
            time.sleep(0.2)
            row(name, ms(second), ms(processor_seconds(process) - cpu), f"{size:,}", f"{before >> 20} MiB", f"{peak:.2f}")


@contextlib.contextmanager
def one_family_each():
    """A profile of POSTs that bring one of the seven families at a time."""
    text = (ROOT / "profiles/batch-job.toml").read_text().split("[[bodies]]")[0]
    text += "[mix]\nput = 0\npost = 1\n"
    with tempfile.TemporaryDirectory() as folder:
        for number, family in enumerate(re.split(r"(?m)^(?=# HELP)", BODY)[1:]):
            (pathlib.Path(folder) / f"{number}.prom").write_text(family)
            text += f'[[bodies]]\nfile = "{number}.prom"\n'
        profile = pathlib.Path(folder) / "one-family.toml"
        profile.write_text(text)
        yield str(profile)


def memory(groups=100_000):
    """Resident memory per sample."""
    samples = groups * SAMPLES_PER_GROUP
    row = table("after", "bytes a sample")
    with started(f"{SHARDGATE} {LISTEN}") as address:
        process = address.process.pid
        client = Client(address)
        state = lambda name: row(name, f"{status(process, 'VmRSS') / samples:.0f}")
        fill(address, groups)
        state(f"{groups:,} groups pushed")
        fill(address, groups)
        state("pushed once more")
        fill(address, groups)
        state("pushed twice more")
        for _ in range(10):
            client.scrape(gzip=True)
        state("ten gzip scrapes")
        for scrape in range(3):
            fill(address, groups)
            client.scrape(gzip=True)
        state("three times: everything pushed, a gzip scrape")
        with one_family_each() as profile:
            run(address, "--groups", groups, "--duration", "20s", "--prefill=false", name=profile)
        state("a run of POSTs that each replace one family of seven")
        client.scrape(gzip=True)
        state("a gzip scrape")


def beside():
    """What pushes at a fixed rate feel of a gzip scrape every second."""
    row = table("pushes/s", "p99, not scraped", "p99, scraped", "ratio")
    with started(f"{SHARDGATE} {LISTEN}") as address, tempfile.TemporaryDirectory() as folder:
        scraped = pathlib.Path(folder) / "scraped.toml"
        body = (ROOT / "profiles/batch-job.prom").as_posix()
        text = (ROOT / "profiles/batch-job.toml").read_text().replace('"batch-job.prom"', f'"{body}"')
        scraped.write_text(text + '\n[scraper]\ninterval = "1s"\n')
        run(address, "--groups", 10000, "--duration", "100ms")
        for rate in 5000, 10000, 20000:
            pairs = []
            for _ in range(5):
                fixed = ("--groups", 10000, "--prefill=false", "--rate", rate, "--duration", "4s")
                pair = [run(address, *fixed, name=name)["latency_seconds"]["p99"] for name in ("batch-job", scraped)]
                pairs.append(pair)
            plain, beside = (statistics.median(column) for column in zip(*pairs))
            row(rate, ms(plain), ms(beside), f"{statistics.median(b / a for a, b in pairs):.2f}")


if __name__ == "__main__":
    known = {function.__name__: function for function in (times, million, memory, beside)}
    if len(sys.argv) < 2 or not set(sys.argv[1:]) <= set(known):
        sys.exit(__doc__ + "\nknown: " + ", ".join(known))
    for name in sys.argv[1:]:
        known[name]()
