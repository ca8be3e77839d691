"""The control database: who may ask. Tables, their migrations, and what is done with them."""
