from tests.reports.makers import quick

__all__ = ["quick"]
