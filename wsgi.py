import sys

import click

from app import create_app
from app.local.processes import CannotRun
from config import BadSetting

# What `flask` runs needs no pages, but for these.
WITH_PAGES = {"run", "routes", "shell", "db"}
commanded = click.get_current_context(silent=True) is not None and not WITH_PAGES & set(sys.argv)

try:
    app = create_app(pages=not commanded)
except (BadSetting, CannotRun) as error:
    sys.exit(f"Malipo cannot start: {error}")
