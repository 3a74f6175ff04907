"""What two gateways must agree on: the answer to a request, the scrape as text and as
protobuf, the JSON view of the groups.

Only what was pushed is compared: each gateway's own series are left out, and push times count as
zero or not. HELP is compared where it is the job's own and cannot depend on which group came last.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError

import exposition
import metrics_proto
from formats import Shown, metric_samples
from wire import Answer, Connection

PUSH_TIMES = ("push_time_seconds", "push_failure_time_seconds")
REFUSED = b"pushed metrics are invalid or inconsistent with existing metrics: "
TIME_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
OWN_PREFIXES = ("go_", "process_", "promhttp_", "pushgateway_", *PUSH_TIMES)
"""Families that a gateway may expose itself, with a HELP of its own wording."""
GROUP_KEYS = ("labels", "last_push_successful")
NATIVE = "native buckets"
"""What stands for those of a native histogram."""

Group = frozenset[tuple[str, str]]


class Broken(Exception):
    """A gateway's own state is not presentable: a scrape that fails or breaks the format."""


@dataclass(frozen=True)
class State:
    """All that was pushed, as one gateway shows it."""

    scrape: dict[str, dict[str, Any]]
    groups: dict[Group, dict[str, Any]]
    protobuf: dict[str, dict[str, Any]]


def read_state(connection: Connection, gzip: bool = False) -> State:
    headers = [("Accept-Encoding", "gzip")] if gzip else []
    scrape = connection.ask("GET", "/metrics", headers)
    protobuf = connection.ask("GET", "/metrics", [*headers, ("Accept", metrics_proto.CONTENT_TYPE)])
    for answer in (scrape, protobuf):
        if answer.status != 200:
            raise Broken(f"the scrape answered {answer.status}: {answer.body[:500]!r}")
    api = connection.ask("GET", "/api/v1/metrics")
    if api.status != 200:
        raise Broken(f"/api/v1/metrics answered {api.status}: {api.body[:500]!r}")
    try:
        groups = groups_view(json.loads(api.body))
        return State(
            scrape_view(exposition.parse(decoded(scrape)), groups),
            groups,
            protobuf_view(metrics_proto.decode(decoded(protobuf)), groups),
        )
    except (exposition.Invalid, DecodeError, KeyError, ValueError, OSError, EOFError) as error:
        raise Broken(f"{type(error).__name__}: {error}") from error


def decoded(answer: Answer) -> bytes:
    if answer.headers.get("content-encoding") == "gzip":
        import gzip

        return gzip.decompress(answer.body)
    return answer.body


