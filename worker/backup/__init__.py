"""Backups: copies of the database and of the store's files. Imports the storage; nothing of jobs."""
