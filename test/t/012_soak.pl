# Sessions one after another in real time, while whatever can go wrong does: webhooks late, twice, out of order, broken or
# lost, rooms that crash, people replaced, the server killed. Afterwards what was live, what is final and what a replay of
# the log gives agree, and with the truth wherever the truth was told.
# ATTENDANCE_SOAK: how many seconds (60).

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run;
use JSON::PP;
use List::Util qw(max min sum0 shuffle);
use PostgreSQL::Test::Utils;
use Attendance;
use Test::More;
use Time::HiRes qw(sleep time);

use constant { ROOMS => 6, PEOPLE => 8, SENDERS => 3 };

my $seconds = $ENV{ATTENDANCE_SOAK} || 60;
my $seed = $ENV{ATTENDANCE_SEED} || time ^ $$;
srand $seed;
diag("ATTENDANCE_SEED=$seed");

my $node = cluster('main', conf => "max_connections = 40\n");
my $folder = PostgreSQL::Test::Utils::tempdir();
my $json = JSON::PP->new->canonical->utf8;

# Statements to be handed over: each again until it succeeds.
my (@queue, $tag);

sub hand_over { my ($sql, $delay) = @_; push @queue, { sql => $sql, at => time + ($delay // 0), tag => ++$tag }; return }

# What LiveKit would tell, and what becomes of it on the way. $lossy: with a chance never to arrive. Returns whether it will.
sub post
{
    my ($room, $event, $person, $lossy) = @_;
    my $now = time;
    my $body = $json->encode({
        event => $event, id => 'EV_' . ++$tag, createdAt => '' . int $now,
        room => { name => $room->{name}, sid => $room->{sid}, creationTimeMs => '' . int(1000 * $room->{began}) },
        $person ? (participant => {
                sid => $person->{sid}, identity => $person->{identity}, version => ++$person->{version}, state => 'ACTIVE',
                joinedAt => '' . int $person->{from}, joinedAtMs => '' . int(1000 * $person->{from}) }) : () });
    return 0 if $lossy && rand() < 0.1;
    for my $copy (1 .. rand() < 0.15 ? 2 : 1)
    {
        hand_over("attendance.ingest(" . literal($body) . ')', rand() < 0.15 ? 4 * rand : 0.2 * rand);
    }
    hand_over('attendance.ingest(' . literal(substr $body, 0, 60) . ')') if rand() < 0.02;
    return 1;
}

# The truth: who was where from when to when. unsure: its leave will never arrive.

my (@rooms, @stays);
my $instances = 0;

sub begin_room { my $room = shift; @$room{qw(sid began people)} = ('RM_' . ++$instances, time, {}); return }

sub join_room
{
    my ($room, $who) = @_;
    post($room, 'room_started') if !%{ $room->{people} } && rand() < 0.5;
    my $person = $room->{people}{$who} = { identity => "${who}_somebody", sid => 'PA_' . ++$tag, from => int(1000 * time) / 1000 };
    push @stays, $person->{stay} = { room => $room->{name}, who => $who, from => $person->{from}, to => undef };
    post($room, 'participant_joined', $person, 1);  # its leave tells as much
    return $person;
}

sub leave_room
{
    my ($room, $who, $told) = @_;
    my $person = delete $room->{people}{$who};
    $person->{stay}{to} = time;
    $person->{stay}{unsure} = 1 unless $told && post($room, 'participant_left', $person, 1);
    return;
}

sub live_on
{
    my $room = $rooms[ rand @rooms ];
    my $people = $room->{people};
    my $who = 1 + int rand PEOPLE;
    my $chance = rand;
    if (!$people->{$who}) { join_room($room, $who) if $chance < 0.7 }
    elsif ($chance < 0.25) { leave_room($room, $who, 1) }
    elsif ($chance < 0.35)  # a new connection replaces the old one
    {
        leave_room($room, $who, 1);
        join_room($room, $who);
    }
    elsif ($chance < 0.45) { post($room, 'track_published', $people->{$who}, 1) }
    elsif ($chance < 0.46)  # a node of LiveKit dies, with all it had to say
    {
        leave_room($room, $_, 0) for keys %$people;
        begin_room($room);
    }
    elsif ($chance < 0.48)
    {
        leave_room($room, $_, 1) for keys %$people;
        post($room, 'room_finished');
        begin_room($room);
    }
    elsif ($chance < 0.55)
    {
        my @listed = map { { sid => $_->{sid}, identity => $_->{identity}, state => 'ACTIVE', joined_at => '' . int $_->{from},
                    joined_at_ms => '' . int(1000 * $_->{from}) } } values %$people;
        my $answer = literal($json->encode({ participants => \@listed }));
        hand_over(sprintf("attendance.reconcile(%s, %s, to_timestamp(%.6f))", literal($room->{name}), $answer, time), 2 * rand);
        hand_over(sprintf("attendance.reconcile_preview(%s, %s)", literal($room->{name}), $answer));
    }
    return;
}

my $beaten = 0;

sub beat
{
    return if time < $beaten + 1;
    $beaten = time;
    for my $room (@rooms)
    {
        hand_over(sprintf("attendance.heartbeat(%s, '%s', to_timestamp(%.3f))", literal($room->{name}), $_->{identity}, time))
            for grep { $_->{identity} =~ /^[1-4]_/ } values %{ $room->{people} };
    }
    return;
}

# Hands over what is due by several connections at once, each statement a transaction; what was not acknowledged stays.
sub deliver
{
    my $fault = shift;
    my (@due, @later);
    push @{ $_->{at} <= time ? \@due : \@later }, $_ for @queue;
    my (@senders, @out);
    for my $sender (0 .. SENDERS - 1)
    {
        my $file = "$folder/$sender.sql";
        unlink $file;
        append_to_file($file, join '', map { "SELECT 'done $_->{tag}' FROM (SELECT count(*) FROM $_->{sql}) n;\n" }
                grep { $_->{tag} % SENDERS == $sender } shuffle @due);
        push @senders, IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-f', $file ],
            '>', \$out[$sender], '2>>', "$folder/senders.log");
    }
    push @senders, IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', 'SELECT 1 FROM attendance.tick()',
            '-c', 'INSERT INTO sample SELECT now(), session_id, attendee, attended FROM attendance.live',
            '-c', 'INSERT INTO found SELECT finding FROM attendance.diagnose()' ], '>', \my $out, '2>>', "$folder/watch.log");
    &$fault if $fault;
    IPC::Run::finish($_) for @senders;
    my %done = map { $_ => 1 } map { /^done (\d+)$/mg } @out;
    @queue = (@later, grep { !$done{ $_->{tag} } } @due);
    return scalar keys %done;
}

