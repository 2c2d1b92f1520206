// A sidecar that behaves badly once a file appears: hog MODE TRIGGER [NOTE].
// Static, so that it runs in any place without libraries.
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void wait_for(const char *trigger) {
    while (access(trigger, F_OK)) usleep(5000);
}

static void allocate(int shared) {
    // Enough to break every budget here, and not the machine if nobody stops it.
    int left = 512;
    int kind = shared ? MAP_SHARED | MAP_ANONYMOUS : MAP_PRIVATE | MAP_ANONYMOUS;
    while (left--) {
        char *block = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, kind, -1, 0);
        // As a Swift program ends when memory is refused.
        if (block == MAP_FAILED) abort();
        memset(block, 1, 1 << 20);
        usleep(1000);
    }
}

// Two forks, a session of its own, no environment, and the parents gone before anybody looks.
static void escape(void) {
    if (fork()) return;
    setsid();
    if (fork()) _exit(0);
    char *nothing[] = {NULL};
    char *arguments[] = {"escaped", "idle", "/nonexistent/never", NULL};
    printf("escaped %d\n", getpid());
    fflush(stdout);
    for (int fd = 0; fd < 3; fd++) close(fd);
    for (int fd = 0; fd < 3; fd++) open("/dev/null", O_RDWR);
    execve("/proc/self/exe", arguments, nothing);
    _exit(127);
}

int main(int count, char **arguments) {
    if (count < 3) return 64;
    const char *mode = arguments[1];
    signal(SIGCHLD, SIG_IGN);
    printf("waiting to %s\n", mode);
    fflush(stdout);
    if (!strcmp(mode, "escape")) escape();
    wait_for(arguments[2]);
    if (!strcmp(mode, "memory")) allocate(0);
    if (!strcmp(mode, "shared")) allocate(1);
    // Gentle: for an emulated machine, which five hundred failing forks without pause bring to a halt.
    int gentle = !strcmp(mode, "forks-gently");
    if (gentle || !strcmp(mode, "forks"))
        for (;;)
            if (fork() < 0 && gentle) usleep(200000);
    for (;;) pause();
}
