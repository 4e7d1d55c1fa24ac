<?php
// Takes LiveKit's webhooks and hands them to the extension attendance. What the database does not take is on disk before
// LiveKit gets its 200, and is handed over later; sent twice is recorded once.
//
// Run it: under php-fpm, at any URL; to try it, php -S 127.0.0.1:8999 webhook.php. A request that succeeds also hands over
// what was kept; for when none comes, have cron or a timer run `php webhook.php drain` every minute, as the same user and
// with the same settings. Needs PHP 8.1 and its extension pgsql (Debian: php-pgsql). It reads the environment:
//   DATABASE_URL, or PGHOST, PGUSER, ...   a role that may execute attendance.ingest_signed(bytea, text, timestamptz), no more
//   SPOOL                                  /var/spool/attendance, a folder of its own that outlives a reboot
const MAX_BODY = 4 << 20;  // bytes; LiveKit's have a few thousand
const PATIENCE = 5;        // seconds: how long the database may take, and how long requests spare it after a failure
const FAILED = '.failed';  // file in the spool: when the database last failed a request
const INGEST = 'SELECT http_status, outcome, reason
                FROM attendance.ingest_signed($1::bytea, $2, least(to_timestamp($3), clock_timestamp()))';

// Runs a statement, and returns its row once it is committed.
function ask(string $statement, array $values = []): array
{
    static $connection = null;
    try {
        $connection ??= pg_connect(getenv('DATABASE_URL') ?: '', PGSQL_CONNECT_FORCE_NEW);
        pg_send_query_params($connection, $statement, $values);
        [$read, $none] = [[pg_socket($connection)], null];
        if (!stream_select($read, $none, $none, PATIENCE)) {
            throw new RuntimeException('the database does not answer');
        }
        $result = pg_get_result($connection);
        if (!$result || pg_result_status($result) !== PGSQL_TUPLES_OK) {
            throw new RuntimeException(pg_last_error($connection) ?: pg_result_error($result));
        }
        return pg_fetch_row($result);
    } catch (Exception $error) {
        $connection = null;
        throw $error;
    }
}

function ingest(string $body, string $token, ?string $receivedAt): array
{
    return ask(INGEST, ['\x' . bin2hex($body), $token, $receivedAt]);
}

// Puts a webhook into the spool, whole and on the disk, under a name that sorts by when it came.
function keep(string $body, string $token): void
{
    $name = sprintf('%.6F-%d', $_SERVER['REQUEST_TIME_FLOAT'], getmypid());
    $file = fopen("$name.tmp", 'x');
    if (fwrite($file, "$token\n$body") !== strlen($token) + 1 + strlen($body) || !fsync($file)) {
        throw new RuntimeException('the disk does not take it');
    }
    rename("$name.tmp", $name);
    if (!fsync(fopen('.', 'r'))) {
        throw new RuntimeException('the disk does not take its name');
    }
}

// The answer to a webhook: the database's, or 200 when it is kept, or 503 so that LiveKit sends it again.
function take(string $body, string $token): array
{
    if (@filemtime(FAILED) <= time() - PATIENCE) {
        try {
            return ingest($body, $token, null);
        } catch (Exception $error) {
            @touch(FAILED);
            error_log('not inserted: ' . $error->getMessage());
        }
    }
    try {
        keep($body, $token);
        return [200, 'kept', null];
    } catch (Exception $error) {
        error_log('not kept: ' . $error->getMessage());
        return [503, 'not kept', null];
    }
}

// Hands over what the spool has, oldest first. What cannot be inserted stays, and holds nothing else up.
function drain(float $until): void
{
    $folder = fopen('.', 'r');
    if (!flock($folder, $until === INF ? LOCK_EX : LOCK_EX | LOCK_NB)) {
        return;  // somebody is at it
    }
    foreach (scandir('.') as $name) {
        if (microtime(true) > $until) {
            return;
        }
        if (str_ends_with($name, '.tmp') && @filemtime($name) < time() - 60) {
            @unlink($name);  // cut short, so it had no 200
        }
        if (!preg_match('/^\d+\.\d{6}-\w+$/D', $name)) {
            continue;
        }
        try {
            [$token, $body] = explode("\n", file_get_contents($name), 2);
            [, $outcome, $reason] = ingest($body, $token, strtok($name, '-'));
        } catch (Exception $error) {
            error_log("$name stays: " . $error->getMessage());
            ask('SELECT 1');  // the database's fault? then this fails too
            continue;
        }
        unlink($name);
        @unlink(FAILED);
        if ($reason) {
            error_log("$name $outcome $reason");
        }
    }
}

function answer(): array
{
    if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
        return [405, 'webhooks are POSTed', null];
    }
    $body = file_get_contents('php://input', false, null, 0, MAX_BODY + 1);
    if (strlen($body) > MAX_BODY) {
        return [413, 'too long', null];
    }
    if (strlen($body) < ($_SERVER['CONTENT_LENGTH'] ?? 0)) {
        return [400, 'cut short', null];
    }
    // No token has other characters, and PostgreSQL does not take them all.
    return take($body, preg_replace('/[^ -~]/', '?', $_SERVER['HTTP_AUTHORIZATION'] ?? ''));
}

ini_set('display_errors', '0');
set_error_handler(fn ($level, $message) => error_reporting() & $level ? throw new RuntimeException($message) : false);
getenv('PGCONNECT_TIMEOUT') || putenv('PGCONNECT_TIMEOUT=' . PATIENCE);
umask(0077);
$spool = getenv('SPOOL') ?: '/var/spool/attendance';
is_dir($spool) || mkdir($spool, recursive: true);
chdir($spool);

if (PHP_SAPI === 'cli') {
    drain(INF);
    exit;
}
[$status, $outcome, $reason] = answer();
$text = ($reason ? "$outcome: $reason" : $outcome) . "\n";
http_response_code((int) $status);
header('Allow: POST');
header('Content-Type: text/plain');
header('Content-Length: ' . strlen($text));
echo $text;
function_exists('fastcgi_finish_request') ? fastcgi_finish_request() : flush();
try {
    if ($status < 300 && $outcome !== 'kept') {
        drain(microtime(true) + 2);
    }
} catch (Exception) {
    // the database is away again, as said
}
