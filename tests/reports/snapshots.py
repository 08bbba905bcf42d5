"""Content snapshots for tests and for the bench, without a database.

`type_2()` and `type_1()` are small and unmodified. `qualified`, `adverse`, `disclaimed` turn a limb of a
snapshot; `full()` is a report of ordinary size (some 80 controls) and `full(400)` a very large one. All names
are made up.
"""

# ruff: noqa: E501 - prose

from __future__ import annotations

import csv
from collections.abc import Iterable
from typing import cast

from controls import reference
from reports.content import (
    FORMAT,
    Category,
    Cause,
    Component,
    Conclusion,
    Control,
    Criterion,
    Deviation,
    Effect,
    Limb,
    Matter,
    Response,
    Result,
    Snapshot,
    Subservice,
    Test,
    TestKind,
    validate,
)

CLIENT = "Lakeshore Ledger, Inc."
PERIOD = ("2025-10-01", "2026-09-30")
AS_OF = "2026-06-30"
CODES: dict[str, Category] = {
    "Security (common)": "security",
    "Availability": "availability",
    "Confidentiality": "confidentiality",
    "Processing integrity": "processing_integrity",
    "Privacy": "privacy",
}
NATURE = {"M": "Manual", "A": "Automated", "MI": "Manual with system report"}
FREQUENCY = {
    "A": "Annual",
    "SA": "Semi-annual",
    "Q": "Quarterly",
    "M": "Monthly",
    "W": "Weekly",
    "D": "Daily",
    "MD": "Many a day",
    "E": "On event",
    "E+A": "On event and annual",
    "C": "Continuous configuration",
}
# Occurrences in a year and items tested, as a firm's profile might say.
SIZES = {"A": (1, 1), "SA": (2, 2), "Q": (4, 2), "M": (12, 3), "W": (52, 8), "D": (365, 25), "MD": (1846, 40)}
TEAMS = (
    "Security",
    "Platform Engineering",
    "People Operations",
    "Finance Systems",
    "Customer Support",
    "Compliance",
)
EVENTS = ("requests", "departures", "changes", "incidents", "contracts", "joiners", "tickets")

SHORT_LIST = ("CC1.1", "CC6.2", "CC6.3", "CC8.1", "A1.2")
SHORT_CONTROLS = ("GOV-01", "GOV-02", "IAM-05", "IAM-06", "IAM-08", "CHG-01", "BCP-03")


def criteria(categories: Iterable[Category] = ("security", "availability")) -> list[Criterion]:
    """The criteria of the categories, from the project's own reference data."""
    rows = []
    for row in reference._rows("criteria.csv"):
        series, _, title = row["series"].partition(" ")
        if CODES[row["category"]] in categories:
            rows.append(
                Criterion(
                    code=row["id"],
                    category=CODES[row["category"]],
                    series=series,
                    series_title=title or reference._SERIES_TITLES[series],
                    title=row["short_title"],
                    paraphrase=row["paraphrase"],
                    relevant=True,
                    reason="",
                )
            )
    return rows


def a_control(
    number: str, title: str, codes: list[str], nature: str, frequency: str, evidence: str, at: int
) -> Control:
    team = TEAMS[at % len(TEAMS)]
    how = {"A": "runs without manual steps and is configured by", "MI": "is performed on a system report by"}
    wording = (
        f"{title}. The control {how.get(nature, 'is performed by')} the {team} team; "
        f"{evidence[:1].lower() + evidence[1:]} are kept as its record for at least fourteen months."
    )
    return Control(
        number=number,
        title=title,
        wording=wording,
        nature=NATURE[nature],
        frequency=FREQUENCY.get(frequency, "On event"),
        criteria=codes,
        tests=[],
        result=None,
        reason="",
    )


