"""The same request by both ways: ahead of Flask, and through the view."""

from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

from app.web.ahead import REQUEST_ID


def asked(app, path, *, by_flask, changes=(), **how):
    """Status, headers and body, from ahead of Flask or, as if nobody stood there, from the view."""
    environ = EnvironBuilder(path=path, **how).get_environ() | dict(changes)
    application = Flask.wsgi_app.__get__(app) if by_flask else app.wsgi_app
    told, status, headers = run_wsgi_app(application, environ)
    found = headers.to_wsgi_list()
    fixed = [(name, "" if name == REQUEST_ID else value) for name, value in found]
    return status, fixed, b"".join(told)
