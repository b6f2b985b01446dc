"""An evidence bundle in the making: what it is about, its files, and its readable pages.

`docs/bundle-format.md` specifies the format; `audits/verify/verify.py` is the verifier that each carries.
"""
