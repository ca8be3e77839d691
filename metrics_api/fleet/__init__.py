"""What there is: clusters, node pools and nodes."""
