"""A small C2SP witness: `python -m audits.witness`. It knows no Django, and belongs on another machine."""
