"""Sheets: uploaded files to records, a format per file. Streamed, but for XLSX.

It imports nothing of Darkroom: no database, no request.
"""
