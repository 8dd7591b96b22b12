"""What running an installation means: how long things are kept, and what operators are told.

May import: the root of ``models`` alone.
"""
