"""This app's entries in the side navigation."""

from engagements.frame import section

section("description", "Description", "reports:description", position=20, needs=("see_description",))
section("statements", "Assertion and letters", "reports:statements", position=21, needs=("see_description",))
section("opinion", "Opinion", "reports:opinion", position=22, needs=("see_fieldwork",))
section("report", "Report", "reports:report", position=23, needs=("see_report",))