def scrape_view(
    families: dict[str, exposition.Family], groups: dict[Group, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Per family with pushed samples: type, HELP where it is certain, the samples as a multiset."""
    view = {}
    for family in families.values():
        pushed = [s for s in family.samples if any(name == "job" for name, _ in s.labels)]
        if pushed:
            samples = ((s.name, s.labels, _value(family.name, s.value)) for s in pushed)
            view[family.name] = {"type": family.kind, "samples": Counter(samples)}
            if _is_help_certain(family.name, groups):
                view[family.name]["help"] = family.help or ""
    return view


def protobuf_view(
    families: list[Any], groups: dict[Group, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """The same of a scrape as protobuf, metric by metric, with what text cannot say."""
    names = [family.name for family in families]
    if names != sorted(set(names)):
        raise ValueError(f"families repeated or out of order: {names}")
    view = {}
    for family in families:
        pushed = [m for m in family.metric if "job" in metrics_proto.labels(m)]
        if pushed:
            kind = metrics_proto.TYPES[family.type]
            metrics = Counter(_protobuf_metric(family.name, kind, metric) for metric in pushed)
            view[family.name] = {"type": kind, "metrics": metrics}
            if _is_help_certain(family.name, groups):
                view[family.name]["help"] = family.help
    return view


def _protobuf_metric(family: str, kind: str, metric: Any) -> tuple[Any, ...]:
    names = [label.name for label in metric.label]
    if names != sorted(set(names)):
        raise ValueError(f"labels repeated or out of order: {names}")
    one = Shown()
    for sample in metric_samples(family, kind.lower(), metric):
        one.add_sample(*sample)
    samples = {(series, _value(family, value)) for series, value in one.samples.items()}
    return frozenset(samples), metrics_proto.beyond_text(metric)


def _is_help_certain(family: str, groups: dict[Group, dict[str, Any]]) -> bool:
    """Whether it is the jobs' own, and the same in all groups."""
    helps = {group[family]["help"] for group in groups.values() if family in group}
    return len(helps) == 1 and not family.startswith(OWN_PREFIXES)


def groups_view(document: dict[str, Any]) -> dict[Group, dict[str, Any]]:
    """The groups by their labels; per family type, HELP and the metrics as a multiset."""
    if document["status"] != "success":
        raise ValueError(f"status {document['status']!r}")
    view = {}
    for group in document["data"]:
        shown: dict[str, Any] = {"last_push_successful": group["last_push_successful"]}
        for name, family in group.items():
            if name in GROUP_KEYS:
                continue
            if TIME_STAMP.fullmatch(family["time_stamp"]) is None:
                raise ValueError(f"time_stamp {family['time_stamp']!r} of {name}")
            metrics = Counter(_metric(name, metric) for metric in family["metrics"])
            shown[name] = {
                "type": family["type"],
                "help": "" if name in PUSH_TIMES else family.get("help", ""),
                "metrics": metrics,
            }
        labels = frozenset(group["labels"].items())
        if labels in view:
            raise ValueError(f"group {dict(labels)} is listed twice")
        view[labels] = shown
    return view


def _metric(family: str, metric: dict[str, Any]) -> tuple[Any, ...]:
    parts: list[tuple[str, Any]] = []
    for key, value in sorted(metric.items()):
        if key == "labels":
            parts.append((key, frozenset(value.items())))
        elif isinstance(value, list):
            parts.append((key, NATIVE))
        elif isinstance(value, dict):
            if key == "buckets":
                # The reference's JSON leaves out the bucket that its scrape adds from the count;
                # shardgate's shows what the scrape shows.
                value = {"+Inf": metric["count"], **value}
            numbers = frozenset((_number(k), _number(v)) for k, v in value.items())
            parts.append((key, numbers))
        else:
            parts.append((key, _value(family, _number(value))))
    return tuple(parts)


def _number(text: str) -> str:
    """The reference's JSON says -0 where its scrape says 0."""
    return "0" if text == "-0" else text


def _value(family: str, text: str) -> str:
    if family in PUSH_TIMES:
        return "never" if float(text) == 0 else "some time"
    return text


def differences(left: Any, right: Any, where: str = "") -> list[str]:
    """Where two views differ, one line for each place, the left one first."""
    if isinstance(left, Counter) and isinstance(right, Counter):
        lines = [f"{where}: only left: {item!r}" for item in (left - right).elements()]
        return lines + [f"{where}: only right: {item!r}" for item in (right - left).elements()]
    if isinstance(left, dict) and isinstance(right, dict):
        lines = []
        for key in sorted(left.keys() | right.keys(), key=repr):
            place = f"{where}/{sorted(key) if isinstance(key, frozenset) else key}"
            if key not in left or key not in right:
                lines.append(f"{place}: only {'left' if key in left else 'right'}")
            else:
                lines += differences(left[key], right[key], place)
        return lines
    return [] if left == right else [f"{where}: {left!r} != {right!r}"]


def _with_native_as_in(view: Any, other: Any) -> Any:
    """1.5.1 shows no native buckets, but the classic ones of the same metric, or none: those count as the native ones of `other`."""
    if isinstance(view, Counter) and isinstance(other, Counter):
        native = {_but_buckets(metric) for metric in other if ("buckets", NATIVE) in metric}
        known = lambda metric: (("buckets", NATIVE), *_but_buckets(metric))  # noqa: E731
        return Counter(
            known(metric) if _but_buckets(metric) in native else metric
            for metric in view.elements()
        )
    if isinstance(view, dict) and isinstance(other, dict):
        return {key: _with_native_as_in(value, other.get(key)) for key, value in view.items()}
    return view


def _but_buckets(metric: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(part for part in metric if part[0] != "buckets")


def state_differences(left: State, right: State) -> list[str]:
    lines = differences(left.groups, _with_native_as_in(right.groups, left.groups), "groups")
    lines += differences(left.scrape, right.scrape, "scrape")
    return lines + differences(left.protobuf, right.protobuf, "protobuf scrape")


def answer_differences(left: Answer, right: Answer) -> list[str]:
    """Status, what a client may act on in the headers, and whether a 400 is a refusal."""
    return differences(_answer_view(left), _answer_view(right), "answer")


def _answer_view(answer: Answer) -> dict[str, Any]:
    view: dict[str, Any] = {"status": answer.status}
    if not 300 <= answer.status < 400:
        view["content type"] = answer.headers.get("content-type", "").split(";")[0]
    if answer.status == 400:
        view["refused"] = answer.body.startswith(REFUSED)
    if "location" in answer.headers:
        view["location"] = answer.headers["location"]
    if "allow" in answer.headers:
        view["allow"] = frozenset(method.strip() for method in answer.headers["allow"].split(","))
    for name in ("access-control-allow-origin", "access-control-allow-methods"):
        if name in answer.headers:
            view[name] = answer.headers[name]
    return view
