"""The desk: how staff look at payments, and what they write down about them. Moves no money."""
