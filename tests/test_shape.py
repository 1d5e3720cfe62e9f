# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The tail of the code's shape: medians look after themselves, the longest file and function do not.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = ("crypto", "store", "source_app", "journalist_app", "deploy")
MAX_FILE, P90_FILE = 400, 250
MAX_FUNCTION, P90_FUNCTION = 60, 25


def sources() -> Iterator[Path]:
    for room in ROOMS:
        yield from (ROOT / room).rglob("*.py")


def function_lengths(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = node.body[0] if ast.get_docstring(node, clean=False) is not None else None
            spoken = (docstring.end_lineno or 0) - docstring.lineno + 1 if docstring else 0
            yield (
                f"{path.relative_to(ROOT)}:{node.lineno} {node.name}",
                (node.end_lineno or 0) - node.lineno + 1 - spoken,
            )


def percentile(lengths: list[int], share: float) -> int:
    return sorted(lengths)[int(len(lengths) * share)]


def test_no_file_holds_a_second_idea() -> None:
    """No file is longer than 400 lines, and nine in ten are shorter than 250."""
    lengths = {path: len(path.read_text().splitlines()) for path in sources()}
    assert {str(path): n for path, n in lengths.items() if n > MAX_FILE} == {}
    assert percentile([n for n in lengths.values() if n > 3], 0.9) <= P90_FILE


def test_no_function_holds_a_second_idea() -> None:
    """No function is longer than 60 lines without its docstring, and nine in ten are shorter than 25."""
    lengths = [pair for path in sources() for pair in function_lengths(path)]
    assert [(name, n) for name, n in lengths if n > MAX_FUNCTION] == []
    assert percentile([n for _, n in lengths], 0.9) <= P90_FUNCTION


def test_every_file_names_its_licence_and_its_rules() -> None:
    """Each module with code opens with the licence line and a docstring."""
    for path in sources():
        text = path.read_text()
        if text.strip() and "versions" not in path.parts:
            assert text.startswith("# SPDX-License-Identifier: AGPL-3.0-or-later\n"), path
            assert ast.get_docstring(ast.parse(text)), path
