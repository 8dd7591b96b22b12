"""Login: sessions of browsers, forms, and requests of other sites.

May import ``api.access``, the services, and of the dashboard its page and language.
"""
