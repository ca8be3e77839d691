"""Access: who asks, how they show it, and what their roles let them do and see."""
