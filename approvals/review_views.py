"""Answering a sampled review, and having looked at the digest."""

from datetime import datetime

from django.http import HttpResponse
from django.views.decorators.http import require_POST

from aiops.access.pages import PageRequest, done, signed_in
from aiops.core.errors import Invalid, NotFound
from approvals import digest, reviews
from approvals.models import Review
from approvals.review_page import REVIEWS


@require_POST
@signed_in
def answer(request: PageRequest, pk: int) -> HttpResponse:
    review = Review.objects.filter(pk=pk).first()
    if review is None:
        raise NotFound("There is no such review")
    said = request.POST.get("right", "")
    if said not in ("yes", "no"):
        raise Invalid("answer yes or no", loc=("right",))
    reviews.answer(review, request.principal, right=said == "yes", note=request.POST.get("note", ""))
    return done(request, "Your answer counts now.", "/approvals", fragments=(REVIEWS,))


@require_POST
@signed_in
def looked(request: PageRequest) -> HttpResponse:
    """What was shown has been looked at; what happened since comes in the next digest."""
    try:
        until = datetime.fromisoformat(request.POST.get("until", ""))
    except ValueError:
        until = None
    if until is None or until.tzinfo is None:
        raise Invalid("say up to when, as the page does", loc=("until",))
    digest.look(request.user, until=until)
    return done(request, "Noted.", "/", fragments=(digest.DIGEST,))
