"""Every setting, in one place. Each comes from the environment or from `.env` beside this project.

`docs/settings.md` lists them. A setting that is missing or malformed stops the process with the
setting's name and how to mend it; an unknown `COUNTERSIGN_*` name is refused.
"""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import environ
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.urls import reverse_lazy

from audits.anchors import address as anchor_address
from audits.siem import address
from portal import mail_server
from portal.environment import Environment
from portal.sign_in import providers

BASE_DIR = Path(__file__).resolve().parent.parent
environ.Env.read_env(BASE_DIR / ".env")
env = Environment()

# --- Where data lives -----------------------------------------------------------------------------
DATA_DIR = Path(env.text("COUNTERSIGN_DATA_DIR", str(BASE_DIR / "var"))).resolve()
KEYS_DIR = Path(env.text("COUNTERSIGN_KEYS_DIR", str(DATA_DIR / "keys"))).resolve()
SUBJECT_KEYS_DIR = Path(env.text("COUNTERSIGN_SUBJECT_KEYS_DIR", str(KEYS_DIR / "subjects"))).resolve()
BUNDLES_DIR = Path(env.text("COUNTERSIGN_BUNDLES_DIR", str(DATA_DIR / "bundles"))).resolve()

# --- Web ------------------------------------------------------------------------------------------
SECRET_KEY = env.secret(
    "COUNTERSIGN_SECRET_KEY",
    mend="Run `make .env`, or set it to 50 random characters of your own.",
)
DEBUG = env.boolean("COUNTERSIGN_DEBUG", default=False)
ALLOWED_HOSTS = env.listing("COUNTERSIGN_ALLOWED_HOSTS", ("127.0.0.1", "localhost", "[::1]"))
CSRF_TRUSTED_ORIGINS = env.listing("COUNTERSIGN_TRUSTED_ORIGINS")
HTTPS = env.boolean("COUNTERSIGN_HTTPS", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds()) if HTTPS else 0
CSRF_COOKIE_SAMESITE = "Strict"
X_FRAME_OPTIONS = "DENY"
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "portal.apps.PortalAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.socialaccount.providers.saml",
    "axes",
    "csp",
    "simple_history",
    "rest_framework",
    "drf_spectacular",
    "audits",
    "agents",
    "governance",
    "portal",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "agents.scim.api.middleware.ScimMiddleware",
    "governance.api.middleware.DecisionPointMiddleware",
    "portal.api.door.ManagementApiMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "portal.sign_in.middleware.SignedIn",
    "axes.middleware.AxesMiddleware",
]
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
                "portal.sign_in.context.site",
            ],
        },
    },
]
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "portal" / "assets"]

