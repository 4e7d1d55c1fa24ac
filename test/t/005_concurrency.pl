# The recorded lesson from eight connections at once, in any order, any event several times, singly and in batches, with
# tick() beside them: nobody deadlocks, and the tables are the same every time.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run;
use List::Util 'shuffle';
use PostgreSQL::Test::Utils;
use Attendance;
use Test::More;

use constant { CLIENTS => 8, ROUNDS => 20, TICK => q{FROM attendance.tick(as_of => '2026-11-21 03:00Z')} };

my $node = cluster('main', conf => "max_connections = 20\n");
my $folder = PostgreSQL::Test::Utils::tempdir();
my @lesson = lesson();

# What must not depend on the order: the evidence, and what is decided by it.
sub fingerprints
{
    return join "\n", map { fingerprint($node, $_) } (
        'TABLE attendance.participation',
        'TABLE attendance.room_instance',
        q{SELECT to_jsonb(e) - 'received_at' FROM attendance.event e},
        q{SELECT to_jsonb(r) - '{revision,computed_at}'::text[] FROM attendance.result r});
}

# Splits bodies into calls at random: one in three a batch of up to nine.
sub calls
{
    my @calls;
    push @calls, rand() < 1 / 3 ? ingest_batch(splice @_, 0, 1 + rand 9) : ingest(shift) while @_;
    return @calls;
}

# Empties the evidence and schedules the lesson, which is final at once: whatever comes reopens it.
sub start_afresh
{
    $node->safe_psql('postgres', q{
        DELETE FROM attendance.session;
        TRUNCATE attendance.event, attendance.room_instance, attendance.participation});
    schedule_lesson($node);
    $node->safe_psql('postgres', 'SELECT ' . TICK);
    return;
}

start_afresh();
$node->safe_psql('postgres', join "\n", map { ingest($_) } @lesson);
$node->safe_psql('postgres', 'SELECT ' . TICK);
my $expected = fingerprints();
my $events = $node->safe_psql('postgres', 'SELECT count(*) FROM attendance.event');
like($expected, qr/^(?:[1-9]\d* rows \w+\n?){4}$/, 'one connection, in order: something is there to compare');

for my $round (1 .. ROUNDS)
{
    srand $round;
    start_afresh();
    my @share = map { [] } 1 .. CLIENTS;
    push @{ $share[ rand CLIENTS ] }, $_ for shuffle map { ($_) x (1 + rand 3) } @lesson;
    my @scripts = map { join "\n", calls(@$_) } @share;
    my $tick = 'SELECT error ' . TICK . " WHERE outcome <> 'finalised';\n";
    push @scripts, $tick x 50;

    my (@clients, @out, @error);
    for my $client (0 .. $#scripts)
    {
        my $file = "$folder/$round-$client.sql";
        append_to_file($file, $scripts[$client]);
        push @clients, IPC::Run::start(
            [ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-f', $file ],
            '>', \$out[$client], '2>', \$error[$client]);
    }
    IPC::Run::finish($_) for @clients;

    is(join('', @error), '', "round $round: nobody failed");
    my %outcomes;
    $outcomes{$_}++ for map { split /\n/ } @out;
    is(join(' ', sort keys %outcomes), 'duplicate recorded', "round $round: new or known, nothing else");
    is($outcomes{recorded}, $events, "round $round: each event was recorded once");
    $node->safe_psql('postgres', 'SELECT ' . TICK);
    is(fingerprints(), $expected, "round $round: the same tables");
}

unlike(slurp_file($node->logfile), qr/deadlock detected/, 'there was no deadlock');

$node->stop;
done_testing();
