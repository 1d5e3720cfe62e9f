# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Setting a machine up: everything is shown first, a second time nothing is done, and what was interrupted is taken up.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy import desk_keys, setup
from deploy.errors import DeployError, SetupError
from deploy.installed import KEPT
from deploy.render import SSHD, render
from deploy.runner import Host, Listed
from deploy.settings import load
from deploy.setup import PENDING, set_up
from deploy.steps import PROFILES, TOR_PROFILE, UNITS, steps
from deploy.verbs.host import setup_verb
from tests.deploy.host_files import change, files
from tests.deploy.machine import Machine, do

ENABLED = ("source.socket", "desk.socket", "source.service", "desk.service", "care.timer", "doctor.timer")


def everything(*folders: Path) -> dict[Path, tuple[int, int, bytes]]:
    """Every file and folder with its mode, its inode and its bytes."""
    return {
        path: (path.stat().st_mode, path.stat().st_ino, path.read_bytes() if path.is_file() else b"")
        for folder in folders
        for path in (folder, *folder.rglob("*"))
    }


def test_every_file_is_put_in_its_place_and_shown_first(folder: Path, root: Path) -> None:
    """After a setup each rendered file is there, whole, with its mode; each was shown: a new one whole, another as a diff."""
    said = do(folder, root, Machine())
    for path, file in files(ssh=False).items():
        place = root / path.relative_to("/")
        assert stat.S_IMODE(place.stat().st_mode) == file.mode
        assert f": {path} {file.mode:04o} root:root" in said
    assert place.exists()
    assert "new: /etc/apparmor.d/dengwen-source 0644 root:root\n# Written by" in said
    assert "changed: /etc/nftables.conf" in said
    assert "-flush ruleset\n" not in said
    assert "+table inet dengwen {" in said


def test_a_dry_run_touches_nothing(folder: Path, root: Path) -> None:
    """It shows every file and every command as typed, and no byte, mode or owner changes."""
    before, machine = everything(folder, root), Machine()
    said = do(folder, root, machine, dry=True)
    assert everything(folder, root) == before
    assert (machine.ran, machine.owners) == ([], {})
    wet = Machine()
    do(folder, root, wet)
    typed = re.findall(r"^would run: (.*)$", said, re.MULTILINE)
    assert typed == [" ".join(command) for command in wet.ran]
    assert len(typed) > 15
    assert "Nothing was written" in said


def test_a_second_run_changes_nothing_and_runs_nothing(folder: Path, root: Path) -> None:
    """Setup again: no file is written, no owner or mode set, no command run."""
    machine = Machine()
    do(folder, root, machine)
    before, machine.ran = everything(folder, root), []
    assert do(folder, root, machine) == "Nothing to do: every file is as it is to be."
    assert everything(folder, root) == before
    assert machine.ran == []


def test_only_what_changed_is_restarted(folder: Path, root: Path) -> None:
    """More threads change the source app's unit: it is restarted, and tor, the desk and the firewall are left alone."""
    machine = Machine()
    do(folder, root, machine)
    machine.ran = []
    path = folder / "dengwen.toml"
    path.write_text(path.read_text().replace("threads = 600", "threads = 500"))
    said = do(folder, root, machine)
    assert [" ".join(one) for one in machine.ran] == [
        "systemctl daemon-reload",
        f"systemctl enable {' '.join(f'dengwen-{unit}' for unit in ENABLED)}",
        "systemctl restart dengwen-source.socket dengwen-source.service",
    ]
    assert said.count("changed: ") == 1


def test_somebody_elses_file_is_kept_once(folder: Path, root: Path) -> None:
    """Debian's torrc is kept beside ours as it was, and a later setup does not overwrite what was kept."""
    kept = root / f"etc/tor/torrc{KEPT}"
    do(folder, root, Machine())
    assert kept.read_text() == "# Debian's\n"
    (root / "etc/tor/torrc").write_text("# another's\n")
    do(folder, root, Machine())
    assert kept.read_text() == "# Debian's\n"
    assert not (root / f"etc/apparmor.d/dengwen-source{KEPT}").exists()


def test_a_file_of_ours_that_was_edited_is_not_kept(folder: Path, root: Path) -> None:
    """What setup wrote is setup's: the edit is shown as a diff and written over."""
    do(folder, root, Machine())
    path = root / "etc/systemd/system/dengwen-source.service"
    path.write_text(path.read_text().replace("PrivateNetwork=yes\n", ""))
    assert "+PrivateNetwork=yes" in do(folder, root, Machine())
    assert "PrivateNetwork=yes" in path.read_text()
    assert not path.with_name(path.name + KEPT).exists()


