# A hot standby answers every question, and leaves the work to its primary until it is one.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Attendance;
use Test::More;

my $primary = cluster('primary', allows_streaming => 1);
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

# One lesson that is final, one that is due.
$primary->safe_psql('postgres', ingest_batch(lesson()));
schedule_lesson($primary);
$primary->safe_psql('postgres', q{
    SELECT attendance.finalise('lesson', '2026-11-21 02:40Z');
    SELECT attendance.schedule_session('session-96', '2026-11-21 02:00Z', '2026-11-21 02:20Z', 'part')});
$primary->wait_for_catchup($standby);

is($standby->safe_psql('postgres', 'SELECT pg_is_in_recovery()'), 't', 'the standby is one');

for my $question (
    q{SELECT * FROM attendance.report WHERE session_id = 'lesson'},
    q{SELECT session_id, attendee, status, attended, state FROM attendance.report WHERE session_id = 'part'},
    q{SELECT * FROM attendance.assess('lesson', '2026-11-21 02:10Z')},
    q{SELECT * FROM attendance.assess('part', '2026-11-21 02:40Z', 'default')},
    q{SELECT * FROM attendance.explain('lesson', '8', '2026-11-21 02:40Z')},
    q{SELECT attendance.status_json('part', '8', '2026-11-21 02:10Z')},
    q{SELECT * FROM attendance.session_summary WHERE session_id = 'lesson'})
{
    my $answer = fingerprint($primary, $question);
    like($answer, qr/^[1-9]\d* rows/, 'the primary has an answer');
    is(fingerprint($standby, $question), $answer, "the standby has the same: $question");
}

is($standby->safe_psql('postgres', q{SELECT count(*) FROM attendance.tick(as_of => '2026-11-21 03:00Z')}),
    '0', 'tick() does nothing there, quietly');

# An error, not a receipt: the backend answers 5xx, and LiveKit tries again.
my $event = webhook('joined', 'session-96', 12, 1_795_225_500, 1_795_225_500);
my ($status, $out, $error) = $standby->psql('postgres', "\\set VERBOSITY sqlstate\n" . ingest($event));
is("$out|$error", '|psql:<stdin>:2: ERROR:  25006', 'ingest() is refused');

$standby->promote;
is($standby->safe_psql('postgres', q{SELECT session_id, outcome FROM attendance.tick(as_of => '2026-11-21 03:00Z')}),
    'part|finalised', 'promoted, it finalises what is due');
is($standby->safe_psql('postgres', ingest($event)), 'recorded', 'and takes events');

$standby->stop;
$primary->stop('immediate');
done_testing();
