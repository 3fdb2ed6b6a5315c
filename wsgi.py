import gc
import sys

import click
from flask.cli import ScriptInfo

import menu

gc.disable()
context = click.get_current_context(silent=True)  # granian has one too, without flask's ScriptInfo
by_flask = context is not None and context.find_object(ScriptInfo) is not None

if by_flask and menu.is_read(sys.argv):
    app = menu.application()
else:
    from app import create_app, create_patient
    from app.local.processes import CannotRun
    from config import BadSetting

    pages = not by_flask or not menu.WITH_PAGES.isdisjoint(sys.argv)
    migrations = by_flask and menu.MIGRATIONS[0] in sys.argv
    try:
        if "doctor" in sys.argv[1:]:
            app = create_patient()
        else:
            app = create_app(pages=pages, migrations=migrations)
    except (BadSetting, CannotRun) as error:
        sys.exit(f"Malipo cannot start: {error}")

# What the application is made of stays. To look for what does not took a fifth of the start; to look
# again and again later, some 100 ms in which every customer of a web process waits.
gc.freeze()
gc.enable()