# --- People ---------------------------------------------------------------------------------------
AUTH_USER_MODEL = "agents.Person"
LOGIN_URL = reverse_lazy("account_login")
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# --- Signing in (docs/sign-in.md) --------------------------------------------------------------------
MFA = env.text("COUNTERSIGN_MFA", "required", choices=("required", "optional"))
REAUTHENTICATION_SECONDS = env.integer("COUNTERSIGN_REAUTHENTICATION_SECONDS", 300, minimum=30, maximum=3600)
SESSION_HOURS = env.integer("COUNTERSIGN_SESSION_HOURS", 12, minimum=1, maximum=168)
SESSION_IDLE_MINUTES = env.integer("COUNTERSIGN_SESSION_IDLE_MINUTES", 30, minimum=2, maximum=1440)
INVITATION_HOURS = env.integer("COUNTERSIGN_INVITATION_HOURS", 24, minimum=1, maximum=168)
PASSWORD_RESET_TIMEOUT = INVITATION_HOURS * 3600
SESSION_COOKIE_AGE = SESSION_HOURS * 3600
SOCIALACCOUNT_PROVIDERS = providers.configured(
    providers.Oidc(
        name=env.text("COUNTERSIGN_OIDC_NAME", "single sign-on"),
        url=env.url("COUNTERSIGN_OIDC_URL", schemes=("https", "http")),
        client_id=env.text("COUNTERSIGN_OIDC_CLIENT_ID"),
        client_secret=env.text("COUNTERSIGN_OIDC_SECRET"),
        username_claim=env.text("COUNTERSIGN_OIDC_USERNAME_CLAIM", "preferred_username"),
        trust_email=env.boolean("COUNTERSIGN_OIDC_TRUST_EMAIL", default=False),
    ),
    providers.Saml(
        name=env.text("COUNTERSIGN_SAML_NAME", "SAML"),
        entity_id=env.text("COUNTERSIGN_SAML_ENTITY_ID"),
        sso_url=env.url("COUNTERSIGN_SAML_SSO_URL", schemes=("https", "http")),
        certificate=env.text("COUNTERSIGN_SAML_CERTIFICATE"),
        email_attribute=env.text("COUNTERSIGN_SAML_EMAIL_ATTRIBUTE", "urn:oid:0.9.2342.19200300.100.1.3"),
        username_attribute=env.text(
            "COUNTERSIGN_SAML_USERNAME_ATTRIBUTE", "urn:oid:0.9.2342.19200300.100.1.1"
        ),
    ),
)
# A directory may add and deactivate people (docs/scim.md); administrators only where this says so.
SCIM_ADMINISTRATORS = env.boolean("COUNTERSIGN_SCIM_ADMINISTRATORS", default=False)
# A browser that comes back from an identity provider comes from another site: Strict would lose it.
SESSION_COOKIE_SAMESITE = "Lax" if SOCIALACCOUNT_PROVIDERS else "Strict"
ALLAUTH_TRUSTED_PROXY_COUNT = env.integer("COUNTERSIGN_PROXIES", 0, minimum=0, maximum=5)
ACCOUNT_ADAPTER = "portal.sign_in.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = REAUTHENTICATION_SECONDS
ACCOUNT_FORMS = {
    "login": "portal.sign_in.forms.LoginForm",
    "reauthenticate": "portal.sign_in.forms.ReauthenticateForm",
}
# django-axes counts failures exactly, in the database. These only slow a flood down.
ACCOUNT_RATE_LIMITS = {"login": "60/m/ip", "login_failed": "60/m/ip,20/300s/key"}
MFA_ADAPTER = "portal.sign_in.adapters.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = "Countersign"
MFA_TOTP_TOLERANCE = 1
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_FORMS = {
    "authenticate": "portal.sign_in.forms.AuthenticateForm",
    "reauthenticate": "portal.sign_in.forms.ReauthenticateCodeForm",
    "activate_totp": "portal.sign_in.forms.ActivateTOTPForm",
    "add_webauthn": "portal.sign_in.forms.AddWebAuthnForm",
}
SOCIALACCOUNT_ADAPTER = "portal.sign_in.adapters.SocialAccountAdapter"
SOCIALACCOUNT_LOGIN_ON_GET = True  # a form may not lead to another site (form-action), a link may
SOCIALACCOUNT_STORE_TOKENS = False
AXES_FAILURE_LIMIT = env.integer("COUNTERSIGN_LOCKOUT_FAILURES", 5, minimum=3, maximum=100)
AXES_COOLOFF_TIME = timedelta(minutes=env.integer("COUNTERSIGN_LOCKOUT_MINUTES", 15, minimum=1, maximum=1440))
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_ENABLE_ADMIN = False
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
AXES_SENSITIVE_PARAMETERS = ["username", "login", "code", "credential", "next", "csrfmiddlewaretoken"]
AXES_USERNAME_CALLABLE = "portal.sign_in.lockout.counted_name"
AXES_CLIENT_IP_CALLABLE = "portal.sign_in.address.address_of"
AXES_LOCKOUT_CALLABLE = "portal.sign_in.lockout.answer"

# --- The management API (docs/api.md) --------------------------------------------------------------------
API_TOKEN_DAYS = env.integer("COUNTERSIGN_API_TOKEN_DAYS", 90, minimum=1, maximum=365)
API_TOKEN_MAX_DAYS = env.integer("COUNTERSIGN_API_TOKEN_MAX_DAYS", 365, minimum=1, maximum=365)
if API_TOKEN_DAYS > API_TOKEN_MAX_DAYS:
    raise ImproperlyConfigured("COUNTERSIGN_API_TOKEN_DAYS is longer than COUNTERSIGN_API_TOKEN_MAX_DAYS.")
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["portal.api.authentication.PersonalToken"],
    "DEFAULT_PERMISSION_CLASSES": ["agents.api.scope.ScopeOfToken"],
    "DEFAULT_PARSER_CLASSES": ["agents.api.parsing.StrictJSON"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "audits.api.schema.Described",
    "EXCEPTION_HANDLER": "audits.api.problems.answer",
    "DEFAULT_METADATA_CLASS": None,
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Countersign management API",
    "DESCRIPTION": "What people do in the portal, for programs: see docs/api.md.",
    "VERSION": "1",
    "LICENSE": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": ["audits.api.schema.complete", "governance.api.description.complete"],
}

