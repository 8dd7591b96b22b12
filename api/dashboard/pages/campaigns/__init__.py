"""Pages of campaigns: list, one campaign, review, a new one.

May import what all pages may, and of the pages each other.
"""
