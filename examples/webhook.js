// Takes LiveKit's webhooks and hands them to the extension attendance. What the database does not take is on disk before
// LiveKit gets its 200, and is handed over later; sent twice is recorded once.
//
// Run it: node webhook.js. Needs Node.js 18 and pg (npm install pg, or Debian: node-pg). It reads the environment:
//   DATABASE_URL, or PGHOST, PGUSER, ...   a role that may execute attendance.ingest_signed(bytea, text, timestamptz), no more
//   ADDRESS, PORT, WEBHOOK_PATH            127.0.0.1, 8999, /webhook
//   SPOOL                                  /var/spool/attendance, a folder of its own that outlives a reboot
'use strict';
const fs = require('node:fs/promises');
const http = require('node:http');
const { Pool } = require('pg');

const { DATABASE_URL, ADDRESS = '127.0.0.1', PORT = 8999, WEBHOOK_PATH = '/webhook', SPOOL = '/var/spool/attendance' } = process.env;
const maxBody = 4 << 20;  // bytes; LiveKit's have a few thousand
const patience = 5000;    // ms: how long the database may take, and how long requests spare it after a failure
const ingest = `SELECT http_status, outcome, reason
                FROM attendance.ingest_signed($1::bytea, $2, least(to_timestamp($3), clock_timestamp()))`;

const log = console.error;
const pool = new Pool({ connectionString: DATABASE_URL, max: 4, connectionTimeoutMillis: patience, query_timeout: patience });
pool.on('error', () => {});  // of an idle connection, which the pool replaces
let sparedUntil = 0;
let count = 0;
let stopping = false;

// Runs a statement, and returns its row once it is committed.
const ask = async (statement, ...values) => (await pool.query(statement, values)).rows[0];

async function withFile(name, flags, use) {
  const file = await fs.open(name, flags);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

// Puts a webhook into the spool, whole and on the disk, under a name that sorts by when it came.
async function keep(body, token, receivedAt) {
  const name = `${(receivedAt / 1000).toFixed(6)}-${process.pid}_${String(++count).padStart(9, '0')}`;
  await withFile(`${name}.tmp`, 'wx', async (file) => {
    await file.writeFile(Buffer.concat([Buffer.from(`${token}\n`), body]));
    await file.sync();
  });
  await fs.rename(`${name}.tmp`, name);
  await withFile('.', 'r', (folder) => folder.sync());
}

// The answer to a webhook: the database's, or 200 when it is kept, or 503 so that LiveKit sends it again.
async function take(body, token, receivedAt) {
  if (Date.now() >= sparedUntil) {
    try {
      return await ask(ingest, body, token, null);
    } catch (error) {
      sparedUntil = Date.now() + patience;
      log('not inserted:', error.message);
    }
  }
  try {
    await keep(body, token, receivedAt);
    return { http_status: 200, outcome: 'kept' };
  } catch (error) {
    log('not kept:', error.message);
    return { http_status: 503, outcome: 'not kept' };
  }
}

// Hands over what the spool has, oldest first. What cannot be inserted stays, and holds nothing else up.
async function drain() {
  for (const name of (await fs.readdir('.')).sort()) {
    if (stopping) return;
    if (name.endsWith('.tmp') && (await fs.stat(name)).mtimeMs < Date.now() - 60000) await fs.unlink(name);  // cut short, so it had no 200
    if (!/^\d+\.\d{6}-\w+$/.test(name)) continue;
    try {
      const file = await fs.readFile(name);
      const end = file.indexOf('\n');
      const { outcome, reason } = await ask(ingest, file.subarray(end + 1), file.toString('latin1', 0, end), parseFloat(name));
      if (reason) log(name, outcome, reason);
    } catch (error) {
      log(name, 'stays:', error.message);
      await ask('SELECT 1');  // the database's fault? then this fails too
      continue;
    }
    await fs.unlink(name);
    sparedUntil = 0;
  }
}

async function answer(request, response) {
  const receivedAt = Date.now();
  const reply = (status, text) => {
    if (stopping || status >= 400 && status < 500) response.setHeader('Connection', 'close');  // the body may be unread
    response.writeHead(status, { Allow: 'POST' }).end(`${text}\n`);
  };
  if (request.url.split('?')[0] !== WEBHOOK_PATH) return reply(404, `webhooks go to ${WEBHOOK_PATH}`);
  if (request.method !== 'POST') return reply(405, 'webhooks are POSTed');
  const chunks = [];
  let length = 0;
  for await (const chunk of request) {
    chunks.push(chunk);
    if ((length += chunk.length) > maxBody) return reply(413, 'too long');
  }
  // No token has other characters, and PostgreSQL does not take them all.
  const token = (request.headers.authorization ?? '').replace(/[^ -~]/g, '?');
  const { http_status, outcome, reason } = await take(Buffer.concat(chunks), token, receivedAt);
  reply(http_status, reason ? `${outcome}: ${reason}` : outcome);
}

const server = http.createServer((request, response) => {
  answer(request, response).catch(() => response.destroy());  // whoever sent it is gone
});

async function main() {
  process.umask(0o077);
  await fs.mkdir(SPOOL, { recursive: true });
  process.chdir(SPOOL);
  await new Promise((resolve) => server.listen(PORT, ADDRESS, resolve));
  const stop = () => { stopping = true; };
  process.on('SIGTERM', stop).on('SIGINT', stop);
  while (!stopping) {
    await drain().catch(() => {});  // the database is away, as said; again in a second
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  server.close(() => pool.end());
  server.closeIdleConnections();
}

main();