# --- What a page may do in the browser -----------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'", "'unsafe-inline'"],  # the admin's components set styles
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
        "object-src": ["'none'"],
    }
}
NOT_USED = ("camera", "display-capture", "geolocation", "microphone", "midi", "payment", "serial", "usb")
PERMISSIONS_POLICY = {
    **dict.fromkeys(NOT_USED, ()),
    "publickey-credentials-create": "self",
    "publickey-credentials-get": "self",
}

# --- Database -------------------------------------------------------------------------------------
DATABASE_URL = env.url(
    "DATABASE_URL",
    f"sqlite:///{DATA_DIR / 'countersign.sqlite3'}",
    schemes=("sqlite", "postgres", "postgresql"),
)
DEFAULT_DATABASE: dict[str, Any] = environ.Env.db_url_config(DATABASE_URL)
if DEFAULT_DATABASE["ENGINE"].endswith("sqlite3"):
    # IMMEDIATE: a transaction that reads and then writes must not fail on the upgrade of its lock.
    DEFAULT_DATABASE["OPTIONS"] = {
        "timeout": 30,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON",
    }
    # Each thread keeps its connection: opening the file, and tidying up after the last one, costs more than
    # most requests.
    DEFAULT_DATABASE["CONN_MAX_AGE"] = None
else:
    DEFAULT_DATABASE["OPTIONS"] = {"pool": {"min_size": 1, "max_size": 16, "timeout": 5}}
DATABASES = {"default": DEFAULT_DATABASE}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Field history is for reading, on pages of our own; nothing is put back from it.
SIMPLE_HISTORY_REVERT_DISABLED = True
SIMPLE_HISTORY_DATE_INDEX = False

# --- Queue: Redis and Celery workers, or a worker inside the web process ----------------------------
REDIS_URL = env.url("REDIS_URL", schemes=("redis", "rediss"))
LIMITER = env.text("COUNTERSIGN_LIMITER", "database", choices=("database", "redis"))
if LIMITER == "redis" and not REDIS_URL:
    raise ImproperlyConfigured("COUNTERSIGN_LIMITER is redis: set REDIS_URL as well.")
CELERY_BROKER_URL = REDIS_URL or "memory://localhost/"
# What waits in the database for so long without a worker is handed out again. Without a broker this is
# also how work of another process (`manage.py ingest`) reaches the worker.
ASK_AGAIN_SECONDS = 60 if REDIS_URL else 2
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 5, "socket_connect_timeout": 5} if REDIS_URL else {}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BEAT_SCHEDULE = {
    "seal-the-ledger": {"task": "audits.tasks.seal", "schedule": 1.0},
    "end-what-is-over": {"task": "governance.tasks.end_what_is_over", "schedule": 5.0},
    "end-sessions-that-are-over": {"task": "agents.tasks.end_sessions", "schedule": 60.0},
    "forget-what-cannot-come-again": {"task": "agents.tasks.forget_spent", "schedule": 300.0},
    "watch-egress": {"task": "agents.tasks.watch_egress", "schedule": 300.0},
    "remind-of-votes": {"task": "governance.tasks.remind", "schedule": 60.0},
    "forget-api-answers": {"task": "audits.tasks.forget_api_answers", "schedule": 3600.0},
    "pick-up-waiting-work": {"task": "portal.tasks.pick_up_waiting_work", "schedule": 5.0},
}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache"
        if REDIS_URL
        else "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": REDIS_URL,
    },
}

