"""Documentation that has to agree with the code, does."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from pathlib import Path

from offizin import errors, faults, jobs, metrics
from offizin.settings.settings import PREFIX, SETTINGS, Settings

ROOT = Path(__file__).parents[2]


def settings_table() -> str:
    """The table of docs/settings.md."""
    rows = ["| setting | variable | for what | default |", "| --- | --- | --- | --- |"]
    for field in fields(Settings):
        if field.name in SETTINGS:
            default = field.default if field.default is not MISSING else ""
            shown = "" if default in ("", (), None, MISSING) else f"`{default}`"
            about = SETTINGS[field.name].about
            rows.append(f"| `{field.name}` | `{PREFIX}{field.name.upper()}` | {about} | {shown} |")
    return "\n".join(rows)


def test_every_setting_is_documented() -> None:
    assert settings_table() in (ROOT / "docs/settings.md").read_text()


def metrics_table() -> str:
    """The table of docs/metrics.md."""
    rows = ["| metric | kind | labels | what it is | told by |", "| --- | --- | --- | --- | --- |"]
    for described in metrics.DESCRIBED.values():
        labels = ", ".join(f"`{label}`" for label in described.labels)
        tellers = ", ".join(described.tellers)
        rows.append(f"| `{described.name}` | {described.kind} | {labels} | {described.about} | {tellers} |")
    return "\n".join(rows)


def test_every_metric_is_documented() -> None:
    assert metrics_table() in (ROOT / "docs/metrics.md").read_text()


def test_the_diagram_of_states_is_the_table_of_transitions() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    drawn = {(a, b) for a, b in re.findall(r"^ {4}([A-Z]+) --> ([A-Z]+)", text, re.MULTILINE)}
    legal = {(a.value, b.value) for a, then in jobs.TRANSITIONS.items() for b in then if a is not jobs.State.UNSET}
    assert drawn == legal


def test_every_error_stands_in_the_tree_with_its_status_and_exit_code() -> None:
    drawn = {
        name: (int(status), int(exit_code))
        for name, status, exit_code in re.findall(r"(\w+) +(\d{3}) +exit (\d+)", errors.__doc__ or "")
    }
    classes = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.OffizinError)]
    assert drawn == {c.__name__: (c.http_status, c.exit_code) for c in classes}


def test_links_between_documents_lead_somewhere() -> None:
    for document in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_fault_points_that_are_named_are_reached_somewhere() -> None:
    code = "\n".join(path.read_text() for path in (ROOT / "offizin").rglob("*.py"))
    for point in faults.POINTS:
        assert f'reach("{point}")' in code
