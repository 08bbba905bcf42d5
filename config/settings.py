"""The settings of every environment. What differs comes from environment variables.

docs/operating.md lists the variables. A production start with anything missing is refused.
"""

from datetime import timedelta
from pathlib import Path

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from config import embedded, environment, postgresql
from config.logs import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent
ATTESTRY_HOME = embedded.home()

ENVIRONMENT = environment.choice("ATTESTRY_ENV", environment.ENVIRONMENTS, "development")
PRODUCTION = ENVIRONMENT == "production"
DEBUG = environment.boolean("DEBUG", ENVIRONMENT == "development")

if PRODUCTION:
    environment.required(
        ["SECRET_KEY", "ALLOWED_HOSTS", "SITE_URL", "DATABASE_URL", "BROKER_URL", "EMAIL_URL", "AUDIT_KEY"],
        "Production (ATTESTRY_ENV=production)",
    )
    if DEBUG:
        raise ImproperlyConfigured("Production does not run with DEBUG: unset it.")

INSECURE_SECRET_KEY = "insecure-key-for-a-server-that-only-this-machine-can-reach"  # noqa: S105
SECRET_KEY = environment.text("SECRET_KEY", INSECURE_SECRET_KEY)
# Former keys: what they have sealed or signed still opens (`manage.py reseal` puts it under the present one).
SECRET_KEY_FALLBACKS = environment.words("SECRET_KEY_FALLBACKS")
DRAWN = len(SECRET_KEY) >= 50 and len(set(SECRET_KEY)) >= environment.LEAST
if PRODUCTION and (not DRAWN or SECRET_KEY == INSECURE_SECRET_KEY):
    raise ImproperlyConfigured("SECRET_KEY must be 50 or more random characters of your own in production.")

SITE_URL = environment.text("SITE_URL", "http://127.0.0.1:8000").rstrip("/")
HTTPS = SITE_URL.startswith("https://")
if PRODUCTION and not HTTPS:
    raise ImproperlyConfigured("SITE_URL must begin with https:// in production.")
ALLOWED_HOSTS = environment.words("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")
if PRODUCTION and "*" in ALLOWED_HOSTS:
    # Links in mails name the host that was asked for.
    raise ImproperlyConfigured("ALLOWED_HOSTS must name the hosts in production: with * anybody chooses it.")
CSRF_TRUSTED_ORIGINS = [SITE_URL] if HTTPS else []

# Apps, in the order in which they may import one another: right to left (pyproject.toml enforces it).
INSTALLED_APPS = [
    "audit",
    "jobs",
    "accounts",
    "controls",
    "engagements",
    "evidence",
    "fieldwork",
    "reports",
    "archive",
    "distribution",
    "config",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.socialaccount.providers.saml",
    "allauth.usersessions",
    "csp",
    "django_filters",
    "django_htmx",
    "guardian",
    "pgtrigger",
    "rest_framework",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "config.answers.OfThisSite",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # Whatever does not say that it is for everybody asks for a sign-in.
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    # Programs: a token of a person, at the interface only.
    "accounts.middleware.BearerTokens",
    "config.caching.NotKept",
    "audit.middleware.RequestContext",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    # Whatever is refused from here on leaves a record, though nothing else of it remains.
    "engagements.refusing.Refusals",
    "accounts.limits.Limits",
    "accounts.middleware.AtOnce",
    "accounts.middleware.AnswersOfProviders",
    "accounts.middleware.SignInPolicies",
    "accounts.middleware.GraveActs",
    "django_htmx.middleware.HtmxMiddleware",
    "config.answers.NotAPage",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.switching.shown",
            ],
        },
    }
]

