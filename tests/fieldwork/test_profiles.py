"""The firm's sampling profile: written, proposed, approved by somebody else; its versions and their differences."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import FirmMember, User
from fieldwork import profiles, reference, sampling, sizes
from fieldwork.models import SamplingProfile
from tests import factories as f
from tests.fieldwork import makers

State = SamplingProfile.State
SIZE = st.integers(1, 500)
THREE = st.lists(SIZE, min_size=3, max_size=3).map(sorted)


@pytest.fixture
def petra(db: None) -> User:
    return f.partner_of(f.firm(), "petra", "Petra Alder")


@pytest.fixture
def approved(petra: User) -> SamplingProfile:
    return makers.profile()


def changed(base: SamplingProfile, by: User, annual: Any = 2) -> SamplingProfile:
    draft = profiles.write(f.firm(), base, by)
    new = {**draft.sizes, "by_frequency": {**draft.sizes["by_frequency"], "annual": annual}}
    return profiles.edit(f.firm(), draft, name=draft.name, note="One more of the annual ones.", sizes=new, by=by)


def staff(key: str = "sana", *, admin: bool = False) -> User:
    user = f.person(key)
    FirmMember.objects.update_or_create(firm=f.firm(), user=user, defaults={"is_admin": admin})
    return user


class TestApproval:
    def test_a_new_version_retires_the_one_before_and_samples_keep_theirs(
        self, approved: SamplingProfile, petra: User
    ) -> None:
        engagement = makers.at_fieldwork()
        before = makers.sample(engagement, makers.control(engagement))
        draft = profiles.propose(f.firm(), changed(approved, staff()), staff())
        made = profiles.approve(f.firm(), draft, petra)
        approved.refresh_from_db()
        assert (made.version, made.state, approved.state) == (2, State.APPROVED, State.RETIRED)
        assert SamplingProfile.objects.approved_for(f.firm()) == made
        before.refresh_from_db()
        assert before.profile == approved

    def test_not_by_its_author_where_there_is_another_administrator(
        self, approved: SamplingProfile, petra: User
    ) -> None:
        draft = profiles.propose(f.firm(), changed(approved, petra), petra)
        other = staff("milan", admin=True)
        with pytest.raises(ValidationError, match="another administrator"):
            profiles.approve(f.firm(), draft, petra)
        FirmMember.objects.filter(user=other).update(is_admin=False)
        assert profiles.approve(f.firm(), draft, petra).approved_by == petra

    def test_only_by_an_administrator_and_only_what_is_proposed(
        self, approved: SamplingProfile, petra: User
    ) -> None:
        draft = changed(approved, staff())
        with pytest.raises(ValidationError, match="only what is proposed"):
            profiles.approve(f.firm(), draft, petra)
        with pytest.raises(PermissionDenied):
            profiles.approve(f.firm(), profiles.propose(f.firm(), draft, staff()), staff())

    def test_returned_with_a_reason_it_is_worked_on(self, approved: SamplingProfile, petra: User) -> None:
        draft = profiles.propose(f.firm(), changed(approved, staff()), staff())
        with pytest.raises(ValidationError, match="does not change any more"):
            profiles.edit(f.firm(), draft, name="N", note="N", sizes=draft.sizes, by=staff())
        with pytest.raises(ValidationError, match="Say why"):
            profiles.return_(f.firm(), draft, reason=" ", by=petra)
        draft = profiles.return_(f.firm(), draft, reason="Weekly too.", by=petra)
        assert (draft.state, draft.returned_reason) == (State.DRAFT, "Weekly too.")
        profiles.discard(f.firm(), draft, staff())
        assert not SamplingProfile.objects.filter(pk=draft.pk).exists()

    def test_without_a_change_or_its_reason_nothing_is_proposed(self, approved: SamplingProfile) -> None:
        draft = profiles.write(f.firm(), approved, staff())
        with pytest.raises(ValidationError, match="nothing to approve"):
            profiles.propose(f.firm(), draft, staff())

    def test_what_was_approved_never_changes(self, approved: SamplingProfile) -> None:
        for change in ({"sizes": {}}, {"version": 9}, {"state": "draft"}):
            with pytest.raises(DatabaseError), transaction.atomic():
                SamplingProfile.objects.filter(pk=approved.pk).update(**change)
        with pytest.raises(DatabaseError), transaction.atomic():
            SamplingProfile.objects.filter(pk=approved.pk).delete()

    def test_another_firms_profile_is_not_touched(self, approved: SamplingProfile) -> None:
        olga = f.partner_of(f.firm("Ostrom CPA"), "olga", "Olga Ostrom")
        with pytest.raises(PermissionDenied):
            profiles.write(f.firm("Ostrom CPA"), approved, olga)
        with pytest.raises(SamplingProfile.DoesNotExist):
            profiles.approve(f.firm("Ostrom CPA"), approved, olga)


class TestSizes:
    def test_every_shipped_profile_is_in_the_one_form(self) -> None:
        for name, shipped in json.loads(reference.DATA.read_text()).items():
            checked = sizes.checked(shipped)
            for key in ("by_frequency", "event_population", "share"):
                assert checked.get(key) == shipped.get(key), name
            assert sizes.lines(checked)

    def test_the_shipped_file_can_be_imported(self, petra: User) -> None:
        made = profiles.import_file(f.firm(), reference.DATA.read_bytes(), petra)
        assert [one.state for one in made] == ["draft"] * 5
        assert made[0].sizes["by_frequency"]["daily"] == [15, 25, 40]

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ([], "is an object"),
            ({}, "no sizes"),
            ({"by_frequency": {"hourly": 3}}, "'hourly' is no frequency"),
            ({"by_frequency": {"daily": 0}}, "Daily: one size"),
            ({"by_frequency": {"daily": "all"}}, "Daily: one size"),
            ({"by_frequency": {"daily": [25, 15, 40]}}, "not tested with fewer"),
            ({"by_frequency": {"daily": [1, 2]}}, "Daily: one size"),
            ({"by_frequency": {"daily": True}}, "Daily: one size"),
            ({"event_population": [{"max": 10, "n": "all"}]}, "last row for events"),
            ({"event_population": [{"max": 10, "n": 3}, {"max": 5, "n": 3}, {"max": None, "n": 9}]}, "larger"),
            ({"event_population": [{"max": None, "n": ["all", 5, 6]}]}, "not tested with fewer"),
            ({"share": {"percent": 200, "min": 3, "max": 30}}, "at most 100 percent"),
            ({"share": {"percent": 10}}, "whole numbers"),
        ],
    )
    def test_what_is_wrong_is_said(self, given: Any, words: str) -> None:
        with pytest.raises(ValidationError, match=words):
            sizes.checked(given)

    def test_the_differences_of_two_versions(self) -> None:
        before = {"by_frequency": {"annual": 1, "daily": [15, 25, 40]}, "event_population": [{"max": None, "n": 9}]}
        after = {"by_frequency": {"annual": [1, 1, 2], "weekly": 5}, "event_population": [{"max": None, "n": 9}]}
        assert [(one.name, one.before, one.after) for one in sizes.changes(before, after)] == [
            ("Annual", (1, 1, 1), (1, 1, 2)),
            ("Weekly", None, (5, 5, 5)),
            ("Daily", (15, 25, 40), None),
        ]

    @pytest.mark.parametrize(("population", "size"), [(5, 3), (29, 3), (31, 4), (120, 12), (299, 30), (9_000, 30)])
    def test_a_share_of_the_population(self, population: int, size: int) -> None:
        profile = {"share": {"percent": 10, "min": 3, "max": 30}}
        assert sampling.propose_size(profile, "E", population, "normal").size == size

    @settings(max_examples=60, deadline=None)
    @given(st.dictionaries(st.sampled_from(list(sizes.FREQUENCIES)), SIZE | THREE, min_size=1))
    def test_checking_changes_nothing_that_is_right(self, by_frequency: dict[str, Any]) -> None:
        given_sizes = {"by_frequency": by_frequency}
        assert sizes.checked(given_sizes) == given_sizes
        assert sizes.changes(given_sizes, sizes.checked(given_sizes)) == []


class TestPages:
    def test_from_a_copy_to_approval(self, client: Client, approved: SamplingProfile, petra: User) -> None:
        client.force_login(staff())
        edit = client.post(reverse("fieldwork:write_profile", args=[approved.pk]))["Location"]
        page = client.get(edit).content.decode()
        assert 'name="f_daily_normal" id="id_f_daily_normal" value="25"' in page
        draft = SamplingProfile.objects.get(state=State.DRAFT)
        sent = fields_of(draft) | {"f_daily_normal": "30", "note": "Daily ones were too few."}
        bad = client.post(edit, sent | {"f_daily_low": "99"})
        assert bad.status_code == 422
        assert "not tested with fewer" in bad.content.decode()
        client.post(edit, sent)
        draft.refresh_from_db()
        assert draft.sizes["by_frequency"]["daily"] == [15, 30, 40]
        assert [one.name for one in sizes.changes(approved.sizes, draft.sizes)] == ["Daily"]
        client.post(reverse("fieldwork:propose_profile", args=[draft.pk]))
        client.force_login(petra)
        shown = client.get(draft.get_absolute_url()).content.decode()
        assert "Daily ones were too few." in shown
        client.post(reverse("fieldwork:approve_profile", args=[draft.pk]))
        assert SamplingProfile.objects.approved_for(f.firm()) == draft
        overview = client.get(reverse("fieldwork:profile")).content.decode()
        assert "Earlier versions" in overview

    def test_a_file_that_is_no_profile(self, client: Client, petra: User) -> None:
        client.force_login(petra)
        url = reverse("fieldwork:import_profiles")
        for content in (b"{", b"[]", b'{"a": {"by_frequency": {"daily": 0}}}', b"\xff"):
            page = client.post(url, {"file": SimpleUploadedFile("p.json", content)}, follow=True)
            assert page.status_code == 200
        assert not SamplingProfile.objects.filter(firm=f.firm()).exists()


def fields_of(profile: SamplingProfile) -> dict[str, str]:
    """What the form of a profile holds, as a browser would send it."""
    sent = {"name": profile.name, "note": profile.note}
    for code, value in profile.sizes["by_frequency"].items():
        for risk, size in zip(sizes.RISKS, value, strict=True):
            sent[f"f_{code}_{risk}"] = str(size)
    for number, row in enumerate(profile.sizes["event_population"]):
        sent[f"e_{number}_max"] = "more" if row["max"] is None else str(row["max"])
        three = row["n"] if isinstance(row["n"], list) else [row["n"]] * 3
        sent |= {f"e_{number}_{risk}": str(size) for risk, size in zip(sizes.RISKS, three, strict=True)}
    return sent
