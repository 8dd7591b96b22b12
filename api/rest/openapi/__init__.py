"""OpenAPI document: schemas, and helpers with which the resources document their routes."""
