#!/usr/bin/env python
"""Django's command line; starts or joins the embedded services first where a command needs them."""

import os
import signal
import sys
from types import FrameType

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from audit.context import act_for_everybody
from config import embedded

# These neither read nor write the database; `doctor` starts the services itself, to report on them.
WITHOUT_SERVICES = {
    "",
    "--help",
    "--version",
    "clean_demo",
    "collectstatic",
    "compilemessages",
    "diffsettings",
    "doctor",
    "findstatic",
    "help",
    "makemessages",
    "version",
}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    act_for_everybody()
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        # What is missing or wrong is said before anything is started or made.
        settings.ENVIRONMENT  # noqa: B018
    except ImproperlyConfigured as error:
        sys.exit(f"{error} docs/operating.md lists the variables.")
    if command not in WITHOUT_SERVICES and "--help" not in sys.argv:
        try:
            embedded.join_where_needed()
        except embedded.CannotStart as error:
            sys.exit(str(error))
        # So that the embedded services are left in order, however the command is ended.
        signal.signal(signal.SIGTERM, end)
        signal.signal(signal.SIGHUP, end)
    execute_from_command_line(sys.argv)


def end(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
