"""Many jobs chosen by ids or a filter, and what requests do with them. Imports what ``api.jobs`` may."""
