# A dump carries everything: restored into a new database all is as it was, and work goes on.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Attendance;
use Test::More;

my $node = cluster('main');
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump';

sub answer { return $node->safe_psql('postgres', shift) }

# Something in every table

answer('SELECT count(attendance.ingest(body)) FROM unnest(ARRAY[' . join(',', map { literal($_) } lesson()) . ']) body');
schedule_lesson($node);
answer(q{UPDATE attendance.policy SET late_after = '10 min', excluded_roles = '{observer,guest}' WHERE policy = 'default'});
answer(q{INSERT INTO attendance.policy (policy, partial_below) VALUES ('exam', 90)});
answer(q{UPDATE attendance.configuration SET identity_pattern = '^(?:user-)?([0-9]+)(?:_.*)?$|^visitor-(.+)$'});
answer(q{INSERT INTO attendance.identity_alias VALUES ('guest-abc', '12')});
answer(q(SELECT attendance.ingest('{"event":')));
answer(q{INSERT INTO attendance.snapshot VALUES ('session-96', '2026-11-21 02:00Z', 12, 'by hand')});
answer(q{SELECT attendance.finalise('lesson', '2026-11-21 02:40Z')});
answer(q{INSERT INTO attendance.override (room, session_id, attendee, status, reason)
	VALUES ('session-96', 'lesson', '8', 'excused', 'bus'), ('session-96', 'lesson', '9', 'present', 'asked')});
answer(q{SELECT attendance.finalise('lesson', '2026-11-21 02:50Z')});
answer(q{SELECT attendance.schedule_session('session-97', '2026-11-22 01:00Z', '2026-11-22 02:00Z', 'next')});

# Secrets stay behind.
my @tables = split /\n/, answer(q{
	SELECT c.oid::regclass
	FROM pg_depend d JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND c.relkind = 'r'
	  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'attendance')
	  AND c.relname <> 'livekit_key'
	ORDER BY c.relname});
my %before = map { $_ => fingerprint($node, "TABLE $_") } @tables;
my $report = q{
	SELECT attendee, status, state, revision, overridden
	FROM attendance.report WHERE session_id = 'lesson' ORDER BY attendee COLLATE "C"};
my $reported = answer($report);
like($reported, qr/^8\|excused\|revised\|2\|t$/m, 'there is something to lose');
unlike($before{$_}, qr/^0 rows/, "$_ has rows to dump") for @tables;

# Over to new databases: as SQL in one transaction, and from an archive

answer("CREATE DATABASE $_ TEMPLATE template0") for qw(plain archive);
$node->command_ok([ 'pg_dump', '-f', "$dump.sql", 'postgres' ], 'dump as SQL');
$node->command_ok([ 'psql', '-Xq1', '-v', 'ON_ERROR_STOP=1', '-d', 'plain', '-f', "$dump.sql" ], 'restore with psql');
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dump.custom", 'postgres' ], 'dump as an archive');
# In one job: pg_dump keeps no order between the tables of an extension that the jobs of pg_restore -j would heed.
$node->command_ok([ 'pg_restore', '-e', '-d', 'archive', "$dump.custom" ], 'restore with pg_restore');

for my $database (qw(plain archive))
{
	my $there = sub { return $node->safe_psql($database, shift) };
	is(fingerprint($node, "TABLE $_", $database), $before{$_}, "$database: $_ is as it was") for @tables;
	is($there->($report), $reported, "$database: so is the report");

	is($there->('SELECT outcome FROM attendance.ingest(' . literal((lesson())[0]) . ')'),
		'duplicate', "$database: events are known");
	is($there->(q{
			INSERT INTO attendance.override (room, session_id, attendee, status, reason)
			VALUES ('session-96', 'lesson', '9', NULL, 'a mistake')
			RETURNING override_id}),
		'3', "$database: overrides go on where they were");
	is($there->(q{SELECT attendance.finalise('lesson', '2026-11-21 03:00Z')}), '1', "$database: and count");
	is($there->(q{SELECT status, revision FROM attendance.result WHERE attendee = '9'}), 'partial|3', "$database: at once");
	is($there->('SELECT outcome FROM attendance.ingest('
			  . literal(webhook('joined', 'session-96', 12, 1_795_225_500, 1_795_225_500)) . ')'),
		'recorded', "$database: new events come in");
	is($there->(q{SELECT reopened_at IS NOT NULL FROM attendance.session WHERE session_id = 'lesson'}),
		't', "$database: and reopen what they touch");
}

# Gone and back

answer('DROP EXTENSION attendance');
is(answer(q{SELECT count(*) FROM pg_namespace WHERE nspname = 'attendance'}), '0', 'dropped, it leaves nothing');
answer('CREATE EXTENSION attendance');
is(answer(q{SELECT late_after, excluded_roles FROM attendance.policy}), '00:15:00|{observer}', 'created again, it is as new');
is(answer('SELECT outcome FROM attendance.ingest(' . literal((lesson())[0]) . ')'), 'recorded', 'and takes events');

$node->stop;
done_testing();
