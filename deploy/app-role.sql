-- The application's database role: it cannot change what must not change (M13, C40).
-- Run as the owner of the tables, after `flask db upgrade`, and again after each migration:
--   psql "$OWNER_URL" -v role=malipo_app -f deploy/app-role.sql
-- Then DATABASE_URL of web, worker and scheduler names this role; migrations keep the owner's.
revoke all on all tables in schema public from :"role";
grant usage on schema public to :"role";
grant usage on all sequences in schema public to :"role";
grant select on all sequences in schema public to :"role";  -- for flask backup
grant select, insert on all tables in schema public to :"role";
grant update on merchant, staff, staff_session, recovery_code, plan, subscriber, subscription,
  invoice, payment, receipt, alert, audit_head, rate_bucket to :"role";
-- A message's facts stay; its state moves, and retention and key rotation touch its sealed body.
grant update (settled_at, parked_at, next_try_at, tries, error, outcome, body_sealed)
  on callback to :"role";
-- A case and a proposal keep what was said; they get an end, once.
grant update (outcome, closed_by, closed_at) on dispute to :"role";
grant update (decision, decided_by, decided_at) on match_proposal to :"role";
-- What people wrote can be erased with the person that it is about; triggers allow nothing else.
grant update (text) on note, dispute_evidence to :"role";
grant update (says) on dispute to :"role";
grant update (reason) on reallocation, match_proposal to :"role";
grant update (reference) on statement_line to :"role";
-- Tries to sign in are forgotten once they count no more.
grant delete on rate_bucket to :"role";
-- Only messages with a wrong token may go, after a day: a trigger refuses all others.
grant delete on callback to :"role";
-- Where people sat is forgotten after a while; new recovery codes take the place of the old ones.
grant delete on staff_session, recovery_code to :"role";
-- A view that somebody saved is theirs to throw away.
grant delete on saved_view to :"role";
-- Who wanted no prompts may want them again.
grant delete on opt_out to :"role";
-- Figures are counted from the rows above, and again whenever these change.
grant update on figures_made, chain_check to :"role";
-- Who is queued to be asked is asked, later or not at all; the row stays, and says which.
grant update (ask_after, payment_id, done_at, outcome) on renewal to :"role";
-- An outage ends, and single prompts try meanwhile.
grant update on outage to :"role";
grant delete on day_figure, figures_made to :"role";
-- Watching counts, beats and tells; an incident's beginning stays.
grant update on running_total, counted, beat, books_check to :"role";
grant delete on books_check to :"role";
grant update (says, seen_at, told_at, closed_at) on incident to :"role";
grant update (tries, next_try_at, sent_at, error) on alert_message to :"role";
revoke insert on alembic_version from :"role";
