"""The six deviations of the issued report, each of another kind."""

from __future__ import annotations

from config.demo_data.work import Finding

FINDINGS: dict[str, Finding] = {
    "IAM-06": Finding(
        attribute="B",
        items=(5, 12, 19),
        notes=(
            "Disabled nine calendar days after the last working day; the policy allows one business day.",
            "Still active on the day of the listing, nineteen days after the contract ended.",
            "Disabled three business days after the last working day.",
        ),
        title="Access of leavers removed late or not removed",
        description="For 3 of the {tested} leavers tested, access was not removed within one business day: two accounts were "
        "disabled three and nine days late, and one account of a support contractor was still active nineteen days "
        "after the contract had ended.",
        cause="Leaver tickets were raised by hand by the People team. For contractors no one was responsible, and "
        "tickets raised late on a Friday were worked on only after the weekend.",
        type="systematic",
        extent="Three of {tested} leavers over three quarters of the period, two employees and one contractor.",
        evaluation="The rate in the sample and its upper limit exceed the tolerable rate. Access reviews (IAM-08) would have "
        "found the accounts only weeks later, and one of the four reviews was not performed, so they do not compensate.",
        effect="criterion_failed",
        failed=("CC6.2",),
    ),
    "IAM-08": Finding(
        attribute="",
        items=(),
        notes=(),
        title="One of four quarterly access reviews not performed",
        description="The listing of access reviews shows three of the four quarterly reviews expected in the period: the "
        "review of the second quarter was not performed. No exception was noted in the quarters tested.",
        cause="The owner of the task was on leave and no deputy was named.",
        type="isolated",
        extent="One occurrence of four; the quarters before and after were reviewed in full.",
        evaluation="A missing quarter is not a late one. Privileged access, where the risk is highest, was reviewed in "
        "all four quarters under IAM-09.",
        effect="compensated",
        compensating="IAM-09",
    ),
    "CHG-01": Finding(
        attribute="B",
        items=(17,),
        notes=("Merged by its author, an administrator, without a second reviewer.",),
        title="A change merged without a second reviewer",
        description="For 1 of the {tested} merged changes tested, author and reviewer were the same person: an administrator "
        "merged an urgent fix during an outage. The change had a ticket, and its tests had passed.",
        cause="Administrators had the right to bypass the protection of the main branch during an outage.",
        type="isolated",
        extent="One change of {tested}. The audit log of the source control system shows two bypasses in the period; the "
        "other one was reviewed on the next day.",
        evaluation="All bypasses of the period were examined. Tests and ticket were in place, and a review afterwards "
        "found no fault in the change.",
        effect="control_effective",
        softer_reason="All two bypasses of the period were inspected beside the sample: the deviation is confined to "
        "the one change, and branch protection (CHG-02) held for the rest.",
    ),
    "VUL-02": Finding(
        attribute="A",
        items=(8, 21),
        notes=(
            "High severity, closed on day 35; the policy allows 30.",
            "Medium severity, closed on day 102; the policy allows 90. No exception was approved.",
        ),
        title="Two vulnerabilities remediated after their due date",
        description="Of the findings tested, two were remediated late: one of high severity five days and one of medium "
        "severity twelve days after the date that the policy allows. Neither had an approved exception.",
        cause="Both lay in a component that was being replaced; the team waited for the replacement.",
        type="isolated",
        extent="Two findings in one component. All others were closed in time.",
        evaluation="Late is not absent: both were known, tracked and closed. The monthly scans (VUL-01) and patch rounds "
        "(VUL-04) operated without exception.",
        effect="compensated",
        compensating="VUL-01",
    ),
    "HR-03": Finding(
        attribute="B",
        items=(3, 9),
        notes=(
            "Completed on day 44; due within thirty days.",
            "Completed on day 37; due within thirty days.",
        ),
        title="Security training completed late by two joiners",
        description="Of the joiners tested, two completed the security awareness training after the thirty days that the "
        "policy allows, on day 37 and on day 44.",
        cause="The training system was replaced in the month in which both joined; invitations went out late.",
        type="isolated",
        extent="Two joiners of the same month. Joiners of all other months were trained in time.",
        evaluation="Both had signed policies and received their onboarding on the first day, and neither had access to "
        "production before the training was completed (IAM-05).",
        effect="compensated",
        compensating="IAM-05",
    ),
    "BCP-03": Finding(
        attribute="A",
        items=(14,),
        notes=("The backup failed and was repeated on the next day; the alert was not acknowledged on the day.",),
        title="A failed backup handled on the next day",
        description="For 1 of the {tested} days tested, the daily backup failed and its failure was handled on the next day "
        "instead of the same day. The backup was then repeated and succeeded.",
        cause="The alert went to an engineer whose shift had ended and was not repeated.",
        type="isolated",
        extent="One day of {tested}. The log of the period shows two failed backups, the other handled within the hour.",
        evaluation="Replicas in two zones held the data throughout, and all quarterly restore tests (BCP-04) succeeded.",
        effect="compensated",
        compensating="BCP-04",
    ),
}
