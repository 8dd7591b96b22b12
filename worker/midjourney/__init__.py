"""Midjourney tasks on the worker's side: putting pictures together, and ending tasks."""
