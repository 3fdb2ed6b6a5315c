"""Its defaults, but for what a fair race needs: no Celery, no addresses, connections that stay."""

import os
from urllib.parse import parse_qs, urlsplit

url = urlsplit(os.environ["DATABASE_URL"])
SECRET_KEY = "bench"  # noqa: S105 - it signs nothing here
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["rest_framework", "django_mpesa", "bench.peer"]
MIDDLEWARE = [
    "django.middleware.common.CommonMiddleware"
]  # of Django's usual seven: Content-Length
ROOT_URLCONF = "bench.peer.urls"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "peer",
        "USER": url.username,
        "HOST": parse_qs(url.query)["host"][0],
        "PORT": "5432",
        "CONN_MAX_AGE": 60,
    }
}
MPESA = {
    "CONSUMER_KEY": "key",
    "CONSUMER_SECRET": "secret",
    "SHORTCODE": "174379",
    "TRANSACTION_MODEL": "peer.Transaction",
    "CALLBACK_LOG_MODEL": "peer.CallbackLog",
    "VERIFY_CALLBACK_SOURCE_IP": False,
    "USE_CELERY": False,
}
REST_FRAMEWORK = {"UNAUTHENTICATED_USER": None}
LOGGING_CONFIG = None
