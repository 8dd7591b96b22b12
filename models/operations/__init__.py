"""What running an installation means: how long things are kept.

May import: the root of ``models`` alone.
"""
