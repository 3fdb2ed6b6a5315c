import sys

from app import create_app, create_patient
from app.local.processes import CannotRun
from config import BadSetting

try:
    app = create_patient() if "doctor" in sys.argv[1:] else create_app()
except (BadSetting, CannotRun) as error:
    sys.exit(f"Malipo cannot start: {error}")
