"""What a worker does for this app."""

from evidence import digest, examining, resumable, urgent, verifying
from evidence.uploads import EXAMINE
from jobs.queue import handler, on_failure

handler(resumable.JOB)(resumable.check)
on_failure(resumable.JOB)(resumable.check_failed)
handler(EXAMINE)(examining.examine)
handler(verifying.JOB, awaited=False)(verifying.verify)
handler(digest.JOB, awaited=False)(digest.send)
handler(urgent.JOB)(digest.send_urgent)
