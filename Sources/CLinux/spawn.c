// The spawn shim. Between clone and exec the child runs on the supervisor's own memory (CLONE_VM) while the calling
// thread is held (CLONE_VFORK): only async-signal-safe calls, no allocation, and the set*id calls raw, since glibc's
// versions signal every thread of the process they believe to be in, which here is the supervisor.

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "CLinux.h"

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#define INTO_CGROUP 0x200000000ULL
#ifndef PR_CAP_AMBIENT
#define PR_CAP_AMBIENT 47
#define PR_CAP_AMBIENT_CLEAR_ALL 4
#endif

enum { STACK_BYTES = 64 * 1024, GUARD_BYTES = 16 * 1024, LAST_SIGNAL = 64 };

/// Shared by the two sides; the parent reads it only after the child has executed or died.
struct child {
    const struct clinux_spawn_request *request;
    pid_t parent;
    int step;
    int error;
    int oom_score_set;
    /// Entry by which the kernel has put the child into its group already, -1 for none.
    int entered;
};

const char *clinux_spawn_step_name(int step) {
    static const char *const names[] = {
        [CLINUX_STEP_CLONE] = "clone",
        [CLINUX_STEP_CGROUP] = "enter memory group",
        [CLINUX_STEP_SESSION] = "setsid",
        [CLINUX_STEP_LIMITS] = "setrlimit",
        [CLINUX_STEP_GROUPS] = "setgroups",
        [CLINUX_STEP_GROUP] = "setgid",
        [CLINUX_STEP_USER] = "setuid",
        [CLINUX_STEP_CAPABILITIES] = "drop capabilities",
        [CLINUX_STEP_DEATH_SIGNAL] = "set parent-death signal",
        [CLINUX_STEP_PRIVILEGES] = "set no_new_privs",
        [CLINUX_STEP_DESCRIPTORS] = "arrange descriptors",
        [CLINUX_STEP_DIRECTORY] = "chdir",
        [CLINUX_STEP_EXEC] = "exec",
    };
    if (step < 0 || step >= (int)(sizeof names / sizeof *names)) return "spawn";
    return names[step];
}

static _Noreturn void fail(struct child *child, int step, int error) {
    child->step = step;
    child->error = error ? error : EIO;
    _exit(127);
}

static void write_oom_score(struct child *child) {
    int64_t value = child->request->oom_score_adj;
    if (value == CLINUX_INHERIT) return;
    char text[16];
    size_t at = sizeof text;
    uint64_t rest = value < 0 ? (uint64_t)-value : (uint64_t)value;
    do text[--at] = (char)('0' + rest % 10), rest /= 10;
    while (rest && at > 1);
    if (value < 0) text[--at] = '-';
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    child->oom_score_set = write(fd, text + at, sizeof text - at) > 0;
    close(fd);
}

static void limit(struct child *child, int resource, int64_t value) {
    if (value == CLINUX_INHERIT) return;
    struct rlimit now;
    if (getrlimit(resource, &now)) fail(child, CLINUX_STEP_LIMITS, errno);
    // Raising the hard value is a privilege that even root in a container may lack: take what there is.
    rlim_t wanted = (rlim_t)value;
    if (now.rlim_max != RLIM_INFINITY && wanted > now.rlim_max) wanted = now.rlim_max;
    struct rlimit new = {wanted, wanted};
    if (setrlimit(resource, &new)) fail(child, CLINUX_STEP_LIMITS, errno);
}

static void reset_signals(void) {
    // Ignored signals and the mask outlive exec. A zeroed kernel sigaction is SIG_DFL; the C library's call would
    // refuse its two internal signals.
    static const char default_action[64];
    for (int signal = 1; signal <= LAST_SIGNAL; signal++)
        syscall(SYS_rt_sigaction, signal, default_action, NULL, sizeof(uint64_t));
}

static void drop_capabilities(struct child *child) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2];
    memset(none, 0, sizeof none);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (syscall(SYS_capset, &header, none)) fail(child, CLINUX_STEP_CAPABILITIES, errno);
}

static void change_identity(struct child *child) {
    const struct clinux_spawn_request *request = child->request;
    // The bounding set needs CAP_SETPCAP, so it goes first; without that capability there is nothing to gain either,
    // because no_new_privs follows.
    if (request->drop_privileges)
        for (unsigned long capability = 0; capability < 64; capability++)
            if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)) break;
    if (request->change_identity) {
        if (syscall(SYS_setgroups, 0, NULL)) fail(child, CLINUX_STEP_GROUPS, errno);
        if (syscall(SYS_setresgid, request->gid, request->gid, request->gid)) fail(child, CLINUX_STEP_GROUP, errno);
        if (syscall(SYS_setresuid, request->uid, request->uid, request->uid)) fail(child, CLINUX_STEP_USER, errno);
    }
    if (request->drop_privileges) {
        drop_capabilities(child);
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) fail(child, CLINUX_STEP_PRIVILEGES, errno);
    }
    // A change of user clears the death signal: only now.
    if (request->die_with_parent) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)) fail(child, CLINUX_STEP_DEATH_SIGNAL, errno);
        if (getppid() != child->parent) fail(child, CLINUX_STEP_DEATH_SIGNAL, ESRCH);
    }
}

