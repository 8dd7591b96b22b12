"""Who uses the installation: keys, the sessions that they open, and the views that a person has saved.

May import the services, ``api.rest.parameters``, ``api.rest.openapi`` and ``models``.
"""
