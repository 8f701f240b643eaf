"""What `manage.py` can be asked for."""
