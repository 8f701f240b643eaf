from django.urls import path

from approvals import policy_views, review_views

urlpatterns = [
    path("settings/policy", policy_views.policy, name="policy"),
    path("settings/policy/preview", policy_views.preview, name="policy-preview"),
    path("settings/policy/save", policy_views.save, name="policy-save"),
    path("reviews/<int:pk>", review_views.answer, name="review-answer"),
    path("digest/looked", review_views.looked, name="digest-looked"),
]
