"""What a scrape holds, read by the parser of Python's prometheus_client."""

from __future__ import annotations

import urllib.request
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

import exposition
from gateways import Server


@dataclass(frozen=True)
class Scrape:
    types: dict[str, str]
    """By family name, as the client's parser says it: counters without `_total`."""
    samples: dict[tuple[str, frozenset[tuple[str, str]]], float]

    def value(self, name: str, /, **labels: str) -> float | None:
        """The sample with exactly these labels; `instance` is the empty one unless given."""
        return self.samples.get((name, frozenset({"instance": "", **labels}.items())))

    def values(self, name: str) -> list[float]:
        return sorted(value for (found, _), value in self.samples.items() if found == name)


def scrape(gateway: Server) -> Scrape:
    """Reads the scrape twice: strictly, to be sure that it is valid, and as a client does."""
    with urllib.request.urlopen(f"{gateway.url}/metrics", timeout=10) as answer:
        text = answer.read()
    exposition.parse(text)
    types, samples = {}, {}
    for family in text_string_to_metric_families(text.decode()):
        types[family.name] = family.type
        for sample in family.samples:
            samples[sample.name, frozenset(sample.labels.items())] = sample.value
    return Scrape(types, samples)
