"""Login by OpenID Connect: the provider, the person whom it names, and the routes of the login.

``provider`` alone imports authlib, which the extra ``oidc`` installs; it is imported if an issuer is set.
"""
