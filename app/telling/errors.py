class Undelivered(Exception):
    """Nobody was told; the text names the kind of trouble, and nothing that the other side said."""
