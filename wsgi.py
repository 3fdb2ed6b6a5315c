import sys

from app import create_app
from app.local.processes import CannotRun
from config import BadSetting

try:
    app = create_app()
except (BadSetting, CannotRun) as error:
    sys.exit(f"Malipo cannot start: {error}")
