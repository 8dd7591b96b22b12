"""SQL of Midjourney tasks: insert, find and list them, and claim those to complete.

May import ``models`` only.
"""
