"""Who may read the report, who has, and is this copy genuine?"""

from django.apps import AppConfig


class DistributionConfig(AppConfig):
    name = "distribution"
    verbose_name = "Distribution"
