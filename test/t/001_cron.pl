# pg_cron fires by itself: what is due becomes final, a late event becomes a revision, and nobody calls tick().

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Attendance;
use Test::More;

chomp(my $libraries = `pg_config --pkglibdir`);
plan skip_all => 'pg_cron is not installed' unless -e "$libraries/pg_cron.so";

my $node = cluster('main', conf => q{
    shared_preload_libraries = 'pg_cron'
    cron.database_name = 'postgres'
    cron.use_background_workers = on
    max_worker_processes = 20
});

sub answer { return $node->safe_psql('postgres', shift) }

# Without pg_cron

for my $function ('schedule_jobs', 'unschedule_jobs')
{
    my ($status, $out, $error) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT attendance.$function()");
    like($error, qr/ERROR:  0A000: pg_cron is not installed in database "postgres"\n/, "$function() needs pg_cron");
    like($error, qr/^HINT:  .*CREATE EXTENSION pg_cron/m, "$function() says how to get it");
}
is(answer('SELECT count(*) FROM attendance.tick()'), '0', 'everything else works without it');

# With it

my $now = answer('SELECT floor(extract(epoch FROM now()))');
answer(qq{
    SELECT attendance.schedule_session('maths', to_timestamp($now - 4200), to_timestamp($now - 600), 'due');
    SELECT attendance.schedule_session('maths', to_timestamp($now - 3000), to_timestamp($now + 3600), 'running');
    SELECT attendance.enrol('due', '1'), attendance.enrol('due', '2')});
answer(ingest(webhook('joined', 'maths', 1, $now - 4200, $now - 4200)));

my $report = q{
    SELECT attendee, status, attended, state, revision
    FROM attendance.report WHERE session_id = 'due' ORDER BY attendee;};
is(answer($report),
    "1|present|01:00:00|provisional|\n2|absent|00:00:00|provisional|", 'provisional until pg_cron comes by');

answer('CREATE EXTENSION pg_cron');
my $job = answer('SELECT attendance.schedule_jobs()');
is(answer('SELECT attendance.schedule_jobs()'), $job, 'scheduled twice it is the same job');
is(answer('SELECT jobid, schedule, command, active FROM cron.job'),
    "$job|* * * * *|SELECT * FROM attendance.tick()|t", 'and the only one');

ok($node->poll_query_until('postgres',
        q{SELECT finalised_at IS NOT NULL FROM attendance.session WHERE session_id = 'due'}),
    'pg_cron finalised the session that is due');
is(answer($report), "1|present|01:00:00|final|1\n2|absent|00:00:00|final|1", 'which is final');

# In one transaction, lest pg_cron comes between them.
is(answer('BEGIN;' . ingest(webhook('left', 'maths', 1, $now - 4200, $now - 2400)) . $report . 'COMMIT'),
    "recorded\n1|present|00:30:00|provisional|\n2|absent|00:00:00|provisional|", 'a late event reopens it');

ok($node->poll_query_until('postgres',
        q{SELECT reopened_at IS NULL FROM attendance.session WHERE session_id = 'due'}),
    'pg_cron looked again');
is(answer($report), "1|present|00:30:00|revised|2\n2|absent|00:00:00|final|1", 'what changed has a new revision');
is(answer('SELECT attendee, attended, revision FROM attendance.result_revision'),
    '1|01:00:00|1', 'and the old one is kept');

is(answer(q{SELECT finalised_at IS NULL FROM attendance.session WHERE session_id = 'running'}),
    't', 'a running session is left alone');
is(answer(q{SELECT DISTINCT jobid, status FROM cron.job_run_details WHERE status NOT IN ('starting', 'running')}),
    "$job|succeeded", 'no run failed');

is(answer('SELECT attendance.unschedule_jobs()'), 't', 'unscheduled');
is(answer('SELECT count(*) FROM cron.job'), '0', 'the job is gone');
is(answer('SELECT attendance.unschedule_jobs()'), 'f', 'and cannot be removed twice');

$node->stop;
done_testing();
