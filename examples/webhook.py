#!/usr/bin/python3
"""Takes LiveKit's webhooks and hands them to the extension attendance. What the database does not take is on disk before
LiveKit gets its 200, and is handed over later; sent twice is recorded once.

Run it: python3 webhook.py. Needs Python 3.11 and psycopg2 (Debian: python3-psycopg2). It reads the environment:
  DATABASE_URL, or PGHOST, PGUSER, ...   a role that may execute attendance.ingest_signed(bytea, text, timestamptz), no more
  ADDRESS, PORT, WEBHOOK_PATH            127.0.0.1, 8999, /webhook
  SPOOL                                  /var/spool/attendance, a folder of its own that outlives a reboot
"""
import os
import queue
import re
import select
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2
from psycopg2.extensions import POLL_OK, POLL_READ

SPOOL = os.environ.get('SPOOL', '/var/spool/attendance')
PATH = os.environ.get('WEBHOOK_PATH', '/webhook')
MAX_BODY = 4 << 20  # bytes; LiveKit's have a few thousand
PATIENCE = 5        # seconds: how long the database may take, and how long requests spare it after a failure
INGEST = '''SELECT http_status, outcome, reason
            FROM attendance.ingest_signed(%s, %s, least(to_timestamp(%s), clock_timestamp()))'''

connections = queue.LifoQueue()
for _ in range(4):
    connections.put(None)  # yet to be made
spared_until = 0.0
stopping = threading.Event()


def log(*words):
    print(*words, file=sys.stderr, flush=True)


def wait(connection):
    """What psycopg2 does instead of waiting without end."""
    deadline = time.monotonic() + PATIENCE
    while (state := connection.poll()) != POLL_OK:
        poll = select.poll()
        poll.register(connection, select.POLLIN if state == POLL_READ else select.POLLOUT)
        if not poll.poll(max(0, deadline - time.monotonic()) * 1000):
            raise TimeoutError('the database does not answer')


def ask(statement, *arguments):
    """Runs a statement, and returns its row once it is committed."""
    connection = connections.get(timeout=PATIENCE)
    try:
        if connection and select.select([connection], [], [], 0)[0]:
            connection = None  # a server speaks unasked when it ends
        if not connection:
            connection = psycopg2.connect(os.environ.get('DATABASE_URL', ''))
            connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement, arguments)
            return cursor.fetchone()
    except BaseException:
        connection = None
        raise
    finally:
        connections.put(connection)


def keep(body, token, received_at):
    """Puts a webhook into the spool, whole and on the disk, under a name that sorts by when it came."""
    name = f'{received_at:.6f}-{os.getpid()}_{threading.get_native_id()}'
    with open(name + '.tmp', 'xb') as file:
        file.write(token.encode() + b'\n' + body)
        file.flush()
        os.fsync(file.fileno())
    os.rename(name + '.tmp', name)
    os.fsync(folder)


def take(body, token, received_at):
    """The answer to a webhook: the database's, or 200 when it is kept, or 503 so that LiveKit sends it again."""
    global spared_until
    try:
        if time.monotonic() >= spared_until:
            return ask(INGEST, body, token, None)
    except Exception as error:
        spared_until = time.monotonic() + PATIENCE
        log('not inserted:', error)
    try:
        keep(body, token, received_at)
        return 200, 'kept', None
    except OSError as error:
        log('not kept:', error)
        return 503, 'not kept', None


def drain():
    """Hands over what the spool has, oldest first. What cannot be inserted stays, and holds nothing else up."""
    global spared_until
    for name in sorted(os.listdir()):
        if stopping.is_set():
            return
        if name.endswith('.tmp') and os.stat(name).st_mtime < time.time() - 60:
            os.unlink(name)  # cut short, so it had no 200
        if not re.fullmatch(r'\d+\.\d{6}-\w+', name):
            continue
        try:
            with open(name, 'rb') as file:
                token, body = file.read().split(b'\n', 1)
            status, outcome, reason = ask(INGEST, body, token.decode(), name.partition('-')[0])
        except Exception as error:
            log(name, 'stays:', error)
            ask('SELECT 1')  # the database's fault? then this fails too
            continue
        os.unlink(name)
        spared_until = 0.0
        if reason:
            log(name, outcome, reason)


class Webhook(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    timeout = PATIENCE

    def do_POST(self):
        received_at = time.time()
        length = self.headers.get('Content-Length', '')
        if self.path.partition('?')[0] != PATH:
            return self.answer(404, 'webhooks go to ' + PATH)
        if not re.fullmatch('[0-9]{1,15}', length):
            return self.answer(411, 'of what length?')
        if int(length) > MAX_BODY:
            return self.answer(413, 'too long')
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            return self.answer(400, 'cut short')
        # No token has other characters, and PostgreSQL does not take them all.
        token = re.sub('[^ -~]', '?', self.headers.get('Authorization', ''))
        status, outcome, reason = take(body, token, received_at)
        self.answer(status, f'{outcome}: {reason}' if reason else outcome)

    def do_GET(self):
        self.answer(405, 'webhooks are POSTed')

    do_HEAD = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET

    def answer(self, status, text):
        self.send_response(status)
        self.send_header('Allow', 'POST')
        self.send_header('Content-Length', str(len(text) + 1))
        if stopping.is_set() or status // 100 == 4:  # the body may be unread
            self.send_header('Connection', 'close')
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(text.encode() + b'\n')

    def log_request(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = False  # so that stopping waits for them
    request_queue_size = 128


os.umask(0o077)
os.makedirs(SPOOL, exist_ok=True)
os.chdir(SPOOL)
folder = os.open('.', os.O_RDONLY)
psycopg2.extensions.set_wait_callback(wait)
for number in signal.SIGTERM, signal.SIGINT:
    signal.signal(number, lambda *_: stopping.set())
server = Server((os.environ.get('ADDRESS', '127.0.0.1'), int(os.environ.get('PORT', '8999'))), Webhook)
threading.Thread(target=server.serve_forever).start()
while not stopping.wait(1):
    try:
        drain()
    except Exception:
        pass  # the database is away, as said; again in a second
server.shutdown()
server.server_close()
