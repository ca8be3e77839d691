"""Tests mirror the packages; whole-path tests lie beside them."""
