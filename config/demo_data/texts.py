"""What the fictional clients write: description, registers, responses, terms. All of it is ours."""

from __future__ import annotations

import datetime as dt
from typing import Any

LAKESHORE: dict[str, str] = {
    "DC1": """Lakeshore Ledger, Inc. ("Lakeshore") provides **Ledger Cloud**, accounting software as a service for \
small and medium-sized businesses and for the bookkeepers who work for them. About 1,900 businesses keep their books \
in it. Customers reach Ledger Cloud with a browser or through a programming interface.

The services covered by this description are:

- **Books**: general ledger, payables, receivables and bank reconciliation;
- **Documents**: storage of receipts and invoices with text recognition;
- **Close**: month-end checklists, approvals and locking of periods;
- **Interface**: a documented interface for banks, payroll providers and customers' own systems.

Payroll, tax filing and payment initiation are not part of Ledger Cloud and not covered by this description. \
Lakeshore was founded in 2016, is based in Portland, Maine, and had 112 employees at the end of the period.""",
    "DC2": """Lakeshore makes its commitments to customers in the Master Subscription Agreement, the Service Level \
Agreement and the data processing addendum. The principal commitments and the system requirements derived from them \
are listed below. Requirements are communicated to personnel through policies, runbooks and training, and to customers \
through the published documentation.""",
    "DC3": """Ledger Cloud runs in two regions of one hosting provider. Each region holds managed container clusters \
over three availability zones, a relational database with synchronous replicas, and object storage. The second region \
is kept as a warm standby and is used for recovery tests.

**Boundary.** The system begins where requests reach Lakeshore's web application firewall and ends where data leaves \
through the interface or a customer's export. Customers' devices and networks, and the banks and payroll providers that \
customers connect, lie outside. The tables below list the components inside the boundary, and those left out with the \
reason.

**Data.** Customers' books, documents and user profiles are confidential information. They are classified *Customer \
confidential*, the highest of four classes, encrypted in transit and at rest, and kept for the term of the contract and \
thirty days after it.""",
    "DC4": """Incidents are recorded, classified and resolved under the incident response plan. Three incidents of \
medium or higher severity occurred during the period. One of them arose from a control that did not operate and is \
disclosed here; the decision about the others is recorded with its reason.

On one occasion an account of a former contractor of the support team remained active for nineteen days after the \
contract had ended. A review of the directory's log showed no use of the account after the last working day. The \
account was disabled on the day it was found, and all accounts of leavers since the start of the period were checked.""",
    "DC5": """The trust services criteria for the categories in scope, and the controls by which Lakeshore meets them, \
are listed below by criterion. The wording of the controls is the same as in Section IV. Controls are owned by named \
roles and reviewed each year in the matrix of risks and controls.

Lakeshore's control environment rests on a board with three independent members, an executive team that reviews \
security each month, and a Security team of six under the Head of Security. The compliance function reports to the \
General Counsel and does not operate the controls that it assesses.""",
    "DC6": """Ledger Cloud was designed on the assumption that customers operate certain controls of their own. These \
complementary user entity controls are necessary, together with Lakeshore's controls, to achieve the commitments to \
which the criteria named beside them relate. Customers should decide for themselves whether they have placed them in \
operation.""",
    "DC7": """Lakeshore uses one subservice organization, Cumulus Hosting Corporation, for data centres, networks and \
managed infrastructure services. The **carve-out method** is used: this description does not include Cumulus's own \
controls. Lakeshore watches over Cumulus by the yearly review of its attestation report, by monitoring its service \
status, and by quarterly service meetings. The types of controls assumed at Cumulus are listed below.""",
    "DC8": """Every criterion of the selected categories is relevant to the system; none was left out.""",
    "DC9": """Two significant changes were made to the system during the period. They are listed below with their \
dates. Both followed the change management process, and customers were told in the release notes.""",
    "other": """### Plans after the period

Lakeshore plans to offer a third region in the first half of next year and to extend the examination to the category \
of privacy. Since the end of the period the personnel system has been connected to the directory so that accounts of \
leavers are disabled at the end of the last working day without manual steps.

### Other attestations

An internal audit of the information security management system is planned for the second quarter.""",
}

