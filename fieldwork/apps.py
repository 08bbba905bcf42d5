"""How was each control tested, what came out, who reviewed it?"""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class FieldworkConfig(AppConfig):
    name = "fieldwork"
    verbose_name = "Fieldwork"

    def ready(self) -> None:
        autodiscover_modules("citing", "noting")
