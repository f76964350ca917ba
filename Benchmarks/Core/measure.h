// What the drivers in C share: a clock, and the resident memory of the process.

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static inline long status_bytes(const char *name)
{
    char line[256];
    long kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof line, file))
    {
        if (!strncmp(line, name, strlen(name))) kilobytes = atol(line + strlen(name));
    }

    fclose(file);
    return kilobytes * 1024;
}

// Resets the peak, see proc(5), and returns what is resident.
static inline long begin_peak(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    fputs("5", file);
    fclose(file);
    return status_bytes("VmRSS:");
}

static inline long peak_above(long before)
{
    long growth = status_bytes("VmHWM:") - before;
    return growth > 0 ? growth : 0;
}
