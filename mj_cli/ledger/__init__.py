"""The ledger: what was asked, what came of it, and which files it left."""

from mj_cli.ledger.interface import (
    Claimed,
    FileConflict,
    JobFilter,
    Ledger,
    MonthTotal,
    Recovery,
    SavedFile,
    SlotsFull,
    SlotTaken,
    SubmitPaused,
    TakenByOther,
)

__all__ = [
    "Claimed",
    "FileConflict",
    "JobFilter",
    "Ledger",
    "MonthTotal",
    "Recovery",
    "SavedFile",
    "SlotTaken",
    "SlotsFull",
    "SubmitPaused",
    "TakenByOther",
]
