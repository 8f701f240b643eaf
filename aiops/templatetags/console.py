"""What the console's templates need beside Django's own tags."""

from django import template

register = template.Library()
