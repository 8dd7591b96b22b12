"""SQL of money: spend, budgets and their closures, settled costs of the past, and reports.

May import ``models.money`` and the tables. Triggers of the database write ``spend`` (revision 0019).
"""
