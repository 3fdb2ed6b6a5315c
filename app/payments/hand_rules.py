"""Rules of the books about what people move, and about what belongs together."""

from app.payments.rules import Rule

# Each of these refers to a row of the same merchant: table, column, the other table. Three more are
# left to their foreign keys, for they are large: a payment's plan, an invoice's subscription, and an
# allocation's invoice, whose owner `owner-or-moved` asks for.
INSIDE = (
    ("payment", "invoice_id", "invoice"),
    ("payment", "retry_of_id", "payment"),
    ("subscription", "subscriber_id", "subscriber"),
    ("subscription", "plan_id", "plan"),
    ("receipt", "payment_id", "payment"),
    ("receipt", "subscriber_id", "subscriber"),
    ("allocation", "receipt_id", "receipt"),
    ("allocation", "subscriber_id", "subscriber"),
    ("ledger_entry", "receipt_id", "receipt"),
    ("ledger_entry", "invoice_id", "invoice"),
    ("callback", "payment_id", "payment"),
    ("alert", "payment_id", "payment"),
    ("reallocation", "receipt_id", "receipt"),
    ("reallocation", "from_subscriber_id", "subscriber"),
    ("reallocation", "to_subscriber_id", "subscriber"),
    ("statement_line", "statement_id", "statement"),
    ("match_proposal", "payment_id", "payment"),
    ("dispute", "payment_id", "payment"),
    ("dispute_evidence", "dispute_id", "dispute"),
)


def _one_merchant() -> str:
    parts = [
        f"select a.id from {table} a join {other} b on b.id = a.{column}"  # noqa: S608 - ours
        " where a.merchant_id is distinct from b.merchant_id"
        for table, column, other in INSIDE
    ]
    return " union all ".join(parts)


RULES = (
    Rule(
        "M1 owner-or-moved",
        "a receipt's shillings are with whom it came from, but for those that a person moved",
        """with placed as (
             select a.receipt_id, coalesce(a.subscriber_id, s.subscriber_id) as owner,
                    sum(a.amount) as amount
             from allocation a left join invoice i on i.id = a.invoice_id
             left join subscription s on s.id = i.subscription_id group by 1, 2),
           due as (
             select receipt_id, owner, sum(amount) as amount from (
               select id as receipt_id, subscriber_id as owner, amount from receipt
                 where subscriber_id is not null
               union all select receipt_id, to_subscriber_id, amount from reallocation
                 where to_subscriber_id is not null
               union all select receipt_id, from_subscriber_id, -amount from reallocation
                 where from_subscriber_id is not null) came group by 1, 2)
           select coalesce(p.receipt_id, d.receipt_id) from placed p full join due d
             on d.receipt_id = p.receipt_id and d.owner = p.owner
           where coalesce(p.amount, 0) <> coalesce(d.amount, 0)""",
    ),
    Rule(
        "M2 statement-has-line",
        "money that a statement brought is in a statement, with its number and amount",
        """select r.id from receipt r where r.source = 'statement' and not exists (
             select from statement_line l where l.merchant_id = r.merchant_id and l.code = r.code
               and l.paid_in = r.amount)""",
    ),
    Rule(
        "M2 moved-by-somebody",
        "what was moved by hand is in the audit, by whom and how much",
        """select m.id from reallocation m where not exists (
             select from audit_event e where e.subject_type = 'receipt'
               and e.subject_id = m.receipt_id and e.actor = 'staff:' || m.staff_id
               and e.action in ('receipt.allocated', 'receipt.moved', 'receipt.undone')
               and e.details @> jsonb_build_object('reallocation', m.id, 'amount', m.amount,
                 'from', m.from_subscriber_id, 'to', m.to_subscriber_id))""",
    ),
    Rule(
        "M3 claim-was-verified",
        "the number that two people claimed is verified only once M-PESA has told it",
        """select r.id from receipt r where r.source = 'staff' and r.code is not null
             and not exists (select from audit_event e where e.subject_type = 'payment'
               and e.subject_id = r.payment_id
               and e.action in ('receipt.joined', 'receipt.numbered')
               and e.details ->> 'receipt' = r.code)""",
    ),
    Rule("M12 one-merchant", "what belongs together belongs to one merchant", _one_merchant()),
)
