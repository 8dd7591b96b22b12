"""Work that concurrent requests share. Imports ``worker``, ``models``, ``api.fair_database``; no surface."""
