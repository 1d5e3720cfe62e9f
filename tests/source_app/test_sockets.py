# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The source app on unix sockets, its own and handed over. The tests are those of `OnUnixSockets`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from source_app.settings import LONGEST_PATH, SettingsError, SourceSettings
from tests.source_app.sockets import OnUnixSockets
from tests.source_app.throwaway import Throwaway, new_store
from tests.source_app.visitor import write_settings


@pytest.mark.slow
class TestTheSourceApp(OnUnixSockets):
    """Its command is `python -m source_app.serve`."""

    page = "/en/"

    def arguments(self, folder: Path, bind: str) -> list[str]:
        """With one seat, two workers, few threads."""
        store = new_store(folder / "store")
        Throwaway(1).install(store)
        store.close()
        settings = write_settings(folder / "s.toml", store.folder, threads=20, bind=bind)
        return ["-m", "source_app.serve", "--settings", str(settings)]


@pytest.mark.parametrize(
    "bind", ["unix:relative", "unix:", "unix:/" + "x" * LONGEST_PATH], ids=["relative", "none", "long"]
)
def test_a_path_that_cannot_be_bound_is_refused(tmp_path: Path, bind: str) -> None:
    """Before anything starts, and not after five attempts of gunicorn's."""
    with pytest.raises(SettingsError, match="absolute path of at most 107 bytes"):
        SourceSettings(store=tmp_path, organisation="O", bind=bind)


def test_the_longest_path_is_taken(tmp_path: Path) -> None:
    """It counts bytes, as the kernel does."""
    for path in ("/" + "x" * 106, "/" + "名" * 35 + "x"):
        assert SourceSettings(store=tmp_path, organisation="O", bind=f"unix:{path}").bind.endswith(path)
