"""Jobs chosen by a filter: its conditions, locks, counts and deletion. Imports only ``models``."""
