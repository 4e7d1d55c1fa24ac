# The webhook backends of examples/, for real, under load from a sender that does as LiveKit does: the database is gone for
# a minute, the backend is killed, its disk refuses, one webhook poisons. Every event is there afterwards, once.

use strict;
use warnings;
use Digest::SHA qw(hmac_sha256 sha256);
use FindBin;
use lib "$FindBin::RealBin/lib";
use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP;
use MIME::Base64 qw(encode_base64 encode_base64url);
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Time::HiRes qw(sleep time);
use Attendance;
use Test::More;

use constant { ROOMS => 4, RATE => 5, OUTAGE => 60 };    # events a second in each room; seconds

my $folder = PostgreSQL::Test::Utils::tempdir();
my $examples = "$FindBin::RealBin/../../examples";
my ($test, %process, @senders) = ($$);
$SIG{$_} = sub { exit 1 } for qw(HUP INT TERM);

my %backend = (
    python => {
        probe => [ '/usr/bin/python3', '-c', 'import psycopg2' ],
        command => [ '/usr/bin/python3', "$examples/webhook.py" ] },
    node => {
        probe => [ 'node', '-e', 'require("pg")' ],
        command => [ 'node', "$examples/webhook.js" ] },
    php => {
        probe => [ 'php', '-r', 'exit((int) !extension_loaded("pgsql"));' ],
        command => [ 'php', '-S', '', "$examples/webhook.php" ],
        drain => [ 'php', "$examples/webhook.php", 'drain' ] });

# A process of this test's own; what it says goes to a log.
sub start
{
    my ($log, $environment, @command) = @_;
    my $pid = fork // die "cannot fork: $!";
    return $pid if $pid;
    @ENV{ keys %$environment } = values %$environment;
    open STDOUT, '>>', $log and open STDERR, '>&', \*STDOUT or POSIX::_exit(127);
    { no warnings 'exec'; exec { $command[0] } @command; }
    POSIX::_exit(127);
}

sub succeeds
{
    my ($log, $environment, @command) = @_;
    waitpid start($log, $environment, @command), 0;
    return $? == 0;
}

sub start_backend
{
    my $b = shift;
    $process{ $b->{name} } = start($b->{log}, $b->{environment}, @{ $b->{command} });
    my $up;
    for (my $waits = 0; !$up && $waits < 100; $waits++)
    {
        $up = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $b->{port}) or sleep 0.1;
    }
    return $up;
}

# kill -9, of a backend and its workers; waits until they are gone, and their port with them.
sub kill_backend
{
    my $pid = delete $process{ $_[0]{name} } // return;
    my @all = ($pid, split ' ', `ps -o pid= --ppid $pid`);
    kill 'KILL', @all;
    waitpid $pid, 0;
    for (my $waits = 0; kill(0, @all) && $waits < 100; $waits++)
    {
        sleep 0.1;
    }
    return;
}

END
{
    if ($$ == $test)
    {
        my $status = $?;
        kill 'KILL', @senders;
        kill_backend({ name => $_ }) for keys %process;
        $? = $status;
    }
}

