"""The OpenAI-compatible API: statuses of batches, ids as its clients write them.

It imports value types of ``models``: no database, no settings.
"""
