"""Org units: the departments and projects of Run:ai's API."""