def a_test(
    control: Control, at: int, *, number: int = 1, kinds: list[TestKind] | None = None, evidence: str = ""
) -> Test:
    frequency = next((code for code, name in FREQUENCY.items() if name == control["frequency"]), "E")
    population, items = SIZES.get(frequency, (12 + 7 * (at % 23), 25 if at % 2 else 8))
    unit = EVENTS[at % len(EVENTS)] if frequency in ("E", "E+A") else "occurrences"
    if frequency == "C":
        procedure = (
            "Inspected the configuration in each system in scope as of two dates in the period and compared it "
            f"with the control as stated; read the log of configuration changes between these dates ({evidence})."
        )
        population = items = None  # type: ignore[assignment]
        unit = ""
    else:
        procedure = (
            f"For a selection of {unit} in the period, inspected {evidence[:1].lower() + evidence[1:]} and compared "
            "who acted, when, and on what with the control as stated."
        )
    return Test(
        id=f"{control['number']}.{number}",
        kinds=kinds or ["inquiry", "inspection"],
        procedure=procedure,
        population=population,
        unit=unit,
        items_tested=items,
        deviations=0 if items else None,
        result="no_exceptions",
        result_text="",
        reason="",
        deviation_codes=[],
    )


def library(codes: Iterable[str], numbers: Iterable[str] | None = None, *, type_2: bool = True) -> list[Control]:
    """Controls of the project's library that meet these criteria."""
    codes, numbers = set(codes), set(numbers or ())
    found = []
    with (reference.DATA / "library.csv").open(encoding="utf-8", newline="") as file:
        for at, row in enumerate(csv.DictReader(file)):
            met = [code for code in row["criteria"].split() if code in codes]
            if not met or (numbers and row["id"] not in numbers):
                continue
            nature, evidence = row["nature"].split("/")[0], row["typical_evidence"]
            one = a_control(row["id"], row["title"], met, nature, row["frequency"], evidence, at)
            if type_2:
                one["tests"] = [a_test(one, at, evidence=evidence)]
                if at % 6 == 2:
                    more = a_test(one, at, number=2, kinds=["reperformance"], evidence=evidence)
                    more["procedure"] = (
                        "Repeated the control for two of the items with the source data of the day and compared "
                        "our outcome with the recorded one."
                    )
                    one["tests"].append(more)
            found.append(one)
    return found


def deviation(
    code: str,
    control: Control,
    title: str,
    found: str,
    numbers: tuple[int, int],
    cause: str,
    effect: Effect = "control_effective",
    unit: str = "",
    **more: object,
) -> Deviation:
    """An exception, put into the first test of its control too."""
    first = control["tests"][0]
    first["items_tested"], first["deviations"] = numbers
    first["population"] = max(first["population"] or 0, numbers[0] + 16)
    first["unit"] = unit or first["unit"]
    first["result"] = "exceptions"
    first["result_text"] = found
    first["deviation_codes"] = [*first["deviation_codes"], code]
    data = {
        "code": code,
        "title": title,
        "control": control["number"],
        "criteria": control["criteria"],
        "found": found,
        "items_tested": numbers[0],
        "deviations": numbers[1],
        "unit": first["unit"],
        "cause": cause,
        "one_cause": [],
        "type": "isolated",
        "extent": "",
        "evaluation": "",
        "effect": effect,
        "failed_criteria": [],
        "commitments": [],
        "compensating_control": None,
        "trace": {"test": first["id"], "items": ["0007", "0019"], "evidence": ["E-0112", "E-0113"]},
        "response": None,
        **more,
    }
    return cast(Deviation, data)


def response(text: str) -> Response:
    return Response(text=text, by="Noor Haddad", title="Chief Information Security Officer", date="2026-11-09")


def subservices() -> list[Subservice]:
    return [
        {
            "name": "Stratus Harbor Hosting LLC",
            "services": "Hosting of the production environment in two regions, including physical security of the sites",
            "method": "carve_out",
            "criteria": ["CC6.3", "A1.2"],
            "csocs": [
                {
                    "code": "CSOC-1",
                    "text": "Entry to the data centers is limited to authorized persons and is logged.",
                    "criteria": ["CC6.3"],
                },
                {
                    "code": "CSOC-2",
                    "text": "Power, cooling, and fire protection are maintained and tested.",
                    "criteria": ["A1.2"],
                },
            ],
            "monitoring": ["BCP-03"],
            "report_period": {"start": "2025-07-01", "end": "2026-06-30"},
            "assertion": "",
            "signatory": "",
        }
    ]


