#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "CLinux.h"

enum { BATCH = 64 };

int clinux_epoll_create(void) {
    int fd = epoll_create1(EPOLL_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int control(int epoll, int operation, int fd, uint32_t flags, uint64_t token) {
    struct epoll_event event = {.data.u64 = token};
    if (flags & CLINUX_READ) event.events |= EPOLLIN | EPOLLRDHUP;
    if (flags & CLINUX_WRITE) event.events |= EPOLLOUT;
    return epoll_ctl(epoll, operation, fd, &event) ? -errno : 0;
}

int clinux_epoll_add(int epoll, int fd, uint32_t flags, uint64_t token) {
    return control(epoll, EPOLL_CTL_ADD, fd, flags, token);
}

int clinux_epoll_modify(int epoll, int fd, uint32_t flags, uint64_t token) {
    return control(epoll, EPOLL_CTL_MOD, fd, flags, token);
}

int clinux_epoll_remove(int epoll, int fd) { return control(epoll, EPOLL_CTL_DEL, fd, 0, 0); }

int clinux_epoll_wait(int epoll, struct clinux_event *events, int capacity, int timeout_ms) {
    struct epoll_event ready[BATCH];
    if (capacity > BATCH) capacity = BATCH;
    int count = epoll_wait(epoll, ready, capacity, timeout_ms);
    if (count < 0) return -errno;
    for (int index = 0; index < count; index++) {
        uint32_t from = ready[index].events, flags = 0;
        if (from & EPOLLIN) flags |= CLINUX_READ;
        if (from & EPOLLOUT) flags |= CLINUX_WRITE;
        if (from & (EPOLLHUP | EPOLLRDHUP)) flags |= CLINUX_HANGUP;
        if (from & EPOLLERR) flags |= CLINUX_READ | CLINUX_HANGUP;
        events[index] = (struct clinux_event){ready[index].data.u64, flags};
    }
    return count;
}

static sigset_t signal_set(uint64_t mask) {
    sigset_t set;
    sigemptyset(&set);
    for (int signal = 1; signal <= 64; signal++)
        if (mask >> (signal - 1) & 1) sigaddset(&set, signal);
    return set;
}

int clinux_signalfd(uint64_t mask) {
    sigset_t set = signal_set(mask);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

int clinux_signalfd_read(int fd, int *signal, pid_t *sender) {
    struct signalfd_siginfo info;
    ssize_t got;
    do got = read(fd, &info, sizeof info);
    while (got < 0 && errno == EINTR);
    if (got < 0) return errno == EAGAIN ? 0 : -errno;
    if (got != sizeof info) return -EIO;
    *signal = (int)info.ssi_signo;
    *sender = (pid_t)info.ssi_pid;
    return 1;
}

int clinux_block_signals(uint64_t mask) {
    sigset_t set = signal_set(mask);
    return -pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int clinux_timerfd_create(void) {
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

int clinux_timerfd_set(int fd, int64_t at_nanoseconds) {
    struct itimerspec when;
    memset(&when, 0, sizeof when);
    when.it_value.tv_sec = at_nanoseconds / 1000000000;
    when.it_value.tv_nsec = at_nanoseconds % 1000000000;
    return timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, NULL) ? -errno : 0;
}

int clinux_eventfd(void) {
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}
