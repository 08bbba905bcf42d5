"""XML parts of Office documents, parsed as a stream without entities."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from xml.parsers import expat

from evidence.probes import Unfit
from evidence.probes.archives import chunks

_DEEPEST = 500
_LONGEST = 1 << 20

Start = Callable[[str, dict[str, str]], None]


def parse(
    archive: zipfile.ZipFile,
    name: str,
    start: Start,
    *,
    end: Callable[[str], None] | None = None,
    text: Callable[[str], None] | None = None,
) -> None:
    """Runs the handlers over one part, tags as "namespace tag".

    Raises `Unfit` where it is not plain XML, or of a depth or with elements that no Office program writes.
    """
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.CharacterDataHandler = text
    depth = read = 0

    def begin(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise Unfit(f"The document's part {name} is nested too deeply. Save it again from the original.")
        start(tag, attributes)

    def close(tag: str) -> None:
        nonlocal depth
        depth -= 1
        if end:
            end(tag)

    parser.StartElementHandler, parser.EndElementHandler = begin, close
    try:
        for chunk in chunks(archive, name):
            read += len(chunk)
            parser.Parse(chunk, False)
            # What expat has not understood yet it looks at again with every piece.
            if read - parser.CurrentByteIndex > _LONGEST:
                raise Unfit(f"The document's part {name} holds an element of excessive length. Save it again.")
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise Unfit(f"The document's part {name} is damaged. Save it again from the original.") from error


def local(tag: str) -> str:
    """The tag without its namespace."""
    return tag.rpartition(" ")[2]


def _refuse(*_declaration: object) -> None:
    raise Unfit("The document declares entities, which no Office program writes. Save it again.")
