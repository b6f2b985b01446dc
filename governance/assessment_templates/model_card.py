"""The model card: what the model is, what it is for, and how well it does that."""

from governance.assessment_templates.template import Column, Field, FieldKind, Section, Template
from governance.choices import AssessmentKind, Discipline

TEMPLATE = Template(
    kind=AssessmentKind.MODEL_CARD,
    version=1,
    about="What the model is, what it is meant for and what not, and how that was found out.",
    signers=(Discipline.ENGINEERING, Discipline.PRODUCT),
    sources=(
        "Mitchell et al., Model Cards for Model Reporting, FAT* 2019, doi:10.1145/3287560.3287596",
        "Regulation (EU) 2024/1689 (AI Act), articles 11, 13 and 14",
        "NIST AI 100-1, AI Risk Management Framework 1.0: MAP 2 and MEASURE 2",
    ),
    sections=(
        Section(
            "use",
            "Use",
            (
                Field("intended", "What is it meant for?", help="Tasks, users, surroundings."),
                Field("out_of_scope", "What is it not meant for?", FieldKind.LIST, "One a line."),
                Field("users", "Who uses its results, and what do they need to know?"),
            ),
        ),
        Section(
            "model",
            "Model details",
            (
                Field("provider", "Who provides the model?"),
                Field("name", "Which model, in which version?"),
                Field("settings", "How is it set?", help="Temperature, limits, system prompt, functions."),
                Field("licence", "Under which licence or contract?"),
                Field("changes", "What happens when its provider changes it?"),
            ),
        ),
        Section(
            "data",
            "Training data",
            (
                Field("training", "What is known of the data that it was trained on?"),
                Field(
                    "own",
                    "Which data of our own was added?",
                    help="For tuning or for retrieval: source, snapshot, who may use it.",
                    required=False,
                ),
                Field("gaps", "Which groups or cases are missing in it, or too frequent?"),
            ),
        ),
        Section(
            "evaluation",
            "Evaluation",
            (
                Field(
                    "table",
                    "What was measured?",
                    FieldKind.TABLE,
                    "On which data, how, and for whom separately.",
                    columns=(
                        Column("what", "What"),
                        Column("data", "On which data"),
                        Column("result", "Result"),
                        Column("wanted", "What is good enough"),
                    ),
                ),
                Field("fairness", "Does it do worse for some?", help="For which groups, by how much."),
            ),
        ),
        Section(
            "limits",
            "Limits",
            (
                Field("known", "What does it get wrong?", FieldKind.LIST, "One a line."),
                Field("misuse", "How could somebody misuse it?"),
            ),
        ),
        Section(
            "oversight",
            "Human oversight",
            (
                Field("who", "Who looks at what it does, and when?"),
                Field("intervene", "How do they correct or stop it?"),
                Field("drift", "How is it noticed that it has become worse?"),
            ),
        ),
    ),
)
