"""Processors in which no runner begins: a shell script that calls ``ocrd``, Python that takes no hook, and a small one
that speaks HTTP by itself, so that tests with it are fast, and misbehaves as its parameters say."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.behaviour.scripted_processors import OCRD_DUMMY

# Isolated Python looks at no environment: no sitecustomize of ours comes in.
_SCRIPTED = """\
#!{python} -I
import argparse, json, os, shutil, signal, subprocess, sys, time, urllib.parse, urllib.request

TOOL = {tool!r}
if "--dump-json" in sys.argv:
    print(json.dumps(TOOL))
    sys.exit()
if "--version" in sys.argv:
    print("Version 0.3, ocrd/core none")
    sys.exit()
parser = argparse.ArgumentParser(prog=TOOL["executable"])
for short, name in zip("mwUIOgpl", ("mets", "dir", "url", "input", "output", "pages", "parameter", "level")):
    parser.add_argument("-" + short, dest=name, required=short in "mwUIOp")
parser.add_argument("--overwrite", action="store_true")
given = parser.parse_args()
parameter = json.loads(given.parameter)
mode, where = parameter.get("mode", "ok"), parameter.get("where", "")

def ask(path, form=None, method=None):
    data = urllib.parse.urlencode(form).encode() if form else None
    with urllib.request.urlopen(urllib.request.Request(given.url + path, data, method=method)) as answer:
        return answer.read().decode()

assert ask("/workspace_path") == os.getcwd() == os.path.realpath(given.dir)
pages = given.pages.split(",") if given.pages else json.loads(ask("/physical_pages"))["physical_pages"]
if mode == "late":
    time.sleep(float(where) * len(pages))
for page in pages:
    bad = page == where
    print("page", page, flush=True)
    if bad and mode == "exit":
        print("no ink left", file=sys.stderr)
        sys.exit(3)
    if bad and mode == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if bad and mode == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if bad and mode == "hang":
        time.sleep(600)
    if bad and mode == "fork":
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "left-behind"])
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "left-behind"], start_new_session=True)
        sys.exit(5)
    if bad and mode == "flood":
        os.write(1, b"\\x1b[31m\\xff\\x00" * 200000)
        sys.exit(6)
    if bad and mode == "nothing":
        continue
    if bad and mode == "logical":
        ask("/file?" + urllib.parse.urlencode({{"page_id": "logical:chapter"}}))
    found = json.loads(ask("/file?" + urllib.parse.urlencode({{"file_grp": given.input, "page_id": page}})))["files"]
    for file in found:
        name = given.output + "/" + page + ".png"
        os.makedirs(given.output, exist_ok=True)
        shutil.copyfile(file["local_filename"], name)
        file_id = given.output + "_" + page
        if bad and mode == "foreign":
            page = "P1"
        if not (bad and mode == "mets"):
            ask("/file", {{"file_grp": given.output, "file_id": file_id, "page_id": page, "mimetype": "image/png",
                           "local_filename": name, "force": given.overwrite}})
        if bad and mode == "delete":
            os.unlink(name)
ask("/", method="PUT")
"""
CAUSES = {
    "exit": "EXIT",
    "crash": "CRASH",
    "killed": "RUNNER_LOST",
    "hang": "TIMEOUT",
    "fork": "EXIT",
    "flood": "EXIT",
    "nothing": "NO_OUTPUT",
    "delete": "BAD_OUTPUT",
}

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


def write_plain_program(directory: Path, name: str = "ocrd-plain") -> Path:
    """Copies images. ``mode``: what it does on the page ``where`` (``late``: adds all in the end, ``where`` seconds for
    each page later)."""
    text = {"type": "string", "default": "", "description": "what to do, and where"}
    tool = _tool(name, {"mode": text, "where": text})
    return _write(directory / name, _SCRIPTED.format(python=sys.executable, tool=tool))


def write_shell_processor(directory: Path, name: str = "ocrd-shell") -> Path:
    """Copies images, with one call of ``ocrd`` to find them and one more for each."""
    ocrd = OCRD_DUMMY.parent / "ocrd"
    return _write(directory / name, _SHELL.format(tool=json.dumps(_tool(name, {})), ocrd=ocrd))


def write_isolated_dummy(directory: Path) -> Path:
    """ocrd-dummy as Python that looks at no environment."""
    body = OCRD_DUMMY.read_text().partition("\n")[2]
    return _write(directory / "ocrd-dummy-isolated", f"#!{sys.executable} -I\n{body}")
