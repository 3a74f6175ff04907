"""Every page is in the index, and every link leads to a file that is there, and to a heading in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateways import REPOSITORY
from pages import manual

LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]*))?\)")
INDEX = Path("docs/README.md")
DECISIONS = Path("docs/decisions")


def links(page: Path) -> list[tuple[Path, str]]:
    """Where a page leads, from the root of the repository, and to which heading there."""
    text = re.sub(r"(?ms)^```.*?^```$|`[^`\n]*`", "", (REPOSITORY / page).read_text())
    found = []
    for target, heading in LINK.findall(text):
        path = (REPOSITORY / page.parent / target).resolve() if target else REPOSITORY / page
        found.append((path.relative_to(REPOSITORY), heading))
    return found


def anchors(page: Path) -> set[str]:
    """The headings of a page as a browser names them."""
    headings = re.findall(r"(?m)^#+ (.*)$", (REPOSITORY / page).read_text())
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", manual(), ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    for target, heading in links(page):
        assert (REPOSITORY / target).exists(), f"{page} leads to {target}"
        if heading:
            assert heading in anchors(target), f"{page} leads to {target}#{heading}"


def test_the_index_has_every_page() -> None:
    listed = {target for target, _ in links(INDEX)}
    pages = {page for page in manual() if DECISIONS not in page.parents} - {INDEX, Path("README.md")}
    assert {str(page) for page in pages - listed} == set()
