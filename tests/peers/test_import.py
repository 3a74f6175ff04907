"""`shardgate import`: groups of a real Pushgateway, running or by its file, with their times; and back."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import exposition
from certificates import Authority
from compare import read_state, state_differences
from gateways import REPOSITORY, Server, free_port, pushgateway, running, shardgate, shardgate_binary
from metrics_proto import CONTENT_TYPE, MetricFamily, encode, label_pairs
from secure import curl, secure

GROUPS = 10_000
LEFT_ALONE = "left alone: {} groups, which were pushed to the target later"
UNCHANGED = "unchanged: {} groups, {} samples, which the target had with the same push times"
SECONDS_MAX = 120
NATIVE = MetricFamily(
    name="sizes",
    type="HISTOGRAM",
    metric=[
        {
            "label": label_pairs({"k": "v"}),
            "histogram": {"sample_count": 3, "sample_sum": 4.5, "bucket": [
                {"cumulative_count": 1, "upper_bound": 1.0, "exemplar": {"value": 0.5}},
            ]},
        }
    ],
)
# PATH, content type, body: what is odd about paths, values and texts.
ODD = (
    ("/job/plain", "", b"# HELP c A \\\\ and \\n a line.\n# TYPE c counter\nc{k=\"\\\\ \\\" \\n\"} 1e+06\n"),
    ("/job@base64/YS9i/path@base64/L3Zhci90bXA", "", b"m{k=\"\"} NaN\n"),
    ("/job/plain/empty@base64/=/side/a", "", b"m 0.1\n"),
    ("/job/plain/instance@base64/=/zone/a", "", b"m{instance=\"gone\"} -Inf\n"),
    ("/job/plain/zone/b", "", b"m{instance=\"own\"} +Inf\nm{instance=\"other\"} -0\n"),
    ("/job/%C3%A9%20%F0%9F%98%80/instance/h%C3%B6st", "", b"m{k=\"\xc3\xa9\"} 5e-324\n"),
    ("/job/..dots/instance@base64/Li4", "", b"m 1.7976931348623157e+308\n"),
    ("/job/summary", "", b"# TYPE s summary\ns{quantile=\"0.5\"} NaN\ns{quantile=\"0.99\"} 2\ns_sum 3.5\ns_count 9\n"
        b"s_sum{k=\"1\"} 0\ns_count{k=\"1\"} 0\n"),
    ("/job/histogram", "", b"# TYPE h histogram\nh_bucket{le=\"0.5\"} 1\nh_bucket{le=\"1e+06\"} 3\nh_bucket{le=\"+Inf\"} 4\n"
        b"h_sum -1\nh_count 4\n"),
    ("/job/protobuf", CONTENT_TYPE, encode([NATIVE])),
    ("/job/gauges", "", b"# HELP g  two blanks \n# TYPE g gauge\ng 12345678.9\ng{a=\"<&>\\\\\"} 1e-07\n"),
)  # fmt: skip


@dataclass(frozen=True)
class Imported:
    exit: int
    lines: list[str]
    error: str


def imported(*words: str) -> Imported:
    command = [shardgate_binary(), "import", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
    return Imported(done.returncode, done.stdout.splitlines(), done.stderr)


def copied(source: Server | Path, target: Server, *words: str) -> list[str]:
    """What an import says that must not fail."""
    given = f"--from={source.url}" if isinstance(source, Server) else f"--gob={source}"
    done = imported(given, f"--to={target.url}", *words)
    assert done.exit == 0, done
    assert all(line.startswith("importing: ") for line in done.error.splitlines()), done
    return done.lines


@contextmanager
def saving(directory: Path, file: Path, *flags: str) -> Iterator[Server]:
    """A Pushgateway that leaves its groups in a file when it is stopped."""
    port = free_port()
    command = ["prometheus-pushgateway", f"--persistence.file={file}", f"--web.listen-address=127.0.0.1:{port}"]
    with running("pushgateway", [*command, *flags], port, "/-/ready", directory) as server:
        yield server


def pushed(server: Server) -> list[str]:
    """The lines of a scrape that show groups, with the times of their pushes."""
    body = server.connect().ask("GET", "/metrics").body.decode()
    return sorted(line for line in body.splitlines() if 'job="' in line and not line.startswith("#"))


def headers(server: Server) -> list[str]:
    """The HELP and TYPE lines of the families of the batch job."""
    body = server.connect().ask("GET", "/metrics").body.decode()
    return [line for line in body.splitlines() if line.startswith(("# HELP job_", "# TYPE job_"))]


def families(server: Server) -> dict[str, tuple[str, str | None, int]]:
    """Types and helps, but for the gateway's own, and how many samples there are, read strictly."""
    shown = exposition.parse(server.connect().ask("GET", "/metrics").body).values()
    return {
        family.name: (family.kind, family.help, len(family.samples))
        for family in shown
        if any(name == "job" for name, _ in family.samples[0].labels) and not family.name.startswith("push_")
    }


