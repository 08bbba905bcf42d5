"""XML parts of Office documents, parsed as a stream without entities."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from xml.parsers import expat

from evidence.probes import Unfit
from evidence.probes.archives import chunks

Start = Callable[[str, dict[str, str]], None]


def parse(
    archive: zipfile.ZipFile,
    name: str,
    start: Start,
    *,
    end: Callable[[str], None] | None = None,
    text: Callable[[str], None] | None = None,
) -> None:
    """Runs the handlers over one part, tags as "namespace tag". Raises `Unfit` where it is not plain XML."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    try:
        for chunk in chunks(archive, name):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise Unfit(f"The document's part {name} is damaged. Save it again from the original.") from error


def local(tag: str) -> str:
    """The tag without its namespace."""
    return tag.rpartition(" ")[2]


def _refuse(*_declaration: object) -> None:
    raise Unfit("The document declares entities, which no Office program writes. Save it again.")
