// What an upgrade in place needs: a sealed place for the state, descriptors that survive exec, exec by descriptor, and
// which build this is.

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "CLinux.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif

enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

int clinux_memfd(const char *name) {
    unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    // Wanted by vm.memfd_noexec, unknown before 6.3.
    int fd = memfd_create(name, flags | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL) fd = memfd_create(name, flags);
    return fd < 0 ? -errno : fd;
}

int clinux_seal(int fd) { return fcntl(fd, F_ADD_SEALS, SEALS) ? -errno : 0; }

bool clinux_is_sealed(int fd) {
    int seals = fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & SEALS) == SEALS;
}

int clinux_set_close_on_exec(int fd, bool on) {
    int flags = fcntl(fd, F_GETFD);
    if (flags < 0) return -errno;
    return fcntl(fd, F_SETFD, on ? flags | FD_CLOEXEC : flags & ~FD_CLOEXEC) ? -errno : 0;
}

int clinux_execute(int fd, char *const *arguments, char *const *environment) {
    syscall(SYS_execveat, fd, "", arguments, environment, AT_EMPTY_PATH);
    return -errno;
}

struct build_id {
    uint8_t *bytes;
    size_t capacity;
    int length;
};

/// The first object is the executable itself.
static int find_build_id(struct dl_phdr_info *object, size_t size, void *argument) {
    (void)size;
    struct build_id *id = argument;
    for (int index = 0; index < object->dlpi_phnum; index++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[index];
        if (segment->p_type != PT_NOTE) continue;
        const char *at = (const char *)(object->dlpi_addr + segment->p_vaddr);
        const char *end = at + segment->p_memsz;
        while ((size_t)(end - at) >= sizeof(ElfW(Nhdr))) {
            const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)at;
            size_t name = (note->n_namesz + 3u) & ~3u, content = (note->n_descsz + 3u) & ~3u;
            const char *text = at + sizeof *note;
            if (name > (size_t)(end - text) || content > (size_t)(end - text) - name) break;
            if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && !memcmp(text, "GNU", 4)) {
                size_t length = note->n_descsz < id->capacity ? note->n_descsz : id->capacity;
                memcpy(id->bytes, text + name, length);
                id->length = (int)length;
                return 1;
            }
            at = text + name + content;
        }
    }
    return 1;
}

int clinux_build_id(uint8_t *bytes, size_t capacity) {
    struct build_id id = {bytes, capacity, 0};
    dl_iterate_phdr(find_build_id, &id);
    return id.length;
}