# --- The model ------------------------------------------------------------------------------------
OPENAI_BASE_URL = env.url("OPENAI_BASE_URL", schemes=("https", "http"))
OPENAI_API_KEY = env.text("OPENAI_API_KEY")
OPENAI_MODEL = env.text("OPENAI_MODEL")
if any((OPENAI_BASE_URL, OPENAI_API_KEY, OPENAI_MODEL)) and not (OPENAI_BASE_URL and OPENAI_MODEL):
    raise ImproperlyConfigured(
        "The model needs both OPENAI_BASE_URL and OPENAI_MODEL (OPENAI_API_KEY where the server asks "
        "for one). Set both, or none to use the embedded planner."
    )
MODEL_TIMEOUT_SECONDS = env.integer("COUNTERSIGN_MODEL_TIMEOUT", 60, minimum=1, maximum=600)

# --- The analyst's caps (S0-2; promise 9) -----------------------------------------------------------
RUN_MAX_TURNS = env.integer("COUNTERSIGN_RUN_MAX_TURNS", 5, minimum=1, maximum=50)
RUN_MAX_SECONDS = env.integer("COUNTERSIGN_RUN_MAX_SECONDS", 900, minimum=1, maximum=86400)
RUN_MAX_TOKENS = env.integer("COUNTERSIGN_RUN_MAX_TOKENS", 500_000, minimum=1, maximum=10**9)
RUN_MAX_CALLS = env.integer("COUNTERSIGN_RUN_MAX_CALLS", 2_000, minimum=1, maximum=10**7)
# A worker shows a sign of life at every step; the longest step is a model's answer with its retry.
RUN_LOST_SECONDS = env.integer(
    "COUNTERSIGN_RUN_LOST_SECONDS", 2 * MODEL_TIMEOUT_SECONDS + 120, minimum=10, maximum=86400
)

# --- Reports and NVD --------------------------------------------------------------------------------
REPORT_MAX_BYTES = env.integer("COUNTERSIGN_REPORT_MAX_BYTES", 100 * 1024 * 1024, minimum=1024, maximum=2**31)
OUTBOUND_ALLOWED_PRIVATE = env.listing("COUNTERSIGN_OUTBOUND_ALLOWED_PRIVATE")
for _origin in OUTBOUND_ALLOWED_PRIVATE:
    if not re.fullmatch(r"([a-z0-9_.-]+|\[[0-9a-f:.]+\]):[0-9]{1,5}", _origin):
        raise ImproperlyConfigured(
            f"COUNTERSIGN_OUTBOUND_ALLOWED_PRIVATE: {_origin!r} is not host:port in small letters."
        )
DOCUMENT_MAX_BYTES = env.integer(
    "COUNTERSIGN_DOCUMENT_MAX_BYTES", 10 * 1024 * 1024, minimum=1024, maximum=2**28
)
# The page hands a file on from "look" to "import" inside a form: 1.8 MB are as much as a form may hold.
REGISTER_IMPORT_MAX_BYTES = env.integer(
    "COUNTERSIGN_REGISTER_IMPORT_MAX_BYTES", 1024 * 1024, minimum=1024, maximum=1_800_000
)
REGISTER_IMPORT_MAX_ROWS = env.integer(
    "COUNTERSIGN_REGISTER_IMPORT_MAX_ROWS", 1_000, minimum=1, maximum=10_000
)
# --- Roles of agents --------------------------------------------------------------------------------
# What `business_hours` means: from, to, time zone.
OFFICE_HOURS = env.listing("COUNTERSIGN_OFFICE_HOURS", ("08:00", "18:00", "UTC"))
if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d,([01]\d|2[0-3]):[0-5]\d,.+", ",".join(OFFICE_HOURS)) or (
    OFFICE_HOURS[2] not in available_timezones() or OFFICE_HOURS[0] == OFFICE_HOURS[1]
):
    raise ImproperlyConfigured(
        "COUNTERSIGN_OFFICE_HOURS: give two times and a time zone, such as 08:00,18:00,Europe/Berlin."
    )
SCOPE_EXCEPTION_MAX_DAYS = env.integer("COUNTERSIGN_SCOPE_EXCEPTION_MAX_DAYS", 90, minimum=1, maximum=366)

