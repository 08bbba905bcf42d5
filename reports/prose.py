"""People's Markdown as HTML: the same for the editor's preview and for the printed report.

Raw HTML is off in the parser and the result is sanitised all the same (nh3), so neither alone has to be
right. What is left refers to nothing outside: no images, no styles, no ids; links may lead to the web or
to a mailbox and are never fetched.
"""

from __future__ import annotations

from collections.abc import Sequence

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

TAGS = {
    *("p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {"a": {"href"}, "ol": {"start"}}
LINK_SCHEMES = {"https", "http", "mailto"}

_parser = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])
_parser.disable(["image", "html_block", "html_inline"])


def to_html(text: str, *, level: int = 3) -> SafeString:
    """The Markdown as safe HTML.

    `level` is the highest heading it may use: whatever levels the author chose become that one and the
    next ones in order, without gaps (a screen reader and PDF/UA stumble over gaps).
    """
    tokens = _parser.parse(text.replace("\x00", ""))
    _fit_headings(tokens, level)
    html = _parser.renderer.render(tokens, _parser.options, {})
    clean = nh3.clean(
        html, tags=TAGS, attributes=ATTRIBUTES, url_schemes=LINK_SCHEMES, url_relative="deny", link_rel=None
    )
    return mark_safe(clean)  # noqa: S308 - sanitised by nh3 one line above


def _fit_headings(tokens: Sequence[Token], level: int) -> None:
    used = sorted({token.tag for token in tokens if token.type == "heading_open"})
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(level + used.index(token.tag), 6)}"
