"""Native API: one file per resource, with its handlers and routes; imports no other surface."""
