#!/usr/bin/env python3
"""What a stopped gateway's journal reports, as one line of JSON: journal_rows.py PATH

{"dead": [...], "marked": [...], "gaps": [...], "states": {"turns.done": N, ...}, "ledger": [{...}]}: dead letters, outbox rows that
may stand twice in the chat, gaps, each as one text of everything in its row; how many rows are in which state; and every attempt
at a model's provider, by column.
"""

import json
import sqlite3
import sys


def text(row):
    return " ".join(v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in row)


def main():
    journal = sqlite3.connect(sys.argv[1])
    tables = [r[0] for r in journal.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {"dead": [], "marked": [], "gaps": [], "states": {}, "ledger": []}
    for table in tables:
        columns = {r[1] for r in journal.execute(f"PRAGMA table_info({table})")}
        if "state" in columns:
            found["dead"] += [f"{table} " + text(r) for r in journal.execute(f"SELECT * FROM {table} WHERE state = 'dead'")]
            for state, count in journal.execute(f"SELECT state, count(*) FROM {table} GROUP BY state"):
                found["states"][f"{table}.{state}"] = count
        if "possible_duplicate" in columns:
            found["marked"] += [text(r) for r in journal.execute(f"SELECT * FROM {table} WHERE possible_duplicate = 1")]
        if table == "ledger":
            rows = journal.execute("SELECT * FROM ledger ORDER BY row")
            names = [column[0] for column in rows.description]
            found["ledger"] = [dict(zip(names, row)) for row in rows]
        if table == "gaps":
            found["gaps"] = [text(r) for r in journal.execute("SELECT * FROM gaps")]
    print(json.dumps(found))


main()
