"""Everything on one machine: PostgreSQL and Valkey from wheels, and `make run`."""
