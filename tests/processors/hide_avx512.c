/* Hides AVX-512, VNNI and AMX from a program; as_avx2.py says why and runs it.
 *
 * Libraries choose their kernels by the instruction CPUID. Linux gives a thread a signal instead of
 * that instruction's answer if it asks for it (arch_prctl(ARCH_SET_CPUID), on processors with CPUID
 * faulting). The handler asks the processor itself, takes bits away and goes on behind the
 * instruction. Threads and children inherit that; what execve resets, LD_PRELOAD sets again.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define ARCH_SET_CPUID 0x1012

static struct sigaction theirs; /* what the program wants to happen on SIGSEGV */
static int hiding;
static int (*real_sigaction)(int, const struct sigaction *, struct sigaction *);

static unsigned bits(const int *numbers)
{
    unsigned mask = 0;
    for (; *numbers >= 0; numbers++)
        mask |= 1u << *numbers;
    return mask;
}

static void take_away(unsigned leaf, unsigned subleaf, unsigned *eax, unsigned *ebx, unsigned *ecx,
                      unsigned *edx)
{
    static const int ebx_7[] = {16, 17, 21, 26, 27, 28, 30, 31, -1}; /* AVX-512 F DQ IFMA PF ER CD BW VL */
    static const int ecx_7[] = {1, 6, 11, 12, 14, -1};                /* VBMI VBMI2 VNNI BITALG VPOPCNTDQ */
    static const int edx_7[] = {2, 3, 8, 22, 23, 24, 25, -1}; /* 4VNNIW 4FMAPS VP2INTERSECT, FP16, AMX */
    static const int eax_7_1[] = {4, 5, 21, 23, -1};          /* AVX-VNNI, AVX-512 BF16, AMX FP16, AVX-IFMA */
    static const int edx_7_1[] = {4, 5, 8, 10, 19, -1};       /* AVX-VNNI-INT8, NE-CONVERT, INT16, AVX10 */
    if (leaf == 7 && subleaf == 0) {
        *ebx &= ~bits(ebx_7);
        *ecx &= ~bits(ecx_7);
        *edx &= ~bits(edx_7);
    } else if (leaf == 7 && subleaf == 1) {
        *eax &= ~bits(eax_7_1);
        *edx &= ~bits(edx_7_1);
    }
}

static void on_segv(int signal_number, siginfo_t *info, void *context)
{
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const unsigned char *at = (const unsigned char *)registers[REG_RIP];
    if (info->si_code == SI_KERNEL && at[0] == 0x0f && at[1] == 0xa2) {
        unsigned leaf = (unsigned)registers[REG_RAX], subleaf = (unsigned)registers[REG_RCX];
        unsigned eax, ebx, ecx, edx;
        syscall(SYS_arch_prctl, ARCH_SET_CPUID, 1);
        __asm__ volatile("cpuid" : "=a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx) : "a"(leaf), "c"(subleaf));
        syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0);
        take_away(leaf, subleaf, &eax, &ebx, &ecx, &edx);
        registers[REG_RAX] = eax;
        registers[REG_RBX] = ebx;
        registers[REG_RCX] = ecx;
        registers[REG_RDX] = edx;
        registers[REG_RIP] += 2;
        return;
    }
    if (theirs.sa_flags & SA_SIGINFO) {
        theirs.sa_sigaction(signal_number, info, context);
    } else if (theirs.sa_handler != SIG_DFL && theirs.sa_handler != SIG_IGN) {
        theirs.sa_handler(signal_number);
    } else {
        struct sigaction standard = {.sa_handler = SIG_DFL};
        real_sigaction(SIGSEGV, &standard, NULL); /* the instruction runs again, and ends the process */
    }
}

int sigaction(int signal_number, const struct sigaction *action, struct sigaction *former)
{
    if (!real_sigaction)
        real_sigaction = dlsym(RTLD_NEXT, "sigaction");
    if (signal_number != SIGSEGV || !hiding)
        return real_sigaction(signal_number, action, former);
    if (former)
        *former = theirs;
    if (action)
        theirs = *action;
    return 0;
}

sighandler_t signal(int signal_number, sighandler_t handler)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART}, former;
    return sigaction(signal_number, &action, &former) ? SIG_ERR : former.sa_handler;
}

static const char *instead(const char *path)
{
    const char *other = getenv("CPUINFO_FILE");
    return path && other && !strcmp(path, "/proc/cpuinfo") ? other : path;
}

#define OPEN(name)                                                                     \
    int name(const char *path, int flags, ...)                                         \
    {                                                                                  \
        static int (*real)(const char *, int, ...);                                    \
        va_list rest;                                                                  \
        va_start(rest, flags);                                                         \
        int mode = va_arg(rest, int);                                                  \
        va_end(rest);                                                                  \
        if (!real)                                                                     \
            real = dlsym(RTLD_NEXT, #name);                                            \
        return real(instead(path), flags, mode);                                       \
    }
OPEN(open)
OPEN(open64)

#define FOPEN(name)                                                                    \
    FILE *name(const char *path, const char *mode)                                     \
    {                                                                                  \
        static FILE *(*real)(const char *, const char *);                              \
        if (!real)                                                                     \
            real = dlsym(RTLD_NEXT, #name);                                            \
        return real(instead(path), mode);                                              \
    }
FOPEN(fopen)
FOPEN(fopen64)

__attribute__((constructor)) static void hide(void)
{
    /* on the thread's own stack: alternate ones of other libraries were too small, or gone */
    struct sigaction ours = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO | SA_NODEFER};
    real_sigaction = dlsym(RTLD_NEXT, "sigaction");
    real_sigaction(SIGSEGV, &ours, &theirs);
    if (syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0)) {
        fputs("this processor or kernel cannot hide instructions (no CPUID faulting)\n", stderr);
        _exit(77);
    }
    hiding = 1;
}