# Before the first session: policy, rooms, a roster of six in each of the sessions, back to back.

$node->safe_psql('postgres', q{
    CREATE TABLE sample (taken_at timestamptz, session_id text, attendee text, attended interval);
    CREATE TABLE found (finding text);
    INSERT INTO attendance.policy (policy, late_after, heartbeat_timeout, stale_after, finalise_after)
    VALUES ('quick', '3 s', '4 s', '20 s', '5 s');});
my $start = int time + 2;
my (@sessions, $schedule);
for my $n (1 .. ROOMS)
{
    my $room = { name => "room $n" };
    begin_room($room);
    push @rooms, $room;
    for (my $at = $start; $at < $start + $seconds; $at = $sessions[-1]{to})
    {
        my $id = "$n-" . ($at - $start);
        push @sessions, { id => $id, room => $room->{name}, from => $at, to => $at + 10 + int rand 15 };
        $schedule .= sprintf "SELECT attendance.schedule_session('%s', to_timestamp(%d), to_timestamp(%d), '%s', 'quick');\n",
            $room->{name}, $at, $sessions[-1]{to}, $id;
        $schedule .= "SELECT attendance.enrol('$id', '$_');\n" for 1 .. 6;
    }
}
$node->safe_psql('postgres', $schedule);

# Now everything at once.

