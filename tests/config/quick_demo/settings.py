from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS

# Before the others: its demo_data command is the one that counts.
INSTALLED_APPS = ["tests.config.quick_demo", *INSTALLED_APPS]
