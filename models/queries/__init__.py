"""All SQL, one module per table; each function takes an open connection. Imports only ``models``."""
