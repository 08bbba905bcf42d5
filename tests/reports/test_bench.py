"""What measures the rendering still works, at the smallest size: `make bench` itself takes half an hour."""

from __future__ import annotations

import pytest

from bench import rendering


@pytest.mark.drill
@pytest.mark.parametrize("way", ["plain", "linked"])
def test_each_way_is_measured(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "config.settings")
    found = rendering.once(way, 20)
    steps = rendering.LINKED if way == "linked" else ("seconds",)
    assert found.keys() >= {*steps, "megabytes"}
    assert all(found[step] > 0 for step in steps)
