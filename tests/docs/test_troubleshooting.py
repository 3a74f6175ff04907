"""docs/troubleshooting.md quotes what the gateway says, and all that it says to who pushes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateways import REPOSITORY

PAGE = (REPOSITORY / "docs" / "troubleshooting.md").read_text()
SOURCES = REPOSITORY / "src"
SAYING = [
    "push/error.rs",
    "push/key/error.rs",
    "http/failure.rs",
    "http/forward/set.rs",
    "http/forward/attempt.rs",
    "http/forward/pass_on.rs",
    "http/storage.rs",
    "cluster/membership/not_ready.rs",
    "http/probes.rs",
    "http/body/read.rs",
    "http/body/arriving.rs",
    "http/api/listing.rs",
    "http/api/queries.rs",
    "http/api/turn.rs",
    "http/scrape/endpoint.rs",
    "access/caller.rs",
    "shard/budget/mod.rs",
    "shard/error.rs",
    "persist/status.rs",
    "persist/error.rs",
    "gateway.rs",
]
"""Where the messages are that must all be on the page."""
TOKEN = re.compile(
    r"""//[^\n]*                              # comments,
      | \#\[(?!error\b)[^\]]*\]              # attributes but those that say what an error is
      | \.expect\("[^"]*"\)                  # and what nobody should ever see are passed over,
      | b?'(?:\\.|[^'\\\n])'                 # and so are characters
      | b?r\#"(?P<raw>.*?)"\#
      | b?"(?P<plain>(?:\\.|[^"\\])*)"
    """,
    re.DOTALL | re.VERBOSE,
)
TESTS = re.compile(r"#\[cfg\(test\)\]\s*mod \w+ \{")
MARKED = re.compile(r"^\| (?P<cells>(?:``.*?``|`[^`]*`|[^|])*) \|", re.MULTILINE)
QUOTED = re.compile(r"``(.+?)``|`([^`]+)`")
WORDS_MIN = 3
"""Fewer are names of metrics, fields and the like."""
PUT_TOGETHER = {
    "cannot use the persistence file",
    "cannot save the last changes to the persistence file",
    "the gateway is full: as many series as --storage.max-series allows are stored",
    "--web.systemd-socket: systemd has handed over no socket: start the service through its .socket unit",
    "invalid gzip body",
    "invalid snappy body",
}
"""What has its words from two places."""
OTHERS = re.compile(r"^(?:unexpected argument|invalid value|found; see --help)|\(os error")
"""What the library that reads flags says, and the system."""
UNHEARD = {"stopped while it was read", "nobody reads what is exported", "in memory only: --persistence.file keeps them", "in the stream"}
"""What nobody gets to see: the gateway or the reader has ended by then. And what is no trouble."""


def strings(source: Path) -> list[str]:
    """The strings of a source as they come out, without those of its tests."""
    found = []
    for token in TOKEN.finditer(TESTS.split(source.read_text())[0]):
        text = token["raw"]
        if text is None and token["plain"] is not None:
            text = re.sub(r"\\\n\s*", "", token["plain"])
            text = text.replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\")
        found.append(text or "")
    return found


def messages(source: Path) -> list[str]:
    """Those strings that are sentences, as pieces around what is filled in."""
    pieces = [piece.strip() for text in strings(source) for piece in re.split(r"\{[^{}]*\}", text)]
    return [piece for piece in pieces if len(piece.split()) >= WORDS_MIN and piece not in UNHEARD]


def quotations() -> list[str]:
    """What the first column of the page's tables quotes, as pieces around the dots."""
    quoted = []
    for row in MARKED.finditer(PAGE):
        for double, single in QUOTED.findall(row["cells"]):
            text = re.sub(r"^(?:FILE: )?(?:line N: )?", "", double or single)
            quoted += [piece.strip(' "\':;()') for piece in text.split("...")]
    return [piece for piece in quoted if len(piece.split()) >= WORDS_MIN]


@pytest.mark.parametrize("source", SAYING)
def test_every_message_is_on_the_page(source: str) -> None:
    found = messages(SOURCES / source)
    assert found
    assert [text for text in found if text not in PAGE] == []


def test_every_quotation_is_in_the_sources() -> None:
    said = "\n".join(text for source in SOURCES.rglob("*.rs") for text in strings(source))
    quoted = [text for text in quotations() if not OTHERS.search(text)]
    assert len(quoted) > 80
    assert [text for text in quoted if text not in said and text not in PUT_TOGETHER] == []
