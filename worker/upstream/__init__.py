"""The dialects of image providers: a request becomes an HTTP request, an answer becomes values."""