TIDEWATER: dict[str, str] = {
    "DC1": """Tidewater Payroll, Inc. provides **Tidewater Pay**, payroll processing as a service for about 640 \
employers in the north-eastern states. Employers enter hours and salaries; Tidewater Pay calculates pay, prepares \
payment files and pay slips, and files the reports that employers choose to have filed.""",
    "DC2": """Commitments are made in the Services Agreement and its availability schedule. They are listed below with \
their sources.""",
    "DC3": """Tidewater Pay runs on dedicated virtual machines in one region of a hosting provider, with nightly copies \
to a second region.""",
}

QUILLFEATHER: dict[str, str] = {
    "DC1": """Quillfeather Health, Inc. provides **Quill Notes**, a service in which therapists keep appointments and \
session notes. About 2,300 practitioners use it through a browser. Billing and video calls are not part of the system.

The service has been offered since last year. This is the first examination of the system.""",
    "DC2": """Commitments are made in the Terms of Service and in the agreement on the protection of health \
information. The principal ones, and the requirements that follow from them, are listed below.""",
    "DC3": """Quill Notes runs as a managed container service in one region of a hosting provider, with a relational \
database that is replicated over two zones. Source code, pipeline and monitoring are hosted services that Quillfeather \
configures itself.

**Boundary.** From the content delivery network's edge to the export of a practitioner's records. Devices of \
practitioners lie outside.""",
    "DC4": """No incident that controls caused, or that led to a significant failure to meet a commitment, is known as \
of the date of this description. The incident register was reviewed by the Head of Engineering on that date.""",
    "DC5": """The criteria in scope and the controls that meet them are listed below. Quillfeather's thirty-one \
employees work from two offices and from home; the Head of Engineering is responsible for security and reports to the \
Chief Executive Officer.""",
    "DC6": """Practitioners must operate the complementary controls listed below; without them the commitments named \
cannot be achieved by Quillfeather alone.""",
    "DC7": """Quillfeather uses Northgrid Compute, LLC for hosting. The carve-out method is used. The types of controls \
assumed at Northgrid are listed below.""",
    "DC8": """All criteria of the selected category are relevant to the system.""",
}

COMPONENTS: list[tuple[str, str, str, bool, str]] = [
    (
        "infrastructure",
        "Container clusters",
        "Managed clusters in two regions, three zones each",
        True,
        "Run the application",
    ),
    (
        "infrastructure",
        "Ledger database",
        "Relational database with synchronous replicas",
        True,
        "Holds customers' books",
    ),
    ("infrastructure", "Document store", "Object storage with versioning", True, "Holds customers' documents"),
    (
        "infrastructure",
        "Office networks",
        "Wireless networks of two offices",
        False,
        "Give no access to production; staff reach it through the access broker",
    ),
    (
        "software",
        "Ledger application",
        "Web application, interface and background workers",
        True,
        "Processes customers' transactions",
    ),
    ("software", "Identity provider", "Sign-in and group membership of staff", True, "Enforces access controls"),
    (
        "software",
        "Delivery pipeline",
        "Source repositories, tests and deployment",
        True,
        "Enforces change controls",
    ),
    ("software", "Marketing website", "Public pages without customer data", False, "Holds no customer data"),
    ("people", "Engineering and Operations", "48 persons who build and run the system", True, "Operate controls"),
    ("people", "Security and Compliance", "9 persons", True, "Operate and assess controls"),
    ("people", "Support and Success", "31 persons who answer customers", True, "Have limited access to books"),
    (
        "data",
        "Books and documents",
        "Entries, receipts and invoices of customers",
        True,
        "Confidential information",
    ),
    ("data", "User profiles", "Names, e-mail addresses and roles of users", True, "Needed for access"),
    (
        "procedures",
        "Policies and runbooks",
        "Fourteen policies and the runbooks of Operations",
        True,
        "Say how controls are operated",
    ),
]