struct directory_entry {
    uint64_t inode;
    int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[];
};

/// For kernels without close_range (before 5.9). opendir allocates, so the entries are read by hand.
static int close_listed(int first) {
    char buffer[2048] __attribute__((aligned(8)));
    int directory = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return -1;
    for (;;) {
        long count = syscall(SYS_getdents64, directory, buffer, sizeof buffer);
        if (count <= 0) break;
        for (long at = 0; at < count;) {
            struct directory_entry *entry = (struct directory_entry *)(buffer + at);
            at += entry->length;
            int fd = 0;
            const char *digit = entry->name;
            for (; *digit >= '0' && *digit <= '9'; digit++) fd = fd * 10 + (*digit - '0');
            if (digit != entry->name && !*digit && fd >= first && fd != directory) close(fd);
        }
    }
    return close(directory);
}

/// Puts the descriptors into 0..<count and the executable, close-on-exec, right above; closes everything else.
static int arrange_descriptors(struct child *child) {
    const struct clinux_spawn_request *request = child->request;
    int count = (int)request->descriptor_count;
    int sources[CLINUX_SPAWN_DESCRIPTORS];
    // First everything out of the range that is about to be overwritten.
    for (int target = 0; target < count; target++) {
        int source = request->descriptors[target];
        if (source < 0) source = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (source >= 0 && source <= count) source = fcntl(source, F_DUPFD_CLOEXEC, count + 1);
        if (source < 0) fail(child, CLINUX_STEP_DESCRIPTORS, errno);
        sources[target] = source;
    }
    int executable = request->executable;
    if (executable >= 0 && executable <= count) {
        executable = fcntl(executable, F_DUPFD_CLOEXEC, count + 1);
        if (executable < 0) fail(child, CLINUX_STEP_DESCRIPTORS, errno);
    }
    for (int target = 0; target < count; target++)
        if (dup2(sources[target], target) < 0) fail(child, CLINUX_STEP_DESCRIPTORS, errno);
    int first_unused = count;
    if (executable >= 0) {
        if (dup3(executable, count, O_CLOEXEC) < 0) fail(child, CLINUX_STEP_DESCRIPTORS, errno);
        executable = count;
        first_unused = count + 1;
    }
    if (syscall(SYS_close_range, first_unused, ~0u, 0) && close_listed(first_unused))
        fail(child, CLINUX_STEP_DESCRIPTORS, errno);
    return executable;
}

static void enter_group(struct child *child, int entry) {
    // A directory (v2) has its file beneath; `tasks` (v1) is the file.
    int file = openat(entry, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    if (file < 0 && errno != ENOTDIR) fail(child, CLINUX_STEP_CGROUP, errno);
    if (write(file < 0 ? entry : file, "0", 1) != 1) fail(child, CLINUX_STEP_CGROUP, errno);
    if (file >= 0) close(file);
}

static int run_child(void *argument) {
    struct child *child = argument;
    const struct clinux_spawn_request *request = child->request;

    for (size_t index = 0; index < request->cgroup_count; index++)
        if (request->cgroups[index] != child->entered) enter_group(child, request->cgroups[index]);
    write_oom_score(child);
    if (request->new_session && setsid() < 0) fail(child, CLINUX_STEP_SESSION, errno);
    limit(child, RLIMIT_CORE, request->limit_core);
    limit(child, RLIMIT_STACK, request->limit_stack);
    limit(child, RLIMIT_DATA, request->limit_data);
    reset_signals();
    change_identity(child);
    // Counted for the new user only.
    limit(child, RLIMIT_NPROC, request->limit_tasks);
    int executable = arrange_descriptors(child);
    // Not earlier: a lower limit would refuse the temporary duplicates above.
    limit(child, RLIMIT_NOFILE, request->limit_files);
    if (request->directory && chdir(request->directory)) fail(child, CLINUX_STEP_DIRECTORY, errno);

    uint64_t nothing = 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &nothing, NULL, sizeof nothing);
    if (executable >= 0)
        syscall(SYS_execveat, executable, "", request->arguments, request->environment, AT_EMPTY_PATH);
    else
        execve(request->path, request->arguments, request->environment);
    fail(child, CLINUX_STEP_EXEC, errno);
}

