"""What runs outside a request: rows decide, rings only say "look now" (design.md §1)."""
