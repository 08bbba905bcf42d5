from django.apps import AppConfig


class QuickDemoConfig(AppConfig):
    """A demonstration of one bare engagement, so that starting and ending can be tried in seconds."""

    name = "tests.config.quick_demo"
    label = "quick_demo"

    def ready(self) -> None:
        from tests.config.quick_demo import handlers  # noqa: F401, PLC0415 (it imports models)
