"""A client for where a person waits for Safaricom's answer in front of a page."""

from app.daraja import Client, Credentials, Timeouts, Tokens
from app.jobs.tokens import RedisTokens
from app.settings import settings

PATIENCE = Timeouts(connect=3.0, read=8.0)  # it holds one of the web server's threads


def client(credentials: Credentials) -> Client:
    """A token that it fetches is everybody's: a new one may end the one before it."""
    return Client(credentials, Tokens(RedisTokens(settings().redis_url)), PATIENCE)