def components() -> list[Component]:
    rows: list[tuple[str, str, str, bool, str]] = [
        ("infrastructure", "Clusters and databases", "Managed clusters, relational databases with replicas, object storage", True, "Holds and processes customers’ books"),
        ("infrastructure", "Corporate network", "Office network in Portland", False, "No production access from it"),
        ("software", "Ledger application", "Bookkeeping, reconciliation, and reporting for customers", True, ""),
        ("software", "Identity provider", "Single sign-on with multi-factor authentication", True, "Enforces access"),
        ("people", "Engineering, support, security", "112 persons at the end of the period", True, "Operate controls"),
        ("data", "Customer books", "Journals, documents, bank statements", True, "Designated confidential"),
        ("procedures", "Operating procedures", "Access, change, incident, and recovery procedures", True, ""),
    ]  # fmt: skip
    return [
        Component(kind=kind, name=name, description=text, in_boundary=inside, reason=reason)  # type: ignore[typeddict-item]
        for kind, name, text, inside, reason in rows
    ]


TEXTS = {
    "DC1": "Lakeshore Ledger keeps the books of about 1,900 small and middle-sized businesses in **Ledger Cloud**, a "
    "service reached by browser and by interface.\n\nThe service comprises:\n\n- bookkeeping with automatic matching "
    "of bank statements;\n- reconciliation and month-end close; and\n- reports for owners, lenders, and advisers.",
    "DC2": "The commitments below are made to customers in the master agreement and its service level schedule; the "
    "requirements follow from them, from law, and from policies.",
    "DC3": "The boundary of the system is drawn around everything that stores, processes, or transmits customers’ "
    "books, and the people and procedures that run it.\n\n#### How a request travels\n\nA request enters through the "
    "web gateway, is authenticated by the identity provider, and is served by the ledger application; its data are "
    "written to the primary database and copied to the second region within a minute.",
    "DC4": "Incidents are classified by the incident procedure. An incident is disclosed here when it came from "
    "controls that were not suitably designed or did not operate, or led to a significant failure to meet a commitment.",
    "DC5": "The controls were chosen by a yearly risk assessment that considers fraud, change, and vendors.",
    "DC6": "The controls were designed on the assumption that user entities operate the following controls.",
    "DC7": "The organizations below are subservice organizations, as their controls are needed, with our own, to meet "
    "our commitments. Other vendors are managed by the vendor procedure and are not named.",
    "DC8": "",
    "DC9": "Changes are described when a reader would consider them significant.",
}
TITLES = {
    "DC1": "Services provided",
    "DC2": "Service commitments and system requirements",
    "DC3": "Components of the system",
    "DC4": "Incidents",
    "DC5": "Criteria and related controls",
    "DC6": "Complementary user entity controls",
    "DC7": "Subservice organizations",
    "DC8": "Criteria not relevant to the system",
    "DC9": "Significant changes in the period",
}


