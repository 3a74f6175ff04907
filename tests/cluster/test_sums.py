"""A sum is the same on every replica, whoever was pushed to, and after all of them were killed."""

from __future__ import annotations

from pathlib import Path

from metrics_proto import CONTENT_TYPE, MetricFamily, decode, encode, label_pairs
from programs import await_that
from replica_set import Replica, ReplicaSet, replica_set

RULES = """
rules:
  - match: '{job="workers"}'
    aggregate:
      without: [instance]
"""


def pushed(done: int, took: int, trace: str, second: int) -> bytes:
    """A counter with an exemplar, and a native histogram with so many observations between 1 and 2."""
    exemplar = {"label": label_pairs({"trace": trace}), "value": 1.0, "timestamp": {"seconds": second}}
    histogram = {
        "sample_count": took,
        "sample_sum": float(took),
        "schema": 0,
        "zero_threshold": 2.0**-128,
        "positive_span": [{"offset": 1, "length": 1}],
        "positive_delta": [took],
    }
    counter = MetricFamily(name="done_total", type="COUNTER", metric=[{"counter": {"value": done, "exemplar": exemplar}}])
    native = MetricFamily(name="took", type="HISTOGRAM", metric=[{"histogram": histogram}])
    return encode([counter, native])


def push(replica: Replica, source: str, body: bytes) -> None:
    client = replica.client()
    answer = client.ask("PUT", f"/metrics/job/workers/instance/{source}", body, {"Content-Type": CONTENT_TYPE})
    client.close()
    assert answer is not None and answer.status == 200, answer


def shown(replica: Replica) -> tuple[float, str, int, int] | None:
    """The counter, its exemplar, and the count and the bucket of the histogram."""
    client = replica.client()
    answer = client.ask("GET", "/metrics", headers={"Accept": CONTENT_TYPE})
    client.close()
    if answer is None or answer.status != 200:
        return None
    families = {one.name: one for one in decode(answer.body)}
    (done,), (took,) = families["done_total"].metric, families["took"].metric
    (label,) = done.counter.exemplar.label
    (bucket,) = took.histogram.positive_delta
    return done.counter.value, label.value, took.histogram.sample_count, bucket


def await_all(over: ReplicaSet, expected: tuple[float, str, int, int]) -> None:
    await_that(lambda: [shown(replica) for replica in over.replicas] == [expected] * 3, f"each shows {expected}")


def test_a_sum_is_the_same_on_each_replica_and_outlasts_all_of_them(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES)
    with replica_set(tmp_path / "set", f"--rules.file={rules}") as over:
        first, second, third = over.replicas
        for _ in range(2):
            push(first, "a", pushed(1, 10, "older", 100))
            push(second, "b", pushed(2, 20, "newer", 200))
            push(third, "c", pushed(4, 40, "oldest", 50))
        await_all(over, (7.0, "newer", 70, 70))
        for replica in over.replicas:
            replica.program.kill()
        for replica in over.replicas:
            replica.program.start()
        over.await_ready()
        await_all(over, (7.0, "newer", 70, 70))
        # What each source has counted since, one of them after a restart.
        push(third, "a", pushed(3, 15, "older", 100))
        push(first, "b", pushed(1, 1, "newest", 300))
        await_all(over, (10.0, "newest", 76, 76))
