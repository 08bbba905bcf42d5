"""Tests of controls: planned, worked on item by item with evidence first, concluded."""

from fieldwork.testing.concluding import conclude_test, empty_cells
from fieldwork.testing.obtaining import mark_unobtainable, obtained
from fieldwork.testing.planning import (
    add_attribute,
    add_item,
    assign,
    change_attribute,
    change_test,
    held,
    plan_test,
    use_sample,
)
from fieldwork.testing.recording import (
    Entry,
    cite,
    cite_for_attribute,
    clear_result,
    fill,
    note_item,
    record_many,
    record_result,
)

__all__ = [
    "Entry",
    "add_attribute",
    "add_item",
    "assign",
    "change_attribute",
    "change_test",
    "cite",
    "cite_for_attribute",
    "clear_result",
    "conclude_test",
    "empty_cells",
    "fill",
    "held",
    "mark_unobtainable",
    "note_item",
    "obtained",
    "plan_test",
    "record_many",
    "record_result",
    "use_sample",
]
