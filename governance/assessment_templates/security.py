"""The security impact assessment: what the agent reaches, and what somebody could make of that."""

from governance.assessment_templates.template import (
    RATINGS,
    Column,
    Field,
    FieldKind,
    Option,
    Section,
    Template,
    risks,
)
from governance.choices import AssessmentKind, Discipline

TEMPLATE = Template(
    kind=AssessmentKind.SECURITY,
    version=1,
    about="What the agent reaches, what could leave through it, and how far a failure spreads.",
    signers=(Discipline.SECURITY,),
    sources=(
        "NIST AI 100-1, AI Risk Management Framework 1.0: MEASURE 2.6, 2.7 and MANAGE 2.4",
        "NIST AI 600-1, Generative AI Profile: information security, data privacy",
        "OWASP Top 10 for Large Language Model Applications 2025",
        "MITRE ATLAS",
    ),
    sections=(
        Section(
            "integrations",
            "External integrations",
            (
                Field(
                    "table",
                    "What does it talk to?",
                    FieldKind.TABLE,
                    "Every system, the model's provider among them.",
                    columns=(
                        Column("system", "System"),
                        Column("owner", "Whose it is"),
                        Column(
                            "direction",
                            "Direction",
                            (Option("reads", "Reads"), Option("writes", "Writes"), Option("both", "Both")),
                        ),
                        Column("data", "Which data passes"),
                        Column("authentication", "How each side knows the other"),
                    ),
                ),
                Field(
                    "untrusted",
                    "Where does text from strangers reach the model?",
                    help="Documents, tickets, web pages, other agents: each can carry instructions.",
                ),
            ),
        ),
        Section(
            "access",
            "Authentication and access",
            (
                Field("identity", "As whom does it act, and where do its credentials come from?"),
                Field("least", "Why does it need each of its rights?", help="Go through reads and writes."),
                Field("secrets", "Which secrets can it reach, and who rotates them?"),
            ),
        ),
        Section(
            "exfiltration",
            "Exfiltration potential",
            (
                Field(
                    "potential",
                    "How much could leave through it?",
                    FieldKind.CHOICE,
                    options=RATINGS,
                    help="High where sensitive data, text from strangers and a way out come together.",
                ),
                Field("ways", "By which ways could data leave?", FieldKind.LIST, "One a line."),
                Field("limits", "What limits or notices that?", help="Egress rules, volume limits, alerts."),
            ),
        ),
        Section(
            "failures",
            "Failure scenarios",
            (
                risks(
                    "table",
                    "What could fail, or be made to fail?",
                    "Prompt injection, poisoned data, a wrong call, a runaway loop, a stolen credential. "
                    "Each that is high needs a mitigation in the plan below, named as it is here.",
                ),
                Field("detection", "Who learns of a failure, how, and how soon?"),
            ),
        ),
        Section(
            "blast",
            "Blast radius",
            (
                Field("reach", "What is the worst that one run could do before anybody stops it?"),
                Field(
                    "isolation", "What keeps a failure from spreading?", help="Network, accounts, sandbox."
                ),
                Field("stop", "Who can stop it, how, and how is what it did undone?"),
            ),
        ),
    ),
)
