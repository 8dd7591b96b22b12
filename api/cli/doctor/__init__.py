"""What is wrong, and how to mend it."""
