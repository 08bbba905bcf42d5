"""Is the file closed, kept, handed to a peer reviewer, destroyed in time?"""

from django.apps import AppConfig


class ArchiveConfig(AppConfig):
    name = "archive"
    verbose_name = "Archive"
