# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The files of a server are the ones that somebody read: each rendered byte stands in `golden/` too.

After a change that is meant: `python -m tests.deploy.host_files`, then read what `git diff` shows.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from deploy import host
from deploy.errors import RenderError
from deploy.installed import OURS
from deploy.render import SPARE_TASKS, SSHD, render, tasks, write_below
from deploy.verbs.host import render_verb
from source_app.process import FILES_PER_CONNECTION
from source_app.serve import open_connections
from tests.deploy.host_files import GOLDEN, a_server, files, ran, settings


def test_every_rendered_file_is_the_one_that_was_read() -> None:
    """What is rendered and what stands in golden/ are the same files with the same bytes."""
    golden = {path.relative_to(GOLDEN): path.read_text() for path in GOLDEN.rglob("*") if path.is_file()}
    assert {Path(*path.parts[1:]): file.text for path, file in files().items()} == golden


def test_every_file_says_whose_it_is() -> None:
    """Each names its writer, so that the next setup knows a file of its own from somebody else's."""
    assert [path for path, file in files().items() if OURS not in file.text] == []


def test_no_word_of_a_template_is_left_open() -> None:
    """No placeholder survives, and nothing in a server's files is secret or for others to write."""
    for path, file in files().items():
        assert re.search(r"\$[a-z{]", file.text) is None, path
        assert (file.mode, file.owner, file.group) == (0o644, "root", "root"), path


def test_without_ssh_there_is_no_word_for_sshd() -> None:
    """Settings of sshd are written only if it is reached by onion."""
    assert SSHD in files(ssh=True)
    assert SSHD not in files(ssh=False)
    assert set(files(ssh=True)) - set(files(ssh=False)) == {SSHD}


def test_the_name_of_the_store_reaches_every_file_that_names_it(tmp_path: Path) -> None:
    """A store of another name is the one that units and profiles open, and no other."""
    one = settings()
    other = dataclasses.replace(one, store=one.folder / "other")
    texts = "\n".join(file.text for file in render(other).values())
    assert "/var/lib/dengwen/other" in texts
    assert "/var/lib/dengwen/store" not in texts


@pytest.mark.parametrize(
    ("table", "values", "says"),
    [
        ("source", {"bind": "127.0.0.1:8080"}, r"\[source\] bind"),
        ("desk", {"bind": f"unix:{host.SOURCE_SOCKET}"}, r"\[desk\] bind"),
        ("source", {"circuits": False}, r"\[source\] circuits"),
        ("desk", {"circuits": False}, r"\[desk\] circuits"),
        ("desk", {"doctor": Path("/var/lib/dengwen/doctor.json")}, r"\[desk\] doctor"),
        ("desk", {"watch_keys": Path("/var/lib/dengwen/other")}, r"\[desk\] watch_keys"),
        ("desk", {"keys": Path("/var/lib/dengwen/server.json")}, r"\[desk\] keys"),
    ],
    ids=["tcp", "the other's socket", "source circuits", "desk circuits", "report", "watch keys", "keys"],
)
def test_settings_that_do_not_fit_a_server_are_refused(table: str, values: dict[str, object], says: str) -> None:
    """An app that would listen or look elsewhere than the files say is refused before anything is written."""
    one = settings()
    changed = dataclasses.replace(getattr(one, table), **values)
    with pytest.raises(RenderError, match=says):
        render(dataclasses.replace(one, **{table: changed}))


@pytest.mark.parametrize("name", ["a b", "a\nb", "../store", "a%h", 'a"b', "A", "", "a" * 33])
def test_a_store_whose_name_means_something_to_a_unit_is_refused(name: str) -> None:
    """Nothing that systemd, AppArmor or a shell would read otherwise gets into their files."""
    one = settings()
    with pytest.raises(RenderError, match="store"):
        render(dataclasses.replace(one, store=one.folder / name))


@profile(max_examples=30, deadline=None)
@given(workers=st.integers(1, 64), threads=st.integers(1, 4096), slots=st.integers(1, 64))
def test_tasks_and_open_files_fit_whatever_is_set(workers: int, threads: int, slots: int) -> None:
    """TasksMax holds every thread of every worker and of one more; LimitNOFILE is what the app demands at its start."""
    one = settings()
    source = dataclasses.replace(one.source, workers=workers, threads=threads, kdf_slots=slots)
    unit = next(
        file.text
        for path, file in render(dataclasses.replace(one, source=source)).items()
        if path.name == "dengwen-source.service"
    )
    found = {key: int(value) for key, value in re.findall(r"^(TasksMax|LimitNOFILE)=(\d+)$", unit, re.MULTILINE)}
    assert found["TasksMax"] >= 1 + (workers + 1) * (threads + slots + 1)
    assert found["LimitNOFILE"] >= FILES_PER_CONNECTION * open_connections(source)


def test_tasks_are_counted_by_hand_once() -> None:
    """Two workers of 600 threads and 2 slots, one on its way out: three times 610, and some."""
    assert tasks(workers=2, threads=602) == SPARE_TASKS + 3 * 610


def test_a_folder_with_something_in_it_is_not_written_into(tmp_path: Path) -> None:
    """Rendered files are never mixed with others."""
    (tmp_path / "x").write_text("x")
    with pytest.raises(RenderError, match="not empty"):
        write_below(tmp_path, files())
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_the_verb_writes_every_file_and_names_it(tmp_path: Path) -> None:
    """`dengwen render` writes below the folder what setup would put in place."""
    folder, out = a_server(tmp_path / "d", ssh=True), tmp_path / "out"
    done = CliRunner().invoke(render_verb, ["--dir", str(folder), "--out", str(out)])
    assert done.exit_code == 0, done.output
    written = {f"/{path.relative_to(out)}" for path in out.rglob("*") if path.is_file()}
    assert set(done.output.split()) == written
    assert written == {str(path) for path in files()}


def test_an_update_that_nobody_watches_keeps_our_torrc_and_firewall() -> None:
    """Apt itself reads it so: a new torrc of Debian's must neither replace ours nor hold tor's corrections back."""
    config = GOLDEN / "etc/apt/apt.conf.d/60dengwen-upgrades"
    said = ran("apt-config", "--config-file", config, "dump", "DPkg::Options").stdout
    assert re.findall(r'"(.+)"', said) == ["--force-confdef", "--force-confold"]
