#!/bin/sh
# Records the traces in the folder Traces anew: three programs under the C library's mtrace. Needs cc, sqlite3, perl and a C library that has
# libc_malloc_debug.so (glibc 2.34 or later). Run it here, after 'dotnet build -c Release'. The blocks are what the versions on the machine ask for.
set -e
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

# mtrace records from the call of mtrace() on: a library that is loaded first makes it.
printf '#include <mcheck.h>\n__attribute__((constructor)) static void start(void) { mtrace(); }\n' | cc -shared -fPIC -x c -o "$work/start.so" -

# record NAME ABOUT COMMAND...
record() {
    name=$1 about=$2
    shift 2
    LD_PRELOAD="$work/start.so libc_malloc_debug.so.0" MALLOC_TRACE="$work/$name.log" "$@" > /dev/null
    dotnet run --no-build -c Release -- convert "$work/$name.log" "Traces/$name.trace.gz" --about "$about"
}

record sqlite "$(sqlite3 --version | cut -d' ' -f1,2): sqlite3, tables and indexes in memory, joins, sorts, deletes" sqlite3 :memory: "
    create table reader(id integer primary key, name text unique, town text);
    create table loan(reader int, book int, days int, note text);
    with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000)
        insert into reader select i, printf('reader %d', i * 7919 % 2003), printf('town %d', i % 37) from n;
    with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000)
        insert into loan select i * 31 % 2000 + 1, i * 17 % 5003, i % 60, printf('%.*c', i * i % 211, 'x') from n;
    create index by_reader on loan(reader, days);
    create index by_book on loan(book);
    select town, count(*), sum(days), group_concat(note) from reader join loan on reader = id group by town order by 2;
    select name, (select max(days) from loan where reader = id) from reader order by upper(name) desc;
    delete from loan where days > 40;
    update loan set note = note || note where book % 3 = 0;
    select book, group_concat(distinct name) from loan join reader on reader = id group by book having count(*) > 1;
    vacuum;"

cc -E Alloc/driver.c -o "$work/driver.i"
record cc1 "$(cc -dumpfullversion): the C compiler proper, -O2, on Benchmarks/Alloc/driver.c" \
    "$(cc -print-prog-name=cc1)" -quiet -O2 -fpreprocessed "$work/driver.i" -o /dev/null

record perl "$(perl -e 'print $]'): perl, a table of lists of strings, joined and sorted" perl -e '
    my %words;
    for my $i (1 .. 20000) {
        push @{$words{"w" . ($i * 7919 % 3001)}}, join ",", map { $_ * $i } 1 .. $i % 7;
    }
    print join("\n", map { "$_ " . join("|", sort @{$words{$_}}) } sort keys %words);'
