# What the TAP tests share: clusters with the extension, webhooks to feed them, and fingerprints of what they hold.
package Attendance;

use strict;
use warnings;
use Encode 'encode_utf8';
use Exporter 'import';
use FindBin;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Time::HiRes 'usleep';

our @EXPORT = qw(cluster fingerprint ingest ingest_batch kill_all lesson literal schedule_lesson webhook);

# Starts a cluster whose database postgres has the extension. conf: lines for postgresql.conf; the rest is init's.
sub cluster
{
    my ($name, %params) = @_;
    my $conf = delete $params{conf} // '';
    my $node = PostgreSQL::Test::Cluster->new($name);
    $node->init(extra => [ '--encoding=UTF8', '--no-locale' ], %params);
    $node->append_conf('postgresql.conf', $conf);
    $node->start;
    $node->safe_psql('postgres', 'CREATE EXTENSION attendance');
    return $node;
}

# Kills every process of the server at once, and waits until init has buried them: the next server checks their ids.
sub kill_all
{
    my $node = shift;
    my ($postmaster) = split /\n/, slurp_file($node->data_dir . '/postmaster.pid');
    my @processes = ($postmaster, split ' ', `ps -o pid= --ppid $postmaster`);
    kill 'KILL', @processes;
    $node->kill9;
    for (my $waits = 0; kill(0, @processes) && $waits < 1000; $waits++)
    {
        usleep(10_000);
    }
    return;
}

# A text as an SQL literal.
sub literal
{
    my $text = shift;
    return "'" . $text =~ s/'/''/gr . "'";
}

# The statement that hands over one body.
sub ingest
{
    my $body = shift;
    return 'SELECT outcome FROM attendance.ingest(' . literal($body) . ');';
}

# The statement that hands over many.
sub ingest_batch
{
    return 'SELECT outcome FROM attendance.ingest_batch(ARRAY[' . join(',', map { literal($_) } @_) . ']);';
}

# The body of a webhook about one participant: who joined the room at joined, and did so, left, ... at an instant.
sub webhook
{
    my ($event, $room, $who, $joined, $at) = @_;
    return JSON::PP->new->canonical->utf8->encode(
        {
            event => "participant_$event",
            id => "EV_${event}_${room}_$who",
            createdAt => int $at,
            room => { name => $room, sid => "RM_$room" },
            participant => { sid => "PA_${room}_$who", identity => "$who", joinedAt => int $joined }
        });
}

# The recorded lesson: the bodies of its webhooks, in order.
sub lesson
{
    my @requests = split /\n/, slurp_file("$FindBin::RealBin/../recordings/lesson/webhooks.jsonl");
    return map { encode_utf8(decode_json($_)->{body}) } @requests;
}

# Schedules the recorded lesson and its people.
sub schedule_lesson
{
    my $node = shift;
    $node->safe_psql('postgres', q{
        SELECT attendance.schedule_session('session-96', starts_at, starts_at + interval '45 min', 'lesson')
        FROM CAST('2026-11-21 01:43:45.485Z' AS timestamptz) starts_at;
        SELECT attendance.enrol('lesson', attendee, CASE attendee WHEN '1' THEN 'teacher' ELSE 'student' END)
        FROM unnest('{1,5,7,8,9,10,11,12,13,14,15,16}'::text[]) attendee;});
    return;
}

# How many rows a query has, and one md5 over them, whatever order they come in.
sub fingerprint
{
    my ($node, $query, $database) = @_;
    return $node->safe_psql($database // 'postgres', qq{
        SELECT concat(count(*), ' rows ', md5(string_agg(r::text, E'\\n' ORDER BY r::text COLLATE "C")))
        FROM ($query) r});
}

1;