# Services: from URLs, or the embedded ones under ATTESTRY_HOME.
DATABASES = {
    "default": dj_database_url.parse(
        environment.text("DATABASE_URL") or embedded.database_url(ATTESTRY_HOME),
        conn_max_age=60,
        conn_health_checks=True,
    )
}
# Every transaction says for whom it runs (config/isolation.py).
DATABASES["default"].setdefault("OPTIONS", {}).update(
    connection_factory=postgresql.Connection, cursor_factory=postgresql.Cursor
)
# The role that owns the tables; only `migrate` connects with it.
OWNER_DATABASE_URL = environment.text("OWNER_DATABASE_URL") or (
    "" if environment.text("DATABASE_URL") else embedded.database_url(ATTESTRY_HOME, embedded.OWNER)
)
if DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
    raise ImproperlyConfigured("DATABASE_URL must be a PostgreSQL URL (postgres://...).")
CELERY_BROKER_URL = environment.text("BROKER_URL") or embedded.broker_url(ATTESTRY_HOME)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Names with hashes where files are cached for ever; compressed where they cross a network.
STATIC_FILES = {
    "demo": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage",
    "production": "whitenoise.storage.CompressedManifestStaticFilesStorage",
}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": STATIC_FILES.get(ENVIRONMENT, "django.contrib.staticfiles.storage.StaticFilesStorage")
    },
    **environment.storages(environment.text("STORAGE_URL"), ATTESTRY_HOME),
}
# Nothing is kept in Django's default store; a file that ends up there is at least private.
MEDIA_ROOT = ATTESTRY_HOME / "storage" / "other"

