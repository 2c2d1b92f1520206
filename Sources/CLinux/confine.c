// What a worker takes away from itself before its first thread.

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "CLinux.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif
// Rights that came with later ABIs than older headers know.
#define ACCESS_REFER (1ULL << 13)
#define ACCESS_TRUNCATE (1ULL << 14)

#if defined(__x86_64__)
#define MACHINE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define MACHINE AUDIT_ARCH_AARCH64
#endif

int clinux_set_no_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0; }

int clinux_set_not_dumpable(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) ? -errno : 0; }

int clinux_set_no_core(void) {
    struct rlimit none = {0, 0};
    return setrlimit(RLIMIT_CORE, &none) ? -errno : 0;
}

int clinux_landlock_abi(void) {
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version < 0 ? -errno : (int)version;
}

static int allow_beneath(int ruleset, const char *path, uint64_t access, uint64_t file_access) {
    struct landlock_path_beneath_attr rule = {.allowed_access = access};
    rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
    if (rule.parent_fd < 0) return errno == ENOENT || errno == EACCES || errno == ENOTDIR ? 0 : -errno;
    struct stat what;
    int error = fstat(rule.parent_fd, &what) ? -errno : 0;
    // The kernel refuses rights of directories in a rule for a file.
    if (!error && !S_ISDIR(what.st_mode)) rule.allowed_access &= file_access;
    if (!error && syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0)) error = -errno;
    close(rule.parent_fd);
    return error;
}

int clinux_landlock_restrict(const struct clinux_landlock_path *paths, size_t count) {
    int abi = clinux_landlock_abi();
    if (abi < 0) return abi;
    uint64_t file = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE;
    // All thirteen rights of the first ABI; what is not handled is not governed.
    uint64_t handled = ACCESS_REFER - 1;
    if (abi >= 2) handled |= ACCESS_REFER;
    if (abi >= 3) handled |= ACCESS_TRUNCATE, file |= ACCESS_TRUNCATE;
    uint64_t readable = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
    uint64_t writable = handled & ~(uint64_t)(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                                              LANDLOCK_ACCESS_FS_MAKE_BLOCK);

    struct landlock_ruleset_attr attributes = {.handled_access_fs = handled};
    // Only the first field: a longer structure is refused by kernels that know less.
    long ruleset =
        syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes.handled_access_fs, 0);
    if (ruleset < 0) return -errno;
    int error = 0;
    for (size_t index = 0; index < count && !error; index++) {
        uint64_t access = paths[index].writable ? writable : readable;
        if (paths[index].executable) access |= LANDLOCK_ACCESS_FS_EXECUTE;
        error = allow_beneath((int)ruleset, paths[index].path, access, file);
    }
    if (!error && syscall(SYS_landlock_restrict_self, ruleset, 0)) error = -errno;
    close((int)ruleset);
    return error ? error : abi;
}

int clinux_seccomp_no_network(void) {
#ifdef MACHINE
    enum { X32_BIT = 0x40000000 };
    struct sock_filter program[] = {
        // Another machine's system call numbers (32-bit programs, x32) would slip past: they get none at all.
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        // io_uring can make sockets without socket().
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 425, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
        // The family is an int; the low half is on both machines (little-endian) the first.
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {sizeof program / sizeof *program, program};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) ? -errno : 0;
#else
    return -ENOSYS;
#endif
}
