"""Languages: catalogs, and how numbers, times and amounts are written.

May import ``models`` alone, and of ``api`` its cookies.
"""
