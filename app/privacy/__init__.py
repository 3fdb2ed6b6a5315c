"""What is held about people: how it is told to them, how long it stays, how it goes. Moves no money."""
