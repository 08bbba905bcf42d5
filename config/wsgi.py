"""The web application for WSGI servers (granian in the demo and in production)."""

import os

from django.core.wsgi import get_wsgi_application

from config import embedded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
embedded.join_where_needed()

application = get_wsgi_application()
