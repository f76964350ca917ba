// The workloads of Kernels.cs in C, on whatever malloc this process was started with (LD_PRELOAD). Reads commands, a line each:
//
//   time PAIRS WORKLOAD      prints nanoseconds for a pair of calls
//   memory PAIRS WORKLOAD    writes every byte of every block, prints by how many bytes the peak of resident memory grew

#define _GNU_SOURCE
#include "../Core/measure.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

static int filling;
static int orders[3][1000];

static inline uint64_t next(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return *state = x;
}

static inline uint32_t below(uint64_t random, uint32_t limit) { return (uint32_t)(((random & 0xffffffffu) * limit) >> 32); }

static inline void *take(size_t size)
{
    char *p = malloc(size);
    if (filling) memset(p, 0x55, size);
    else *(volatile char *)p = 1;
    return p;
}

static __attribute__((noinline)) void same(long pairs)
{
    for (long i = 0; i < pairs; i++) free(take(64));
}

static __attribute__((noinline)) void one_batch(void **blocks, const int *order)
{
    for (int i = 0; i < 1000; i++) blocks[i] = take(64);
    for (int i = 0; i < 1000; i++) free(blocks[order[i]]);
}

static void batches(long pairs, const int *order)
{
    void *blocks[1000];
    for (long done = 0; done < pairs; done += 1000) one_batch(blocks, order);
}

static void **prepare(int live, int smallest, int largest, uint64_t seed)
{
    void **slots = malloc(sizeof(void *) * (size_t)live);
    for (int i = 0; i < live; i++) slots[i] = take((size_t)smallest + below(next(&seed), (uint32_t)(largest - smallest + 1)));
    return slots;
}

static __attribute__((noinline)) void replace(void **slots, int live, int smallest, int largest, long pairs, uint64_t seed)
{
    uint32_t sizes = (uint32_t)(largest - smallest + 1);
    for (long i = 0; i < pairs; i++)
    {
        uint64_t random = next(&seed);
        uint32_t slot = below(random >> 32, (uint32_t)live);
        free(slots[slot]);
        slots[slot] = take((size_t)smallest + below(random, sizes));
    }
}

static void empty(void **slots, int live)
{
    for (int i = 0; i < live; i++) free(slots[i]);
    free(slots);
}

static double mix(int live, int smallest, int largest, long pairs, uint64_t seed)
{
    void **slots = prepare(live, smallest, largest, seed);
    double start = now();
    replace(slots, live, smallest, largest, pairs, seed);
    double elapsed = now() - start;
    empty(slots, live);
    return elapsed;
}

enum { Batch = 100, Ring = 64, Slots = 5000, Epoch = 2500 };

static struct
{
    int kind;
    long pairs;
    pthread_barrier_t ready, done;
    double begun[2], ended[2];
    void *ring[Ring][Batch];
    _Alignas(64) atomic_long produced;
    _Alignas(64) atomic_long consumed;
    _Alignas(64) _Atomic(void **) middle;
} shared;

static void wait_above(atomic_long *place, long value)
{
    for (int spins = 1; atomic_load_explicit(place, memory_order_acquire) <= value; spins++)
    {
        if (spins % 256 == 0) sched_yield();
        else __builtin_ia32_pause();
    }
}

static __attribute__((noinline)) void produce(long count)
{
    for (long i = 0; i < count; i++)
    {
        wait_above(&shared.consumed, i - Ring);
        void **batch = shared.ring[i % Ring];
        for (int k = 0; k < Batch; k++) batch[k] = take(64);
        atomic_store_explicit(&shared.produced, i + 1, memory_order_release);
    }
}

static __attribute__((noinline)) void consume(long count)
{
    for (long i = 0; i < count; i++)
    {
        wait_above(&shared.produced, i);
        void **batch = shared.ring[i % Ring];
        for (int k = 0; k < Batch; k++) free(batch[k]);
        atomic_store_explicit(&shared.consumed, i + 1, memory_order_release);
    }
}

