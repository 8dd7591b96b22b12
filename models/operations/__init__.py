"""What running an installation means: how long things are kept, which files go with them, what operators are told.

May import: the root of ``models`` alone.
"""
