"""What is told of the server's machine, and of the hosts of its workers."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Mapping

from offizin.api.models import DiscoveryResponse, HostSummary
from offizin.offizin import Offizin

# Set in every image of ocrd_all (its Dockerfile): the modules that it was built with.
OCRD_ALL = "OCRD_MODULES"
# Images do not say which version they are; who knows it can set this.
OCRD_ALL_VERSION = "OCRD_ALL_VERSION"


async def discovered(offizin: Offizin, environment: Mapping[str, str] = os.environ) -> DiscoveryResponse:
    hardware = await offizin.hardware.look()
    workers: Counter[str] = Counter()
    slots: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for worker in offizin.workforce.workers():
        workers[worker.host] += 1
        slots[worker.host].update(worker.processors)
    version = environment.get(OCRD_ALL_VERSION, "")
    return DiscoveryResponse(
        ram=hardware.ram,
        cpu_cores=hardware.cpu_cores,
        has_cuda=bool(hardware.cuda_version),
        cuda_version=hardware.cuda_version,
        has_ocrd_all=bool(version) or OCRD_ALL in environment,
        ocrd_all_version=version,
        hosts=[
            HostSummary(host=host, workers=count, processors=slots[host]) for host, count in sorted(workers.items())
        ],
    )
