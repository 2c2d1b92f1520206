#ifndef CLINUX_H
#define CLINUX_H

// System calls that Swift cannot make, or cannot make safely. libc headers only.
//
// Every function returns a value >= 0, or the negated errno: nothing here is told through the thread-local errno,
// which Swift code between the call and the look at it may have overwritten.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// MARK: errors.c

/// The symbolic name ("ENOENT") and the text ("No such file or directory") of an errno. Static storage, never null.
const char *_Nonnull clinux_errno_name(int number);
const char *_Nonnull clinux_errno_text(int number);

// MARK: spawn.c

/// Where a start stopped. The names are in clinux_spawn_step_name.
enum clinux_spawn_step {
    CLINUX_STEP_CLONE = 0,
    CLINUX_STEP_CGROUP,
    CLINUX_STEP_SESSION,
    CLINUX_STEP_LIMITS,
    CLINUX_STEP_GROUPS,
    CLINUX_STEP_GROUP,
    CLINUX_STEP_USER,
    CLINUX_STEP_CAPABILITIES,
    CLINUX_STEP_DEATH_SIGNAL,
    CLINUX_STEP_PRIVILEGES,
    CLINUX_STEP_DESCRIPTORS,
    CLINUX_STEP_DIRECTORY,
    CLINUX_STEP_EXEC,
};

/// At most so many descriptors can be handed down.
#define CLINUX_SPAWN_DESCRIPTORS 32
/// The value of a limit or an oom_score_adj that is to be left as inherited.
#define CLINUX_INHERIT INT64_MIN

struct clinux_spawn_request {
    /// Executable: a descriptor for execveat, or -1 and `path`.
    int executable;
    const char *_Nullable path;
    char *_Nullable const *_Nullable arguments;
    char *_Nullable const *_Nullable environment;
    /// Becomes the working directory after the change of user; null: inherited.
    const char *_Nullable directory;
    /// Descriptor i of the child is a duplicate of descriptors[i]; a negative one is /dev/null. All others are closed.
    const int *_Nullable descriptors;
    size_t descriptor_count;
    /// Groups that the child is in before anything else: open `tasks` files of v1, and at most one directory of v2.
    const int *_Nullable cgroups;
    size_t cgroup_count;
    int64_t oom_score_adj;
    int64_t limit_core;
    int64_t limit_stack;
    int64_t limit_data;
    int64_t limit_files;
    /// RLIMIT_NPROC: tasks of the user that it becomes.
    int64_t limit_tasks;
    bool change_identity;
    uint32_t uid;
    uint32_t gid;
    /// setsid: a session and process group of its own.
    bool new_session;
    /// SIGKILL for the child when the calling thread dies.
    bool die_with_parent;
    /// Empty capability sets, bounding set included, and no_new_privs.
    bool drop_privileges;
};

struct clinux_spawn_result {
    pid_t pid;
    /// -1 where the kernel has no pidfds.
    int pidfd;
    /// 0 when an oom_score_adj was asked for and refused (lowering it is a privilege).
    int oom_score_set;
    /// Filled when the call fails.
    int step;
};

/// Starts a program without copying this process: the child shares its memory until exec, and the calling thread waits
/// for that. Returns 0 or the negated errno of the step in result->step; a failed child is already reaped.
int clinux_spawn(const struct clinux_spawn_request *_Nonnull request, struct clinux_spawn_result *_Nonnull result);
const char *_Nonnull clinux_spawn_step_name(int step);

// MARK: process.c

struct clinux_exit {
    /// 0: nobody had exited.
    pid_t pid;
    /// CLD_EXITED (1), CLD_KILLED (2), CLD_DUMPED (3).
    int code;
    /// Exit code, or the signal.
    int status;
    /// Largest resident size it ever had (of itself or any child it waited for).
    int64_t peak_resident_kb;
    int64_t cpu_microseconds;
};

/// argv[index] of this process, NULL beyond the last; needs no /proc.
const char *_Nullable clinux_argument(int index);
/// The path that this process was executed by, as it was given; needs no /proc.
const char *_Nullable clinux_executable_path(void);
int clinux_pidfd_open(pid_t pid);
int clinux_pidfd_send_signal(int pidfd, int signal);
/// waitid without blocking: `pid`, or any child when it is 0.
int clinux_wait(pid_t pid, struct clinux_exit *_Nonnull exit);
/// Any child that has exited, left a zombie: its number stays its own until `clinux_wait`.
int clinux_peek(struct clinux_exit *_Nonnull exit);
int clinux_set_subreaper(bool on);
/// The calling thread, as /proc/self/task names it.
int clinux_thread_id(void);
/// Names the calling thread; the main thread's name is the process's.
int clinux_set_process_name(const char *_Nonnull name);
/// Close-on-exec, both ends blocking.
int clinux_pipe(int ends[_Nonnull 2]);
int clinux_getrandom(void *_Nonnull buffer, size_t count);
/// A limit of this process (RLIMIT_NOFILE and so on), soft value; set raises it up to the hard one.
int clinux_raise_file_limit(uint64_t wanted, uint64_t *_Nonnull now);
/// Gives what malloc holds without using it back to the kernel. 1 when there was something to give, else 0.
int clinux_trim_heap(void);
/// RLIMIT_DATA of a living process, its hard value included; lowering it below what is used refuses the next allocation.
int clinux_set_data_limit(pid_t pid, int64_t bytes);
int64_t clinux_monotonic_nanoseconds(void);
int64_t clinux_wall_nanoseconds(void);

