from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.account.internal.flows.reauthentication import resume_request
from allauth.mfa.models import Authenticator
from allauth.socialaccount.providers.base import AuthProcess
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import browsers, certificates, proving, switching, tokens
from accounts.clients import (
    add_licence,
    change_firm,
    change_sign_in_policy,
    close_office,
    make_main_office,
    open_office,
    remove_licence,
)
from accounts.forms import (
    CertificateForm,
    ClientMemberForm,
    FindSingleSignOnForm,
    FirmForm,
    FirmMemberForm,
    FirmPoliciesForm,
    FirmPolicyForm,
    LicenceForm,
    OfficeForm,
    OrganizationForm,
    PasswordForm,
    SingleSignOnForm,
    refuse,
)
from accounts.invitations import accept, find_open
from accounts.models import (
    ApiToken,
    ClientMember,
    Firm,
    FirmMember,
    IdentityProvider,
    Licence,
    Office,
    ServiceOrganization,
    SigningCertificate,
    User,
)
from accounts.people import (
    administers,
    administers_itself,
    change_client_member,
    change_firm_member,
    deactivate,
    end_others,
    end_session,
    may_deactivate,
    reactivate,
)
from accounts.policies import demands_on, has_second_factor
from accounts.single_sign_on import provider_of, remove, set_up, slug_for

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


def user_of(request: HttpRequest) -> User:
    """The person of a request, who is signed in: whatever is not for everybody asks for that."""
    if not isinstance(request.user, User):
        raise PermissionDenied("Sign in first.")
    return request.user


@login_not_required
@require_http_methods(["GET", "POST"])
@sensitive_post_parameters("password", "again")
@never_cache
def accept_invitation(request: HttpRequest, token: str) -> HttpResponse:
    """The page behind the link of an invitation. A person with an account joins and signs in as usual."""
    invitation = find_open(token, at=timezone.now())
    if invitation is None:
        return render(request, "accounts/invitation_gone.html", status=410)
    known = User.objects.filter(email=invitation.email).first()
    mine = known is not None and known == request.user
    form = PasswordForm(request.POST or None, user=User(email=invitation.email, name=invitation.name))
    context = {
        "invitation": invitation,
        "place": invitation.firm or invitation.organization,
        "known": known,
        "mine": mine,
        "form": form,
    }
    if request.method != "POST" or (not known and not form.is_valid()):
        return render(request, "accounts/invitation.html", context, status=422 if request.method == "POST" else 200)
    if known and not mine:
        messages.info(request, "Sign in with the account of this address first, then join.")
        return redirect(f"{reverse('account_login')}?{urlencode({'next': request.path})}")
    try:
        if known:
            user = accept(invitation, by=known)
        else:
            user = accept(invitation, password=form.cleaned_data["password"])
    except ValidationError as error:
        refuse(form, error)
        return render(request, "accounts/invitation.html", context, status=422)
    if known:
        messages.success(request, f"You have joined {context['place']}.")
        return redirect("home")
    login(request, user, backend=BACKEND)
    UserSession.objects.create_from_request(request)
    response = redirect("home")
    browsers.remember(response, user)
    return response


@never_cache
@require_GET
def account(request: HttpRequest) -> HttpResponse:
    """One's own account: how one signs in, where one is signed in, for whom one works."""
    user = user_of(request)
    factors = list(Authenticator.objects.filter(user=user).order_by("pk"))
    kinds = {one.type: one.wrap() for one in factors}
    codes = kinds.get(Authenticator.Type.RECOVERY_CODES)
    context = {
        "app": kinds.get(Authenticator.Type.TOTP),
        "passkeys": [one for one in factors if one.type == Authenticator.Type.WEBAUTHN],
        "codes_left": len(codes.get_unused_codes()) if codes else None,
        "sessions": sorted(UserSession.objects.purge_and_list(user), key=lambda one: one.created_at, reverse=True),
        "firms": FirmMember.objects.filter(user=user).select_related("firm"),
        "clients": ClientMember.objects.filter(user=user).select_related("organization__firm"),
        "tokens": ApiToken.objects.filter(user=user).current(at=timezone.now()),
        "must_set_up": demands_on(user).second_factor and not has_second_factor(user),
    }
    return render(request, "accounts/account.html", context)


