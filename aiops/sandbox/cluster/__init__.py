"""What an API server is: documents, their store, patches, rights, and the log of every write."""