def put(server: Server, path: str, body: bytes, content_type: str = "", status: int = 200) -> None:
    headers = [("Content-Type", content_type)] if content_type else []
    answer = server.connect().ask("PUT", f"/metrics{path}", headers, body)
    assert answer.status == status, answer



def test_ten_thousand_groups_come_over_live_and_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "pushgateway.store"
    job = (REPOSITORY / "profiles" / "batch-job.prom").read_bytes()
    samples = GROUPS * 19
    with saving(tmp_path, file, "--push.disable-consistency-check") as source, shardgate(tmp_path) as target:
        connection = source.connect()
        for group in range(GROUPS):
            path = f"/metrics/job/job{group % 50}/instance/node-{group}"
            body = job.replace(b"42.731", b"%d" % group)
            assert connection.ask("PUT", path, [], body).status == 202
        wanted = pushed(source)
        assert len(wanted) == samples + 2 * GROUPS
        listed = copied(source, target, "--dry-run")
        assert len(listed) == GROUPS + 1 and listed[-1] == f"would copy: {GROUPS} groups, {samples} samples"
        assert pushed(target) == [], "nothing is copied"
        assert copied(source, target) == [f"copied: {GROUPS} groups, {samples} samples"]
        assert pushed(target) == wanted
        assert copied(source, target) == ["copied: 0 groups, 0 samples", UNCHANGED.format(GROUPS, samples)]
        assert pushed(target) == wanted
        assert len(headers(target)) == 14 and headers(target) == headers(source)
    with shardgate(tmp_path) as target:
        assert copied(file, target) == [f"copied: {GROUPS} groups, {samples} samples"]
        assert pushed(target) == wanted


def test_odd_groups_come_over_as_they_were(tmp_path: Path) -> None:
    file = tmp_path / "pushgateway.store"
    with saving(tmp_path, file) as source, shardgate(tmp_path) as target:
        for path, content_type, body in ODD:
            put(source, path, body, content_type)
        put(source, "/job/plain", b"m 1\nm 1\n", status=400)
        put(source, "/job/never", b"m 1\nm 1\n", status=400)
        put(source, "/job/empty", b"")
        count = len(ODD) + 2
        for at, word in ((0, "copied"), (1, "unchanged")):
            assert copied(source, target)[at].startswith(f"{word}: {count} groups, ")
            # All but exemplars, which the source does not tell.
            differences = state_differences(read_state(source.connect()), read_state(target.connect()))
            assert all("protobuf scrape/sizes" in line for line in differences), differences
            assert pushed(target) == pushed(source)
        assert families(target) == families(source)
        wanted = pushed(source)
        failed = [line for line in wanted if line.startswith("push_failure_time_seconds{") and not line.endswith(" 0")]
        assert len(failed) == 2
    with shardgate(tmp_path) as target:
        assert copied(file, target)[0].startswith(f"copied: {count} groups, ")
        assert pushed(target) == wanted


def test_what_was_pushed_to_the_target_meanwhile_is_left_alone(tmp_path: Path) -> None:
    with pushgateway(tmp_path) as source, shardgate(tmp_path) as target:
        for path in ("/job/a", "/job/b", "/job@base64/Yy8x"):
            put(source, path, b"m 1\n")
        put(target, "/job/a", b"m 2\n")
        before = pushed(target)
        selected = copied(source, target, '--match={job="a"}', "--match={job=~\"c/.\"}")
        assert selected == ["copied: 1 groups, 1 samples", LEFT_ALONE.format(1)]
        assert [line for line in pushed(target) if 'job="a"' in line] == before
        assert not any('job="b"' in line for line in pushed(target))
        lines = copied(source, target, "--overwrite")
        assert lines == ["copied: 2 groups, 2 samples", UNCHANGED.format(1, 1)]
        assert pushed(target) == pushed(source)


def test_what_cannot_be_copied_is_named(tmp_path: Path) -> None:
    with pushgateway(tmp_path) as source, shardgate(tmp_path) as target:
        put(source, "/job/a", b"# TYPE m counter\nm 1\n")
        put(source, "/job/b", b"n 1\n")
        put(source, "/job/c", b"labels 1\n")
        put(target, "/job/z", b"# TYPE m gauge\nm 1\n")
        done = imported(f"--from={source.url}", f"--to={target.url}")
        assert (done.exit, done.error) == (1, ""), done
        assert done.lines[:2] == ["copied: 1 groups, 1 samples", "not copied: 2 groups"]
        refused, hidden = sorted(done.lines[2:])
        assert refused.startswith("  /job/a: 400 ") and 'family "m"' in refused, refused
        assert '"job", "c"' in hidden and "a family named labels" in hidden, hidden
        assert not any('job="a"' in line for line in pushed(target)), "not even a failure"