# --- NVD --------------------------------------------------------------------------------------------
NVD_ONLINE = env.boolean("COUNTERSIGN_NVD_ONLINE", default=True)
NVD_URL = env.url(
    "COUNTERSIGN_NVD_URL", "https://services.nvd.nist.gov/rest/json/cves/2.0", schemes=("https", "http")
)
NVD_API_KEY = env.text("NVD_API_KEY")
NVD_MAX_AGE_HOURS = env.integer("COUNTERSIGN_NVD_MAX_AGE_HOURS", 24, minimum=0, maximum=8760)

# --- Secrets by reference: where the stores are, never what is in them (docs/secrets.md) ------------------
VAULT_URL = env.url("COUNTERSIGN_VAULT_URL", schemes=("https", "http"))
VAULT_TOKEN_FILE = env.text("COUNTERSIGN_VAULT_TOKEN_FILE")
AZURE_VAULTS = env.listing("COUNTERSIGN_AZURE_VAULTS")
AZURE_VAULT_URL = env.url(
    "COUNTERSIGN_AZURE_VAULT_URL", "https://{vault}.vault.azure.net", schemes=("https", "http")
)
AZURE_TOKEN_FILE = env.text("COUNTERSIGN_AZURE_TOKEN_FILE")
GCP_SECRETS_URL = env.url(
    "COUNTERSIGN_GCP_SECRETS_URL", "https://secretmanager.googleapis.com", schemes=("https", "http")
)
GCP_TOKEN_FILE = env.text("COUNTERSIGN_GCP_TOKEN_FILE")
SECRET_VARIABLES = env.listing("COUNTERSIGN_SECRET_VARIABLES")
SECRETS_DIR = env.text("COUNTERSIGN_SECRETS_DIR")
SECRET_LEASE_SECONDS = env.integer("COUNTERSIGN_SECRET_LEASE_SECONDS", 60, minimum=1, maximum=3600)
SECRET_TASK_DAYS = env.integer("COUNTERSIGN_SECRET_TASK_DAYS", 7, minimum=1, maximum=90)
NVD_SECRET = env.text("COUNTERSIGN_NVD_SECRET")
CELERY_BEAT_SCHEDULE["rotate-secrets"] = {"task": "agents.tasks.rotate_secrets", "schedule": 60.0}

# --- Approvals: how long people have to decide --------------------------------------------------------
APPROVAL_DAYS = env.integer("COUNTERSIGN_APPROVAL_DAYS", 14, minimum=1, maximum=365)
ELEVATION_DECISION_HOURS = env.integer("COUNTERSIGN_ELEVATION_DECISION_HOURS", 4, minimum=1, maximum=168)
ELEVATION_MAX_MINUTES = env.integer("COUNTERSIGN_ELEVATION_MAX_MINUTES", 480, minimum=1, maximum=10_080)
# A vote so soon after the page was opened is listed as quick: nobody reads that fast.
QUICK_VOTE_SECONDS = env.integer("COUNTERSIGN_QUICK_VOTE_SECONDS", 10, minimum=0, maximum=3600)
BREAK_GLASS_MINUTES = env.integer("COUNTERSIGN_BREAK_GLASS_MINUTES", 30, minimum=1, maximum=30)
BREAK_GLASS_REVIEW_HOURS = env.integer("COUNTERSIGN_BREAK_GLASS_REVIEW_HOURS", 24, minimum=1, maximum=24)
ACCESS_REQUESTS_PER_HOUR = env.integer("COUNTERSIGN_ACCESS_REQUESTS_PER_HOUR", 20, minimum=1, maximum=10_000)
ACCESS_REQUEST_MINUTES = env.integer("COUNTERSIGN_ACCESS_REQUEST_MINUTES", 10, minimum=1, maximum=60)

UNFREEZE_HOURS = env.integer("COUNTERSIGN_UNFREEZE_HOURS", 24, minimum=1, maximum=168)

# --- Releases: when a candidate may be given a larger share ----------------------------------------------
RELEASE_SOAK_HOURS = env.integer("COUNTERSIGN_RELEASE_SOAK_HOURS", 24, minimum=0, maximum=8760)
RELEASE_TOLERANCE_PERCENT = env.integer("COUNTERSIGN_RELEASE_TOLERANCE_PERCENT", 10, minimum=0, maximum=100)
# Who has not voted is told when so much of the time is over, and once more so long before its end.
REMIND_AT_PERCENT = env.integer("COUNTERSIGN_REMIND_AT_PERCENT", 50, minimum=1, maximum=99)
REMIND_LAST_HOURS = env.integer("COUNTERSIGN_REMIND_LAST_HOURS", 24, minimum=1, maximum=720)
HANDOVER_DAYS = env.integer("COUNTERSIGN_HANDOVER_DAYS", 14, minimum=1, maximum=365)

