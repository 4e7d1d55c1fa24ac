# The server dies under load. What it had acknowledged is there afterwards, whole; what it had not, a retry brings.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run;
use PostgreSQL::Test::Utils;
use Time::HiRes 'usleep';
use Attendance;
use Test::More;

use constant { CLIENTS => 4, EVENTS => 5_000, START => 1_767_261_600 };

my $node = cluster('main', conf => "fsync = on\nautovacuum = off\n");
my $folder = PostgreSQL::Test::Utils::tempdir();

# Kills every process of the server at once, and waits until init has buried them: the next server checks their ids.
sub kill_all
{
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

# The calls of a client, one a line: people join and leave their own room, and one that all clients share.
sub calls
{
	my ($round, $client) = @_;
	my @calls;
	for my $n (1 .. EVENTS / 2)
	{
		my ($room, $who) = ($n % 2 ? 'shared' : "room $client", "$round-$client-$n");
		push @calls, map { 'SELECT event_id FROM attendance.ingest(' . literal($_) . ");\n" }
		  webhook('joined', $room, $who, START + $n, START + $n), webhook('left', $room, $who, START + $n, START + $n + 60);
	}
	return @calls;
}

for my $round (1 .. 4)
{
	my $how = $round % 2 ? 'kill -9' : 'an immediate shutdown';
	my @clients;
	for my $client (1 .. CLIENTS)
	{
		my $file = "$folder/$round-$client";
		append_to_file("$file.sql", join '', calls($round, $client));
		push @clients, IPC::Run::start(
			[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-f', "$file.sql" ],
			'>', "$file.acknowledged", '2>', "$file.error");
	}
	# Uncommitted, though its records have reached the disk with those of others.
	my $undecided = webhook('joined', 'undecided', $round, START, START);
	my $session = $node->background_psql('postgres');
	$session->query_safe('BEGIN; SELECT attendance.ingest(' . literal($undecided) . ')');

	ok($node->poll_query_until('postgres', "SELECT count(*) >= 800 FROM attendance.event WHERE identity LIKE '$round-%'"),
		"round $round: load");
	$round % 2 ? kill_all() : $node->stop('immediate');
	IPC::Run::finish($_) for @clients;
	is(join(' ', map { $_->result } @clients), join(' ', (2) x CLIENTS), "round $round: $how cut every client off");
	$session->quit;
	$node->start;

	my @ids = map { split /\n/, slurp_file("$folder/$round-$_.acknowledged") } 1 .. CLIENTS;
	cmp_ok(scalar @ids, '>=', 400, "round $round: events were acknowledged");
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
	is($node->safe_psql('postgres', 'SELECT outcome FROM attendance.ingest(' . literal($undecided) . ')'),
		'recorded', "round $round: the retry of what was not committed is recorded");

	$node->safe_psql('postgres', join '', 'BEGIN;', (map { (calls($round, $_))[ 0 .. 399 ] } 1 .. CLIENTS), 'COMMIT');
	is($node->safe_psql('postgres', "
			SELECT count(*), count(DISTINCT event_id) FROM attendance.event
			WHERE identity LIKE '$round-%' AND split_part(identity, '-', 3)::int <= 200"),
		CLIENTS * 400 . '|' . CLIENTS * 400, "round $round: after a retry of all it is all there, once");
}

$node->stop;
done_testing();
