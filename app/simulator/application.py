"""Puts the room together."""

from flask import Flask, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from app.simulator import answers
from app.simulator.api import api
from app.simulator.control import control
from app.simulator.demo import demo
from app.simulator.mpesa import Mpesa
from app.simulator.page import page
from app.simulator.settings import SimulatorSettings


class InOrder(DefaultJSONProvider):
    sort_keys = False  # as Safaricom writes them


LARGEST_BODY = 64 * 1024


def create_simulator(settings: SimulatorSettings) -> Flask:
    simulator = Flask("app.simulator", template_folder="templates", static_folder="static")
    simulator.json = InOrder(simulator)
    simulator.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    simulator.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    simulator.extensions["simulator"] = Mpesa(settings)
    for blueprint in (api, control, demo, page):
        simulator.register_blueprint(blueprint)
    for code in (404, 405):
        simulator.register_error_handler(code, in_safaricoms_words)
    return simulator


def in_safaricoms_words(error: HTTPException) -> BaseResponse | HTTPException:
    if request.path.startswith(("/mpesa/", "/oauth/")):
        return answers.routing(error)
    return error
