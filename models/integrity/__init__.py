"""What the database holds, refuses and returns: bounds of values, kinds of errors, values that can't be read.

May import ``models.errors``.
"""