def snapshot(
    kind: int,
    shown: list[Criterion],
    controls: list[Control],
    categories: list[Category],
) -> Snapshot:
    """An unmodified report over these criteria and controls, with every register filled but the exceptions."""
    type_2 = kind == 2
    data: Snapshot = {
        "format": FORMAT,
        "report": {"number": "2026-0147", "type": 2 if type_2 else 1, "addressee": "", "section_four": "criterion"},
        "firm": {
            "name": "Marlowe & Finch LLP",
            "city": "Portland",
            "state": "Oregon",
            "license": "Oregon license 4711",
            "peer_review": "Last peer review accepted March 14, 2025",
        },
        "client": {"legal_name": CLIENT, "short_name": "Lakeshore Ledger"},
        "system": {"name": "Ledger Cloud", "description_title": "Description of the Ledger Cloud system"},
        "as_of": None if type_2 else AS_OF,
        "period": {"start": PERIOD[0], "end": PERIOD[1]} if type_2 else None,
        "dates": {
            "report": "2026-11-20" if type_2 else "2026-08-14",
            "engagement_letter": "2025-09-12",
        },
        "categories": categories,
        "editions": {
            "criteria": "TSP section 100, 2017 (points of focus revised 2022)",
            "description": "DC section 200, 2018 (implementation guidance revised 2022)",
        },
        "criteria": shown,
        "controls": controls,
        "deviations": [],
        "subservices": subservices(),
        "cuecs": [
            {
                "code": "CUEC-1",
                "text": "User entities tell Lakeshore Ledger without delay which of their users have left.",
                "criteria": ["CC6.2", "CC6.3"],
            },
            {
                "code": "CUEC-2",
                "text": "User entities protect the credentials of their own interfaces.",
                "criteria": ["CC6.3"],
            },
        ],
        "user_responsibilities": ["Users review the reconciliation report that they receive each month."],
        "components": components(),
        "commitments": [
            {
                "kind": "commitment",
                "category": "availability",
                "text": "The service is available 99.9 percent of each calendar month, announced maintenance aside.",
                "source": "Master agreement, schedule 2",
            },
            {
                "kind": "requirement",
                "category": "security",
                "text": "Access to customers’ books is granted by role and removed within one day of departure.",
                "source": "Access policy, section 4",
            },
        ],
        "incidents": [
            {
                "date": "2026-02-11" if type_2 else AS_OF,
                "title": "Delayed reports",
                "text": "A faulty release delayed month-end reports of 41 customers by nine hours. It was rolled back, "
                "the customers were told the same day, and the release checklist was extended.",
                "disclosed": True,
                "reason": "Significant failure to meet a commitment",
            },
            {
                "date": "2026-03-02" if type_2 else AS_OF,
                "title": "Phishing message reported",
                "text": "No account was affected.",
                "disclosed": False,
                "reason": "No control failed and no commitment was missed",
            },
        ],
        "changes": [
            {
                "date": "2026-04-18",
                "title": "Second region",
                "text": "The service now runs in a second region, to which the service fails over within an hour.",
            }
        ]
        if type_2
        else [],
        "statements": {"no_incidents": "", "no_changes": ""},
        "description": [
            {"code": code, "title": TITLES[code], "text": text}
            for code, text in TEXTS.items()
            if code != "DC9" or type_2
        ],
        "assertion": {
            "text": "",
            "modifications": "",
            "signatory": "Ines Okafor",
            "signatory_title": "Chief Executive Officer",
            "date": "2026-11-18" if type_2 else "2026-08-12",
            "signed_at": "2026-11-18T16:20:00Z" if type_2 else "2026-08-12T16:20:00Z",
        },
        "opinion": {
            "limbs": [
                {"limb": limb, "conclusion": "unmodified", "matters": []}
                for limb in (("description", "design", "operating") if type_2 else ("description", "design"))
            ],
            "matters": [],
        },
        "paragraphs": [],
        "other_information": "",
        "specified_parties": ["Lakeshore Ledger itself", "user entities of the Ledger Cloud system", "regulators"],
        "procedures": {
            "sampling": "Attribute sampling, normal risk, edition 3 of January 2026",
            "sizes": [
                {"occurrences": "Annual", "items": "1"},
                {"occurrences": "Quarterly", "items": "2"},
                {"occurrences": "Monthly", "items": "3"},
                {"occurrences": "Daily", "items": "25"},
                {"occurrences": "Event populations of more than 50", "items": "25"},
            ]
            if type_2
            else [],
            "listings": [
                {
                    "code": "P-01",
                    "name": "Departures in the period",
                    "source": "Personnel system, query “leavers”",
                    "rows": 41,
                    "evaluation": "Query inspected; row count agreed to the system; five payroll terminations traced "
                    "to the listing.",
                    "controls": [controls[0]["number"]],
                }
            ]
            if type_2
            else [],
            "others": "",
        },
        "wording": [],
    }
    return data


