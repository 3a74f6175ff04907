"""Prints what was run and what was not, once all pages are through."""

from __future__ import annotations

from typing import Any

import counts


def pytest_terminal_summary(terminalreporter: Any) -> None:
    terminalreporter.section("blocks of the manual")
    for line in counts.lines():
        terminalreporter.write_line(line)
