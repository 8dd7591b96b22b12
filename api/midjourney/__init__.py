"""The Midjourney surface: midjourney-proxy's HTTP contract on top of ordinary jobs."""
