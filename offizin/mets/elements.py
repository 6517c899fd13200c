"""New METS elements as text, written as ocrd_models (OcrdFile, OcrdAgent) writes them."""

from __future__ import annotations

import re

from offizin.messages import Agent, File
from offizin.mets.layout import Style
from offizin.mets.names import OCRD_NAMESPACE, XLINK_NAMESPACE

_SPECIAL = re.compile('[&<>"\n\r\t]')
_SPECIAL_IN_TEXT = re.compile("[&<>\r]")
_ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}


def file_element(file: File, style: Style, unit: str, xlink: str) -> str:
    """``style`` is the group's; ``xlink`` the prefix for href with its colon, or empty where nobody declared one."""
    prefix, closing = style.prefix, style.inner
    inner = closing + unit if closing else ""
    href = f"{xlink}href" if xlink else f'xmlns:xlink="{XLINK_NAMESPACE}" xlink:href'
    parts = [f'<{prefix}file ID="{escape(file.id)}"']
    if file.mimetype:
        parts.append(f' MIMETYPE="{escape(file.mimetype)}"')
    parts.append(">")
    if file.local_filename:
        location = f'<{prefix}FLocat LOCTYPE="OTHER" OTHERLOCTYPE="FILE" {href}="{escape(file.local_filename)}"/>'
        parts += (inner, location)
    if file.url:
        parts += (inner, f'<{prefix}FLocat LOCTYPE="URL" {href}="{escape(file.url)}"/>')
    parts.append(f"{closing}</{prefix}file>")
    return "".join(parts)


def pointer_element(file_id: str, style: Style) -> str:
    return f'<{style.prefix}fptr FILEID="{escape(file_id)}"/>'


def agent_element(agent: Agent, style: Style, unit: str) -> str:
    """``style`` is the header's. ``agent.id`` must be an xs:ID."""
    prefix, closing = style.prefix, style.inner
    inner = closing + unit if closing else ""
    other_type = f' OTHERTYPE="{escape(agent.othertype)}"' if agent.othertype else ""
    other_role = f' OTHERROLE="{escape(agent.otherrole)}"' if agent.otherrole or agent.role == "OTHER" else ""
    parts = [
        f'<{prefix}agent TYPE="{escape(agent.type)}"{other_type} ROLE="{escape(agent.role)}"{other_role}'
        f' ID="{escape(agent.id)}">',
        f"{inner}<{prefix}name>{_escape_text(agent.name)}</{prefix}name>",
    ]
    for option, text in agent.notes:
        start = f'<{prefix}note xmlns:ocrd="{OCRD_NAMESPACE}" ocrd:option="{escape(option)}">'
        parts += (inner, start, _escape_text(text), f"</{prefix}note>")
    parts.append(f"{closing}</{prefix}agent>")
    return "".join(parts)


def escape(text: str) -> str:
    """For attributes in double quotes."""
    return _SPECIAL.sub(lambda match: _ESCAPED[match[0]], text) if _SPECIAL.search(text) else text


def _escape_text(text: str) -> str:
    """For the content of elements."""
    return _SPECIAL_IN_TEXT.sub(lambda match: _ESCAPED[match[0]], text)