def test_a_wrong_mode_is_mended(folder: Path, root: Path) -> None:
    """A file that others may write is not as it is to be, whatever its bytes."""
    machine = Machine()
    do(folder, root, machine)
    path = root / "etc/nftables.conf"
    path.chmod(0o666)
    assert "mode or owner: /etc/nftables.conf 0644 root:root" in do(folder, root, machine)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_link_in_a_files_place_is_replaced_and_not_followed(folder: Path, root: Path, tmp_path: Path) -> None:
    """What a link points to is left alone."""
    (tmp_path / "elsewhere").write_text("x")
    (root / "etc/nftables.conf").unlink()
    (root / "etc/nftables.conf").symlink_to(tmp_path / "elsewhere")
    do(folder, root, Machine())
    assert (tmp_path / "elsewhere").read_text() == "x"
    assert not (root / "etc/nftables.conf").is_symlink()


def test_what_was_interrupted_is_taken_up_by_the_next_run(folder: Path, root: Path) -> None:
    """A command fails after the files are written: the next setup writes nothing, and runs that command and all behind it."""
    whole = Machine()
    do(folder, root, whole)
    for path in (root / "etc").rglob("*"):
        if path.is_file():
            path.unlink()
    with pytest.raises(SetupError, match="daemon-reload"):
        do(folder, root, Machine(fails="daemon-reload", owners=whole.owners))
    assert (folder / PENDING).exists()
    after = Machine(owners=whole.owners)
    assert "new: " not in do(folder, root, after)
    assert after.ran == whole.ran
    assert not (folder / PENDING).exists()


def test_a_list_of_what_is_pending_that_is_none_does_not_hold_setup(folder: Path, root: Path) -> None:
    """A link is refused with what to do; a pipe is not waited for."""
    (folder / PENDING).symlink_to("/dev/zero")
    with pytest.raises(SetupError, match="look at it and remove it"):
        do(folder, root, Machine())
    (folder / PENDING).unlink()
    os.mkfifo(folder / PENDING)
    assert "Done." in do(folder, root, Machine())


@pytest.mark.parametrize(
    ("machine", "says"),
    [
        (Machine(swap=("/dev/sda2",)), "/dev/sda2.*swapoff -a"),
        (Machine(packages=frozenset()), "apt-get install --no-install-recommends apparmor dbus nftables"),
        (Machine(ssh=True), "end this SSH session"),
    ],
    ids=["swap", "packages", "over SSH"],
)
def test_a_machine_that_is_not_ready_is_refused_untouched(
    folder: Path, root: Path, machine: Machine, says: str
) -> None:
    """Each refusal says what to type, and nothing was written or run; a dry run says the same and goes on."""
    before = everything(folder, root)
    with pytest.raises(SetupError, match=says):
        do(folder, root, machine)
    assert everything(folder, root) == before
    assert machine.ran == []
    assert re.search(f"REFUSED.*{says}", do(folder, root, machine, dry=True))


@pytest.mark.parametrize("dry", [False, True])
def test_nobody_but_root_sets_up_or_looks(folder: Path, root: Path, *, dry: bool) -> None:
    """Keys and tor's folders cannot be compared by others, so a dry run is root's too."""
    before, machine = everything(folder, root), Machine(root=False)
    with pytest.raises(SetupError, match="run it as root"):
        do(folder, root, machine, dry=dry)
    assert (everything(folder, root), machine.ran) == (before, [])


def test_a_servers_folder_elsewhere_is_refused(folder: Path) -> None:
    """On the machine itself the folder is the one that the units name."""
    with pytest.raises(SetupError, match="/var/lib/dengwen"):
        set_up(folder, Machine(), say=lambda _: None)


def test_ssh_by_onion_needs_sshd_and_lets_an_ssh_session_set_up(folder: Path, root: Path) -> None:
    """With ssh = true sshd is demanded, tested and restarted, and who sits at an SSH session can come back."""
    change(folder, "ssh", "true")
    with pytest.raises(SetupError, match="openssh-server"):
        do(folder, root, Machine(packages=frozenset(setup.PACKAGES)))
    machine = Machine(ssh=True)
    do(folder, root, machine)
    assert (root / SSHD.relative_to("/")).exists()
    assert machine.ran.index(("sshd", "-t")) < machine.ran.index(("systemctl", "restart", "ssh.service"))


