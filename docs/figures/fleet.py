#!/usr/bin/env python3
"""Takes the figures of what a push costs for a fleet again, each as a Markdown table with the bound that it is held to.

    cargo build --profile dist --workspace
    docs/figures/fleet.py cost         # or: pinned, kinds, protobuf, connections, stored, beside, tester

`cost`: processor time per push of both workloads, to that of the bare server. `pinned`: pushes/s with the server on one
processor and the tester on another, over many connections and over few. `kinds`: 200 kinds of jobs against one kind.
`protobuf`: the same pushes as text and as protobuf. `connections`: a connection for each push, without TLS and with it.
`stored`: 1,000 groups against 100,000. `beside`: pushes at half the highest rate with a gzip scrape each second.
`tester`: what the tester itself takes for a push, against wrk. `scrapes.py memory` has memory, `.ci/counts` instructions.

With `brief` behind it, everything is small: that shows whether it works, its figures mean nothing. `SHARDGATE_BIN` and
`LOADTEST_BIN` name other programs. Needs two processors, for `tester` also wrk, for `connections` also openssl. Everything
stays on loopback, and targets are measured in turn.
"""
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile

from measure import LISTEN, LOADTEST, ROOT, SHARDGATE, WRK, loadtest, ms, profile, run, secured, started, table

IS_BRIEF = "brief" in sys.argv[2:]
ROUNDS, SECONDS = (1, 0.3) if IS_BRIEF else (9, 1)
GATEWAY = f"{SHARDGATE} {LISTEN}"


def size(whole, brief):
    return brief if IS_BRIEF else whole


def middle(ratios):
    return f"{statistics.median(ratios):.3f} ({min(ratios):.2f} to {max(ratios):.2f})"


COMPARED = ("load", "connections", "target", "processor time per push", "ratio", "pushes/s", "ratio (range)", "p50", "p99", "errors", "bound")


def against_sink(row, name, connections, bound, *arguments, command=GATEWAY):
    """The bare server and the gateway in turn; ratios are those within a round."""
    fixed = ["--profile", profile(name), "--connections", connections, "--warmup", "300ms"]
    rounds = ["--rounds", ROUNDS, "--round-seconds", SECONDS]
    report = loadtest("compare", "--sink", *fixed, *rounds, *arguments, "--spawn", f"shardgate={command}")
    for target in report["targets"]:
        rate, cpu = target["pushes_per_second_ratio"], target["cpu_seconds_per_push"]
        row(
            name, connections, target["name"],
            f"{cpu['median'] * 1e6:.1f} us", f"{target['cpu_seconds_per_push_ratio']['median']:.2f}",
            f"{target['pushes_per_second']['median']:,.0f}", f"{rate['median']:.3f} ({rate['min']:.2f} to {rate['max']:.2f})",
            ms(target["latency_p50_seconds"]["median"]), ms(target["latency_p99_seconds"]["median"]),
            sum(sum(one["errors"].values()) for one in target["rounds"]),
            bound if target["name"] == "shardgate" else "",
        )


def cost():
    row = table(*COMPARED)
    against_sink(row, "mixed-jobs", 64, "processor time at most 1.9 times")
    against_sink(row, "mixed-jobs-protobuf", 64, "")
    against_sink(row, "batch-job", 64, "processor time at most 1.5 times")


def pinned():
    row = table(*COMPARED)
    for name, connections, bound in (("mixed-jobs", 64, 0.55), ("batch-job", 64, 0.68), *(("batch-job", few, 0.75) for few in (8, 2, 1))):
        against_sink(row, name, connections, f"pushes/s at least {bound}", "--pin")


def connections():
    row = table(*COMPARED)
    against_sink(row, "batch-job", 64, "pushes/s at least 0.95", "--keep-alive", "false")
    with secured("-newkey ec -pkeyopt ec_paramgen_curve:P-256") as path:
        certificate = ["--ca", path / "cert.pem", "--sink-cert", path / "cert.pem", "--sink-key", path / "key.pem"]
        command = f"{GATEWAY} --web.config.file={path}/tls.yml"
        bound = "TLS: pushes/s at least 0.95"
        against_sink(row, "batch-job", 64, bound, "--keep-alive", "false", *certificate, command=command)


def in_turn(first, second, rounds=ROUNDS):
    """Both loads in turn: pairs of reports. A load is an address and the arguments of a run."""
    for name, address, arguments in (first, second):
        run(address, *arguments, "--duration", "100ms", name=name)  # Stores all groups.
    fixed = ("--prefill=false", "--duration", f"{SECONDS}s")
    pairs = []
    for at in range(rounds):
        order = (first, second) if at % 2 == 0 else (second, first)
        pair = [run(address, *arguments, *fixed, name=name) for name, address, arguments in order]
        pairs.append(pair if at % 2 == 0 else pair[::-1])
    return pairs


def rate(report):
    return report["pushes_per_second"]


def cpu(report):
    return report["target_usage"]["cpu_seconds_per_push"]


def two_loads(names, pairs, bound):
    row = table("load", "processor time per push", "ratio (range)", "pushes/s", "ratio (range)", "bound")
    for at, name in enumerate(names):
        times, rates = [cpu(pair[at]) for pair in pairs], [rate(pair[at]) for pair in pairs]
        ratios = [middle([of(pair[1]) / of(pair[0]) for pair in pairs]) if at else "" for of in (cpu, rate)]
        row(name, f"{statistics.median(times) * 1e6:.1f} us", ratios[0], f"{statistics.median(rates):,.0f}", ratios[1], bound if at else "")


