"""What is looked for in stored pictures: findings, near duplicates, questions to a vision model. Pure.

It imports value types alone: no tables, no database, no settings.
"""
