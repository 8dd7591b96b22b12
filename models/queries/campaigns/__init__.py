"""SQL of campaigns: settings, controls, rows, items and their counts, and which are closed for dispatch.

It imports tables and value types of ``models`` and other queries.
"""
