"""PostgreSQL and Valkey from Python wheels, for a start without any installation.

Used while DATABASE_URL or BROKER_URL is unset. Real servers, reached by Unix sockets only, their data
under ATTESTRY_HOME. Each process that uses them holds a shared lock on one file: the operating system
gives it back however the process ends. Whoever leaves and can lock that file alone was the last one,
and stops the servers. A second lock lets only one process at a time start or stop them.
"""

import atexit
import os

from config.embedded.paths import OWNER, CannotStart, broker_url, database_url, home
from config.embedded.services import Services

__all__ = ["OWNER", "CannotStart", "Services", "broker_url", "database_url", "home", "join_where_needed"]


def join_where_needed() -> None:
    """Joins the embedded services unless both URLs are set; leaves when this process ends.

    Raises CannotStart.
    """
    if os.environ.get("DATABASE_URL") and os.environ.get("BROKER_URL"):
        return
    services = Services(home())
    services.join()
    atexit.register(services.leave)