// MARK: events.c

#define CLINUX_READ 1u
#define CLINUX_WRITE 2u
#define CLINUX_HANGUP 4u

struct clinux_event {
    uint64_t token;
    /// CLINUX_READ and so on; an error is told as READ and HANGUP.
    uint32_t flags;
};

int clinux_epoll_create(void);
int clinux_epoll_add(int epoll, int fd, uint32_t flags, uint64_t token);
int clinux_epoll_modify(int epoll, int fd, uint32_t flags, uint64_t token);
int clinux_epoll_remove(int epoll, int fd);
/// Up to 64 events; timeout in milliseconds, -1 for ever. Returns their number; EINTR is returned.
int clinux_epoll_wait(int epoll, struct clinux_event *_Nonnull events, int capacity, int timeout_ms);

/// Bit (n - 1) of a mask is signal n.
int clinux_signalfd(uint64_t mask);
/// Returns 1 and fills signal and sender, 0 when there is none.
int clinux_signalfd_read(int fd, int *_Nonnull signal, pid_t *_Nonnull sender);
int clinux_block_signals(uint64_t mask);
int clinux_timerfd_create(void);
/// Absolute CLOCK_MONOTONIC nanoseconds; 0 disarms.
int clinux_timerfd_set(int fd, int64_t at_nanoseconds);
int clinux_eventfd(void);

// MARK: sockets.c

struct clinux_peer {
    pid_t pid;
    uint32_t uid;
    uint32_t gid;
};

/// Stream sockets, close-on-exec, non-blocking.
int clinux_tcp_socket(bool ipv6);
int clinux_unix_socket(void);
int clinux_socketpair(int fds[_Nonnull 2]);
int clinux_set_reuse_address(int fd);
int clinux_set_v6_only(int fd, bool on);
/// `address`: 4 or 16 bytes in network order.
int clinux_bind_ip(int fd, const uint8_t *_Nonnull address, size_t length, uint16_t port, uint32_t scope);
int clinux_bind_unix(int fd, const char *_Nonnull path);
int clinux_connect_unix(int fd, const char *_Nonnull path);
/// To 127.0.0.1; -EINPROGRESS when the answer will come as writability.
int clinux_connect_loopback(int fd, uint16_t port);
/// The outcome of a connect that was in progress: 0, or a negative errno.
int clinux_connect_result(int fd);
int clinux_local_port(int fd);
int clinux_accept(int fd);
int clinux_peer_credentials(int fd, struct clinux_peer *_Nonnull peer);
/// Whether the process at the other end was in the group when it connected: 1, 0, or -errno.
int clinux_peer_is_in_group(int fd, uint32_t group);

// MARK: service.c

/// A datagram socket, close-on-exec and non-blocking, connected to a Unix name: a path, or an abstract one that begins
/// with NUL.
int clinux_connect_datagram(const uint8_t *_Nonnull name, size_t length);
/// Sends one datagram whole, with a duplicate of `descriptor` unless that is negative. -EAGAIN: the receiver's queue is
/// full.
int clinux_send_datagram(int fd, const void *_Nonnull bytes, size_t count, int descriptor);

struct clinux_listener {
    /// In network order, `length` (4 or 16) bytes of it.
    uint8_t address[16];
    size_t length;
    uint16_t port;
    bool v6_only;
};
/// Where a TCP socket listens; -EINVAL for a socket that does not, -EAFNOSUPPORT for another family.
int clinux_listener_facts(int fd, struct clinux_listener *_Nonnull facts);

// MARK: confine.c

int clinux_set_no_new_privileges(void);
int clinux_set_not_dumpable(void);
int clinux_set_no_core(void);
/// Highest Landlock ABI of the kernel; -ENOSYS or -EOPNOTSUPP where there is none.
int clinux_landlock_abi(void);
struct clinux_landlock_path {
    const char *_Nonnull path;
    bool writable;
    /// Programs beneath it may be started.
    bool executable;
};
/// Confines the calling thread, and all it will start, to these paths; a path that does not exist is left out.
/// Needs no_new_privs. Returns the ABI used; -ENOSYS or -EOPNOTSUPP where the kernel has no Landlock.
int clinux_landlock_restrict(const struct clinux_landlock_path *_Nonnull paths, size_t count);
/// From now on socket() of any family but AF_UNIX fails with EAFNOSUPPORT, in this thread and all it will start.
/// -ENOSYS on a machine type this filter is not written for.
int clinux_seccomp_no_network(void);

// MARK: upgrade.c

/// An anonymous file, close-on-exec, that clinux_seal makes immutable for good.
int clinux_memfd(const char *_Nonnull name);
int clinux_seal(int fd);
bool clinux_is_sealed(int fd);
int clinux_set_close_on_exec(int fd, bool on);
/// Replaces this program by the one open as `fd`; returns only when that fails.
int clinux_execute(
    int fd, char *_Nullable const *_Nonnull arguments, char *_Nullable const *_Nonnull environment);
/// The linker's build id of this executable: a hash of its content. Returns its length, 0 when it was linked without.
int clinux_build_id(uint8_t *_Nonnull bytes, size_t capacity);

#endif