def type_2() -> Snapshot:
    """A small Type 2: five criteria, seven controls, nothing modified, no Section V."""
    shown = [one for one in criteria() if one["code"] in SHORT_LIST]
    data = snapshot(2, shown, library(SHORT_LIST, SHORT_CONTROLS), ["security", "availability"])
    return validate(data)


def type_1() -> Snapshot:
    shown = [one for one in criteria() if one["code"] in SHORT_LIST]
    controls = library(SHORT_LIST, SHORT_CONTROLS, type_2=False)
    data = snapshot(1, shown, controls, ["security", "availability"])
    return validate(data)


def modify(
    data: Snapshot,
    limb: Limb,
    conclusion: Conclusion,
    *,
    cause: Cause = "operation",
    title: str = "Late removal of access",
    basis: str = "For three of the twenty-five departures that we tested, access was removed between three and nine "
    "days late. The control did not operate effectively throughout the period.",
    codes: Iterable[str] = ("CC6.2", "CC6.3"),
    controls: Iterable[str] = ("IAM-06",),
    deviations: Iterable[str] = (),
    assertion: str = "Access was not always removed within one day of departure (criteria CC6.2 and CC6.3).",
) -> Snapshot:
    """The snapshot with one more matter, which modifies this limb."""
    number = len(data["opinion"]["matters"]) + 1
    data["opinion"]["matters"].append(
        Matter(
            number=number,
            title=title,
            cause=cause,
            pervasive=conclusion in ("adverse", "disclaimed"),
            basis=basis,
            criteria=list(codes),
            controls=list(controls),
            deviations=list(deviations),
        )
    )
    for one in data["opinion"]["limbs"]:
        if one["limb"] == limb:
            one["conclusion"] = conclusion
            one["matters"].append(number)
    data["assertion"]["modifications"] = assertion
    return data


def find(data: Snapshot, number: str) -> Control:
    return next(one for one in data["controls"] if one["number"] == number)


def with_exceptions(data: Snapshot) -> Snapshot:
    """Two exceptions of different weight, each with management's response."""
    leavers, reviews = find(data, "IAM-06"), find(data, "IAM-08")
    data["deviations"] = [
        deviation(
            "EX-01",
            leavers,
            "Access removed late",
            "For 3 of 25 departures, accounts were disabled three and nine days late, or were still active.",
            (25, 3),
            "The personnel system’s notice was sent to a mailbox that nobody read.",
            "criterion_failed",
            "departures",
            type="systematic",
            failed_criteria=leavers["criteria"],
            response=response("Accounts are now disabled by the personnel system itself on the last day."),
        ),
        deviation(
            "EX-02",
            reviews,
            "One review not performed",
            "One of the four quarterly reviews was not performed.",
            (4, 1),
            "The reviewer was on leave and had no deputy.",
            unit="quarterly reviews",
            response=response("A named deputy now holds the review."),
        ),
    ]
    return data


def qualified() -> Snapshot:
    """A small Type 2 with two exceptions, one of which qualifies operating effectiveness, and a Section V."""
    data = with_exceptions(type_2())
    data["other_information"] = "## Plans\n\nA third region opens in the spring of 2027."
    return modify(data, "operating", "qualified", deviations=["EX-01"])


