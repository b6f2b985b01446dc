"""The ledger, told to a SIEM (S4-3): what is sent (`ocsf`, `cef`, `plain`) and how (`syslog`, `webhook` …).

Pure but for the sockets and files of the transports: no database and no settings. Which entries, when,
and from where on is the business of `audits.services.siem`.
"""
