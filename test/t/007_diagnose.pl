# diagnose() finds why nothing calls tick(), from a server without pg_cron to one where it runs, and what it says mends it.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Attendance;
use Test::More;

chomp(my $libraries = `pg_config --pkglibdir`);
plan skip_all => 'pg_cron is not installed' unless -e "$libraries/pg_cron.so";

# Set but not loaded: a placeholder.
my $node = cluster('main', allows_streaming => 1, conf => q{
    cron.database_name = 'postgres'
    max_worker_processes = 20
});

sub answer { return $node->safe_psql('postgres', shift) }

# What is found now, or some minutes later; where: another server than the first.
sub found
{
    my ($minutes, $where) = @_;
    return ($where // $node)->safe_psql('postgres', sprintf q{
        SELECT string_agg(severity || ' ' || finding, ', ')
        FROM attendance.diagnose(now() + %d * interval '1 min')}, $minutes // 0);
}

# The first statement of a finding's fix, as of some minutes later.
sub fix
{
    my ($finding, $minutes) = @_;
    return answer(sprintf q{
        SELECT substring(fix FROM '(?:SELECT|CREATE|GRANT) [^;]*;')
        FROM attendance.diagnose(now() + %d * interval '1 min') WHERE finding = '%s'}, $minutes // 0, $finding);
}

# Waits until pg_cron has called tick() once more.
sub wait_for_tick
{
    my $before = answer(q{SELECT coalesce(by_cron_at, '-infinity') FROM attendance.ticked});
    return $node->poll_query_until('postgres', "SELECT by_cron_at > '$before' FROM attendance.ticked");
}

# Nothing to do, something to do, something overdue

is(found(), '', 'a fresh install is healthy');
answer(q{SELECT attendance.schedule_session('maths', now() + interval '1 day', now() + interval '25 h', 'tomorrow')});
is(found(), 'warning cron_not_loaded', 'with a session to come somebody has to call tick()');
answer(q{SELECT attendance.schedule_session('maths', now() - interval '2 h', now() - interval '1 h', 'due')});
is(found(10), 'critical cron_not_loaded, warning sessions_overdue', 'worse once a session is overdue');
like(answer('SELECT fix FROM attendance.diagnose()'), qr/^shared_preload_libraries = 'pg_cron' and cron\.database_name = 'postgres'/,
    'which says how pg_cron is loaded');

# Another scheduler

answer('SELECT * FROM attendance.tick()');
is(found(), '', 'nothing to say while another scheduler calls tick()');
is(answer('SELECT by_cron_at IS NULL, other FROM attendance.ticked'), 't|007_diagnose.pl', 'which is known by its name');
is(found(4), '', 'nor when it takes its time');
is(found(6), 'warning tick_stopped', 'until it stops');

# pg_cron in another database

answer('UPDATE attendance.ticked SET by_other_at = NULL, other = NULL');
answer('CREATE DATABASE elsewhere');
$node->append_conf('postgresql.conf', q{
    shared_preload_libraries = 'pg_cron'
    cron.database_name = 'elsewhere'
    cron.use_background_workers = on
});
$node->restart;
is(found(), 'warning cron_in_other_database', 'pg_cron is for another database');
$node->safe_psql('elsewhere', 'CREATE EXTENSION pg_cron');
$node->safe_psql('elsewhere', fix('cron_in_other_database'));
ok(wait_for_tick(), 'what the fix says has tick() called from there, by a background worker');
is(found(), '', 'which is healthy');
is(found(10), 'warning cron_in_other_database', 'until that stops');
$node->safe_psql('elsewhere', 'DROP EXTENSION pg_cron');

# pg_cron in this one, from here on by connections

$node->append_conf('postgresql.conf', sprintf q{
    cron.database_name = 'postgres'
    cron.use_background_workers = off
    cron.host = '%s'
}, $node->host);
$node->restart;
is(found(10), 'warning cron_not_created', 'pg_cron is loaded, its extension is missing');
answer('CREATE EXTENSION pg_cron');
is(found(10), 'warning cron_job_missing', 'the extension is there, its job is missing');
answer(fix('cron_job_missing', 10));
is(found(), '', 'the job is there: healthy before it ran');
is(found(10), 'warning cron_job_late', 'late, when it does not run');
ok(wait_for_tick(), 'it runs, by a connection');
is(found(), '', 'healthy with pg_cron running');

# The job gone, off, failing

answer('SELECT attendance.unschedule_jobs()');
is(found(), 'warning cron_job_missing', 'the job is gone: said at once');
answer(q{SELECT cron.schedule('nightly', '0 3 * * *', 'VACUUM')});
is(found(), 'warning cron_job_missing', 'another job does not count');
answer(fix('cron_job_missing'));
is(found(), '', 'the job is back');

answer('UPDATE cron.job SET active = false');
is(found(), 'warning cron_job_inactive', 'the job is off');
answer(fix('cron_job_inactive'));
is(found(), '', 'the job is on');
answer('UPDATE cron.job SET active = false');
answer('SELECT * FROM attendance.tick()');
is(found(), '', 'nor has it to be while somebody else calls tick()');
answer('UPDATE cron.job SET active = true; UPDATE attendance.ticked SET by_other_at = NULL');

answer(q{
    CREATE ROLE clerk LOGIN;
    DELETE FROM cron.job_run_details;
    SELECT cron.alter_job(jobid, username => 'clerk') FROM cron.job WHERE jobname = 'attendance_tick'});
ok($node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM cron.job_run_details WHERE status = 'failed'}),
    'the job of a role that may not tick fails');
is(found(), 'warning cron_job_failing', 'which is found');
like(answer('SELECT evidence FROM attendance.diagnose()'), qr/permission denied for function tick/, 'with the error');
answer(fix('cron_job_failing') =~ s/<the job's role>/clerk/r);
ok(wait_for_tick(), 'mended as the fix says it runs again');
is(found(), '', 'one success is enough');

# A function of one's own that calls tick() is a job as good

answer(q{
    CREATE FUNCTION chores() RETURNS void BEGIN ATOMIC SELECT * FROM attendance.tick(); END;
    DELETE FROM cron.job_run_details; DELETE FROM cron.job;
    SELECT cron.schedule('chores', '* * * * *', 'SELECT chores()')});
is(found(), '', 'a job that calls tick() by a function of its own is not known, but it ticks');
is(found(10), 'warning cron_job_missing', 'unless it does not');
answer(q{SELECT cron.unschedule('chores'), attendance.schedule_jobs()});

# A standby, which loads nothing

$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', q{shared_preload_libraries = ''});
$standby->start;
$node->wait_for_catchup($standby);
is(found(0, $standby), '', 'a standby is healthy as its primary');
is(found(10, $standby), 'warning cron_job_late', 'and knows of its primary what there is to know');
answer(q{DROP EXTENSION pg_cron});
$node->wait_for_catchup($standby);
is(found(10, $standby), 'warning tick_stopped', 'why the primary has no pg_cron is the primary\'s to say');
is(found(10), 'warning cron_not_created', 'as it does');

$standby->stop;
$node->stop;
done_testing();
