"""Two sets that share one NATS, behind the proxy that divides jobs: a set stands where a gateway stood."""

from __future__ import annotations

from pathlib import Path

import fleet
from ask import Client
from gateways import free_port, running
from hosts import Network
from nats import Nats
from replica_set import ReplicaSet

JOBS = 40


def divided(directory: Path, sets: list[ReplicaSet]) -> tuple[list[str], int]:
    """The shipped configuration that divides jobs, with the proxies of two sets in place of gateways."""
    shipped = fleet.NEEDS_ROOT.sub("", (fleet.PACKAGING / "haproxy" / "haproxy.cfg").read_text())
    lines = [line for line in shipped.splitlines(keepends=True) if "server gateway-3 " not in line]
    port = free_port()
    ports = {9091: port, 8404: free_port(), 9101: sets[0].proxy.port, 9102: sets[1].proxy.port}
    config = directory / "divided.cfg"
    config.write_text(fleet.substituted("".join(lines), ports))
    return ["haproxy", "-f", str(config)], port


def test_each_job_is_in_one_of_two_sets_and_outlasts_its_leader(tmp_path: Path) -> None:
    network = Network()
    nats = Nats(tmp_path, network)
    sets = [ReplicaSet(tmp_path / name, nats, network, name) for name in ("red", "blue")]
    try:
        for one in sets:
            one.start()
        command, port = divided(tmp_path, sets)
        with running("haproxy", command, port, "/-/ready", tmp_path):
            client = Client("127.0.0.1", port, 60.0)
            for job in range(JOBS):
                answer = client.ask("PUT", f"/metrics/job/job-{job}", b"some_metric 1\n")
                assert answer is not None and answer.status == 200, answer
            shares = [{line for line in one.await_same() if line.startswith("some_metric")} for one in sets]
            assert len(shares[0]) + len(shares[1]) == JOBS and not shares[0] & shares[1]
            assert min(map(len, shares)) > JOBS / 5, "each has some"
            # The leader of one set is killed: both take all of their jobs.
            leader = sets[0].leader()
            leader.program.kill()
            for job in range(JOBS):
                answer = client.ask("PUT", f"/metrics/job/job-{job}", b"some_metric 2\n")
                assert answer is not None and answer.status == 200, (job, answer)
            leader.program.start()
            sets[0].await_ready()
            after = [{line for line in one.await_same() if line.startswith("some_metric")} for one in sets]
            assert list(map(len, after)) == list(map(len, shares))
            assert all(line.endswith(" 2") for line in after[0] | after[1])
            client.close()
    finally:
        for one in sets:
            one.close()
        nats.close()
        network.close()
