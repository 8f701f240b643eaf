"""What moves the cluster towards its wanted state: one module a controller, over the same store."""
