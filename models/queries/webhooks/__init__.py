"""SQL of webhooks: endpoints, the transactional outbox, and its deliveries. May import ``models`` only."""