# --- Identities of agents that run elsewhere (docs/integrate.md) --------------------------------------------
INSTANCE_MAX_DAYS = env.integer("COUNTERSIGN_INSTANCE_MAX_DAYS", 90, minimum=1, maximum=366)
KEY_OVERLAP_MINUTES = env.integer("COUNTERSIGN_KEY_OVERLAP_MINUTES", 60, minimum=0, maximum=10_080)
TOKEN_READ_SECONDS = env.integer("COUNTERSIGN_TOKEN_READ_SECONDS", 600, minimum=10, maximum=600)
TOKEN_WRITE_SECONDS = env.integer("COUNTERSIGN_TOKEN_WRITE_SECONDS", 300, minimum=10, maximum=300)
TOKENS_PER_MINUTE = env.integer("COUNTERSIGN_TOKENS_PER_MINUTE", 120, minimum=1, maximum=100_000)
DELEGATION_MAX_DAYS = env.integer("COUNTERSIGN_DELEGATION_MAX_DAYS", 90, minimum=1, maximum=366)
SUBJECT_TOKEN_SECONDS = env.integer("COUNTERSIGN_SUBJECT_TOKEN_SECONDS", 120, minimum=10, maximum=300)
LIVE_TOKENS = env.integer("COUNTERSIGN_LIVE_TOKENS", 50, minimum=1, maximum=10_000)
# Certificates of clients (RFC 8705): in which form a trusted proxy hands one on; empty: none is believed.
CLIENT_CERTIFICATE = env.text("COUNTERSIGN_CLIENT_CERTIFICATE", choices=("xfcc", "rfc9440"))
CLIENT_CERTIFICATE_METHODS = env.listing("COUNTERSIGN_CLIENT_CERTIFICATE_METHODS", ("tls_client_auth",))
if _unknown := set(CLIENT_CERTIFICATE_METHODS) - {"tls_client_auth", "self_signed_tls_client_auth"}:
    raise ImproperlyConfigured(
        f"COUNTERSIGN_CLIENT_CERTIFICATE_METHODS: {', '.join(sorted(_unknown))} is not known. Use "
        "tls_client_auth, self_signed_tls_client_auth, or both with a comma."
    )
TRUSTED_PROXIES = env.networks("COUNTERSIGN_TRUSTED_PROXIES")

# --- The revocation feed (docs/revocation-feed.md) ----------------------------------------------------------
# A point that has not asked for so long is stale. It waits 25 seconds at most; when it asked is kept to two.
FEED_STALE_SECONDS = env.integer("COUNTERSIGN_FEED_STALE_SECONDS", 30, minimum=30, maximum=600)
# So many wait at once in each web process, each with a thread of it; the others ask again in a moment.
FEED_WAITERS = env.integer("COUNTERSIGN_FEED_WAITERS", 8, minimum=0, maximum=1_000)
PROBE_MINUTES = env.integer("COUNTERSIGN_PROBE_MINUTES", 10, minimum=1, maximum=1440)
CELERY_BEAT_SCHEDULE["look-after-enforcement-points"] = {
    "task": "governance.tasks.look_after_enforcement_points",
    "schedule": 5.0,
}
CELERY_BEAT_SCHEDULE["probe-enforcement-points"] = {
    "task": "governance.tasks.probe_enforcement_points",
    "schedule": timedelta(minutes=PROBE_MINUTES).total_seconds(),
}
# --- The gateway (docs/egress.md) ---------------------------------------------------------------------------
# What counts for an endpoint that says nothing else: when its circuit breaker opens, and for how long.
BREAKER_FAILURES = env.integer("COUNTERSIGN_BREAKER_FAILURES", 5, minimum=1, maximum=1_000)
BREAKER_SECONDS = env.integer("COUNTERSIGN_BREAKER_SECONDS", 60, minimum=1, maximum=86_400)
RESPONSE_MAX_BYTES = env.integer(
    "COUNTERSIGN_RESPONSE_MAX_BYTES", 64 * 1024, minimum=1024, maximum=16 * 1024 * 1024
)
EGRESS_EXCEPTION_DAYS = env.integer("COUNTERSIGN_EGRESS_EXCEPTION_DAYS", 90, minimum=1, maximum=366)
EGRESS_ATTEMPT_DAYS = env.integer("COUNTERSIGN_EGRESS_ATTEMPT_DAYS", 400, minimum=1, maximum=36_500)
CELERY_BEAT_SCHEDULE["prune-egress-attempts"] = {
    "task": "agents.tasks.prune_egress_attempts",
    "schedule": timedelta(days=1).total_seconds(),
}
OUTCOME_MINUTES = env.integer("COUNTERSIGN_OUTCOME_MINUTES", 15, minimum=1, maximum=10_080)

