"""Ways to tell a person: an e-mail, or a signed message to an address of the operator's.

Knows nothing of ours. Each way has time-outs, follows nothing, and raises Undelivered.
"""
