"""Django settings. What an operator may change is in `aiops.config`; this file says how the parts are put together."""

import os
import sys
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import structlog
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from pydantic import ValidationError
from pydantic_settings import SettingsError

from aiops.config import Config
from aiops.core.clusters import Cluster
from aiops.logs import LOGGING as LOGGING  # the name that Django looks for
from aiops.runtime.faults import of_os_error
from aiops.runtime.paths import RuntimePaths
from aiops.runtime.secret import is_weak, kept_secret

BASE_DIR = Path(__file__).resolve().parent.parent

try:
    AIOPS = Config()
except ValidationError as error:
    faults = "; ".join(f"AIOPS_{'__'.join(str(p) for p in e['loc']).upper()}: {e['msg']}" for e in error.errors())
    raise ImproperlyConfigured(f"the environment is not usable: {faults}") from None
except SettingsError as error:  # a list or an object that is no JSON
    raise ImproperlyConfigured(f"the environment is not usable: {error}") from None

RUNTIME = RuntimePaths(AIOPS.var if AIOPS.var.is_absolute() else BASE_DIR / AIOPS.var)
PROCESS = os.environ.get("AIOPS_PROCESS", "command")  # set by `up`: web, worker, beat, sweeper
POOLED = {"web", "sweeper"}

DEBUG = AIOPS.debug
if not AIOPS.is_embedded and DEBUG:
    raise ImproperlyConfigured("AIOPS_DEBUG shows internals to anybody; unset it where DATABASE_URL is set")


def _secret_key() -> str:
    """The given key; in embedded mode one that is made once and kept with the data."""
    if given := AIOPS.secret_key.get_secret_value():
        if not AIOPS.is_embedded and is_weak(given):
            raise ImproperlyConfigured("AIOPS_SECRET_KEY can be guessed; make one of 50 or more random characters")
        return given
    if not AIOPS.is_embedded:
        raise ImproperlyConfigured("AIOPS_SECRET_KEY is required where DATABASE_URL is set; make one of 50 or more characters")
    try:
        return kept_secret(RUNTIME.secret_key)
    except OSError as error:
        raise ImproperlyConfigured(str(of_os_error(error, RUNTIME.var))) from None


def _database(url: str) -> dict[str, object]:
    """Django's form of a `postgresql://` URL; a socket folder is given as `?host=`."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "aiops.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "aiops",
        "USER": unquote(parts.username or "aiops"),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", None) or parts.hostname or "",
        "PORT": parts.port or "",
        "CONN_HEALTH_CHECKS": PROCESS not in POOLED,  # pooled ones are looked at by the engine
        "OPTIONS": {
            # A server that went away without a word is noticed by the kernel before the next request uses its connection.
            "keepalives_idle": 30,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,
            **options,
            "application_name": f"aiops-{PROCESS}",
            "connect_timeout": 2,
            "prepare_threshold": 3,  # only statements that are bound on the server: `aiops/postgresql/prepared.py`
            "options": _session_options(),
            **_pooling(),
        },
    }


def _session_options() -> str:
    """A stuck statement ends by itself, and earlier where a person or a sender waits for it."""
    statement_s = 5 if PROCESS == "web" else 15
    limits = {"lock_timeout": "2s", "idle_in_transaction_session_timeout": "10s", "statement_timeout": f"{statement_s}s"}
    if PROCESS == "command":
        limits.pop("statement_timeout"), limits.pop("idle_in_transaction_session_timeout")  # migrations take their time
    return " ".join(f"-c {name}={value}" for name, value in limits.items())


def _pooling() -> dict[str, object]:
    """Web and sweeper have threads that share a pool; a worker's child is one process with one connection."""
    if PROCESS in POOLED:
        # A pool asks a server that is gone ever more seldom; giving up early, it asks anew with the next request. Measured:
        # 48 s without a connection after an outage of 70 s, now 1 s.
        return {"pool": {"min_size": 1, "max_size": 8, "timeout": 2, "reconnect_timeout": 4}}
    return {}


SECRET_KEY = _secret_key()
DATABASES = {"default": _database(AIOPS.database_url or RUNTIME.database_url)}
if PROCESS not in POOLED:
    DATABASES["default"]["CONN_MAX_AGE"] = 600
REDIS_URL = AIOPS.redis_url or RUNTIME.redis_url


def _clusters() -> tuple[Cluster, ...]:
    """The configured clusters; in embedded mode without any, the sandbox that `make up` starts."""
    if AIOPS.clusters is not None:
        return AIOPS.clusters
    if AIOPS.is_embedded and RUNTIME.sandbox_kubeconfig.exists():
        return (Cluster(name="sandbox", environment="production", kubeconfig=RUNTIME.sandbox_kubeconfig, shadow=False),)
    return ()


CLUSTERS = _clusters()

ALLOWED_HOSTS = list(AIOPS.allowed_hosts) or (["localhost", "127.0.0.1", "[::1]"] if AIOPS.is_embedded else [])
if not AIOPS.is_embedded and "*" in ALLOWED_HOSTS:
    raise ImproperlyConfigured("AIOPS_ALLOWED_HOSTS names the hosts; '*' lets anybody forge links where DATABASE_URL is set")

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "aiops.admin_config.ConsoleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "channels",
    "csp",
    "axes",
    "django_htmx",
    "django_structlog",
    "pgtrigger",
    "aiops.access",
    "aiops.outbox",
    "learning",
    "incidents",
    "approvals",
    "governance",
    "aiops",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "aiops.access.middleware.PrincipalMiddleware",
    "aiops.access.middleware.RefusalMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "aiops.urls"
ASGI_APPLICATION = "aiops.asgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "aiops.rendering.ConsoleTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "aiops.context.layout",
            ],
            "builtins": ["aiops.templatetags.console"],
        },
    },
]

AUTH_USER_MODEL = "access.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "login"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_HANDLER = "axes.handlers.database.AxesDatabaseHandler"
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_CALLABLE = "aiops.access.views.locked_out"

CHANNEL_LAYERS = {
    "default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [REDIS_URL]}},
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

UNFOLD = {
    "SITE_TITLE": "AIOps administration",
    "SITE_HEADER": "Administration",
    "SITE_SYMBOL": "verified_user",
    "SIDEBAR": {"show_search": True, "show_all_applications": False},
}

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"
STATIC_ROOT = RUNTIME.var / "static"
if AIOPS.is_embedded:
    STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # empty: files are served from where they lie
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_MAX_AGE = 3600

# The dashboard's own policy. Admin and API docs come from libraries with inline parts; their views loosen it for themselves.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
}
ADMIN_CONTENT_SECURITY_POLICY = {
    "default-src": [NONE],
    "script-src": [SELF, "'unsafe-eval'", NONCE],
    "style-src": [SELF, "'unsafe-inline'"],
    "img-src": [SELF, "data:"],
    "font-src": [SELF],
    "connect-src": [SELF],
    "form-action": [SELF],
    "base-uri": [NONE],
    "frame-ancestors": [NONE],
}

SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "aiops.views.csrf_refused"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
DATA_UPLOAD_MAX_MEMORY_SIZE = AIOPS.incidents.max_body_bytes
if not AIOPS.is_embedded:
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
    SECURE_SSL_REDIRECT = False  # TLS ends at the proxy; SECURE_PROXY_SSL_HEADER lets Django see it
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS]
    SILENCED_SYSTEM_CHECKS = ["security.W008"]

DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False  # the audit has the address of every act
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.filter_by_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
TESTING = "pytest" in sys.modules
