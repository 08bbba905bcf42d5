"""Looks whether everything the product needs is there, and says what does not work without it."""

import fcntl
import os
import platform
import shutil
import socket
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from kombu import Connection
from kombu.exceptions import OperationalError

from audit import timestamps
from audit.context import EVERYBODY, acting_for
from config import embedded, environment, system
from evidence import staging
from evidence.models import Upload
from reports.rendering import without_network

OLDEST_POSTGRESQL = 15
ROOM = 2 * 1024**3


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `without` says what does not work when it is missing."""

    name: str
    found: bool
    detail: str
    without: str = ""
    essential: bool = True


def examine() -> Iterator[Finding]:
    """Looks at everything, the slow things last; what is missing never stops the rest."""
    for look in LOOKS:
        if found := look():
            yield found


def python() -> Finding:
    version = platform.python_version()
    return Finding("Python", sys.version_info >= (3, 11), version, "Attestry needs Python 3.11 or newer.")


def pango() -> Finding:
    need = system.PANGO
    detail = "found" if system.has_pango() else f"missing; {system.how_to_install(need)}"
    return Finding("Pango", system.has_pango(), detail, "No report can be rendered.")


def chromium() -> Finding:
    found = system.chromium()
    detail = found or f"missing; {system.how_to_install(system.CHROMIUM)}"
    return Finding("Chromium", found is not None, detail, "The browser tests cannot run.", essential=False)


def front_end() -> Finding:
    places = [Path(place) / "vendor" for place in settings.STATICFILES_DIRS]
    places.append(Path(settings.STATIC_ROOT) / "vendor")
    found = next((place for place in places if place.is_dir() and any(place.iterdir())), None)
    detail = f"{found}" if found else "static/vendor is missing; python -m config.frontend"
    return Finding("Front-end files and fonts", found is not None, detail, "Pages and reports come out bare.")


def namespaces() -> Finding:
    """Whether rendering is cut off by the kernel: looked at the way the renderer does it."""
    found = bool(without_network())
    missing = "not allowed here" if shutil.which("unshare") else "the command unshare (util-linux) is missing"
    return Finding(
        "User namespaces",
        found,
        "allowed" if found else missing,
        "Rendering is not cut off from the network by the kernel, only by our own settings.",
        essential=False,
    )


def disk() -> Finding:
    place = next(path for path in (settings.ATTESTRY_HOME, *settings.ATTESTRY_HOME.parents) if path.exists())
    free = shutil.disk_usage(place).free
    return Finding("Disk", free > ROOM, f"{free / 1024**3:.1f} GB free", "Uploads and reports may fail.")


# What the application's role must not be able to do.
POWERS = """
    SELECT CASE
        WHEN rolsuper THEN 'is a superuser'
        WHEN rolbypassrls THEN 'passes row-level security by'
        WHEN EXISTS (
            SELECT FROM pg_class WHERE relname = 'engagements_engagement' AND pg_has_role(relowner, 'MEMBER')
        )
        THEN 'owns the tables' ELSE '' END
    FROM pg_roles WHERE rolname = current_user