def test_who_cannot_be_asked_is_named_on_one_line(tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    broken = tmp_path / "broken"
    broken.write_bytes(b"no gob")
    port = free_port()
    closed = [shardgate_binary(), f"--web.listen-address=127.0.0.1:{port}"]
    config = "basic_auth_users:\n  ops: $2b$04$abcdefghijklmnopqrstuuWCAfqTBqVN0ZmY0ANxHGvROpJVWxkFm\n"
    with (
        pushgateway(tmp_path) as source,
        shardgate(tmp_path) as target,
        running("shardgate", closed, port, "/-/ready", tmp_path) as no_admin,
        secure(tmp_path, config) as guarded,
    ):
        put(source, "/job/a", b"m 1\n")
        to = f"--to={target.url}"
        for words, where, why in (
            ((f"--from={nobody}", to), nobody, "cannot connect"),
            ((f"--from={source.url}", f"--to={nobody}"), nobody, "cannot connect"),
            ((f"--from={guarded.url}", to), guarded.url, "401"),
            ((f"--from={source.url}", f"--to={guarded.url}"), guarded.url, "401"),
            ((f"--from={source.url}", f"--to={no_admin.url}"), no_admin.url, "--web.enable-admin-api"),
            ((f"--from={source.url}/sub", to), f"{source.url}/sub", "404"),
            ((f"--from={source.url}", "--to=127.0.0.1:1"), "--to", "expected http://"),
            ((f"--gob={tmp_path}/missing", to), "missing", "No such file"),
            ((f"--gob={broken}", to), "broken", "byte"),
            ((to,), "--from", "needed"),
        ):
            done = imported(*words)
            assert done.exit == 1 and len(done.error.splitlines()) == 1, (words, done)
            assert done.error.startswith("shardgate: error: "), done
            assert where in done.error and why in done.error, (words, done)
        assert pushed(target) == []


def test_both_sides_may_want_tls_and_a_password(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)
    pair, trusted = authority.sign("gateway"), authority.own.cert
    password = tmp_path / "password"
    password.write_text("secret\n")
    config = (
        f"tls_server_config:\n  cert_file: {pair.cert}\n  key_file: {pair.key}\n"
        "basic_auth_users:\n  ops: $2b$10$abcdefghijklmnopqrstuuqflPDzB6gcMhKa1rZqKiun2YGL5sa2u\n"
    )
    with secure(tmp_path, config, "--web.enable-admin-api") as source, secure(
        tmp_path, config, "--web.enable-admin-api"
    ) as target:
        answer = curl(source, "/metrics/job/a", "--cacert", str(trusted), "-u", "ops:secret", "--data-binary", "m 1\n")
        assert answer.status == 200, answer
        side = ("user=ops", f"password-file={password}", f"ca={trusted}")
        urls = [f"https://127.0.0.1:{server.port}" for server in (source, target)]
        flags = [f"--from={urls[0]}", f"--to={urls[1]}"]
        flags += [f"--{which}-{flag}" for which in ("from", "to") for flag in side]
        done = imported(*flags)
        assert (done.exit, done.lines) == (0, ["copied: 1 groups, 1 samples"]), done
        untrusted = [flag for flag in flags if not flag.startswith("--to-ca")]
        assert "authorities to trust" in imported(*untrusted).error
        other = Authority.make(tmp_path, "other").own.cert
        done = imported(*untrusted, f"--to-ca={other}")
        assert done.exit == 1 and urls[1] in done.error and "certificate" in done.error, done


def test_back_to_a_pushgateway_as_pushes(tmp_path: Path) -> None:
    with shardgate(tmp_path) as source, pushgateway(tmp_path) as target:
        for path, content_type, body in ODD:
            put(source, path, body, content_type)
        put(source, "/job/never", b"m 1\nm 1\n", status=400)
        wanted = [line for line in pushed(source) if not line.startswith("push_") and 'job="never"' not in line]
        lines = copied(source, target, "--as-pushes")
        count = len(ODD)
        assert lines[0].startswith(f"copied: {count} groups, ")
        assert lines[1:] == ["left out: 1 groups that only refused pushes have made"]
        first = pushed(target)
        assert [line for line in first if not line.startswith("push_")] == wanted
        lines = copied(source, target, "--as-pushes")
        assert LEFT_ALONE.format(count) in lines, lines
        assert pushed(target) == first
