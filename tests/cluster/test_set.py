"""A whole set is one gateway with three addresses: whatever is pushed to any of them is scraped from each."""

from __future__ import annotations

import json

from programs import await_that
from replica_set import ReplicaSet


def test_a_push_to_any_replica_is_scraped_from_each(three: ReplicaSet) -> None:
    for at, replica in enumerate(three.replicas):
        answer = replica.ask("PUT", f"/metrics/job/to/at/{at}", f"some_metric {at}\n".encode())
        assert answer is not None and answer.status == 200, (replica.name, answer)
        # Who is answered by a replica sees its own push there.
        assert f'some_metric{{at="{at}",instance="",job="to"}} {at}' in replica.groups(), replica.name
    shown = three.await_same()
    assert len([line for line in shown if line.startswith("some_metric")]) == 3, shown


def test_the_proxy_sends_pushes_to_the_leader_whichever_that_is(three: ReplicaSet) -> None:
    def asked() -> list[int]:
        answers = [replica.ask("GET", "/-/leading") for replica in three.replicas]
        return [answer.status if answer else 0 for answer in answers]

    def to_leader() -> bool:
        """Whether each of several pushes in a row was answered by the replica that leads."""
        leader = three.leader()
        server = f"replica-{three.replicas.index(leader) + 1}"
        passed_on = [replica.metric("shardgate_cluster_forwarded_requests_total", 'result="answered"') for replica in three.replicas]
        for number in range(12):
            answer = three.proxy.ask("PUT", "/metrics/job/led", f"led {number}\n".encode())
            if answer is None or answer.status != 200 or answer.headers["x-gateway"] != server:
                return False
        return passed_on == [
            replica.metric("shardgate_cluster_forwarded_requests_total", 'result="answered"') for replica in three.replicas
        ]

    assert sorted(asked()) == [200, 503, 503]
    await_that(to_leader, "pushes reach the leader")
    follower = three.followers()[0]
    said = follower.ask("GET", "/-/leading")
    assert said is not None and said.text.strip().endswith(f"{three.leader().url} does"), said
    three.leader().program.terminate()
    await_that(lambda: sorted(asked()) == [0, 200, 503], "another replica leads")
    await_that(to_leader, "pushes reach the next leader")


def test_every_change_is_that_of_the_set(three: ReplicaSet) -> None:
    first, second, third = three.replicas
    for job in ("kept", "posted", "gone"):
        assert (answer := first.ask("PUT", f"/metrics/job/{job}", b"one 1\ntwo 1\n")) and answer.status == 200, answer
    assert (answer := second.ask("POST", "/metrics/job/posted", b"two 2\n")) and answer.status == 200, answer
    assert (answer := third.ask("DELETE", "/metrics/job/gone")) and answer.status == 202, answer
    assert (answer := first.ask("PUT", "/metrics/job/bad", b"# TYPE one counter\none 1\n")) and answer.status == 400, answer
    shown = three.await_same()
    assert {'one{instance="",job="posted"} 1', 'two{instance="",job="posted"} 2'} <= shown
    assert not any('job="gone"' in line for line in shown)
    assert (answer := second.ask("DELETE", "/api/v1/groups?job=kept")) and answer.status == 200, answer
    assert not any('job="kept"' in line for line in three.await_same())
    assert (answer := third.ask("PUT", "/api/v1/admin/wipe")) and answer.status == 202, answer
    assert not three.await_same()


def test_every_replica_answers_queries_and_pages(three: ReplicaSet) -> None:
    three.push("asked", 1)
    three.await_same()
    answers = set()
    for replica in three.replicas:
        groups = replica.ask("GET", "/api/v1/groups")
        assert groups is not None and groups.status == 200, groups
        answers.add(json.dumps(json.loads(groups.body)["data"]["groups"], sort_keys=True))
        for path in ("/", "/groups", "/status", "/api/v1/status", "/api/v1/metrics"):
            page = replica.ask("GET", path)
            assert page is not None and page.status == 200, (replica.name, path, page)
    assert len(answers) == 1, answers


def test_own_metrics_of_a_replica_are_not_in_the_scrape_of_the_set(three: ReplicaSet) -> None:
    for replica in three.replicas:
        answer = replica.ask("GET", "/metrics")
        assert answer is not None and "shardgate_cluster_" not in answer.text, replica.name
        assert "process_start_time_seconds" not in answer.text, replica.name
        own = replica.ask("GET", "/-/metrics")
        assert own is not None and own.status == 200 and "shardgate_cluster_role{" in own.text, replica.name
    assert sum(replica.leads() for replica in three.replicas) == 1


def test_an_idle_leader_says_that_it_is_alive(three: ReplicaSet) -> None:
    before = three.leader().metric("shardgate_cluster_position")
    assert before is not None
    await_that(lambda: (three.leader().metric("shardgate_cluster_position") or 0) > before, "an entry without a push")
