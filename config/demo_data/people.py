"""The people of the demo: one firm, three clients, and how they sign in."""

from __future__ import annotations

import datetime as dt
import secrets
from typing import NamedTuple

from allauth.account.models import EmailAddress
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID
from django.utils import timezone

from accounts import certificates, clients
from accounts.models import ClientMember, Firm, FirmMember, QualityTrigger, ServiceOrganization, User
from engagements.models import Engagement, EngagementMember, Role
from engagements.roles import confirm_independence, set_role

# Everybody's, and printed at the start: the demo is reachable from this machine only.
PASSWORD = "attestry demo"  # noqa: S105


class Person(NamedTuple):
    key: str
    name: str
    title: str
    role: Role


FIRM = (
    Person("marisol", "Marisol Reyes", "Partner", Role.PARTNER),
    Person("jonah", "Jonah Okafor", "Manager", Role.MANAGER),
    Person("tessa", "Tessa Lindqvist", "Senior associate", Role.STAFF),
    Person("devon", "Devon Park", "Associate", Role.STAFF),
    Person("harriet", "Harriet Boyd", "Partner, quality", Role.QUALITY_REVIEWER),
)
LAKESHORE = (
    Person("dana", "Dana Kessler", "Head of Compliance", Role.CLIENT_ADMIN),
    Person("ravi", "Ravi Menon", "Head of Security", Role.CONTROL_OWNER),
    Person("lena", "Lena Fischer", "Chief People Officer", Role.CONTROL_OWNER),
    Person("grace", "Grace Whitfield", "Chief Executive Officer", Role.SIGNATORY),
)
TIDEWATER = (
    Person("omar", "Omar Haddad", "Director of Compliance", Role.CLIENT_ADMIN),
    Person("beth", "Beth Carver", "Director of Engineering", Role.CONTROL_OWNER),
    Person("paul", "Paul Drummond", "Chief Executive Officer", Role.SIGNATORY),
)
ADVISER = Person("noor", "Noor Haddad", "Security adviser", Role.CONTROL_OWNER)
QUILLFEATHER = (
    Person("ines", "Inês Duarte", "Operations Lead", Role.CLIENT_ADMIN),
    Person("theo", "Theo Brandt", "Head of Engineering", Role.CONTROL_OWNER),
    Person("noah", "Noah Quill", "Chief Executive Officer", Role.SIGNATORY),
)


def _user(person: Person, domain: str) -> User:
    user = User.objects.create_user(f"{person.key}@{domain}", person.name, PASSWORD)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def make_firm(today: dt.date) -> tuple[Firm, dict[str, User]]:
    """The firm with its people by key."""
    firm = Firm.objects.create(legal_name="Hartwell & Oake LLP", peer_review_on=today - dt.timedelta(days=412))
    firm.licences.create(jurisdiction="Minnesota", number="FP-20417", expires_on=dt.date(today.year + 1, 12, 31))
    people = {}
    for person in FIRM:
        people[person.key] = user = _user(person, "hartwell-oake.example")
        partner = person.role in {Role.PARTNER, Role.QUALITY_REVIEWER}
        FirmMember.objects.create(firm=firm, user=user, title=person.title, is_admin=partner, may_accept=partner)
    _establish(firm, by=people["marisol"])
    return firm, people


def _establish(firm: Firm, *, by: User) -> None:
    """Offices, policies and signing certificate, as an administrator enters them."""
    for city, state in (("Minneapolis", "Minnesota"), ("Milwaukee", "Wisconsin")):
        clients.open_office(firm, city=city, state=state, by=by)
    triggers = [QualityTrigger.MODIFIED, QualityTrigger.FIRST_YEAR, QualityTrigger.PROVIDER]
    clients.change_firm(
        firm, retention_years=7, quality_triggers=[one.value for one in triggers], two_to_issue=True, by=by
    )
    firm.refresh_from_db()
    password = secrets.token_urlsafe(12)
    certificates.keep(firm, pkcs12=_own_certificate(firm.legal_name, password), password=password, by=by)


def _own_certificate(name: str, password: str) -> bytes:
    """A key with a certificate that it has signed itself: nobody but the demo vouches for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, f"{name} (demonstration)"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, name),
        ]
    )
    now = timezone.now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=730))
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=True,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=False,
                crl_sign=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .sign(key, hashes.SHA256())
    )
    return pkcs12.serialize_key_and_certificates(
        name.encode(), key, certificate, None, serialization.BestAvailableEncryption(password.encode())
    )


def advise(engagements: tuple[Engagement, ...]) -> User:
    """An adviser who owns controls at several clients, and so belongs to several organizations."""
    user = _user(ADVISER, "security-desk.example")
    for engagement in engagements:
        ClientMember.objects.create(organization=engagement.client, user=user, title=ADVISER.title)
        partner = EngagementMember.objects.select_related("user").get(engagement=engagement, role=Role.PARTNER)
        set_role(engagement, user, ADVISER.role, by=partner.user)
    return user


def make_client(
    firm: Firm, name: str, short: str, domain: str, people: tuple[Person, ...]
) -> tuple[ServiceOrganization, dict[str, User]]:
    """A service organization with its people by key."""
    client = ServiceOrganization.objects.create(firm=firm, name=name, short_name=short, website=f"https://{domain}")
    made = {}
    for person in people:
        made[person.key] = user = _user(person, domain)
        ClientMember.objects.create(
            organization=client, user=user, title=person.title, is_admin=person.role == Role.CLIENT_ADMIN
        )
    return client, made


def staff(
    engagement: Engagement, team: dict[str, User], client_team: dict[str, User], of: tuple[Person, ...]
) -> None:
    """Give everybody the role of the cast; the firm's people confirm their independence."""
    partner = team["marisol"]
    for person in FIRM:
        if person.role != Role.PARTNER:
            set_role(engagement, team[person.key], person.role, by=partner)
        member = EngagementMember.objects.get(engagement=engagement, user=team[person.key])
        confirm_independence(member, by=team[person.key])
    for person in of:
        set_role(engagement, client_team[person.key], person.role, by=partner)


def logins(site: str = "{site}") -> str:
    """Who can sign in, in words for the terminal; `{site}` stays for whoever prints it."""
    lines = [f"Sign in at {site}/ ; everybody's password: {PASSWORD}", ""]
    groups = (
        ("Hartwell & Oake LLP, the CPA firm", FIRM, "hartwell-oake.example"),
        ("Lakeshore Ledger, report issued", LAKESHORE, "lakeshore-ledger.example"),
        ("Tidewater Payroll, in fieldwork", TIDEWATER, "tidewater-payroll.example"),
        ("Quillfeather Health, Type 1 in reporting", QUILLFEATHER, "quillfeather.example"),
        ("Tidewater Payroll and Quillfeather Health", (ADVISER,), "security-desk.example"),
    )
    for title, cast, domain in groups:
        lines.append(title)
        lines += [f"  {person.role.label:28} {person.key}@{domain}" for person in cast]
    return "\n".join(lines)
