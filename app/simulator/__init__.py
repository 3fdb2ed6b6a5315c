"""A pretend Safaricom with a phone on the screen, as a process of its own."""

from app.simulator.application import create_simulator
from app.simulator.server import Running, running, serve
from app.simulator.settings import Merchant, SimulatorSettings

__all__ = ["Merchant", "Running", "SimulatorSettings", "create_simulator", "running", "serve"]