my ($handed_over, $faults, $next_fault) = (0, 0, time + 3);
my @faults = (
    sub { $node->stop('immediate'); sleep 0.5; $node->start },
    sub { kill_all($node); $node->start },
    sub { $node->restart('fast') },
    sub { $node->safe_psql('postgres', 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = $$client backend$$ AND pid <> pg_backend_pid()') },
    sub { $node->safe_psql('postgres', 'SELECT count(*) FROM attendance.rebuild()') },
    sub { sleep 2 });
while (time < max(map { $_->{to} } @sessions))
{
    my $fault;
    if (time > $next_fault)
    {
        $fault = $faults[ $faults++ % @faults ];
        $next_fault = time + 4 + 4 * rand;
    }
    live_on() for 1 .. 4;
    beat();
    $handed_over += deliver($fault);
    sleep 0.1;
}
for my $room (@rooms) { leave_room($room, $_, 1) for keys %{ $room->{people} } }
for (1 .. 200) { last unless @queue; $handed_over += deliver(); sleep 0.1 }
is(scalar @queue, 0, 'everything was handed over at last');
cmp_ok($faults, '>=', $seconds / 15, "$faults faults");
diag(sprintf '%d statements, %d stays, %d sessions, %d faults', $handed_over, scalar @stays, scalar @sessions, $faults);

sleep 0.5 while time < max(map { $_->{to} } @sessions) + 6;
$node->safe_psql('postgres', 'SELECT * FROM attendance.tick()') for 1 .. 3;

# Final agrees with a fresh judgement, with the log, and with its replay in another order.

sub rows { my ($query, $database) = @_; return [ split /\n/, $node->safe_psql($database // 'postgres', $query) ] }

is_deeply(rows('SELECT session_id, last_error FROM attendance.session WHERE finalised_at IS NULL OR reopened_at IS NOT NULL'), [], 'every session is final');
cmp_ok(rows('SELECT count(*) FROM attendance.result')->[0], '>=', 6 * @sessions, 'everybody has a result');
my $decided = q{SELECT session_id, attendee, name, role, enrolled, status, computed_status, rule, attended, percent, first_join, last_leave,
    late_by, early_by, is_late, left_early, cycles, rejoins, longest_gap, inferred, overridden FROM attendance.result};
my $judged = q{SELECT a.* FROM attendance.session s, attendance.assess(s.session_id, s.finalised_at) a};
is_deeply(rows("($judged EXCEPT $decided) UNION ALL ($decided EXCEPT $judged)"), [], 'final is what assess() says');
is_deeply(rows(q{SELECT r.session_id, r.attendee, r.attended, a.attended
    FROM attendance.session s CROSS JOIN attendance.assess(s.session_id, '2100-01-01') a
    FULL JOIN attendance.result r ON (r.session_id, r.attendee) = (a.session_id, a.attendee)
    WHERE (r.status, r.attended, r.percent, r.late_by) IS DISTINCT FROM (a.status, a.attended, a.percent, a.late_by)}), [],
    'and what it will ever say, as long as nothing new is known');
is_deeply(rows('SELECT room FROM attendance.rebuild() WHERE changed'), [], 'a rebuild from the log changes nothing');

my $evidence = q{SELECT room, attendance.fingerprint(room) AS fingerprint FROM (SELECT DISTINCT room FROM attendance.event) r};
my @before = (fingerprint($node, $evidence), fingerprint($node, $decided));
$node->safe_psql('postgres', 'CREATE DATABASE replay TEMPLATE postgres');
$node->safe_psql('replay', q{
    CREATE TABLE log AS TABLE attendance.event;
    CREATE TABLE beat AS SELECT room, participant_sid, heartbeat_at FROM attendance.participation;
    TRUNCATE attendance.event, attendance.participation, attendance.room_instance, attendance.snapshot;
    DELETE FROM attendance.result; DELETE FROM attendance.result_revision;
    CREATE TABLE decided AS SELECT session_id, finalised_at FROM attendance.session;
    UPDATE attendance.session SET finalised_at = NULL, judged_until = NULL;
    SELECT count(CASE source WHEN 'webhook' THEN (attendance.ingest(body::text)).outcome
                             ELSE (SELECT count(*)::text FROM attendance.reconcile(room, body::text, occurred_at)) END)
    FROM (SELECT * FROM log ORDER BY random()) l;
    UPDATE attendance.participation p SET heartbeat_at = b.heartbeat_at
    FROM beat b WHERE (b.room, b.participant_sid) = (p.room, p.participant_sid);
    SELECT attendance.finalise(session_id, finalised_at) FROM decided;});
is(fingerprint($node, $evidence, 'replay'), $before[0], 'a replay in another order gives the same evidence');
is(fingerprint($node, $decided, 'replay'), $before[1], 'and the same results');

# What was live agrees with what is final. (A leave may have been told 10 s late, and its time is in whole seconds.)

is_deeply(rows(q{
    SELECT l.*, r.attended FROM sample l JOIN attendance.result r USING (session_id, attendee)
    WHERE NOT r.inferred AND r.attended < l.attended - interval '10 s' - interval '1.01 s' * r.cycles LIMIT 9}), [],
    'nobody was live for longer than is final');
cmp_ok(rows('SELECT count(*) FROM sample')->[0], '>', 10 * $seconds / 2, 'many were');

# The truth.

my %final = map { my ($session, $who, @rest) = split /\|/; ("$session $who" => \@rest) }
    @{ rows('SELECT session_id, attendee, extract(epoch FROM attended), inferred, cycles FROM attendance.result') };
my ($sure, @wrong) = (0);
for my $session (@sessions)
{
    for my $who (1 .. PEOPLE)
    {
        my @there = sort { $a->[0] <=> $b->[0] } grep { $_->[0] < $_->[1] }
            map { [ max($_->{from}, $session->{from}), min($_->{to}, $session->{to}) ] }
            grep { $_->{room} eq $session->{room} && $_->{who} == $who } @stays;
        my $truth = sum0(map { $_->[1] - $_->[0] } @there);
        my ($attended, $inferred) = @{ $final{"$session->{id} $who"} // [ 0, 'f', 0 ] };
        push @wrong, "$session->{id} $who: $attended of a session" if $attended > $session->{to} - $session->{from} + 0.001;
        next if grep { $_->{unsure} && $_->{room} eq $session->{room} && $_->{who} == $who
                && $_->{from} < $session->{to} && $_->{to} > $session->{from} - 25 } @stays;  # no longer believed in then
        $sure++;
        push @wrong, sprintf '%s %s: %.3f s, in truth %.3f s%s', $session->{id}, $who, $attended, $truth, $inferred eq 't' ? ', inferred' : ''
            if $attended > $truth + 0.01 || $attended < $truth - 1.01 * @there - 0.01;
    }
}
is_deeply(\@wrong, [], "nobody has more than was, nor a second less a leave: $sure people in sessions of whom everything was told");
cmp_ok($sure, '>', 0, 'there were such');

is_deeply([ grep { /ERROR:/ && !/terminating connection|shut(?:ting)? down/ } map { split /\n/, slurp_file($_) } glob "$folder/*.log" ], [],
    'no statement failed but for the server');
diag('found: ', join ' ', @{ rows('SELECT DISTINCT finding FROM found') });

$node->stop;
done_testing();
