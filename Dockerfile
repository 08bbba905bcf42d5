# One image for web, worker and beat; docker-compose.yml says which command each runs.

FROM python:3.13-slim AS build
WORKDIR /srv/attestry
COPY requirements.lock requirements-node.lock ./
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock \
 && python -m venv /opt/node \
 && /opt/node/bin/pip install --no-cache-dir --require-hashes -r requirements-node.lock
COPY package.json package-lock.json ./
COPY config/frontend.py config/frontend.py
COPY static static
RUN /opt/node/bin/python config/frontend.py && rm -rf node_modules
COPY . .
# The values only let the settings be read; nothing of them stays in the image.
RUN ATTESTRY_ENV=production SITE_URL=https://build.invalid ALLOWED_HOSTS=build.invalid \
    SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(64))')" \
    DATABASE_URL=postgres://build BROKER_URL=redis://build EMAIL_URL=console:// \
    AUDIT_KEY="$(python -c 'import secrets; print(secrets.token_hex(32))')" \
    STATIC_ROOT=/srv/static /opt/venv/bin/python manage.py collectstatic --noinput

FROM python:3.13-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --create-home --home-dir /var/lib/attestry attestry
COPY --from=build /opt/venv /opt/venv
COPY --from=build /srv /srv
WORKDIR /srv/attestry
# Uploads wait in TMPDIR for their hash: /tmp is in memory.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ATTESTRY_ENV=production \
    ATTESTRY_HOME=/var/lib/attestry \
    STATIC_ROOT=/srv/static \
    TMPDIR=/var/lib/attestry
USER attestry
EXPOSE 8000
CMD ["python", "manage.py", "web", "--host", "0.0.0.0"]
