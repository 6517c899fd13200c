"""What is told of this machine."""

from __future__ import annotations

import pytest

from offizin.hardware import HardwareProbe

TABLE = """\
+---------------------------------------------------------------------------------------+
| NVIDIA-SMI 535.183.01             Driver Version: 535.183.01   CUDA Version: 12.2     |
|-----------------------------------------+----------------------+----------------------+
"""


@pytest.mark.parametrize(("said", "version"), [(TABLE, "12.2"), ("", ""), ("NVIDIA-SMI has failed", "")])
async def test_cuda_is_what_the_driver_says(said: str, version: str) -> None:
    assert (await HardwareProbe(lambda: said).look()).cuda_version == version


async def test_memory_and_cores_are_counted_and_the_driver_is_asked_once() -> None:
    asked = []
    probe = HardwareProbe(lambda: asked.append("asked") or "")
    found = await probe.look()
    assert await probe.look() is found
    assert found.ram > 1024**2
    assert found.cpu_cores >= 1
    assert asked == ["asked"]
