#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "CLinux.h"

// Numbers shared by all architectures; older headers lack the names.
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif

static int argument_count;
static char **argument_list;

// The C library hands these to constructors; the Swift runtime reads /proc/self/cmdline instead, which may be missing.
__attribute__((constructor)) static void keep_arguments(int count, char **list) {
    argument_count = count;
    argument_list = list;
}

const char *clinux_argument(int index) {
    return index >= 0 && index < argument_count ? argument_list[index] : NULL;
}

const char *clinux_executable_path(void) { return (const char *)getauxval(AT_EXECFN); }

int clinux_pidfd_open(pid_t pid) {
    long fd = syscall(SYS_pidfd_open, pid, 0);
    return fd < 0 ? -errno : (int)fd;
}

int clinux_pidfd_send_signal(int pidfd, int signal) {
    return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) ? -errno : 0;
}

static int wait_for(pid_t pid, int options, struct clinux_exit *exit) {
    siginfo_t info;
    struct rusage usage;
    memset(&info, 0, sizeof info);
    memset(&usage, 0, sizeof usage);
    memset(exit, 0, sizeof *exit);
    options |= WEXITED | WNOHANG | __WALL;
    long result;
    // Raw: the C library's call has no rusage.
    do result = syscall(SYS_waitid, pid > 0 ? P_PID : P_ALL, pid, &info, options, &usage);
    while (result < 0 && errno == EINTR);
    if (result < 0) return -errno;
    exit->pid = info.si_pid;
    if (!info.si_pid) return 0;
    exit->code = info.si_code;
    exit->status = info.si_status;
    exit->peak_resident_kb = usage.ru_maxrss;
    exit->cpu_microseconds = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64_C(1000000) +
                             usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
    return 1;
}

int clinux_wait(pid_t pid, struct clinux_exit *exit) { return wait_for(pid, 0, exit); }

int clinux_peek(struct clinux_exit *exit) { return wait_for(0, WNOWAIT, exit); }

int clinux_set_subreaper(bool on) { return prctl(PR_SET_CHILD_SUBREAPER, on, 0, 0, 0) ? -errno : 0; }

int clinux_thread_id(void) { return (int)syscall(SYS_gettid); }

int clinux_set_process_name(const char *name) { return prctl(PR_SET_NAME, name, 0, 0, 0) ? -errno : 0; }

int clinux_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC) ? -errno : 0; }

int clinux_getrandom(void *buffer, size_t count) {
    unsigned char *at = buffer;
    while (count) {
        ssize_t got = getrandom(at, count, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -errno;
        at += got;
        count -= (size_t)got;
    }
    return 0;
}

int clinux_raise_file_limit(uint64_t wanted, uint64_t *now) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit)) return -errno;
    rlim_t target = wanted < limit.rlim_max ? (rlim_t)wanted : limit.rlim_max;
    if (target > limit.rlim_cur) {
        limit.rlim_cur = target;
        if (setrlimit(RLIMIT_NOFILE, &limit)) return -errno;
    }
    *now = limit.rlim_cur;
    return 0;
}

int clinux_trim_heap(void) { return malloc_trim(0); }

int clinux_set_data_limit(pid_t pid, int64_t bytes) {
    if (pid <= 0 || bytes <= 0) return -EINVAL;
    struct rlimit64 limit = {(uint64_t)bytes, (uint64_t)bytes};
    return syscall(SYS_prlimit64, pid, RLIMIT_DATA, &limit, NULL) ? -errno : 0;
}

static int64_t read_clock(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

int64_t clinux_monotonic_nanoseconds(void) { return read_clock(CLOCK_MONOTONIC); }

int64_t clinux_wall_nanoseconds(void) { return read_clock(CLOCK_REALTIME); }
