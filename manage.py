#!/usr/bin/env python
"""Django's command line; `python manage.py help` lists what there is."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aiops.settings")
    from django.core.exceptions import ImproperlyConfigured  # after the environment is complete
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:  # the person at the terminal needs the sentence, not where in the code it was said
        sys.exit(f"manage.py: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
