"""Controls of the fictional clients: how management words them, and what the auditor does to test them.

Codes are those of the shipped library. Each entry: wording by management, procedure of the test as the report
will say it, and the attributes of the sheet as (title, rule for a pass).
"""

from __future__ import annotations

from typing import NamedTuple


class Text(NamedTuple):
    wording: str
    procedure: str
    attributes: tuple[tuple[str, str], ...] = (("Performed", "The evidence shows the control as stated."),)


TEXTS: dict[str, Text] = {
    "GOV-01": Text(
        "Employees acknowledge the code of conduct within ten days of joining and once each calendar year.",
        "For a sample of joiners, compared the date of the signed acknowledgement with the start date in the "
        "personnel system.",
        (("Acknowledged", "A signed acknowledgement exists."), ("In time", "Signed within ten days of the start.")),
    ),
    "GOV-02": Text(
        "Alleged breaches of the code of conduct are recorded, investigated by the People team and decided under "
        "the disciplinary policy.",
        "Read the disciplinary policy and inspected the register of cases for the period together with the "
        "statement of the Chief People Officer.",
    ),
    "GOV-03": Text(
        "The board's audit and risk committee meets each quarter, with security and internal control on its agenda.",
        "For a sample of quarters, inspected minutes for quorum, security topics and the follow-up of actions.",
        (("Quorum", "The minutes record a quorum."), ("Security", "Security and control matters were discussed.")),
    ),
    "GOV-04": Text(
        "The organisation chart and the job descriptions of roles with security duties are reviewed each year.",
        "Inspected the organisation chart and the job descriptions for a review dated in the period.",
    ),
    "GOV-05": Text(
        "A Head of Security, reporting to the Chief Technology Officer, holds the mandate for information security.",
        "Inspected the appointment and the mandate, and corroborated role and reporting line in interviews.",
    ),
    "GOV-06": Text(
        "Security policies are reviewed and approved by the Chief Executive Officer at least every twelve months.",
        "For each policy in scope, inspected the approval and compared its date with the one before.",
        (
            ("Approved", "An approval by the CEO exists."),
            ("Within a year", "No more than twelve months since the last."),
        ),
    ),
    "GOV-08": Text(
        "Exceptions to security policies are approved by the Head of Security with a reason and an expiry date.",
        "For a sample from the register of exceptions, inspected approver, reason and expiry date.",
        (("Approver", "Approved by the Head of Security."), ("Expiry", "An expiry date is set and observed.")),
    ),
    "HR-01": Text(
        "A background check is completed before a new employee's first working day, where the law allows one.",
        "For a sample of joiners, compared the completion date of the check with the start date.",
        (("Completed", "A completed check exists."), ("Before start", "Completed on or before the first day.")),
    ),
    "HR-02": Text(
        "Employees and contractors sign a confidentiality agreement before they receive access to systems.",
        "For a sample of joiners, compared the signature date with the date of first access.",
        (("Signed", "The agreement is signed."), ("Before access", "Signed on or before first access.")),
    ),
    "HR-03": Text(
        "Employees complete security awareness training within thirty days of joining and once a year thereafter.",
        "For a sample of joiners, inspected the completion record of the training system, whose completeness was "
        "assessed against the personnel roster.",
        (("Completed", "A completion record exists."), ("In time", "Within thirty days of the start.")),
    ),
    "HR-05": Text(
        "Managers hold a documented performance review with each employee every year.",
        "Inspected the status export of the yearly review cycle for completed reviews.",
    ),
    "HR-06": Text(
        "Contractors with access to systems pass the same onboarding steps as employees.",
        "For a sample of contractors engaged in the period, inspected background check, agreement and training.",
        (("Check", "Background check completed."), ("Agreement", "Confidentiality agreement signed.")),
    ),
    "COM-01": Text(
        "A description of the system, its boundaries and its security features is published for customers.",
        "Inspected the published documentation and compared it with the description in Section III.",
    ),
    "COM-02": Text(
        "Service commitments are stated in customer contracts and in the service level agreement.",
        "For a sample of contracts signed in the period, inspected the terms for the principal commitments.",
        (("Commitments", "The contract carries the principal commitments."),),
    ),
    "COM-03": Text(
        "Customers can report incidents and concerns through the support portal and a monitored mailbox.",
        "Observed the submission of a report through the portal and traced it to a ticket assigned within the hour.",
    ),
    "RSK-01": Text(
        "A company-wide risk assessment, including fraud risk and significant change, is performed each year and "
        "approved by the executive team.",
        "Inspected the risk assessment for date, method, fraud and change considerations, and approval.",
        (
            ("In the period", "Dated in the period."),
            ("Content", "Threats, likelihood, impact, fraud, vendors, change."),
            ("Approved", "Approved by the executive team."),
        ),
    ),
    "RSK-02": Text(
        "Risk treatments have owners and due dates, and their progress is reviewed each quarter.",
        "For a sample of quarters, inspected the review of the risk register and the movement of open treatments.",
        (("Reviewed", "The quarterly review took place."), ("Followed up", "Overdue treatments have a decision.")),
    ),
    "RSK-03": Text(
        "A matrix relates risks to controls and control owners; it is approved each year.",
        "Inspected the matrix for approval in the period and for a control against each high risk.",
    ),
    "MON-01": Text(
        "Compliance staff who do not operate the controls test a selection of controls each year.",
        "Inspected the self-assessment for date, coverage and independence of the assessors from control owners.",
    ),
    "MON-02": Text(
        "An independent firm performs a penetration test of the system each year; findings are tracked to closure.",
        "Inspected the report, the tester's independence, and the tickets of findings above low severity.",
        (("In the period", "Performed in the period."), ("Tracked", "Each finding above low has a ticket.")),
    ),
    "MON-03": Text(
        "Control deficiencies are logged, assigned to an owner and escalated when overdue.",
        "For a sample of logged deficiencies, inspected owner, due date, resolution and escalation.",
        (("Owner and date", "An owner and a due date are set."), ("Resolved", "Closed in time or escalated.")),
    ),
    "MON-04": Text(
        "Security engineering reviews the configuration monitoring dashboard each week and follows up on findings.",
        "For a sample of weeks, inspected the review ticket and the follow-up of findings.",
        (("Reviewed", "The week's review is recorded."), ("Followed up", "Findings have a ticket or a reason.")),
    ),
    "IAM-01": Text(
        "Users of in-scope systems have accounts of their own; shared credentials are kept in the vault only.",
        "Inspected the complete user listings of in-scope systems for generic names and enquired about each found.",
    ),
    "IAM-02": Text(
        "In-scope systems authenticate users through the company's identity provider.",
        "Inspected the configuration and attempted a local sign-in to a selected system, which was refused.",
    ),
    "IAM-03": Text(
        "Multi-factor authentication is required for the identity provider, remote access and administration.",
        "Inspected the policy and the enrolment of all users, and observed one sign-in.",
        (("Enforced", "The policy applies to all users."), ("Enrolled", "All active users are enrolled.")),
    ),
    "IAM-04": Text(
        "Password settings of the identity provider and of in-scope systems follow the access control policy.",
        "Compared the settings in force with the access control policy.",
    ),
    "IAM-05": Text(
        "Access is approved by the system owner before it is granted, and follows the requester's role.",
        "For a sample of grants, compared approval and grant, and the granted role with the requested one.",
        (
            ("Approved", "Approved by the system owner."),
            ("Before grant", "Approved on or before the grant."),
            ("Role", "The granted role is the approved one."),
        ),
    ),
    "IAM-06": Text(
        "Access to in-scope systems is removed within one business day after a person leaves.",
        "For a sample of leavers, compared the last working day in the personnel system with the time at which the "
        "account was disabled in the directory's log.",
        (
            ("Ticket", "A leaver ticket was raised on or before the last day."),
            ("Disabled", "The account was disabled within one business day."),
            ("Devices", "Devices were returned or wiped."),
        ),
    ),
    "IAM-07": Text(
        "When a person changes teams, access that the new role does not need is removed within five business days.",
        "For a sample of transfers, compared access before and after with the new role.",
        (("Removed", "Old access was removed."), ("In time", "Within five business days.")),
    ),
    "IAM-08": Text(
        "System owners review access to in-scope systems each quarter; changes are made within ten business days.",
        "For each selected quarter, inspected source and completeness of the listing, the reviewer, the decisions "
        "and the changes that followed.",
        (
            ("Complete listing", "The full listing of the system was reviewed."),
            ("Reviewer", "Reviewed by the system owner, not by a reviewed person."),
            ("Changes", "Decided changes were made within ten business days."),
        ),
    ),
    "IAM-09": Text(
        "Membership of privileged groups is limited to named roles and reviewed each quarter.",
        "For each selected quarter, compared members with their job and inspected the review.",
        (("Justified", "Each member's role needs the privilege."), ("Reviewed", "The review is recorded.")),
    ),
    "IAM-10": Text(
        "Production is reached only through the zero-trust access broker.",
        "Inspected network and broker configuration and observed that a direct connection was refused.",
    ),
    "IAM-11": Text(
        "Secrets and keys are kept in the vault and rotated at least once a year.",
        "For the keys in scope, compared the dates of rotation in the vault's log with the policy.",
    ),
    "IAM-12": Text(
        "Service accounts have a named owner and are reviewed each quarter.",
        "For each selected quarter, inspected the inventory of service accounts and its review.",
        (("Owned", "Each account has an owner."), ("Reviewed", "The review is recorded.")),
    ),
    "PHY-01": Text(
        "Offices are entered by badge; visitors are registered and accompanied.",
        "Compared badge holders with the personnel roster and inspected the visitor log for selected days.",
    ),
    "PHY-02": Text(
        "Compliance reviews the hosting provider's attestation report each year, including its physical controls.",
        "Inspected the review for period covered, exceptions, and the complementary controls it assumes.",
        (
            ("Period", "The provider's report covers the period."),
            ("Exceptions", "Exceptions were considered."),
            ("Complementary controls", "Assumed controls were mapped to own ones."),
        ),
    ),
    "PHY-03": Text(
        "Media and devices are destroyed by a certified contractor, and certificates are kept.",
        "For a sample from the disposal log, inspected the certificate of destruction.",
        (("Certificate", "A certificate names the device."),),
    ),
    "NET-01": Text(
        "Network rules deny traffic by default and allow what is documented.",
        "Inspected the exported rules for administrative ports open to the internet and repeated the check by a scan.",
    ),
    "NET-02": Text(
        "Firewall and security group rules are reviewed every six months.",
        "Inspected the reviews of the period and the removal of rules no longer needed.",
        (("Reviewed", "The review took place."), ("Removed", "Rules marked for removal are gone.")),
    ),
    "NET-03": Text(
        "A web application firewall with rate limiting protects public endpoints.",
        "Inspected the configuration of the web application firewall for all public endpoints.",
    ),
    "NET-04": Text(
        "Production, staging and corporate networks are separated.",
        "Compared the network configuration with the network diagram.",
    ),
    "ENC-01": Text(
        "Data in transit over public networks is encrypted with TLS 1.2 or later.",
        "Scanned the public endpoints for accepted protocol versions and cipher suites.",
    ),
    "ENC-02": Text(
        "Customer data at rest is encrypted in all databases, volumes and object stores.",
        "Inspected the encryption settings of all data stores on the asset list.",
    ),
    "END-01": Text(
        "Endpoint protection runs on all company laptops and reports to a central console.",
        "Reconciled the device listings of management and protection consoles with the personnel roster.",
    ),
    "END-02": Text(
        "Company laptops have full-disk encryption and lock after ten minutes.",
        "Inspected the device management report for all enrolled laptops.",
    ),
    "VUL-01": Text(
        "External and internal assets are scanned for vulnerabilities each month.",
        "For a sample of months, inspected the scan report and compared its coverage with the asset list.",
        (("Run", "The month's scan ran."), ("Coverage", "All in-scope assets were covered.")),
    ),
    "VUL-02": Text(
        "Vulnerabilities are remediated within policy time: critical 15, high 30, medium 90 days.",
        "For a sample of findings, compared detection and closure with the time allowed for the severity.",
        (("In time", "Closed in policy time or under an approved exception."),),
    ),
    "VUL-03": Text(
        "Dependencies and images are scanned in the pipeline; builds with critical findings fail.",
        "Inspected the pipeline's gate and, for a selected build with a planted finding, observed that it failed.",
    ),
    "VUL-04": Text(
        "Servers receive security patches each month.",
        "For a sample of months, inspected the patch report for servers in scope.",
        (("Patched", "All servers in scope were patched."),),
    ),
    "VUL-05": Text(
        "Servers and clusters are built from a hardened baseline, and drift is reported.",
        "Compared the configuration of selected hosts with the baseline and inspected the drift report.",
    ),
    "LOG-01": Text(
        "Logs of in-scope systems are collected centrally, protected from change and kept for thirteen months.",
        "Inspected sources, protection and retention settings of the log store.",
    ),
    "LOG-02": Text(
        "Alert rules for security events notify the engineer on call.",
        "Inspected the alert rules and traced one alert from its trigger to the engineer on call.",
    ),
    "LOG-03": Text(
        "Security alerts are triaged within four hours and closed with a decision.",
        "For a sample of alerts, inspected time to triage, decision and closure.",
        (("In time", "Triaged within four hours."), ("Decision", "Closed with a recorded decision.")),
    ),
    "LOG-04": Text(
        "Activity of administrators is reviewed each month by someone other than the administrators.",
        "For a sample of months, inspected the review and who performed it.",
        (
            ("Reviewed", "The month's review is recorded."),
            ("Independent", "The reviewer is not a reviewed person."),
        ),
    ),
    "INC-01": Text(
        "The incident response plan is reviewed and exercised each year.",
        "Inspected the plan and the record of the exercise for date, participants and lessons.",
    ),
    "INC-02": Text(
        "Incidents are recorded, classified and resolved under the incident response plan.",
        "For the incidents of the period, compared the record with the plan and with the incidents disclosed in "
        "Section III.",
        (("Classified", "Severity and owner are recorded."), ("Resolved", "Resolved as the plan says.")),
    ),
    "INC-03": Text(
        "A review is held within ten business days after each major incident, and its actions are tracked.",
        "Inspected the register of incidents for major ones and the statement of the Head of Security.",
    ),
    "INC-04": Text(
        "Affected customers and authorities are notified of incidents within the time that contract or law sets.",
        "Inspected the register of incidents for notifiable ones and the statement of the General Counsel.",
    ),
    "CHG-01": Text(
        "Changes to production have a ticket, are reviewed by someone other than the author, pass automated tests "
        "and are approved before release.",
        "For a sample of merged changes, compared author and reviewer, the time of the passed tests with the merge, "
        "and inspected the linked ticket.",
        (
            ("Ticket", "A ticket is linked."),
            ("Other reviewer", "Reviewer is not the author."),
            ("Tests", "Tests passed before the merge."),
        ),
    ),
    "CHG-02": Text(
        "Main branches of in-scope repositories are protected: review and passing tests are enforced.",
        "Inspected the protection of all in-scope repositories and the change log of these settings.",
        (
            ("Protected", "Review and tests are enforced."),
            ("Unchanged", "Protection was not lifted in the period."),
        ),
    ),
    "CHG-03": Text(
        "The right to deploy to production is limited to the release pipeline and two release managers.",
        "Compared the holders of deployment rights with the list of developers.",
    ),
    "CHG-04": Text(
        "Emergency changes are reviewed within two business days after the fact.",
        "For the emergency changes of the period, compared the time of the change with that of the review.",
        (("Reviewed", "A review exists."), ("In time", "Within two business days.")),
    ),
    "CHG-05": Text(
        "Development and test run apart from production and hold no customer data.",
        "Inspected the configuration of the environments and observed the masking of a refreshed test database.",
    ),
    "CHG-06": Text(
        "Infrastructure is changed as code and reviewed like application code.",
        "For a sample of infrastructure changes, compared author and reviewer.",
        (("Other reviewer", "Reviewer is not the author."), ("Plan", "The planned change was attached.")),
    ),
    "BCP-01": Text(
        "Continuity and recovery plans are reviewed and approved each year.",
        "Inspected the plans for approval in the period.",
    ),
    "BCP-02": Text(
        "Recovery of the system in the second region is tested each year against its time objectives.",
        "Inspected the test report for scope, achieved recovery time and point, and actions.",
        (("Tested", "The test took place in the period."), ("Objectives", "Objectives met or actions raised.")),
    ),
    "BCP-03": Text(
        "Databases are backed up automatically each day; a failed backup alerts the engineer on call.",
        "Inspected the configuration and, for a sample of days, the result of the backup or the handling of its "
        "failure.",
        (("Succeeded", "The backup succeeded, or its failure was handled the same day."),),
    ),
    "BCP-04": Text(
        "A restore from backup is tested each quarter.",
        "For each selected quarter, inspected the record of the restore test.",
        (("Restored", "The restore succeeded."), ("Verified", "The restored data was verified.")),
    ),
    "BCP-05": Text(
        "The system runs in three availability zones and survives the loss of one.",
        "Inspected the configuration of clusters and databases for distribution over zones.",
    ),
    "AVL-01": Text(
        "Capacity and uptime are monitored, and thresholds alert the engineer on call.",
        "Inspected dashboards and alert rules, and traced one alert to its handling.",
    ),
    "AVL-02": Text(
        "Capacity is reviewed each quarter against the forecast.",
        "For each selected quarter, inspected the review and the decisions taken.",
        (("Reviewed", "The review took place."), ("Decisions", "Shortfalls have a decision.")),
    ),
    "VND-01": Text(
        "New vendors with access to customer data are assessed before the contract is signed.",
        "For a sample of new vendors, compared the date of the assessment with that of the signature.",
        (("Assessed", "An assessment exists."), ("Before signature", "Assessed before the signature.")),
    ),
    "VND-02": Text(
        "Critical vendors are reviewed each year on the basis of their attestation reports.",
        "For all critical vendors, inspected the review for period, exceptions and complementary controls.",
        (
            ("Reviewed", "The review took place in the period."),
            ("Content", "Period, exceptions and assumed controls."),
        ),
    ),
    "VND-03": Text(
        "Contracts with vendors that handle customer data carry security and confidentiality terms.",
        "For a sample of vendor contracts, inspected the terms.",
        (("Terms", "Security and confidentiality terms are present."),),
    ),
    "CON-01": Text(
        "Data is classified, and handling rules for each class are part of the data policy.",
        "Inspected the data policy and the inventory of confidential information.",
    ),
    "CON-02": Text(
        "Customer data is deleted within thirty days after the end of the contract.",
        "For a sample of ended contracts, compared the end date with the deletion log.",
        (("Deleted", "Deletion is logged."), ("In time", "Within thirty days.")),
    ),
    "LED-01": Text(
        "Posted ledger entries are immutable; corrections are made by reversing entries.",
        "Attempted to alter a posted entry through the interface and in the database as an application user; both "
        "were refused.",
    ),
    "LED-02": Text(
        "Requests of one customer cannot reach the books of another; isolation is enforced in the database.",
        "Inspected the row-level policies and reperformed selected requests across two test tenants.",
    ),
    "STA-01": Text(
        "Incidents that affect customers are announced on the status page within thirty minutes.",
        "For the incidents of the period, compared detection with the first announcement.",
        (("Announced", "Announced on the status page."), ("In time", "Within thirty minutes.")),
    ),
    "CON-03": Text(
        "Exports of customer data by staff need the approval of the data owner and are logged.",
        "For a sample of exports, inspected the approval and the log entry.",
        (("Approved", "Approved by the data owner before the export."), ("Logged", "The export is logged.")),
    ),
}

# Controls of a client's own, beside the library's: number, title, nature, frequency, criteria, kinds of test.
OWN: list[tuple[str, str, str, str, tuple[str, ...], str]] = [
    ("LED-01", "Ledger entries cannot be altered", "A", "C", ("CC6.1", "CC8.1"), "R"),
    ("LED-02", "Tenant isolation in the ledger", "A", "C", ("CC6.1", "C1.1"), "S+R"),
    ("STA-01", "Status page informs customers", "M", "E", ("CC2.3", "A1.1"), "S"),
    ("CON-03", "Confidential data leaves only by approved routes", "M", "E", ("C1.1", "CC6.7"), "S"),
]
