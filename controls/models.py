"""The criteria by number with our own paraphrases, and the library of usual controls."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import Firm


class Category(models.TextChoices):
    """Trust services categories; Security brings the common criteria."""

    SECURITY = "security", "Security"
    AVAILABILITY = "availability", "Availability"
    CONFIDENTIALITY = "confidentiality", "Confidentiality"
    PROCESSING_INTEGRITY = "processing_integrity", "Processing integrity"
    PRIVACY = "privacy", "Privacy"


class Nature(models.TextChoices):
    MANUAL = "M", "Manual"
    AUTOMATED = "A", "Automated"
    MANUAL_WITH_REPORT = "MI", "Manual with system report"


class Frequency(models.TextChoices):
    """How often a control operates. The codes are those of the library file and of the sampling profiles."""

    ANNUAL = "A", "Annual"
    SEMIANNUAL = "SA", "Semi-annual"
    QUARTERLY = "Q", "Quarterly"
    MONTHLY = "M", "Monthly"
    SEMIMONTHLY = "SM", "Semi-monthly"
    WEEKLY = "W", "Weekly"
    DAILY = "D", "Daily"
    MULTIPLE_DAILY = "MD", "Many a day"
    EVENT = "E", "On event"
    EVENT_AND_ANNUAL = "E+A", "On event and annual"
    CONTINUOUS = "C", "Continuous configuration"


class CriterionQuerySet(models.QuerySet["Criterion"]):
    def in_scope(self, categories: list[str]) -> CriterionQuerySet:
        """The criteria of an examination of these categories (domain rule R12)."""
        return self.filter(category__in=categories)


class Criterion(models.Model):
    """One of the 61 trust services criteria: number and paraphrase of ours, never the AICPA's wording."""

    code = models.CharField(max_length=8, primary_key=True)
    category = models.CharField(max_length=24, choices=Category.choices)
    series = models.CharField(max_length=8)
    series_title = models.CharField(max_length=80)
    title = models.CharField(max_length=120)
    paraphrase = models.TextField()
    coso_principle = models.PositiveSmallIntegerField(null=True, blank=True)
    points_of_focus = models.PositiveSmallIntegerField(null=True, blank=True)
    position = models.PositiveSmallIntegerField(unique=True)

    objects = CriterionQuerySet.as_manager()

    class Meta:
        ordering = ["position"]
        verbose_name_plural = "criteria"

    def __str__(self) -> str:
        return self.code


class LibraryControlQuerySet(models.QuerySet["LibraryControl"]):
    def of_firm(self, firm: Firm) -> LibraryControlQuerySet:
        """What ships with the product and what the firm added."""
        return self.filter(Q(firm=None) | Q(firm=firm))


class LibraryControl(models.Model):
    """A usual control with the evidence it leaves and the test it suggests."""

    firm = models.ForeignKey(Firm, null=True, blank=True, on_delete=models.CASCADE, related_name="library")
    code = models.CharField(max_length=20)
    title = models.CharField(max_length=200)
    nature = models.CharField(max_length=2, choices=Nature.choices)
    frequency = models.CharField(max_length=4, choices=Frequency.choices)
    evidence = models.TextField("typical evidence")
    test = models.TextField("typical test")
    criteria = models.ManyToManyField(Criterion, related_name="library_controls")

    objects = LibraryControlQuerySet.as_manager()

    class Meta:
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(
                fields=["firm", "code"], nulls_distinct=False, name="library_code_once_per_firm"
            )
        ]

    def __str__(self) -> str:
        return self.code


class LibraryAttribute(models.Model):
    """One thing that the usual test of a library control looks at in every item: a suggestion to begin with."""

    control = models.ForeignKey(LibraryControl, on_delete=models.CASCADE, related_name="attributes")
    letter = models.CharField(max_length=2)
    title = models.CharField(max_length=60)
    pass_rule = models.TextField()
    evidence = models.TextField("evidence expected", blank=True)

    class Meta:
        ordering = ["letter"]
        constraints = [models.UniqueConstraint(fields=["control", "letter"], name="library_letter_once")]

    def __str__(self) -> str:
        return f"{self.control} {self.letter}"
