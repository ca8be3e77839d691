"""Everything stored and everything asked: the catalogue, the lake, the control database, the questions."""

from queries.memory import be_thrifty

be_thrifty()
