"""Tests of controls: planned, worked on item by item with evidence first, concluded."""

from fieldwork.testing.concluding import conclude_test, empty_cells
from fieldwork.testing.obtaining import mark_unobtainable, obtained
from fieldwork.testing.planning import (
    Column,
    add_attribute,
    add_item,
    assign,
    change_attribute,
    change_test,
    held,
    plan_test,
    use_sample,
)
from fieldwork.testing.procedures import record_procedure, strike_procedure
from fieldwork.testing.recording import (
    cite,
    cite_for_attribute,
    clear_result,
    fill,
    note_item,
    record_many,
    record_result,
)
from fieldwork.testing.sheetbook import Entry
from fieldwork.testing.together import Answer, Change, last_change, news, save

__all__ = [
    "Answer",
    "Change",
    "Column",
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
    "last_change",
    "mark_unobtainable",
    "news",
    "note_item",
    "obtained",
    "plan_test",
    "record_many",
    "record_procedure",
    "record_result",
    "save",
    "strike_procedure",
    "use_sample",
]
