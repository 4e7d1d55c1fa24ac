# What the pages show runs as they show it: every block of SQL, top to bottom in a fresh database, and what it prints.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run;
use PostgreSQL::Test::Utils;
use Attendance;
use Test::More;

chomp(my $libraries = `pg_config --pkglibdir`);
my $cron = -e "$libraries/pg_cron.so";
my $node = cluster('main', conf => $cron ? q{
    shared_preload_libraries = 'pg_cron'
    cron.database_name = 'readme'
} : '');

# Without blanks at the ends of lines, and without the number of rows, which the pages leave out.
sub tidy
{
    my $text = shift;
    $text =~ s/[ \t]+$//mg;
    $text =~ s/^\(\d+ rows?\)\n//mg;
    return $text =~ s/\A\n+|\n+\z//gr;
}

# Runs a page in a database of its own, and compares each block of output with what the SQL right before it prints.
sub runs
{
    my ($file, $database, @options) = @_;
    my $page = slurp_file("$FindBin::RealBin/../../$file");
    my (@blocks, $script);
    while ($page =~ /^```sql\n(.*?)^```\n(?:\n```\n(.*?)^```\n)?/gms)
    {
        $script .= sprintf "\\echo >>> %d\n%s\n", scalar @blocks, $1;
        push @blocks, { sql => $1, shown => $2 };
    }

    $node->safe_psql('postgres', "CREATE DATABASE $database");
    my @psql = ($node->installed_command('psql'), '-Xq', '-v', 'ON_ERROR_STOP=1', @options,
        '-d', $node->connstr($database), '-f', '-');
    IPC::Run::run(\@psql, '<', \$script, '>', \my $output, '2>', \my $errors);
    is($?, 0, "$file runs") or diag($errors);

    my (undef, @printed) = split /^>>> \d+\n/m, $output, -1;
    is(@printed, @blocks, "$file: all of its " . @blocks . ' blocks');
    cmp_ok(scalar(grep { defined $_->{shown} } @blocks), '>', 1, "$file shows what they print");
    for my $n (grep { defined $blocks[$_]{shown} } 0 .. $#blocks)
    {
        is(tidy($printed[$n] // ''), tidy($blocks[$n]{shown}), "$file: " . $blocks[$n]{sql} =~ s/\n.*//sr);
    }
    return;
}

SKIP:
{
    skip 'pg_cron is not installed', 1 unless $cron;
    runs('README.md', 'readme', '-1');  # in one transaction, lest pg_cron finalises between two statements
}
runs('docs/rules.md', 'rules');
runs('docs/reports.md', 'reports');
runs('docs/operations.md', 'operations');

$node->stop;
done_testing();