/// clone3, for which the C library has no call: starts `run_child` on a stack of its own, born in a v2 group.
///
/// Being moved there, by a write to cgroup.procs, takes a lock over all forks of the machine that is bought with an RCU
/// grace period: 13 ms instead of 0.1. (v1 has `tasks`, whose one-thread move takes no such lock.)
static long clone_into(int group, char *stack, int *pidfd, struct child *child) {
    struct {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
    } arguments = {
        .flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | INTO_CGROUP,
        .pidfd = (uint64_t)(uintptr_t)pidfd,
        .exit_signal = SIGCHLD,
        .stack = (uint64_t)(uintptr_t)stack,
        .stack_size = STACK_BYTES,
        .cgroup = (uint64_t)group,
    };
#if defined(__x86_64__)
    long result = SYS_clone3;
    __asm__ volatile(
        "syscall\n\t"
        "test %%rax, %%rax\n\t"
        "jnz 1f\n\t"
        "mov %[child], %%rdi\n\t"
        "call *%[run]\n\t"
        "ud2\n"
        "1:"
        : "+a"(result)
        : "D"(&arguments), "S"(sizeof arguments), [child] "r"(child), [run] "r"(run_child)
        : "rcx", "r11", "memory", "cc");
    return result;
#elif defined(__aarch64__)
    register long call __asm__("x8") = SYS_clone3;
    register void *first __asm__("x0") = &arguments;
    register long size __asm__("x1") = sizeof arguments;
    __asm__ volatile(
        "svc 0\n\t"
        "cbnz x0, 1f\n\t"
        "mov x0, %[child]\n\t"
        "blr %[run]\n\t"
        "brk 1\n"
        "1:"
        : "+r"(first)
        : "r"(call), "r"(size), [child] "r"(child), [run] "r"(run_child)
        : "x30", "memory", "cc");
    return (long)first;
#else
    (void)arguments, (void)child;
    return -ENOSYS;
#endif
}

/// The first entry that is a directory: the v2 group that a child can be born in. -1 for none.
static int birth_group(const struct clinux_spawn_request *request) {
    for (size_t index = 0; index < request->cgroup_count; index++) {
        struct stat facts;
        if (!fstat(request->cgroups[index], &facts) && S_ISDIR(facts.st_mode)) return request->cgroups[index];
    }
    return -1;
}

int clinux_spawn(const struct clinux_spawn_request *request, struct clinux_spawn_result *result) {
    *result = (struct clinux_spawn_result){.pid = -1, .pidfd = -1, .oom_score_set = 1, .step = CLINUX_STEP_CLONE};
    if (request->descriptor_count > CLINUX_SPAWN_DESCRIPTORS) return -EINVAL;
    if (request->executable < 0 && !request->path) return -EINVAL;
    char *stack =
        mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED) return -errno;
    mprotect(stack, GUARD_BYTES, PROT_NONE);

    struct child child = {.request = request, .parent = getpid(), .oom_score_set = 1, .entered = -1};
    if (request->oom_score_adj != CLINUX_INHERIT) child.oom_score_set = 0;
    // All 64, the C library's own two included: no handler may run on the shared memory.
    uint64_t all = ~(uint64_t)0, before = 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
    int pidfd = -1;
    int flags = CLONE_VM | CLONE_VFORK | SIGCHLD;
    pid_t pid = -1;
    // Whatever is missing (Linux 5.7, a filter that does not know the call, a right): the child moves there by itself.
    child.entered = birth_group(request);
    if (child.entered >= 0) {
        long born = clone_into(child.entered, stack, &pidfd, &child);
        pid = born < 0 ? -1 : (pid_t)born;
        if (pid < 0) child.entered = -1;
    }
    if (pid < 0) pid = clone(run_child, stack + STACK_BYTES, flags | CLONE_PIDFD, &child, &pidfd);
    if (pid < 0 && errno == EINVAL) pid = clone(run_child, stack + STACK_BYTES, flags, &child);
    int error = pid < 0 ? errno : 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
    munmap(stack, STACK_BYTES);
    if (pid < 0) return -error;

    if (child.error) {
        while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR) {}
        if (pidfd >= 0) close(pidfd);
        result->step = child.step;
        return -child.error;
    }
    // A kernel before 5.2 ignores the flag; there may still be pidfd_open, or nothing.
    if (pidfd < 0) pidfd = clinux_pidfd_open(pid);
    *result = (struct clinux_spawn_result){
        .pid = pid, .pidfd = pidfd < 0 ? -1 : pidfd, .oom_score_set = child.oom_score_set};
    return 0;
}
