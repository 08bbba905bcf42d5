"""Each rule of what an engagement holds, with a case that fails and one that passes."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from controls.models import Category, Criterion
from engagements import independence, registers, scope
from engagements.corroboration import review_no_incident
from engagements.models import (
    ControlCriterion,
    Engagement,
    EngagementMember,
    MonitoringControl,
    NonAttestService,
    SubserviceOrganization,
)
from engagements.register import Blocked, Severity, findings, guard, one_look, rules
from engagements.workflow import Amendment, Change
from tests import factories as f
from tests.engagements.makers import control, scoped

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)


def found(rule: str, step: str, subject: Any) -> list[str]:
    return [finding.text for finding in findings(step, subject) if finding.rule == rule]


def test_r01_everybody_of_the_firm_confirms_independence() -> None:
    engagement = f.staffed()
    assert not found("R01", "accept", engagement)
    EngagementMember.objects.filter(role="staff").update(independence_confirmed_at=None)
    assert found("R01", "accept", engagement) == ["Sana Wolfe has not confirmed independence."]
    assert found("R01", "fieldwork", engagement)


def test_r02_the_workspace_opens_after_independence() -> None:
    engagement = f.staffed()
    member = EngagementMember.objects.get(role="staff")
    assert not found("R02", "open_workspace", member)
    member.independence_confirmed_at = None
    assert found("R02", "open_workspace", member)
    assert not found("R02", "open_workspace", engagement.members.get(role="client_admin"))


def test_r03_independence_is_confirmed_again_for_the_issue() -> None:
    engagement = f.staffed()
    assert not found("R03", "issue", engagement)
    early = dt.datetime(2026, 9, 30, 12, tzinfo=dt.UTC)
    EngagementMember.objects.filter(role="manager").update(independence_confirmed_at=early)
    assert found("R03", "issue", engagement)


def test_r03_a_confirmation_before_the_report_date_is_too_old() -> None:
    engagement = f.staffed()
    engagement.report_date = timezone.localdate()
    assert not found("R03", "issue", engagement)
    engagement.report_date += DAY
    assert len(found("R03", "issue", engagement)) == len(f.FIRM_TEAM)


def service(engagement: Engagement, **fields: Any) -> NonAttestService:
    made = independence.enter(
        engagement,
        "services",
        by=f.people(engagement)["milan"],
        **{
            "service": "Tax return",
            "starts_on": dt.date(2026, 1, 1),
            "overseer": "Carla Nord, controller",
            "overseer_fitness": "Certified, ten years in tax.",
            "threats": "Self-review.",
            "safeguards": "Another partner's team.",
            **fields,
        },
    )
    assert isinstance(made, NonAttestService)
    return made


def test_r04_other_services_are_stated_and_concluded_on() -> None:
    engagement = f.staffed()
    for step in ("accept", "issue"):
        assert found("R04", step, engagement)
    made = service(engagement)
    assert found("R04", "accept", engagement) == ["Tax return: the partner has not concluded on the threats."]
    made = independence.conclude(made, effect="impairs", conclusion="We kept the books.", by=engagement.created_by)
    assert "impairs independence" in found("R04", "accept", engagement)[0]
    independence.conclude(made, effect="safeguarded", conclusion="Apart.", by=engagement.created_by)
    assert not found("R04", "accept", engagement)
    NonAttestService.objects.update(overseer=" ")
    assert "oversees" in found("R04", "accept", engagement)[0]
    NonAttestService.objects.all().delete()
    independence.state_none(engagement, "services", by=engagement.created_by)
    assert not found("R04", "issue", engagement)


def test_r05_relations_to_providers_are_stated_and_concluded_on() -> None:
    engagement = f.staffed()
    assert found("R05", "accept", engagement)
    made = independence.enter(
        engagement,
        "providers",
        by=engagement.created_by,
        provider="Vaultline",
        kinds=["referral"],
        description="It names us.",
        threats="Self-interest.",
    )
    assert "concluded" in found("R05", "accept", engagement)[0]
    independence.conclude(made, effect="none", conclusion="No fee.", by=engagement.created_by)
    assert not found("R05", "accept", engagement)


def test_r06_continuance_is_decided_anew() -> None:
    f.accepted(period_start=dt.date(2024, 10, 1), period_end=dt.date(2025, 9, 30))
    engagement = f.staffed()
    engagement.accepted_on = dt.date(2025, 9, 2)
    assert not found("R06", "accept", engagement)
    engagement.accepted_on = dt.date(2025, 9, 1)
    assert found("R06", "accept", engagement)


def test_r07_the_letter_comes_before_the_first_test() -> None:
    engagement = f.accepted()
    assert not found("R07", "record_test", engagement)
    engagement.letter_on = None
    assert found("R07", "record_test", engagement)


def test_r08_security_is_always_in_scope() -> None:
    engagement = f.staffed()
    assert not found("R08", "accept", engagement)
    engagement.categories = [Category.PRIVACY]
    assert found("R08", "accept", engagement)


def test_r09_the_dates_fit_the_type() -> None:
    engagement, type_1 = f.staffed(), f.proposed(type="1")
    assert not found("R09", "accept", engagement)
    assert not found("R09", "accept", type_1)
    engagement.period_end = engagement.period_start
    assert found("R09", "accept", engagement)
    type_1.period_start = dt.date(2026, 1, 1)
    assert found("R09", "accept", type_1)


@pytest.mark.parametrize(("days", "warned"), [(89, True), (90, False), (366, False), (367, True)])
def test_r10_the_period_has_a_usual_length(days: int, warned: bool) -> None:
    start = dt.date(2025, 1, 1)
    engagement = f.proposed(period_start=start, period_end=start + (days - 1) * DAY)
    assert bool(found("R10", "fieldwork", engagement)) is warned


@pytest.mark.parametrize(
    ("prior", "words"),
    [
        (dt.date(2025, 9, 30), ""),
        (dt.date(2025, 9, 20), "10 days lie between"),
        (dt.date(2025, 10, 5), "5 days are both"),
    ],
)
def test_r11_no_gap_and_no_overlap(prior: dt.date, words: str) -> None:
    engagement = f.proposed(prior_period_end=prior)
    texts = found("R11", "fieldwork", engagement)
    assert texts == [] if not words else texts[0].startswith(words)


def test_r12_no_other_criteria() -> None:
    engagement = f.accepted()
    one = control(engagement)
    assert not found("R12", "fieldwork", engagement)
    ControlCriterion.objects.create(engagement=engagement, control=one, criterion_id="P1.1")
    assert found("R12", "fieldwork", engagement) == ["NB-01 is mapped to P1.1, which is not in scope."]


def test_r12_the_set_of_criteria_is_whole() -> None:
    engagement = f.accepted(categories=list(Category))
    assert engagement.criteria().count() == 61
    assert not found("R12", "fieldwork", engagement)
    Criterion.objects.filter(code="P8.1").update(category=Category.SECURITY)
    engagement.categories = [Category.SECURITY]
    assert found("R12", "fieldwork", engagement) == ["34 criteria are loaded where the categories have 33."]


def test_r13_every_criterion_has_a_control_or_a_reason() -> None:
    engagement = f.accepted(categories=[Category.SECURITY])
    codes = list(engagement.criteria().values_list("code", flat=True))
    control(engagement, criteria=codes[1:])
    assert len(found("R13", "issue", engagement)) == 1
    scope.mark_not_relevant(engagement, codes[0], reason="Nobody is employed.", by=engagement.created_by)
    assert not found("R13", "issue", engagement)


def test_r14_every_control_serves_a_criterion() -> None:
    engagement = f.accepted()
    one = control(engagement)
    assert not found("R14", "reporting", engagement)
    scope.map_control(one, [], by=engagement.created_by)
    assert found("R14", "reporting", engagement)
    scope.remove(one, reason="Not needed", by=engagement.created_by)
    assert not found("R14", "reporting", engagement)


def test_r15_after_the_letter_a_change_needs_an_amendment() -> None:
    engagement = f.accepted()
    changes = {"period_end": ["2026-09-30", "2026-10-31"]}
    signed = Amendment(dt.date(2025, 11, 1), "Sigrid Vale", "Petra Alder", "The client changes its year.")
    assert found("R15", "change", Change(engagement, changes, None))
    assert found("R15", "change", Change(engagement, changes, Amendment(dt.date(2025, 11, 1), "", "Petra")))
    assert found("R15", "change", Change(engagement, changes, Amendment(dt.date(2025, 9, 9), "S", "P", "Why")))
    assert found("R15", "change", Change(engagement, changes, Amendment(dt.date(2025, 11, 1), "S", "P", " ")))
    assert not found("R15", "change", Change(engagement, changes, signed))
    assert not found("R15", "change", Change(engagement, {"report_due": ["", "2026-12-01"]}, None))


def test_r16_a_carved_out_organization_is_watched_and_assumed_of() -> None:
    engagement = scoped(2)
    assert not found("R16", "reporting", engagement)
    MonitoringControl.objects.all().delete()
    assert found("R16", "reporting", engagement) == ["Cumulus Hosting (carve-out) lacks a monitoring control."]


def test_r16_an_included_organization_takes_part() -> None:
    engagement = f.accepted()
    made = registers.add_subservice(
        engagement, name="Sister, Inc.", services="Support", method="inclusive", by=engagement.created_by
    )
    assert len(found("R16", "issue", engagement)) == 1
    SubserviceOrganization.objects.filter(pk=made.pk).update(
        assertion_received_on=dt.date(2026, 10, 1),
        assertion="We support the users.",
        representation_received_on=dt.date(2026, 10, 1),
        independence_confirmed_on=dt.date(2025, 9, 1),
    )
    assert not found("R16", "issue", engagement)


def test_r43_incidents_are_decided_or_stated_away() -> None:
    engagement = f.accepted()
    carla = f.people(engagement)["carla"]
    assert found("R43", "issue", engagement)
    registers.state_no_incident(engagement, statement="None in the period.", by=carla)
    engagement.refresh_from_db()
    (lacking,) = found("R43", "issue", engagement)
    assert "not recorded which source it reviewed" in lacking
    review_no_incident(
        engagement, statement="None in the period.", source="The tracker's export.", by=f.people(engagement)["sana"]
    )
    assert not found("R43", "issue", engagement)
    made = registers.add_incident(
        engagement, occurred_on=dt.date(2026, 2, 2), title="Outage", nature="Two hours", by=carla
    )
    assert found("R43", "issue", engagement) == ["Nobody has decided whether “Outage” is disclosed."]
    registers.revise(made, disclosed=True, reason="A commitment was missed.", by=carla)
    assert not found("R43", "issue", engagement)


def test_r44_a_type_2_says_what_changed() -> None:
    engagement = f.accepted()
    assert found("R44", "issue", engagement)
    assert not found("R44", "issue", f.proposed(type="1"))
    registers.state_no_change(engagement, statement="Nothing.", by=f.people(engagement)["carla"])
    engagement.refresh_from_db()
    assert not found("R44", "issue", engagement)


def test_r46_the_firm_is_on_record() -> None:
    engagement = f.proposed()
    assert not found("R46", "accept", engagement)
    office = engagement.firm.offices.create(city="Salem", state="Oregon", closed_at=timezone.now())
    engagement.office = office
    assert found("R46", "accept", engagement) == [
        "The office that signs, Salem, Oregon, is closed: choose another one."
    ]
    engagement.office = None
    engagement.firm.offices.all().delete()
    [words] = found("R46", "accept", engagement)
    assert "no office" in words


def test_r46_licence_and_peer_review_are_current() -> None:
    engagement = f.proposed()
    assert not found("R46", "issue", engagement)
    engagement.firm.peer_review_on = timezone.localdate() - 4 * 365 * DAY
    [finding] = [one for one in findings("issue", engagement) if one.rule == "R46"]
    assert finding.severity == Severity.WARN
    engagement.firm.licences.update(expires_on=timezone.localdate() - DAY)
    assert "licence" in found("R46", "issue", engagement)[0]


def test_r47_acceptance_before_letter() -> None:
    engagement = f.accepted()
    assert not found("R47", "fieldwork", engagement)
    engagement.letter_on = dt.date(2025, 8, 31)
    assert found("R47", "fieldwork", engagement)


def test_r48_the_report_is_dated_after_the_period() -> None:
    engagement, type_1 = f.accepted(), f.proposed(type="1")
    engagement.report_date = type_1.report_date = dt.date(2026, 9, 30)
    assert found("R48", "issue", engagement)
    assert not found("R48", "issue", type_1)
    engagement.report_date = dt.date(2026, 10, 1)
    assert not found("R48", "issue", engagement)


def test_r56_the_report_comes_in_time() -> None:
    engagement = f.accepted()
    engagement.report_date = dt.date(2026, 9, 30) + 120 * DAY
    assert not found("R56", "issue", engagement)
    engagement.report_date += DAY
    assert found("R56", "issue", engagement)


def test_blocked_names_rules_and_links() -> None:
    engagement = f.proposed()
    with pytest.raises(Blocked) as refusal:
        guard("accept", engagement)
    finding = refusal.value.findings[0]
    assert [one.rule for one in refusal.value.findings] == ["R01", "R04", "R05"]
    assert finding.url.endswith("/acceptance/")
    assert "R01: Petra Alder has not confirmed independence." in refusal.value.messages


@pytest.mark.parametrize(
    "code",
    "R01 R02 R03 R04 R05 R06 R07 R08 R09 R10 R11 R12 R13 R14 R15 R16 R43 R44 R46 R47 R48 R56".split(),
)
def test_the_rule_is_registered_and_tested_here(code: str) -> None:
    assert code in {rule.id for rule in rules()}
    assert any(name.startswith(f"test_{code.lower()}_") for name in globals())


def test_findings_are_found_with_few_queries(django_assert_max_num_queries: Any) -> None:
    engagement = Engagement.objects.select_related("firm").get(pk=scoped(20).pk)
    own = [rule for rule in rules() if rule.check.__module__ == "engagements.rules" and "issue" in rule.guards]
    with django_assert_max_num_queries(25), one_look(engagement):
        for rule in own:
            list(rule.run(engagement))
