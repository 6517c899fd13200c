"""Processors in which no runner begins: a shell script that calls ``ocrd``, Python that takes no hook, and a small one
that speaks HTTP by itself, so that tests with it are fast."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.behaviour.installed_processors import MISBEHAVING
from tests.behaviour.scripted_processors import OCRD_DUMMY

_SHELL = """\
#!/bin/bash
case "$*" in
    *--dump-json*) echo '{tool}'; exit;;
    *--version*) echo "Version 1.2, ocrd/core 3"; exit;;
esac
while getopts m:w:U:I:O:g:p: option; do
    case $option in
        w) directory=$OPTARG;; U) url=$OPTARG;; I) input=$OPTARG;; O) output=$OPTARG;; g) pages=(-g "$OPTARG");;
    esac
done
[ -n "$url" ] || exit 2
ocrd() {{ {ocrd} workspace -d "$directory" -U "$url" "$@"; }}
mkdir -p "$directory/$output"
ocrd find -G "$input" "${{pages[@]}}" -k ID -k local_filename | while read -r id file; do
    page=P${{id#IMG_}}  # over a METS server it tells no pageId
    cp "$directory/$file" "$directory/$output/$page.png"
    ocrd add -G "$output" -g "$page" -i "${{output}}_$page" -m image/png "$output/$page.png"
done
"""


def _tool(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        "executable": name,
        "description": "does what a test wants, and is no Python",
        "categories": ["Image preprocessing"],
        "steps": ["preprocessing/optimization"],
        "input_file_grp_cardinality": 1,
        "output_file_grp_cardinality": 1,
        "parameters": parameters,
    }


def _write(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def write_plain_program(directory: Path) -> Path:
    """ocrd-misbehaving-plain of the package, in isolated Python."""
    source = MISBEHAVING / "bin" / "ocrd-misbehaving-plain"
    body = source.read_text().partition("\n")[2]
    return _write(directory / source.name, f"#!{sys.executable} -I\n{body}")


def write_shell_processor(directory: Path, name: str = "ocrd-shell") -> Path:
    """Copies images, with one call of ``ocrd`` to find them and one more for each."""
    ocrd = OCRD_DUMMY.parent / "ocrd"
    return _write(directory / name, _SHELL.format(tool=json.dumps(_tool(name, {})), ocrd=ocrd))


def write_isolated_dummy(directory: Path) -> Path:
    """ocrd-dummy as Python that looks at no environment."""
    body = OCRD_DUMMY.read_text().partition("\n")[2]
    return _write(directory / "ocrd-dummy-isolated", f"#!{sys.executable} -I\n{body}")
