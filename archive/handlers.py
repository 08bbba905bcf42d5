"""What a worker does for this app."""

from archive import locking, packing, purging
from jobs.queue import handler, on_failure

handler("file.lock")(locking.assemble)
on_failure("file.lock")(locking.assembling_failed)
handler("file.pack")(packing.make)
on_failure("file.pack")(packing.making_failed)
handler("file.purge")(purging.destroy)
on_failure("file.purge")(purging.destroying_failed)
