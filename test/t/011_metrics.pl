# Debian's Prometheus exporter for SQL, with the configuration in examples, exports what attendance.metrics says.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use HTTP::Tiny;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Attendance;
use Test::More;
use Time::HiRes qw(sleep time);

plan skip_all => 'prometheus-sql-exporter is not installed' unless -x '/usr/bin/prometheus-sql-exporter';

my $node = cluster('main');
my $folder = PostgreSQL::Test::Utils::tempdir();
my $example = slurp_file("$FindBin::RealBin/../../examples/prometheus-sql-exporter.yml");
my ($grants) = $example =~ /^((?:#   GRANT .*\n)+)/m;
$node->safe_psql('postgres', 'CREATE ROLE exporter LOGIN;' . $grants =~ s/^# //gmr);

my $connection = sprintf 'postgres://exporter@/postgres?host=%s&port=%d', $node->host, $node->port;
my $port = PostgreSQL::Test::Cluster::get_free_port();
append_to_file("$folder/exporter.yml", $example =~ s/postgres:\/\/\S+/$connection/r =~ s/interval: 30s/interval: 1s/r);
my $exporter = IPC::Run::start([ 'prometheus-sql-exporter', '-config.file', "$folder/exporter.yml", '-web.listen-address', "127.0.0.1:$port" ],
    '>', "$folder/log", '2>&1');

# The values of a metric, by their labels.
sub scraped
{
    my ($name, $label) = @_;
    my $page = HTTP::Tiny->new->get("http://127.0.0.1:$port/metrics");
    return map { /^$name\{.*\b$label="(\w+)".*\} (\S+)$/ ? ($1 => 0 + $2) : () } split /\n/, $page->{content} // '';
}

# Waits until the exporter has asked again, and something is so.
sub comes_true
{
    my ($condition, $name) = @_;
    my $deadline = time + 30;
    sleep 0.2 until &$condition or time > $deadline;
    return ok(&$condition, $name);
}

my %metric;
comes_true(sub { %metric = scraped('sql_attendance', 'metric'); exists $metric{critical_findings} }, 'it exports');
is($metric{critical_findings}, 0, 'nothing is wrong yet');
is_deeply({ scraped('sql_attendance_finding', 'finding') }, {}, 'so there is no finding');

# Webhooks of a session that somebody is in, one that should be final for long, a body that is none.
$node->safe_psql('postgres', q{
    SELECT attendance.schedule_session('maths', now() - interval '10 min', now() + interval '50 min', 'now'), attendance.enrol('now', '5');
    SELECT attendance.schedule_session('physics', now() - interval '3 h', now() - interval '2 h', 'before');
    UPDATE attendance.session SET scheduled_at = now() - interval '4 h';
    SELECT attendance.ingest('{}');}
    . ingest(webhook('joined', 'maths', '5', time - 600, time - 600)));
$node->safe_psql('postgres', 'SELECT pg_stat_force_next_flush()');
my %expected = (events_total => 1, changes_total => 4, quarantined => 1, open_stays => 1, live_people => 1, live_sessions => 1,
    due_sessions => 1, failing_sessions => 0, refused_total => 0);
comes_true(
    sub {
        %metric = scraped('sql_attendance', 'metric');
        return !grep { ($metric{$_} // -1) != $expected{$_} } keys %expected;
    },
    'it exports what has come') or diag(explain(\%metric), slurp_file("$folder/log"));
cmp_ok($metric{due_lag_seconds}, '>', 6900, 'how long a session has been due');
cmp_ok($metric{due_lag_seconds}, '<', 7000, 'in seconds');
cmp_ok($metric{last_webhook_lag_seconds}, '>=', 600, 'how late the webhook was');
cmp_ok($metric{last_webhook_age_seconds}, '<', 60, 'and when it came');
# Its own query, which the exporter asks after the other.
comes_true(sub { my %finding = scraped('sql_attendance_finding', 'finding'); ($finding{sessions_overdue} // 0) == 1 },
    'what is wrong has a name');
cmp_ok($metric{critical_findings}, '>', 0, 'and is counted');
is_deeply([ sort keys %metric ], [ sort split /\n/, $node->safe_psql('postgres', 'SELECT metric FROM attendance.metrics') ],
    'no metric is missing');

$exporter->kill_kill(grace => 1);
$node->stop;
done_testing();
