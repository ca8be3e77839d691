"""Dialects: the APIs of other systems, answered from the same questions."""
