"""Money: amounts, prices, the price list, and what a call costs. Pure: reads no database and makes no call.

May import ``models.request``, ``models.outcomes`` and ``models.integrity``, and nothing of queries or tables.
Amounts are whole millionths of a currency. Currencies are never converted, and never added to each other.
"""
