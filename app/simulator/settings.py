"""What the pretend Safaricom is told at its start, and what may be broken while it runs."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Merchant:
    consumer_key: str
    consumer_secret: str = field(repr=False)
    shortcode: str  # the paybill, or the store number of a till
    passkey: str = field(repr=False)
    till: str | None = None
    name: str = "MWANGA ACADEMY"

    def receives(self, transaction_type: str) -> str | None:
        """The PartyB that belongs to this kind of payment."""
        return self.till if transaction_type == "CustomerBuyGoodsOnline" else self.shortcode


@dataclass(frozen=True)
class SimulatorSettings:
    consumer_key: str
    consumer_secret: str = field(repr=False)
    shortcode: str
    passkey: str = field(repr=False)
    till: str | None = None
    merchant_name: str = "MWANGA ACADEMY"
    checkout_url: str = "http://127.0.0.1:8000/"
    address: str = ""  # where the shop finds us, and lets itself be framed; empty: anywhere
    seed: int | None = None
    accept_any_credentials: bool = False
    prompt_delay: float = 1.0
    prompt_seconds: float = 60.0
    callback_delay: float = 0.3
    early_seconds: float = 2.0  # a query before this meets "Invalid CheckoutRequestID"
    hang_seconds: float = 40.0
    balance: int = 50_000
    second_prompt: str = "refuse"  # or "callback": accepted, then ResultCode 1001

    def merchant(self) -> Merchant:
        return Merchant(
            consumer_key=self.consumer_key,
            consumer_secret=self.consumer_secret,
            shortcode=self.shortcode,
            passkey=self.passkey,
            till=self.till,
            name=self.merchant_name,
        )


@dataclass(frozen=True)
class Faults:
    """What is wrong with the whole of Safaricom, whoever pays."""

    oauth: str = "ok"
    rotate_tokens: bool = False
    everything: str = "ok"
    query_per_minute: int | None = None
    push_seconds: float = 0.0
    hang_seconds: float = 40.0
    second_prompt: str = "refuse"
