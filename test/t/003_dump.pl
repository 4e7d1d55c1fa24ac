# A dump carries everything but secrets: restored into a new database all is as it was, and work goes on.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Attendance;
use Test::More;

my $node = cluster('main');
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump';
my $known = (lesson())[0];

sub answer { return $node->safe_psql('postgres', shift) }

# Something in every table

answer(ingest_batch(lesson()));
schedule_lesson($node);
answer(q(
    UPDATE attendance.policy SET late_after = '10 min', excluded_roles = '{observer,guest}' WHERE policy = 'default';
    INSERT INTO attendance.policy (policy, partial_below) VALUES ('exam', 90);
    UPDATE attendance.configuration SET identity_pattern = '^(?:user-)?([0-9]+)(?:_.*)?$|^visitor-(.+)$';
    INSERT INTO attendance.identity_alias VALUES ('guest-abc', '12');
    SELECT attendance.add_livekit_key('devkey', 'a-secret-that-stays');
    SELECT attendance.ingest_signed('{}', 'no token');
    SELECT attendance.ingest('{"event":');
    INSERT INTO attendance.snapshot VALUES ('session-96', '2026-11-21 02:00Z', 12, 'by hand');
    SELECT attendance.finalise('lesson', '2026-11-21 02:40Z');
    SELECT attendance.override('lesson', '8', 'excused', 'bus'), attendance.override('lesson', '9', 'present', 'asked');
    SELECT attendance.schedule_session('session-97', '2026-11-22 01:00Z', '2026-11-22 02:00Z', 'next')));

my @tables = split /\n/, answer(q{
    SELECT c.oid::regclass
    FROM pg_depend d
    JOIN pg_extension x ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = x.oid AND d.deptype = 'e'
    JOIN pg_class c ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND c.relkind = 'r'
    WHERE x.extname = 'attendance' AND c.relname NOT IN ('livekit_key', 'ticked', 'change', 'wake_up')
    ORDER BY c.relname});
my %before = map { $_ => fingerprint($node, "TABLE $_") } @tables;
unlike($before{$_}, qr/^0 rows/, "$_ has rows to dump") for @tables;

my $report = q{
    SELECT attendee, status, state, revision, overridden
    FROM attendance.report WHERE session_id = 'lesson' ORDER BY attendee COLLATE "C"};
my $reported = answer($report);
like($reported, qr/^8\|excused\|revised\|2\|t$/m, 'the report has something to lose');

# Over to new databases, as SQL in one transaction and from an archive

answer("CREATE DATABASE $_ TEMPLATE template0") for qw(plain archive);
$node->command_ok([ 'pg_dump', '-f', "$dump.sql", 'postgres' ], 'dump as SQL');
$node->command_ok([ 'psql', '-Xq1', '-v', 'ON_ERROR_STOP=1', '-d', 'plain', '-f', "$dump.sql" ], 'restore with psql');
unlike(slurp_file("$dump.sql"), qr/a-secret-that-stays/, 'secrets stay behind');
# In one job: archives keep no order between the tables of an extension that the jobs of pg_restore -j would heed.
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dump.custom", 'postgres' ], 'dump as an archive');
$node->command_ok([ 'pg_restore', '-e', '-d', 'archive', "$dump.custom" ], 'restore with pg_restore');

for my $database (qw(plain archive))
{
    my $there = sub { return $node->safe_psql($database, shift) };
    is(fingerprint($node, "TABLE $_", $database), $before{$_}, "$database: $_ is as it was") for @tables;
    is($there->($report), $reported, "$database: so is the report");
    is($there->('SELECT count(*) FROM attendance.livekit_key'), '0', "$database: keys have to be added again");

    is($there->(ingest($known)), 'duplicate', "$database: events are known");
    $there->(q{SELECT attendance.clear_override('lesson', '9', 'a mistake')});
    is($there->(q{
            SELECT status, revision, (SELECT max(override_id) FROM attendance.override)
            FROM attendance.result WHERE attendee = '9'}),
        'partial|3|3', "$database: overrides go on where they were");
    is($there->(ingest(webhook('joined', 'session-96', 12, 1_795_225_500, 1_795_225_500))),
        'recorded', "$database: new events come in");
    is($there->(q{SELECT reopened_at IS NOT NULL FROM attendance.session WHERE session_id = 'lesson'}),
        't', "$database: and reopen what they touch");
}

# Gone and back

answer('DROP EXTENSION attendance');
is(answer(q{
        SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = s)
             + (SELECT count(*) FROM pg_proc WHERE pronamespace = s)
             + (SELECT count(*) FROM pg_type WHERE typnamespace = s)
             + (SELECT count(*) FROM pg_operator WHERE oprnamespace = s)
        FROM CAST('attendance' AS regnamespace) s}),
    '0', 'dropped, it leaves an empty schema');
answer('CREATE EXTENSION attendance');
is(answer('SELECT late_after, excluded_roles FROM attendance.policy'),
    '00:15:00|{observer}', 'created again, it is as new');
is(answer(ingest($known)), 'recorded', 'and takes events');

$node->stop;
done_testing();
