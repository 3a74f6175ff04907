"""Every command, program and configuration that the manual shows does what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateways import REPOSITORY
from pages import manual
from play import play


@pytest.mark.parametrize("page", manual(), ids=str)
def test_the_blocks_of_a_page_work(page: Path, tmp_path: Path) -> None:
    wrong = play(page, (REPOSITORY / page).read_text(), tmp_path / "page")
    assert not wrong, "\n\n".join(["", *wrong])