def one_kind(folder):
    """The kind whose body is nearest to the mean of all kinds."""
    text = (ROOT / "profiles/mixed-jobs.toml").read_text().replace('"mixed-jobs.prom"', f'"{ROOT}/profiles/mixed-jobs.prom"')
    template = (ROOT / "profiles/mixed-jobs.prom").read_text()
    families = ["# HELP " + family for family in template.split("# HELP ")[1:]]
    own, common = ([family for family in families if ("{kind}" in family) == is_own] for is_own in (True, False))
    # As loadtest makes them: so many families of its own, from another one on for each kind.
    bodies = [
        "".join(common + [own[(kind + at) % len(own)] for at in range(2 + kind % (len(own) - 1))]).replace("{kind}", str(kind))
        for kind in range(200)
    ]
    mean = statistics.mean(map(len, bodies))
    (folder / "one.prom").write_text(min(bodies, key=lambda body: abs(len(body) - mean)))
    path = folder / "one.toml"
    path.write_text(text.replace(f'"{ROOT}/profiles/mixed-jobs.prom"\nkinds = 200', f'"{folder}/one.prom"'))
    return path


def kinds():
    with tempfile.TemporaryDirectory() as name, started(GATEWAY) as one, started(GATEWAY) as many:
        loads = (one_kind(pathlib.Path(name)), one, ()), (profile("mixed-jobs"), many, ())
        two_loads(("one kind of job", "200 kinds"), in_turn(*loads), "pushes/s at least 0.95")


def protobuf():
    with started(GATEWAY) as text, started(GATEWAY) as binary:
        loads = (profile("mixed-jobs"), text, ()), (profile("mixed-jobs-protobuf"), binary, ())
        two_loads(("text", "protobuf"), in_turn(*loads), "processor time at most 1.1 times")


def stored():
    few, many = size((1000, 100_000), (100, 1000))
    with started(GATEWAY) as first, started(GATEWAY) as second:
        loads = [(profile("batch-job"), address, ("--groups", groups)) for address, groups in ((first, few), (second, many))]
        two_loads((f"{few:,} groups stored", f"{many:,} groups"), in_turn(*loads), "pushes/s at least 0.95")


def beside():
    groups = size(10_000, 100)
    with started(GATEWAY) as address, tempfile.TemporaryDirectory() as folder:
        scraped = pathlib.Path(folder) / "scraped.toml"
        body = (ROOT / "profiles/batch-job.prom").as_posix()
        text = (ROOT / "profiles/batch-job.toml").read_text().replace('"batch-job.prom"', f'"{body}"')
        scraped.write_text(text + '\n[scraper]\ninterval = "1s"\n')
        fixed = ("--groups", groups)
        highest = statistics.median(rate(run(address, *fixed, "--duration", f"{2 * SECONDS}s")) for _ in range(size(3, 1)))
        fixed += ("--prefill=false", "--rate", int(highest / 2), "--duration", f"{4 * SECONDS}s")
        pairs = []
        for at in range(size(5, 1)):
            loads = ["batch-job", scraped][:: -1 if at % 2 else 1]
            pair = [run(address, *fixed, name=name)["latency_seconds"]["p99"] for name in loads]
            pairs.append(pair[:: -1 if at % 2 else 1])
    row = table("pushes/s", "p99, not scraped", "p99, scraped", "ratio (range)", "bound")
    plain, scraped = (statistics.median(column) for column in zip(*pairs))
    row(f"{highest / 2:,.0f}", ms(plain), ms(scraped), middle([two / one for one, two in pairs]), "at most 1.3")


def wrk_cpu(address, connections, script):
    """What wrk takes for a request, in seconds of its own and of the kernel for it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = ["wrk", f"-t{min(2, connections)}", f"-c{connections}", f"-d{size(2, 1)}s", "-s", script, f"http://{address}"]
    environment = os.environ | {"BODY": str(ROOT / "profiles/batch-job.prom")}
    out = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    taken = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return taken / int(out.split(" requests in ")[0].split()[-1])


def tester():
    row = table("connections", "wrk", "loadtest", "ratio (range)", "bound")
    with started(f"{LOADTEST} sink --port {{port}}") as address, tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(WRK)
        script.flush()
        for connections in 1, 8, 64:
            pairs = []
            for _ in range(ROUNDS):
                fixed = ("--profile", profile("batch-job"), "--connections", connections, "--prefill=false", "--warmup", "100ms")
                rounds = ("--rounds", 1, "--round-seconds", 2 * SECONDS, "--target", f"sink=http://{address}")
                report = loadtest("compare", *fixed, *rounds)["targets"][0]
                pairs.append((wrk_cpu(address, connections, script.name), report["tester_cpu_seconds_per_push"]["median"]))
            theirs, ours = (f"{statistics.median(column) * 1e6:.1f} us" for column in zip(*pairs))
            row(connections, theirs, ours, middle([two / one for one, two in pairs]), "at most 1.5")


if __name__ == "__main__":
    known = {function.__name__: function for function in (cost, pinned, kinds, protobuf, connections, stored, beside, tester)}
    if len(sys.argv) < 2 or sys.argv[1] not in known or not set(sys.argv[2:]) <= {"brief"}:
        sys.exit(__doc__ + "\nknown: " + ", ".join(known))
    print(f"\n{sys.argv[1]}{', brief: the figures mean nothing' if IS_BRIEF else ''}\n")
    known[sys.argv[1]]()
