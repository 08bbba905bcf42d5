"""Reading a PDF back, for tests: text by page, outline, links, marked content, fonts."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pikepdf
import pypdf
import pypdfium2


def texts(pdf: bytes) -> list[str]:
    """The text of each page on one line."""
    with pypdfium2.PdfDocument(pdf) as document:
        return [" ".join(page.get_textpage().get_text_bounded().split()) for page in document]


def outline(pdf: bytes) -> list[tuple[int, str, int]]:
    """Level (from 1), title and page (from 1) of every bookmark."""
    reader = pypdf.PdfReader(io.BytesIO(pdf))

    def walk(entries: list[Any], level: int) -> Iterator[tuple[int, str, int]]:
        for entry in entries:
            if isinstance(entry, list):
                yield from walk(entry, level + 1)
            else:
                yield level, str(entry.title), (reader.get_destination_page_number(entry) or 0) + 1

    return list(walk(reader.outline, 1))


def destinations(document: pikepdf.Pdf) -> dict[str, int]:
    """Page (from 1) of every named destination."""
    pages = {page.obj.objgen: number for number, page in enumerate(document.pages, 1)}
    names = list(document.Root.Names.Dests.Names)
    return {str(name): pages[place[0].objgen] for name, place in zip(names[::2], names[1::2], strict=True)}


def links(document: pikepdf.Pdf) -> list[tuple[int, str]]:
    """Page (from 1) and target of every internal link."""
    return [
        (number, str(annotation.Dest))
        for number, page in enumerate(document.pages, 1)
        for annotation in page.obj.get("/Annots", [])
        if annotation.get("/Subtype") == "/Link" and "/Dest" in annotation
    ]


def fonts(document: pikepdf.Pdf) -> dict[str, bool]:
    """Every font by name, and whether its program is in the file."""
    found = {}
    for page in document.pages:
        for font in page.obj.Resources.Font.values():
            descriptor = font.DescendantFonts[0].FontDescriptor
            name = str(font.BaseFont).partition("+")[2]
            found[name] = any(key in descriptor for key in ("/FontFile", "/FontFile2", "/FontFile3"))
    return found


def marked(page: pikepdf.Page) -> tuple[set[int], list[str]]:
    """The marked-content numbers of a page, and the text operators that stand outside of any mark."""
    numbers, stray, depth = set(), [], 0
    for instruction in pikepdf.parse_content_stream(page):
        operator = str(instruction.operator)
        if operator in ("BDC", "BMC"):
            depth += 1
            if operator == "BDC" and "/MCID" in instruction.operands[1]:
                numbers.add(int(instruction.operands[1].MCID))
        elif operator == "EMC":
            depth -= 1
        elif operator in ("Tj", "TJ") and depth == 0:
            stray.append(operator)
    return numbers, stray


def kids(element: pikepdf.Object) -> list[Any]:
    """What hangs below a structure element: elements, object references, numbers of marked content."""
    below: Any = element.get("/K", [])
    return list(below) if isinstance(below, pikepdf.Array) else [below]


def structure(document: pikepdf.Pdf) -> Iterator[pikepdf.Object]:
    """Every structure element that hangs in the tree, in reading order."""
    todo: list[Any] = list(document.Root.StructTreeRoot.K)
    while todo:
        element = todo.pop(0)
        if isinstance(element, pikepdf.Dictionary) and "/S" in element:
            yield element
            todo = [*kids(element), *todo]


def tree(document: pikepdf.Pdf) -> list[tuple[int, str, int | None, list[str], list[str]]]:
    """Every structure element in reading order, so that two trees can be held beside each other.

    Its depth, kind, page, attributes and what hangs below it. Headers are named by the place of their cell, as
    their numbers are a file's own, and a link by where it leads. Asserts that each element names the one above it.
    """
    pages = {page.obj.objgen: number for number, page in enumerate(document.pages, 1)}
    elements: list[tuple[int, pikepdf.Object]] = []
    todo = [(0, document.Root.StructTreeRoot, one) for one in reversed(list(document.Root.StructTreeRoot.K))]
    while todo:
        depth, above, element = todo.pop()
        if isinstance(element, pikepdf.Dictionary) and "/S" in element:
            assert element.P.objgen == above.objgen
            elements.append((depth, element))
            todo += [(depth + 1, element, kid) for kid in reversed(kids(element))]
    places = {str(element.ID): place for place, (_, element) in enumerate(elements) if "/ID" in element}

    def attributes(element: pikepdf.Object) -> list[str]:
        given = {name: element[name] for name in ("/Alt", "/ActualText", "/Lang", "/T", "/E") if name in element}
        given |= dict(element.get("/A", {}).items())
        given["/Headers"] = [places[str(name)] for name in given.get("/Headers", [])]
        return [
            *sorted(f"{name} {value!r}" for name, value in given.items()),
            *(["/ID"] if "/ID" in element else []),
        ]

    def below(kid: Any) -> str:
        if isinstance(kid, int):
            return "content"
        return str(kid.get("/S", "")) or str(kid.Obj.get("/Dest", kid.Obj.Subtype))

    return [
        (
            depth,
            str(element.S),
            pages[element.Pg.objgen] if "/Pg" in element else None,
            attributes(element),
            [below(kid) for kid in kids(element)],
        )
        for depth, element in elements
    ]


def in_tree(document: pikepdf.Pdf) -> set[tuple[int, int]]:
    """Page and number of all marked content that the tree refers to."""
    pages = {page.obj.objgen: number for number, page in enumerate(document.pages)}
    return {
        (pages[element.Pg.objgen], kid)
        for element in structure(document)
        for kid in kids(element)
        if isinstance(kid, int)
    }
