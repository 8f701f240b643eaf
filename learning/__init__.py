"""What verified outcomes teach: trust, playbooks, repair records."""
