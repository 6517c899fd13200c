"""Which methods a path takes, for the header ``Allow`` (RFC 9110, section 10.2.1)."""

from __future__ import annotations

import re

from fastapi import FastAPI


def methods_at(app: FastAPI, path: str) -> list[str]:
    """Sorted. A path that is an operation's as it stands is no parameter of another one."""
    templates = app.openapi()["paths"]
    found = [path] if path in templates else [each for each in templates if _pattern(each).fullmatch(path)]
    return sorted({method.upper() for template in found for method in templates[template]})


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile("[^/]+".join(map(re.escape, re.split("{.*?}", template))))
