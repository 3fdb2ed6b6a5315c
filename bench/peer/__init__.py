"""mainfinity-django-mpesa as its README sets it up, in its synchronous mode; for `make bench-peers`."""
