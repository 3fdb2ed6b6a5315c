"""Every setting, read from the environment and checked once at the start (docs: README, "Settings")."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any
from urllib.parse import urlsplit

Network = IPv4Network | IPv6Network

SAFARICOM = {
    "sandbox": "https://sandbox.safaricom.co.ke",
    "production": "https://api.safaricom.co.ke",
}
# Safaricom refuses callback URLs that contain these (daraja.md, "URL words").
FORBIDDEN_WORDS = ("mpesa", "m-pesa", "safaricom", "query", "sql", "cmd", "exe")
ADDRESS = re.compile(r"[^\s@,<>]+@[^\s@,<>]+")
SMTP = r"smtps?://([^\s/@]+@)?[^\s/@:]+(:[0-9]{1,4})?/?"
BUDGETS = {"simulator": None, "sandbox": 5, "production": 60}


class BadSetting(Exception):
    """A sentence that names the setting and says what it should be."""


@dataclass(frozen=True)
class Settings:
    secret_key: str = field(repr=False)
    secret_key_fallbacks: tuple[str, ...] = field(repr=False)
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    public_base_url: str
    trusted_proxy_hops: int
    encryption_keys: tuple[tuple[str, bytes], ...] = field(repr=False)  # the first one encrypts
    phone_index_key: bytes = field(repr=False)
    mpesa_environment: str  # simulator | sandbox | production
    mpesa_base_url: str
    mpesa_consumer_key: str = field(repr=False)
    mpesa_consumer_secret: str = field(repr=False)
    mpesa_passkey: str = field(repr=False)
    mpesa_shortcode: str  # the paybill, or the store number of a till
    mpesa_till: str | None
    callback_addresses: tuple[Network, ...]
    callback_addresses_only: bool
    metrics_addresses: tuple[Network, ...]
    query_schedule: tuple[int, ...]  # seconds after the prompt was accepted
    query_budget_per_minute: int | None  # per shortcode; None: no limit
    sweep_seconds: float
    polls_per_second: int  # of all open payment pages together
    push_connect_seconds: float
    push_read_seconds: float
    prompt_limits_enabled: bool
    log_level: str
    alert_email_to: tuple[str, ...]
    alert_email_from: str
    smtp_url: str = field(repr=False)
    alert_webhook_url: str = field(repr=False)
    alert_webhook_secret: bytes = field(repr=False)

    @property
    def https(self) -> bool:
        return self.public_base_url.startswith("https://")


def read(environment: Mapping[str, str]) -> Settings:
    """Raises BadSetting for the first setting that is missing or malformed."""
    env = Environment(environment)
    return Settings(
        secret_key=env.text("SECRET_KEY"),
        secret_key_fallbacks=env.listed("SECRET_KEY_FALLBACKS"),
        database_url=env.matching("DATABASE_URL", r"postgresql://.*", "postgresql://…"),
        redis_url=env.matching("REDIS_URL", r"(redis|rediss|unix)://.*", "redis://… or unix://…"),
        public_base_url=env.public_base_url(),
        trusted_proxy_hops=env.whole("TRUSTED_PROXY_HOPS", 0),
        encryption_keys=env.encryption_keys(),
        phone_index_key=env.hex_key("PHONE_INDEX_KEY", env.text("PHONE_INDEX_KEY")),
        callback_addresses=env.networks("CALLBACK_ADDRESSES"),
        callback_addresses_only=env.callback_addresses_only(),
        metrics_addresses=env.networks("METRICS_ADDRESSES", "127.0.0.0/8,::1/128"),
        query_schedule=env.query_schedule(),
        sweep_seconds=env.seconds("SWEEP_SECONDS", 10),
        polls_per_second=env.above_zero("POLLS_PER_SECOND", "800"),
        push_connect_seconds=env.seconds("PUSH_CONNECT_SECONDS", 5),
        push_read_seconds=env.seconds("PUSH_READ_SECONDS", 25),
        log_level=env.matching("LOG_LEVEL", "DEBUG|INFO|WARNING|ERROR", "INFO", "INFO"),
        **env.mpesa(),
        **env.alerts(),
    )


class Environment:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str, default: str | None = None) -> str:
        value = self._environment.get(name, "").strip() or default
        if value is None:
            raise BadSetting(f"{name} is missing.")
        return value

    def matching(self, name: str, pattern: str, example: str, default: str | None = None) -> str:
        value = self.text(name, default)
        if not re.fullmatch(pattern, value, re.ASCII):
            raise BadSetting(f"{name} must look like {example}.")
        return value

    def listed(self, name: str, default: str = "") -> tuple[str, ...]:
        return tuple(part.strip() for part in self.text(name, default).split(",") if part.strip())

    def whole(self, name: str, default: int) -> int:
        return int(self.matching(name, "[0-9]{1,6}", "a whole number", str(default)))

    def above_zero(self, name: str, default: str | None = None) -> int:
        return int(self.matching(name, "[1-9][0-9]{0,5}", "a whole number above 0", default))

    def seconds(self, name: str, default: float) -> float:
        pattern = r"[0-9]{1,5}(\.[0-9]{1,3})?"
        value = float(self.matching(name, pattern, "a number of seconds", str(default)))
        if value <= 0:
            raise BadSetting(f"{name} must be more than 0 seconds.")
        return value

    def flag(self, name: str, default: str) -> bool:
        return self.matching(name, "[01]", "1 or 0", default) == "1"

    def networks(self, name: str, default: str = "") -> tuple[Network, ...]:
        try:
            return tuple(ip_network(part, strict=False) for part in self.listed(name, default))
        except ValueError as error:
            raise BadSetting(f"{name} must list addresses or networks: {error}.") from error

    def callback_addresses_only(self) -> bool:
        only = self.flag("CALLBACK_ADDRESSES_ONLY", "0")
        if only and not self.listed("CALLBACK_ADDRESSES"):
            raise BadSetting(
                "CALLBACK_ADDRESSES_ONLY needs CALLBACK_ADDRESSES: else none comes in."
            )
        return only

    def hex_key(self, name: str, value: str) -> bytes:
        if not re.fullmatch("[0-9a-fA-F]{64}", value, re.ASCII):
            raise BadSetting(f"{name} must be a key of 64 hex digits (openssl rand -hex 32).")
        return bytes.fromhex(value)

    def encryption_keys(self) -> tuple[tuple[str, bytes], ...]:
        keys = []
        for pair in self.text("ENCRYPTION_KEYS").split(","):
            kid, _, key = pair.strip().partition(":")
            if not re.fullmatch("[A-Za-z0-9_-]{1,16}", kid, re.ASCII):
                raise BadSetting("ENCRYPTION_KEYS must look like kid:64hex,kid:64hex.")
            keys.append((kid, self.hex_key("ENCRYPTION_KEYS", key)))
        if len({kid for kid, _ in keys}) < len(keys):
            raise BadSetting("ENCRYPTION_KEYS names one key id twice.")
        return tuple(keys)

    def query_schedule(self) -> tuple[int, ...]:
        text = self.text("QUERY_SCHEDULE", "20,45,75,120,300,900,3600,21600,86400")
        if not re.fullmatch(r"[0-9]{1,7}(\s*,\s*[0-9]{1,7})*", text, re.ASCII):
            raise BadSetting("QUERY_SCHEDULE must list seconds, like 20,45,75.")
        schedule = tuple(int(part) for part in text.split(","))
        if list(schedule) != sorted(set(schedule)):
            raise BadSetting("QUERY_SCHEDULE must rise from one question to the next.")
        return schedule

    def public_base_url(self) -> str:
        default = "http://127.0.0.1:8000" if self._simulated else None
        url = self.matching(
            "PUBLIC_BASE_URL",
            r"https?://[^/?#\s]+(/[^?#\s]*)?",
            "https://pay.example.co.ke",
            default,
        ).rstrip("/")
        if found := [word for word in FORBIDDEN_WORDS if word in url.lower()]:
            raise BadSetting(f"PUBLIC_BASE_URL contains {found[0]!r}: Safaricom refuses such URLs.")
        if not self._simulated and urlsplit(url).scheme != "https":
            raise BadSetting("PUBLIC_BASE_URL must start with https:// outside the simulator.")
        return url

    @property
    def _simulated(self) -> bool:
        return self._mpesa_environment() == "simulator"

    def _mpesa_environment(self) -> str:
        return self.matching(
            "MPESA_ENVIRONMENT", "simulator|sandbox|production", "simulator, sandbox or production"
        )

    def mpesa(self) -> dict[str, Any]:
        environment = self._mpesa_environment()
        return {
            "mpesa_environment": environment,
            "mpesa_base_url": self._mpesa_base_url(environment),
            "mpesa_consumer_key": self.text("MPESA_CONSUMER_KEY"),
            "mpesa_consumer_secret": self.text("MPESA_CONSUMER_SECRET"),
            "mpesa_passkey": self.text("MPESA_PASSKEY"),
            "mpesa_shortcode": self.matching("MPESA_SHORTCODE", "[0-9]{5,7}", "5 to 7 digits"),
            "mpesa_till": self._till(),
            "query_budget_per_minute": self._budget(environment),
            "prompt_limits_enabled": self._prompt_limits(environment),
        }

    def _mpesa_base_url(self, environment: str) -> str:
        given = self.text("MPESA_BASE_URL", "")
        if environment != "simulator":
            if given:
                raise BadSetting("MPESA_BASE_URL is only for MPESA_ENVIRONMENT=simulator.")
            return SAFARICOM[environment]
        return self.matching(
            "MPESA_BASE_URL",
            r"https?://[^/?#\s]+",
            "http://127.0.0.1:8001",
            "http://127.0.0.1:8001",
        )

    def _till(self) -> str | None:
        kind = self.matching("MPESA_TYPE", "paybill|till", "paybill or till", "paybill")
        if kind == "paybill":
            return None
        return self.matching("MPESA_TILL", "[0-9]{5,8}", "the till's 5 to 8 digits")

    def _budget(self, environment: str) -> int | None:
        given = self.text("QUERY_BUDGET_PER_MINUTE", "")
        return self.above_zero("QUERY_BUDGET_PER_MINUTE") if given else BUDGETS[environment]

    def _prompt_limits(self, environment: str) -> bool:
        enabled = self.flag("PROMPT_LIMITS_ENABLED", "1")
        if not enabled and environment != "simulator":
            raise BadSetting("PROMPT_LIMITS_ENABLED=0 is only for MPESA_ENVIRONMENT=simulator.")
        return enabled

    def alerts(self) -> dict[str, Any]:
        """By e-mail, by a signed message, both or neither; half of a way is a mistake."""
        to = self.listed("ALERT_EMAIL_TO")
        if odd := [one for one in to if not ADDRESS.fullmatch(one)]:
            raise BadSetting(f"ALERT_EMAIL_TO must list addresses: {odd[0]!r} is none.")
        needed = None if to else ""
        url = self.text("ALERT_WEBHOOK_URL", "")
        scheme = "https?" if self._simulated else "https"
        hook = rf"({scheme}://[^\s/?#@]+(/[^\s#]*)?)?"
        secret = self.text("ALERT_WEBHOOK_SECRET", None if url else "")
        return {
            "alert_email_to": to,
            "alert_email_from": self.matching(
                "ALERT_EMAIL_FROM", f"({ADDRESS.pattern})?", "malipo@example.co.ke", needed
            ),
            "smtp_url": self.matching("SMTP_URL", f"({SMTP})?", "smtp://mail.example.ke", needed),
            "alert_webhook_url": self.matching("ALERT_WEBHOOK_URL", hook, "https://…", ""),
            "alert_webhook_secret": self.hex_key("ALERT_WEBHOOK_SECRET", secret) if secret else b"",
        }
