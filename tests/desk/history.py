"""Payments of every kind, at chosen times, as the application would have left them."""

from datetime import timedelta

from sqlalchemy import text

from app import clock
from app.extensions import db
from app.jobs import work
from tests import factories

PHONE = factories.PHONE


def phone(number):
    return f"2547120{number:05}"


def failed(plan, number=1, reason="cancelled", ago=timedelta(0)):
    """Rows as settlement leaves them, without its way there: what is looked at is the list."""
    payment = factories.bought(plan, phone(number))
    payment.ended_at = clock.now()
    payment.move_to("failed", actor="safaricom", reason=reason)
    db.session.commit()
    return aged(payment, ago)


def paid(plan, number=1, receipt="TKL4H7Q2MX", ago=timedelta(0)):
    checkout_id = f"ws_CO_{number}"
    payment, hook = factories.pending(plan, phone(number), checkout_id)
    factories.deliver(hook, factories.success(plan.price, receipt, checkout_id))
    work.settle_inbox()
    return aged(factories.fresh(payment.id), ago)


def aged(payment, ago):
    """As if it had been made so long ago."""
    if ago:
        for name in ("created_at", "sending_at", "accepted_at"):
            if at := getattr(payment, name):
                setattr(payment, name, at - ago)
        db.session.commit()
    return payment


def named(payment, name):
    payment.invoice.subscription.subscriber.name = name
    db.session.commit()
    return payment


# Two merchants, four plans each, so many payments over a year; spread so that filters meet and miss.
FILL = """
insert into merchant (slug, name, shortcode, created_at) values ('other', 'Other', '600999', now());
insert into plan (merchant_id, code, name, price, unit, every, created_at)
  select m, 'p' || p, 'Plan ' || p, (array[500, 250, 1499, 2999])[p], 'month', 1, now()
  from generate_series(1, 2) m, generate_series(1, 4) p;
insert into subscriber (merchant_id, token, phone_index, phone_sealed, name, created_at)
  select 1 + s %% 2, 's' || s, sha256(s::text::bytea), '\\x01',
    (array['Wanjiru', 'Otieno', 'Achieng'])[s %% 3 + 1] || ' ' || chr(65 + s %% 26) || s, now()
  from generate_series(1, {people}) s;
insert into subscription (merchant_id, token, subscriber_id, plan_id, created_at)
  select merchant_id, 'u' || id, id, 4 * (merchant_id - 1) + 1 + id %% 4, now() from subscriber;
insert into invoice (merchant_id, subscription_id, reference, amount, created_at, voided_at)
  select s.merchant_id, s.id, 'B-' || s.id || '-' || k, p.price, now(), now()
  from subscription s join plan p on p.id = s.plan_id, generate_series(1, {each}) k;
insert into payment (merchant_id, invoice_id, plan_id, token, method, amount, phone_index, phone_sealed,
    status, reason, paid_at, created_at, question_rank, questions, hurries, rechecks)
  select i.merchant_id, i.id, s.plan_id, 'p' || i.id, 'stk', i.amount, sha256(s.subscriber_id::text::bytea),
    '\\x01', ended, case ended when 'failed' then (array['cancelled', 'expired', 'wrong_pin'])[i.id %% 3 + 1] end,
    case ended when 'paid' then now() end, now() - (i.id * 7919 %% 525600) * interval '1 minute', 1, 0, 0, 0
  from invoice i join subscription s on s.id = i.subscription_id,
    lateral (select case when i.id %% 997 = 0 then 'unconfirmed' when i.id %% 5 = 0 then 'failed'
      else 'paid' end as ended) x;
"""


def fill(payments):
    """Without triggers and verbs: many rows, for the planner to think about."""
    each = 10
    script = FILL.format(people=payments // each, each=each).replace("%%", "%")
    raw = db.session.connection().connection.cursor()
    raw.execute("set local session_replication_role = replica")
    raw.execute(script.encode())
    db.session.commit()
    for table in ("merchant", "plan", "subscriber", "subscription", "invoice", "payment"):
        db.session.execute(text(f"analyze {table}"))
    db.session.commit()
