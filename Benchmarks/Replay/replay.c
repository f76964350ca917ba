// Player.cs in C, on whatever malloc this process was started with (LD_PRELOAD). Reads commands, a line each; FILE has an array of struct event:
//
//   time PASSES FILE      prints nanoseconds for a pass
//   memory PASSES FILE    writes every byte of every block, prints by how many bytes the peak of resident memory grew

#define _GNU_SOURCE
#include "../Core/measure.h"
#include <fcntl.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

// TraceEvent.cs
struct event
{
    uint32_t size, old_size;
    int32_t slot;
    uint8_t kind, alignment_log2, is_huge, thread;
};

static struct event *events;
static size_t count, slot_bytes;
static void **slots;
static char opened[4096];

static void open_trace(const char *path)
{
    if (!strcmp(path, opened)) return;
    strcpy(opened, path);
    if (events) munmap(events, count * sizeof *events);
    if (slots) munmap(slots, slot_bytes);
    struct stat status;
    int file = open(path, O_RDONLY);
    if (file < 0 || fstat(file, &status)) exit(2);
    count = (size_t)status.st_size / sizeof *events;
    events = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
    close(file);
    int32_t most = 0;
    for (size_t i = 0; i < count; i++) most = events[i].slot > most ? events[i].slot : most;
    slot_bytes = ((size_t)most + 1) * sizeof *slots;
    slots = mmap(NULL, slot_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (events == MAP_FAILED || slots == MAP_FAILED) exit(2);
}

static inline void pass(int fill)
{
    for (const struct event *e = events, *end = events + count; e < end; e++)
    {
        void **block = &slots[e->slot];
        switch (e->kind)
        {
        case 'f':
            free(*block);
            continue;
        case 'm':
            *block = malloc(e->size);
            break;
        case 'r':
            *block = realloc(*block, e->size);
            break;
        case 'c':
            *block = calloc(1, e->size);
            break;
        case 'a':
            *block = memalign((size_t)1 << e->alignment_log2, e->size);
            break;
        }

        if (!*block) exit(3);
        if (fill) memset(*block, 0x55, e->size);
        else for (uint32_t at = 0; at < e->size; at += 4096) ((volatile char *)*block)[at] = 1;
    }
}

static __attribute__((noinline)) void touching(void) { pass(0); }
static __attribute__((noinline)) void filling(void) { pass(1); }

int main(void)
{
    char command[16], path[4096];
    long passes;
    while (scanf("%15s %ld %4095[^\n]", command, &passes, path) == 3)
    {
        open_trace(path);
        if (!strcmp(command, "memory"))
        {
            long before = begin_peak();
            for (long i = 0; i < passes; i++) filling();
            printf("%ld\n", peak_above(before));
        }
        else
        {
            double start = now();
            for (long i = 0; i < passes; i++) touching();
            printf("%.3f\n", (now() - start) / (double)passes);
        }

        fflush(stdout);
    }

    return 0;
}