def test_without_apparmor_profiles_are_written_and_the_operator_is_told(folder: Path, root: Path) -> None:
    """A kernel that takes no profiles is given none, and it is said."""
    machine = Machine(apparmor=False)
    said = do(folder, root, machine)
    assert not any("apparmor_parser" in command for command in machine.ran)
    assert "AppArmor is not at work" in said
    assert (root / "etc/apparmor.d/dengwen-source").exists()


def test_commands_come_in_the_order_that_they_need(folder: Path, root: Path) -> None:
    """Accounts, then what belongs to them; the rules are tried before anything depends on them; profiles before units; firewall before tor."""
    machine = Machine()
    do(folder, root, machine)
    told = [" ".join(command) for command in machine.ran]
    order = [
        "systemd-sysusers /etc/sysusers.d/dengwen.conf",
        "nft --check --file /etc/nftables.conf",
        *(f"apparmor_parser --replace {path}" for path in PROFILES),
        "apparmor_parser --replace /etc/apparmor.d/system_tor",
        "systemctl daemon-reload",
        "systemctl restart dengwen-source.socket dengwen-source.service",
        "systemctl reload-or-restart nftables.service",
        "systemctl restart tor@default.service",
    ]
    assert [told.index(command) for command in order] == sorted(told.index(command) for command in order)


def test_every_file_has_a_command_or_needs_none() -> None:
    """Of each file it is known which command makes it count; those without one are read at each use, or at the next start."""
    without = {str(path) for path in files() if not steps([path], apparmor=True)}
    assert without == {
        "/etc/sysusers.d/dengwen.conf",  # its command comes first, by itself
        "/etc/systemd/coredump.conf.d/dengwen.conf",  # read at each core
    }
    assert steps([TOR_PROFILE], apparmor=False) == (("systemctl", "restart", "tor@default.service"),)
    assert ("systemctl", "daemon-reload") in steps([UNITS / "dengwen-care.timer"], apparmor=True)


@pytest.mark.parametrize("ssh", [False, True])
def test_no_onion_for_people_is_open_before_there_is_a_key(folder: Path, root: Path, *, ssh: bool) -> None:
    """Before tor first starts, desk and sshd demand a client key of everybody; the source onion does not."""
    change(folder, "ssh", "true" if ssh else "false")
    said = do(folder, root, Machine())
    onions = root / "var/lib/tor"
    assert "/var/lib/tor/dengwen-desk: open to client keys alone" in said
    assert desk_keys.barred(onions / "dengwen-desk")
    assert desk_keys.barred(onions / "dengwen-ssh") == ssh
    assert not desk_keys.barred(onions / "dengwen-source")


def test_settings_that_do_not_fit_stop_it_before_anything_is_written(folder: Path, root: Path) -> None:
    """A desk that would listen elsewhere is refused with the line to write."""
    change(folder, "bind", '"127.0.0.1:8080"')
    before = everything(folder, root)
    with pytest.raises(DeployError, match=r"unix:/run/dengwen/source\.sock"):
        do(folder, root, Machine())
    assert everything(folder, root) == before


def test_the_verb_sets_up_another_root_and_runs_nothing(folder: Path, root: Path) -> None:
    """`dengwen setup --root` writes the files there and lists the commands; a second time there is nothing to do."""
    arguments = ["--dir", str(folder), "--root", str(root)]
    dry = CliRunner().invoke(setup_verb, [*arguments, "--dry-run"])
    assert (dry.exit_code, "Nothing was written" in dry.output) == (0, True), dry.output
    first = CliRunner().invoke(setup_verb, arguments)
    assert (first.exit_code, "systemctl daemon-reload" in first.output) == (0, True), first.output
    assert {path for path in render(load(folder)) if not (root / path.relative_to("/")).is_file()} == set()
    second = CliRunner().invoke(setup_verb, arguments)
    assert (second.exit_code, second.output) == (0, "Nothing to do: every file is as it is to be.\n")


def test_the_host_itself_answers() -> None:
    """What the real machine is asked it can tell: packages, swap, owners, programs that fail or are not there."""
    machine = Host()
    assert machine.has_package("dpkg")
    assert not machine.has_package("no-such-package")
    assert all(path.startswith("/") for path in machine.swaps())
    assert machine.owner(Path("/").stat()) == ("root", "root")
    assert isinstance(machine.over_ssh(), bool)
    assert machine.is_root() == (os.geteuid() == 0)
    machine.run(["true"])
    with pytest.raises(SetupError, match="ended with 3: told"):
        machine.run(["sh", "-c", "echo told >&2; exit 3"])
    with pytest.raises(SetupError, match="no-such-program"):
        machine.run(["no-such-program"])
    assert Listed().owner(Path("/").stat()) is None
