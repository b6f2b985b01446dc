"""Whose words a page shows, where they are not ours: the name on the mark of untrusted text."""

SCANNER = "the scanner's report"
MODEL = "the model"
OWNER_SIDE = "the owner's side"
STEWARDS = "the stewards"
NVD = "NVD"
ADMINISTRATORS = "the administrators"
