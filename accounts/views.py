from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required, login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.clients import change_firm
from accounts.forms import FirmForm, PasswordForm, refuse
from accounts.invitations import accept, find_open
from accounts.models import FirmMember, User

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@login_not_required
@require_http_methods(["GET", "POST"])
@sensitive_post_parameters("password", "again")
@never_cache
def accept_invitation(request: HttpRequest, token: str) -> HttpResponse:
    """The page behind the link of an invitation. A person with an account joins and signs in as usual."""
    invitation = find_open(token, at=timezone.now())
    if invitation is None:
        return render(request, "accounts/invitation_gone.html", status=410)
    known = User.objects.filter(email=invitation.email).exists()
    form = PasswordForm(request.POST or None, user=User(email=invitation.email, name=invitation.name))
    context = {
        "invitation": invitation,
        "place": invitation.firm or invitation.organization,
        "known": known,
        "form": form,
    }
    if request.method != "POST" or (not known and not form.is_valid()):
        return render(request, "accounts/invitation.html", context, status=422 if request.method == "POST" else 200)
    try:
        user = accept(invitation, password="" if known else form.cleaned_data["password"])
    except ValidationError as error:
        refuse(form, error)
        return render(request, "accounts/invitation.html", context, status=422)
    if known:
        messages.success(request, f"You have joined {context['place']}. Sign in to go on.")
        return redirect("account_login" if not request.user.is_authenticated else "home")
    login(request, user, backend=BACKEND)
    return redirect("home")


@require_http_methods(["GET", "POST"])
@login_required
def firm(request: HttpRequest) -> HttpResponse:
    """What reports and rules know of the firm; its administrators change it, its people read it."""
    member = FirmMember.objects.filter(user__in=[request.user]).select_related("firm").first()
    if member is None:
        raise Http404("Not a member of a firm")
    form = FirmForm(request.POST or None, instance=member.firm)
    if not member.is_admin:
        for field in form.fields.values():
            field.disabled = True
    if request.method == "POST" and form.is_valid():
        try:
            change_firm(member.firm, by=member.user, **form.cleaned_data)
        except ValidationError as error:
            refuse(form, error)
        else:
            messages.success(request, "The firm's record is saved.")
            return redirect("accounts:firm")
    colleagues = FirmMember.objects.filter(firm=member.firm).select_related("user").order_by("user__name")
    context = {"form": form, "member": member, "colleagues": colleagues}
    return render(request, "accounts/firm.html", context, status=422 if form.errors else 200)
