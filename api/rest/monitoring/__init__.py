"""What happens now, and alerts that hold. May import the services, ``api.rest.parameters`` and ``models``."""
