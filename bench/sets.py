"""The sets that vectors are asked: a name for tables, and the file in the data folder of its language."""

from __future__ import annotations

FOLDERS = {"en": "eval_en", "zh": "eval_zh"}
SIMILARITY = {
    "WS-353": "EN-WS-353-ALL.txt",
    "SimLex": "EN-SIMLEX-999.txt",
    "RG-65": "EN-RG-65.txt",
    "MTurk-287": "EN-MTurk-287.txt",
    "MTurk-771": "EN-MTurk-771.txt",
    "RW": "EN-RW-STANFORD.txt",
    "wordsim-240": "wordsim-240.txt",
}
ANALOGIES = {
    "analogies": "questions-words.txt",
    "ca_translated": "ca_translated.txt",
    "cwe": "cwe_analogy.txt",
}
FEWEST = 20  # pairs or questions with known words; less says nothing
