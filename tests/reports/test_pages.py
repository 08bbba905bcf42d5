"""The pages in a browser's stead: who sees what, and what a refusal looks like."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from engagements import waiting
from engagements.models import Control, Engagement, ReportingStep, Stage
from fieldwork import noting
from jobs.running import run
from reports import description, drafting, opinion
from reports.models import (
    DescriptionSection,
    Issuance,
    LikenessCheck,
    ManagementStatement,
    Opinion,
    Report,
)
from tests import factories as f
from tests.reports import makers as m

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick")]


def as_(key: str, engagement: Engagement) -> Client:
    client = Client()
    client.force_login(f.people(engagement)[key])
    return client


def url(name: str, engagement: Engagement, *more: Any) -> str:
    return reverse(f"reports:{name}", args=[engagement.pk, *more])


@pytest.mark.drill
def test_who_opens_which_page() -> None:
    engagement = m.in_scope()
    m.worked(engagement, deviating=True, sign=False)
    m.described(engagement)
    allowed = {
        "description": {"petra", "quinn", "ray", "carla", "sig"},
        "read_description": {"petra", "quinn", "ray", "carla", "sig"},
        "statements": {"petra", "quinn", "ray", "carla", "sig"},
        "opinion": {"petra", "quinn", "ray"},
        "report": {"petra", "quinn", "ray", "carla", "sig"},
    }
    for name, people in allowed.items():
        for key in ("petra", "quinn", "ray", "carla", "sig", "owen", "sub"):
            answer = as_(key, engagement).get(url(name, engagement))
            assert answer.status_code == (200 if key in people else 403), (name, key)
    outsider = Client()
    outsider.force_login(f.person("nemo"))
    assert {outsider.get(url(name, engagement)).status_code for name in allowed} == {404}


def test_writing_a_part_with_preview_and_two_people_at_once() -> None:
    engagement = m.in_scope()
    who = f.people(engagement)
    carla = as_("carla", engagement)
    assert carla.post(url("start_description", engagement)).status_code == 302
    page = url("section", engagement, "DC1")
    assert carla.post(page, {"body": "Carla's text", "version": 0}).status_code == 302
    late = as_("sig", engagement).post(page, {"body": "Sigrid's text", "version": 0})
    assert late.status_code == 409
    assert b"Sigrid&#x27;s text" in late.content
    assert b"Carla" in late.content
    assert late.context["form"]["version"].value() == "1"
    assert DescriptionSection.objects.get(engagement=engagement, part="DC1").body == "Carla's text"
    preview = carla.post(url("preview", engagement), {"text": "**Bold** <script>alert(1)</script>"})
    assert b"<strong>Bold</strong>" in preview.content
    assert b"<script>" not in preview.content
    assert as_("petra", engagement).post(page, {"body": "Ours", "version": 1}).status_code == 403
    assert as_("petra", engagement).get(url("revision", engagement, "DC1", 1)).status_code == 200
    assert who["carla"] == DescriptionSection.objects.get(engagement=engagement, part="DC1").updated_by


def test_signing_shows_the_text_then_signs_exactly_it() -> None:
    engagement = m.in_scope()
    m.described(engagement)
    page = url("sign_statement", engagement, "assertion")
    assert as_("carla", engagement).get(page).status_code == 403
    sig = as_("sig", engagement)
    shown = sig.post(page, {"preview": "1", "modifications": "One matter.", "seen": "x"})
    assert b"One matter." in shown.content
    form: dict[str, Any] = {
        "modifications": "One matter.",
        "basis": "Self-tests.",
        "stated_on": "2026-11-01",
        "signatory_name": "Sigrid Vale",
        "signatory_title": "CEO",
        "password": "guess",
        "seen": shown.context["seen"],
    }
    refused = sig.post(page, form)
    assert refused.status_code == 422
    assert b"This is not your password" in refused.content
    assert sig.post(page, {**form, "password": f.PASSWORD, "seen": "0" * 64}).status_code == 422
    assert not ManagementStatement.objects.exists()
    assert sig.post(page, {**form, "password": f.PASSWORD}).status_code == 302
    signed = ManagementStatement.objects.get()
    assert signed.signed_from is not None
    assert as_("petra", engagement).get(url("signed_statement", engagement, signed.pk)).status_code == 200


def test_forming_the_opinion_on_the_page() -> None:
    engagement = m.in_scope()
    petra = as_("petra", engagement)
    refused = petra.post(url("form_opinion", engagement, "operating"), {"operating-conclusion": "qualified"})
    assert refused.status_code == 422
    assert b"R38" in refused.content
    added = petra.post(
        url("add_matter", engagement),
        {"title": "T", "cause": "operation", "limbs": ["operating"], "basis": "B", "criteria": ["CC6.2"]},
    )
    assert added.status_code == 302
    assert (
        petra.post(url("form_opinion", engagement, "operating"), {"operating-conclusion": "qualified"}).status_code
        == 302
    )
    assert Opinion.objects.get().conclusion == "qualified"
    assert as_("milan", engagement).post(url("set_report_date", engagement), {"date": ""}).status_code == 403


def test_a_step_that_would_be_refused_is_not_offered() -> None:
    engagement = m.in_scope()
    m.worked(engagement)
    m.described(engagement)
    page = as_("milan", engagement).get(url("report", engagement)).content.decode()
    assert "Before the report goes on to client review:" in page
    assert "No draft of the present content is rendered." in page
    assert "On to client review" not in page
    m.rendered(engagement)
    assert "On to client review" in as_("milan", engagement).get(url("report", engagement)).content.decode()
    drafting.move_step(engagement, ReportingStep.CLIENT_REVIEW, by=f.person("milan"))
    page = as_("milan", engagement).get(url("report", engagement)).content.decode()
    assert "No conclusion on operating effectiveness." in page
    assert "On to quality review" not in page
    assert "Back to draft" in page


def test_the_overview_does_not_wait_for_what_stands_in_the_way_of_the_report() -> None:
    engagement = m.in_scope()
    petra = as_("petra", engagement)
    part = reverse("engagements:in_the_way", args=[engagement.pk])
    overview = petra.get(reverse("engagements:overview", args=[engagement.pk])).content.decode()
    assert (part in overview, "R49" in overview) == (True, False)
    found = petra.get(part).content.decode()
    assert "What stands in the way of the report" in found
    assert "Management has not signed the assertion." in found
    assert part not in found
    assert as_("carla", engagement).get(part).status_code == 403
    f.at_stage(engagement, Stage.FIELDWORK)
    assert petra.get(part).content == b""


def test_review_notes_begin_at_a_button_on_every_page_of_the_report() -> None:
    engagement = m.in_scope()
    who = f.people(engagement)
    m.described(engagement)
    statement = m.sign(engagement, ManagementStatement.Kind.ASSERTION)
    values = {"title": "Late", "basis": "It was late.", "criteria": ["CC6.2"]}
    opinion.add_matter(engagement, limbs=["operating"], cause="operation", **values, by=who["petra"])
    draft = m.rendered(engagement)
    drafting.move_step(engagement, ReportingStep.CLIENT_REVIEW, by=who["milan"])
    petra, carla = as_("petra", engagement), as_("carla", engagement)
    for kind, key in (("description", "DC1"), ("statement", statement.pk), ("matter", 1), ("draft", draft.number)):
        place = noting.noted(engagement, kind, str(key))
        button = noting.url_of(engagement, place.target)
        assert f'hx-get="{button}"' in petra.get(place.url).content.decode(), kind
        assert petra.post(button, {"text": "Why?"}).status_code == 302
        shown = petra.get(place.url).content.decode().partition(f'hx-get="{button}"')[2].partition("</a>")[0]
        assert '<span class="pill warn">1</span>' in shown, kind
        assert b"/notes/" not in carla.get(place.url).content, kind


def test_the_client_meets_drafts_only_from_client_review_on() -> None:
    engagement = m.in_scope()
    m.described(engagement)
    draft = m.rendered(engagement)
    carla, petra = as_("carla", engagement), as_("petra", engagement)
    addresses = [
        url("draft", engagement, draft.number),
        url("draft_pdf", engagement, draft.number),
        url("draft_page", engagement, draft.number, 1),
    ]
    assert [carla.get(address).status_code for address in addresses] == [404, 404, 404]
    assert [petra.get(address).status_code for address in addresses] == [200, 200, 200]
    drafting.move_step(engagement, ReportingStep.CLIENT_REVIEW, by=f.people(engagement)["milan"])
    assert [carla.get(address).status_code for address in addresses] == [200, 200, 200]
    assert b"What stands in the way" not in carla.get(url("report", engagement)).content
    pdf = carla.get(addresses[1])
    assert pdf["Content-Type"] == "application/pdf"
    assert pdf["Content-Disposition"].startswith("attachment")
    assert pdf["Cache-Control"] == "private, no-store"
    assert carla.get(url("draft_page", engagement, draft.number, 99)).status_code == 404


def test_asking_for_a_draft_shows_its_progress() -> None:
    engagement = m.in_scope()
    milan = as_("milan", engagement)
    milan.post(url("request_draft", engagement))
    milan.post(url("request_draft", engagement))
    draft = Report.objects.get()
    poll = url("draft_progress", engagement, draft.number)
    assert poll.encode() in milan.get(url("report", engagement)).content
    assert b"hx-get" in milan.get(poll).content
    assert "HX-Trigger" not in milan.get(poll)
    assert draft.job_id is not None
    run(draft.job_id)
    ended = milan.get(poll)
    assert b"hx-get" not in ended.content
    assert ended["HX-Trigger"] == "job-ended", "the list of drafts says Ready at once"
    assert as_("carla", engagement).get(poll).status_code == 403


def test_issuing_on_the_page_asks_for_word_and_password() -> None:
    draft = m.ready()
    engagement = draft.engagement
    petra, page = as_("petra", engagement), url("issue", engagement)
    assert b'data-dialog="issue"' in petra.get(url("report", engagement)).content
    assert as_("milan", engagement).post(page, {}).status_code == 403
    for form in ({"confirm": "issue", "password": "guess"}, {"confirm": "", "password": f.PASSWORD}):
        assert petra.post(page, {"draft": draft.pk, **form}).status_code == 422
    assert not Issuance.objects.exists()
    assert petra.post(page, {"draft": draft.pk, "confirm": "issue", "password": f.PASSWORD}).status_code == 302
    assert b"Rendering the final report" in petra.get(url("report", engagement)).content
    issuance = Issuance.objects.get()
    assert as_("carla", engagement).get(url("issued_pdf", engagement)).status_code == 404
    assert issuance.job_id is not None
    run(issuance.job_id)
    for key in ("petra", "carla"):
        client = as_(key, engagement)
        for name in ("report", "issued", "issued_pdf"):
            assert client.get(url(name, engagement)).status_code == 200
        assert client.get(url("issued_page", engagement, 1))["Content-Type"] == "image/png"
    # What is final offers no form, at whatever address somebody has kept.
    for key, name, more, back in (
        ("petra", "draft_letter", (), "engagements:letter"),
        ("petra", "amend_letter", (), "engagements:letter"),
        ("petra", "add_matter", (), "reports:opinion"),
        ("petra", "add_paragraph", (), "reports:opinion"),
        ("sig", "sign_statement", ("assertion",), "reports:statements"),
    ):
        answer = as_(key, engagement).get(url(name, engagement, *more), follow=True)
        assert answer.redirect_chain == [(reverse(back, args=[engagement.pk]), 302)]
        assert "The report is issued: nothing in this engagement can change any more." in answer.content.decode()


def test_what_waits_for_whom() -> None:
    engagement = m.in_scope()
    who = f.people(engagement)

    def waits(key: str) -> list[str]:
        looks = waiting._LOOKS
        mine = [look for look in looks if look.__module__ == "reports.waiting"]
        return [one.text for look in mine for one in look(who[key])]

    assert waits("carla") == ["Start the system description"]
    assert waits("petra") == ["Form the opinion: 3 of 3 limbs are open"]
    description.start(engagement, by=who["carla"])
    assert waits("sig") == ["Complete the system description"]
    m.described(engagement)
    assert waits("sig") == ["Sign: management's assertion"]
    assert waits("carla") == []
    m.concluded(engagement)
    assert waits("petra") == []
    assert len(waits("sig")) == 3


def test_the_report_page_asks_as_much_with_forty_controls_as_with_one(
    django_assert_max_num_queries: Any,
) -> None:
    engagement = m.in_scope()
    petra = as_("petra", engagement)
    petra.get(url("opinion", engagement))
    for number in range(40):
        Control.objects.create(
            engagement=engagement, number=f"X-{number}", title="T", wording="W", nature="M", frequency="E"
        )
    with django_assert_max_num_queries(45):
        petra.get(url("opinion", engagement))


def test_a_warning_is_passed_from_the_page_of_the_report() -> None:
    draft = m.ready()
    engagement = Engagement.objects.get(pk=draft.engagement_id)
    LikenessCheck.objects.create(
        engagement=engagement,
        draft=draft,
        content_sha256=draft.content_sha256,
        compared=1,
        found=[{"section": "controls", "words": 900, "share": 990, "engagement": "2026-0001", "passages": []}],
    )
    way = reverse("engagements:override", args=[engagement.pk])
    here = url("report", engagement)
    page = as_("petra", engagement).get(here)
    assert not page.context["may_issue"]
    (row,) = page.context["standing"]
    assert row["rule"] == "R45"
    assert row["override_url"].startswith(f"{way}?step=issue&rule=R45&")
    assert row["override_url"].replace("&", "&amp;") in page.content.decode()
    assert way not in as_("quinn", engagement).get(here).content.decode()
    answer = as_("petra", engagement).post(row["override_url"], {"reason": "Controls of the firm's library."})
    assert answer["Location"] == here
    page = as_("petra", engagement).get(here)
    assert page.context["may_issue"]
    # Who issues sees it in the act, and the reviewer on the page.
    assert "Gone past with a reason: R45 by Petra" in page.content.decode()
    assert "Controls of the firm&#x27;s library." in as_("quinn", engagement).get(here).content.decode()
