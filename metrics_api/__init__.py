"""The service: routes, models, authentication, exports, and the page."""
