"""One file per question that the API answers."""