STATIC_URL = "static/"
STATIC_ROOT = Path(environment.text("STATIC_ROOT", str(ATTESTRY_HOME / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = ENVIRONMENT in {"development", "test"}

# Uploads pass through a temporary file, never through memory.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700
UPLOAD_MAX_BYTES = environment.integer("UPLOAD_MAX_BYTES", 512 * 1024 * 1024)
# All files of one engagement together, unless its policy says otherwise.
UPLOAD_QUOTA_BYTES = environment.integer("UPLOAD_QUOTA_BYTES", 50 * 1024**3)
# Parts of unfinished uploads, in a folder that web and worker processes share; removed after these hours.
UPLOAD_STAGING = Path(environment.text("UPLOAD_STAGING", str(ATTESTRY_HOME / "storage" / "staging")))
UPLOAD_HOURS = environment.integer("UPLOAD_HOURS", 72)
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000
DATA_UPLOAD_MAX_NUMBER_FILES = 200

globals().update(environment.email(environment.text("EMAIL_URL"), ATTESTRY_HOME))
DEFAULT_FROM_EMAIL = environment.text("EMAIL_FROM", "Attestry <attestry@localhost>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
SCANNER_URL = environment.text("SCANNER_URL")

# People.
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
    "guardian.backends.ObjectPermissionBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
if ENVIRONMENT == "test":
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "accounts.passwords.BreachedPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"

# Sign-in by e-mail address or passkey; people come by invitation, never by signing up.
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
# An invitation reaches its reader at the address it is for, which proves the address; others are asked.
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS else "http"
# Who wants to change how one signs in, or commits a grave act, has proved who it is in these seconds.
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
ACCOUNT_RATE_LIMITS = {
    # By address of the network, and by account and browser (`accounts.adapter`); the second number bounds
    # guessing from many networks and never keeps out a browser that the person has used before.
    "login_failed": "20/m/ip,5/5m/key",
    "login_failed_anywhere": "100/h/key",
}
ALLAUTH_TRUSTED_PROXY_COUNT = environment.integer("TRUSTED_PROXY_COUNT", 0)
MFA_ADAPTER = "accounts.adapter.SecondFactorAdapter"
MFA_FORMS = {
    "edit_webauthn": "accounts.factors.PasskeyNameForm",
    "authenticate": "accounts.factors.CodeForm",
    "reauthenticate": "accounts.factors.CodeAgainForm",
    "authenticate_webauthn": "accounts.factors.PasskeyForm",
    "reauthenticate_webauthn": "accounts.factors.PasskeyAgainForm",
    "login_webauthn": "accounts.factors.PasskeyAloneForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Attestry"
# Zero steps before or after: the library remembers a used code for one step only.
MFA_TOTP_TOLERANCE = 0
# Chromium gives passkeys to http://localhost, which is no secure origin to the library.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS
# Single sign-on, set up in the product by the administrators of firms and clients (`accounts.single_sign_on`).
SOCIALACCOUNT_ADAPTER = "accounts.single_sign_on.Adapter"
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {"provider_class": "accounts.single_sign_on.OpenIDConnect"},
    "saml": {"provider_class": "accounts.single_sign_on.SAML"},
}
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"
# Our own page stands before it; and a form may not lead to another site by our content security policy.
SOCIALACCOUNT_LOGIN_ON_GET = True
# Identity providers inside our own network are asked only where the operator says so.
SINGLE_SIGN_ON_PRIVATE = environment.boolean("SINGLE_SIGN_ON_PRIVATE", False)
# What nobody does from an unattended browser: addresses whose POST wants a fresh proof (`accounts.middleware`).
# Signing a statement and issuing ask for the secret in the act itself.
GRAVE_ACTS = {
    "engagements:team",
    "engagements:team_invite",
    "engagements:team_role",
    "engagements:team_end",
    "reports:form_opinion",
    "fieldwork:review_sign",
    "accounts:firm_member",
    "accounts:firm_policy",
    "accounts:firm_policies",
    "accounts:organization",
    "accounts:organization_member",
    "accounts:deactivate",
    "accounts:reactivate",
    "engagements:token_new",
    "operators:deactivate",
    "operators:reactivate",
}
# How often one person, token or stranger may do what (`accounts.limits`): amount/time, of several all hold; "" is
# without limit. Tests set their own.
USUAL_LIMITS = {
    "requests": "900/m",
    "searches": "240/m",
    "exports": "20/m,200/h",
    "downloads": "120/m,1500/h",
    "renderings": "6/m,60/h",
    "listings": "60/m",
    "uploads": "120/m,3000/h",
    "parts": "3000/m",
    "mails": "30/m,200/h",
    "strangers": "120/m",
    "copies": "10/m,60/h",
    "verifying": "10/m,100/h",
    "links": "20/h",
}
LIMITS = environment.limits("LIMITS", USUAL_LIMITS) if ENVIRONMENT != "test" else dict.fromkeys(USUAL_LIMITS, "")
# Which routes are counted under which of them; everything that people and tokens ask for is counted as requests.
LIMITED = {
    "searches": {"palette"},
    "exports": {
        "engagements:activity_export",
        "engagements:trail",
        "engagements:firm_trail_export",
        "engagements:firm_trail_whole",
        "distribution:log",
        "fieldwork:sample_record",
    },
    "downloads": {
        "archive:addendum_file",
        "evidence:download",
        "evidence:listing",
        "reports:draft_pdf",
        "reports:general_use_pdf",
        "reports:issued_pdf",
        "reports:letter_copy",
    },
    "renderings": {"reports:request_draft", "reports:issue", "reports:issue_general_use"},
    # Files are read, tables are compared, samples are drawn again.
    "listings": {
        "evidence:choose_listing",
        "evidence:provide_population",
        "evidence:begin_reconciliation",
        "evidence:match_reconciliation",
        "fieldwork:import_profiles",
        "fieldwork:redraw",
    },
    "uploads": {"evidence:upload", "evidence:obtain", "api:files"},
    "parts": {"evidence:begin_upload", "evidence:resume_upload"},
    "mails": {"engagements:team_invite", "distribution:invite", "distribution:send_link"},
    "strangers": {
        "accounts:invitation",
        "accounts:single_sign_on",
        "accounts:single_sign_on_start",
        "distribution:open_link",
        "distribution:gate",
        "distribution:accept",
        "distribution:published",
        "distribution:published_pdf",
        "distribution:verify",
        "evidence:calendar",
        "evidence:stop_mail",
        "openid_connect_login",
        "openid_connect_callback",
        "saml_login",
        "saml_acs",
        "saml_finish_acs",
    },
    # A reader's copy is stamped on every page; a reader's link goes out by mail.
    "copies": {"distribution:download"},
    # A whole file is read and hashed.
    "verifying": {"distribution:verify"},
    "links": {"distribution:ask_link"},
}
# Pages on which secrets are typed or shown: they want the proof before they open, and keep nothing that is sent.
GRAVE_PAGES = {
    "accounts:certificate",
    "accounts:firm_single_sign_on",
    "accounts:organization_single_sign_on",
    "account_set_password",
    "mfa_activate_totp",
    "mfa_add_webauthn",
    "mfa_generate_recovery_codes",
    "mfa_view_recovery_codes",
    "mfa_download_recovery_codes",
}
# Counts of wrong guesses and used codes are shared by all processes.
CACHES = {"default": environment.cache(ENVIRONMENT, environment.text("CACHE_URL") or CELERY_BROKER_URL)}

# Object permissions have their own tables (engagements.roles); guardian adds nothing to User.
ANONYMOUS_USER_NAME = None
GUARDIAN_MONKEY_PATCH_USER = False
GUARDIAN_MONKEY_PATCH_GROUP = False

# The browser.
SESSION_COOKIE_AGE = int(timedelta(hours=12).total_seconds())
SESSION_IDLE_MINUTES = environment.integer("SESSION_IDLE_MINUTES", 120)
SESSION_COOKIE_NAME = "__Host-attestry" if HTTPS else "attestry"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_NAME = "__Host-attestry-csrf" if HTTPS else "attestry-csrf"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
if HTTPS:
    SECURE_SSL_REDIRECT = True
    # A health check speaks plain HTTP inside the network of the containers.
    SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
    SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds())
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    if ALLAUTH_TRUSTED_PROXY_COUNT:
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "font-src": ["'self'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        # Previews of evidence, which have a stricter policy of their own.
        "frame-src": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated", "accounts.api.WithinScopes"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "EXCEPTION_HANDLER": "engagements.api.explain",
}

# The trail: signed checkpoints over all its chains, kept outside the database.
AUDIT_KEY = environment.seed("AUDIT_KEY")
AUDIT_KEY_FILE = ATTESTRY_HOME / "audit.key"
AUDIT_FORMER_KEYS = environment.words("AUDIT_FORMER_KEYS")
AUDIT_CHECKPOINTS = Path(environment.text("AUDIT_CHECKPOINTS", str(ATTESTRY_HOME / "audit" / "checkpoints.jsonl")))
# Timestamps of a third party (RFC 3161) over them, and the certificates (PEM) that its signature must lead to.
TIMESTAMP_URL = environment.text("TIMESTAMP_URL")
TIMESTAMP_CA = environment.text("TIMESTAMP_CA")
if TIMESTAMP_URL and not TIMESTAMP_CA:
    raise ImproperlyConfigured("TIMESTAMP_URL needs TIMESTAMP_CA: the file with the authority's certificates.")

# The operators' area: off unless it is asked for.
OPERATORS = environment.boolean("OPERATORS", ENVIRONMENT == "test")

# Background work. A message may come twice or late, never get lost: the Job row is the truth.
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # Longer than a task may run (config.checks), or a long task would be handed out twice.
    "visibility_timeout": 900,
    # kombu looks for abandoned tasks every interval x throttle seconds, by default every 100.
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_keepalive": True,
    "socket_timeout": 30,
    "health_check_interval": 10,
}
CELERY_TASK_TIME_LIMIT = 600
CELERY_TASK_SOFT_TIME_LIMIT = 540
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 50
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 400_000
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 30
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_ENABLE_UTC = True
CELERY_TIMEZONE = "UTC"

LOGGING = logging_config(
    json=PRODUCTION,
    level=environment.text("LOG_LEVEL", "WARNING" if ENVIRONMENT in {"test", "demo"} else "INFO"),
)
