"""All SQL, gathered and named."""
