"""Installing Offizin on a host where it is not: what is installed here is sent into a virtual environment of its own.

Where Python is of the same version and the machine of the same kind, all packages are sent, and the host needs no
network beyond us; elsewhere pip fetches them there, in the versions that are used here.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from pathlib import Path

from offizin.deployment.machine import Machine, variables
from offizin.deployment.own_packages import Interpreter, OwnPackages
from offizin.deployment.worker_program import OWN_ENVIRONMENT
from offizin.errors import Unavailable

log = logging.getLogger(__name__)

INSTALL_SECONDS = 1800.0
# Without these there is no worker.
MODULES = "offizin.cli.working, offizin.brokers.rabbitmq"
OLDEST = (3, 11)

_DATA = "data=${XDG_DATA_HOME:-$HOME/.local/share}/offizin\n"

_LOOK = """\
if command -v offizin >/dev/null; then say there "$(command -v offizin)"; exit; fi
if [ "$(cat "$data/$environment/digest" 2>/dev/null)" = "$digest" ]; then say there "$data/$environment"; exit; fi
mkdir -p "$data" && say data "$data"
for one in "python$version" python3 python3.14 python3.13 python3.12 python3.11; do
    if command -v "$one" >/dev/null && told=$("$one" -c '
import platform, sys, venv
if sys.version_info < (3, 11): raise SystemExit(1)
print("%d.%d" % sys.version_info[:2], platform.machine(), platform.libc_ver()[1])
' 2>/dev/null); then say python "$(command -v "$one")"; say interpreter "$told"; exit; fi
done
"""

_INSTALL = """\
new=$data/$environment.new
rm -rf "$new"
pip=--without-pip
[ -z "$pinned" ] || pip=
if ! told=$("$python" -m venv $pip "$new" 2>&1); then say failed "$told"; exit; fi
if [ -n "$pinned" ] && ! told=$(printf '%s\\n' "$pinned" >"$new/requirements.txt" &&
    "$new/bin/python" -m pip install --quiet --disable-pip-version-check -r "$new/requirements.txt" 2>&1); then
    say failed "pip: $(printf '%s\\n' "$told" | tail -n 1)"; rm -rf "$new" "$archive"; exit
fi
packages=$("$new/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["platlib"])')
if ! told=$(tar -xzf "$archive" -C "$packages" 2>&1); then say failed "$told"; rm -rf "$new" "$archive"; exit; fi
rm -f "$archive"
printf '#!/bin/sh\\nexec "$(dirname "$0")/python" -m offizin "$@"\\n' >"$new/bin/offizin"
chmod 700 "$new/bin/offizin"
if ! told=$("$new/bin/offizin" --version 2>&1 && "$new/bin/python" -c "import $modules" 2>&1); then
    say failed "$(printf '%s\\n' "$told" | tail -n 1)"; rm -rf "$new"; exit
fi
printf '%s' "$digest" >"$new/digest"
rm -rf "$data/$environment.old"
[ ! -e "$data/$environment" ] || mv "$data/$environment" "$data/$environment.old"
mv "$new" "$data/$environment" && rm -rf "$data/$environment.old" && say installed "$data/$environment"
"""


class Bootstrap:
    """For all hosts of one server; what is installed here is looked at once."""

    def __init__(self) -> None:
        self._looking = asyncio.Lock()
        self._packages: OwnPackages | None = None

    async def install(self, machine: Machine) -> None:
        """Nothing is done where `offizin` is on the login's PATH, or this very version was sent before.

        Raises Unavailable.
        """
        packages = await self._own()
        here = Interpreter.here()
        named = variables(environment=OWN_ENVIRONMENT, digest=packages.digest, version=here.version)
        said = (await machine.run(_DATA + named + _LOOK, limit=60)).said
        if "there" in said:
            return
        if "interpreter" not in said:
            raise Unavailable(
                f"Offizin cannot be sent to {machine.label}: there is no Python {OLDEST[0]}.{OLDEST[1]} or newer",
                advice="Install one there (apt-get install python3 python3-venv).",
            )
        there = Interpreter(*[*said["interpreter"].split(" "), ""][:3])
        alike = packages.complete and there.runs_what_runs_on(here)
        log.info("installing Offizin on %s%s", machine.label, "" if alike else ", with packages that pip fetches there")
        archive = f"{said['data']}/{packages.digest}.tar.gz"
        with tempfile.TemporaryDirectory(prefix="offizin-bootstrap-") as directory:
            file = Path(directory) / "offizin.tar.gz"
            await asyncio.to_thread(packages.write, file, alone=not alike)
            await machine.send(file, archive)
        named += variables(
            modules=MODULES, python=said["python"], archive=archive, pinned="" if alike else "\n".join(packages.pinned)
        )
        said = (await machine.run(_DATA + named + _INSTALL, limit=INSTALL_SECONDS)).said
        if "installed" not in said:
            raise Unavailable(
                f"Offizin was sent to {machine.label} and cannot be installed there: {said.get('failed', '')}",
                advice="Python there needs its module venv (apt-get install python3-venv)"
                + ("." if alike else ", and pip there must reach a package index."),
            )
        log.info("installed Offizin on %s, in %s", machine.label, said["installed"])

    async def _own(self) -> OwnPackages:
        async with self._looking:
            if self._packages is None:
                self._packages = await asyncio.to_thread(OwnPackages)
            return self._packages
