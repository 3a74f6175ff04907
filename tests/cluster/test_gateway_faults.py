"""Gateways of a set that are killed, paused, stopped and begun again: what was acknowledged stays, and pushes go on."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

from ask import Answer
from gateways import loadtest_binary
from load import Load
from programs import await_that
from replica_set import LEASE_SECONDS, ReplicaSet

TAKEOVER_SECONDS_MAX = LEASE_SECONDS + 1.0
JOB = re.compile(r'job="[^"]*"')
FINDINGS = ("lost", "stale", "phantom", "half_applied", "doubled", "api_differs")
PROFILE = """
about = "Many jobs, a group each."
connections = 16
warmup = "100ms"

[groups]
count = 200
path = "/metrics/job/job-{group}/instance/node-{group}"
prefill = false

[[bodies]]
families = 3
series = 2
"""


def assert_right(load: Load) -> None:
    verdict = load.verdict()
    print(verdict)
    assert not verdict.faults, f"{verdict}\n{load.said.most_common(10)}"


def first_acknowledged(three: ReplicaSet, since: float) -> float:
    """How long after this moment a push through the proxy is acknowledged. Pushes one after the other."""
    while (answer := three.push("first", 1)) is None or answer.status != 200:
        assert time.monotonic() - since < 30, answer
    return time.monotonic() - since


def await_pushed(three: ReplicaSet, groups: int) -> None:
    """Waits until so many jobs of the load tester are there: after a takeover, until its pushes go on."""
    leader = three.leader()
    await_that(lambda: len(set(JOB.findall("\n".join(leader.groups())))) > groups, f"{groups} groups have been pushed")


def test_a_killed_leader_costs_a_wait_and_no_push(three: ReplicaSet) -> None:
    with Load(three) as load:
        load.await_acknowledged(100)
        leader = three.leader()
        load.take()
        since = time.monotonic()
        leader.program.kill()
        took = first_acknowledged(three, since)
        assert three.leader() is not leader
        load.await_acknowledged(100)
        answers, slowest = load.take()
        print(f"leader killed: first acknowledgement after {took:.2f} s, slowest answer {slowest:.2f} s, {dict(answers)}")
        assert set(answers) == {"acknowledged"}, load.said
        assert took < TAKEOVER_SECONDS_MAX
        three.start()
        assert_right(load)


def test_a_killed_follower_costs_nothing(three: ReplicaSet) -> None:
    with Load(three) as load:
        load.await_acknowledged(100)
        leader, follower = three.leader(), three.followers()[0]
        load.take()
        follower.program.kill()
        load.await_acknowledged(200)
        answers, slowest = load.take()
        print(f"follower killed: slowest answer {slowest:.2f} s, {dict(answers)}")
        assert set(answers) == {"acknowledged"}, load.said
        assert three.leader() is leader
        three.start()
        assert_right(load)


def test_a_leader_that_was_paused_serves_nothing_that_was_not_acknowledged(three: ReplicaSet) -> None:
    ghost = b"ghost 1\n"
    with Load(three) as load:
        load.await_acknowledged(100)
        old = three.leader()
        old.program.pause()
        # The kernel takes this push for the paused process, which reads it when it goes on.
        answers: list[Answer | None] = []
        pusher = threading.Thread(
            target=lambda: answers.append(old.ask("PUT", "/metrics/job/ghost", ghost, seconds_max=60.0)), daemon=True
        )
        pusher.start()
        time.sleep(10.0)
        load.await_acknowledged(50)
        new = three.leader()
        assert new is not old
        shown: list[tuple[int, bool]] = []
        over = threading.Event()

        def look() -> None:
            while not over.is_set():
                scrape = old.ask("GET", "/metrics")
                if scrape is not None:
                    shown.append((scrape.status, "ghost{" in scrape.text))

        watcher = threading.Thread(target=look, daemon=True)
        watcher.start()
        old.program.resume()
        took = three.await_ready(old)
        pusher.join(60.0)
        over.set()
        watcher.join(10.0)
        assert answers and answers[0] is not None, "the push to the paused leader was never answered"
        told = f"the push to it got {answers[0].status}; {len(shown)} scrapes"
        print(f"leader paused for 10 s: ready again after {took:.2f} s; {told}")
        if answers[0].status != 200:
            assert answers[0].status == 503, answers[0]
            assert not any(has_ghost for _, has_ghost in shown), "a scrape showed a push that was not acknowledged"
        assert {status for status, _ in shown} <= {200, 503}, shown
        assert_right(load)


def test_a_stopped_leader_resigns_and_a_rolling_restart_refuses_no_push(three: ReplicaSet) -> None:
    with Load(three) as load:
        load.await_acknowledged(100)
        load.take()
        for replica in sorted(three.replicas, key=lambda one: one.leads()):
            led, since = replica.leads(), time.monotonic()
            replica.program.terminate()
            if led:
                took = first_acknowledged(three, since)
                print(f"leader stopped: first acknowledgement after {took:.2f} s")
            replica.program.start()
            three.await_ready(replica)
        load.await_acknowledged(100)
        answers, slowest = load.take()
        print(f"rolling restart: slowest answer {slowest:.2f} s, {dict(answers)}")
        assert set(answers) == {"acknowledged"}, load.said
        assert_right(load)


def test_a_replica_with_an_empty_memory_shows_nothing_before_it_has_everything(three: ReplicaSet) -> None:
    for at in range(300):
        answer = three.push(f"many-{at}", at)
        assert answer is not None and answer.status == 200, answer
    everything = three.await_same()
    follower = three.followers()[0]
    follower.program.kill()
    assert (gone := three.push("while-away", 1)) is not None and gone.status == 200
    assert (deleted := three.proxy.ask("DELETE", "/metrics/job/many-7")) is not None and deleted.status == 202
    follower.program.start()
    shown: list[set[str]] = []

    def ready() -> bool:
        scrape = follower.ask("GET", "/metrics")
        if scrape is not None and scrape.status == 200:
            shown.append({line for line in scrape.text.splitlines() if "job=" in line})
        return follower.ready()

    took = await_that(ready, "the new replica is ready")
    print(f"replica with an empty memory: ready after {took:.2f} s")
    now = three.await_same()
    assert now != everything and not any('job="many-7"' in line for line in now)
    # It has never shown a part: each scrape that it answered had all groups.
    assert all(scrape == now for scrape in shown), sorted(len(scrape) for scrape in shown)


def test_all_replicas_restarted_find_everything_in_the_stream(three: ReplicaSet) -> None:
    with Load(three) as load:
        load.await_acknowledged(200)
        for replica in three.replicas:
            replica.program.kill()
        time.sleep(LEASE_SECONDS)
        for replica in three.replicas:
            replica.program.start()
        took = three.await_ready()
        print(f"all replicas restarted: ready after {took:.2f} s")
        load.await_acknowledged(50)
        assert_right(load)


def test_the_load_tester_loses_nothing_when_leaders_are_killed(three: ReplicaSet, tmp_path: Path) -> None:
    profile = tmp_path / "profile.toml"
    profile.write_text(PROFILE)
    command = [loadtest_binary(), "run", "--json", "--profile", str(profile), "--target", three.proxy_url]
    verified = [*command, "--duration=60s", "--verify", "--scrape", three.proxy_url]
    with subprocess.Popen(verified, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as load:
        try:
            for pushed in (50, 100):
                await_pushed(three, pushed)
                leader = three.leader()
                leader.program.kill()
                await_that(lambda: any(one.program.running and one.leads() for one in three.replicas), "a new leader")
                leader.program.start()
                three.await_ready(leader)
            await_pushed(three, 160)
            load.send_signal(signal.SIGINT)
            out, err = load.communicate(timeout=60)
        finally:
            load.kill()
    assert out, err
    report = json.loads(out)
    print({"successes": report["successes"], "errors": report["errors"], **report["verified"]})
    assert report["successes"] > 0 and report["verified"]["groups"] > 150, report
    found = [report["verified"][kind] for kind in FINDINGS if report["verified"][kind] is not None]
    assert not any(found), report["verified"]
    three.await_same()
