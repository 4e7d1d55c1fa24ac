#!/usr/bin/env python3
"""Follows what changes in attendance, and prints each change as a line of JSON.

Usage: follow.py CURSOR_FILE
The file remembers how far it has come, so that it goes on from there when it, the network or the server comes back. A
change may be printed again after a crash in between; none is left out. A new file begins with the next change.

Needs python3-psycopg2; finds the database by libpq's variables (PGHOST, PGDATABASE, ...). Its role needs
GRANT EXECUTE ON FUNCTION attendance.changes_since(text, integer), attendance.current_cursor().
LISTEN needs a connection of its own: not through a pool that shares connections between transactions.
"""
import json
import os
import select
import sys
import time

import psycopg2

COLUMNS = ("changed_at", "kind", "room", "session_id", "attendee", "event", "event_id")
ACTIVE, IDLE = 1, 30  # seconds until the next look: what follows a wake-up within a second is not announced


def load(path):
    try:
        with open(path) as file:
            return file.read()
    except FileNotFoundError:
        return None


def save(path, cursor):
    with open(path + ".new", "w") as file:
        file.write(cursor)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".new", path)


def follow(path):
    connection = psycopg2.connect("", connect_timeout=5)
    connection.autocommit = True
    db = connection.cursor()
    db.execute("LISTEN attendance")
    cursor = load(path)
    if cursor is None:
        db.execute("SELECT attendance.current_cursor()")
        cursor, = db.fetchone()
        save(path, cursor)
    wait = ACTIVE
    while True:
        db.execute(f"SELECT cursor, {', '.join(COLUMNS)} FROM attendance.changes_since(%s)", (cursor,))
        for cursor, *change in db:
            print(json.dumps(dict(zip(COLUMNS, change)), default=str))
            wait = ACTIVE
        if db.rowcount:
            sys.stdout.flush()
            save(path, cursor)
            continue
        if select.select([connection], [], [], wait)[0]:
            connection.poll()
            connection.notifies.clear()
        else:
            wait = IDLE


if len(sys.argv) != 2:
    sys.exit(__doc__)
while True:
    try:
        follow(sys.argv[1])
    except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
        print(f"follow.py: {error}".strip(), file=sys.stderr)
        time.sleep(1)
