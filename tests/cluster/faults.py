#!/usr/bin/env python3
"""Random faults under verified load: faults.py --faults 100 --seed 1 [--settle SECONDS]

Starts a replica set, pushes and deletes through HAProxy and scrapes every replica all along. Each fault lasts for some
seconds, then everything is made whole, and what every replica shows is compared with what was acknowledged. Prints a
line for each fault and the counts by kind of fault. Ends with status 1 if anything was lost, resurrected, half applied
or otherwise wrong. Run it with `isolated`, or no partitions are among the faults:

    SHARDGATE_BIN=target/debug/shardgate tests/cluster/isolated python3 tests/cluster/faults.py --faults 100 --seed 1
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "peers")]

from hosts import ISOLATED
from load import Load, Verdict
from replica_set import ReplicaSet, replica_set

FAULT_SECONDS = (0.5, 6.0)
"""From within a lease to well beyond it."""
KEPT_BUSY = 20
"""Changes that must be acknowledged before the next fault: each fault meets a set at work."""

Act = Callable[[ReplicaSet, random.Random], str]


def kill_leader(of: ReplicaSet, _: random.Random) -> str:
    leader = of.leader()
    leader.program.kill()
    return leader.name


def kill_follower(of: ReplicaSet, draw: random.Random) -> str:
    follower = draw.choice(of.followers())
    follower.program.kill()
    return follower.name


def stop_leader(of: ReplicaSet, _: random.Random) -> str:
    leader = of.leader()
    leader.program.terminate()
    return leader.name


def pause_leader(of: ReplicaSet, _: random.Random) -> str:
    leader = of.leader()
    leader.program.pause()
    return leader.name


def pause_follower(of: ReplicaSet, draw: random.Random) -> str:
    follower = draw.choice(of.followers())
    follower.program.pause()
    return follower.name


def kill_two_gateways(of: ReplicaSet, draw: random.Random) -> str:
    chosen = draw.sample(of.replicas, 2)
    for replica in chosen:
        replica.program.kill()
    return " and ".join(replica.name for replica in chosen)


def kill_all_gateways(of: ReplicaSet, _: random.Random) -> str:
    for replica in of.replicas:
        replica.program.kill()
    return "all"


def kill_nats_leader(of: ReplicaSet, draw: random.Random) -> str:
    server = of.nats.leader(of.stream) or draw.choice(of.nats.servers)
    server.program.kill()
    return server.name


def pause_nats_leader(of: ReplicaSet, draw: random.Random) -> str:
    server = of.nats.leader(of.stream) or draw.choice(of.nats.servers)
    server.program.pause()
    return server.name


def kill_nats_quorum(of: ReplicaSet, draw: random.Random) -> str:
    chosen = draw.sample(of.nats.servers, 2)
    for server in chosen:
        server.program.kill()
    return " and ".join(server.name for server in chosen)


def kill_all_nats(of: ReplicaSet, _: random.Random) -> str:
    for server in of.nats.servers:
        server.program.kill()
    return "all"


def cut_leader_from_nats(of: ReplicaSet, _: random.Random) -> str:
    leader = of.leader()
    of.network.cut([leader.host], [server.host for server in of.nats.servers])
    return leader.name


def cut_follower_from_nats(of: ReplicaSet, draw: random.Random) -> str:
    follower = draw.choice(of.followers())
    of.network.cut([follower.host], [server.host for server in of.nats.servers])
    return follower.name


def cut_leader_from_replicas(of: ReplicaSet, _: random.Random) -> str:
    leader = of.leader()
    of.network.cut([leader.host], [replica.host for replica in of.replicas if replica is not leader])
    return leader.name


def cut_off_machine(of: ReplicaSet, draw: random.Random) -> str:
    """A gateway and a NATS server on one side, all others on the other side."""
    at = draw.randrange(len(of.replicas))
    mine = [of.replicas[at].host, of.nats.servers[at].host]
    others = [one.host for one in (*of.replicas, *of.nats.servers) if one.host not in mine]
    of.network.cut(mine, others)
    return f"{of.replicas[at].name} with {of.nats.servers[at].name}"


PROCESS_FAULTS: dict[str, Act] = {
    "leader killed": kill_leader,
    "leader stopped (SIGTERM)": stop_leader,
    "leader paused": pause_leader,
    "follower killed": kill_follower,
    "follower paused": pause_follower,
    "two gateways killed": kill_two_gateways,
    "all gateways killed": kill_all_gateways,
    "NATS leader killed": kill_nats_leader,
    "NATS leader paused": pause_nats_leader,
    "NATS without quorum": kill_nats_quorum,
    "all NATS servers killed": kill_all_nats,
}
NETWORK_FAULTS: dict[str, Act] = {
    "leader cut off from NATS": cut_leader_from_nats,
    "follower cut off from NATS": cut_follower_from_nats,
    "leader cut off from the replicas": cut_leader_from_replicas,
    "machine cut off": cut_off_machine,
}


def faults() -> dict[str, Act]:
    """Those that this machine permits."""
    return {**PROCESS_FAULTS, **(NETWORK_FAULTS if ISOLATED else {})}


@dataclass
class Report:
    """What a run of faults has come to."""

    verdict: Verdict = field(default_factory=Verdict)
    answers: dict[str, Counter[str]] = field(default_factory=dict)
    """By kind of fault: how often it was made, and the answers from its begin until the set was whole again."""
    slowest_seconds: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        rows = ["| fault | times | acknowledged | refused | slowest answer |", "|---|---|---|---|---|"]
        for name, answers in sorted(self.answers.items()):
            refused = {answer: n for answer, n in answers.items() if answer not in ("times", "acknowledged")}
            told = ", ".join(f"{answer}: {n}" for answer, n in sorted(refused.items())) or "0"
            row = [name, answers["times"], answers["acknowledged"], told, f"{self.slowest_seconds[name]:.1f} s"]
            rows.append("| " + " | ".join(map(str, row)) + " |")
        return "\n".join([*rows, str(self.verdict)])


def run(over: ReplicaSet, count: int, seed: int, say: Callable[[str], None]) -> Report:
    """Makes this many faults, one after the other."""
    draw, report = random.Random(seed), Report()
    # Each kind comes about as often as any other.
    kinds = list(faults().items())
    order = [kinds[at % len(kinds)] for at in range(count)]
    draw.shuffle(order)
    with Load(over, seed=seed) as load:
        load.await_acknowledged(KEPT_BUSY)
        for number, (name, act) in enumerate(order, start=1):
            load.take()
            lasting, since = draw.uniform(*FAULT_SECONDS), time.monotonic()
            whom = act(over, draw)
            time.sleep(lasting)
            over.start()
            healed = time.monotonic() - since - lasting
            load.await_acknowledged(KEPT_BUSY)
            verdict = load.check()
            report.verdict.add(verdict)
            answers, slowest = load.take()
            report.answers.setdefault(name, Counter()).update({**answers, "times": 1})
            report.slowest_seconds[name] = max(slowest, report.slowest_seconds.get(name, 0.0))
            bad = "; ".join(verdict.examples) if verdict.faults else "right"
            say(f"{number} {name}: {whom}, for {lasting:.1f} s; whole after {healed:.1f} s; {dict(answers)}; {bad}")
        for watcher in load.watchers:
            report.verdict.add(watcher.verdict)
        for said, times in load.said.most_common(20):
            say(f"  {times} x {said}")
    return report


def main() -> int:
    flags = argparse.ArgumentParser(description="Random faults under verified load.")
    flags.add_argument("--faults", type=int, default=100, help="how many (default: 100)")
    flags.add_argument("--seed", type=int, default=1, help="which ones (default: 1)")
    flags.add_argument("--keep", type=Path, help="a new folder for logs and streams, which is kept")
    given = flags.parse_args()
    with TemporaryDirectory(prefix="shardgate-faults-") as made:
        directory = given.keep or Path(made)
        directory.mkdir(parents=True, exist_ok=True)
        with replica_set(directory) as over:
            report = run(over, given.faults, given.seed, lambda line: print(line, flush=True))
    print(report)
    return 1 if report.verdict.faults else 0


if __name__ == "__main__":
    sys.exit(main())
