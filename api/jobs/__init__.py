"""Jobs as all surfaces submit and read them. Imports ``worker``, ``models`` and ``api.web``; no surface."""
