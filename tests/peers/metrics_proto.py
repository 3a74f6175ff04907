"""The protobuf messages of pushes and scrapes, built here rather than compiled from a .proto file.

Owns the schema that prometheus/client_model publishes as `io.prometheus.client` (proto2, so that a
field which is set to zero differs from one which is not set), and streams of families, each behind
its length as a varint.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2
from google.protobuf.proto import parse_length_prefixed, serialize_length_prefixed

PACKAGE = "io.prometheus.client"
CONTENT_TYPE = f"application/vnd.google.protobuf; proto={PACKAGE}.MetricFamily; encoding=delimited"
TYPES = ("COUNTER", "GAUGE", "SUMMARY", "UNTYPED", "HISTOGRAM", "GAUGE_HISTOGRAM")
"""By number."""
MESSAGES = {
    "LabelPair": "1 name string, 2 value string",
    "Gauge": "1 value double",
    "Counter": "1 value double, 2 exemplar Exemplar, 3 created_timestamp Timestamp",
    "Untyped": "1 value double",
    "Quantile": "1 quantile double, 2 value double",
    "Summary": "1 sample_count uint64, 2 sample_sum double, 3 quantile *Quantile, "
    "4 created_timestamp Timestamp",
    "Histogram": "1 sample_count uint64, 2 sample_sum double, 3 bucket *Bucket, "
    "4 sample_count_float double, 5 schema sint32, 6 zero_threshold double, 7 zero_count uint64, "
    "8 zero_count_float double, 9 negative_span *BucketSpan, 10 negative_delta *sint64, "
    "11 negative_count *double, 12 positive_span *BucketSpan, 13 positive_delta *sint64, "
    "14 positive_count *double, 15 created_timestamp Timestamp, 16 exemplars *Exemplar",
    "Bucket": "1 cumulative_count uint64, 2 upper_bound double, 3 exemplar Exemplar, "
    "4 cumulative_count_float double",
    "BucketSpan": "1 offset sint32, 2 length uint32",
    "Exemplar": "1 label *LabelPair, 2 value double, 3 timestamp Timestamp",
    "Metric": "1 label *LabelPair, 2 gauge Gauge, 3 counter Counter, 4 summary Summary, "
    "5 untyped Untyped, 6 timestamp_ms int64, 7 histogram Histogram",
    "MetricFamily": "1 name string, 2 help string, 3 type MetricType, 4 metric *Metric, "
    "5 unit string",
}
"""Number, name and type of every field; a star for those that repeat."""

NATIVE_FIELDS = (
    "schema", "zero_threshold", "zero_count", "zero_count_float", "negative_span", "negative_delta",
    "negative_count", "positive_span", "positive_delta", "positive_count", "exemplars",
)  # fmt: skip
"""Those of a histogram that make it a native one."""


def _file() -> descriptor_pb2.FileDescriptorProto:
    timestamps = timestamp_pb2.DESCRIPTOR
    file = descriptor_pb2.FileDescriptorProto(
        name="metrics.proto", package=PACKAGE, syntax="proto2", dependency=[timestamps.name]
    )
    metric_type = file.enum_type.add(name="MetricType")
    for number, name in enumerate(TYPES):
        metric_type.value.add(name=name, number=number)
    for message, fields in MESSAGES.items():
        described = file.message_type.add(name=message)
        for field in fields.split(", "):
            _describe(described.field.add(), *field.split(" "))
    return file


def _describe(
    field: descriptor_pb2.FieldDescriptorProto, number: str, name: str, kind: str
) -> None:
    field.number, field.name = int(number), name
    field.label = field.LABEL_REPEATED if kind.startswith("*") else field.LABEL_OPTIONAL
    kind = kind.removeprefix("*")
    if kind == "Timestamp":
        field.type, field.type_name = field.TYPE_MESSAGE, ".google.protobuf.Timestamp"
    elif kind == "MetricType":
        field.type, field.type_name = field.TYPE_ENUM, f".{PACKAGE}.{kind}"
    elif kind in MESSAGES:
        field.type, field.type_name = field.TYPE_MESSAGE, f".{PACKAGE}.{kind}"
    else:
        field.type = field.Type.Value(f"TYPE_{kind.upper()}")


def _family_class() -> Any:
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(_file().SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.MetricFamily"))


MetricFamily = _family_class()
"""Takes its fields by keyword, messages as dictionaries: `MetricFamily(name="m", type="GAUGE")`."""


def encode(families: Iterable[Any]) -> bytes:
    stream = io.BytesIO()
    for family in families:
        serialize_length_prefixed(family, stream)
    return stream.getvalue()


def decode(stream: bytes) -> list[Any]:
    """Raises where the stream ends in the middle of a family, or is none."""
    source, families = io.BytesIO(stream), []
    while (family := parse_length_prefixed(MetricFamily, source)) is not None:
        families.append(family)
    return families


def labels(metric: Any) -> dict[str, str]:
    return {label.name: label.value for label in metric.label}


def label_pairs(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in values.items()]


def count(message: Any, field: str) -> float:
    """A count that may be given as an integer or, which then counts, as a float other than 0."""
    return float(getattr(message, f"{field}_float") or getattr(message, field))


def beyond_text(metric: Any) -> tuple[str, ...]:
    """What a metric says that the text format has no words for."""
    counter, summary, histogram = metric.counter, metric.summary, metric.histogram
    created = (counter.created_timestamp, summary.created_timestamp, histogram.created_timestamp)
    said = [str(time) for time in created] + [str(counter.exemplar)]
    said += [f"{one.upper_bound} {one.exemplar}" for one in histogram.bucket if str(one.exemplar)]
    said += [f"{field}: {getattr(histogram, field)}" for field in NATIVE_FIELDS]
    return tuple(said)
