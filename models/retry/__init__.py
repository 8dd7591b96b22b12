"""Retry policy: rules, back-off and the decision after a failed call; pure. Imports only ``models``."""
