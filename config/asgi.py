"""The web application for ASGI servers."""

import os

from django.core.asgi import get_asgi_application

from config import embedded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
embedded.join_where_needed()

application = get_asgi_application()
