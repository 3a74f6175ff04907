"""The curl lines of the Pushgateway's own README, with their URLs."""

from __future__ import annotations

import shell
from gateways import Server
from scrape import scrape

PUSH = "curl -sf --data-binary @- $GATEWAY/metrics/job"


def test_one_metric_is_piped_to_a_job(gateway: Server) -> None:
    shell.run(gateway, f'echo "some_metric 3.14" | {PUSH}/some_job')
    assert scrape(gateway).types["some_metric"] == "unknown"
    assert scrape(gateway).value("some_metric", job="some_job") == 3.14


def test_typed_metrics_are_pushed_to_an_instance_and_deleted(gateway: Server) -> None:
    shell.run(
        gateway,
        f"""
cat <<EOF | {PUSH}/some_job/instance/some_instance
# TYPE some_metric counter
some_metric{{label="val1"}} 42
# TYPE another_metric gauge
# HELP another_metric Just an example.
another_metric 2398.283
EOF
echo "third_metric 3" | {PUSH}/some_job
""",
    )
    found = scrape(gateway)
    some = {"job": "some_job", "instance": "some_instance"}
    assert found.value("some_metric_total", label="val1", **some) == 42, (
        "as the parser names counters"
    )
    assert found.types["another_metric"] == "gauge"
    assert found.value("another_metric", **some) == 2398.283

    shell.run(gateway, "curl -sf -X DELETE $GATEWAY/metrics/job/some_job/instance/some_instance")
    found = scrape(gateway)
    assert found.value("another_metric", **some) is None
    assert found.value("third_metric", job="some_job") == 3


def test_a_value_with_slashes_goes_in_as_base64(gateway: Server) -> None:
    shell.run(gateway, f"echo 'm 1' | {PUSH}/directory_cleaner/path@base64/L3Zhci90bXA")
    assert scrape(gateway).value("m", job="directory_cleaner", path="/var/tmp") == 1


def test_an_empty_value_goes_in_as_an_equals_sign(gateway: Server) -> None:
    shell.run(gateway, f"echo 'm 1' | {PUSH}/example/first_label@base64/=/second_label/foobar")
    assert scrape(gateway).value("m", job="example", first_label="", second_label="foobar") == 1


def test_a_non_ascii_value_is_the_same_percent_encoded_and_in_base64(gateway: Server) -> None:
    percent = "/name/%CE%A0%CF%81%CE%BF%CE%BC%CE%B7%CE%B8%CE%B5%CF%8D%CF%82"
    shell.run(gateway, f"echo 'm 1' | {PUSH}/titan{percent}")
    shell.run(gateway, f"echo 'n 2' | {PUSH}/titan/name@base64/zqDPgc6_zrzOt864zrXPjc-C")
    found = scrape(gateway)
    assert found.value("m", job="titan", name="Προμηθεύς") == 1
    assert found.value("n", job="titan", name="Προμηθεύς") == 2
    assert len(found.values("push_time_seconds")) == 1


def test_a_large_body_waits_for_the_gateway_to_say_continue(gateway: Server) -> None:
    lines = "seq 1 60000 | sed 's/.*/m{n=\"&\"} &/'"
    shell.run(gateway, f"{lines} | {PUSH}/large -H 'Expect: 100-continue'")
    assert sum(scrape(gateway).values("m")) == 60000 * 60001 / 2


def test_everything_is_wiped(gateway: Server) -> None:
    shell.run(gateway, f"echo 'm 1' | {PUSH}/a; echo 'm 1' | {PUSH}/b")
    shell.run(gateway, "curl -sf -X PUT $GATEWAY/api/v1/admin/wipe")
    assert scrape(gateway).values("push_time_seconds") == []
