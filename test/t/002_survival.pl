# The server dies under load. What it had acknowledged is there afterwards, whole; what it had not, a retry brings.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run;
use PostgreSQL::Test::Utils;
use Attendance;
use Test::More;

use constant { CLIENTS => 4, PEOPLE => 2_500, START => 1_767_261_600 };

my $node = cluster('main', conf => "fsync = on\n");
my $folder = PostgreSQL::Test::Utils::tempdir();

# What a client sends: people join and leave, every other one a room that all clients share.
sub bodies
{
    my ($round, $client) = @_;
    return map
    {
        my ($room, $who, $joined) = ($_ % 2 ? 'shared' : "room $client", "$round-$client-$_", START + $_);
        (webhook('joined', $room, $who, $joined, $joined), webhook('left', $room, $who, $joined, $joined + 60))
    } 1 .. PEOPLE;
}

for my $round (1 .. 12)
{
    my $how = $round % 2 ? 'kill -9' : 'an immediate shutdown';
    my @clients;
    for my $client (1 .. CLIENTS)
    {
        my $file = "$folder/$round-$client";
        append_to_file("$file.sql",
            join "\n", map { ingest($_) =~ s/SELECT outcome/SELECT event_id/r } bodies($round, $client));
        push @clients, IPC::Run::start(
            [ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-f', "$file.sql" ],
            '>', "$file.acknowledged", '2>', "$file.error");
    }
    # Uncommitted, though its records reach the disk with those of others.
    my $undecided = webhook('joined', 'undecided', $round, START, START);
    my $session = $node->background_psql('postgres');
    is($session->query_safe('BEGIN;' . ingest($undecided)), 'recorded', "round $round: one event waits for its commit");

    ok($node->poll_query_until('postgres',
            "SELECT count(*) >= 800 FROM attendance.event WHERE identity LIKE '$round-%'"),
        "round $round: load");
    $round % 2 ? kill_all($node) : $node->stop('immediate');
    IPC::Run::finish($_) for @clients;
    is(join(' ', map { $_->result } @clients), join(' ', (2) x CLIENTS), "round $round: $how cut every client off");
    $session->quit;
    $node->start;

    my @ids = map { split /\n/, slurp_file("$folder/$round-$_.acknowledged") } 1 .. CLIENTS;
    cmp_ok(scalar @ids, '>=', 800 - CLIENTS, "round $round: events were acknowledged");
    is($node->safe_psql('postgres',
            "SELECT count(*) FROM unnest('{" . join(',', map { "\"$_\"" } @ids) . "}'::text[]) id
             WHERE NOT EXISTS (SELECT FROM attendance.event e WHERE e.event_id = id)"),
        '0', "round $round: all of them outlived $how");
    is($node->safe_psql('postgres', q{
            SELECT count(*)
            FROM (SELECT room, participant_sid, bool_or(event = 'participant_left') AS left
                  FROM attendance.event GROUP BY 1, 2) e
            FULL JOIN attendance.participation p USING (room, participant_sid)
            WHERE e.left IS DISTINCT FROM NOT attendance.is_open(p.cycle)}),
        '0', "round $round: every event is folded, and nothing else is");
    is($node->safe_psql('postgres', ingest($undecided)),
        'recorded', "round $round: what was not committed left nothing, and its retry is recorded");

    my @retries = map { (bodies($round, $_))[ 0 .. 399 ] } 1 .. CLIENTS;
    my %outcomes;
    $outcomes{$_}++ for split /\n/, $node->safe_psql('postgres', ingest_batch(@retries));
    my %retried = map { /"id":"([^"]+)"/ ? ($1 => 1) : () } @retries;
    cmp_ok($outcomes{duplicate}, '>=', scalar(grep { $retried{$_} } @ids), "round $round: a retry of all finds what was acknowledged");
    is($node->safe_psql('postgres', "
            SELECT count(*) FROM attendance.event
            WHERE identity LIKE '$round-%' AND split_part(identity, '-', 3)::int <= 200"),
        CLIENTS * 400, "round $round: and brings the rest, once");
}

$node->stop;
done_testing();
