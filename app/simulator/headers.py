"""What every page of the simulator is sent with."""

from urllib.parse import urlsplit

from flask import Response

from app.simulator.state import mpesa

POLICY = (
    "default-src 'self'; frame-src 'self' {shop}; frame-ancestors 'self'; "
    "base-uri 'none'; form-action 'self'"
)


def guarded(response: Response) -> Response:
    shop = urlsplit(mpesa().settings.checkout_url)
    policy = POLICY.format(shop=f"{shop.scheme}://{shop.netloc}")
    response.headers["Content-Security-Policy"] = policy
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    return response