@require_POST
def end_one_session(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        end_session(user_of(request), pk)
    except UserSession.DoesNotExist as error:
        raise Http404("No session of yours") from error
    messages.success(request, "That session has ended.")
    return redirect("accounts:account")


@require_POST
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    """Every session but this one."""
    ended = end_others(user_of(request), but=request.session.session_key)
    messages.success(request, f"{ended} other session{'' if ended == 1 else 's'} ended.")
    return redirect("accounts:account")


def _next(request: HttpRequest) -> str:
    """Where a person goes on afterwards: a page of ours, or home."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if ours else reverse("home")


@never_cache
@require_GET
def confirm(request: HttpRequest) -> HttpResponse:
    """Confirm that it is you by something that is no secret to type: a passkey, the single sign-on."""
    user, place = user_of(request), _next(request)
    provider, on = provider_of(user), urlencode({"next": place})
    context: dict[str, Any] = {
        "place": place,
        "passkey_url": f"{reverse('mfa_reauthenticate_webauthn')}?{on}" if proving.has_passkey(user) else "",
        "password_url": f"{reverse('account_reauthenticate')}?{on}" if user.has_usable_password() else "",
    }
    if provider is not None:
        back = f"{reverse('accounts:confirmed')}?{on}"
        login_url = provider.app.get_provider(request).get_login_url(
            request, process=AuthProcess.REDIRECT, next=back
        )
        context |= {"provider": provider, "login_url": login_url}
    return render(request, "accounts/confirm.html", context)


@never_cache
@require_GET
def confirmed(request: HttpRequest) -> HttpResponse:
    """Back from the provider: what was being done goes on as it was sent."""
    if not proving.confirmed(request):
        return redirect(f"{reverse('accounts:confirm')}?{urlencode({'next': _next(request)})}")
    return resume_request(request) or redirect(_next(request))


@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    """Show the work for one of one's organizations only, or for all of them."""
    place = switching.choose(request, request.POST.get("place", ""))
    messages.info(request, f"You see {place.name}." if place else "You see all your organizations.")
    return redirect(_next(request))


@require_POST
def end_token(request: HttpRequest, pk: int) -> HttpResponse:
    """One's own, or that of a person whose organizations one administers; any other is not there."""
    user = user_of(request)
    token = get_object_or_404(ApiToken.objects.select_related("user"), pk=pk)
    if not tokens.may_end_for(user, token.user):
        raise Http404("No token of yours")
    tokens.end(token, by=user)
    messages.success(request, f"The token “{token.name}” lets in no more.")
    if token.user_id == user.pk:
        return redirect("accounts:account")
    member = FirmMember.objects.filter(user=token.user).first()
    if member is not None and administers(user, member.firm):
        return redirect("accounts:firm_member", member.pk)
    return redirect("accounts:organization_member", ClientMember.objects.filter(user=token.user)[0].pk)


def _firm_member(request: HttpRequest) -> FirmMember:
    """The membership whose firm the page is about: the one asked for, else the chosen one, else the first."""
    members = FirmMember.objects.filter(user=user_of(request)).select_related("firm").order_by("pk")
    wanted, place = request.GET.get("firm", ""), switching.chosen(request)
    if wanted.isdecimal() and len(wanted) < 10:
        member = members.filter(firm=int(wanted)).first()
    elif place is not None and place.of_firm:
        member = members.filter(firm=place.key).first()
    else:
        member = members.first()
    if member is None:
        raise Http404("Not a member of a firm")
    return member


def _administered(request: HttpRequest) -> FirmMember:
    """As `_firm_member`, for who may change the firm; others are refused before anything is read."""
    member = _firm_member(request)
    if not member.is_admin:
        raise PermissionDenied("Only an administrator of the firm changes its record.")
    return member


def _firm_page(
    request: HttpRequest, member: FirmMember, form: FirmForm | None = None, **forms: Any
) -> HttpResponse:
    form = form or FirmForm(instance=member.firm)
    policy = forms.get("policy") or FirmPolicyForm(instance=member.firm)
    policies = forms.get("policies") or FirmPoliciesForm(instance=member.firm)
    if not member.is_admin:
        for field in (*form.fields.values(), *policy.fields.values(), *policies.fields.values()):
            field.disabled = True
    colleagues = FirmMember.objects.filter(firm=member.firm).select_related("user").order_by("user__name")
    today = timezone.localdate()
    offices = list(member.firm.offices.filter(closed_at__isnull=True))
    main = next((one for one in offices if one.is_main), None)
    context = {
        "form": form,
        "member": member,
        "policy": policy,
        "policies": policies,
        "offices": offices,
        "office": forms.get("office") or OfficeForm(),
        "licence_in_reports": member.firm.licence_in(main.state if main else ""),
        **_certificate_of(member.firm),
        "licence": forms.get("licence") or LicenceForm(),
        "licences": [(one, one.current(on=today)) for one in member.firm.licences.all()],
        "colleagues": colleagues,
        "clients": member.firm.clients.all(),
        "others": FirmMember.objects.filter(user=member.user).exclude(pk=member.pk).select_related("firm"),
    }
    wrong = any(one.errors for one in (form, *forms.values()))
    return render(request, "accounts/firm.html", context, status=422 if wrong else 200)


def _certificate_of(firm: Firm) -> dict[str, Any]:
    """What pages tell of the firm's signing certificate."""
    kept = SigningCertificate.objects.filter(firm=firm).select_related("kept_by").first()
    now = timezone.now()
    return {
        "certificate": kept,
        "days_left": kept.days_left(at=now) if kept else 0,
        "ends_soon": kept is not None and kept.ends_soon(at=now),
    }


def _firm_place(member: FirmMember) -> str:
    return f"{reverse('accounts:firm')}?firm={member.firm_id}"


@require_http_methods(["GET", "POST"])
def firm(request: HttpRequest) -> HttpResponse:
    """What reports and rules know of the firm; its administrators change it, its people read it."""
    if request.method == "GET":
        return _firm_page(request, _firm_member(request))
    member = _administered(request)
    form = FirmForm(request.POST, instance=member.firm)
    if form.is_valid():
        try:
            change_firm(member.firm, by=member.user, **form.cleaned_data)
        except ValidationError as error:
            refuse(form, error)
        else:
            messages.success(request, "The firm's record is saved.")
            return redirect(_firm_place(member))
    return _firm_page(request, member, form)


@require_POST
def firm_policy(request: HttpRequest) -> HttpResponse:
    member = _administered(request)
    form = FirmPolicyForm(request.POST, instance=member.firm)
    if not form.is_valid():
        return _firm_page(request, member, policy=form)
    change_sign_in_policy(member.firm, by=member.user, **form.cleaned_data)
    messages.success(request, "How your people sign in is saved.")
    return redirect(_firm_place(member))


@require_POST
def firm_policies(request: HttpRequest) -> HttpResponse:
    member = _administered(request)
    form = FirmPoliciesForm(request.POST, instance=member.firm)
    if not form.is_valid():
        return _firm_page(request, member, policies=form)
    change_firm(member.firm, by=member.user, **form.cleaned_data)
    messages.success(request, "The firm's policies are saved. They hold for every engagement from now on.")
    return redirect(_firm_place(member))


@require_http_methods(["GET", "POST"])
@sensitive_post_parameters("password")
@never_cache
def certificate(request: HttpRequest) -> HttpResponse:
    """The firm's signing certificate: what it is, another one in its place, or none."""
    member = _administered(request)
    kept = SigningCertificate.objects.filter(firm=member.firm).first()
    if request.method == "POST" and request.POST.get("act") == "remove":
        if kept is not None:
            certificates.remove(kept, by=member.user)
            messages.success(request, "The certificate is removed, and its key with it.")
        return redirect(_firm_place(member))
    form = CertificateForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        # One byte more than is taken is enough to refuse it.
        pkcs12 = form.cleaned_data["file"].read(certificates.LARGEST + 1)
        try:
            certificates.keep(member.firm, pkcs12=pkcs12, password=form.cleaned_data["password"], by=member.user)
        except ValidationError as error:
            refuse(form, error)
        else:
            messages.success(request, "The certificate is on file. Its key is sealed and never shown.")
            return redirect(_firm_place(member))
    context = {"form": form, "member": member, "back": _firm_place(member), **_certificate_of(member.firm)}
    return render(request, "accounts/certificate.html", context, status=422 if form.errors else 200)


@require_POST
def new_office(request: HttpRequest) -> HttpResponse:
    member = _administered(request)
    form = OfficeForm(request.POST)
    if form.is_valid():
        try:
            open_office(member.firm, by=member.user, **form.cleaned_data)
        except ValidationError as error:
            refuse(form, error)
        else:
            messages.success(request, "The office is entered.")
            return redirect(_firm_place(member))
    return _firm_page(request, member, office=form)


def _change_office(request: HttpRequest, pk: int, act: Callable[..., None], said: str) -> HttpResponse:
    user = user_of(request)
    office = get_object_or_404(Office.objects.select_related("firm"), pk=pk, firm__members__user=user)
    try:
        act(office, by=user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, said.format(office))
    return redirect(f"{reverse('accounts:firm')}?firm={office.firm_id}")


@require_POST
def main_office(request: HttpRequest, pk: int) -> HttpResponse:
    return _change_office(request, pk, make_main_office, "{} is the main office now.")


@require_POST
def end_office(request: HttpRequest, pk: int) -> HttpResponse:
    return _change_office(request, pk, close_office, "The office {} is closed.")


@require_POST
def new_licence(request: HttpRequest) -> HttpResponse:
    member = _administered(request)
    form = LicenceForm(request.POST, instance=Licence(firm=member.firm))
    if form.is_valid():
        try:
            add_licence(form.instance, by=member.user)
        except ValidationError as error:
            refuse(form, error)
        else:
            messages.success(request, "The licence is entered.")
            return redirect(_firm_place(member))
    return _firm_page(request, member, licence=form)


@require_POST
def end_licence(request: HttpRequest, pk: int) -> HttpResponse:
    licence = get_object_or_404(Licence, pk=pk, firm__members__user=user_of(request))
    remove_licence(licence, by=user_of(request))
    messages.success(request, f"The licence {licence} is removed.")
    return redirect(f"{reverse('accounts:firm')}?firm={licence.firm_id}")


@require_http_methods(["GET", "POST"])
def firm_member(request: HttpRequest, pk: int) -> HttpResponse:
    """What a colleague administers, and whether the person can sign in."""
    user = user_of(request)
    member = get_object_or_404(FirmMember.objects.select_related("firm", "user"), pk=pk, firm__members__user=user)
    if not administers(user, member.firm):
        raise PermissionDenied("Only an administrator of the firm changes this.")
    form = FirmMemberForm(request.POST if request.method == "POST" else None, instance=member)
    if request.method == "POST" and form.is_valid():
        stored = FirmMember.objects.get(pk=pk)
        try:
            change_firm_member(stored, by=user, **form.cleaned_data)
        except ValidationError as error:
            refuse(form, error)
        else:
            messages.success(request, f"Saved for {member.user.name}.")
            return redirect(f"{reverse('accounts:firm')}?firm={member.firm_id}")
    return _member_page(request, member, member.firm, form)


def _member_page(
    request: HttpRequest,
    member: FirmMember | ClientMember,
    place: Firm | ServiceOrganization,
    form: FirmMemberForm | ClientMemberForm,
) -> HttpResponse:
    context = {
        "member": member,
        "place": place,
        "form": form,
        "tokens": (
            ApiToken.objects.filter(user=member.user).current(at=timezone.now())
            if tokens.may_end_for(user_of(request), member.user)
            else None
        ),
        "may_deactivate": may_deactivate(user_of(request), member.user),
        "second_factor": has_second_factor(member.user),
    }
    return render(request, "accounts/member.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def organization(request: HttpRequest, pk: int) -> HttpResponse:
    """A client's people and how they sign in; its administrators and its auditor's change it."""
    user = user_of(request)
    place = get_object_or_404(ServiceOrganization.objects.select_related("firm"), pk=pk)
    mine = administers(user, place)
    if not (mine or place.members.filter(user=user).exists()):
        raise Http404("Not a member of the organization")
    form = OrganizationForm(request.POST if request.method == "POST" else None, instance=place)
    if not mine:
        if request.method == "POST":
            raise PermissionDenied("Only an administrator of the organization changes this.")
        for field in form.fields.values():
            field.disabled = True
    if request.method == "POST" and form.is_valid():
        change_sign_in_policy(place, by=user, **form.cleaned_data)
        messages.success(request, "How your people sign in is saved.")
        return redirect("accounts:organization", pk)
    people = place.members.select_related("user").order_by("user__name")
    own = administers_itself(user, place)
    context = {"place": place, "form": form, "people": people, "mine": mine, "own": own}
    return render(request, "accounts/organization.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def organization_member(request: HttpRequest, pk: int) -> HttpResponse:
    """What a person of a client administers, and whether the person can sign in."""
    user = user_of(request)
    member = get_object_or_404(ClientMember.objects.select_related("organization__firm", "user"), pk=pk)
    place = member.organization
    if not administers(user, place):
        if place.members.filter(user=user).exists():
            raise PermissionDenied("Only an administrator of the organization changes this.")
        raise Http404("Not a member of the organization")
    form = ClientMemberForm(request.POST if request.method == "POST" else None, instance=member)
    if request.method == "POST" and form.is_valid():
        change_client_member(ClientMember.objects.get(pk=pk), by=user, **form.cleaned_data)
        messages.success(request, f"Saved for {member.user.name}.")
        return redirect("accounts:organization", place.pk)
    return _member_page(request, member, place, form)


def _person_near(request: HttpRequest, pk: int) -> User:
    """A person of a firm, or of a client of a firm, that the user administers; anybody else is not there."""
    firms = FirmMember.objects.filter(user=user_of(request), is_admin=True).values("firm_id")
    near = Q(firm_memberships__firm__in=firms) | Q(client_memberships__organization__firm__in=firms)
    return get_object_or_404(User.objects.filter(near).distinct(), pk=pk)


@require_POST
def deactivate_person(request: HttpRequest, pk: int) -> HttpResponse:
    person = _person_near(request, pk)
    deactivate(person, by=user_of(request))
    messages.success(request, f"{person.name} can sign in no more; open sessions have ended.")
    return redirect("accounts:firm")


@require_POST
def reactivate_person(request: HttpRequest, pk: int) -> HttpResponse:
    person = _person_near(request, pk)
    reactivate(person, by=user_of(request))
    messages.success(request, f"{person.name} can sign in again.")
    return redirect("accounts:firm")


@login_not_required
@require_GET
def find_single_sign_on(request: HttpRequest) -> HttpResponse:
    """Asks for the name of the organization. By name and not by address: that would tell who has an account."""
    form = FindSingleSignOnForm(request.GET or None)
    if form.is_valid():
        if IdentityProvider.objects.filter(slug=form.cleaned_data["name"]).exists():
            return redirect("accounts:single_sign_on_start", form.cleaned_data["name"])
        form.add_error("name", "No organization signs in by this name.")
    return render(request, "accounts/single_sign_on_find.html", {"form": form}, status=422 if form.errors else 200)


@login_not_required
@require_GET
def start_single_sign_on(request: HttpRequest, slug: str) -> HttpResponse:
    """The page with the link to the provider."""
    provider = get_object_or_404(IdentityProvider.objects.select_related("firm", "organization"), slug=slug)
    place = provider.app.get_provider(request).get_login_url(request, next=_next(request))
    return render(request, "accounts/single_sign_on_start.html", {"provider": provider, "login_url": place})


@require_http_methods(["GET", "POST"])
def firm_single_sign_on(request: HttpRequest) -> HttpResponse:
    member = _administered(request)
    return _single_sign_on(request, member.firm, _firm_place(member))


@require_http_methods(["GET", "POST"])
def organization_single_sign_on(request: HttpRequest, pk: int) -> HttpResponse:
    user = user_of(request)
    place = get_object_or_404(ServiceOrganization.objects.select_related("firm"), pk=pk)
    if not administers_itself(user, place):
        if administers(user, place) or place.members.filter(user=user).exists():
            raise PermissionDenied("Only an administrator of the organization, of its own people, changes this.")
        raise Http404("Not a member of the organization")
    return _single_sign_on(request, place, reverse("accounts:organization", args=[pk]))


# What a provider is told of us, by its kind.
ADDRESSES = (
    ("openid_connect", "openid_connect_callback", "Redirect address (OpenID Connect)"),
    ("saml", "saml_acs", "Where answers go (ACS, SAML)"),
    ("saml", "saml_metadata", "Our entity ID and metadata (SAML)"),
)


def _single_sign_on(request: HttpRequest, place: Firm | ServiceOrganization, back: str) -> HttpResponse:
    """Set up, change or remove the single sign-on of a firm or client that the user administers."""
    of = {"firm": place} if isinstance(place, Firm) else {"organization": place}
    known = IdentityProvider.objects.filter(**of).first()
    user = user_of(request)
    if request.method == "POST" and request.POST.get("act") == "remove" and known:
        remove(known, by=user)
        messages.success(request, "Single sign-on is removed: people sign in by password or passkey.")
        return redirect(back)
    form = SingleSignOnForm(request.POST if request.method == "POST" else None, initial=_as_set_up(known))
    if request.method == "POST" and form.is_valid():
        try:
            set_up(place, by=user, **form.cleaned_data)
        except ValidationError as error:
            refuse(form, error)
        else:
            messages.success(request, "Single sign-on is set up. Try it in another browser before you demand it.")
            return redirect(request.get_full_path())
    slug, kind = (known.slug, known.app.provider) if known else (slug_for(place), "")
    addresses = [
        (words, request.build_absolute_uri(reverse(name, args=[slug])))
        for of, name, words in ADDRESSES
        if kind in {"", of}
    ]
    start = request.build_absolute_uri(reverse("accounts:single_sign_on_start", args=[slug]))
    context = {"form": form, "place": place, "known": known, "back": back, "addresses": addresses, "start": start}
    return render(request, "accounts/single_sign_on.html", context, status=422 if form.errors else 200)


def _as_set_up(known: IdentityProvider | None) -> dict[str, Any]:
    """What the form shows of a provider; never its secret."""
    if known is None:
        return {}
    app = known.app
    told = app.settings
    idp = told.get("idp", {})
    return {
        "kind": app.provider,
        "server_url": told.get("server_url", ""),
        "client_id": "" if idp else app.client_id,
        "entity_id": idp.get("entity_id", ""),
        "sso_url": idp.get("sso_url", ""),
        "certificate": idp.get("x509cert", ""),
        "vouches_for_addresses": known.vouches_for_addresses,
        "demanded": known.demanded,
    }
