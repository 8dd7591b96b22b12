"""Services of campaigns that all surfaces share: import of rows, plan, control, items.

It imports ``api.jobs``, ``api.services`` and ``api.web``, and no surface.
"""
