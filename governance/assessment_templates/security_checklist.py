"""The security checklist: what is in place before an agent runs. Yes, no or not applicable, with a remark."""

from governance.assessment_templates.template import Section, Template, check
from governance.choices import AssessmentKind, Discipline

TEMPLATE = Template(
    kind=AssessmentKind.SECURITY_CHECKLIST,
    version=1,
    about="What is in place before the agent runs. No and not applicable say why in the remark.",
    signers=(Discipline.SECURITY,),
    sources=(
        "OWASP Top 10 for Large Language Model Applications 2025",
        "CIS Controls 8.1: 3, 4, 5, 6, 8 and 16",
        "NIST SP 800-53 Rev. 5: AC-6, AU-2, IA-5, SC-7 and SI-10",
    ),
    sections=(
        Section(
            "identity",
            "Identity and access",
            (
                check("own", "Each running copy has an identity of its own"),
                check("least", "It has no right that it does not need"),
                check("short", "Its credentials are short-lived, and revoked when it ends"),
                check("secrets", "No secret stands in code, prompt, image or configuration"),
            ),
        ),
        Section(
            "input",
            "Input",
            (
                check(
                    "untrusted", "Text from strangers is marked as data, and never followed as instruction"
                ),
                check("injection", "It was tested against prompt injection, direct and through documents"),
                check("sources", "What it retrieves comes from sources that somebody answers for"),
            ),
        ),
        Section(
            "output",
            "Output and actions",
            (
                check("validated", "What the model says is checked before anything acts on it"),
                check("writes", "Writes are approved one by one, or limited in kind, number and time"),
                check("bounded", "Turns, time, tokens and money of a run are capped"),
                check("disclosure", "It does not show one person another person's data"),
            ),
        ),
        Section(
            "environment",
            "Environment",
            (
                check("egress", "It reaches only the destinations that it needs"),
                check("sandbox", "It runs without root, with limits, in a sandbox of its own"),
                check("supply", "Model, packages and image are pinned by digest, and scanned"),
            ),
        ),
        Section(
            "operation",
            "Operation",
            (
                check("logged", "Every call and decision is logged where it cannot be altered"),
                check("alerts", "Somebody is alerted to failed sign-ins, unusual volume and refused calls"),
                check("stop", "It can be stopped at once, and that was tried"),
                check("restore", "What it does wrong can be undone, and that was tried"),
            ),
        ),
    ),
)
