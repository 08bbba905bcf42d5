"""The criteria and the library of controls."""

from django.apps import AppConfig


class ControlsConfig(AppConfig):
    name = "controls"
    verbose_name = "Criteria and controls"
