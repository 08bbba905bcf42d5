"""What a worker does for this app."""

from distribution import notifying
from jobs.queue import handler

handler(notifying.KIND, awaited=False)(notifying.tell)
