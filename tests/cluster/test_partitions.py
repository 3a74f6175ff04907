"""Hosts that cannot reach each other: one side goes on, the other side says that it cannot, and nobody contradicts."""

from __future__ import annotations

import time

from conftest import needs_namespaces
from load import Load
from programs import await_that
from replica_set import LEASE_SECONDS, ReplicaSet
from test_gateway_faults import assert_right

pytestmark = needs_namespaces


def test_a_leader_cut_off_from_nats_is_replaced_and_stops_serving(three: ReplicaSet) -> None:
    with Load(three) as load:
        load.await_acknowledged(100)
        old = three.leader()
        load.take()
        three.network.cut([old.host], [server.host for server in three.nats.servers])
        # After a lease without an acknowledgement it may hold what nobody else will ever see.
        await_that(
            lambda: (scrape := old.ask("GET", "/metrics")) is not None and scrape.status == 503,
            "the old leader serves no scrape",
            LEASE_SECONDS + 3.0,
        )
        await_that(lambda: any(one is not old and one.leads() for one in three.replicas), "a new leader")
        load.await_acknowledged(100)
        answers, slowest = load.take()
        print(f"leader cut off from NATS: slowest answer {slowest:.2f} s, {dict(answers)}, {load.said.most_common(3)}")
        ready = old.ask("GET", "/-/ready")
        assert ready is not None and ready.status == 503, ready
        three.network.heal()
        took = three.await_ready(old)
        print(f"healed: the old leader is ready after {took:.2f} s")
        assert_right(load)


def test_a_follower_cut_off_from_nats_passes_pushes_on_and_then_says_that_it_is_behind(three: ReplicaSet) -> None:
    with Load(three) as load:
        load.await_acknowledged(100)
        leader, follower = three.leader(), three.followers()[0]
        load.take()
        three.network.cut([follower.host], [server.host for server in three.nats.servers])
        load.await_acknowledged(200)
        assert three.leader() is leader
        # It wants no more pushes, and shows what it has to those who ask it.
        await_that(lambda: (to := follower.ask("GET", "/-/ready/pushes")) is not None and to.status == 503, "it says so")
        assert follower.ready()
        load.await_acknowledged(200)
        answers, slowest = load.take()
        print(f"follower cut off from NATS: slowest answer {slowest:.2f} s, {dict(answers)}, {load.said.most_common(3)}")
        assert set(answers) == {"acknowledged"}, load.said
        three.network.heal()
        three.await_ready()
        assert_right(load)


def test_both_sides_of_a_partition_agree_afterwards(three: ReplicaSet) -> None:
    with Load(three) as load:
        load.await_acknowledged(100)
        leader = three.leader()
        at = three.replicas.index(leader)
        small = [leader.host, three.nats.servers[at].host]
        large = [one.host for one in (*three.replicas, *three.nats.servers) if one.host not in small]
        load.take()
        three.network.cut(small, large)
        await_that(lambda: any(one is not leader and one.leads() for one in three.replicas), "the larger side has a leader")
        load.await_acknowledged(100)
        # The smaller side acknowledges nothing, and shows nothing once the lease is over.
        alone = leader.ask("PUT", "/metrics/job/alone", b"alone 1\n", seconds_max=30.0)
        assert alone is None or alone.status == 503, alone
        scrape = leader.ask("GET", "/metrics")
        assert scrape is None or scrape.status == 503, scrape
        answers, slowest = load.take()
        print(f"partition: slowest answer {slowest:.2f} s, {dict(answers)}, {load.said.most_common(3)}")
        three.network.heal()
        three.await_ready()
        assert_right(load)
        assert not any("alone{" in line for line in three.await_same())


def test_a_leader_cut_off_from_the_replicas_still_leads_and_the_others_say_so(three: ReplicaSet) -> None:
    with Load(three) as load:
        load.await_acknowledged(100)
        leader = three.leader()
        three.network.cut([leader.host], [one.host for one in three.replicas if one is not leader])
        time.sleep(3 * LEASE_SECONDS)
        # NATS is what makes a leader. Pushes reach it directly; the others cannot pass theirs on.
        assert three.leader() is leader
        direct = leader.ask("PUT", "/metrics/job/direct", b"direct 1\n")
        assert direct is not None and direct.status == 200, direct
        follower = three.followers()[0]
        passed = follower.ask("PUT", "/metrics/job/passed", b"passed 1\n", seconds_max=40.0)
        assert passed is not None and passed.status == 503 and "retry-after" in passed.headers, passed
        three.network.heal()
        assert_right(load)
