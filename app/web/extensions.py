"""Flask extensions that only pages and `flask db` need, unbound."""

from flask_babel import Babel
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_wtf import CSRFProtect

migrate = Migrate(compare_type=True, compare_server_default=False)
csrf = CSRFProtect()
babel = Babel()
login = LoginManager()
