# The change feed leaves nothing out and repeats nothing, although transactions commit in another order than they begin;
# not on a standby, and not for a client that lives through restarts of the server.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Attendance;
use Test::More;
use Time::HiRes qw(sleep time);

use constant { CLIENTS => 6, TRANSACTIONS => 60 };

my $node = cluster('main', allows_streaming => 1);
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
my $folder = PostgreSQL::Test::Utils::tempdir();

sub answer { return $node->safe_psql('postgres', shift) }

# The statement that hands over the join of somebody.
sub event { my ($room, $who) = @_; return ingest(webhook('joined', $room, $who, 1_800_000_000, 1_800_000_000)) }

# Everything after a cursor, page by page: the cursor behind it, and the ids of its events in order.
answer(q{
    CREATE FUNCTION read_on(INOUT cursor text, page integer, OUT event_id text) RETURNS SETOF record LANGUAGE plpgsql AS $$
    BEGIN
        LOOP
            FOR cursor, event_id IN SELECT c.cursor, c.event_id FROM attendance.changes_since(read_on.cursor, page) c LOOP
                RETURN NEXT;
            END LOOP;
            EXIT WHEN NOT FOUND;
        END LOOP;
    END $$});

sub read_on
{
    my ($server, $cursor, $page) = @_;
    my $given = defined $cursor ? "'$cursor'" : 'NULL';
    my @rows = map { [ split /\|/ ] } split /\n/, $server->safe_psql('postgres', "SELECT * FROM read_on($given, $page)");
    return (@rows ? $rows[-1][0] : $cursor, map { $_->[1] } @rows);
}

# Writers that hold their transactions open for a while, and take some of what they did back.

sub script
{
    my $client = shift;
    my $script = '';
    for my $n (1 .. TRANSACTIONS)
    {
        my $end = rand() < 0.2 ? 'ROLLBACK' : 'COMMIT';
        $script .= "BEGIN;\n" . event('room ' . int(rand 9), "$client-$n-1") . "\n";
        $script .= 'SAVEPOINT s;' . event('room ' . int(rand 9), "$client-$n-2") . "ROLLBACK TO s;\n" if rand() < 0.3;
        $script .= sprintf "SELECT pg_sleep(%.3f);\n", 0.03 * rand() if rand() < 0.7;
        $script .= event('room ' . int(rand 9), "$client-$n-3") . "\n$end;\n";
    }
    return $script;
}

srand 7;
my $from_now_on = answer('SELECT attendance.current_cursor()');
my %reader = map { $_->name => { server => $_, cursor => undef, page => 1 + int rand 20, seen => {} } } ($node, $standby);
my $patient = $node->background_psql('postgres', on_error_stop => 1);
$patient->query_safe('BEGIN;' . event('room 0', 'patient'));

