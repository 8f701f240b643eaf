"""The embedded servers and the processes that `manage.py up` runs."""
