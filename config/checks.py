"""Checks of the settings that Django runs before every command."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register()
def broker_waits_longer_than_a_task_may_run(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """A task that outlives the visibility timeout is handed out a second time while it still runs."""
    visible = settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"]
    limit = settings.CELERY_TASK_TIME_LIMIT
    if visible > limit:
        return []
    return [
        Error(
            f"The broker's visibility_timeout ({visible} s) must be longer than the hard time limit"
            f" of a task ({limit} s), or a long task would run twice.",
            id="config.E001",
        )
    ]
