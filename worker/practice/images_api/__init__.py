"""The images API of the practice provider.

May import ``worker.practice``; not its routes.
"""
