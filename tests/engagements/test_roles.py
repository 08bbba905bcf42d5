"""Roles: one per person, grants exactly those of the matrix, sides kept apart."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.models import ClientMember, FirmMember, User
from audit.models import Event
from engagements.models import Engagement, EngagementMember, EngagementUserPermission, Role
from engagements.roles import MATRIX, confirm_independence, end_role, permissions_of, require, set_role
from engagements.team import give_role, take_role
from tests import factories as f

pytestmark = pytest.mark.django_db


def test_every_role_holds_what_the_matrix_gives() -> None:
    engagement = f.staffed()
    for member in engagement.members.select_related("user"):
        assert permissions_of(member.user, engagement) == MATRIX[Role(member.role)]
    call_command("check_roles")


def test_the_matrix_knows_only_permissions_that_exist() -> None:
    known = {codename for codename, _ in Engagement._meta.permissions}
    assert set(MATRIX) == set(Role)
    for codenames in MATRIX.values():
        assert codenames <= known
    assert known == frozenset().union(*MATRIX.values())


@pytest.mark.parametrize(
    ("permission", "roles"),
    [
        ("accept_engagement", {Role.PARTNER}),
        ("issue_report", {Role.PARTNER}),
        ("form_opinion", {Role.PARTNER}),
        ("conclude_deviations", {Role.PARTNER}),
        ("edit_registers", {Role.CLIENT_ADMIN}),
        ("sign_assertion", {Role.SIGNATORY}),
        ("complete_quality_review", {Role.QUALITY_REVIEWER}),
        ("edit_scope", {Role.PARTNER, Role.MANAGER}),
    ],
)
def test_who_alone_may(permission: str, roles: set[Role]) -> None:
    assert {role for role, codenames in MATRIX.items() if permission in codenames} == roles


def test_the_clients_side_never_sees_fieldwork_and_the_firm_never_writes_for_it() -> None:
    for role, codenames in MATRIX.items():
        assert ("see_fieldwork" in codenames) == role.of_firm
        written_by_client = {"edit_description", "sign_assertion", "respond_exceptions", "edit_registers"}
        assert not (role.of_firm and codenames & written_by_client)


def test_a_new_role_replaces_the_old_ones_rights() -> None:
    engagement = f.staffed()
    sana = f.people(engagement)["sana"]
    set_role(engagement, sana, Role.PEER_REVIEWER, by=engagement.created_by)
    assert permissions_of(sana, engagement) == MATRIX[Role.PEER_REVIEWER]
    assert engagement.members.filter(user=sana).count() == 1


def test_roles_keep_to_their_side() -> None:
    engagement = f.staffed()
    people = f.people(engagement)
    for key, role in (("carla", Role.STAFF), ("sana", Role.CLIENT_ADMIN), ("owen", Role.QUALITY_REVIEWER)):
        with pytest.raises(ValidationError, match="does not belong"):
            set_role(engagement, people[key], role, by=people["petra"])
    with pytest.raises(ValidationError, match="Invite the person"):
        set_role(engagement, f.person("nemo"), Role.STAFF, by=people["petra"])


def test_the_clients_of_another_firm_stay_outside() -> None:
    engagement = f.staffed()
    other = f.client(f.firm("Other LLP"), "Northwind Books, Inc.")
    olga = f.partner_of(other.firm, "olga", "Olga Berg")
    ClientMember.objects.create(organization=other, user=olga)
    for role in (Role.STAFF, Role.CLIENT_ADMIN):
        with pytest.raises(ValidationError):
            set_role(engagement, olga, role, by=engagement.created_by)


def test_there_is_one_partner_always() -> None:
    engagement = f.staffed()
    people = f.people(engagement)
    with pytest.raises(ValidationError, match="may not accept engagements"):
        set_role(engagement, people["milan"], Role.PARTNER, by=people["petra"])
    with pytest.raises(ValidationError, match="another partner"):
        set_role(engagement, people["petra"], Role.STAFF, by=people["petra"])
    with pytest.raises(ValidationError, match="needs a partner"):
        end_role(engagement, people["petra"], by=people["petra"])


def accepting(engagement: Engagement, user: User) -> User:
    FirmMember.objects.filter(firm=engagement.firm, user=user).update(may_accept=True)
    return user


def test_the_partner_hands_over_and_becomes_manager() -> None:
    engagement = f.staffed()
    people = f.people(engagement)
    with pytest.raises(PermissionDenied):
        give_role(engagement, accepting(engagement, people["milan"]), Role.PARTNER, by=people["milan"])
    give_role(engagement, people["milan"], Role.PARTNER, by=people["petra"])
    roles = dict(engagement.members.values_list("user__email", "role"))
    assert (roles["milan@example.com"], roles["petra@example.com"]) == (Role.PARTNER, Role.MANAGER)
    assert permissions_of(people["milan"], engagement) == MATRIX[Role.PARTNER]
    assert permissions_of(people["petra"], engagement) == MATRIX[Role.MANAGER]
    told = Event.objects.filter(engagement_id=engagement.pk, action="team.role_set").order_by("-pk")[:2]
    assert [(one.target_label, one.detail["role"]) for one in told] == [
        (str(people["milan"]), "Engagement partner"),
        (str(people["petra"]), "Manager"),
    ]


def test_the_quality_reviewer_does_not_become_partner() -> None:
    engagement = f.staffed()
    people = f.people(engagement)
    with pytest.raises(ValidationError, match="reviews the quality"):
        give_role(engagement, accepting(engagement, people["quinn"]), Role.PARTNER, by=people["petra"])


def test_an_engagement_whose_partner_is_gone_is_taken_over(client: Client) -> None:
    engagement = f.staffed()
    people = f.people(engagement)
    paula = f.partner_of(engagement.firm, "paula", "Paula Reed")
    olga = f.partner_of(f.firm("Ostrom CPA"), "olga", "Olga Ostrom")
    url = reverse("engagements:take_over", args=[engagement.pk])

    def answer(user: User) -> int:
        client.force_login(user)
        return client.post(url).status_code

    assert answer(paula) == 404
    User.objects.filter(pk=people["petra"].pk).update(is_active=False)
    assert [answer(people["sana"]), answer(olga)] == [404, 404]
    client.force_login(paula)
    assert engagement.number in client.get(reverse("home")).content.decode()
    assert client.post(url).status_code == 302
    roles = dict(engagement.members.values_list("user__email", "role"))
    assert (roles["paula@example.com"], roles["petra@example.com"]) == (Role.PARTNER, Role.MANAGER)
    # Nothing of it opens before the new partner has confirmed independence.
    assert client.get(reverse("engagements:controls", args=[engagement.pk])).status_code == 403
    assert answer(paula) == 404


def test_who_is_deactivated_has_no_rights_and_gets_none() -> None:
    engagement = f.staffed()
    sana = f.people(engagement)["sana"]
    sana.is_active = False
    sana.save(update_fields=["is_active"])
    assert permissions_of(sana, engagement) == frozenset()
    assert not Engagement.objects.visible_to(sana).exists()
    with pytest.raises(ValidationError, match="deactivated"):
        set_role(engagement, sana, Role.MANAGER, by=engagement.created_by)


def test_operators_see_nothing_by_being_operators() -> None:
    engagement = f.staffed()
    boss = f.person("boss")
    boss.is_staff = boss.is_superuser = True
    boss.save(update_fields=["is_staff", "is_superuser"])
    assert not Engagement.objects.visible_to(boss).exists()
    with pytest.raises(PermissionDenied):
        require(engagement, boss, "see_engagement")


def test_the_partner_alone_gives_and_takes_roles() -> None:
    engagement = f.staffed()
    people = f.people(engagement)
    for key in ("milan", "sana", "carla"):
        with pytest.raises(PermissionDenied):
            give_role(engagement, people["owen"], Role.SIGNATORY, by=people[key])
        with pytest.raises(PermissionDenied):
            take_role(engagement, people["owen"], by=people[key])
    take_role(engagement, people["owen"], by=people["petra"])
    assert permissions_of(people["owen"], engagement) == frozenset()


def test_everybody_confirms_independence_for_itself() -> None:
    engagement = f.proposed()
    petra = EngagementMember.objects.get(engagement=engagement)
    with pytest.raises(PermissionDenied):
        confirm_independence(petra, by=f.person("nemo"))
    staffed = f.staffed(system_name="Payroll")
    with pytest.raises(PermissionDenied):
        confirm_independence(staffed.members.get(role=Role.CLIENT_ADMIN), by=f.people(staffed)["carla"])


def test_check_roles_names_what_differs() -> None:
    engagement = f.staffed()
    people = f.people(engagement)
    EngagementUserPermission.objects.filter(user=people["sana"], permission__codename="record_tests").delete()
    EngagementUserPermission.objects.create(
        content_object=engagement, user=people["owen"], permission=Permission.objects.get(codename="issue_report")
    )
    EngagementUserPermission.objects.create(
        content_object=engagement,
        user=f.person("nemo"),
        permission=Permission.objects.get(codename="see_engagement"),
    )
    with pytest.raises(CommandError) as refusal:
        call_command("check_roles")
    words = str(refusal.value)
    assert f"person {people['sana'].pk}: lacks record_tests" in words
    assert f"person {people['owen'].pk}: has issue_report beyond its role" in words
    assert f"person {f.person('nemo').pk}: has see_engagement beyond its role" in words


def test_leaving_the_firm_does_not_leave_rights_unnoticed() -> None:
    engagement = f.staffed()
    sana = f.people(engagement)["sana"]
    FirmMember.objects.filter(user=sana).delete()
    with pytest.raises(ValidationError):
        set_role(engagement, sana, Role.STAFF, by=engagement.created_by)
