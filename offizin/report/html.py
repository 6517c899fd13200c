"""A report as one HTML file, which needs no network and runs no script."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from offizin.report.contents import RunReport, Spread, StepReport

_WIDTH, _LEFT, _RIGHT, _ROW = 900, 240, 70, 30  # of the box plots, in pixels


def as_html_file(report: RunReport) -> str:
    environment = Environment(
        loader=PackageLoader("offizin.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "moment": _moment,
        "duration": _duration,
        "memory": _memory,
        "share": _share,
        "tojson_text": lambda value: json.dumps(value, ensure_ascii=False),
    }
    return environment.get_template("page.html.jinja").render(report=report, boxes=box_plots(report.steps))


def box_plots(steps: Sequence[StepReport]) -> Markup:
    """One row for each step, all to one scale; steps of whole books have no time for a page."""
    known = [(step, step.seconds) for step in steps if step.seconds is not None]
    if not known:
        return Markup("<p>Nothing was measured page by page.</p>")
    most = max(spread.most for _, spread in known) or 1.0
    rows = [_box(step, spread, most, number * _ROW) for number, (step, spread) in enumerate(known)]
    height = len(known) * _ROW
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="Seconds for a page, by step">{}</svg>').format(
        _WIDTH, height, Markup("").join(rows)
    )


def _box(step: StepReport, spread: Spread, most: float, top: int) -> Markup:
    def x(seconds: float) -> float:
        return round(_LEFT + (_WIDTH - _LEFT - _RIGHT) * seconds / most, 1)

    middle, upper, lower = top + _ROW / 2, top + 6, top + _ROW - 6
    left, right = x(spread.lower_quartile), x(spread.upper_quartile)
    parts = [
        Markup("<title>{}</title>").format(
            f"least {spread.least:.3g} s, quartiles {spread.lower_quartile:.3g}, {spread.median:.3g} and "
            f"{spread.upper_quartile:.3g} s, most {spread.most:.3g} s"
        ),
        Markup('<text x="0" y="{}">{}</text>').format(middle + 4, f"{step.number + 1} {step.processor}"),
        Markup('<line x1="{}" x2="{}" y1="{}" y2="{}"/>').format(x(spread.least), x(spread.most), middle, middle),
        Markup('<rect x="{}" y="{}" width="{}" height="{}"/>').format(
            left, upper, round(right - left, 1), lower - upper
        ),
        Markup('<line x1="{0}" x2="{0}" y1="{1}" y2="{2}" stroke-width="2"/>').format(x(spread.median), upper, lower),
        Markup('<text x="{}" y="{}">{}</text>').format(
            x(spread.most) + 6, middle + 4, f"{spread.median:.3g} s"
        ),
    ]  # fmt: skip
    return Markup("<g>{}</g>").format(Markup("").join(escape(part) for part in parts))


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def _memory(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB" if size else ""


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"
