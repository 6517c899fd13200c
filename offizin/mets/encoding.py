"""Any encoding that XML may come in, to UTF-8 and back without a change."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from offizin.errors import MetsInvalid

_DECLARED = re.compile(rb"""<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z][\w.-]*)["'][^>]*\?>""")
_LONGEST_DECLARATION = 1024  # bytes; in a long text without end the pattern would go to and fro
# Python has them for other purposes; some take time that grows with the square of the length.
_NO_ENCODINGS_OF_XML = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined"})
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_WIDE = ((b"<\x00", "utf-16-le"), (b"\x00<", "utf-16-be"))


@dataclass(frozen=True, slots=True)
class Encoding:
    """``name`` is Python's; ``mark`` the byte order mark at the beginning, or empty."""

    name: str
    mark: bytes = b""

    def from_utf8(self, content: bytes) -> bytes:
        """Characters that the encoding lacks become references."""
        if self.name != "utf-8":
            content = content.decode().encode(self.name, "xmlcharrefreplace")
        return self.mark + content


def to_utf8(content: bytes, path: Path) -> tuple[bytes, Encoding]:
    """The document in UTF-8, without mark (its declaration still says what it was), and what takes it back.

    Raises MetsInvalid when it is not in the encoding that it claims, or would not come back the same.
    """
    encoding = _find(content, path)
    text = content[len(encoding.mark) :]
    if encoding.name == "utf-8":
        return text, encoding
    try:
        converted = text.decode(encoding.name).encode()
        same = encoding.from_utf8(converted) == content
    except (UnicodeError, LookupError):
        same = False
    if not same:
        raise MetsInvalid(
            f"{path}, line 1: the content is not in the encoding that it claims, {encoding.name}",
            advice="'xmllint --encode UTF-8' converts it.",
        )
    return converted, encoding


def _find(content: bytes, path: Path) -> Encoding:
    for mark, name in _MARKS:
        if content.startswith(mark):
            return Encoding(name, mark)
    for beginning, name in _WIDE:
        if content.startswith(beginning):
            return Encoding(name)
    declared = _DECLARED.match(content, 0, _LONGEST_DECLARATION)
    if declared is None:
        return Encoding("utf-8")
    try:
        name = codecs.lookup(declared[1].decode()).name
        if name in _NO_ENCODINGS_OF_XML:
            raise LookupError
        return Encoding(name)
    except LookupError:
        raise MetsInvalid(f"{path}, line 1: unknown encoding {declared[1].decode()}") from None