my @clients;
for my $client (1 .. CLIENTS)
{
    append_to_file("$folder/$client.sql", script($client));
    push @clients, IPC::Run::start(
        [ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-f', "$folder/$client.sql" ],
        '>', \my $out, '2>', \my $error);
}

sub look
{
    for my $reader (values %reader)
    {
        ($reader->{cursor}, my @ids) = read_on($reader->{server}, $reader->{cursor}, $reader->{page});
        $reader->{seen}{$_}++ for @ids;
        $reader->{page} = 1 + int rand 20;
    }
    return;
}

my $looks = 0;
while (grep { $_->pumpable } @clients)
{
    look();
    $looks++;
    $_->pump_nb for grep { $_->pumpable } @clients;
}
ok($_->finish, 'a writer is done') for @clients;
$node->wait_for_catchup($standby);
look();
cmp_ok($looks, '>', 5, 'it was read while it was written');
is($reader{main}{seen}{'EV_joined_room 0_patient'}, undef, 'one transaction is open still');
cmp_ok(keys %{ $reader{main}{seen} }, '>', CLIENTS * TRANSACTIONS, 'and keeps nothing else back');
$patient->query_safe('COMMIT');
$patient->quit;
$node->wait_for_catchup($standby);
look();

my $logged = answer('SELECT event_id FROM attendance.event ORDER BY event_id COLLATE "C"');
for my $name ('main', 'standby')
{
    is(join("\n", sort keys %{ $reader{$name}{seen} }), $logged, "$name: every event that was committed, no other");
}
is_deeply([ grep { $_ != 1 } values %{ $reader{main}{seen} } ], [], 'main: each once');
is(join("\n", sort +(read_on($node, $from_now_on, 1000))[ 1 .. split(/\n/, $logged) ]), $logged, 'the same from a cursor of before');
is((my @none = read_on($node, answer('SELECT attendance.current_cursor()'), 10)), 1, 'nothing from a cursor of now');

# A reader that writes itself, while others commit

my $both = $node->background_psql('postgres', on_error_stop => 1);
$both->query_safe('BEGIN;' . event('own', 1));
answer(event('other', 1));
my $within = $both->query_safe('SELECT attendance.current_cursor()');
$both->query_safe(event('own', 2) . 'COMMIT');
$both->quit;
is_deeply([ grep { /own/ } read_on($node, $within, 1) ], [ 'EV_joined_own_1', 'EV_joined_own_2' ],
    'a cursor taken within a transaction is before all it does');

# Wake-ups. A session of psql prints them after each statement.

isnt(answer(q{SELECT attendance.room_lock('busy') & 63}), answer(q{SELECT attendance.room_lock('calm') & 63}), 'two rooms, two slots');
append_to_file("$folder/listen.sql", "LISTEN attendance;\n" . "SELECT pg_sleep(0.1);\n" x 60);
my $listening = IPC::Run::start([ 'psql', '-Xq', '-d', $node->connstr('postgres'), '-f', "$folder/listen.sql" ], '>', \my $heard);
$node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(0.1)%' AND pid <> pg_backend_pid()});
my $began = time;
for my $n (1 .. 100)
{
    answer(event('busy', $n));
    answer(event('calm', 1)) if $n == 50;
    last if time - $began > 3;
    sleep 0.01;
}
my $lasted = time - $began;
$listening->finish;
my %heard;
$heard{$1}++ while $heard =~ /"attendance" with payload "(\w+)"/g;
cmp_ok($heard{busy}, '>=', 1, 'a busy room wakes');
cmp_ok($heard{busy}, '<=', 1 + $lasted, "at most once a second ($heard{busy} in $lasted s)");
is($heard{calm}, 1, 'and keeps no other room from it');

# The example client

SKIP:
{
    skip 'python3-psycopg2 is not installed', 1 if system('/usr/bin/python3 -c "import psycopg2" 2>/dev/null');
    my ($grant) = slurp_file("$FindBin::RealBin/../../examples/follow.py") =~ /^(GRANT .*)\.$/m;
    answer("CREATE ROLE follower LOGIN; $grant TO follower");
    my %environment = (PGHOST => $node->host, PGPORT => $node->port, PGUSER => 'follower', PGDATABASE => 'postgres');
    my $file = "$folder/cursor";
    my @command = ('env', map({ "$_=$environment{$_}" } keys %environment), '/usr/bin/python3', "$FindBin::RealBin/../../examples/follow.py", $file);
    my $follower = IPC::Run::start(\@command, '>>', "$folder/told", '2>>', "$folder/complaints");
    for (my $waits = 0; !-e $file && $waits < 300; $waits++) { sleep 0.1 }

    my @sent;
    for my $round (1 .. 3)
    {
        for my $n (1 .. 20)
        {
            push @sent, "EV_joined_follow_$round-$n";
            answer(event('follow', "$round-$n"));
        }
        if ($round == 1)
        {
            $node->stop('immediate');
            sleep 1.5;
            $node->start;
        }
        elsif ($round == 2)
        {
            $follower->kill_kill(grace => 0);
            push @sent, 'EV_joined_follow_away';
            answer(event('follow', 'away'));
            $node->restart;
            $follower = IPC::Run::start(\@command, '>>', "$folder/told", '2>>', "$folder/complaints");
        }
    }
    my $deadline = time + 40;
    my %told;
    until (time > $deadline or @sent == grep { $told{$_} } @sent)
    {
        %told = map { decode_json($_)->{event_id} => 1 } grep { /\}$/ } split /\n/, slurp_file("$folder/told");
        sleep 0.1;
    }
    is_deeply([ grep { !$told{$_} } @sent ], [], 'follow.py tells everything, through restarts of the server and its own');
    like(slurp_file("$folder/complaints"), qr/^follow\.py: /m, 'and says so when the server is away');
    $follower->kill_kill(grace => 0);
}

# A cursor is good for one cluster

for my $case (
    [ q{'nonsense'}, '22023', 'no cursor' ],
    [ q{regexp_replace(attendance.current_cursor(), '^\d+', '1')}, '55000', 'of another cluster' ],
    [ q{regexp_replace(attendance.current_cursor(), '/.*', '/9000000000:9000000000:')}, '55000', 'of the future' ])
{
    my ($given, $state, $name) = @$case;
    my ($status, $out, $error) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT * FROM attendance.changes_since($given)");
    like($error, qr/ERROR:  $state: .*\n.*HINT:  /, "a cursor that is $name");
}

$standby->stop;
$node->stop;
done_testing();
