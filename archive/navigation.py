"""The section of the side navigation that this app shows."""

from engagements.frame import section

section("file", "File", "archive:file", position=42, needs=("see_fieldwork",), outlives=True)
