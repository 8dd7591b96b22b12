"""What happens to leased jobs."""