def full(count: int | None = None) -> Snapshot:
    """A Type 2 of ordinary size over three categories, qualified in one limb, with six exceptions.

    `count` repeats the controls, numbered onwards, until there are that many.
    """
    categories: list[Category] = ["security", "availability", "confidentiality"]
    shown = criteria(categories)
    codes = [one["code"] for one in shown]
    controls = library(codes)
    base = len(controls)
    while count and len(controls) < count:
        source = controls[len(controls) % base]
        round_ = len(controls) // base + 1
        number = f"{source['number']}-{round_}"
        copy = Control({**source, "number": number, "tests": []})
        copy["wording"] = source["wording"].replace("The control", f"For product line {round_}, the control")
        copy["tests"] = [Test({**one, "id": f"{number}.{at}"}) for at, one in enumerate(source["tests"], 1)]
        controls.append(copy)
    data = with_exceptions(snapshot(2, shown, controls, categories))
    outcomes: list[tuple[str, Result, str]] = [
        ("INC-04", "did_not_operate", "No incident in the period required notice to customers or authorities."),
        ("GOV-02", "did_not_operate", "No breach of conduct was reported; the empty case log was inspected."),
        (
            "CHG-04",
            "not_tested",
            "The control was put in place in the last week of the period; its design was tested.",
        ),
    ]
    for number, result, reason in outcomes:
        first = find(data, number)["tests"][0]
        first.update({"result": result, "reason": reason, "items_tested": None, "deviations": None})
        if result == "did_not_operate":
            first["population"] = 0
    provider = find(data, "PHY-02")
    provider.update({"tests": [], "result": "carved_out", "reason": "Performed by Stratus Harbor Hosting LLC."})
    data["subservices"][0]["monitoring"] = ["VND-02"]
    data["subservices"][0]["criteria"] = ["CC6.4", "CC7.2", "A1.2"]
    data["subservices"][0]["csocs"][0]["criteria"] = ["CC6.4"]
    data["deviations"] += [
        deviation(
            "EX-03",
            find(data, "HR-03"),
            "Training completed late",
            "For 2 of 25 persons, the yearly training was completed 11 and 26 days after it was due.",
            (25, 2),
            "Both persons were on parental leave when the reminder was sent.",
            unit="persons",
            response=response("Reminders are now repeated on return from leave."),
        ),
        deviation(
            "EX-04",
            find(data, "VUL-02"),
            "High-severity finding fixed late",
            "One of 25 findings of high severity was fixed after 47 days instead of 30.",
            (25, 1),
            "The fix depended on a vendor’s release.",
            unit="findings",
            evaluation="The web gateway blocked the only known way to exploit it from the second day on.",
        ),
        deviation(
            "EX-05",
            find(data, "CHG-01"),
            "Change without second review",
            "Two of 40 changes were merged by their author without review by another person.",
            (40, 2),
            "An administrator’s account was exempt from branch protection until March 2026.",
            "compensated",
            "changes",
            compensating_control="CHG-03",
            type="systematic",
            extent="All 14 changes merged by that account were inspected; none of the other twelve lacked a review.",
            response=response("The exemption has been removed and its re-creation raises an alert."),
        ),
        deviation(
            "EX-06",
            find(data, "BCP-04"),
            "Restore test without record",
            "One of the two quarterly restore tests selected left no record of the comparison of totals.",
            (2, 1),
            "The script’s output was written to a temporary folder.",
            unit="restore tests",
        ),
    ]
    data["user_responsibilities"].append("Users keep the contact persons for notices up to date.")
    data["paragraphs"] = [
        {
            "kind": "emphasis",
            "title": "controls that did not operate",
            "text": "As stated in Section IV, certain controls did not operate in the period because the circumstances "
            "that call for them did not arise.",
            "reason": "Two controls had a population of zero",
        }
    ]
    data["other_information"] = (
        "## Plans for the coming year\n\nA third region opens in the spring of 2027. The identity provider is being "
        "replaced by one that supports passkeys only.\n\n## Other assurance\n\n| Scheme | Standing |\n|---|---|\n"
        "| Penetration test | Completed in May 2026; no finding of high severity remains open |\n"
        "| Business continuity exercise | Held in August 2026 |\n"
    )
    modify(
        data,
        "operating",
        "qualified",
        deviations=["EX-01"],
        basis="The description states that access is removed within one day after a person leaves. For three of the "
        "25 departures that we tested, out of 41 in the period, accounts were disabled three and nine days late, and "
        "one account was still active when the listing was made. As a result, control IAM-06 did not operate "
        "effectively throughout the period to provide reasonable assurance that access is removed when it is no "
        "longer authorized.",
    )
    data["specified_parties"] = [
        "Lakeshore Ledger itself",
        "user entities of the Ledger Cloud system during some or all of the period",
        "business partners of Lakeshore Ledger that are exposed to risk from their dealings with the system",
        "practitioners who provide services to those user entities and business partners",
        "prospective user entities and business partners",
        "regulators",
    ]
    return validate(data)
