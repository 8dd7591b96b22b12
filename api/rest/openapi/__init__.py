"""OpenAPI document: schemas, and helpers with which resources document their routes. Imports no handler."""