COMMITMENTS: list[tuple[str, str, str, str]] = [
    (
        "commitment",
        "security",
        "Protect customers' data from unauthorised access, use and disclosure.",
        "Master Subscription Agreement, section 7",
    ),
    (
        "commitment",
        "security",
        "Notify customers of a breach of their data within 72 hours.",
        "Data processing addendum, section 5",
    ),
    ("commitment", "availability", "Keep the service available 99.9 % of each month.", "Service Level Agreement"),
    (
        "commitment",
        "availability",
        "Restore service within eight hours after the loss of a region.",
        "Service Level Agreement",
    ),
    (
        "commitment",
        "confidentiality",
        "Delete customers' data within thirty days after the end of the contract.",
        "Master Subscription Agreement, section 11",
    ),
    (
        "requirement",
        "security",
        "Staff access by role, with multi-factor authentication, removed on leaving.",
        "Access control policy",
    ),
    (
        "requirement",
        "availability",
        "Daily backups, quarterly restore tests, yearly recovery test.",
        "Continuity policy",
    ),
    ("requirement", "confidentiality", "Encryption of customers' data in transit and at rest.", "Data policy"),
]

CUECS: list[tuple[str, str, tuple[str, ...]]] = [
    (
        "CUEC-01",
        "Customers assign roles to their users by need, and remove users who no longer need access.",
        ("CC6.2", "CC6.3"),
    ),
    (
        "CUEC-02",
        "Customers require multi-factor authentication for their users or connect their own identity provider.",
        ("CC6.1",),
    ),
    (
        "CUEC-03",
        "Customers protect the keys of the interface and replace them when staff who knew them leave.",
        ("CC6.1", "CC6.6"),
    ),
    ("CUEC-04", "Customers report suspected misuse of their accounts without delay.", ("CC7.3",)),
]

CSOCS: list[tuple[str, str, tuple[str, ...]]] = [
    ("CSOC-01", "Physical access to data centres is restricted to authorised persons and logged.", ("CC6.4",)),
    ("CSOC-02", "Storage media are sanitised or destroyed before they leave the data centre.", ("CC6.5",)),
    ("CSOC-03", "Data centres are protected from fire, water and loss of power.", ("A1.2",)),
    ("CSOC-04", "The virtualisation layer separates tenants and is patched in due time.", ("CC6.1", "CC7.1")),
]

NO_INCIDENT = (
    "No incident of medium or higher severity is known; the register was reviewed by the Head of Engineering."
)
NO_INCIDENT_SOURCE = (
    "Export of the ticket queue “Security” with all tickets of the twelve months before the as-of date, taken on screen "
    "with the Head of Engineering: 14 tickets read, none above low severity. Compared with the status page’s history, "
    "which shows no outage."
)

INCIDENTS: list[dict[str, Any]] = [
    {
        "title": "Account of a former contractor left active",
        "nature": "An account of a support contractor stayed active for nineteen days after the contract ended. No use "
        "after the last working day was found. The account was disabled at once and all leavers were checked.",
        "from_control_failure": True,
        "disclosed": True,
        "reason": "Arose from a control that did not operate (IAM-06); a reader would miss it.",
        "days_before_end": 118,
    },
    {
        "title": "Slow reconciliation after a database upgrade",
        "nature": "Bank reconciliation was slow for five hours after a minor upgrade; an index was rebuilt. The service "
        "level was kept.",
        "disclosed": False,
        "reason": "No control failed and no commitment was missed.",
        "days_before_end": 203,
    },
    {
        "title": "Phishing of a customer's bookkeeper",
        "nature": "A bookkeeper of one customer entered a password on a false page. The customer reset it; multi-factor "
        "authentication had prevented a sign-in.",
        "disclosed": False,
        "reason": "Outside of the system; the customer's controls worked.",
        "days_before_end": 41,
    },
]

CHANGES: list[tuple[int, str, str]] = [
    (
        246,
        "Move of the ledger database to a new major version",
        "The database was moved to the next major version region by region, with a rehearsed way back.",
    ),
    (
        89,
        "Access broker replaces the bastion hosts",
        "Staff reach production through a zero-trust access broker; the bastion hosts were removed.",
    ),
]

