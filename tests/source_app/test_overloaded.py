# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A store that too many use at once is said to be busy, not broken.
"""

from __future__ import annotations

from pathlib import Path

from source_app.app import create_app
from source_app.settings import SourceSettings
from store.errors import OverloadedError
from tests.source_app.throwaway import Throwaway, new_store


def test_a_crowded_store_gets_the_busy_page(tmp_path: Path) -> None:
    """503, in words that tell what to do; not "something went wrong"."""
    store = new_store(tmp_path / "store")
    Throwaway(1).install(store)
    app = create_app(SourceSettings(store=store.folder, organisation="O", reserve_bytes=0))

    def crowded() -> str:
        raise OverloadedError("too many read at once")

    app.view_functions["GET write"] = crowded
    answer = app.test_client().get("/en/write")
    assert answer.status_code == 503
    assert "Very many people are here" in answer.get_data(as_text=True)
    store.close()