"""


def postgresql() -> Finding:
    lost = "Nothing works without the database."
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW server_version_num")
            version = int(cursor.fetchone()[0])
            cursor.execute(POWERS)
            power = str(cursor.fetchone()[0])
    except DatabaseError as error:
        return Finding("PostgreSQL", False, str(error).strip(), lost)
    where = "own" if environment.text("DATABASE_URL") else "embedded"
    if power:
        return Finding(
            "PostgreSQL",
            False,
            f"the role of DATABASE_URL {power}",
            "Nothing then keeps issued reports as they are and engagements apart. docs/operating.md has the roles.",
        )
    detail = f"{version // 10_000}.{version % 10_000}, {where}"
    return Finding("PostgreSQL", version >= OLDEST_POSTGRESQL * 10_000, detail, lost)


def tables() -> Finding:
    """Whether they are those of this version."""
    without = "Nothing works without them: manage.py migrate, with OWNER_DATABASE_URL, makes and changes them."
    try:
        migrations = MigrationExecutor(connection)
        missing = len(migrations.migration_plan(migrations.loader.graph.leaf_nodes()))
    except DatabaseError as error:
        return Finding("Tables", False, str(error).strip(), without)
    return Finding(
        "Tables", not missing, f"{missing} migrations to be run" if missing else "of this version", without
    )


def proxy() -> Finding | None:
    """TLS ends in a proxy: unless it is believed, every page leads to itself."""
    if not settings.HTTPS:
        return None
    count = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    without = "SITE_URL is https, which a proxy speaks: no page opens, and all strangers count as one network."
    return Finding("Proxy", count > 0, f"TRUSTED_PROXY_COUNT is {count}", without)


def broker() -> Finding:
    where = "own" if environment.text("BROKER_URL") else "embedded"
    try:
        with Connection(settings.CELERY_BROKER_URL, connect_timeout=5) as queue:
            queue.ensure_connection(max_retries=1, timeout=5)
    except OperationalError as error:
        return Finding("Broker", False, str(error), "Background work waits: no report is rendered.")
    return Finding("Broker", True, where)


def stores() -> Finding:
    """Writes, reads and deletes a small file in each store."""
    content = uuid.uuid4().hex
    for name in ("evidence", "reports"):
        store = storages[name]
        try:
            saved = store.save(f"doctor/{content}", ContentFile(content.encode()))
            with store.open(saved) as file:
                same = file.read() == content.encode()
            store.delete(saved)
        except (OSError, BotoCoreError, ClientError, Boto3Error) as error:
            return Finding("Storage", False, f"{name}: {error}", "No file can be uploaded or rendered.")
        if not same:
            return Finding("Storage", False, f"{name}: read something else than was written", "Not usable.")
    where = "S3" if environment.text("STORAGE_URL") else f"{settings.ATTESTRY_HOME / 'storage'}"
    return Finding("Storage", True, where)


def staging_folder() -> Finding:
    """Whether parts of uploads can be kept and locked here, and whether those under way lie here."""
    root = Path(settings.UPLOAD_STAGING)
    lost = "Large files cannot be uploaded."
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=root, prefix="doctor-") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file.write(b"doctor")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return Finding("Unfinished uploads", False, f"{root}: {error}", lost)
    try:
        with acting_for(EVERYBODY):
            unfinished = list(Upload.objects.exclude(state=Upload.State.DONE).values_list("token", flat=True))
        away, under_way = staging.elsewhere(unfinished), len(unfinished)
    except DatabaseError as error:
        return Finding("Unfinished uploads", False, str(error).strip(), lost)
    if away:
        return Finding(
            "Unfinished uploads",
            False,
            f"{away} of {under_way} do not lie in {root}",
            "Another host keeps them: UPLOAD_STAGING must be one folder that all web and worker hosts share.",
        )
    shared = ", which all web and worker hosts must share"
    detail = f"{root}{shared if environment.text('STORAGE_URL') else ''}; {under_way} under way"
    return Finding("Unfinished uploads", True, detail)


def _to_scanner(parts: SplitResult) -> socket.socket:
    if parts.scheme != "unix":
        return socket.create_connection((parts.hostname or "", parts.port or 3310), timeout=5)
    clamd = socket.socket(socket.AF_UNIX)
    clamd.settimeout(5)
    clamd.connect(parts.path)
    return clamd


def scanner() -> Finding:
    without = "Uploads are not scanned for malware."
    if not settings.SCANNER_URL:
        return Finding("Malware scanner", False, "SCANNER_URL is not set", without, essential=False)
    try:
        with _to_scanner(urlsplit(settings.SCANNER_URL)) as clamd:
            clamd.sendall(b"zPING\0")
            answer = clamd.recv(16)
    except OSError as error:
        return Finding("Malware scanner", False, str(error), without)
    return Finding(
        "Malware scanner", answer.startswith(b"PONG"), answer.decode(errors="replace").strip("\0\n"), without
    )


def timestamp_authority() -> Finding:
    """Asks for a timestamp over nothing in particular, and checks it."""
    without = "When a checkpoint of the trail was there rests on our own clock."
    if not timestamps.wanted():
        return Finding("Timestamp authority", False, "TIMESTAMP_URL is not set", without, essential=False)
    try:
        at = timestamps.probe()
    except timestamps.Unavailable as error:
        return Finding("Timestamp authority", False, str(error), without)
    return Finding("Timestamp authority", True, f"says it is {at:%Y-%m-%d %H:%M:%S} UTC")


def services() -> Finding | None:
    """Why the embedded services cannot run here, if they are needed and cannot."""
    try:
        embedded.join_where_needed()
    except embedded.CannotStart as error:
        return Finding("Embedded services", False, str(error), "Nothing works without database and broker.")
    return None


LOOKS: list[Callable[[], Finding | None]] = [
    python,
    pango,
    chromium,
    front_end,
    namespaces,
    disk,
    postgresql,
    tables,
    proxy,
    broker,
    stores,
    staging_folder,
    scanner,
    timestamp_authority,
]