# The token that LiveKit would have signed that many seconds ago.
sub token
{
    my ($body, %how) = @_;
    my $now = int(time) - ($how{age} // 0);
    my $signed = join '.', map { encode_base64url($_) } '{"alg":"HS256","typ":"JWT"}', encode_json(
        { iss => 'devkey', nbf => $now, exp => $now + 300, sha256 => encode_base64(sha256($body), '') });
    return "$signed." . encode_base64url(hmac_sha256($signed, $how{secret} // 'the secret of devkey'));
}

sub post
{
    my ($b, $body, %how) = @_;
    return HTTP::Tiny->new(timeout => 10)->post("http://127.0.0.1:$b->{port}/webhook",
        { content => $body, headers => { Authorization => token($body, %how), 'Content-Type' => 'application/webhook+json' } });
}

# Status and words of the answer to one request.
sub said
{
    my $response = post(@_);
    return "$response->{status} $response->{content}" =~ s/\n//r;
}

# The status line of the answer to a request that no client would send.
sub raw
{
    my ($b, $length, $header, $body) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $b->{port}) or return '';
    print {$socket} "POST /webhook HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: $length\r\n$header\r\n\r\n$body";
    return readline($socket) // '';
}

# An event that is no part of the load.
sub event
{
    my ($b, $who) = @_;
    push @{ $b->{others} }, "EV_joined_other_$who";
    return webhook('joined', 'other', $who, int time, int time);
}

# One room's queue in LiveKit: in order, five attempts, and what waited for 30 s is dropped. A line for each event.
sub send_room
{
    my ($b, $room) = @_;
    my $start = time;
    open my $log, '>', "$folder/$b->{name}.$room.sent" or die $!;
    for (my $n = 0; !-e "$folder/stop"; $n++)
    {
        my ($due, $status) = ($start + $n / RATE, 'dropped');
        sleep($due - time) if $due > time;
        my $body = webhook($n % 2 ? 'left' : 'joined', $room, int($n / 2), int $start, int time);
        my @waits = time < $due + 30 ? (1, 2, 4, 8) : ();
        my $token = token($body);
        if (@waits)
        {
            while ()
            {
                $status = HTTP::Tiny->new(timeout => 10)
                    ->post("http://127.0.0.1:$b->{port}/webhook", { content => $body, headers => { Authorization => $token } })->{status};
                last unless @waits && ($status == 429 || $status >= 500 && $status != 501);
                sleep shift @waits;
            }
        }
        print {$log} decode_json($body)->{id}, ' ', $status, "\n";
    }
    close $log;
    return;
}

sub spooled
{
    my $b = shift;
    my @files = map { s{.*/}{}r } grep { -f } glob "$b->{spool}/* $b->{spool}/.[!.]*";
    return @files;
}

# Whether a spool comes to hold that many files, before so many seconds are over.
sub comes_to
{
    my ($b, $files, $seconds) = @_;
    for (my $end = time + $seconds; time < $end && spooled($b) != $files; sleep 0.2)
    {
        succeeds($b->{log}, $b->{environment}, @{ $b->{drain} }) if $b->{drain};
    }
    return is(scalar(spooled($b)), $files, "$b->{name}: files left in the spool") || diag(join ' ', spooled($b));
}

my @backends;
for my $name (sort keys %backend)
{
  SKIP:
    {
        my $b = $backend{$name};
        skip "$name: not run, as this fails: @{ $b->{probe} }", 1 unless succeeds('/dev/null', {}, @{ $b->{probe} });
        push @backends, $b;
        $b->{name} = $name;
    }
}
if (!@backends)
{
    done_testing();
    exit;
}

my $node = cluster('main');
$node->safe_psql('postgres', q{
    SELECT attendance.add_livekit_key('devkey', 'the secret of devkey');
    ALTER TABLE attendance.event ADD CONSTRAINT poison CHECK (identity <> 'poison');
    CREATE ROLE feeder LOGIN;
    ALTER ROLE feeder SET statement_timeout = '4s';
    GRANT EXECUTE ON FUNCTION attendance.ingest_signed(bytea, text, timestamptz) TO feeder});

# Alone, and live: answers are handed through.
for my $b (@backends)
{
    my ($name, $port) = ($b->{name}, PostgreSQL::Test::Cluster::get_free_port());
    $node->safe_psql('postgres', "CREATE DATABASE $name TEMPLATE postgres");
    $b->{port} = $port;
    $b->{spool} = "$folder/$name";
    $b->{log} = "$PostgreSQL::Test::Utils::log_path/$name.log";
    $b->{environment} = {
        SPOOL => $b->{spool}, PORT => $port, PHP_CLI_SERVER_WORKERS => 4,
        PGHOST => $node->host, PGPORT => $node->port, PGUSER => 'feeder', PGDATABASE => $name };
    s/^$/127.0.0.1:$port/ for @{ $b->{command} };
    mkdir $b->{spool};

    # Kept by a backend of yesterday, so to say, and the first thing that this one finds.
    my $old = event($b, 'old');
    append_to_file(sprintf('%s/%.6f-1_1', $b->{spool}, time - 600), token($old, age => 600) . "\n$old");
    ok(start_backend($b), "$name: started") or BAIL_OUT("$name does not start");
    comes_to($b, 0, 10);

    my $body = event($b, 'live');
    is(said($b, $body), '200 recorded', "$name: recorded");
    is(said($b, $body), '200 duplicate', "$name: duplicate");
    is(said($b, webhook('left', 'other', 'forged', 1, 2), secret => 'a guess'),
        '401 unauthorized: token: wrong signature', "$name: forged");
    is(said($b, webhook('left', 'other', 'late', 1, 2), age => 600), '401 unauthorized: token: expired', "$name: too late");
    like(said($b, "{\"broken\xff\0"), qr/^200 quarantined: /, "$name: broken");
    my $http = HTTP::Tiny->new;
    my $url = "http://127.0.0.1:$port/webhook";
    is($http->get($url)->{status}, 405, "$name: not POSTed");
    like(raw($b, 1, "Authorization: \xff", 'x'), qr/ 401 /, "$name: no token");
    is($http->post($url)->{status}, 401, "$name: nothing at all");
    is($http->post("${url}s", { content => 'x' })->{status}, 404, "$name: another address") unless $name eq 'php';
    # http.server answers before the body comes.
    like(raw($b, 5_000_000, 'X: y', $name eq 'python' ? '' : 'x' x 5_000_000), qr/ 413 /, "$name: too long");
}

for my $b (@backends)
{
    for my $room (map { "room$_" } 1 .. ROOMS)
    {
        my $pid = fork // die "cannot fork: $!";
        if (!$pid)
        {
            $SIG{$_} = 'DEFAULT' for qw(HUP INT TERM);
            send_room($b, $room);
            POSIX::_exit(0);
        }
        push @senders, $pid;
    }
}
sleep 2;

# One that the database refuses is kept, and holds nothing up: what comes is recorded again as it comes.
is(said($_, event($_, 'poison')), '200 kept', "$_->{name}: poison is kept") for @backends;
sleep 8;
for my $b (@backends)
{
    comes_to({ %$b, drain => undef }, 1, 10);
    is(said($b, event($b, 'healthy')), '200 recorded', "$b->{name}: what comes after the poison is recorded");
}

$node->stop('immediate');
my $end = time + OUTAGE;
sleep 5;
for my $b (@backends)
{
    is(said($b, event($b, 'spooled')), '200 kept', "$b->{name}: kept");
    is(said($b, webhook('left', 'other', 'forged', 1, 2), secret => 'a guess'), '200 kept', "$b->{name}: forged, and kept");
}
sleep 10;
for my $b (@backends)
{
    kill_backend($b);
    cmp_ok(scalar(spooled($b)), '>', ROOMS * RATE * 10, "$b->{name}: killed, and its spool is there");
    ok(start_backend($b), "$b->{name}: started again");
}
sleep 10;
chmod 0500, map { $_->{spool} } @backends;
is(said($_, webhook('left', 'other', 'refused', 1, 2)), '503 not kept', "$_->{name}: the disk refuses, and LiveKit is told")
    for @backends;
chmod 0700, map { $_->{spool} } @backends;
sleep $end - time;
$node->start;
sleep 8;

append_to_file("$folder/stop", '');
for my $pid (splice @senders)
{
    waitpid $pid, 0;
    is($?, 0, 'a sender ended');
}
for my $b (@backends)
{
    my $name = $b->{name};
    is(said($b, event($b, 'last')), '200 recorded', "$name: live again");
    comes_to($b, 1, 60);    # what kill -9 cut short is removed after a minute
    $node->safe_psql($name, 'ALTER TABLE attendance.event DROP CONSTRAINT poison');
    comes_to($b, 0, 10);

    my %sent = map { split } map { split /\n/, slurp_file($_) } glob "$folder/$name.*.sent";
    cmp_ok(scalar(keys %sent), '>', ROOMS * RATE * (OUTAGE + 10), "$name: the load was " . keys(%sent) . ' events');
    my %answers;
    push @{ $answers{ $sent{$_} } }, $_ for keys %sent;
    is(join(' ', sort keys %answers), '200', "$name: every one was answered with 200 in the end");
    is($node->safe_psql($name, 'SELECT event_id FROM attendance.event ORDER BY event_id COLLATE "C"'),
        join("\n", sort keys %sent, @{ $b->{others} }), "$name: every one was recorded, and nothing else");
    is($node->safe_psql($name, q{
            SELECT reason, sum(times) FROM attendance.refusal WHERE reason ~ 'expired|signature' GROUP BY 1 ORDER BY 1}),
        "token: expired|1\ntoken: wrong signature|2", "$name: what was forged was refused, also from the spool");
    is($node->safe_psql($name, 'SELECT count(*), sum(times) FROM attendance.quarantine'), '1|1', "$name: what was broken is in quarantine");

    next if $name eq 'php';    # php-fpm's business
    kill 'TERM', $process{$name};
    waitpid delete $process{$name}, 0;
    is($?, 0, "$name: stops when told to");
}

$node->stop;
done_testing();
