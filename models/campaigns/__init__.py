"""What a campaign is: its definition, statuses, templates, variants, windows, rows and items. Pure.

It imports value types of ``models``: no database, no settings.
"""
