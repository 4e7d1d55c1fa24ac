# An upgrade in place keeps the data, and leaves the catalog that a fresh install of the same version has. Held to every
# upgrade script there is, and to one of a release that is yet to come.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Attendance;
use Test::More;

chomp(my $share = `pg_config --sharedir`);
my $scripts = "$share/extension";
plan skip_all => "$scripts is not writable" unless -w $scripts;

my ($version) = slurp_file("$scripts/attendance.control") =~ /^default_version = '(.+)'/m;
my $news = q{
    ALTER TABLE attendance.session ADD COLUMN weight numeric;
    COMMENT ON COLUMN attendance.session.weight IS 'how much it counts';
    CREATE FUNCTION attendance.weight(session_id text) RETURNS numeric LANGUAGE sql STABLE
        BEGIN ATOMIC SELECT s.weight FROM attendance.session s WHERE s.session_id = weight.session_id; END;
    REVOKE ALL ON FUNCTION attendance.weight(text) FROM PUBLIC;
    COMMENT ON FUNCTION attendance.weight(text) IS 'how much a session counts';
};
my %next = (
    "$scripts/attendance--$version--next.sql" => $news,
    "$scripts/attendance--next.sql" => slurp_file("$scripts/attendance--$version.sql") . $news);
while (my ($file, $text) = each %next)
{
    append_to_file($file, $text);
}
END { unlink keys %next }

my $node = cluster('main');

# Everything that belongs to the extension: what it is, how it is defined, what is said of it, who may use it.
sub catalog
{
    my $database = shift;
    return $node->safe_psql($database, q{
        SELECT concat_ws(' | ', pg_describe_object(d.classid, d.objid, 0), obj_description(d.objid, d.classid::regclass::name),
            CASE WHEN p.prokind IN ('f', 'p') THEN pg_get_functiondef(p.oid) END, p.proacl,
            CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END, c.relacl,
            (SELECT string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
                                         pg_get_expr(f.adbin, f.adrelid), col_description(c.oid, a.attnum)), ', ' ORDER BY a.attnum)
             FROM pg_attribute a LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
            (SELECT string_agg(pg_get_constraintdef(k.oid), ', ' ORDER BY k.conname) FROM pg_constraint k WHERE k.conrelid = c.oid),
            (SELECT string_agg(pg_get_indexdef(i.indexrelid), ', ' ORDER BY i.indexrelid::regclass::text)
             FROM pg_index i WHERE i.indrelid = c.oid),
            (SELECT string_agg(pg_get_triggerdef(t.oid), ', ' ORDER BY t.tgname)
             FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal))
        FROM pg_depend d
        JOIN pg_extension x ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = x.oid AND d.deptype = 'e'
        LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
        LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
        WHERE x.extname = 'attendance'
        ORDER BY 1});
}

my $evidence = 'SELECT p.* FROM attendance.participation p';
my @paths = ([ $version, 'next' ], map { /--(.+)--\Q$version\E\.sql$/ ? [ $1, $version ] : () } glob("$scripts/attendance--*--$version.sql"));
for my $path (@paths)
{
    my ($from, $to) = @$path;
    my ($old, $fresh) = map { my $name = $_; $name =~ s/\W/_/g; $name } ("old_$from", "fresh_$to");
    $node->safe_psql('postgres', "CREATE DATABASE $_") for $old, $fresh;
    $node->safe_psql($fresh, "CREATE EXTENSION attendance VERSION '$to'");
    $node->safe_psql($old, "CREATE EXTENSION attendance VERSION '$from'");
    $node->safe_psql($old, ingest_batch((lesson())[ 0 .. 29 ]));
    my $before = fingerprint($node, $evidence, $old);
    isnt(catalog($old), catalog($fresh), "$from and $to differ");

    $node->safe_psql($old, "ALTER EXTENSION attendance UPDATE TO '$to'");
    is(catalog($old), catalog($fresh), "$from to $to: the catalog of a fresh install");
    is(fingerprint($node, $evidence, $old), $before, "$from to $to: the data stays");
    $node->safe_psql($old, ingest_batch(lesson()));
    $node->safe_psql($fresh, ingest_batch(lesson()));
    is(fingerprint($node, $evidence, $old), fingerprint($node, $evidence, $fresh), "$from to $to: work goes on");
}

$node->stop;
done_testing();
