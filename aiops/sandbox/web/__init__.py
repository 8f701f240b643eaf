"""The thin HTTP part: Kubernetes, Prometheus and the control surface over one world."""