RESPONSES: dict[str, str] = {
    "IAM-06": "We agree. Since the end of the period the personnel system disables accounts by itself at the end of the "
    "last working day. None of the three accounts was used after its owner had left.",
    "IAM-08": "The review was missed when its owner was on leave. A named deputy now holds the task, and Compliance "
    "checks the calendar each month.",
    "CHG-01": "The change was an urgent fix merged by an administrator during an outage. Administrators no longer have "
    "the right to bypass review; the emergency path requires a second person.",
    "VUL-02": "Both findings were in a component that was being replaced. The replacement was finished twelve days after "
    "the due date. Extensions now need an approved exception.",
    "HR-03": "Two joiners started during a change of the training system and received their invitation late. Both have "
    "completed the training.",
    "BCP-03": "The alert reached an engineer whose shift had ended. Alerts of failed backups now repeat until they are "
    "acknowledged.",
}

NDA = """This agreement is between {company} ("we") and the person who accepts it and the company named in the \
invitation ("you").

1. The report. We give you access to a SOC 2 report on our system. It is confidential. It is restricted to the parties \
specified in Section I of the report, and you confirm that you are one of them.

2. Use. You use the report only to understand and assess our system for your own purposes as such a party. You do not \
publish it, and you do not quote from it outside of your company.

3. Sharing. You may show the report to employees and professional advisers who need it for that purpose and are bound \
by duties of confidence like these. You are answerable for them.

4. Your copy. Your copy carries your name, your e-mail address and the time of download on every page. You do not \
remove these marks. We keep a record of views and downloads.

5. No advice and no reliance by others. The report speaks of the date or period it names. The firm that examined us \
owes duties to nobody by the fact that you read its report, beyond those stated in it.

6. End. We may end your access at any time. On request you destroy your copies, except where the law makes you keep \
them. The duties of confidence last for three years after your last access."""

ACCEPTANCE_NOTE = (
    "Client and its management known to the firm; no matters of integrity found. Team has the competence and the time. "
    "Independence confirmed by each member. Preconditions of AT-C 105 considered: suitable criteria, evidence expected, "
    "responsibilities accepted by management."
)

FEES = (
    "A fixed fee as stated in our proposal, invoiced in three equal parts: when this letter is signed, when fieldwork "
    "begins, and with the report. Travel is charged at cost."
)

ASSERTION_BASIS = (
    "Yearly self-assessment of controls (MON-01), weekly configuration monitoring (MON-04), quarterly report of the "
    "Head of Security to the audit and risk committee."
)


def independence_of(start: dt.date) -> dict[str, dict[str, Any]]:
    """What may touch the firm's independence of Lakeshore Ledger."""
    return {
        "services": {
            "service": "Preparation of the federal and state income tax returns",
            "starts_on": start - dt.timedelta(days=200),
            "overseer": "Paula Brandt, Controller",
            "overseer_fitness": "Certified public accountant, eleven years in corporate tax; reviews and files the returns herself.",
            "threats": "Self-review is remote: tax figures are not part of the system. Management participation, were the firm to decide on positions.",
            "safeguards": "A tax partner and a team apart from this engagement; the controller takes every decision and signs the returns.",
            "effect": "safeguarded",
            "conclusion": "The service does not touch the system, and management takes the responsibility for it.",
        },
        "providers": {
            "provider": "Vaultline, the tool in which Lakeshore Ledger keeps controls and evidence",
            "kinds": ["promotion"],
            "description": "Vaultline names the firm in its public list of auditors. Nobody pays for it, and no referral is agreed.",
            "threats": "Self-interest, were engagements to depend on the list.",
            "safeguards": "The list brought less than one hundredth of the firm's fees in the last three years; evidence is read in full, outside of the tool too.",
            "effect": "none",
            "conclusion": "No fee, no exclusivity, no limit on evidence: the threat is at an acceptable level.",
        },
    }