# --- Identity ---------------------------------------------------------------------------------------
CREDENTIAL_SECONDS = env.integer("COUNTERSIGN_CREDENTIAL_SECONDS", 30, minimum=1, maximum=600)
TRUST_DOMAIN = env.text("COUNTERSIGN_TRUST_DOMAIN", "countersign.local")
ISSUER = env.text("COUNTERSIGN_ISSUER", "http://127.0.0.1:8000")
LEDGER_ORIGIN = env.text("COUNTERSIGN_LEDGER_ORIGIN", TRUST_DOMAIN + "/ledger")
LEDGER_SEAL_INLINE = env.boolean("COUNTERSIGN_LEDGER_SEAL_INLINE", default=True)
SEAL_KEY = env.text("COUNTERSIGN_SEAL_KEY")
SEAL_TOKEN_FILE = env.text("COUNTERSIGN_SEAL_TOKEN_FILE")

# --- Anchors: checkpoints go out to where an administrator of the database has no hand ----------------
ANCHORS = env.listing("COUNTERSIGN_ANCHORS")
ANCHOR_SECONDS = env.integer("COUNTERSIGN_ANCHOR_SECONDS", 60, minimum=1, maximum=86400)
ANCHOR_LATE_INTERVALS = env.integer("COUNTERSIGN_ANCHOR_LATE_INTERVALS", 5, minimum=1, maximum=10_000)
ANCHOR_WEBHOOK_SECRET = env.text("COUNTERSIGN_ANCHOR_WEBHOOK_SECRET")
ANCHOR_TSA_ROOTS = env.file("COUNTERSIGN_ANCHOR_TSA_ROOTS")
anchor_address.check_all(ANCHORS, has_secret=bool(ANCHOR_WEBHOOK_SECRET), has_roots=bool(ANCHOR_TSA_ROOTS))
CELERY_BEAT_SCHEDULE["anchor-the-ledger"] = {
    "task": "audits.tasks.anchor",
    "schedule": float(ANCHOR_SECONDS),
}

# --- Verification of the ledger, by itself -----------------------------------------------------------------
VERIFY_EVERY_MINUTES = env.integer("COUNTERSIGN_VERIFY_EVERY_MINUTES", 60, minimum=1, maximum=10_080)
VERIFY_WHOLE_HOURS = env.integer("COUNTERSIGN_VERIFY_WHOLE_HOURS", 24, minimum=1, maximum=8760)
CELERY_BEAT_SCHEDULE["verify-the-ledger"] = {"task": "audits.tasks.verify_the_ledger", "schedule": 60.0}

# --- Erasure and retention (docs/retention.md) -------------------------------------------------------------
CELERY_BEAT_SCHEDULE["finish-erasures"] = {"task": "audits.tasks.finish_erasures", "schedule": 60.0}
LEDGER_PRUNE = env.boolean("COUNTERSIGN_LEDGER_PRUNE", default=False)
if LEDGER_PRUNE:
    CELERY_BEAT_SCHEDULE["prune-the-ledger"] = {
        "task": "audits.tasks.prune_the_ledger",
        "schedule": timedelta(days=1).total_seconds(),
    }

