"""JSON text of request bodies: limits, and a parser in small steps. Imports nothing of ours."""
