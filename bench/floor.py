"""The floor that everything is held against: a bare Flask application that does the least there is.

`/poll/<id>` is one primary-key SELECT and a small template, `/write` one INSERT and its COMMIT.
Same server, same workers, same PostgreSQL as ours; SQLAlchemy Core with autocommit, the quickest
of what a careful person would write.
"""

import os

from flask import Flask, abort, request
from sqlalchemy import create_engine, text

PAGE = """<section id="row" class="card" data-status="{{ row.status }}">
  <h1>{{ row.name }}</h1>
  <p class="say">KSh {{ row.amount }}</p>
  <ol class="steps">
    {% for step in ("Sent", "Enter PIN", "Confirm", "Paid") %}
      <li {% if loop.index == 2 %}class="here"{% endif %}>{{ step }}</li>
    {% endfor %}
  </ol>
</section>
"""
READ = text("select id, name, status, amount from floor_row where id = :id")
WRITE = text("insert into floor_written (body) values (:body)")

app = Flask(__name__)
page = app.jinja_env.from_string(PAGE)  # compiled once, as a template in a file is
engine = create_engine(
    os.environ["DATABASE_URL"], isolation_level="AUTOCOMMIT", pool_size=2, max_overflow=0
)


@app.get("/poll/<int:row_id>")
def poll(row_id: int) -> str:
    with engine.connect() as connection:
        row = connection.execute(READ, {"id": row_id}).one_or_none() or abort(404)
    return page.render(row=row)


@app.post("/write")
def write() -> dict[str, object]:
    with engine.connect() as connection:
        connection.execute(WRITE, {"body": request.get_data(cache=False)})
    return {"ResultCode": 0, "ResultDesc": "Accepted"}


@app.get("/readyz")
def ready() -> str:
    with engine.connect() as connection:
        connection.execute(text("select 1"))
    return "ready"
