-- The application's database role: it cannot change what must not change (M13, C40).
-- Run as the owner of the tables, after `flask db upgrade`, and again after each migration:
--   psql "$OWNER_URL" -v role=malipo_app -f deploy/app-role.sql
-- Then DATABASE_URL of web, worker and scheduler names this role; migrations keep the owner's.
revoke all on all tables in schema public from :"role";
grant usage on schema public to :"role";
grant usage on all sequences in schema public to :"role";
grant select, insert on all tables in schema public to :"role";
grant update on merchant, staff, plan, subscriber, subscription, invoice, payment, receipt, alert,
  audit_head, rate_bucket to :"role";
-- A message's facts stay; its state moves, and retention and key rotation touch its sealed body.
grant update (settled_at, parked_at, next_try_at, tries, error, outcome, body_sealed)
  on callback to :"role";
-- Only messages with a wrong token may go, after a day: a trigger refuses all others.
grant delete on callback to :"role";
revoke insert on alembic_version from :"role";
