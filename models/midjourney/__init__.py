"""What a Midjourney task is: its words, its standing, its buttons, and how clients see it."""
