"""The privacy impact assessment: what the agent does with data about people."""

from governance.assessment_templates.template import (
    Column,
    Field,
    FieldKind,
    Option,
    Section,
    Template,
    risks,
)
from governance.choices import AssessmentKind, Discipline

LAWFUL_BASES = (
    Option("none", "No personal data is processed"),
    Option("consent", "Consent"),
    Option("contract", "A contract with the person"),
    Option("obligation", "A legal obligation"),
    Option("vital", "Vital interests"),
    Option("public", "A task in the public interest"),
    Option("interests", "Legitimate interests, weighed against those of the person"),
)

TEMPLATE = Template(
    kind=AssessmentKind.PRIVACY,
    version=1,
    about="What the agent does with data about people, why that is needed, and what could go wrong for them.",
    signers=(Discipline.COMPLIANCE, Discipline.LEGAL),
    sources=(
        "Regulation (EU) 2016/679 (GDPR), articles 5, 6, 9, 13 to 22, 25, 28, 32, 35 and 44 to 49",
        "NIST AI 100-1, AI Risk Management Framework 1.0: MAP 1, MAP 5 and MEASURE 2.10",
    ),
    sections=(
        Section(
            "processing",
            "What is processed",
            (
                Field(
                    "purpose", "What is the data used for?", help="In words that its subjects would accept."
                ),
                Field(
                    "categories",
                    "Which categories of data does it see?",
                    FieldKind.LIST,
                    "One a line. Say where one is special: health, belief, biometrics, union membership.",
                ),
                Field(
                    "subjects", "Whose data is it?", FieldKind.LIST, "One a line: customers, staff, visitors."
                ),
                Field(
                    "scale",
                    "How much of it, and how often?",
                    help="About how many people, how many records, continuously or now and then.",
                ),
            ),
        ),
        Section(
            "flows",
            "Data flows",
            (
                Field(
                    "table",
                    "From where to where does data go?",
                    FieldKind.TABLE,
                    "Each way that data takes, the prompt to the model and the agent's own logs among them.",
                    columns=(
                        Column("source", "From"),
                        Column("target", "To"),
                        Column("data", "Which data"),
                        Column("protection", "How it is protected on the way and there"),
                    ),
                ),
                Field(
                    "training",
                    "Is any of it used to train or improve a model?",
                    help="By whom, on what terms, and how that is prevented where it is not wanted.",
                ),
            ),
        ),
        Section(
            "basis",
            "Lawfulness, necessity and proportion",
            (
                Field("lawful_basis", "On which basis is it lawful?", FieldKind.CHOICE, options=LAWFUL_BASES),
                Field("basis_reason", "Why does this basis hold?"),
                Field(
                    "necessity",
                    "Why is an agent needed, and why this much data?",
                    help="What less would do, and why it was not chosen.",
                ),
                Field(
                    "decisions",
                    "Does it decide about people, or prepare such decisions?",
                    help="If so: who looks at each, and how somebody contests one (GDPR article 22).",
                ),
            ),
        ),
        Section(
            "recipients",
            "Recipients and transfers",
            (
                Field(
                    "recipients",
                    "Who receives the data?",
                    FieldKind.TABLE,
                    "Processors and the model's provider among them.",
                    required=False,
                    columns=(
                        Column("name", "Recipient"),
                        Column("country", "Country"),
                        Column("role", "What for, and under which contract"),
                        Column("safeguard", "What protects a transfer to a third country"),
                    ),
                ),
                Field("jurisdictions", "In which countries is it processed?", FieldKind.LIST, "One a line."),
            ),
        ),
        Section(
            "retention",
            "Retention and rights",
            (
                Field("periods", "How long is what kept, and what deletes it?"),
                Field("information", "How do people learn that an agent works with their data?"),
                Field(
                    "rights",
                    "How are access, rectification, erasure and objection honoured?",
                    help="In the agent's own store, in its logs, and at its model's provider.",
                ),
            ),
        ),
        Section(
            "risks",
            "Risks for the rights and freedoms of people",
            (
                risks(
                    "table",
                    "What could go wrong for them?",
                    "Each that is high needs a mitigation in the plan below, named as it is here.",
                ),
                Field(
                    "consulted",
                    "Who was asked?",
                    help="The data protection officer, and those concerned or who speaks for them.",
                ),
            ),
        ),
    ),
)
