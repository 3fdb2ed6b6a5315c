"""How the installation does: figures that are derived from rows, and when they want a person.

`/metrics` shows the figures; the leading scheduler compares them with `conditions.ALL` each minute,
and whoever has Prometheus compares the same figures with the same thresholds (deploy/prometheus).
"""
