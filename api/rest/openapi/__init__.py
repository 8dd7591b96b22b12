"""OpenAPI document and the page that shows it; helpers with which resources document their routes.

Imports no handler.
"""
