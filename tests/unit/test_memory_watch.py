"""Whether the kernel has ended a process for want of memory, by what /proc and the control groups show."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from offizin.messages import Cause
from offizin.workers.exit_causes import cause_of
from offizin.workers.memory import MemoryWatch


class Machine:
    def __init__(self, root: Path, group: str = "", counter: str = "") -> None:
        self.proc, self.cgroups = root / "proc", root / "cgroup"
        (self.proc / "7").mkdir(parents=True)
        self.cgroups.mkdir()
        (self.proc / "7" / "cgroup").write_text(group)
        self.peak(1000)
        self._counter = root / counter
        self._counter.parent.mkdir(parents=True, exist_ok=True)

    def peak(self, kilobytes: int) -> None:
        (self.proc / "7" / "status").write_text(f"Name:\tocrd-x\nVmPeak:\t 9 kB\nVmHWM:\t  {kilobytes} kB\n")

    def counts(self, kills: int) -> None:
        self._counter.write_text(f"low 0\noom 5\noom_kill {kills}\n")

    def watch(self) -> MemoryWatch:
        return MemoryWatch(7, self.proc, self.cgroups)


def second_version(root: Path) -> Machine:
    machine = Machine(root, "0::/work/runner\n", "cgroup/work/runner/memory.events")
    (machine.cgroups / "cgroup.controllers").touch()
    return machine


def first_version(root: Path) -> Machine:
    return Machine(root, "5:cpu:/\n4:memory:/work\n0::/\n", "cgroup/memory/work/memory.oom_control")


def in_a_container(root: Path) -> Machine:
    machine = Machine(root, "0::/../outside\n", "cgroup/memory.events")
    (machine.cgroups / "cgroup.controllers").touch()
    return machine


def without_groups(root: Path) -> Machine:
    return Machine(root, "", "proc/vmstat")


MACHINES = [second_version, first_version, in_a_container, without_groups]


@pytest.mark.parametrize("machine_of", MACHINES)
def test_the_kernel_counts_whom_it_kills(tmp_path: Path, machine_of: Callable[[Path], Machine]) -> None:
    machine = machine_of(tmp_path)
    machine.counts(3)
    watch = machine.watch()
    watch.look()
    assert not watch.ended_by_kernel()
    machine.counts(4)
    assert watch.ended_by_kernel()


def test_what_was_killed_long_ago_was_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine, now = second_version(tmp_path), [0.0]
    monkeypatch.setattr("offizin.workers.memory.time.monotonic", lambda: now[0])
    machine.counts(0)
    watch = machine.watch()
    watch.look()
    machine.counts(1)
    now[0] = 1.0
    watch.look()  # it may have been killed just before
    assert watch.ended_by_kernel()
    now[0] = 2.0
    watch.look()
    assert not watch.ended_by_kernel()


def test_where_nobody_counts_it_is_told_by_how_much_was_taken(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "4:memory:/\n")
    (machine.cgroups / "memory").mkdir()
    (machine.cgroups / "memory" / "memory.limit_in_bytes").write_text("100000000\n")
    watch = machine.watch()
    watch.look()
    assert watch.peak == 1_024_000
    assert not watch.ended_by_kernel()
    watch = machine.watch()
    machine.peak(95_000)
    watch.look()
    assert watch.ended_by_kernel()


def test_a_process_that_is_gone_has_taken_nothing() -> None:
    watch = MemoryWatch(2**22 + 1)
    watch.look()
    assert watch.peak == 0


def test_the_peak_of_this_process_is_seen() -> None:
    watch = MemoryWatch(os.getpid())
    watch.look()
    assert watch.peak > 1_000_000


def test_only_a_kill_is_the_kernels() -> None:
    assert cause_of(-signal.SIGKILL, out_of_memory=True)[0] is Cause.OUT_OF_MEMORY
    assert cause_of(-signal.SIGKILL)[0] is Cause.RUNNER_LOST
    assert cause_of(-signal.SIGTERM, out_of_memory=True)[0] is Cause.RUNNER_LOST
    assert cause_of(-signal.SIGSEGV, out_of_memory=True)[0] is Cause.CRASH
    assert cause_of(1, out_of_memory=True)[0] is Cause.EXIT
