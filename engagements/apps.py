"""What is being examined, by whom, and where does it stand?"""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class EngagementsConfig(AppConfig):
    name = "engagements"
    verbose_name = "Engagements"

    def ready(self) -> None:
        autodiscover_modules("rules", "navigation", "handlers", "panels", "waiting", "palette", "team")
