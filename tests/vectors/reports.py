# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Reports of a message's frame (spec F11, F12): good ones, and each way to be none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

REPORT: Mapping[str, Any] = {
    "behaviours": ["torture", "plunder"],
    "name": "陈某",
    "post": "所长",
    "unit": "派出所",
    "badge": "012345",
    "description": "高个子\n四十岁",
    "where": "和田",
    "when": "2017-03",
    "about": True,
    "harmed": "一家人",
    "how": "told",
    "guess": "maybe",
    "danger": "no",
}


TEXTS = {"name": 80, "post": 80, "unit": 80, "badge": 40, "description": 240, "where": 160, "when": 60, "harmed": 240}


GOOD_REPORTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "all": ("Every question is answered.", REPORT),
    "one": ("One is.", {"guess": "unknown"}),
    "longest": (
        "Every text is at its longest, in characters of four bytes.",
        {**REPORT, **{name: "𠀀" * most for name, most in TEXTS.items()}},
    ),
    "unknown": (
        "Unknown codes, and keys of any kind, are kept (F9).",
        {"behaviours": ["torture", "organ-harvest"], "how": "overheard", "witnesses": [1, {"x": None}]},
    ),
}


def bad_reports() -> dict[str, tuple[str, str, Mapping[str, Any]]]:
    """Departures from F11 and F12: a comment, a part of the refusal, and the report."""
    too_long = {
        f"{name}-long": (
            f"{most + 1} characters.",
            f"{name} is empty or has more than {most}",
            {name: "x" * (most + 1)},
        )
        for name, most in TEXTS.items()
    }
    return {
        **too_long,
        "behaviours-text": ("Behaviours are a list.", "behaviours is not a list", {"behaviours": "torture"}),
        "behaviours-none": ("Not answered is not there.", "none, or one stands twice", {"behaviours": []}),
        "behaviours-doubled": ("No code twice.", "none, or one stands twice", {"behaviours": ["torture", "torture"]}),
        "behaviours-number": ("A code is text.", "not written as a code", {"behaviours": [4]}),
        "behaviours-33": ("At most 32.", "more than 32", {"behaviours": [f"x{'y' * n}" for n in range(33)]}),
        "code-empty": ("A code has a letter.", "not written as a code", {"danger": ""}),
        "code-upper-case": ("Letters are small.", "not written as a code", {"danger": "Yes"}),
        "code-space": ("No spaces.", "not written as a code", {"how": "work there"}),
        "code-hyphens": ("Single hyphens.", "not written as a code", {"how": "work--there"}),
        "code-lf": ("Nothing behind it.", "not written as a code", {"how": "saw\n"}),
        "code-digits": ("Letters of no other script, and no digits.", "not written as a code", {"guess": "1"}),
        "code-33": ("33 letters.", "more than 32", {"guess": "x" * 33}),
        "code-true": ("True is no code.", "danger is not text", {"danger": True}),
        "code-list": ("One answer, not several.", "how is not text", {"how": ["saw", "told"]}),
        "name-empty": ("Not answered is not there.", "name is empty", {"name": ""}),
        "name-null": ("Null is no text.", "name is not text", {"name": None}),
        "where-number": ("A number is no text.", "where is not text", {"where": 653200}),
        "name-nul": ("NUL.", "control characters", {"name": "a\0b"}),
        "name-tab": ("A tab.", "control characters", {"name": "a\tb"}),
        "name-cr": ("A carriage return.", "control characters", {"harmed": "a\r\nb"}),
        "name-c1": ("U+0085.", "control characters", {"post": "a\x85b"}),
        "about-false": ("What is not so is not there.", "neither true nor absent", {"about": False, "when": "2017"}),
        "about-text": ("A flag.", "about is neither true nor false", {"about": "yes", "when": "2017"}),
        "about-nothing": ("There is no date.", "says it of no date", {"about": True}),
    }
