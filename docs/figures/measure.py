#!/usr/bin/env python3
"""Takes the figures of docs/benchmarks.md again, each as a Markdown table.

    cargo build --profile dist --workspace
    docs/figures/measure.py profiles      # or: rows, original, groups, shards, wrk

Needs prometheus-pushgateway, for `wrk` also wrk, for `original` also openssl. Everything stays on
loopback, and targets are measured in turn.
"""
import contextlib
import itertools
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOADTEST = os.environ.get("LOADTEST_BIN", ROOT / "target/dist/loadtest")
SHARDGATE = os.environ.get("SHARDGATE_BIN", ROOT / "target/dist/shardgate")
LISTEN = "--web.listen-address=127.0.0.1:{port}"
ORIGINAL = f"prometheus-pushgateway --persistence.file= --log.level=error {LISTEN}"
UNCHECKED = f"{ORIGINAL} --push.disable-consistency-check"


def profile(name):
    return str(ROOT / f"profiles/{name}.toml")


def loadtest(*arguments):
    answer = subprocess.run([LOADTEST, *map(str, arguments), "--json"], capture_output=True, text=True)
    try:
        return json.loads(answer.stdout)
    except json.JSONDecodeError:
        sys.exit(f"loadtest {arguments}: {answer.stderr}")


def table(*header):
    print("| " + " | ".join(header) + " |\n|" + "---|" * len(header))
    return lambda *cells: print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def ms(seconds):
    return f"{seconds * 1e3:.2f} ms"


def compared(row, arguments, **targets):
    """Prints what `loadtest compare` says, a line for each target."""
    spawn = itertools.chain(*(("--spawn", f"{name}={command}") for name, command in targets.items()))
    for target in loadtest("compare", "--sink", *arguments, *spawn)["targets"]:
        ratio, cpu = target["pushes_per_second_ratio"], target["cpu_seconds_per_push"]
        if not cpu:
            row(target["name"], "none was answered", *[""] * 6)
            continue
        row(
            target["name"],
            f"{target['pushes_per_second']['median']:,.0f}",
            f"{ratio['median']:.3f} ({ratio['min']:.2f} to {ratio['max']:.2f})",
            ms(target["latency_p50_seconds"]["median"]),
            ms(target["latency_p99_seconds"]["median"]),
            f"{cpu['median'] * 1e6:.1f} us",
            f"{target['cpu_seconds_per_push_ratio']['median']:.2f}",
            sum(sum(run["errors"].values()) for run in target["rounds"]),
        )


COMPARED = ("target", "pushes/s", "ratio (range)", "p50", "p99", "processor time per push", "ratio", "errors")


def profiles():
    for name, arguments in [
        ("batch-job", ["--rounds", 15, "--round-seconds", 1, "--groups", 1000]),
        ("churn", ["--rounds", 7, "--round-seconds", 2, "--groups", 1000]),
        ("cron-storm", ["--rounds", 3, "--round-seconds", 10]),
    ]:
        print(f"\n{name}: `{' '.join(map(str, arguments))}`\n")
        compared(
            table(*COMPARED),
            ["--profile", profile(name), "--warmup", "300ms", *arguments],
            shardgate=f"{SHARDGATE} {LISTEN}",
            unchecked=UNCHECKED,
            pushgateway=ORIGINAL,
        )


