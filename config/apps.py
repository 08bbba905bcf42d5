from django.apps import AppConfig

from config import checks  # noqa: F401  (importing registers them)


class ConfigConfig(AppConfig):
    """Settings and the commands that belong to the whole house: demo, doctor, worker, beat."""

    name = "config"
