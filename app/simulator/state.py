"""The one M-PESA of the application at hand."""

from flask import current_app

from app.simulator.mpesa import Mpesa


def mpesa() -> Mpesa:
    found: Mpesa = current_app.extensions["simulator"]
    return found