static void *worker(void *argument)
{
    long number = (long)argument;
    void **slots = NULL;
    if (shared.kind == 1) slots = prepare(Slots, 8, 1000, (uint64_t)number + 1);
    if (shared.kind == 2) slots = prepare(10000, 16, 1024, (uint64_t)number + 1);
    pthread_barrier_wait(&shared.ready);
    shared.begun[number] = now();
    long count = shared.pairs / Batch > 0 ? shared.pairs / Batch : 1;
    if (shared.kind == 0 && number == 0) produce(count);
    if (shared.kind == 0 && number == 1) consume(count);
    if (shared.kind == 1)
    {
        for (long done = 0; done < shared.pairs; done += Epoch)
        {
            replace(slots, Slots, 8, 1000, Epoch, (uint64_t)(number + 11 + done));
            slots = atomic_exchange(&shared.middle, slots);
        }
    }

    if (shared.kind == 2) replace(slots, 10000, 16, 1024, shared.pairs, 10000);
    shared.ended[number] = now();
    pthread_barrier_wait(&shared.done);
    if (shared.kind == 1) empty(slots, Slots);
    if (shared.kind == 2) empty(slots, 10000);
    return NULL;
}

static double two_threads(int kind, long pairs)
{
    shared.kind = kind;
    shared.pairs = pairs;
    shared.produced = shared.consumed = 0;
    pthread_barrier_init(&shared.ready, NULL, 2);
    pthread_barrier_init(&shared.done, NULL, 2);
    shared.middle = kind == 1 ? prepare(Slots, 8, 1000, 3) : NULL;
    pthread_t threads[2];
    for (long i = 0; i < 2; i++) pthread_create(&threads[i], NULL, worker, (void *)i);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    if (kind == 1) empty(shared.middle, Slots);
    // From the first that begins to the last that is done.
    double begun = shared.begun[0] < shared.begun[1] ? shared.begun[0] : shared.begun[1];
    return (shared.ended[0] > shared.ended[1] ? shared.ended[0] : shared.ended[1]) - begun;
}

static double run(const char *workload, long pairs)
{
    double start = now();
    if (!strcmp(workload, "same64")) same(pairs);
    else if (!strcmp(workload, "fifo")) batches(pairs, orders[0]);
    else if (!strcmp(workload, "lifo")) batches(pairs, orders[1]);
    else if (!strcmp(workload, "rand")) batches(pairs, orders[2]);
    else if (!strcmp(workload, "mix10k")) return mix(10000, 16, 1024, pairs, 1);
    else if (!strcmp(workload, "big")) return mix(1000, 1024, 8192, pairs, 1);
    else if (!strcmp(workload, "prodcons")) return two_threads(0, pairs);
    else if (!strcmp(workload, "larson")) return two_threads(1, pairs);
    else if (!strcmp(workload, "indep2")) return two_threads(2, pairs);
    else exit(2);
    return now() - start;
}

static long peak_growth(const char *workload, long pairs)
{
    long before = begin_peak();
    run(workload, pairs);
    return peak_above(before);
}

int main(void)
{
    char command[16], workload[16];
    long pairs;
    uint64_t state = 7;
    for (int i = 0; i < 1000; i++)
    {
        orders[0][i] = orders[2][i] = i;
        orders[1][i] = 999 - i;
    }

    for (uint32_t i = 999; i > 0; i--)
    {
        uint32_t other = below(next(&state), i + 1);
        int kept = orders[2][i];
        orders[2][i] = orders[2][other];
        orders[2][other] = kept;
    }

    while (scanf("%15s %ld %15s", command, &pairs, workload) == 3)
    {
        filling = !strcmp(command, "memory");
        if (filling) printf("%ld\n", peak_growth(workload, pairs));
        else printf("%.3f\n", run(workload, pairs) / (double)pairs);
        fflush(stdout);
    }

    return 0;
}
