"""Real calls on a channel, which are charged: one as a test, and small ones to learn its style.

Imports what commands may."""
