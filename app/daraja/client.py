"""The calls we make to Safaricom, on behalf of one merchant."""

import base64

import requests
from requests.auth import HTTPBasicAuth

from app import clock
from app.daraja import answers, wire
from app.daraja.errors import NoAnswer, NotSent, Refused, Throttled
from app.daraja.tokens import Tokens
from app.daraja.words import Accepted, Answer, Credentials, Prompt, Reason, Timeouts, Verdict

OAUTH = "/oauth/v1/generate"
PUSH = "/mpesa/stkpush/v1/processrequest"
QUERY = "/mpesa/stkpushquery/v1/query"
PAYBILL, TILL = "CustomerPayBillOnline", "CustomerBuyGoodsOnline"
USUAL = Timeouts()


class Client:
    """Safe to share among threads."""

    def __init__(
        self,
        credentials: Credentials,
        tokens: Tokens,
        timeouts: Timeouts = USUAL,
        session: requests.Session | None = None,
    ) -> None:
        self._credentials = credentials
        self._tokens = tokens
        self._timeouts = timeouts
        self._session = session or wire.new_session()

    def stk_push(self, prompt: Prompt) -> Accepted:
        """Raises Refused (no prompt, for certain) or NoAnswer (there may be one). Sent once (design.md M5)."""
        reply = self._post(PUSH, self._push_body(prompt))
        return answers.read_push(reply)

    def stk_query(self, checkout_request_id: str) -> Answer:
        """Raises nothing but Throttled: no answer is the answer UNKNOWN."""
        body = self._signed({"CheckoutRequestID": checkout_request_id})
        try:
            reply = self._post(QUERY, body)
        except NoAnswer:
            return Answer(Verdict.UNKNOWN, "")
        except Refused as refusal:
            if refusal.reason is Reason.BUSY:
                raise Throttled(answers.SHORTEST_WAIT) from refusal
            return Answer(Verdict.UNKNOWN, refusal.code)
        return answers.read_query(reply, checkout_request_id)

    def ask_about_nothing(self, checkout_request_id: str) -> wire.Reply:
        """The bare answer about an id that no payment has (probe.py). Raises Refused or NoAnswer."""
        return self._post(QUERY, self._signed({"CheckoutRequestID": checkout_request_id}))

    def token(self) -> str:
        """Tries the credentials, whatever is cached. Raises BadCredentials, or another Refused."""
        return self._tokens.renew(self._credentials, self._fetch_token)

    def _post(self, path: str, body: dict[str, object]) -> wire.Reply:
        """With a token, and once more with a new one if the gateway refuses the first (daraja.md §1.1)."""
        token = self._tokens.get(self._credentials, self._fetch_token)
        reply = self._send(path, body, token)
        if answers.token_refused(reply):
            self._tokens.drop(self._credentials, token)
            token = self._tokens.get(self._credentials, self._fetch_token)
            reply = self._send(path, body, token)
        return reply

    def _send(self, path: str, body: dict[str, object], token: str) -> wire.Reply:
        call = wire.Call("POST", self._url(path), wire.Bearer(token), body=body)
        return wire.exchange(self._session, call, self._timeouts)

    def _fetch_token(self) -> tuple[str, float]:
        ours = self._credentials
        # Bytes, because requests would encode a text as Latin-1.
        auth = HTTPBasicAuth(ours.consumer_key.encode(), ours.consumer_secret.encode())
        call = wire.Call("GET", self._url(OAUTH), auth, {"grant_type": "client_credentials"})
        asked = clock.now().timestamp()
        try:
            reply = wire.exchange(self._session, call, self._timeouts)
        except NoAnswer as silence:
            raise NotSent(f"no token: {silence.message}") from silence
        token, life = answers.read_token(reply, ours.base_url)
        return token, asked + life

    def _url(self, path: str) -> str:
        return self._credentials.base_url.rstrip("/") + path

    def _push_body(self, prompt: Prompt) -> dict[str, object]:
        """Numbers as JSON numbers: one production SDK insists on it, nobody minds (daraja.md §1.2)."""
        ours = self._credentials
        return self._signed(
            {
                "TransactionType": TILL if ours.till else PAYBILL,
                "Amount": prompt.amount,
                "PartyA": int(prompt.phone),
                "PartyB": int(ours.till or ours.shortcode),
                "PhoneNumber": int(prompt.phone),
                "CallBackURL": prompt.callback_url,
                "AccountReference": prompt.reference,
                "TransactionDesc": prompt.description,
            }
        )

    def _signed(self, body: dict[str, object]) -> dict[str, object]:
        """The one place that derives Password: from the same three values as are sent (daraja.md §1.2)."""
        ours = self._credentials
        stamp = clock.now().astimezone(clock.NAIROBI).strftime("%Y%m%d%H%M%S")
        password = base64.b64encode(f"{ours.shortcode}{ours.passkey}{stamp}".encode()).decode()
        signature = {
            "BusinessShortCode": int(ours.shortcode),
            "Password": password,
            "Timestamp": stamp,
        }
        return signature | body
