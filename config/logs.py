"""Logging: one JSON object per line in production, a readable console elsewhere."""

import re
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

# Addresses that are themselves a secret: links of invitations, readers, new passwords and proved addresses, of
# calendars, and those that stop a mail.
SECRET_LINKS = re.compile(
    r"(/(?:invitation|read|calendar|mail/stop|account/password/reset/key|account/confirm-email)/)[^/\s?'\"]{16,}"
)


def without_secrets(logger: Any, method: str, event: EventDict) -> EventDict:
    """No line of the log holds what would let its reader in."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = SECRET_LINKS.sub(r"\1…", value)
    return event


SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    without_secrets,
]


def logging_config(*, json: bool, level: str) -> dict[str, Any]:
    """Django's LOGGING setting; structlog's loggers and the standard ones come out alike."""
    structlog.configure(
        processors=[*SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    render: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if json:
        render += [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()]
    else:
        # Rich's pictures of a traceback cost half a second each, and a page that is not found logs one.
        render += [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": SHARED,
                "processors": render,
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "django.server": {"handlers": ["console"], "level": level, "propagate": False},
            # WeasyPrint and fontTools report every glyph they subset.
            "fontTools": {"level": "WARNING"},
            "weasyprint": {"level": "ERROR"},
            # What pyHanko finds wrong with a seal is the answer to whoever asked, not trouble of ours.
            "pyhanko": {"level": "CRITICAL"},
            # pikepdf greets.
            "pikepdf": {"level": "WARNING"},
        },
    }
