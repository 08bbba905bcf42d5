"""Loads the shipped sampling profiles from the file beside this module; may be run again and again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fieldwork.models import SamplingProfile

DATA = Path(__file__).parent / "data" / "sampling_profiles.json"

_NAMES = {
    "firm_default_proposal": "Proposed default",
    "published_chiaro_cc_by": "Published method of an open audit methodology",
    "sox_forum_manual_periodic": "Manual periodic controls, practitioners' forum",
    "sox_forum_large_firm_it": "Large firm, IT controls, practitioners' forum",
    "ten_percent_3_30": "Ten percent, from 3 to 30",
}


def load(profiles: Any = SamplingProfile) -> int:
    """Make or update the shipped profiles (of no firm); returns how many. Accepts a historical model class."""
    found = json.loads(DATA.read_text(encoding="utf-8"))
    for code, sizes in found.items():
        profiles.objects.update_or_create(
            firm=None,
            code=code,
            version=1,
            defaults={"name": _NAMES[code], "source": sizes.get("source", ""), "sizes": sizes},
        )
    return len(found)
