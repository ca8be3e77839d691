"""Everything stored and everything asked: the catalogue, the lake, the control database, the questions."""