# --- SIEM: where the ledger is told, besides (docs/siem.md) ---------------------------------------------
SIEM_SINKS = address.parse_all(env.listing("COUNTERSIGN_SIEM"))
SIEM_CA_FILE = env.file("COUNTERSIGN_SIEM_CA_FILE")
SIEM_CERTIFICATE_FILE = env.file("COUNTERSIGN_SIEM_CERTIFICATE_FILE")
SIEM_WEBHOOK_SECRET = env.text("COUNTERSIGN_SIEM_WEBHOOK_SECRET")
address.check_secret(SIEM_SINKS, SIEM_WEBHOOK_SECRET)
if SIEM_SINKS:
    CELERY_BEAT_SCHEDULE["send-to-siem"] = {"task": "audits.tasks.send_to_siem", "schedule": 1.0}

# --- Notifications: mail and one webhook (docs/notifications.md) ----------------------------------------
PORTAL_URL = env.url("COUNTERSIGN_PORTAL_URL", ISSUER, schemes=("https", "http")).rstrip("/")
_mail = mail_server.parse(
    env.url("COUNTERSIGN_EMAIL_URL", schemes=mail_server.SCHEMES), env.text("COUNTERSIGN_EMAIL_FROM")
)
EMAIL_HOST, EMAIL_PORT = _mail.host, _mail.port  # no host: no mail is sent
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail.user, _mail.password
EMAIL_USE_TLS, EMAIL_USE_SSL = _mail.starttls, _mail.tls
EMAIL_FROM = DEFAULT_FROM_EMAIL = SERVER_EMAIL = _mail.sender
EMAIL_TIMEOUT = 15
MAIL_SUMMARY_HOUR = env.integer("COUNTERSIGN_MAIL_SUMMARY_HOUR", 7, minimum=0, maximum=23)
NOTIFICATION_DAYS = env.integer("COUNTERSIGN_NOTIFICATION_DAYS", 180, minimum=1, maximum=3650)
CELERY_BEAT_SCHEDULE["tell-of-dates"] = {"task": "governance.tasks.tell_of_dates", "schedule": 3600.0}
CELERY_BEAT_SCHEDULE["forget-notifications"] = {
    "task": "agents.tasks.forget_notifications",
    "schedule": timedelta(days=1).total_seconds(),
}
NOTIFY_WEBHOOK = env.url("COUNTERSIGN_NOTIFY_WEBHOOK", schemes=("https", "http"))
NOTIFY_WEBHOOK_SECRET = env.text("COUNTERSIGN_NOTIFY_WEBHOOK_SECRET")
mail_server.check_webhook(NOTIFY_WEBHOOK, NOTIFY_WEBHOOK_SECRET)
if EMAIL_HOST or NOTIFY_WEBHOOK:
    CELERY_BEAT_SCHEDULE["deliver-notifications"] = {
        "task": "portal.tasks.deliver_notifications",
        "schedule": 5.0,
    }

# --- Language, time, logs ---------------------------------------------------------------------------
LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
LOG_LEVEL = env.text(
    "COUNTERSIGN_LOG_LEVEL", "INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "axes": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},
        "httpcore2": {"level": "WARNING"},
        "openai": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.worker.consumer.connection": {"level": "WARNING"},
    },
}

# --- Admin ------------------------------------------------------------------------------------------
UNFOLD = {
    "SITE_TITLE": "Countersign",
    "SITE_HEADER": "Countersign",
    "SITE_SUBHEADER": "Governance for AI agents",
    "SITE_SYMBOL": "verified_user",
    "SITE_URL": None,
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "portal.dashboard.dashboard",
    "STYLES": [lambda _request: static("countersign.css")],
    "SCRIPTS": [lambda _request: static("portal.js")],
    "ACCOUNT": {
        "navigation": [
            {"title": "Your sign-in", "link": reverse_lazy("admin:my_sign_in")},
            {"title": "What is mailed to you", "link": reverse_lazy("admin:notification_mail")},
            {"title": "Agents acting for you", "link": reverse_lazy("admin:my_delegations")},
            {"title": "Your API tokens", "link": reverse_lazy("admin:my_api_tokens")},
            {"title": "Change password", "link": reverse_lazy("admin:password_change")},
        ]
    },
    "SIDEBAR": {"show_search": False, "navigation": "portal.navigation.sections"},
}

env.refuse_unknown()
