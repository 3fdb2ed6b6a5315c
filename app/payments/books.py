"""The money rules, proved from the rows: one set-based query per rule, answering what is wrong."""

from sqlalchemy import text

from app.extensions import db
from app.payments import hand_rules
from app.payments.rules import Rule

MOST = 20  # ids of one rule


RULES: tuple[Rule, ...] = (
    *hand_rules.RULES,
    Rule(
        "M1 paid-has-receipt",
        "a payment is paid exactly when it has a receipt",
        """select p.id from payment p left join receipt r on r.payment_id = p.id
           where (p.status = 'paid') <> (r.id is not null)""",
    ),
    Rule(
        "M1 receipt-allocated",
        "a receipt with an owner is allocated to the last shilling, one without never beyond it",
        """select r.id from receipt r
           left join (select receipt_id, sum(amount) as amount from allocation group by 1) a
             on a.receipt_id = r.id
           where coalesce(a.amount, 0) not between
             case when r.subscriber_id is null then 0 else r.amount end and r.amount""",
    ),
    Rule(
        "M1 rest-in-suspense",
        "the ledger has in suspense what is not allocated of a receipt, and nothing else",
        """select coalesce(r.id, l.receipt_id) from
             (select r.id, r.amount - coalesce(sum(a.amount), 0) as amount
              from receipt r left join allocation a on a.receipt_id = r.id group by r.id) r
             full join (select receipt_id, -sum(amount) as amount from ledger_entry
              where account = 'suspense' group by 1) l on l.receipt_id = r.id
           where coalesce(r.amount, 0) <> coalesce(l.amount, 0)""",
    ),
    Rule(
        "M1 receipt-booked",
        "the ledger has each receipt once, with its amount",
        """select r.id from receipt r
           left join (select receipt_id, sum(amount) as amount from ledger_entry
                      where account like 'mpesa:%' group by 1) l on l.receipt_id = r.id
           where coalesce(l.amount, 0) <> r.amount""",
    ),
    Rule(
        "M2 money-has-receipt",
        "no money is in the ledger without a receipt",
        """select l.id from ledger_entry l left join receipt r on r.id = l.receipt_id
           where l.account like 'mpesa:%' and r.id is null""",
    ),
    Rule(
        "M2 income-is-sold",
        "income is what paid invoices sold, once each, and nothing is receivable in between",
        """select coalesce(i.id, l.invoice_id) from
             (select id, amount from invoice where paid_at is not null) i
             full join (select invoice_id, -sum(amount) filter (where account = 'income') as income,
               sum(amount) filter (where account = 'receivable') as owed
               from ledger_entry where invoice_id is not null group by 1) l on l.invoice_id = i.id
           where l.income is distinct from i.amount or l.owed <> 0
           union all select id from ledger_entry where account = 'income' and invoice_id is null""",
    ),
    Rule(
        "M2 paid-has-evidence",
        "a paid payment has a message that was believed, an answer or a statement that says paid, or "
        "two people who say so",
        """select id from payment p where status = 'paid' and (verified_by is null or not exists (
             select from audit_event e where e.subject_type = 'payment' and e.subject_id = p.id
               and (e.action = 'callback.settled' and e.details ->> 'outcome' = 'paid'
                 or e.action = 'question.answered' and e.details ->> 'verdict' = 'paid'
                 or e.action = 'payment.matched' and e.actor like 'staff:%' and exists (
                   select from receipt r left join statement_line l on l.merchant_id = r.merchant_id
                     and l.code = r.code and l.paid_in = r.amount
                   where r.payment_id = p.id and (l.id is not null or exists (
                     select from audit_event s where s.subject_type = 'receipt'
                       and s.subject_id = r.id and s.action = 'receipt.suspended')))
                 or e.action = 'match.approved' and e.actor like 'staff:%' and exists (
                   select from audit_event o join match_proposal m on m.payment_id = o.subject_id
                   where o.subject_type = 'payment' and o.subject_id = p.id
                     and o.action = 'match.proposed' and o.actor = 'staff:' || m.proposed_by
                     and e.actor = 'staff:' || m.decided_by and m.proposed_by <> m.decided_by
                     and m.decision = 'approved'))))""",
    ),
    Rule(
        "M2 invoice-covered",
        "an invoice is paid exactly when receipts cover it",
        """select i.id from invoice i
           left join (select invoice_id, sum(amount) as amount from allocation
                      where invoice_id is not null group by 1) a on a.invoice_id = i.id
           where coalesce(a.amount, 0) <> case when i.paid_at is null then 0 else i.amount end""",
    ),
    Rule(
        "M3 receipt-unique",
        "a verified receipt number exists once",
        """select min(id) from receipt where code is not null group by code having count(*) > 1""",
    ),
    Rule(
        "M4 amount-frozen",
        "a payment asks for what its invoice says",
        """select p.id from payment p join invoice i on i.id = p.invoice_id
           where p.amount <> i.amount""",
    ),
    Rule(
        "M7 paid-is-sticky",
        "what was ever paid is paid",
        """select distinct e.subject_id from audit_event e join payment p on p.id = e.subject_id
           where e.subject_type = 'payment' and e.action = 'payment.paid' and p.status <> 'paid'""",
    ),
    Rule(
        "M8 one-in-flight",
        "one live payment for an invoice, one for a phone",
        """select min(id) from payment where status in ('created', 'sending', 'pending')
           group by invoice_id having count(*) > 1
           union all
           select min(id) from payment where status in ('created', 'sending', 'pending')
           group by phone_index having count(*) > 1""",
    ),
    Rule(
        "M9 moves-audited",
        "each move of a payment is in the audit, follows the one before, and the last one is its status",
        """with moves as (
             select subject_id, split_part(action, '.', 2) as after, details ->> 'before' as before,
                    lag(split_part(action, '.', 2)) over w as earlier,
                    lead(id) over w is null as newest
             from audit_event where subject_type = 'payment' and action in ('payment.created',
               'payment.sending', 'payment.pending', 'payment.unconfirmed', 'payment.paid',
               'payment.failed')
             window w as (partition by subject_id order by id))
           select p.id from payment p left join moves m on m.subject_id = p.id and m.newest
           where m.after is distinct from p.status
           union all select subject_id from moves where earlier is distinct from before""",
    ),
    Rule(
        "M11 paid-through",
        "paid time ends with the last paid period; each begins where the one before ended, or when paid",
        """with periods as (
             select subscription_id, paid_at, period_start, period_end,
                    lag(period_end) over (partition by subscription_id order by period_start) as before
             from invoice where paid_at is not null)
           select s.id from subscription s
           left join (select subscription_id, max(period_end) as last from periods group by 1) p
             on p.subscription_id = s.id
           where s.paid_through is distinct from p.last
           union all select subscription_id from periods
             where period_start <> greatest(paid_at, before)""",
    ),
    Rule(
        "M11 period-length",
        "a period is as long as its plan's interval, in Nairobi's calendar",
        """with p as (
             select i.id, pl.unit, pl.every,
                    i.period_start at time zone 'Africa/Nairobi' as s,
                    i.period_end at time zone 'Africa/Nairobi' as e
             from invoice i join subscription u on u.id = i.subscription_id
             join plan pl on pl.id = u.plan_id where i.paid_at is not null),
           d as (select *, extract(day from s) as sd, extract(day from e) as ed,
                   extract(day from date_trunc('month', s) + interval '1 month -1 day') as smax,
                   extract(day from date_trunc('month', e) + interval '1 month -1 day') as emax,
                   (extract(year from e) - extract(year from s)) * 12
                     + extract(month from e) - extract(month from s) as months from p)
           select id from d where case
             when unit = 'day' then e <> s + every * interval '1 day'
             when unit = 'week' then e <> s + every * interval '7 days'
             else e::time <> s::time
               or months <> every * case unit when 'month' then 1 when 'quarter' then 3 else 12 end
               or not (ed = least(sd, emax) or (sd = smax and ed >= least(sd, emax)))
             end""",
    ),
    Rule(
        "M13 ledger-balanced",
        "the entries of a transfer sum to zero",
        "select min(id) from ledger_entry group by transfer having sum(amount) <> 0",
    ),
    Rule(
        "M13 balances-agree",
        "what the ledger owes a subscriber is what allocations put on the balance",
        """select coalesce(l.subscriber_id, a.subscriber_id) from
             (select split_part(account, ':', 2)::bigint as subscriber_id, -sum(amount) as amount
              from ledger_entry where account like 'balance:%' group by 1) l
             full join (select subscriber_id, sum(amount) as amount from allocation
              where subscriber_id is not null group by 1) a on a.subscriber_id = l.subscriber_id
             where coalesce(l.amount, 0) <> coalesce(a.amount, 0) or coalesce(a.amount, 0) < 0""",
    ),
    Rule(
        "M13 append-only",
        "the triggers that forbid changing ledger, audit and callback facts are on",
        """select n.name from (values ('ledger_entry_append_only'), ('audit_event_append_only'),
             ('callback_facts'), ('payment_moves'), ('ledger_entry_balanced'),
             ('allocation_append_only'), ('invoice_frozen'), ('receipt_frozen'),
             ('reallocation_append_only'), ('statement_line_append_only'),
             ('daily_close_append_only'), ('dispute_evidence_append_only')) as n(name)
           left join pg_trigger t on t.tgname = n.name and t.tgenabled <> 'D'
           where t.oid is null""",
    ),
)


def violations(rule: Rule) -> list[object]:
    """Up to MOST ids of rows that break the rule."""
    found = db.session.execute(text(f"select * from ({rule.sql}) wrong limit {MOST}"))  # noqa: S608 - ours
    ids = [row[0] for row in found]
    db.session.rollback()
    return ids