class Address(str):
    """Where a program listens that has been started, and its process."""

    process: subprocess.Popen


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextlib.contextmanager
def started(command, port=None):
    port = port or free_port()
    process = subprocess.Popen(
        [word.replace("{port}", str(port)) for word in command.split()],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        while socket.socket().connect_ex(("127.0.0.1", port)):
            time.sleep(0.05)
        address = Address(f"127.0.0.1:{port}")
        address.process = process
        yield address
    finally:
        process.kill()
        process.wait()


def run(address, *arguments, name="batch-job", scheme="http"):
    name = name if os.sep in str(name) else profile(name)
    return loadtest("run", "--profile", name, "--target", f"{scheme}://{address}", "--warmup", "300ms", *arguments)


def rows():
    print("\nOne connection for each push\n")
    arguments = ["--profile", profile("batch-job"), "--groups", 1000, "--warmup", "300ms"]
    compared(
        table(*COMPARED), [*arguments, "--keep-alive", "false", "--rounds", 11, "--round-seconds", 1],
        shardgate=f"{SHARDGATE} {LISTEN}",
    )


BCRYPT_OF_SECRET = "$2b$10$abcdefghijklmnopqrstuuqflPDzB6gcMhKa1rZqKiun2YGL5sa2u"


@contextlib.contextmanager
def secured(key):
    """A directory with a certificate for 127.0.0.1, whose key openssl makes so, and web configurations for TLS and for a user."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run(
            f"openssl req -x509 {key} -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
            " -addext basicConstraints=critical,CA:FALSE"
            f" -keyout {folder}/key.pem -out {folder}/cert.pem".split(), check=True, capture_output=True,
        )
        tls = f"tls_server_config:\n  cert_file: {folder}/cert.pem\n  key_file: {folder}/key.pem\n"
        (folder / "tls.yml").write_text(tls)
        (folder / "auth.yml").write_text(f"basic_auth_users:\n  pusher: {BCRYPT_OF_SECRET}\n")
        yield folder


def original():
    row = table("the Pushgateway, its check off", "pushes/s", "p50", "processor time per push")
    with secured("-newkey rsa:2048") as folder:
        head = "[groups]\ncount = 1000\nprefill = true\n[[bodies]]\n"
        body = f'{head}file = "{ROOT}/profiles/batch-job.prom"\n'
        generated = head + "families = 8\nseries = 3\nhistogram_share = 0.25\n"
        modes = {
            "text": ("", body, "http"),
            "text, TLS": ("tls.yml", body + '[tls]\nca_file = "cert.pem"\n', "https"),
            "text, basic authentication": ("auth.yml", body + '[basic_auth]\nuser = "pusher"\npassword = "secret"\n', "http"),
            "text, 8 generated families": ("", generated, "http"),
            "protobuf, the same": ("", generated + 'format = "protobuf"\n', "http"),
        }
        for mode, (config, text, scheme) in modes.items():
            name = folder / "mode.toml"
            name.write_text(f'about = "{mode}"\nconnections = 64\n{text}')
            flag = f" --web.config.file={folder}/{config}" if config else ""
            with started(UNCHECKED + flag) as address:
                runs = [run(address, "--duration", "3s", name=name, scheme=scheme) for _ in range(3)]
                runs.sort(key=lambda run: run["pushes_per_second"])
                errors = sum(sum(run["errors"].values()) for run in runs)
                usage = runs[1]["target_usage"]["cpu_seconds_per_push"]
                row(mode + f" ({errors} errors)" * bool(errors), f"{runs[1]['pushes_per_second']:,.0f}",
                    ms(runs[1]["latency_seconds"]["p50"]), f"{usage * 1e6:.0f} us")


def groups():
    counts = [100, 1000, 10000, 100000]
    row = table("groups stored", *(f"{count:,}" for count in counts))
    curves = {}
    for name, command, most in [
        ("shardgate", f"{SHARDGATE} {LISTEN}", 100000),
        ("Pushgateway, check off", UNCHECKED, 100000),
        ("Pushgateway", ORIGINAL, 1000),
    ]:
        curve = curves[name] = {}
        for count in (count for count in counts if count <= most):
            with started(command) as address:
                # Filled without the measurement waiting for a check of everything at each push.
                rates = [run(address, "--groups", count, "--duration", "2s")["pushes_per_second"]]
                rates += [
                    run(address, "--groups", count, "--duration", "2s", "--prefill=false")["pushes_per_second"]
                    for _ in range(2)
                ]
                curve[count] = statistics.median(rates)
        row(name, *(f"{curve[count]:,.0f}" if count in curve else "" for count in counts))
    (ROOT / "docs/figures/groups.svg").write_text(logarithmic(curves))


def logarithmic(curves):
    """Pushes/s against the groups stored, both axes logarithmic, as SVG."""
    from math import log10

    def at(groups, rate):
        return 70 + (log10(groups) - 2) * 150, 290 - log10(rate) * 50

    colours = dict(zip(curves, ("#2563eb", "#d97706", "#b91c1c")))
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 340" font-family="sans-serif" font-size="12">',
           '<rect width="720" height="340" fill="#fff"/>',
           '<text x="70" y="20" font-size="14">pushes/s against stored groups</text>']
    for power in range(0, 6):
        _, y = at(100, 10**power)
        out.append(f'<path d="M70 {y}H520" stroke="#ddd"/><text x="62" y="{y + 4}" text-anchor="end">{10**power:,}</text>')
    for power in range(2, 6):
        x, _ = at(10**power, 1)
        out.append(f'<text x="{x}" y="312" text-anchor="middle">{10**power:,}</text>')
    for name, curve in curves.items():
        points = [at(*point) for point in curve.items()]
        path = "L".join(f"{x:.0f} {y:.0f}" for x, y in points)
        out.append(f'<path d="M{path}" fill="none" stroke="{colours[name]}" stroke-width="2"/>')
        out += [f'<circle cx="{x:.0f}" cy="{y:.0f}" r="3" fill="{colours[name]}"/>' for x, y in points]
        x, y = points[-1]
        out.append(f'<text x="{x + 8:.0f}" y="{y - 6:.0f}" fill="{colours[name]}">{name}</text>')
    return "\n".join([*out, "</svg>", ""])


def shards():
    row = table("--shards", "pushes/s", "ratio (range)", "p99")
    arguments = ["--profile", profile("batch-job"), "--groups", 1000, "--rounds", 11, "--round-seconds", 1]
    for target in loadtest("sweep", "--shards", "1,2,4,8", "--warmup", "300ms", *arguments)["targets"]:
        ratio = target["pushes_per_second_ratio"]
        row(target["name"].removeprefix("shards="), f"{target['pushes_per_second']['median']:,.0f}",
            f"{ratio['median']:.3f} ({ratio['min']:.2f} to {ratio['max']:.2f})",
            ms(target["latency_p99_seconds"]["median"]))


WRK = """
local body = io.open(os.getenv("BODY"), "rb"):read("*a")
local group = 0
request = function()
  group = (group + 1) % 1000
  return wrk.format("PUT", "/metrics/job/job" .. (group % 50) .. "/instance/node-" .. group, nil, body)
end
done = function(summary, latency)
  io.write(string.format("RESULT %f %f %f\\n", summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1e6, latency:percentile(99) / 1e6))
end
"""


def wrk():
    row = table("connections", "pushes/s: wrk", "loadtest", "ratio", "p50: wrk", "loadtest", "p99: wrk", "loadtest")
    with started(f"{LOADTEST} sink --port {{port}}") as address, tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(WRK)
        script.flush()
        environment = os.environ | {"BODY": str(ROOT / "profiles/batch-job.prom")}
        for connections in 8, 64, 256:
            pairs = []
            for _ in range(9):
                out = subprocess.run(
                    ["wrk", "-t2", f"-c{connections}", "-d2s", "-s", script.name, f"http://{address}"],
                    capture_output=True, text=True, check=True, env=environment,
                ).stdout
                theirs = [float(word) for word in out.split("RESULT")[1].split()[:3]]
                report = run(address, "--connections", connections, "--groups", 1000, "--duration", "2s", "--prefill=false")
                latency = report["latency_seconds"]
                pairs.append([*theirs, report["pushes_per_second"], latency["p50"], latency["p99"]])
            middle = [statistics.median(column) for column in zip(*pairs)]
            ratio = statistics.median(pair[3] / pair[0] for pair in pairs)
            row(connections, f"{middle[0]:,.0f}", f"{middle[3]:,.0f}", f"{ratio:.2f}",
                ms(middle[1]), ms(middle[4]), ms(middle[2]), ms(middle[5]))


if __name__ == "__main__":
    known = {function.__name__: function for function in (profiles, rows, original, groups, shards, wrk)}
    if len(sys.argv) < 2 or not set(sys.argv[1:]) <= set(known):
        sys.exit(__doc__ + "\nknown: " + ", ".join(known))
    for name in sys.argv[1:]:
        known[name]()
