"""Bringing pictures home: fetch them safely, check them, keep them under their content hash."""
