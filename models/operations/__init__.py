"""What running an installation means: how long things are kept, keys of their files, what operators are told.

May import: the root of ``models`` alone.
"""
